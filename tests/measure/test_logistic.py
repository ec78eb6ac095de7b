import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from scipy.special import softmax
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from sklearn.preprocessing import StandardScaler

from harness.errors import ScoreError
from harness.measure import logistic


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def problem(seed, n, d, problems, spread=1.0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, d)) * spread ** np.arange(d)
    y = x @ rng.normal(size=(d, problems)) + rng.normal(size=(n, problems)) + rng.normal(size=problems) > 0
    y[0], y[1] = True, False  # both classes, always
    return x, y


def optimum(x, y, c, weights=None):
    return LogisticRegression(C=c, tol=1e-10, max_iter=100_000).fit(x, y, sample_weight=weights)


def assert_contract(fitted, j, x, y, model):
    off = np.linalg.norm(fitted.weights[:, j] - model.coef_[0])
    assert off <= 1e-3 * np.linalg.norm(model.coef_[0]) + 1e-8  # of a constant column it is 0 but for rounding
    ours, theirs = (f1_score(y, said, average="macro") for said in (fitted.decide(x)[:, j] > 0, model.predict(x)))
    assert ours == pytest.approx(theirs, abs=0.002)


shapes = (st.integers(0, 10**6), st.integers(20, 120), st.integers(1, 40), st.sampled_from([0.1, 1.0, 30.0]))


@settings(max_examples=8, deadline=None)
@given(*shapes, st.booleans(), st.booleans())
def test_agrees_with_scikit_learn_in_float64(seed, n, d, c, constant, doubled):
    x, y = problem(seed, n, d, 3)
    if constant:
        x[:, 0] = 3.0
    if doubled:
        x[n // 2 : 2 * (n // 2)] = x[: n // 2]
    fitted = logistic.fit(x, y, np.full(3, c))
    for j in range(3):
        assert_contract(fitted, j, x, y[:, j], optimum(x, y[:, j], c))


@settings(max_examples=8, deadline=None)
@given(*shapes)
def test_weights_are_sample_weights_and_zero_leaves_a_row_out(seed, n, d, c):
    x, y = problem(seed, n, d, 2)
    weights = np.random.default_rng(seed).choice([0.0, 0.5, 1.0, 3.0], size=(n, 2))
    weights[:2] = 1
    fitted = logistic.fit(x, y, np.full(2, c), weights=weights)
    for j in range(2):
        kept = weights[:, j] > 0
        model = optimum(x[kept], y[kept, j], c, weights[kept, j])
        assert_contract(fitted, j, x[kept], y[kept, j], model)


@settings(max_examples=5, deadline=None)
@given(st.integers(0, 10**6), st.integers(5, 30), st.integers(31, 60))
def test_fewer_rows_than_columns_are_solved_among_the_rows(seed, n, d):
    x, y = problem(seed, n, d, 2)
    basis = logistic.basis(x)
    held = logistic.coordinates(x)
    assert held.shape[1] < n
    assert np.abs(held) == pytest.approx(np.abs(basis.turn(x)), abs=1e-8)
    fitted = logistic.fit(basis.turn(x), y, np.full(2, 2.0)).back(basis)
    for j in range(2):
        assert_contract(fitted, j, x, y[:, j], optimum(x, y[:, j], 2.0))


@settings(max_examples=6, deadline=None)
@given(st.integers(0, 10**6), st.booleans())
def test_multinomial_agrees_with_scikit_learn(seed, missing):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(90, 6))
    labels = np.array(["left", "right", "above", "below"])[(x[:, :4] + rng.normal(size=(90, 4))).argmax(axis=1)]
    weights = rng.choice([0.0, 1.0, 2.0], size=(90, 2))
    if missing:  # one class of the second fold
        weights[labels == "above", 1] = 0
    fitted = logistic.multinomial(x, labels, np.array([0.3, 10.0]), weights=weights)
    assert fitted.absent[1].tolist() == [missing, False, False, False]
    for j, c in enumerate([0.3, 10.0]):
        kept, there = weights[:, j] > 0, ~fitted.absent[j]
        model = optimum(x[kept], labels[kept], c, weights[kept, j])
        off = np.linalg.norm(fitted.weights[j][:, there] - model.coef_.T)
        assert off <= 1e-3 * np.linalg.norm(model.coef_)
        claims = softmax(fitted.decide(x)[j][:, there], axis=1)
        assert claims == pytest.approx(model.predict_proba(x), abs=2e-3)
    if missing:
        assert fitted.classes[fitted.decide(x)[1].argmax(axis=1)].tolist() == model.predict(x).tolist()


def test_problems_solved_together_are_the_problems_solved_alone():
    x, y = problem(1, 200, 10, 4)
    c = np.array([0.1, 1, 10, 100])
    together = logistic.fit(x, y, c, 1e-9)
    for j in range(4):
        alone = logistic.fit(x, y[:, [j]], c[[j]], 1e-9)
        assert together.decide(x)[:, j] == pytest.approx(alone.decide(x)[:, 0], abs=1e-5)


def test_problems_in_several_blocks_are_the_problems_in_one(monkeypatch):
    x, y = problem(1, 200, 10, 5)
    weights = np.random.default_rng(0).choice([0, 1], size=y.shape)
    whole = logistic.fit(x, y, np.full(5, 1.0), 1e-9, weights)
    monkeypatch.setattr(logistic, "BLOCK", 400)
    assert logistic.fit(x, y, np.full(5, 1.0), 1e-9, weights).weights == pytest.approx(whole.weights, abs=1e-6)


def test_the_same_call_gives_the_same_digits_and_another_order_of_rows_the_same_decisions():
    x, y = problem(6, 300, 20, 3)
    first, second = (logistic.fit(x, y, np.full(3, 10.0), 1e-9) for _ in range(2))
    assert (first.weights == second.weights).all()
    order = np.random.default_rng(0).permutation(300)
    other = logistic.fit(x[order], y[order], np.full(3, 10.0), 1e-9)
    assert other.decide(x) == pytest.approx(first.decide(x), abs=1e-5)


def test_a_path_ends_where_each_fit_alone_does():
    x, y = problem(7, 150, 12, 3)
    steps = np.array([0.01, 1.0, 100.0])
    for c, warm in zip(steps, logistic.path(x, y, steps, 1e-9), strict=True):
        cold = logistic.fit(x, y, np.full(3, c), 1e-9)
        assert warm.decide(x) == pytest.approx(cold.decide(x), abs=1e-4)
        assert (warm.gradient <= 1e-9).all()


@pytest.mark.parametrize("spread", [1.0, 0.7])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_coordinates_leave_the_decisions_as_they_were(spread, dtype):
    x, y = problem(2, 300, 12, 2, spread)
    c = np.full(2, 5.0)
    plain, turned = logistic.fit(x, y, c, 1e-9), logistic.coordinates(x.astype(dtype))
    assert turned.dtype == dtype
    assert logistic.fit(turned, y, c, 1e-9).decide(turned) == pytest.approx(plain.decide(x), abs=1e-3)


def test_standardised_is_scikit_learns_scaler_on_the_training_rows():
    x, _ = problem(8, 60, 5, 1)
    x[:, 2] = 7.0
    train = np.arange(60) < 40
    assert logistic.standardised(x, train) == pytest.approx(StandardScaler().fit(x[train]).transform(x), abs=1e-12)
    scaled = logistic.standardised(sparse.csr_matrix(x), train)
    assert scaled.toarray()[:, 0] == pytest.approx(x[:, 0] / x[train, 0].std(), abs=1e-12)


def test_sparse_is_dense():
    x, y = problem(3, 150, 8, 2)
    x[np.abs(x) < 0.8] = 0
    wide = sparse.csr_matrix(np.hstack([x, np.zeros((150, 5))]))
    c, weights = np.full(2, 1.0), np.random.default_rng(0).choice([0, 1, 2], size=(150, 2))
    held = logistic.coordinates(wide)
    dense = logistic.fit(x, y, c, 1e-9, weights)
    assert logistic.fit(held, y, c, 1e-9, weights).decide(held) == pytest.approx(dense.decide(x), abs=1e-4)


def test_a_class_that_never_occurs_is_never_claimed():
    x, y = problem(4, 100, 5, 3)
    y[:, 1], y[:50, 2] = False, True
    weights = np.ones((100, 3))
    weights[50:, 2] = 0  # the third says yes wherever it has weight
    fitted = logistic.fit(x, y, np.full(3, 1.0), weights=weights)
    assert fitted.one_class.tolist() == [False, True, True]
    assert fitted.decide(x)[:, 1] == pytest.approx(-np.log(201))
    assert fitted.decide(x)[:, 2] == pytest.approx(np.log(101))
    assert_contract(fitted, 0, x, y[:, 0], optimum(x, y[:, 0], 1.0))


def test_a_constant_representation_gives_the_class_share():
    y = np.arange(100)[:, None] < 20
    fitted = logistic.fit(np.ones((100, 3)), y, np.array([1.0]))
    assert fitted.decide(np.ones((1, 3)))[0, 0] == pytest.approx(np.log(0.2 / 0.8), abs=1e-3)
    assert logistic.coordinates(np.ones((2, 3))).shape == (2, 0)


@pytest.mark.parametrize("tolerance", [1e-3, 1e-6, 1e-9])
def test_the_final_gradient_is_reported(tolerance):
    x, y = problem(5, 400, 20, 3)
    fitted = logistic.fit(x, y, np.full(3, 1.0), tolerance)
    assert (fitted.gradient <= tolerance).all()
    residual = (1 / (1 + np.exp(-fitted.decide(x))) - y) / 400
    gradient = np.vstack([x.T @ residual + fitted.weights / 400, residual.sum(axis=0)])
    gradient[:-1] -= np.outer(x.mean(axis=0), gradient[-1])  # the solver's X is centred
    assert fitted.gradient == pytest.approx(np.linalg.norm(gradient, axis=0), rel=1e-2, abs=1e-7)


@pytest.mark.parametrize("hole", [np.nan, np.inf])
def test_holes_are_refused(hole):
    x, y = problem(6, 30, 4, 1)
    for broken in (np.where(x == x[3, 2], hole, x), sparse.csr_matrix(np.where(x == x[3, 2], hole, x))):
        with pytest.raises(ScoreError, match="NaN or Inf"):
            logistic.fit(broken, y, np.array([1.0]))
        with pytest.raises(ScoreError, match="NaN or Inf"):
            logistic.coordinates(broken)
    with pytest.raises(ScoreError, match="weights of rows"):
        logistic.fit(x, y, np.array([1.0]), weights=np.full((30, 1), hole))


def test_weights_below_zero_or_all_zero_and_impossible_c_are_refused():
    x, y = problem(6, 30, 4, 2)
    for weights, c, why in (
        (np.full((30, 2), -1.0), 1.0, "below 0"),
        (np.ones((30, 1)) * [0, 1], 1.0, "leaves every row out"),
        (np.ones((29, 2)), 1.0, "do not fit"),
        (None, 0.0, "C has to be"),
        (None, np.nan, "C has to be"),
    ):
        with pytest.raises(ScoreError, match=why):
            logistic.fit(x, y, np.full(2, c), weights=weights)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_cuda_finds_what_the_cpu_finds():
    x, y = problem(1, 500, 40, 6)
    c = np.full(6, 3.0)
    there = logistic.fit(logistic.coordinates(x, "cuda"), y, c, 1e-9, device="cuda")
    here = logistic.fit(x, y, c, 1e-9)
    assert np.abs(there.weights).sum() > 0
    assert there.decide(logistic.coordinates(x, "cuda")) == pytest.approx(here.decide(x), abs=1e-4)
