"""Prior correction: a preference for a caption goes, what the picture says stays."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.measure.choice import caption_choice
from harness.measure.prior import marginalised, reference_rows
from harness.rows import ChoiceRow, Scores

WORDS = ("left", "right", "above", "below")


def choices(count=40):
    return [
        ChoiceRow(
            id=f"r{i}", label=WORDS[i % 4], group=f"g{i // 4}", image=f"p{i}", captions=WORDS, options=WORDS, gold=i % 4
        )
        for i in range(count)
    ]


def scored(rows, preference, seen):
    """Scores that add a caption's own preference to `seen` times whether it is true of the picture."""
    truth = {row.image: row.label for row in choices()}
    values = [[preference[c] + seen * (truth[row.image] == c) for c in row.captions] for row in rows]
    return Scores(tuple(rows), np.array(values, np.float32), tuple(row.group for row in rows))


@given(st.lists(st.integers(-50, 50), min_size=4, max_size=4))
def test_a_preference_is_taken_off_and_knowledge_stays(bias):
    preference, rows = dict(zip(WORDS, bias, strict=True)), choices()
    references = reference_rows(rows, 40)  # every picture, so that each word is true of equally many
    corrected = marginalised(scored(rows, preference, 1), scored(references, preference, 1))
    assert caption_choice(corrected).results[0].value == 1


def test_a_preference_alone_is_brought_to_chance():
    preference, rows = dict(zip(WORDS, (3, 0, 2, 1), strict=True)), choices()
    raw = scored(rows, preference, 0)
    assert {o.predicted for o in caption_choice(raw).outcomes} == {"left"}
    corrected = caption_choice(marginalised(raw, scored(reference_rows(rows), preference, 0)))
    assert corrected.results[0].value == pytest.approx(0.25)


def test_references_ask_every_caption_of_pictures_that_the_rows_show():
    rows = choices()
    references = reference_rows(rows, 8)
    assert len(references) == len({row.image for row in references}) == 8
    assert {row.image for row in references} <= {row.image for row in rows}
    assert all(row.captions == tuple(sorted(WORDS)) for row in references)
    assert reference_rows(rows[::-1], 8) == references


def test_rows_with_fewer_captions_keep_their_width():
    rows = [
        *choices(4),
        ChoiceRow(id="s", label="left", group="g", image="p0", captions=WORDS[:2], options=WORDS[:2], gold=0),
    ]
    values = np.array([[1, 2, 3, 4]] * 4 + [[1, 2, -np.inf, -np.inf]])
    references = Scores(tuple(reference_rows(rows)), np.tile([1.0, 1.0, 1.0, 1.0], (5, 1)), ("g",) * 5)
    assert marginalised(Scores(tuple(rows), values, ("g",) * 5), references).values[-1].tolist() == [
        0,
        1,
        -np.inf,
        -np.inf,
    ]
