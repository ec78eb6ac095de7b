from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from harness.errors import ScoreError
from harness.measure.choice import caption_choice, credit, macro_accuracy, preference_floor
from harness.rows import NO_CAPTION, ChoiceRow, Scores


def choice_rows(golds, options=("left of", "right of", "above", "below")):
    return tuple(
        ChoiceRow(
            id=f"row{i:04}",
            label=options[g],
            group=f"pair{i // 2}",
            image=None,
            captions=options,
            options=options,
            gold=g,
        )
        for i, g in enumerate(golds)
    )


def scored(values, golds):
    rows = choice_rows(golds)
    return Scores(rows, np.asarray(values, np.float32), tuple(row.group for row in rows))


scores_and_golds = st.integers(1, 30).flatmap(
    lambda n: st.tuples(
        hnp.arrays(np.float32, (n, 4), elements=st.integers(-2, 2).map(np.float32)),
        hnp.arrays(np.int64, (n,), elements=st.integers(0, 3)),
    )
)


def plain_credit(scores, gold):
    """The definition, in words: share the point between all captions with the highest score."""
    best = [i for i, s in enumerate(scores) if s == max(scores)]
    return 1 / len(best) if gold in best else 0.0


@given(scores_and_golds)
def test_credit_is_the_plain_definition(drawn):
    scores, golds = drawn
    assert credit(scores, golds).tolist() == pytest.approx(
        [plain_credit(list(line), g) for line, g in zip(scores, golds, strict=True)]
    )


@given(scores_and_golds, st.permutations(range(4)))
def test_the_order_of_captions_changes_nothing(drawn, order):
    scores, golds = drawn
    moved = np.array([order.index(g) for g in golds])
    assert credit(scores[:, order], moved).tolist() == credit(scores, golds).tolist()


@given(scores_and_golds, st.randoms())
def test_the_order_of_rows_changes_no_result(drawn, random):
    scores, golds = drawn
    whole = scored(scores, golds)
    order = list(range(len(golds)))
    random.shuffle(order)
    shuffled = Scores(tuple(whole.rows[i] for i in order), whole.values[order], tuple(whole.groups[i] for i in order))
    assert caption_choice(shuffled) == caption_choice(whole)


@given(st.integers(1, 40), st.data())
def test_a_constant_scorer_earns_exactly_chance(n, data):
    golds = data.draw(st.lists(st.integers(0, 3), min_size=n, max_size=n))
    findings = caption_choice(scored(np.zeros((n, 4)), golds))
    assert {result.value for result in findings.results} == {0.25}
    assert all(outcome.predicted is None for outcome in findings.outcomes)


def test_an_oracle_earns_everything():
    golds = [0, 1, 2, 3, 1]
    findings = caption_choice(scored(np.eye(4)[golds], golds))
    assert all(result.value == 1 for result in findings.results)
    assert all(outcome.predicted == outcome.gold for outcome in findings.outcomes)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_score_that_is_no_number_is_an_error(bad):
    values = np.zeros((3, 4))
    values[1, 2] = bad
    with pytest.raises(ScoreError, match="NaN or Inf in 1 of 3 rows"):
        caption_choice(scored(values, [0, 1, 2]))


def test_scores_of_another_shape_are_an_error():
    with pytest.raises(ScoreError, match=r"shape \(2, 4\), expected \(3, captions\)"):
        credit(np.zeros((2, 4)), np.array([0, 1, 2]))


def test_zero_rows_are_a_failure():
    with pytest.raises(ScoreError, match="zero rows"):
        caption_choice(Scores((), np.zeros((0, 4), np.float32), ()))


def test_slices_hold_their_own_rows():
    golds = [0, 0, 0, 1]
    values = np.eye(4)[[0, 0, 1, 1]]
    by_slice = {r.slice: r for r in caption_choice(scored(values, golds)).results}
    assert by_slice["relation=left of"].value == pytest.approx(2 / 3)
    assert by_slice["relation=left of"].n == 3
    assert by_slice["relation=right of"].value == 1
    assert by_slice["all"].value == 0.75
    assert by_slice["all"].chance == 0.25


def test_failed_pictures_are_counted_and_have_no_say():
    rows = choice_rows([0, 1, 2])
    kept = Scores(rows[:2], np.eye(4, dtype=np.float32)[[0, 1]], ("a", "b"), ((rows[2], "x.jpg is damaged"),))
    findings = caption_choice(kept)
    whole = next(r for r in findings.results if r.slice == "all")
    assert (whole.value, whole.n) == (1.0, 2)
    assert "1 of 3 pictures failed" in whole.note
    lost = [o for o in findings.outcomes if o.row == rows[2].id]
    assert [(o.predicted, o.correct) for o in lost] == [(None, None)]


def test_a_row_with_fewer_captions_is_scored_among_its_own():
    rows = choice_rows([0, 1]) + choice_rows([1], options=("near", "far"))
    values = np.array([[2, 1, 0, 0], [3, 2, 1, 0], [-5, -4, NO_CAPTION, NO_CAPTION]], np.float32)
    findings = caption_choice(Scores(rows, values, ("a", "b", "c")))
    by_slice = {r.slice: r for r in findings.results}
    assert by_slice["relation=far"].value == 1
    assert by_slice["relation=far"].chance == 0.5
    assert by_slice["all"].chance == pytest.approx((0.25 + 0.25 + 0.5) / 3)


def grouped(golds, sets=4):
    """Rows in sets of four, each of two pairs: (0, 1) and (2, 3)."""
    return tuple(
        replace(row, set=f"set{i // sets}", pair=f"set{i // sets} {(i % sets) // 2}")
        for i, row in enumerate(choice_rows(golds))
    )


def plain_together(correct, size):
    """The published definition: the share of units of which every row is right."""
    units = [correct[k : k + size] for k in range(0, len(correct), size)]
    return sum(all(unit) for unit in units) / len(units)


@given(st.integers(1, 8).flatmap(lambda n: hnp.arrays(np.int64, (n * 4,), elements=st.integers(0, 3))))
def test_pair_and_set_accuracy_are_the_published_definition(picked):
    golds = [0, 1, 2, 3] * (len(picked) // 4)
    rows = grouped(golds)
    findings = caption_choice(Scores(rows, np.eye(4, dtype=np.float32)[picked], tuple(r.set for r in rows)))
    measured = {r.metric: r for r in findings.results if r.slice == "all"}
    correct = [p == g for p, g in zip(picked, golds, strict=True)]
    assert measured["pair_accuracy"].value == pytest.approx(plain_together(correct, 2))
    assert measured["set_accuracy"].value == pytest.approx(plain_together(correct, 4))
    assert (measured["pair_accuracy"].n, measured["set_accuracy"].n) == (len(golds) // 2, len(golds) // 4)


def test_a_constant_scorer_earns_what_guessing_earns_of_pairs_and_sets():
    rows = grouped([0, 1, 2, 3] * 5)
    findings = caption_choice(Scores(rows, np.zeros((20, 4), np.float32), tuple(r.set for r in rows)))
    measured = {r.metric: r for r in findings.results if r.slice == "all"}
    assert measured["pair_accuracy"].value == measured["pair_accuracy"].chance == 1 / 16
    assert measured["set_accuracy"].value == measured["set_accuracy"].chance == pytest.approx(1 / 256)


def test_rows_whose_picture_is_lost_make_their_set_incomplete():
    """A set of which nothing is left is counted, and sets that all lack one relation are not whole."""
    rows = [replace(row, set=f"set{i // 4}") for i, row in enumerate(choice_rows([0, 1, 2, 3] * 3))]

    def sets(lost):
        kept = [row for row in rows if row not in lost]
        scores = np.eye(4)[[row.gold for row in kept]]
        failed = tuple((row, "404") for row in lost)
        found = caption_choice(Scores(tuple(kept), scores, tuple(row.group for row in kept), failed))
        return [(r.n, r.note) for r in found.results if r.metric == "set_accuracy"]

    assert sets(rows[:4]) == [(2, "1 incomplete set left out")]
    assert sets(rows[:1]) == [(2, "1 incomplete set left out")]
    assert sets([row for row in rows if row.gold == 3]) == []


def test_incomplete_sets_are_left_out_and_counted():
    rows = grouped([0, 1, 2, 3, 0, 1, 2, 3])[:7]
    values = np.eye(4, dtype=np.float32)[[0, 1, 2, 3, 0, 1, 2]]
    measured = {r.metric: r for r in caption_choice(Scores(rows, values, tuple(r.set for r in rows))).results}
    assert (measured["set_accuracy"].n, measured["set_accuracy"].note) == (1, "1 incomplete set left out")
    assert (measured["pair_accuracy"].n, measured["pair_accuracy"].note) == (3, "1 incomplete pair left out")


def test_rows_that_count_alone_have_no_set_accuracy():
    assert {r.metric for r in caption_choice(scored(np.eye(4), [0, 1, 2, 3])).results} == {"accuracy"}


def test_sets_of_several_kinds_are_whole_by_the_measure_of_their_own():
    """Two sets of four rows with four captions, three sets of two rows with two."""
    four = grouped([0, 1, 2, 3] * 2)
    two = [
        replace(row, id=f"two {i}", captions=row.captions[:2], options=row.options[:2], set=f"two {i // 2}", pair="")
        for i, row in enumerate(choice_rows([0, 1] * 3))
    ]
    rows, values = (*four, *two), np.full((14, 4), -np.inf)
    for line, row in zip(values, rows, strict=True):
        line[: len(row.captions)] = np.arange(len(row.captions)) == row.gold
    values[13, :2] = 1, 0  # one wrong answer, in a set of two
    measured = {r.metric: r for r in caption_choice(Scores(rows, values, tuple(r.set for r in rows))).results}
    assert (measured["set_accuracy"].n, measured["set_accuracy"].note) == (5, "")
    assert measured["set_accuracy"].value == pytest.approx(4 / 5)


@settings(deadline=None)
@given(hnp.arrays(np.float64, (24, 4), elements=st.floats(-1, 1)))
def test_macro_accuracy_is_the_mean_of_the_relations_own(values):
    scores = scored(values, [0] * 12 + [1] * 8 + [2] * 4)
    by_relation = [r.value for r in caption_choice(scores).results if r.slice.startswith("relation=")]
    [macro] = macro_accuracy(scores).results
    assert macro.value == pytest.approx(np.mean(by_relation))
    assert macro.low <= macro.value <= macro.high
    assert (macro.n, macro.chance) == (24, 0.25)


def test_a_rare_relation_counts_as_much_as_a_frequent_one():
    right = [True] * 18 + [False] * 2
    values = np.array([[1, 0, 0, 0] if ok else [0, 1, 0, 0] for ok in right])
    scores = scored(values, [0] * 20)
    rows = tuple(replace(row, label="rare" if i >= 18 else "common") for i, row in enumerate(scores.rows))
    found = replace(scores, rows=rows)
    assert macro_accuracy(found).results[0].value == 0.5
    assert caption_choice(found).results[0].value == pytest.approx(0.9)


def test_a_preference_for_words_reaches_the_floor_and_no_more_where_rows_are_unbalanced():
    """Nine of ten rows say "left of", and the options come in either order."""
    golds = [0] * 18 + [1] * 2
    rows = choice_rows(golds, options=("left of", "right of"))
    turned = [replace(r, options=r.options[::-1], captions=r.captions[::-1], gold=1 - r.gold) for r in rows[::2]]
    rows = (*turned, *rows[1::2])
    blind = np.array([[option == "left of" for option in row.options] for row in rows], float)
    scores = Scores(rows, blind, tuple(row.group for row in rows))
    whole = caption_choice(scores, balanced=False).results[0]
    assert (whole.slice, whole.value, whole.floor, whole.chance) == ("all", 0.9, 0.9, 0.5)
    assert whole.note == "rows: " + ", ".join(
        f"{label} {sum(row.label == label for row in rows)}" for label in sorted({row.label for row in rows})
    )
    assert caption_choice(scores).results[0].floor is None
    assert all(r.floor is None for r in caption_choice(scores, balanced=False).results if r.slice != "all")


@given(st.lists(st.sampled_from([0, 1, 2, 3]), min_size=1, max_size=40))
def test_no_fixed_preference_beats_the_floor(golds):
    rows = choice_rows(golds)
    shares = [golds.count(option) / len(golds) for option in range(4)]
    assert preference_floor(rows) == pytest.approx(max(shares))


def test_categories_have_slices_of_their_own_with_their_own_losses():
    golds = [0, 0, 1, 2]
    kinds = ("beside", "beside", "beside", "upright")
    rows = tuple(replace(row, category=kind) for row, kind in zip(choice_rows(golds), kinds, strict=True))
    kept = Scores(rows[1:], np.eye(4)[[0, 0, 2]], tuple("abc"), ((rows[0], "gone"),))
    found = {r.slice: r for r in caption_choice(kept).results}
    assert {s: (r.value, r.n) for s, r in found.items() if s.startswith("category=")} == {
        "category=beside": (0.5, 2),
        "category=upright": (1.0, 1),
    }
    assert found["category=beside"].note.startswith("1 of 3 pictures failed")
    assert found["category=upright"].note == ""
