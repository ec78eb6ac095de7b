"""From what probes said to numbers: macro-F1 and its kin by label, by axis and over all, with intervals over groups."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from harness.measure.intervals import few_note, finite, group_sums, intervals, resampled, tails
from harness.relations import AXES
from harness.results import Result

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


def tables(y: Bools, said: Bools, folds: NDArray[np.intp] | None = None) -> Floats:
    """Each row's share of the confusion tables: (rows, folds x labels x [tp, fp, fn, tn]); one fold unless told.

    `folds` (rows, labels) numbers the fold in which a row was asked about a label.
    """
    folds = np.zeros(y.shape, int) if folds is None else folds
    cells = np.stack([y & said, ~y & said, y & ~said, ~y & ~said], axis=-1)
    parts = [cells & (folds == f)[..., None] for f in range(int(folds.max()) + 1)]
    return np.stack(parts, axis=1).reshape(len(y), -1).astype(float)


def macro_f1(tables: Floats) -> Floats:
    """Macro-F1 of confusion tables (…, folds, labels, [tp, fp, fn, tn]), averaged over folds -> (…, labels).

    NaN where a label has neither positives nor claims, so that F1 is undefined.
    """
    tp, fp, fn, tn = np.moveaxis(tables, -1, 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        yes, no = 2 * tp / (2 * tp + fp + fn), 2 * tn / (2 * tn + fp + fn)
    return np.asarray(((yes + no) / 2).mean(axis=-2))


def balanced_accuracy(tables: Floats) -> Floats:
    """Mean of the shares of positives and of negatives that are found: (…, folds, labels, 4) -> (…, labels)."""
    tp, fp, fn, tn = np.moveaxis(tables, -1, 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(((tp / (tp + fn) + tn / (tn + fp)) / 2).mean(axis=-2))


def parts_of(wanted: Sequence[str]) -> dict[str, list[int]]:
    """Slices of results and the labels that each is a mean of: all, each axis, each label."""
    parts = {"all": list(range(len(wanted)))}
    for axis in ("vertical", "horizontal", "depth"):
        if members := [k for k, label in enumerate(wanted) if AXES.get(label) == axis]:
            parts[f"group={axis}"] = members
    return parts | {f"relation={label}": [k] for k, label in enumerate(wanted)}


class Scale:
    """The rows that probes are measured on: labels, groups, and how sure the groups allow to be."""

    def __init__(self, y: Bools, wanted: Sequence[str], groups: Sequence[str]) -> None:
        self.y, self.parts, self.groups = y, parts_of(wanted), groups
        self.sizes = {name: int(y[:, at].sum()) for name, at in self.parts.items()} | {"all": len(y)}
        self.note = few_note(groups)

    def results(
        self,
        metric: str,
        counted: Floats,
        statistic: Callable[[Floats], Floats],
        *,
        floors: Floats | None = None,
        chance: float | None = None,
        parts: Sequence[str] | None = None,
    ) -> list[Result]:
        """A result for each slice, or for those named: the mean over its labels of `statistic`.

        `counted` (rows, k) is summed; `statistic` maps sums (draws, k) to (draws, labels); `floors` is (labels,).
        """
        names = list(self.parts) if parts is None else parts
        sums = group_sums(counted, self.groups)
        found = intervals(metric, names, sums, lambda drawn: self._means(statistic(drawn), names), self.groups)
        return [
            replace(
                result,
                n=self.sizes[result.slice],
                chance=chance,
                floor=None if floors is None else float(floors[self.parts[result.slice]].mean()),
            )
            for result in found
        ]

    def f1_results(self, said: Bools, metric: str = "macro_f1", parts: Sequence[str] | None = None) -> list[Result]:
        """Macro-F1 of what was said, (rows, labels), beside that of never saying yes."""
        return self.results(metric, tables(self.y, said), self._f1, floors=self.floors(), parts=parts)

    def floors(self) -> Floats:
        """Macro-F1 of never saying yes: (labels,)."""
        return np.asarray(self._f1(tables(self.y, np.zeros_like(self.y)).sum(axis=0, keepdims=True))[0])

    def differences(
        self, metric: str, said: Bools, other_y: Bools, other: Bools, parts: Sequence[str] | None = None
    ) -> list[Result]:
        """Macro-F1 of what was said less that of `other` against `other_y`, the same groups being drawn for both."""
        both = np.hstack([tables(self.y, said), tables(other_y, other)])
        middle = both.shape[1] // 2
        return self.results(
            metric, both, lambda d: self._f1(d[:, :middle]) - self._f1(d[:, middle:]), chance=0.0, parts=parts
        )

    def _f1(self, drawn: Floats) -> Floats:
        return macro_f1(drawn.reshape(len(drawn), 1, -1, 4))

    def _means(self, values: Floats, names: Sequence[str]) -> Floats:
        """Means over the labels of each slice: (draws, labels) -> (draws, slices)."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # a draw without any defined label
            return np.stack([np.nanmean(values[:, self.parts[name]], axis=1) for name in names], axis=1)


def average_precision(scale: Scale, decisions: Floats) -> Result:
    """Mean over labels of the average precision of the rows in the order of their decision values, ties together.

    sum over positives of the precision at their rank (scikit-learn's average_precision_score). Chance is the mean share
    of positives, what any order earns that knows nothing.
    """
    names, index = np.unique(np.asarray(scale.groups), return_inverse=True)
    curves = [_Ranking.of(scale.y[:, k], decisions[:, k]) for k in range(scale.y.shape[1])]
    drawn = []
    for block in resampled(len(names)) if not scale.note else ():
        weights = np.ascontiguousarray(block.T)[index]  # (rows, draws)
        drawn.append(_mean_defined(np.stack([curve.precision(weights) for curve in curves])))
    value = float(_mean_defined(np.stack([curve.precision(np.ones((len(index), 1))) for curve in curves]))[0])
    low, high = np.nanquantile(np.concatenate(drawn), tails(len(names))) if drawn else (np.nan, np.nan)
    return Result(
        metric="average_precision",
        value=value,
        low=finite(np.fmin(low, value)) if drawn else None,
        high=finite(np.fmax(high, value)) if drawn else None,
        n=len(index),
        chance=float(scale.y.mean()),
    )


def _mean_defined(values: Floats) -> Floats:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a draw without positives of any label
        return np.asarray(np.nanmean(values, axis=0))


class _Ranking:
    """Rows by falling decision value, cut where a value ends that positives have."""

    def __init__(self, order: NDArray[np.intp], starts: NDArray[np.intp], positive: Bools) -> None:
        self.order, self.starts, self.positive = order, starts, positive

    @classmethod
    def of(cls, positive: Bools, decisions: Floats) -> _Ranking:
        order = np.argsort(-decisions, kind="stable")
        falling = decisions[order]
        ends = np.flatnonzero(np.append(falling[1:] != falling[:-1], True))  # the last row of each tie
        steps = np.cumsum(positive[order])[ends]
        ends = ends[np.diff(steps, prepend=0) > 0]
        return cls(order[: ends[-1] + 1], np.append(0, ends[:-1] + 1), positive)

    def precision(self, weights: Floats) -> Floats:
        """Average precision of each draw: weights (rows, draws) -> (draws,)."""
        drawn = weights[self.order]
        seen = np.cumsum(np.add.reduceat(drawn, self.starts, axis=0), axis=0)
        gained = np.add.reduceat(drawn * self.positive[self.order, None], self.starts, axis=0)
        found = np.cumsum(gained, axis=0)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(np.where(seen > 0, gained * found / seen, 0).sum(axis=0) / found[-1])


def said_alone(said: Bools, wanted: Sequence[str]) -> str:
    """A note where the probe gives all rows one answer, and how many labels are never said."""
    never = int((~said.any(axis=0)).sum())
    if never == len(wanted):
        return "the probe says one class alone: it never says yes"
    if (said == said[0]).all():
        return f"the probe says one class alone: {' and '.join(np.asarray(wanted)[said[0]])}"
    return f"{never} of {len(wanted)} labels are never said" if never else ""


def majority(y: Bools) -> Bools:
    """What always saying the most frequent label says: (rows, labels)."""
    said = np.zeros_like(y)
    said[:, int(y.sum(axis=0).argmax())] = True
    return said
