"""Probes: is a row's label linearly decodable from its representation?

One logistic regression per label against the rest (Alain & Bengio 2016, arXiv 1610.01644), by
cross-validation, scored by macro-F1: the mean of the F1 of "yes" and of "no". A probe that always
says "no" gets 0.49 where positives are rare; that floor stands beside every value.

Outcomes hold, for each row, the decision values of all labels (`scores`, labels in sorted order).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from harness.measure.baselines import baseline_results, task_folds, unbeaten, untrained_said, words_result
from harness.measure.choice import lost_note
from harness.measure.control import control_task, once_note, types_of
from harness.measure.folds import FOLDS, SEED, Fold, in_order
from harness.measure.leaks import leak_results
from harness.measure.linear import Floats, Held, Problem, Recipe, held_out, problem
from harness.measure.mdl import code_results, v_information
from harness.measure.tables import Scale, average_precision, balanced_accuracy, macro_f1, said_alone, tables
from harness.results import Findings, Outcome, Result
from harness.rows import Row, Scores
from harness.threads import one_blas_thread


def paper_probe(scores: Scores[Row], unit_length: bool = True) -> Findings:
    """The published protocol, leaks included: scikit-learn's LogisticRegression(C=1, lbfgs,
    max_iter=1000) on unit-length vectors of all rows, folds stratified per label, shuffled with
    seed 42 and blind to groups; macro-F1 averaged over folds, then over labels.

    The folds depend on the order of the rows. `leak` says what share of test rows had something in training.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold

    found = problem(scores, unit_length)
    x, y = found.x, found.y
    decisions, numbers = np.zeros(y.shape), np.zeros(y.shape, int)
    folds: list[Fold] = []
    with one_blas_thread():
        for j in range(y.shape[1]):
            split = StratifiedKFold(FOLDS, shuffle=True, random_state=SEED).split(y, y[:, j])
            for number, (train, test) in enumerate(split):
                model = LogisticRegression(C=1.0, solver="lbfgs", max_iter=1000).fit(x[train], y[train, j])
                decisions[test, j] = model.decision_function(x[test])
                numbers[test, j] = number
                folds.append((train, test))
    scale, said = Scale(y, found.wanted, scores.groups), decisions > 0
    shape = (-1, FOLDS, len(found.wanted), 4)
    never = tables(y, np.zeros_like(y), numbers).sum(axis=0).reshape(shape)
    results = scale.results(
        "macro_f1",
        tables(y, said, numbers),
        lambda drawn: macro_f1(drawn.reshape(shape)),
        floors=macro_f1(never)[0],
    )
    notes = ["preset paper: folds not grouped", *_notes(scores, scale, decisions > 0, found.wanted)]
    results = [_noted(results[0], notes), *results[1:], *leak_results(scores.rows, folds)]
    return Findings(tuple(results), tuple(_outcomes(scores, found.wanted, decisions)))


def grouped_probe(
    scores: Scores[Row],
    *,
    c: float | None = None,
    standardise: bool = False,
    components: int | None = None,
    softmax: bool = False,
    untrained: Scores[Row] | None = None,
    alone: bool = False,
) -> Findings:
    """Macro-F1 of linear probes in folds that no caption or picture straddles, and what it has to be compared with.

    The order of rows plays no part. C is chosen per label by log-loss inside the training folds, or fixed as `c`.
    Inside a fold, `standardise` divides columns by their standard deviation, and `components` keeps that many
    principal components, so that models of different widths have equally many; both learn from its training rows.
    `softmax` fits one multinomial regression over the labels in place of one for each label against the rest; it says
    yes to the likeliest label alone. `untrained` are the vectors of the same rows by the same architecture with random
    weights. `alone` leaves out all but the probe of the task itself and, where texts are seen, that of their words.

    Results, of slices "all", "group=vertical" (the mean over the relations of an axis) and "relation=…":
    `macro_f1`, whose floor is never saying yes; `control_macro_f1` of the control task and `selectivity`, the former
    less the latter (see `control.control_task` for its folds); and of "all": `balanced_accuracy`,
    `average_precision`, `v_information` in bits, `mdl_bits` a label and `compression` of the online code.
    `macro_f1` of slices "baseline=…" are a constant answer, probes of the rows' own words and of random weights.
    `leak` of slices "shared=…" is the share of test rows of which something stands in training.
    Control task and code use for each label the median over folds of the C that the task has chosen.
    Raises ScoreError on NaN or Inf, DataError where rows, labels or groups are too few.
    """
    scores, recipe = in_order(scores), Recipe(c=c, standardise=standardise, components=components, softmax=softmax)
    with one_blas_thread():
        found = problem(scores)
        folds = task_folds(found)
        held = held_out(found, folds, recipe)
        scale, said = Scale(found.y, found.wanted, scores.groups), held.decisions > 0
        results, notes = scale.f1_results(said), _notes(scores, scale, said, found.wanted)
        if held.steep:
            notes.append("some probes did not converge")
        if (least := min(len(train) for train, _ in folds) / len(found.labels)) < 1 / 2:
            notes.append(f"groups so large that a fold learns from {least:.0%} of the rows")
        if components is not None and found.x.shape[1] < components:
            notes.append(f"the representation has only {found.x.shape[1]} dimensions, not {components}")
        if not alone:
            random = None if untrained is None else untrained_said(scores, untrained, recipe)
            baselines = baseline_results(scores, said, scale, recipe, random)
            results += [
                *_control(scores, found, held, scale, recipe),
                *_kin(found, held, scale, recipe),
                *baselines,
                *leak_results(scores.rows, folds),
            ]
        elif scores.sees_texts:
            results.append(words_result(scores, said, scale, recipe))
        notes += unbeaten(results)
    results[0] = _noted(results[0], notes)
    return Findings(tuple(results), tuple(_outcomes(scores, found.wanted, held.decisions)))


def _control(scores: Scores[Row], found: Problem, held: Held, scale: Scale, recipe: Recipe) -> list[Result]:
    types = types_of(scores)
    control, learnt = control_task(found, types, recipe, np.median(held.c, axis=0))
    other = Scale(control.y, found.wanted, scores.groups)
    first, *rest = other.f1_results(learnt.decisions > 0, "control_macro_f1")
    selectivity = scale.differences("selectivity", held.decisions > 0, control.y, learnt.decisions > 0)
    return [*selectivity, _noted(first, [once_note(types)]), *rest]


def _kin(found: Problem, held: Held, scale: Scale, recipe: Recipe) -> list[Result]:
    """Other measures of the same decisions, over all labels."""
    counted = tables(found.y, held.decisions > 0)

    def balanced(drawn: Floats) -> Floats:
        return balanced_accuracy(drawn.reshape(len(drawn), 1, -1, 4))

    return [
        *scale.results("balanced_accuracy", counted, balanced, chance=0.5, parts=["all"]),
        average_precision(scale, held.decisions),
        # of one label alone there is nothing to tell
        *([v_information(found, held.logs)] if len(found.wanted) > 1 else []),
        *(code_results(found, recipe, np.median(held.c, axis=0)) if len(found.wanted) > 1 else []),
    ]


def _notes(scores: Scores[Row], scale: Scale, said: NDArray[np.bool_], wanted: Sequence[str]) -> list[str]:
    lost = lost_note([reason for _, reason in scores.failed], len(scores.failed) + len(scores.rows))
    return [scale.note, lost, said_alone(said, wanted)]


def _noted(result: Result, notes: Sequence[str]) -> Result:
    return replace(result, note="; ".join(filter(None, [*notes, result.note])))


def _outcomes(scores: Scores[Row], wanted: list[str], decisions: Floats) -> list[Outcome]:
    """One line a row: what it is, and the label of the highest decision value above 0 ("" for none)."""
    said = [wanted[row.argmax()] if row.max() > 0 else "" for row in decisions]
    lines = []
    for row, group, predicted, values in zip(scores.rows, scores.groups, said, decisions, strict=True):
        gold = row.label if row.label in wanted else ""
        lines.append(
            Outcome(
                row=row.id,
                group=group,
                slice="all",
                gold=gold,
                predicted=predicted,
                correct=float(gold == predicted),
                scores=tuple(float(v) for v in values),
            )
        )
    lines += [
        Outcome(row=row.id, group="", slice="all", gold=row.label, predicted=None, correct=None)
        for row, _ in scores.failed
    ]
    return lines
