"""Scene axes: is above from below known better than left from right?

Rows: pairs of opposite relations of drawn scenes, vertical and horizontal ones of the same objects. The number is
accuracy on vertical relations less that on horizontal ones; its interval draws pairs of objects, with all
their rows on both axes, so that the difference is a paired one. A model that knows nothing, or both, gets 0.
"""

import pytest

from harness import axis_contrast, scene_choices


@pytest.mark.suite("scene-axes", needs="ScoresCaptions")
def test_vertical_against_horizontal(model, score_captions, record):
    record(axis_contrast(score_captions(model, scene_choices("spatial", "test", "opposite"))))
