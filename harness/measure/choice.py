"""Accuracy of choosing a caption: the highest score wins, a tie for the top is worth 1/k."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.errors import ScoreError
from harness.measure.intervals import mean_interval
from harness.results import Findings, Outcome, Result
from harness.rows import ChoiceRow, Scores


def credit(scores: NDArray[Any], gold: NDArray[Any]) -> NDArray[np.float64]:
    """What each row earns: 1, 0, or 1/k when the gold caption shares the top with k - 1 others.

    `scores` is (rows, captions), `gold` (rows,) indexes. Raises ScoreError on NaN or Inf.
    """
    if scores.ndim != 2 or len(scores) != len(gold):
        raise ScoreError(f"caption scores have shape {scores.shape}, expected ({len(gold)}, captions)")
    if not np.isfinite(scores).all():
        raise ScoreError(
            f"caption scores hold NaN or Inf in {(~np.isfinite(scores)).any(1).sum()} of {len(scores)} rows"
        )
    top = scores == scores.max(axis=1, keepdims=True)
    return np.asarray(top[np.arange(len(gold)), gold] / top.sum(axis=1), np.float64)


def caption_choice(scores: Scores[ChoiceRow]) -> Findings:
    """Accuracy over all rows and per relation (the rows' labels), with intervals over groups.

    Rows whose picture could not be had are counted in the notes and have no say in the numbers.
    """
    rows, values = scores.rows, np.asarray(scores.values)
    earned = credit(values, np.array([row.gold for row in rows], dtype=int))
    slices: dict[str, list[int]] = defaultdict(list)
    for i, row in enumerate(rows):
        slices["all"].append(i)
        slices[f"relation={row.label}"].append(i)
    lost = [(row.label, reason) for row, reason in scores.failed]
    results = [_result(name, index, earned, scores, lost) for name, index in sorted(slices.items())]
    answered = [_outcome(row, values[i], float(earned[i])) for i, row in enumerate(rows)]
    unanswered = [
        Outcome(
            row=r.id, group=r.group, slice=f"relation={r.label}", gold=r.options[r.gold], predicted=None, correct=None
        )
        for r, _ in scores.failed
    ]
    return Findings(tuple(results), tuple(sorted(answered + unanswered, key=lambda o: o.row)))


def _result(
    name: str, index: list[int], earned: NDArray[np.float64], scores: Scores[ChoiceRow], lost: list[tuple[str, str]]
) -> Result:
    rows = [scores.rows[i] for i in index]
    # sums of floats depend on their order: the order of ids, so that the rows' own does not matter
    index = [i for _, i in sorted(zip((r.id for r in rows), index, strict=True))]
    low, high = mean_interval(earned[index], [scores.groups[i] for i in index])
    failed = [reason for label, reason in lost if name in ("all", f"relation={label}")]
    return Result(
        metric="accuracy",
        slice=name,
        value=float(earned[index].mean()),
        low=low,
        high=high,
        n=len(index),
        chance=float(np.mean([1 / len(row.captions) for row in rows])),
        note=lost_note(failed, len(failed) + len(index)),
    )


def lost_note(reasons: list[str], total: int) -> str:
    """How many pictures could not be had, and why the first could not."""
    return f"{len(reasons)} of {total} pictures failed, the first: {reasons[0]}" if reasons else ""


def _outcome(row: ChoiceRow, values: NDArray[Any], earned: float) -> Outcome:
    top = np.flatnonzero(values == values.max())
    return Outcome(
        row=row.id,
        group=row.group,
        slice=f"relation={row.label}",
        gold=row.options[row.gold],
        predicted=row.options[top[0]] if len(top) == 1 else None,
        correct=earned,
        scores=tuple(float(v) for v in values),
    )
