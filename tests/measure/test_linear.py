"""Linear probes: what a recipe learns in a fold is scikit-learn's, and of training rows alone."""

from dataclasses import replace

import numpy as np
import pytest
from probed_rows import LABELS, noise, oracle, repeated, scored
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler, normalize

from harness.measure import linear
from harness.measure.baselines import task_folds
from harness.measure.linear import Recipe, held_out, problem
from harness.measure.probe import grouped_probe
from harness.threads import one_blas_thread


@pytest.fixture(scope="module")
def scores():
    rows = repeated(40)
    return scored(
        rows, (oracle(rows) + noise(rows, 4)) @ np.random.default_rng(0).normal(size=(4, 10)) + noise(rows, 10)
    )


UNIT = FunctionTransformer(lambda x: x / np.sqrt(x.shape[1]))


def expected(found, *steps, c=1.0):
    decisions = np.zeros(found.y.shape)
    for train, test in task_folds(found):
        for k in range(found.y.shape[1]):
            model = make_pipeline(*steps, LogisticRegression(C=c, tol=1e-9, max_iter=5000))
            decisions[test, k] = model.fit(found.x[train], found.y[train, k]).decision_function(found.x[test])
    return decisions


@pytest.fixture(autouse=True)
def _few_rows_are_enough(monkeypatch, scores):
    monkeypatch.setattr(linear, "MIN_ROWS", 20)
    with one_blas_thread():
        yield


@pytest.mark.parametrize(
    ("recipe", "steps"),
    [
        (Recipe(c=1.0), []),
        (Recipe(c=1.0, standardise=True), [StandardScaler(), UNIT]),
        (Recipe(c=1.0, components=3), [PCA(3)]),
        (Recipe(c=1.0, components=3, standardise=True), [StandardScaler(), UNIT, PCA(3)]),
    ],
    ids=["plain", "standardised", "components", "both"],
)
def test_decisions_are_scikit_learns(scores, recipe, steps):
    found = problem(scores)
    assert found.x == pytest.approx(normalize(scores.values))
    assert held_out(found, task_folds(found), recipe).decisions == pytest.approx(expected(found, *steps), abs=1e-3)


def test_one_softmax_is_scikit_learns_and_says_yes_to_the_likeliest(scores):
    found = problem(scores)
    held, folds = held_out(found, task_folds(found), Recipe(c=1.0, softmax=True)), task_folds(found)
    for train, test in folds:
        model = LogisticRegression(C=1.0, tol=1e-8).fit(found.x[train], np.array(found.labels)[train])
        assert np.exp(held.logs[test]) == pytest.approx(model.predict_proba(found.x[test]), abs=1e-3)
    assert ((held.decisions > 0).sum(axis=1) == 1).all()
    assert held.decisions.argmax(axis=1).tolist() == held.logs.argmax(axis=1).tolist()


def test_a_softmax_knows_rows_of_rare_labels_as_one_class_of_their_own(scores, monkeypatch):
    rare = {row.id for row in scores.rows if row.label == LABELS[3]}
    rows = tuple(row for row in scores.rows if row.id not in rare or row.id < "005")  # one caption of that label
    kept = [i for i, row in enumerate(scores.rows) if row.id not in rare or row.id < "005"]
    monkeypatch.setattr(linear, "MIN_ROWS", 30)
    found = problem(scored(rows, scores.values[kept]))
    assert found.wanted == list(LABELS[:3])
    held = held_out(found, task_folds(found), Recipe(c=1.0, softmax=True))
    assert np.exp(held.logs).sum(axis=1) == pytest.approx(1)
    assert ((held.decisions > 0).sum(axis=1) <= 1).all()


def test_probabilities_of_one_against_the_rest_sum_to_one(scores):
    found = problem(scores)
    assert np.exp(held_out(found, task_folds(found), Recipe(c=1.0)).logs).sum(axis=1) == pytest.approx(1)


@pytest.mark.parametrize("softmax", [False, True])
def test_c_is_of_the_grid_and_chosen_for_each_fold(scores, softmax):
    found = problem(scores)
    held = held_out(found, task_folds(found), Recipe(softmax=softmax))
    assert held.c.shape == (5, 4)
    assert set(held.c.ravel()) <= set(linear.C_GRID)


def test_what_stands_in_a_test_fold_changes_nothing_that_is_learnt(scores):
    """Scale, components and C are of training rows: other values in test rows leave the rest of them alone."""
    found = problem(scores)
    (train, test), *_ = task_folds(found)
    recipe = Recipe(standardise=True, components=5)
    changed = found.x.copy()
    changed[test[1:]] *= 100
    one, other = (held_out(replace(found, x=x), [(train, test)], recipe) for x in (found.x, changed))
    assert one.c.tolist() == other.c.tolist()
    assert one.decisions[test[0]] == pytest.approx(other.decisions[test[0]], abs=1e-4)


def test_fewer_dimensions_than_components_are_told(scores):
    note = grouped_probe(scores, components=64, alone=True).results[0].note
    assert "the representation has only 10 dimensions, not 64" in note


@pytest.mark.parametrize(
    "options", [{"c": 10.0}, {"standardise": True}, {"components": 4}, {"softmax": True, "c": 1.0}]
)
def test_options_leave_the_order_of_rows_without_a_part(scores, options):
    order = np.random.default_rng(3).permutation(len(scores.rows))
    shuffled = scored(tuple(scores.rows[i] for i in order), scores.values[order])
    assert grouped_probe(shuffled, **options, alone=True) == grouped_probe(scores, **options, alone=True)


def test_the_probe_alone_has_its_own_numbers_and_those_of_its_words(scores):
    findings = grouped_probe(scores, alone=True)
    assert {r.metric for r in findings.results} == {"macro_f1"}
    assert {r.slice for r in findings.results if r.slice.startswith("baseline=")} == {"baseline=bag of words"}
