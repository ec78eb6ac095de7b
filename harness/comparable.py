"""May a cell of two runs be compared, and which row stands beside which?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from harness.baseline import MEASURED, Baseline, CellKey
from harness.runs import STALE

if TYPE_CHECKING:
    from pandas import DataFrame

SETTINGS = ("family", "prompt", "pooling", "dtype", "options")
# options that say where a checkpoint or its interpreter lies, or how long one waits, and not how it is asked
NO_SETTINGS = frozenset({"weights", "allow_bin", "python", "start_timeout_s", "timeout_s"})
NEW = "not in the baseline"
FAILED = "the baseline has it, and now it failed"


@dataclass(frozen=True, slots=True)
class Pair:
    """The same rows of a cell on both sides, sorted by digest: credit before and after, groups, digests (rows,)."""

    before: NDArray[np.float64]
    after: NDArray[np.float64]
    groups: Any  # digests tell groups apart as well as names do
    rows: NDArray[np.uint64]


def by_cell(side: Baseline) -> dict[CellKey, DataFrame]:
    """The rows of each suite × model."""
    return {cast(CellKey, key): part for key, part in side.rows.groupby(["suite", "model"], observed=True)}


def paired(
    before: Baseline, after: Baseline, key: CellKey, old_rows: DataFrame | None, new_rows: DataFrame | None
) -> Pair | str:
    """Both sides' rows of a cell beside each other, or all reasons for which they cannot stand there."""
    old, new = before.cells.get(key), after.cells.get(key)
    if old is None or old["status"] not in MEASURED:
        return NEW
    if new is None:
        return "the baseline has it, and this run was not asked for it"
    if new["status"] not in MEASURED:
        state = {"error": FAILED, "skipped": "the baseline has it, and now it was skipped"}[new["status"]]
        return f"{state}: {new['reason']}"
    if key in after.stale:
        return f"{STALE}{after.stale[key]}"
    rows = _side_by_side(old_rows, new_rows)
    reasons = [_limits(before, after), *_settings(before, after, key), *_data(old, new, rows)]
    return "; ".join(said) if (said := list(filter(None, reasons))) or isinstance(rows, str) else rows


def _limits(before: Baseline, after: Baseline) -> str:
    old, new = (str(side.about["limit"] or "none") for side in (before, after))
    return f"another --limit: {old} -> {new}" if old != new else ""


def _settings(before: Baseline, after: Baseline, key: CellKey) -> Iterable[str]:
    old, new = (side.cells[key].get("settings") or side.about["models"].get(key[1], {}) for side in (before, after))
    for name in SETTINGS:
        a, b = (_setting(side.get(name)) for side in (old, new))
        if a != b:
            yield f"another {name}: {a!r} -> {b!r}"


def _setting(value: Any) -> Any:
    return {k: v for k, v in value.items() if k not in NO_SETTINGS} if isinstance(value, Mapping) else value


def _data(old: Mapping[str, Any], new: Mapping[str, Any], rows: Pair | str) -> Iterable[str]:
    if old["data"] is None or new["data"] is None:
        side = "the baseline" if old["data"] is None else "this run"
        yield f"{side} does not say what data it asked: `spatial-harness report` on its run folder adds that"
    else:
        names = sorted(set(old["data"]) | set(new["data"]))
        if changed := [name for name in names if old["data"].get(name) != new["data"].get(name)]:
            yield f"another data revision: {', '.join(changed)}"
        elif isinstance(rows, Pair) and sorted(old["sets"]) != sorted(new["sets"]):
            yield "another data revision: rows of the same names have other texts, answers, pictures, labels or order"
        elif isinstance(rows, Pair) and _other_pictures(old, new):
            yield "another data revision: pictures of the same names show something else"
    if isinstance(rows, str):
        yield rows


def _other_pictures(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    known = [side.get("pictures") for side in (old, new)]
    return all(known) and known[0] != known[1]


def _side_by_side(old: DataFrame | None, new: DataFrame | None) -> Pair | str:
    """The rows of both sides by their digests, or how they differ."""
    if old is None and new is None:
        return "no rows: this suite has numbers alone"
    a, b = (None if part is None else part.sort_values("row") for part in (old, new))
    rows = [np.zeros(0, np.uint64) if part is None else part["row"].to_numpy() for part in (a, b)]
    missing, added = (len(np.setdiff1d(one, other)) for one, other in (rows, rows[::-1]))
    if missing or added or a is None or b is None:
        return f"different rows: {missing} of the baseline's {len(rows[0])} are missing or unanswered, {added} are new"
    if moved := int((a["group"].to_numpy() != b["group"].to_numpy()).sum()):
        return f"another data revision: {moved} rows are in other groups"
    return Pair(a["correct"].to_numpy(), b["correct"].to_numpy(), a["group"].to_numpy(), rows[0])
