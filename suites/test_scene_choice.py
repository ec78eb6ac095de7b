"""Scene choice: which of four captions, differing only in the relation, is true of a drawn scene?

Rows: two coloured shapes, one left of, right of, above or below the other; the pictures are drawn
here, so the truth is known and no model has seen them. Every pair of shapes stands in all four
relations, so preferring a caption earns nothing. Chance 1/4; a tie of k is worth 1/k.
"""

import pytest

from harness import caption_choice, scene_choices


@pytest.mark.suite("scene-choice", needs="ScoresCaptions")
def test_caption_choice(model, score_captions, record):
    rows = scene_choices("spatial", split="test")
    record(caption_choice(score_captions(model, rows)))
