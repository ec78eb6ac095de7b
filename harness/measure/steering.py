"""Steering: does a chat model say what its hidden states are pushed to?

A probe's direction shows where an answer can be read; adding it to the states while the model answers shows whether the
model reads there too. A push is `alpha` times the unit vector along which the decision for a relation rises fastest, as
in the seed study: an absolute length, beside which the mean length of the layer's states is told. A model may also be
shaken out of any answer by a push of that length, so that random directions of equal length stand beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.errors import ScoreError
from harness.measure.answers import read_answer
from harness.measure.choice import lost_note
from harness.measure.curves import FEW
from harness.measure.intervals import SEED, bootstrap, few_note, finite, group_sums, mean_interval
from harness.measure.readout import probe_in
from harness.results import Findings, Outcome, Result
from harness.rows import QuestionRow, Scores

ALPHAS = (0.0, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0)
DRAWS = 3  # random directions
METRICS = ("turned", "turned_random", "turned_difference")
Floats = NDArray[np.float64]
Push = NDArray[np.float32]
Said = NDArray[np.object_]  # the relation that each answer gives, "" where it cannot be read


@dataclass(frozen=True, slots=True)
class Steered:
    """What was said with pushes of one length: to each relation, and in random directions."""

    alpha: float
    to: dict[str, Said]
    random: list[Said]


def steering(
    probed: Findings,
    before: Scores[QuestionRow],
    ask: Callable[[int, Push], Scores[QuestionRow]],
    *,
    alphas: Sequence[float] = ALPHAS,
    draws: int = DRAWS,
) -> Findings:
    """Share of answers that turn to the relation to which states are pushed, of those that were another: `turned`.

    `probed` holds the probes (`layer_probe`), `before` the answers without a push to questions on which none was
    trained, and `ask(layer, push)` answers the same questions with a push (d,). The layer is the best on validation
    rows of those that can be pushed and whose states are what leaves a block: neither the first, nor the last, which
    some models normalise. Slices are `alpha=10` and the relation; "all" is over all alphas but 0. The floor is
    `turned_random`, that of `draws` random directions; `turned_difference` is the one less the other, groups being
    drawn together. `unparsable` are pushed answers that cannot be read. Raises ScoreError where other rows are
    answered than were asked.

    Outcomes are one line an answer, alpha but 0, and relation to which was pushed, whatever the model says without a
    push, so that two checkpoints have the same rows. `correct` is whether the answer names that relation: unlike
    `turned`, it counts answers that did so before, and the mean over all lines is the share of answers that obey.
    """
    layer = 1 + int(np.argmax(probed.about["validation"][1:-1] or [0]))
    probe = probe_in(probed.arrays, probed.about, layer)
    blind = _random_directions(len(probe.weights), draws)
    told = _said(before, before.rows)

    def answers(push: Push) -> Said:
        return _said(ask(layer, push.astype(np.float32)), before.rows)

    found = []
    for alpha in alphas:
        if alpha:
            to = {label: answers(alpha * probe.direction(label)) for label in probe.labels}
            found.append(Steered(alpha, to, [answers(alpha * direction) for direction in blind]))
        else:  # of no length, every direction is one
            same = answers(np.zeros(len(probe.weights), np.float32))
            found.append(Steered(alpha, dict.fromkeys(probe.labels, same), [same]))
    note = f"pushed at layer {layer}, whose states have a mean length of {probed.about['lengths'][layer]:.3g}"
    lost = [why for _, why in before.failed]
    note = "; ".join(filter(None, (note, lost_note(lost, len(lost) + len(told)))))
    results = [*_slices(found, told, before.groups, probe.labels, note), *_unparsable(found, before.groups)]
    return Findings(tuple(results), tuple(_outcomes(found, before)))


def _said(answers: Scores[QuestionRow], asked: Sequence[QuestionRow]) -> Said:
    if [row.id for row in answers.rows] != [row.id for row in asked]:
        raise ScoreError(f"{len(answers.rows)} rows were answered with a push, not the {len(asked)} asked before")
    read = [read_answer(text, row.answers) for text, row in zip(answers.values, asked, strict=True)]
    return np.array(["" if k is None else row.options[k] for k, row in zip(read, asked, strict=True)], object)


def _random_directions(width: int, draws: int) -> list[Push]:
    drawn = np.random.default_rng(SEED).normal(size=(draws, width))
    return list((drawn / np.linalg.norm(drawn, axis=1, keepdims=True)).astype(np.float32))


# --- results --------------------------------------------------------------------------------------


def _slices(
    found: Sequence[Steered], told: Said, groups: Sequence[str], labels: Sequence[str], note: str
) -> list[Result]:
    pushed = [steered for steered in found if steered.alpha]
    slices = {"all": (pushed, labels)} | {f"alpha={steered.alpha:g}": ([steered], labels) for steered in found}
    slices |= {f"relation={label}": (pushed, (label,)) for label in labels}
    results = []
    for name, (part, targets) in slices.items():
        sums = sum(_turned(steered, told, label) for steered in part for label in targets)
        results += _results(name, np.asarray(sums), groups, note if name == "all" else "")
    return results


def _turned(steered: Steered, told: Said, label: str) -> Floats:
    """Of each answer, (answers, 3): whether it turned, how often it did in random directions, whether it could."""
    could = told != label
    by_chance = np.mean([said == label for said in steered.random], axis=0)
    return np.column_stack([could & (steered.to[label] == label), could * by_chance, could]).astype(np.float64)


def _results(name: str, sums: Floats, groups: Sequence[str], note: str) -> list[Result]:
    if not sums[:, 2].any():
        return [Result(metric="turned", slice=name, value=None, n=0, note="all answers were that before the push")]

    def shares(drawn: Floats) -> Floats:
        with np.errstate(invalid="ignore"):  # a draw without any that could turn says nothing
            one, other = drawn[:, 0] / drawn[:, 2], drawn[:, 1] / drawn[:, 2]
        return np.stack([one, other, one - other], axis=1)

    grouped = group_sums(sums, groups)
    values = shares(sums.sum(axis=0, keepdims=True))[0]
    low, high = np.full((2, 3), np.nan) if few_note(groups, FEW) else bootstrap(grouped, shares)
    floors = {"turned": float(values[1]), "turned_difference": 0.0}
    return [
        Result(
            metric=metric,
            slice=name,
            value=float(values[k]),
            low=finite(low[k]),
            high=finite(high[k]),
            n=int(sums[:, 2].sum()),
            floor=floors.get(metric),
            note=note if metric == "turned" else "",
        )
        for k, metric in enumerate(METRICS)
    ]


def _unparsable(found: Sequence[Steered], groups: Sequence[str]) -> list[Result]:
    results = []
    for steered in found:
        lost = np.mean([said == "" for said in steered.to.values()], axis=0)
        low, high = mean_interval(lost, groups)
        name = f"alpha={steered.alpha:g}"
        results.append(Result(metric="unparsable", slice=name, value=lost.mean(), low=low, high=high, n=len(lost)))
    return results


def _outcomes(found: Sequence[Steered], before: Scores[QuestionRow]) -> list[Outcome]:
    return [
        Outcome(
            row=f"{row.id} alpha={steered.alpha:g} to {label}",
            group=group,
            slice=f"alpha={steered.alpha:g}",
            gold=label,
            predicted=answer or None,
            correct=float(answer == label),
        )
        for steered in found
        if steered.alpha
        for label, said in steered.to.items()
        for row, group, answer in zip(before.rows, before.groups, said, strict=True)
    ]
