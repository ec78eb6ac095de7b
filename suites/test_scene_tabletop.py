"""Scene tabletop: which of four captions, differing only in the relation, is true of solids on a table?

Rows: rendered pictures of two solids in perspective, from all sides, in the sets of What'sUp (Kamath,
Hessel & Chang 2023, arXiv 2310.19785): on/under/left/right and in front/behind/left/right. Relations are
the viewer's; the solids have fronts, so that readings by their own left and right differ and are labelled.
Chance 1/4; a pair or set counts only if all of it is right (chance 1/16, 1/256).
"""

import pytest

from harness import caption_choice, scene_choices


@pytest.mark.suite("scene-tabletop", needs="ScoresCaptions")
def test_caption_choice(model, score_captions, record):
    rows = scene_choices("tabletop", split="test") + scene_choices("tabletop-depth", split="test")
    record(caption_choice(score_captions(model, rows)))
