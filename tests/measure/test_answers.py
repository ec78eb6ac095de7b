"""Answers in words, against known answerers and plain counting."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import DataError
from harness.measure.answers import answer_choice, letter_questions, read_answer
from harness.rows import ChoiceRow, QuestionRow, Scores

RELATIONS = ("left of", "right of", "above", "below")
LETTERS = ("A", "B", "C", "D")


@dataclass(frozen=True)
class Shown:
    name: str


def choice(number, gold=0):
    return ChoiceRow(
        id=f"r{number}",
        label=RELATIONS[gold],
        group=f"g{number // 2}",
        image=Shown(f"{number}.png"),
        captions=tuple(f"a cup {relation} a box" for relation in RELATIONS),
        options=RELATIONS,
        gold=gold,
    )


def asked(rows, answer):
    """What an answerer says to each row, as scores."""
    return Scores(tuple(rows), tuple(answer(row) for row in rows), tuple(row.group for row in rows))


def found(findings, metric, part="all"):
    return next(r for r in findings.results if (r.metric, r.slice) == (metric, part))


ROWS = letter_questions([choice(i, i % 3) for i in range(30)])


def test_every_caption_stands_once_under_every_letter():
    rows = letter_questions([choice(0, gold=2)])
    assert len(rows) == 4
    assert len({row.id for row in rows}) == 4
    for place in range(4):
        assert {row.options[place] for row in rows} == set(RELATIONS)
    for row in rows:
        letter = LETTERS[row.gold]
        assert f"{letter}. a cup above a box" in row.question.splitlines()
        assert row.options[row.gold] == row.label == "above"


def test_more_captions_than_letters_are_a_data_error():
    many = ChoiceRow(id="r", label="x", group="g", image=Shown("p"), captions=("c",) * 27, options=("o",) * 27, gold=0)
    with pytest.raises(DataError, match="27 captions"):
        letter_questions([many])


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("B", 1),
        ("b", None),
        ("B.", 1),
        ("(C)", 2),
        ("**D**", 3),
        ("B. a cup right of a box", 1),
        ("The answer is A.", 0),
        ("Answer: D", 3),
        ("A cup is left of a box", None),
        ("A or B.", None),
        ("Option B is right", 1),
        ("I think so", None),
        ("A is correct.", 0),
        ("Option A fits", 0),
        ("The caption A, of course", 0),
        ("A best describes it", 0),
        ("A.\nB.", None),
        ("", None),
        ("E", None),
        ("BAD.", None),
    ],
)
def test_a_letter_is_read_where_it_stands_by_itself(text, read):
    assert read_answer(text, LETTERS) == read


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("yes", 0),
        ("Yes, it is.", 0),
        ("NO", 1),
        ("I know it: no", 1),
        ("Nothing", None),
        ("It is yes and no", None),
        ("Yes, no doubt", 0),
        ("**No**, not yes", 1),
        ("maybe", None),
    ],
)
def test_a_word_is_read_wherever_it_stands(text, read):
    assert read_answer(text, ("yes", "no")) == read


def test_an_oracle_gets_everything_right():
    findings = answer_choice(asked(ROWS, lambda row: f"({LETTERS[row.gold]})"))
    assert found(findings, "accuracy").value == 1
    assert found(findings, "unparsable").value == 0
    assert found(findings, "preference").value == 0


@pytest.mark.parametrize("letter", LETTERS)
def test_always_saying_one_letter_is_at_chance_and_seen(letter):
    findings = answer_choice(asked(ROWS, lambda row: letter))
    whole = found(findings, "accuracy")
    assert whole.value == whole.chance == whole.floor == 0.25
    assert found(findings, "preference").value == 0.75
    assert found(findings, "preference").low > 0.5


def test_an_answerer_by_lot_is_at_chance():
    rng = np.random.default_rng(7)
    rows = letter_questions([choice(i, i % 4) for i in range(400)])
    whole = found(answer_choice(asked(rows, lambda row: LETTERS[rng.integers(4)])), "accuracy")
    assert whole.low <= 0.25 <= whole.high


def test_what_cannot_be_read_is_wrong_and_counted():
    said = ["B", "it depends", "", "A", "yes"]
    rows = [
        QuestionRow(
            id=f"q{i}",
            label="on",
            group=f"g{i}",
            image=Shown("p"),
            question="?",
            answers=("A", "B"),
            options=("on", "under"),
            gold=1,
        )
        for i in range(5)
    ]
    findings = answer_choice(asked(rows, lambda row: said[int(row.id[1:])]))
    assert found(findings, "accuracy").value == 0.2
    assert found(findings, "unparsable").value == 0.6
    assert found(findings, "unparsable").note == "the first: 'it depends'"
    assert [o.predicted for o in findings.outcomes] == ["under", None, None, "on", None]
    assert [o.correct for o in findings.outcomes] == [1, 0, 0, 0, 0]


def test_when_nothing_can_be_read_there_is_no_preference():
    findings = answer_choice(asked(ROWS, lambda row: "?"))
    assert found(findings, "accuracy").value == 0
    assert found(findings, "unparsable").value == 1
    preference = found(findings, "preference")
    assert (preference.value, preference.low, preference.high) == (None, None, None)


def test_the_floor_is_what_is_right_most_often():
    rows = [
        QuestionRow(
            id=f"q{i}",
            label="on",
            group=f"g{i}",
            image=Shown("p"),
            question="?",
            answers=("yes", "no"),
            options=("true", "false"),
            gold=int(i >= 7),
        )
        for i in range(10)
    ]
    agreeing = answer_choice(asked(rows, lambda row: "Yes."))
    assert found(agreeing, "accuracy").value == found(agreeing, "accuracy").floor == 0.7
    assert found(agreeing, "preference").value == pytest.approx(0.3)


def test_rows_whose_picture_is_lost_are_listed_and_have_no_say():
    kept, lost = ROWS[:8], ROWS[8]
    scores = Scores(tuple(kept), ("A",) * 8, tuple(r.group for r in kept), ((lost, "404"),))
    findings = answer_choice(scores)
    assert found(findings, "accuracy").note == "1 of 9 pictures failed, the first: 404"
    assert [o.correct for o in findings.outcomes if o.row == lost.id] == [None]


@given(st.permutations(range(len(ROWS))), st.lists(st.sampled_from([*LETTERS, "?"]), min_size=len(ROWS)))
@settings(max_examples=20, deadline=None)
def test_the_order_of_rows_changes_nothing(order, said):
    by_id = dict(zip((row.id for row in ROWS), said, strict=False))
    whole = answer_choice(asked(ROWS, lambda row: by_id[row.id]))
    assert answer_choice(asked([ROWS[i] for i in order], lambda row: by_id[row.id])).outcomes == whole.outcomes
    turned = answer_choice(asked([ROWS[i] for i in order], lambda row: by_id[row.id]))
    values = {(r.metric, r.slice): (r.value, r.low, r.high) for r in whole.results}
    assert {(r.metric, r.slice): (r.value, r.low, r.high) for r in turned.results} == values
