"""Scene swap and negation: who stands where, and is it so at all?

Rows: those of scene-choice with two captions each. Swap: "A left of B" against "B left of A", which needs to know
which object is the subject. Negation: "A left of B" against "A not left of B". Half of the rows show what is
claimed and half its opposite, so that a preference for an order, a yes or a no earns one half. Chance 1/2.
"""

import pytest

from harness import caption_choice, scene_choices


@pytest.mark.suite("scene-swap", needs="ScoresCaptions")
def test_subject_and_object(model, score_captions, record):
    record(caption_choice(score_captions(model, scene_choices("spatial", "test", "swap"))))


@pytest.mark.suite("scene-negation", needs="ScoresCaptions")
def test_negation(model, score_captions, record):
    record(caption_choice(score_captions(model, scene_choices("spatial", "test", "negation"))))
