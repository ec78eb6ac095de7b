"""Scene color: what color is a shape in a drawn scene? A sanity task, before relations are asked about.

Rows: two shapes of different form and color; ten captions that differ only in the color word.
A model that fails here cannot see the pictures, and its relations mean nothing. Chance 1/10.
"""

import pytest

from harness import caption_choice, scene_choices


@pytest.mark.suite("scene-color", needs="ScoresCaptions")
def test_caption_choice(model, score_captions, record):
    record(caption_choice(score_captions(model, scene_choices("color"))))
