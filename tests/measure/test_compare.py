import re
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats
from statsmodels.api import OLS
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests

from harness.errors import DataError
from harness.measure.compare import difference, flip_p, holm, letters, pairwise

CREDIT = st.sampled_from([0.0, 0.25, 1 / 3, 0.5, 1.0])
COLUMNS = arrays(float, st.tuples(st.integers(1, 25), st.just(2)), elements=CREDIT)


def runs(rng, groups=150, rate=0.06):
    """Two runs of rows in unequal groups, of which the second is worse: credit (rows,) twice and the groups (rows,)."""
    index = np.repeat(np.arange(groups), rng.integers(1, 7, groups))
    a = (rng.random(len(index)) < rng.beta(3, 1, groups)[index]).astype(float)
    b = np.where(rng.random(len(index)) < rng.beta(1, 1 / rate, groups)[index], 0.0, a)
    return a, b, index.astype(str).tolist()


def every_sign(changes):
    """p by all 2^n ways to sign n changes."""
    signs = 1 - 2 * ((np.arange(2 ** len(changes))[:, None] >> np.arange(len(changes))) & 1)
    return float(np.mean(np.abs(signs @ changes) >= abs(changes.sum()) - 1e-9))


# --- the test -----------------------------------------------------------------------------------


@given(st.lists(st.sampled_from([-3, -1, -0.5, -1 / 3, 0, 0.25, 0.5, 2 / 3, 1, 2]), min_size=1, max_size=11))
def test_p_is_the_share_of_all_signs_that_lie_as_far_out(changes):
    assert flip_p(np.array(changes)) == pytest.approx(every_sign(np.array(changes)), abs=1e-9)


@pytest.mark.parametrize("ties", [5, 7, 8, 11, 16])
def test_ties_of_many_are_exact(ties):
    changes = np.array([1, 1, 1, -2, 3, 3, ties, -1]) / ties
    assert flip_p(changes) == pytest.approx(every_sign(changes), abs=1e-12)


def test_p_in_groups_agrees_with_scipys_permutation_test():
    rng = np.random.default_rng(1)
    a, b, groups = runs(rng, 60, 0.04)
    a, b = a / rng.integers(1, 4, len(a)), b / rng.integers(1, 4, len(b))
    sums = [np.bincount(np.array(groups, int), x) for x in (a, b)]
    other = stats.permutation_test(
        sums, lambda x, y, axis: (y - x).sum(axis=axis), permutation_type="samples", n_resamples=20000, rng=rng
    ).pvalue
    assert 0.01 < other < 0.5
    assert difference(a, b, groups).p == pytest.approx(other, abs=4 * np.sqrt(other / 20000))


@pytest.mark.parametrize(("worse", "better"), [(3, 0), (9, 4), (60, 41), (700, 640), (3100, 2900), (1, 1)])
def test_p_of_single_rows_is_mcnemars_exact_test(worse, better):
    changes = np.r_[-np.ones(worse), np.ones(better), np.zeros(40)]
    assert flip_p(changes) == pytest.approx(stats.binomtest(worse, worse + better).pvalue, rel=1e-8)
    assert flip_p(changes) == pytest.approx(mcnemar([[40, worse], [better, 0]], exact=True).pvalue, rel=1e-8)


def test_p_of_many_large_changes_is_that_of_the_normal_distribution():
    """Real numbers and long ties are rounded to a fine lattice; thousands of cosines multiply to next to nothing."""
    rng = np.random.default_rng(2)
    for changes in (rng.normal(0.05, 1, 1500), rng.choice([1 / 5, -1 / 7, 1 / 8, -1 / 13, -1], 4000) + 0.2):
        z = abs(changes.sum()) / np.sqrt((changes**2).sum())
        assert flip_p(changes) == pytest.approx(2 * stats.norm.sf(z), rel=0.02)


def test_p_is_never_below_what_so_many_changes_allow():
    assert flip_p(np.full(5, -0.5)) == pytest.approx(2**-4)
    assert flip_p(np.ones(1000)) == 1e-12  # where rounding errors begin
    assert flip_p(np.ones(1)) == flip_p(np.zeros(3)) == flip_p(np.zeros(0)) == flip_p(np.array([1.0, -1.0])) == 1


def test_p_is_uniform_where_nothing_but_noise_changed():
    rng = np.random.default_rng(3)
    found = np.array([flip_p(rng.binomial(9, 0.5, 200) - rng.binomial(9, 0.5, 200)) for _ in range(1500)])
    for level in (0.01, 0.05, 0.2):
        assert np.mean(found <= level) <= level + 3 * np.sqrt(level / 1500)
    assert np.mean(found <= 0.2) > 0.15


def test_a_change_that_is_no_number_is_an_error():
    with pytest.raises(DataError, match="finite"):
        flip_p(np.array([1.0, np.nan]))
    with pytest.raises(DataError, match="finite"):
        difference(np.zeros(3), np.array([0, np.inf, 1]), ["a", "b", "c"])


# --- two runs -----------------------------------------------------------------------------------


@settings(deadline=None)
@given(COLUMNS, st.data())
def test_order_names_and_sides_change_nothing_but_the_sign(columns, data):
    n = len(columns)
    groups = data.draw(st.lists(st.sampled_from("abcdef"), min_size=n, max_size=n))
    (a, b), order = columns.T, np.array(data.draw(st.permutations(range(n))))
    this = difference(a, b, groups)
    for other, sign in (
        (difference(a[order], b[order], [groups[i] for i in order]), 1),
        (difference(a, b, [f"group {ord('z') - ord(g)}" for g in groups]), 1),
        (difference(b, a, groups), -1),
    ):
        assert sign * other.value == pytest.approx(this.value, abs=1e-12)
        assert (other.p, other.least) == pytest.approx((this.p, this.least), abs=1e-9)
        assert (other.n, other.groups) == (this.n, this.groups)


def test_a_model_against_itself_does_not_differ():
    a, _, groups = runs(np.random.default_rng(4))
    same = difference(a, a, groups)
    assert (same.value, same.low, same.high, same.p, same.least) == (0, 0, 0, 1, 1)
    assert 0 < same.detectable < 0.2
    assert pairwise(np.column_stack([a, a]), groups)[0, 1] == 1


def test_the_interval_agrees_with_a_cluster_robust_regression():
    for seed in range(5):
        a, b, groups = runs(np.random.default_rng(seed), 300)
        codes = np.array(groups, int)
        fit = OLS(b - a, np.ones(len(a))).fit(cov_type="cluster", cov_kwds={"groups": codes}, use_t=True)
        this = difference(a, b, groups)
        assert this.value == pytest.approx(fit.params[0])
        width = np.diff(fit.conf_int()[0])[0]
        assert (this.low, this.high) == pytest.approx(tuple(fit.conf_int()[0]), abs=0.1 * width)
        assert (this.p < 0.05) == (fit.pvalues[0] < 0.05)


def test_few_groups_have_a_p_but_no_interval():
    few = difference(np.ones(40), np.zeros(40), [str(i % 8) for i in range(40)])
    assert (few.low, few.high, few.groups, few.p) == (None, None, 8, pytest.approx(2**-7))
    assert difference(np.ones(4), np.zeros(4), ["a"] * 4).detectable == 1  # a single group tells nothing


@pytest.mark.parametrize(("groups", "each", "before"), [(600, 1, 0.8), (150, 4, 0.6)])
def test_the_detectable_drop_is_found_four_times_in_five(groups, each, before):
    """Told from a rerun in which as many rows turn one way as the other; the true drop then comes on top."""
    rng, names = np.random.default_rng(5), np.repeat(np.arange(groups), each).astype(str).tolist()

    def run(accuracy):
        return (rng.random(groups * each) < accuracy).astype(float)

    told = np.mean([difference(run(before), run(before), names).detectable for _ in range(5)])
    found = np.mean([difference(run(before), run(before - told), names).p <= 0.05 for _ in range(150)])
    assert 0.7 < found < 0.97


def test_rows_that_cannot_be_paired_are_an_error():
    for a, b, groups in (([], [], []), ([1.0], [1.0, 0.0], ["a"]), ([1.0, 1.0], [1.0, 0.0], ["a"])):
        with pytest.raises(DataError, match="cannot be paired"):
            difference(np.array(a), np.array(b), groups)


# --- many models --------------------------------------------------------------------------------


def test_pairs_are_tested_on_the_rows_that_both_answered():
    rng = np.random.default_rng(6)
    correct = (rng.random((300, 4)) < [0.9, 0.8, 0.75, 0.5]).astype(float)
    correct[rng.random(correct.shape) < 0.2] = np.nan
    correct[:150, 0], correct[150:, 3] = np.nan, np.nan
    groups = rng.integers(0, 80, 300).astype(str)
    table = pairwise(correct, groups.tolist())
    pairs, found = list(combinations(range(4), 2)), []
    for i, j in pairs:
        both = np.isfinite(correct[:, [i, j]]).all(axis=1)
        found.append(difference(*correct[both][:, [i, j]].T, groups[both].tolist()).p if both.any() else np.nan)
    assert np.isnan(found[2])  # the first and the last have no row in common
    assert [table[i, j] for i, j in pairs] == pytest.approx(holm(np.array(found)).tolist(), nan_ok=True)
    assert np.array_equal(table, table.T, equal_nan=True)
    assert np.isnan(np.diag(table)).all()


@given(st.lists(st.floats(0, 1) | st.just(np.nan), max_size=12))
def test_holm_multiplies_the_kth_smallest_by_how_many_are_left(p):
    known = sorted(x for x in p if x == x)
    ends = [max(min(1, x * (len(known) - j)) for j, x in enumerate(known[: k + 1])) for k in range(len(known))]
    assert sorted(x for x in holm(np.array(p)) if x == x) == pytest.approx(ends)


def test_holm_is_that_of_statsmodels():
    p = np.random.default_rng(7).beta(0.3, 3, 40).round(3)  # some alike
    assert holm(p) == pytest.approx(multipletests(p, method="holm")[1])
    p[3] = np.nan
    assert np.isnan(holm(p)[3])
    assert np.delete(holm(p), 3) == pytest.approx(multipletests(np.delete(p, 3), method="holm")[1])


def test_a_test_that_could_not_be_significant_costs_the_others_nothing():
    p, least = np.array([0.02, 0.6, 1.0, np.nan, 0.1]), np.array([1e-4, 1e-3, 1.0, 1e-9, 0.0625])
    assert holm(p, least) == pytest.approx([0.04, 0.6, 1.0, np.nan, 0.1], nan_ok=True)


@given(st.integers(0, 9), st.data())
def test_two_models_share_a_letter_if_and_only_if_they_are_not_told_apart(models, data):
    p = np.full((models, models), np.nan)
    for i, j in combinations(range(models), 2):
        p[i, j] = p[j, i] = data.draw(st.sampled_from([0.0, 0.05, 0.0501, 1.0, np.nan]))
    shown = [set(named) for named in letters(p)]
    for i, j in combinations(range(models), 2):
        assert bool(shown[i] & shown[j]) == (not p[i, j] <= 0.05)
    assert all(shown)


def test_letters_of_a_plain_ranking():
    p = np.ones((4, 4))
    for i, j in ((0, 2), (0, 3), (1, 3)):
        p[i, j] = p[j, i] = 0.01
    assert letters(p) == ["a", "ab", "bc", "c"]
    assert letters(np.zeros((28, 28)))[25:] == ["z", "a2", "b2"]


def test_letters_stay_few_where_models_are_told_apart_without_any_order():
    """Thirty models in threes that differ: 3^10 largest sets of models that do not."""
    three = np.arange(30) // 3
    shown = letters(np.where(three[:, None] == three, 0.0, 1.0))
    assert len({letter for named in shown for letter in re.findall(r"[a-z]\d*", named)}) <= 30 * 29 / 2
