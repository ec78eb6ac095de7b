"""Vertical against horizontal: which axis of space a model knows better, and whether the difference is real."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from harness.errors import DataError
from harness.measure.choice import caption_choice, lost_note, row_credit
from harness.measure.intervals import bootstrap, group_sums
from harness.relations import AXES
from harness.results import Findings, Result
from harness.rows import ChoiceRow, Scores

SIDES = ("vertical", "horizontal")


def axis_contrast(scores: Scores[ChoiceRow]) -> Findings:
    """Accuracy on vertical relations less that on horizontal ones, and each axis by itself.

    The interval draws groups, as all do: where a group has rows on both axes they are drawn together and the
    difference is a paired one, else it is one of two samples. Rows on no axis have no say. Raises DataError
    where an axis has no row.
    """
    kept = [i for i, row in enumerate(scores.rows) if row.label in AXES]
    held = replace(
        scores,
        rows=tuple(scores.rows[i] for i in kept),
        values=np.asarray(scores.values)[kept],
        groups=tuple(scores.groups[i] for i in kept),
        failed=tuple((row, why) for row, why in scores.failed if row.label in AXES),
    )
    axes = np.array([AXES[row.label] for row in held.rows])
    for side in SIDES:
        if side not in axes:
            raise DataError(f"no row states a {side} relation: a contrast needs rows on both axes")
    relabelled = replace(held, rows=tuple(replace(row, label=axis) for row, axis in zip(held.rows, axes, strict=True)))
    by_axis = [
        replace(result, slice=result.slice.replace("relation=", "group="))
        for result in caption_choice(relabelled).results
        if result.slice.startswith("relation=")
    ]
    choice = caption_choice(held)
    relations = [result for result in choice.results if result.slice.startswith("relation=")]
    return Findings((_difference(held, axes), *by_axis, *relations), choice.outcomes)


def _difference(scores: Scores[ChoiceRow], axes: NDArray[np.str_]) -> Result:
    order = np.argsort([row.id for row in scores.rows], kind="stable")  # sums of floats depend on their order
    here = np.stack([axes == side for side in SIDES], axis=1).astype(float)  # (rows, 2)
    sums = group_sums(
        np.hstack([here * row_credit(scores)[:, None], here])[order], [scores.groups[i] for i in order]
    )  # (groups, 4)

    def statistic(drawn: NDArray[np.float64]) -> NDArray[np.float64]:
        with np.errstate(invalid="ignore"):  # a draw without rows on one axis says nothing
            return np.asarray(drawn[:, 0] / drawn[:, 2] - drawn[:, 1] / drawn[:, 3])

    low, high = bootstrap(sums, statistic)
    several = len(sums) > 1
    return Result(
        metric="difference",
        value=float(statistic(sums.sum(axis=0, keepdims=True))[0]),
        low=float(low) if several else None,
        high=float(high) if several else None,
        n=int(here.sum()),
        chance=0.0,
        note=lost_note([why for _, why in scores.failed], len(scores.failed) + len(scores.rows)),
    )
