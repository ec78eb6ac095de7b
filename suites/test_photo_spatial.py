"""COCO-spatial and GQA-spatial: where is an object in its photo, and how do two lie to each other?

Kamath, Hessel & Chang (2023), arXiv 2310.19785: photos of COCO's val2017 and of Visual Genome, two captions each
that name opposite places. Some relations have fewer than twenty rows: mind the intervals. Chance 1/2; the floor
is what the best preference for words gets.
"""

import pytest

from harness import caption_choice, coco_spatial, gqa_spatial


@pytest.mark.suite("coco-spatial-one", needs="ScoresCaptions")
def test_coco_one_object(model, score_captions, record):
    scores = score_captions(model, coco_spatial(objects=1))
    record(caption_choice(scores, balanced=False))


@pytest.mark.suite("coco-spatial-two", needs="ScoresCaptions")
def test_coco_two_objects(model, score_captions, record):
    scores = score_captions(model, coco_spatial(objects=2))
    record(caption_choice(scores, balanced=False))


@pytest.mark.suite("gqa-spatial-one", needs="ScoresCaptions")
def test_gqa_one_object(model, score_captions, record):
    scores = score_captions(model, gqa_spatial(objects=1))
    record(caption_choice(scores, balanced=False))


@pytest.mark.suite("gqa-spatial-two", needs="ScoresCaptions")
def test_gqa_two_objects(model, score_captions, record):
    scores = score_captions(model, gqa_spatial(objects=2))
    record(caption_choice(scores, balanced=False))
