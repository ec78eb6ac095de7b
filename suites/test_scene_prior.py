"""Scene prior: how much of an answer was there before the picture was seen?

Rows: pairs of opposite relations of drawn scenes, one caption each. A caption's prior is its mean score over the
pictures of the same objects (after Lin et al. 2024, arXiv 2306.01879); it is taken off, and the raw accuracy and that
of the prior alone stand beside. `preference` is how far the chosen words are from the true ones. Chance 1/2.
"""

import pytest

from harness import prior_choice, reference_rows, scene_choices


@pytest.mark.suite("scene-prior", needs="ScoresCaptions")
def test_prior(model, score_captions, record):
    rows = scene_choices("spatial", "test", "opposite")
    record(prior_choice(score_captions(model, rows), score_captions(model, reference_rows(rows))))
