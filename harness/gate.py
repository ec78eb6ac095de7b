"""The gate: has a model become worse than its baseline?

Each cell (suite × model) is paired with the baseline's by row, and tested by `measure.compare`; p is corrected after
Holm over all cells that can be compared and have changed. What cannot be compared is said with the reason and never
counted as good.
"""

from __future__ import annotations

import contextlib
import json
import math
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from harness.baseline import MEASURED, Baseline, CellKey
from harness.comparable import FAILED, NEW, Pair, by_cell, paired
from harness.errors import ConfigError, RunError
from harness.files import write_whole
from harness.measure.compare import ALPHA, Difference, difference, holm
from harness.points import interval, p_value, points
from harness.runs import GATE

FORMAT = 1
MIN_EFFECT = 0.01
VERDICTS = ("regressed", "improved", "unchanged", "not comparable")


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What became of one cell.

    `before` and `after` are the mean credit of the rows, `difference` is after less before with its 95 % interval
    `low`..`high`, `p_holm` the p after Holm, `detectable` the smallest drop that would have been found with a power of
    80 %. `to_wrong` and `to_right` are rows whose credit fell or rose. Numbers are None where nothing was compared.
    """

    suite: str
    model: str
    verdict: Literal["regressed", "improved", "unchanged", "not comparable"]
    reason: str = ""
    before: float | None = None
    after: float | None = None
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    p: float | None = None
    p_holm: float | None = None
    detectable: float | None = None
    n: int = 0
    groups: int = 0
    to_wrong: tuple[str, ...] = ()
    to_right: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """All verdicts of a run, and by what they were made; `judged` is in seconds since the epoch."""

    baseline: Mapping[str, Any]
    verdicts: tuple[Verdict, ...]
    min_effect: float = MIN_EFFECT
    strict: bool = False
    alpha: float = ALPHA
    judged: float = field(default_factory=time.time)

    @property
    def failing(self) -> tuple[Verdict, ...]:
        """What regressed and, where it is strict, what could not be compared though the baseline has it."""
        return tuple(v for v in self.verdicts if v.verdict == "regressed" or (self.strict and lost(v)))

    @property
    def broken(self) -> tuple[Verdict, ...]:
        """What the baseline has and failed now."""
        return tuple(v for v in self.verdicts if lost(v) and v.reason.startswith(FAILED))

    @property
    def blind(self) -> bool:
        """Whether the baseline has cells and none of them could be compared."""
        return any(map(lost, self.verdicts)) and all(v.verdict == "not comparable" for v in self.verdicts)


def lost(verdict: Verdict) -> bool:
    """Whether the baseline has this cell and it could not be compared."""
    return verdict.verdict == "not comparable" and verdict.reason != NEW


def min_effect_of(points: float) -> float:
    """The minimum effect as a share, of points as they are given. Raises ConfigError where no difference is such."""
    if not (math.isfinite(points) and 0 <= points < 100):
        raise ConfigError(f"--min-effect is in points, from 0 to below 100, not {points}")
    return points / 100


def compare(before: Baseline, after: Baseline, min_effect: float = MIN_EFFECT, strict: bool = False) -> Gate:
    """Judge a run and keep by what."""
    baseline = {"path": str(before.path), "commit": before.about["commit"], "started": before.about["started"]}
    verdicts = tuple(judge(before, after, min_effect=min_effect))
    return Gate(baseline=baseline, verdicts=verdicts, min_effect=min_effect, strict=strict)


def judge(before: Baseline, after: Baseline, *, min_effect: float = MIN_EFFECT) -> list[Verdict]:
    """A verdict for each cell that was measured on either side, sorted by suite and model.

    A cell has regressed, or improved, if p after Holm is at most 0.05 and the difference is larger than `min_effect`.
    Cells of which too few rows turned to be significant either way are not counted among the tests (see `holm`).
    """
    known = [{key for key, facts in side.cells.items() if facts["status"] in MEASURED} for side in (before, after)]
    rows = [by_cell(side) for side in (before, after)]
    sides = {key: paired(before, after, key, *(r.get(key) for r in rows)) for key in sorted(known[0] | known[1])}
    pairs = {key: side for key, side in sides.items() if isinstance(side, Pair)}
    found = {key: difference(p.before, p.after, p.groups, len(pairs)) for key, p in pairs.items()}
    p, least = (np.array([getattr(one, name) for one in found.values()]) for name in ("p", "least"))
    corrected, tests = dict(zip(found, holm(p, least).tolist(), strict=True)), int((least <= ALPHA).sum())
    return [
        _verdict(key, pairs[key], found[key], corrected[key], tests, min_effect, after.ids)
        if key in pairs
        else Verdict(suite=key[0], model=key[1], verdict="not comparable", reason=str(side))
        for key, side in sides.items()
    ]


# --- the verdict --------------------------------------------------------------------------------


def _verdict(
    key: CellKey, pair: Pair, d: Difference, p_holm: float, tests: int, min_effect: float, ids: Mapping[int, str]
) -> Verdict:
    change = round(d.value, 10)
    real = p_holm <= ALPHA and abs(change) > min_effect
    verdict: Literal["regressed", "improved", "unchanged"] = "unchanged"
    if real:
        verdict = "regressed" if change < 0 else "improved"
    before, after = float(pair.before.mean()), float(pair.after.mean())
    detectable = max(d.detectable, min_effect)
    return Verdict(
        suite=key[0],
        model=key[1],
        verdict=verdict,
        reason=_reason(verdict, before, after, d, p_holm, tests, detectable),
        before=before,
        after=after,
        difference=d.value,
        low=d.low,
        high=d.high,
        p=d.p,
        p_holm=p_holm,
        detectable=detectable,
        n=d.n,
        groups=d.groups,
        to_wrong=_turned(pair, pair.after < pair.before, ids),
        to_right=_turned(pair, pair.after > pair.before, ids),
    )


def _reason(verdict: str, before: float, after: float, d: Difference, p: float, tests: int, detectable: float) -> str:
    ends = "" if d.low is None else f" {interval(d.low, d.high)}"
    said = f"{points(before)} % -> {points(after)} %, difference {points(d.value, signed=True)} points{ends}, "
    said += f"p = {p_value(p)} (Holm over {tests})".replace("= <", "< ")
    if verdict != "unchanged":
        return f"{'worse' if verdict == 'regressed' else 'better'} than the baseline: {said}"
    seen = f"a drop of {points(detectable)} points would have been seen" if detectable < 1 else "too few rows to tell"
    return f"{said}; {seen}"


def _turned(pair: Pair, mask: NDArray[np.bool_], ids: Mapping[int, str]) -> tuple[str, ...]:
    return tuple(sorted(ids.get(row, f"{row:016x}") for row in pair.rows[mask].tolist()))


# --- gate.json ----------------------------------------------------------------------------------


def write_verdicts(run: Path, gate: Gate) -> None:
    """Write `gate.json` into a run folder, from which `runs.merge` takes what regressed. Raises RunError."""
    path = run / GATE
    try:
        write_whole(path, json.dumps({"format": FORMAT, **asdict(gate)}, indent=1, allow_nan=False).encode())
    except OSError as error:
        raise RunError(f"cannot write {path}: {error}") from error


def read_verdicts(run: Path) -> Gate | None:
    """What the gate said of a run folder, less the cells that were measured since; None where nobody asked it.

    Raises RunError where gate.json is damaged or of another format version.
    """
    path = run / GATE
    if not path.is_file():
        return None
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        if raw["format"] != FORMAT:
            raise RunError(f"{path} has gate format {raw['format']}; this version reads {FORMAT}: judge the run again")
        verdicts = [
            Verdict(**{**v, "to_wrong": tuple(v["to_wrong"]), "to_right": tuple(v["to_right"])})
            for v in raw["verdicts"]
        ]
        since = _measured_since(run)
        kept = tuple(v for v in verdicts if (v.suite, v.model) not in since)
        known = {f.name for f in fields(Gate)} - {"verdicts"}
        return Gate(verdicts=kept, **{name: raw[name] for name in known})
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RunError(f"{path} is damaged ({error}): judge the run again") from error


def _measured_since(run: Path) -> set[CellKey]:
    """The cells of which run.json no longer has a verdict."""
    with contextlib.suppress(OSError):  # not merged yet
        cells = json.loads((run / "run.json").read_text(encoding="utf-8"))["cells"]
        return {(cell["suite"], cell["model"]) for cell in cells if not cell.get("verdict")}
    return set()
