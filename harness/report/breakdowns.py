"""One metric by relation, wording, noun, …: what the heatmaps of a suite show, and which cells have few rows."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from harness.measure.intervals import FEW_GROUPS
from harness.report.numbers import DASH, Number, bare, metric_label

PART = re.compile(r"([a-z]+)=(.*)", re.DOTALL)
ELSEWHERE = frozenset({"layer", "rank", "hidden", "baseline", "shared", "group"})  # slices that others show
FEW_ROWS = 30
LEVELS = 5  # of colour, on either side of guessing
Support = Mapping[tuple[str, str, str], float]  # by (suite, model, slice): as how many equal groups its rows count


@dataclass(frozen=True, slots=True)
class Cell:
    """One model on one part; `few`: fewer than FEW_ROWS rows, or groups that count as fewer than FEW_GROUPS."""

    number: Number | None
    few: bool

    @property
    def text(self) -> str:
        """The value without its unit, in brackets where it is no evidence of ability."""
        if self.number is None or self.number.value is None:
            return DASH
        text = bare(self.number.value, self.number.metric)
        return f"({text})" if self.number.marks else text

    @property
    def order(self) -> float | str:
        """What a column is sorted by; empty where there is no value."""
        return "" if self.number is None or self.number.value is None else self.number.value

    @property
    def interval(self) -> str:
        """The 95 % interval; empty where there is none."""
        return "" if self.number is None or self.number.low is None else self.number.interval

    @property
    def share(self) -> float | None:
        """The value where it can be drawn as a bar from 0 to 1."""
        value = self.number.value if self.number else None
        return value if value is not None and 0 <= value <= 1 else None

    @property
    def style(self) -> str:
        """Classes of the style sheet: a1 to a5 above guessing, b1 to b5 below, hatched where there are few rows."""
        return " ".join(filter(None, (shade(self.number), "few" if self.few else "")))


@dataclass(frozen=True, slots=True)
class Part:
    """One relation, wording, …: its cells in the order of the breakdown's models."""

    name: str
    n: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Breakdown:
    """A metric by what slices of one kind name, best-known part first; `spread` is over wordings."""

    by: str
    metric: str
    models: tuple[str, ...]
    parts: tuple[Part, ...]
    spread: tuple[Number | None, ...]

    @property
    def label(self) -> str:
        """The metric with its unit."""
        return metric_label(self.metric)

    @property
    def numbers(self) -> set[Number]:
        """All that the breakdown shows; of one model, that is without the spread."""
        spread = self.spread if len(self.models) > 1 else ()
        cells = (cell.number for part in self.parts for cell in part.cells)
        return {number for number in (*cells, *spread) if number}


def breakdowns(metric: str, found: Sequence[Number], support: Support) -> tuple[Breakdown, ...]:
    """The breakdowns of one suite whose headline is `metric`, by relation first; several parts make one."""
    kinds: dict[str, list[tuple[str, Number]]] = {}
    for number in found:
        if (part := PART.fullmatch(number.slice)) and part[1] not in ELSEWHERE:
            kinds.setdefault(part[1], []).append((part[2], number))
    several = {by: parts for by, parts in kinds.items() if by == "relation" or len(dict(parts)) > 1}
    order = sorted(several, key=lambda by: by != "relation")
    return tuple(_breakdown(by, _metric(metric, several[by]), several[by], found, support) for by in order)


def _metric(metric: str, parts: Sequence[tuple[str, Number]]) -> str:
    metrics = [number.metric for _, number in parts]
    return metric if metric in metrics else metrics[0]


def _breakdown(
    by: str, metric: str, parts: Sequence[tuple[str, Number]], found: Sequence[Number], support: Support
) -> Breakdown:
    models = tuple(dict.fromkeys(number.model for _, number in parts if number.metric == metric))
    table: dict[str, dict[str, Number]] = {}
    for name, number in parts:
        if number.metric == metric:
            table.setdefault(name, {}).setdefault(number.model, number)
    shown = [
        Part(name, _counts(row.values()), tuple(_cell(row.get(model), support) for model in models))
        for name, row in table.items()
    ]
    spread = {n.model: n for n in found if (n.metric, n.slice) == ("spread", "all") and by == "wording"}
    return Breakdown(
        by, metric, models, tuple(sorted(shown, key=_hardest_last)), tuple(map(spread.get, models)) if spread else ()
    )


def _cell(number: Number | None, support: Support) -> Cell:
    if number is None or number.value is None:
        return Cell(number, few=False)
    groups = support.get((number.suite, number.model, number.slice), math.inf)  # unknown where no row is kept
    return Cell(number, number.n < FEW_ROWS or groups < FEW_GROUPS)


def _counts(found: Iterable[Number]) -> str:
    counts = sorted({number.n for number in found})
    return str(counts[0]) if len(counts) == 1 else f"{counts[0]}–{counts[-1]}"


def _hardest_last(part: Part) -> tuple[float, str]:
    values = [cell.number.value for cell in part.cells if cell.number and cell.number.value is not None]
    return -sum(values) / len(values) if values else float("inf"), part.name


def shade(number: Number | None) -> str:
    """Which side of guessing a value lies on, and how far of the way to the end of the scale, in LEVELS steps."""
    if number is None or number.value is None:
        return ""
    guess = number.floor if number.chance is None else number.chance
    if guess is None or number.value == guess:
        return ""
    above = number.value > guess
    share = abs(number.value - guess) / max(1 - guess if above else guess, 1e-9)
    return f"{'a' if above else 'b'}{level(share)}"


def level(share: float) -> int:
    """A share of the scale, 0 to 1, as one of LEVELS steps of colour."""
    return min(LEVELS, max(1, math.ceil(share * LEVELS)))


def support(rows: Any) -> Support:
    """As how many equal groups the answered rows behind each slice count (Kish 1965, `intervals.effective_groups`).

    A row is of the slice it names, and of the relation that is its gold label.
    """
    kept = rows.dropna(subset=["correct"])
    counts: dict[tuple[str, str, str], float] = {}
    for column, prefix in (("gold", "relation="), ("slice", "")):  # what a row names goes before its label
        cells = kept.groupby(["suite", "model", column], observed=True, sort=False)
        index, first = cells.ngroup().to_numpy(), cells.head(1)
        groups = kept["group"].factorize()[0]
        pairs, sizes = np.unique(index * (groups.max(initial=0) + 1) + groups, return_counts=True)
        of = pairs // (groups.max(initial=0) + 1)
        count = np.bincount(of, sizes) ** 2 / np.bincount(of, sizes.astype(float) ** 2)
        names = zip(first["suite"], first["model"], first[column], strict=True)
        counts |= {(s, m, f"{prefix}{p}"): float(c) for (s, m, p), c in zip(names, count, strict=True)}
    return counts
