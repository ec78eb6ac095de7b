"""Photo prior: how much of an answer was there before the photo was seen?

Rows: those of What'sUp A and COCO-spatial. A caption's prior is its mean score over reference pictures; it is taken
off, and the raw accuracy and that of the prior alone stand beside. References are the photos of the same two objects
(What'sUp), or photos of the data set (COCO-spatial), or, in `whatsup-a-prior-coco`, 100 photos of COCO, as Kamath,
Hessel & Chang take them from another source (2023, arXiv 2310.19785, sec. 4.1 and table 6, over more photos).
`preference` is how far the chosen words are from the true ones.
"""

import pytest

from harness import coco_spatial, prior_choice, reference_rows, whatsup


@pytest.mark.suite("whatsup-a-prior", needs="ScoresCaptions")
def test_around_furniture(model, score_captions, record):
    rows = whatsup("a")
    record(prior_choice(score_captions(model, rows), score_captions(model, reference_rows(rows))))


@pytest.mark.suite("whatsup-a-prior-coco", needs="ScoresCaptions")
def test_around_furniture_with_priors_of_other_photos(model, score_captions, record):
    rows = whatsup("a", corrected=False)
    references = reference_rows(rows, count=100, pictures=coco_spatial(objects=1))
    record(prior_choice(score_captions(model, rows), score_captions(model, references)))


@pytest.mark.suite("coco-spatial-two-prior", needs="ScoresCaptions")
def test_two_objects(model, score_captions, record):
    rows = coco_spatial(objects=2)
    record(prior_choice(score_captions(model, rows), score_captions(model, reference_rows(rows))))
