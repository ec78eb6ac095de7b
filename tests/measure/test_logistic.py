import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.linear_model import LogisticRegression

from harness.measure import logistic


def problem(seed, n, d, problems, spread=1.0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, d)) * spread ** np.arange(d)
    y = x @ rng.normal(size=(d, problems)) + rng.normal(size=(n, problems)) + rng.normal(size=problems) > 0
    return x, y


def reference(x, y, c):
    model = LogisticRegression(C=c, tol=1e-10, max_iter=100_000).fit(x, y)
    return model.coef_[0], model.intercept_[0]


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.integers(20, 120), st.integers(1, 40), st.sampled_from([0.1, 1.0, 30.0]))
def test_agrees_with_scikit_learn_in_float64(seed, n, d, c):
    x, y = problem(seed, n, d, 3)
    y[0], y[1] = True, False  # both classes, always
    fit = logistic.fit(x, y, np.full(3, c), 1e-9)
    for j in range(3):
        weights, intercept = reference(x, y[:, j], c)
        scale = max(1.0, np.abs(weights).max())
        assert fit.weights[:, j] == pytest.approx(weights, abs=2e-3 * scale)
        assert fit.intercepts[j] == pytest.approx(intercept, abs=2e-3 * scale)


def test_problems_solved_together_are_the_problems_solved_alone():
    x, y = problem(1, 200, 10, 4)
    c = np.array([0.1, 1, 10, 100])
    together = logistic.fit(x, y, c, 1e-9)
    for j in range(4):
        alone = logistic.fit(x, y[:, [j]], c[[j]], 1e-9)
        assert together.weights[:, j] == pytest.approx(alone.weights[:, 0], abs=1e-5)


@pytest.mark.parametrize("spread", [1.0, 0.7])
def test_coordinates_leave_the_decisions_as_they_were(spread):
    x, y = problem(2, 300, 12, 2, spread)
    c = np.full(2, 5.0)
    plain, turned = logistic.fit(x, y, c, 1e-9), logistic.coordinates(x)
    assert logistic.fit(turned, y, c, 1e-9).decide(turned) == pytest.approx(plain.decide(x), abs=1e-3)


def test_sparse_is_dense():
    x, y = problem(3, 150, 8, 2)
    x[np.abs(x) < 0.8] = 0
    wide = sparse.csr_matrix(np.hstack([x, np.zeros((150, 5))]))
    c = np.full(2, 1.0)
    held = logistic.coordinates(wide)
    assert logistic.fit(held, y, c, 1e-9).decide(held) == pytest.approx(logistic.fit(x, y, c, 1e-9).decide(x), abs=1e-4)


def test_a_class_that_never_occurs_is_never_claimed():
    x, y = problem(4, 100, 5, 2)
    y[:, 1] = False
    assert (logistic.fit(x, y, np.full(2, 1.0)).decide(x)[:, 1] < 0).all()


def test_a_constant_representation_gives_the_class_share():
    y = np.arange(100)[:, None] < 20
    fit = logistic.fit(np.ones((100, 3)), y, np.array([1.0]))
    assert fit.decide(np.ones((1, 3)))[0, 0] == pytest.approx(np.log(0.2 / 0.8), abs=1e-3)


def test_the_final_gradient_is_reported():
    x, y = problem(5, 400, 20, 3)
    assert (logistic.fit(x, y, np.full(3, 1.0), 1e-6).gradient <= 1e-6).all()
