"""Vertical against horizontal: the difference, its sign, and an interval that knows what belongs together."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import DataError, ScoreError
from harness.measure.contrast import axis_contrast
from harness.rows import ChoiceRow, Scores

PAIRS = {"above": "below", "below": "above", "left of": "right of", "right of": "left of"}


def row(i, relation):
    options = tuple(sorted((relation, PAIRS.get(relation, "other"))))
    return ChoiceRow(
        id=f"r{i:03d}", label=relation, group=f"g{i // 4}", image=f"p{i}", captions=options, options=options,
        gold=options.index(relation),
    )  # fmt: skip


ROWS = [row(i, list(PAIRS)[i % 4]) for i in range(160)]


def scored(rows, right):
    """Scores by which row i is right where `right` says so."""
    values = np.zeros((len(rows), 2), np.float32)
    for line, one, ok in zip(values, rows, right, strict=True):
        line[one.gold if ok else 1 - one.gold] = 1
    return Scores(tuple(rows), values, tuple(one.group for one in rows))


def whole(findings):
    return next(r for r in findings.results if r.slice == "all")


def test_one_who_knows_one_axis_is_seen_with_the_right_sign():
    vertical = axis_contrast(scored(ROWS, [i % 4 < 2 or i % 8 < 4 for i in range(160)]))
    found = whole(vertical)
    assert found.value == pytest.approx(0.5)
    assert 0 < found.low <= 0.5 <= found.high
    assert {r.slice: r.value for r in vertical.results if r.slice.startswith("group=")} == {
        "group=vertical": 1.0,
        "group=horizontal": 0.5,
    }
    mirrored = axis_contrast(scored(ROWS, [i % 4 >= 2 or i % 8 < 4 for i in range(160)]))
    assert whole(mirrored).value == pytest.approx(-0.5)
    assert whole(mirrored).high < 0


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_a_constant_scorer_knows_no_axis_better(value):
    found = whole(axis_contrast(Scores(tuple(ROWS), np.full((160, 2), value), tuple(r.group for r in ROWS))))
    assert (found.value, found.low, found.high, found.chance) == (0, 0, 0, 0)


def test_rows_of_one_group_are_drawn_together():
    """Groups that are all right or all wrong: each has as much of both axes, so the difference never moves."""
    paired = whole(axis_contrast(scored(ROWS, [(i // 4) % 2 for i in range(160)])))
    assert (paired.value, paired.low, paired.high) == (0, 0, 0)
    apart = [row(i, list(PAIRS)[(i // 4) % 4]) for i in range(160)]  # a group has one relation
    unpaired = whole(axis_contrast(scored(apart, [(i // 16) % 2 for i in range(160)])))
    assert unpaired.low < 0 < unpaired.high


@settings(max_examples=25)
@given(st.permutations(range(40)), st.lists(st.booleans(), min_size=40, max_size=40))
def test_the_difference_is_that_of_two_means_and_the_order_of_rows_changes_nothing(order, right):
    rows = ROWS[:40]
    found = axis_contrast(scored(rows, right))
    vertical = np.mean([ok for ok, one in zip(right, rows, strict=True) if one.label in ("above", "below")])
    horizontal = np.mean([ok for ok, one in zip(right, rows, strict=True) if one.label not in ("above", "below")])
    assert whole(found).value == pytest.approx(vertical - horizontal)
    assert axis_contrast(scored([rows[i] for i in order], [right[i] for i in order])) == found


def test_relations_without_an_axis_have_no_say_and_a_missing_axis_is_an_error():
    rows = [*ROWS, *(row(i, "near") for i in range(200, 220))]
    assert whole(axis_contrast(scored(rows, [True] * len(rows)))).n == 160
    with pytest.raises(DataError, match="no row states a horizontal relation"):
        axis_contrast(scored([one for one in ROWS if one.label == "above"], [True] * 40))


def test_nan_is_an_error():
    with pytest.raises(ScoreError, match="NaN or Inf"):
        axis_contrast(Scores(tuple(ROWS), np.full((160, 2), np.nan), tuple(r.group for r in ROWS)))


def test_where_words_are_not_right_equally_often_a_preference_gets_the_floor():
    """Nine of ten vertical rows say "below": a scorer that sees no picture knows one axis better, it seems."""
    rows = [row(i, "below" if i % 20 else "above") if i % 2 == 0 else row(i, ("left of", "right of")[i // 2 % 2])
            for i in range(160)]  # fmt: skip
    blind = scored(rows, [one.label in ("below", "left of") for one in rows])
    found = {r.slice: r for r in axis_contrast(blind, balanced=False).results}
    for part in ("all", "group=vertical", "group=horizontal"):
        assert found[part].value == pytest.approx(found[part].floor)
    assert found["all"].floor == pytest.approx(0.4)
    assert {r.floor for r in axis_contrast(blind).results} == {None}


FOUR = ("on", "under", "left of", "right of")


@pytest.mark.parametrize("word", FOUR)
def test_always_saying_one_word_of_four_knows_no_axis(word):
    """As in What'sUp, every picture has captions of both axes."""
    rows = [
        ChoiceRow(
            id=f"r{i:03d}",
            label=FOUR[i % 4],
            group=f"g{i // 4}",
            image=f"p{i}",
            captions=FOUR,
            options=FOUR,
            gold=i % 4,
        )
        for i in range(80)
    ]
    values = np.tile([float(option == word) for option in FOUR], (80, 1)).astype(np.float32)
    found = axis_contrast(Scores(tuple(rows), values, tuple(row.group for row in rows)))
    assert whole(found).value == 0
    assert {r.value for r in found.results if r.slice.startswith("group=")} == {0.5}
    assert {r.chance for r in found.results if r.slice.startswith("group=")} == {0.5}
    oracle = np.eye(4, dtype=np.float32)[[row.gold for row in rows]]
    known = axis_contrast(Scores(tuple(rows), oracle, tuple(row.group for row in rows)))
    assert {r.value for r in known.results if r.slice.startswith("group=")} == {1.0}
