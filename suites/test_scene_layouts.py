"""Scene layouts: one object's place, inside or touching, near or far, which of three lies between.

Rows: drawn scenes of one to three shapes; two to four captions that differ only in what they claim of
the layout, every minimal set in all of them. Chance by slice: 1/4, 1/3, 1/2, 1/3.
"""

import pytest

from harness import caption_choice, scene_choices


@pytest.mark.suite("scene-layouts", needs="ScoresCaptions")
def test_caption_choice(model, score_captions, record):
    rows = [row for kind in ("place", "topology", "distance", "between") for row in scene_choices(kind, split="test")]
    record(caption_choice(score_captions(model, rows)))
