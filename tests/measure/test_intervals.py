import numpy as np
import pytest
from scipy import stats
from statsmodels.api import OLS

from harness.measure.intervals import bootstrap, effective_groups, group_sums, mean_interval, tails


def test_the_interval_of_a_mean_agrees_with_scipys_bootstrap():
    values = np.random.default_rng(0).normal(1.0, 2.0, 300)
    low, high = mean_interval(values, [str(i) for i in range(300)])
    other = stats.bootstrap(
        (values,), np.mean, n_resamples=5000, method="percentile", random_state=1
    ).confidence_interval
    assert (low, high) == pytest.approx((other.low, other.high), abs=0.04)


def test_groups_are_resampled_not_rows():
    """Ten copies of each value tell nothing new: the interval is that of the single values."""
    values = np.random.default_rng(0).normal(size=60)
    groups = [str(i) for i in range(60)]
    once = mean_interval(values, groups)
    copied = mean_interval(np.repeat(values, 10), np.repeat(groups, 10).tolist())
    assert copied == pytest.approx(once)
    apart = mean_interval(np.repeat(values, 10), [str(i) for i in range(600)])
    assert apart[1] - apart[0] < 0.5 * (once[1] - once[0])


def test_coverage_is_close_to_its_level_with_unequal_groups():
    rng, hits, trials = np.random.default_rng(3), 0, 300
    for _ in range(trials):
        sizes = rng.integers(1, 6, 80)
        effects = np.repeat(rng.normal(size=80), sizes)
        values = effects + rng.normal(size=len(effects))
        low, high = mean_interval(values, np.repeat(np.arange(80), sizes).astype(str).tolist())
        hits += low <= 0 <= high
    assert 0.90 <= hits / trials <= 0.985


def test_one_group_shows_no_spread():
    assert mean_interval(np.array([0.0, 1.0]), ["a", "a"]) == (None, None)


def test_sums_within_groups():
    sums = group_sums(np.array([[1.0, 2], [3, 4], [5, 6]]), ["b", "a", "b"])
    assert sums.tolist() == [[3, 4], [6, 8]]


def test_the_interval_holds_the_value_and_leaves_out_undefined_draws():
    sums = np.array([[1.0, 1], [0, 0], [0, 0], [1, 1]])  # often nothing to divide by

    def ratio(drawn):
        with np.errstate(invalid="ignore"):
            return drawn[:, 0] / drawn[:, 1]

    assert [float(v) for v in bootstrap(sums, ratio)] == [1.0, 1.0]


def test_unequal_groups_count_as_fewer():
    assert effective_groups(["a", "b", "c", "d"]) == 4
    assert effective_groups(["a"] * 97 + ["b", "c", "d"]) == pytest.approx(100**2 / (97**2 + 3))


def test_the_interval_in_groups_agrees_with_a_cluster_robust_regression_and_scipys_bootstrap():
    rng = np.random.default_rng(4)
    sizes = rng.integers(1, 6, 250)
    index = np.repeat(np.arange(250), sizes)
    values = rng.normal(size=250)[index] + rng.normal(size=len(index))
    this = mean_interval(values, index.astype(str).tolist())
    fit = OLS(values, np.ones(len(values))).fit(cov_type="cluster", cov_kwds={"groups": index}, use_t=True)
    assert this == pytest.approx(tuple(fit.conf_int()[0]), abs=0.02)
    sums = np.bincount(index, values)
    other = stats.bootstrap(
        (sums, sizes), lambda x, n, axis: x.sum(axis) / n.sum(axis), paired=True, method="percentile", rng=rng
    ).confidence_interval
    assert this == pytest.approx((other.low, other.high), abs=0.02)


@pytest.mark.parametrize("groups", [20, 50, 400])
def test_intervals_of_few_groups_are_as_wide_as_students_t(groups):
    values = np.random.default_rng(groups).normal(size=groups)
    low, high = mean_interval(values, [str(i) for i in range(groups)])
    known = stats.t.interval(0.95, groups - 1, values.mean(), stats.sem(values))
    assert high - low == pytest.approx(known[1] - known[0], rel=0.07)
    assert tails(groups)[0] < 0.025
    assert tails(1) == pytest.approx((0.025, 0.975))
