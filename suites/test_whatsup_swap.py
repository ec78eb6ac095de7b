"""What'sUp swap and negation: which of two objects is the subject, and is it so at all?

Rows: the photos of What'sUp A and B (Kamath, Hessel & Chang 2023, arXiv 2310.19785) with two captions each. Swap: "a
cup to the left of a plate" against "a plate to the left of a cup"; on and under are left out, for a table under a mug
is not on it. Negation: "a mug on a table" against "a mug not on a table". Half of the photos show what is claimed and
half its opposite, so that a preference for an order, a yes or a no earns one half. Chance 1/2, of pairs 1/4.
"""

import pytest

from harness import caption_choice, negated, swapped, whatsup


@pytest.mark.suite("whatsup-swap", needs="ScoresCaptions")
def test_subject_and_object(model, score_captions, record):
    record(caption_choice(score_captions(model, swapped(whatsup("a") + whatsup("b")))))


@pytest.mark.suite("whatsup-negation", needs="ScoresCaptions")
def test_negation(model, score_captions, record):
    record(caption_choice(score_captions(model, negated(whatsup("a") + whatsup("b")))))
