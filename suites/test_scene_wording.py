"""Scene wording: does the answer survive a paraphrase?

Rows: those of scene-choice, each asked in three wordings of its relations ("to the left of", "left of", "on the left
side of"). Accuracy over all and by phrase (chance 1/4); the spread between the best and the worst wording, whose floor
is what luck alone gives; and how often two wordings of one question get the same answer. A model that was taught one
word for a relation is right in one wording and lost in the others (Kamath, Hessel & Chang 2023, arXiv 2310.19785,
sec. 4.2, on "behind" and "in the background").
"""

import pytest

from harness import phrases, scene_choices, wording_choice


@pytest.mark.suite("scene-wording", needs="ScoresCaptions")
def test_wordings(model, score_captions, record):
    worded = {way: score_captions(model, scene_choices("spatial", "test", wording=way)) for way in range(3)}
    record(wording_choice(worded, phrases))


@pytest.mark.suite("scene-wording-depth", needs="ScoresCaptions")
def test_wordings_of_depth(model, score_captions, record):
    """The published vocabulary swap, on the rendered table: "A behind B", and "B with A in the background"."""
    rows = {way: scene_choices("tabletop-depth", "test", "opposite", way) for way in range(2)}
    depth = {way: [row for row in rows[way] if row.label in ("in front of", "behind")] for way in rows}
    record(wording_choice({way: score_captions(model, depth[way]) for way in depth}, phrases))
