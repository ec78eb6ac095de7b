"""Analogies: does what makes one picture of another do the same to a third?

Kamath, Hessel & Chang (2023), arXiv 2310.19785, sec. 2.4: for two objects and two relations, is I(mug on table) - I(mug
under table) + I(bowl under table) closest to I(bowl on table), of all of the bowl's pictures?
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from itertools import permutations

import numpy as np
from numpy.typing import NDArray

from harness.errors import DataError, ScoreError
from harness.measure.choice import credit, lost_note
from harness.measure.intervals import FEW_GROUPS, bootstrap
from harness.results import Findings, Outcome, Result
from harness.rows import Row, Scores

DIGITS = 10  # of cosines: those of equal pictures differ by rounding
Floats = NDArray[np.float64]
Indexes = NDArray[np.intp]


def analogies(scores: Scores[Row], by: str = "relation") -> Findings:
    """How many analogies between two objects hold, over all labels and by the label that is sought (slices `by=`).

    `scores` are vectors of pictures (rows, d), of each object (the group) one with each label. For two objects o and
    p and two labels r and s, o_r - o_s + p_s is to be closest to p_r, of p's pictures. `accuracy` leaves p_s out, as
    is usual for words: chance is 1 in the number of other labels. `paper_accuracy` has it among the candidates, as
    published; being a term of the sum it is close to it, so that unrelated vectors get nearly 0, not chance. A tie
    of k is worth 1/k. Intervals draw objects, and with them the analogies between those that are drawn (Snijders &
    Borgatti 1999). Objects without a picture for each label are left out and counted. Raises DataError where fewer
    than two objects are whole, or there are fewer than three labels, ScoreError on NaN or Inf.
    """
    objects, labels, vectors, left = _whole(scores)
    pairs = permutations(range(len(objects)), 2)
    asked = np.array(
        [(*pair, r, s) for pair in pairs for r, s in permutations(range(len(labels)), 2)]
    )  # (analogies, 4)
    cosines = _cosines(vectors, asked)  # (analogies, labels)
    others = np.array([[t for t in range(len(labels)) if t != s] for s in range(len(labels))])[asked[:, 3]]
    kept = np.take_along_axis(cosines, others, axis=1)  # (analogies, labels - 1)
    earned = credit(kept, (others == asked[:, 2, None]).argmax(axis=1))
    counted = {"accuracy": earned, "paper_accuracy": credit(cosines, asked[:, 2])}
    lost = lost_note([why for _, why in scores.failed], len(scores.failed) + len(scores.rows))
    parts = {"all": np.full(len(asked), True), **{f"{by}={name}": asked[:, 2] == k for k, name in enumerate(labels)}}
    results = [
        _result(metric, name, values[part], asked[part], 1 / (len(labels) - (metric == "accuracy")))
        for name, part in parts.items()
        for metric, values in counted.items()
    ]
    said = [replace(r, note="; ".join(filter(None, (lost, left, r.note)))) if r.slice == "all" else r for r in results]
    return Findings(tuple(said), _outcomes(objects, labels, asked, kept, others, earned, by))


def _whole(scores: Scores[Row]) -> tuple[list[str], list[str], Floats, str]:
    """The objects with a picture for each label, the labels, unit vectors (objects, labels, d), who was left out."""
    if not np.isfinite(scores.values).all():
        raise ScoreError("the representation holds NaN or Inf")
    places: dict[str, dict[str, int]] = defaultdict(dict)
    for i, row in enumerate(scores.rows):
        places[scores.groups[i]][row.label] = i
    labels = sorted({row.label for row in scores.rows})
    objects = sorted(name for name, found in places.items() if len(found) == len(labels))
    if len(objects) < 2 or len(labels) < 3:
        raise DataError(
            f"{len(objects)} objects have pictures with all of {len(labels)} labels: analogies need 2 and 3"
        )
    index = [[places[name][label] for label in labels] for name in objects]
    vectors = np.asarray(scores.values, np.float64)[index]
    lost = len(places) - len(objects)
    left = f"{lost} incomplete object{'s' * (lost > 1)} left out" if lost else ""
    return objects, labels, vectors / np.linalg.norm(vectors, axis=2, keepdims=True), left


def _cosines(vectors: Floats, asked: Indexes) -> Floats:
    """How close each analogy's sum is to the second object's pictures, up to the sum's length: (analogies, labels)."""
    between = np.einsum("ord,ptd->orpt", vectors, vectors)
    o, p, r, s = asked.T
    return np.asarray(np.round(between[o, r, p] - between[o, s, p] + between[p, s, p], DIGITS))


def _result(metric: str, slice_: str, earned: Floats, asked: Indexes, chance: float) -> Result:
    size = int(asked[:, :2].max()) + 1
    table = np.zeros((size, size))  # what analogies from each object to each other earn on average
    np.add.at(table, (asked[:, 0], asked[:, 1]), earned * size * (size - 1) / len(asked))

    def statistic(drawn: Floats) -> Floats:
        """The mean over pairs of different objects, as often as both are drawn: (draws, objects) -> (draws,)."""
        with np.errstate(invalid="ignore"):  # a draw of one object alone says nothing
            pairs = drawn.sum(axis=1) ** 2 - (drawn**2).sum(axis=1)
            return np.asarray(np.einsum("do,op,dp->d", drawn, table, drawn) / pairs)

    low, high = bootstrap(np.eye(size), statistic) if size >= FEW_GROUPS else (None, None)
    return Result(
        metric=metric,
        slice=slice_,
        value=float(earned.mean()),
        low=None if low is None else float(low),
        high=None if high is None else float(high),
        n=len(earned),
        chance=chance,
        note="" if size >= FEW_GROUPS else f"no interval: {size} objects are too few",
    )


def _outcomes(
    objects: list[str], labels: list[str], asked: Indexes, kept: Floats, others: Indexes, earned: Floats, by: str
) -> tuple[Outcome, ...]:
    lines = []
    for (o, p, r, s), values, options, correct in zip(asked.tolist(), kept, others, earned, strict=True):
        top = options[values == values.max()]
        lines.append(
            Outcome(
                row=f"{objects[o]} to {objects[p]}: {labels[r]} for {labels[s]}",
                group=objects[p],
                slice=f"{by}={labels[r]}",
                gold=labels[r],
                predicted=labels[top[0]] if len(top) == 1 else None,
                correct=float(correct),
                scores=tuple(float(value) for value in values),
            )
        )
    return tuple(lines)
