"""Vertical against horizontal: which axis of space a model knows better, and whether the difference is real."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.errors import DataError
from harness.measure.choice import caption_choice, lost_note, preference_floor, row_credit
from harness.measure.intervals import bootstrap, group_sums
from harness.relations import AXES
from harness.results import Findings, Result
from harness.rows import NO_CAPTION, ChoiceRow, Scores

SIDES = ("vertical", "horizontal")


def axis_contrast(scores: Scores[ChoiceRow], *, balanced: bool = True) -> Findings:
    """Accuracy on vertical relations less that on horizontal ones, and each axis by itself.

    Where a row has captions of several axes (What'sUp), it is asked to choose among those of the true one's axis:
    else always saying "on" would look like knowing the vertical.
    The interval draws groups, as all do: where a group has rows on both axes they are drawn together and the
    difference is a paired one, else it is one of two samples. Rows on no axis have no say. Where options are not right
    equally often, say `balanced=False`: the floor of each axis is then `preference_floor`, and that of the difference
    theirs. Raises DataError where an axis has no row.
    """
    kept = [i for i, row in enumerate(scores.rows) if row.label in AXES]
    rows, values = _within_axes([scores.rows[i] for i in kept], np.asarray(scores.values)[kept])
    held = replace(
        scores,
        rows=rows,
        values=values,
        groups=tuple(scores.groups[i] for i in kept),
        failed=tuple((row, why) for row, why in scores.failed if row.label in AXES),
    )
    axes = np.array([AXES[row.label] for row in held.rows])
    for side in SIDES:
        if side not in axes:
            raise DataError(f"no row states a {side} relation: a contrast needs rows on both axes")
    relabelled = replace(held, rows=tuple(replace(row, label=axis) for row, axis in zip(held.rows, axes, strict=True)))
    floors: dict[str, float | None] = dict.fromkeys(set(axes))
    if not balanced:
        floors = {axis: preference_floor([row for row in relabelled.rows if row.label == axis]) for axis in floors}
    by_axis = [
        replace(result, slice=f"group={axis}", floor=floors[axis])
        for result in caption_choice(relabelled).results
        if (axis := result.slice.removeprefix("relation=")) in floors
    ]
    blind = [floor for side in SIDES if (floor := floors[side]) is not None]
    difference = replace(_difference(held, axes), floor=blind[0] - blind[1] if blind else None)
    choice = caption_choice(held)
    relations = [result for result in choice.results if result.slice.startswith("relation=")]
    return Findings((difference, *by_axis, *relations), choice.outcomes)


def _within_axes(rows: list[ChoiceRow], values: NDArray[Any]) -> tuple[tuple[ChoiceRow, ...], NDArray[Any]]:
    """The rows with those captions alone that lie on the true one's axis, if there are others; and their scores."""
    narrowed, found = [], np.full_like(values, NO_CAPTION)
    for line, row, given in zip(found, rows, values, strict=True):
        options = enumerate(row.options)
        columns = [k for k, option in options if AXES.get(option) == AXES[row.label] or k == row.gold]
        columns = columns if len(columns) > 1 else list(range(len(row.options)))
        line[: len(columns)] = given[columns]
        narrowed.append(
            replace(
                row,
                captions=tuple(row.captions[k] for k in columns),
                options=tuple(row.options[k] for k in columns),
                gold=columns.index(row.gold),
            )
        )
    return tuple(narrowed), found


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
