"""One measured number and how it is written: unit, interval, and whether it beats guessing."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from harness import points
from harness.runs import Run

DASH = points.DASH
CLOSE = 1e-9  # two numbers that differ by rounding alone are the same number


# what the note of a suite's first result says of a probe, and the mark it earns
NOTED = {
    "does not beat bag of words": "does not beat bag of words",
    "does not beat random weights": "does not beat random weights",
    "the probe says one class alone": "says one class alone",
}
DIFFERENCE = "difference"  # of two accuracies: below 0 is as much a finding as above


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """A line of results.jsonl; numbers that are missing are None."""

    suite: str
    model: str
    metric: str
    slice: str
    value: float | None
    low: float | None
    high: float | None
    n: int
    chance: float | None
    floor: float | None
    note: str

    @property
    def text(self) -> str:
        """The value with its unit, or a dash."""
        return written(self.value, self.metric)

    @property
    def digits(self) -> str:
        """The value without its unit, where a head says it, or a dash."""
        return bare(self.value, self.metric)

    @property
    def interval(self) -> str:
        """The 95 % interval without its unit, or a dash."""
        if self.low is None or self.high is None:
            return DASH
        return f"[{bare(self.low, self.metric)}, {bare(self.high, self.metric)}]"

    @property
    def chance_text(self) -> str:
        """Chance with its unit, or a dash."""
        return written(self.chance, self.metric)

    @property
    def floor_text(self) -> str:
        """The floor with its unit, or a dash."""
        return written(self.floor, self.metric)

    @property
    def base(self) -> float | None:
        """What guessing gets: chance or the floor, whichever is higher; None where it has neither, or all."""
        bounds = [bound for bound in (self.chance, self.floor) if bound is not None]
        return max(bounds) if bounds and max(bounds) < 1 else None

    def above_guessing(self, value: float | None) -> float | None:
        """(value - base) / (1 - base), in units of what can be had: 0 is guessing, 1 is all."""
        return None if value is None or self.base is None else (value - self.base) / (1 - self.base)

    @property
    def marks(self) -> tuple[str, ...]:
        """In words, why this value is no evidence of ability; empty when it is one."""
        if self.metric == DIFFERENCE:
            return ("no difference",) if self._against("chance", self.chance) == "at chance" else ()
        bounds = (self._against("chance", self.chance), self._against("floor", self.floor))
        return tuple(filter(None, (*bounds, *self.noted)))

    @property
    def remark(self) -> str:
        """The note without what a mark says already."""
        return "; ".join(part for part in self.note.split("; ") if part not in NOTED)

    @property
    def noted(self) -> tuple[str, ...]:
        """The marks that the note earns: what a probe got by a shortcut, or by saying always the same."""
        return tuple(mark for words, mark in NOTED.items() if words in self.note)

    def _against(self, name: str, bound: float | None) -> str:
        if self.value is None or bound is None:
            return ""
        low = self.value if self.low is None else self.low
        high = self.value if self.high is None else self.high
        if high < bound - CLOSE:
            return f"below {name}"
        return f"at {name}" if low <= bound + CLOSE else ""


def is_percent(metric: str) -> bool:
    """Accuracies, leaks and Winoground's scores are shares and read best as percent; other metrics keep their unit."""
    return metric.endswith(("accuracy", "leak", "text_score", "image_score", "group_score"))


def bare(value: float | None, metric: str) -> str:
    """A value as digits alone: percent to one decimal, anything else to three."""
    if value is None:
        return DASH
    return f"{100 * value:.1f}" if is_percent(metric) else f"{value:.3f}"


def written(value: float | None, metric: str) -> str:
    """A value as digits and unit."""
    unit = "\N{NO-BREAK SPACE}%" if value is not None and is_percent(metric) else ""
    return bare(value, metric) + unit


def metric_label(metric: str) -> str:
    """What stands over a column of this metric."""
    return f"{metric}, %" if is_percent(metric) else metric


def finite(value: Any) -> Any:
    """The value itself; None for the NaN that a frame puts where a number is missing."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def numbers(run: Run) -> list[Number]:
    """All numbers of cells that ran to their end, in the order in which they were recorded."""
    done = {(cell["suite"], cell["model"]) for cell in run.info["cells"] if cell["status"] in ("passed", "regressed")}
    records = [{str(k): finite(v) for k, v in record.items()} for record in run.results.to_dict("records")]
    return [
        Number(**{**record, "n": int(record["n"] or 0), "note": record["note"] or ""})
        for record in records
        if (record["suite"], record["model"]) in done
    ]
