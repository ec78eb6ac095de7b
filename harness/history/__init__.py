"""Many runs after each other: what each cell (suite × model) got over time, and where it changed.

A run's cell is compared with the latest earlier run that measured it, by the gate, and p is corrected after Holm over
all cells of the run that have changed enough to be significant. What cannot be compared begins a new stretch, with the
reason.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np
from numpy.typing import NDArray

from harness.baseline import MEASURED, READ, Baseline, CellKey, of_run, read_baseline
from harness.comparable import Pair, paired
from harness.errors import HarnessError, RunError
from harness.gate import MIN_EFFECT
from harness.history.below import Moment, moments
from harness.measure.compare import ALPHA, difference, flip_p, holm, least_p
from harness.measure.intervals import FEW_GROUPS, bootstrap, effective_groups
from harness.runs import read_run

if TYPE_CHECKING:
    from pandas import DataFrame


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """The change of a cell since the run before that measured it: credit before and after, and the difference.

    Regressed or improved where it is significant after Holm over the cells of the run, and then with its 95 % interval;
    not comparable for a `reason`.
    """

    verdict: Literal["regressed", "improved", "unchanged", "not comparable"]
    reason: str = ""
    before: float | None = None
    after: float | None = None
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    p_holm: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """What a cell got in run number `run`: the mean credit of its `n` rows with its 95 % interval, and its step.

    The step is None in the cell's first run.
    """

    run: int
    value: float
    low: float | None
    high: float | None
    n: int
    step: Step | None


@dataclass(frozen=True, slots=True)
class History:
    """Runs in the order of their start, the points of every cell that has rows, and what was passed over and why."""

    runs: tuple[Moment, ...]
    cells: Mapping[CellKey, tuple[Point, ...]]
    passed_over: Mapping[Path, str]

    def steps(self, *verdicts: str) -> list[tuple[Moment, CellKey, Point]]:
        """The points whose step is one of these verdicts, by run."""
        found = [(p.run, key, p) for key, points in self.cells.items() for p in points if p.step]
        found.sort(key=lambda it: it[:2])
        return [(self.runs[run], key, p) for run, key, p in found if p.step and p.step.verdict in verdicts]


def read_history(folder: Path, min_effect: float = MIN_EFFECT) -> History:
    """Read every run folder and baseline file below a folder. Raises RunError where none can be read."""
    found_runs, passed_over = moments(folder)
    runs: list[Moment] = []
    found: dict[CellKey, list[tuple[int, _Sums, Step | None]]] = defaultdict(list)
    latest: dict[CellKey, _Cell] = {}
    for moment in found_runs:
        try:
            now = _read(moment.path)
        except HarnessError as error:
            passed_over[moment.path] = str(error)
            continue
        measured = _measured(now)
        steps = _steps({key: latest[key] for key in measured if key in latest}, measured, min_effect)
        for key, cell in measured.items():
            found[key].append((len(runs), cell.sums(), steps.get(key)))
        latest |= measured
        runs.append(moment)
    if not runs:
        told = "; ".join(f"{path}: {reason}" for path, reason in passed_over.items())
        raise RunError(f"{folder} has no run that can be read: {told or 'no run folder and no baseline file'}")
    return History(tuple(runs), _points(found), passed_over)


def _read(path: Path) -> Baseline:
    return of_run(read_run(path, READ)) if path.is_dir() else read_baseline(path)


@dataclass(frozen=True, slots=True)
class _Cell:
    """One cell of one run: its rows' digests, sorted, their groups and credit, the number of the group (rows,)."""

    side: Baseline
    row: NDArray[np.uint64]
    group: NDArray[np.uint64]
    correct: NDArray[np.float64]
    index: Any  # numbers tell groups apart as well as names do

    def frame(self) -> DataFrame:
        import pandas as pd

        return pd.DataFrame({"row": self.row, "group": self.group, "correct": self.correct})

    def sums(self) -> _Sums:
        return _Sums(_within(self.index, self.correct), np.bincount(self.index))


@dataclass(frozen=True, slots=True)
class _Sums:
    """Of a cell, what is kept to the end: credit and count of rows within groups (groups,)."""

    credit: NDArray[np.float64]
    count: NDArray[np.int64]


def _within(index: Any, values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.bincount(index, values).astype(np.float64)


def _measured(side: Baseline) -> dict[CellKey, _Cell]:
    parts = side.rows.groupby(["suite", "model"], observed=True).indices
    row, group, correct = (side.rows[name].to_numpy() for name in ("row", "group", "correct"))
    found = {}
    for key, lines in cast("dict[CellKey, NDArray[np.int64]]", parts).items():
        if side.cells.get(key, {}).get("status") in MEASURED:
            order = lines[np.argsort(row[lines])]
            index = np.unique(group[order], return_inverse=True)[1]
            found[key] = _Cell(side, row[order], group[order], correct[order], index)
    return found


# --- from run to run ----------------------------------------------------------------------------


def _steps(before: Mapping[CellKey, _Cell], after: Mapping[CellKey, _Cell], min_effect: float) -> dict[CellKey, Step]:
    """What the gate would have said of each cell that was measured before, whenever that was."""
    sides = {
        key: paired(old.side, after[key].side, key, old.frame(), after[key].frame()) for key, old in before.items()
    }
    pairs = {key: (before[key], after[key]) for key, side in sides.items() if isinstance(side, Pair)}
    p = np.array([_p(*pair) for pair in pairs.values()]).reshape(-1, 2)
    corrected = holm(p[:, 0], p[:, 1]).tolist()
    steps = {key: Step(verdict="not comparable", reason=side) for key, side in sides.items() if isinstance(side, str)}
    return steps | {key: _step(*pair, p, min_effect) for (key, pair), p in zip(pairs.items(), corrected, strict=True)}


def _p(old: _Cell, new: _Cell) -> tuple[float, float]:
    """The p of a change, and the least that it could have had."""
    change = new.correct - old.correct
    if not change.any():
        return 1.0, 1.0
    sums = _within(new.index, change)
    return flip_p(sums), least_p(sums)


def _step(old: _Cell, new: _Cell, p: float, min_effect: float) -> Step:
    before, after = float(old.correct.mean()), float(new.correct.mean())
    change = round(float((new.correct - old.correct).mean()), 10)
    if p > ALPHA or abs(change) <= min_effect:
        return Step(verdict="unchanged", before=before, after=after, difference=change, p_holm=p)
    found = difference(old.correct, new.correct, new.index)  # draws its interval: for what is shown alone
    word: Literal["regressed", "improved"] = "regressed" if change < 0 else "improved"
    low, high = found.low, found.high
    return Step(verdict=word, before=before, after=after, difference=change, low=low, high=high, p_holm=p)


# --- values with intervals ----------------------------------------------------------------------


def _points(found: Mapping[CellKey, list[tuple[int, _Sums, Step | None]]]) -> dict[CellKey, tuple[Point, ...]]:
    """Intervals are drawn at once for all whose groups are of the same sizes: drawing costs the most."""
    alike: dict[bytes, list[_Sums]] = defaultdict(list)
    for history in found.values():
        for _, sums, _ in history:
            alike[sums.count.tobytes()].append(sums)
    ends: dict[int, tuple[float | None, float | None]] = {}
    for same in alike.values():
        ends |= dict(zip(map(id, same), _intervals(same), strict=True))
    return {key: tuple(_point(*one, *ends[id(one[1])]) for one in history) for key, history in sorted(found.items())}


def _point(run: int, sums: _Sums, step: Step | None, low: float | None, high: float | None) -> Point:
    n = int(sums.count.sum())
    return Point(run=run, value=float(sums.credit.sum() / n), low=low, high=high, n=n, step=step)


def _intervals(same: list[_Sums]) -> list[tuple[float | None, float | None]]:
    count = same[0].count
    index: Any = np.repeat(np.arange(len(count)), count)
    if effective_groups(index) < FEW_GROUPS:
        return [(None, None)] * len(same)
    sums = np.column_stack([*(one.credit for one in same), count.astype(np.float64)])  # (groups, cells + 1)
    low, high = bootstrap(sums, lambda drawn: drawn[:, :-1] / drawn[:, -1:])
    return list(zip(low.tolist(), high.tolist(), strict=True))
