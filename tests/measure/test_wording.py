"""Wording: accuracy by phrase, how far wordings lie apart, and whether answers survive a paraphrase."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import DataError
from harness.measure.wording import wording_choice
from harness.rows import ChoiceRow, Scores

RELATIONS = ("left of", "right of", "above", "below")
COUNT = 80


def phrases(relation):
    return (f"{relation} 0", f"{relation} 1", f"{relation} 2")


def rows(way, count=COUNT):
    """Rows whose captions stand in another order in each wording, as those of scenes may."""
    found = []
    for i in range(count):
        options = tuple(np.roll(RELATIONS, way + i))
        found.append(
            ChoiceRow(
                id=f"r{i:03d}", label=RELATIONS[i % 4], group=f"g{i // 4}", image=f"p{i}",
                captions=tuple(phrases(o)[way] for o in options), options=options, gold=options.index(RELATIONS[i % 4]),
            )
        )  # fmt: skip
    return tuple(found)


def scored(way, answer):
    """Scores by which row i gives `answer(i)`, an option's name, or a tie of all for None."""
    asked = rows(way)
    values = np.zeros((COUNT, 4), np.float32)
    for i, (line, row) in enumerate(zip(values, asked, strict=True)):
        if answer(i) is not None:
            line[row.options.index(answer(i))] = 1
    return Scores(asked, values, tuple(row.group for row in asked))


def found(*answers):
    results = wording_choice({way: scored(way, answer) for way, answer in enumerate(answers)}, phrases).results
    return {r.metric if r.slice == "all" else r.slice: r for r in results}


def truth(i):
    return RELATIONS[i % 4]


def test_one_who_knows_one_wording_is_right_there_and_apart_elsewhere():
    rng = np.random.default_rng(0)
    guesses = rng.integers(4, size=COUNT)
    results = found(truth, lambda i: RELATIONS[guesses[i]], lambda i: RELATIONS[(i + 1) % 4])
    assert results["wording=above 0"].value == 1
    assert results["wording=above 2"].value == 0
    assert results["spread"].value == 1
    assert results["spread"].low > results["spread"].floor
    assert results["consistency"].value < 0.4


def test_one_answer_in_all_wordings_is_consistent_true_or_not():
    results = found(truth, truth, truth)
    assert (results["accuracy"].value, results["consistency"].value, results["spread"].value) == (1, 1, 0)
    results = found(*[lambda i: "above"] * 3)
    assert (results["accuracy"].value, results["consistency"].value, results["spread"].value) == (0.25, 1, 0)


def test_a_constant_scorer_is_at_chance_in_everything():
    results = found(*[lambda i: None] * 3)
    for metric in ("accuracy", "consistency"):
        assert results[metric].value == pytest.approx(results[metric].chance) == pytest.approx(0.25)
    assert (results["spread"].value, results["spread"].floor) == (0, 0)


def test_the_floor_of_unbalanced_rows_is_a_preference_for_words():
    worded = {way: scored(way, lambda i: "above") for way in range(2)}
    kept = [i for i in range(COUNT) if i % 4 >= 2 and i % 8 != 7]  # two "above" for each "below"
    fewer = {
        way: replace(
            s, rows=tuple(s.rows[i] for i in kept), values=s.values[kept], groups=tuple(s.groups[i] for i in kept)
        )
        for way, s in worded.items()
    }
    whole = wording_choice(fewer, phrases, balanced=False).results[0]
    assert whole.value == whole.floor == pytest.approx(2 / 3)
    assert wording_choice(fewer, phrases).results[0].floor is None


def test_guesses_agree_as_often_as_chance_and_spread_as_luck():
    rng = np.random.default_rng(3)
    guesses = rng.integers(4, size=(3, COUNT))
    results = found(*[lambda i, g=g: RELATIONS[g[i]] for g in guesses])
    assert results["consistency"].low <= 0.25 <= results["consistency"].high
    assert results["spread"].low <= results["spread"].floor <= results["spread"].high


@settings(max_examples=10, deadline=None)
@given(st.permutations(range(COUNT)))
def test_the_order_of_rows_changes_nothing(order):
    def shuffled(scores):
        return Scores(
            tuple(scores.rows[i] for i in order), scores.values[list(order)], tuple(scores.groups[i] for i in order)
        )

    worded = {way: scored(way, lambda i: RELATIONS[(i * i + i // 7) % 4]) for way in range(3)}
    mixed = {way: shuffled(scores) if way == 1 else scores for way, scores in worded.items()}
    with pytest.raises(DataError, match="same rows") if list(order) != list(range(COUNT)) else _nothing():
        wording_choice(mixed, phrases)
    assert wording_choice({way: shuffled(s) for way, s in worded.items()}, phrases) == wording_choice(worded, phrases)


def _nothing():
    import contextlib

    return contextlib.nullcontext()


def test_one_wording_alone_cannot_be_compared():
    with pytest.raises(DataError, match="at least two"):
        wording_choice({0: scored(0, truth)}, phrases)


def test_every_answer_is_a_row_of_its_own():
    findings = wording_choice({way: scored(way, truth) for way in range(3)}, phrases)
    assert len({o.row for o in findings.outcomes}) == 3 * COUNT
    assert next(r for r in findings.results if r.metric == "accuracy").n == 3 * COUNT


def test_the_spread_of_luck_alone_is_hardly_ever_called_real():
    """Guesses, many times over: the floor lies in the interval nearly always."""
    rng = np.random.default_rng(5)
    held = 0
    for _ in range(20):
        guesses = rng.integers(4, size=(3, COUNT))
        spread = found(*[lambda i, g=g: RELATIONS[g[i]] for g in guesses])["spread"]
        held += spread.low <= spread.floor
    assert held >= 18


def test_rows_that_are_said_alike_in_all_wordings_have_no_say_and_are_counted():
    def mixed(way):
        scores = scored(way, truth)
        rows = [replace(row, captions=row.options) if i % 4 == 3 else row for i, row in enumerate(scores.rows)]
        values = scores.values.copy()
        values[3::4] = 0
        return replace(scores, rows=tuple(rows), values=values)

    results = wording_choice({way: mixed(way) for way in range(2)}, phrases).results
    assert {r.value for r in results if r.metric == "accuracy"} == {1.0}
    assert next(r for r in results if r.metric == "consistency").n == COUNT * 3 // 4
    assert results[0].note == "20 of 80 rows are said alike in all wordings and left out"
    assert "wording=below 0" not in {r.slice for r in results}
    same = replace(scored(0, truth), rows=tuple(replace(row, captions=row.options) for row in rows(0)))
    with pytest.raises(DataError, match="none of 80 rows is said in two ways"):
        wording_choice({0: same, 1: same}, phrases)
