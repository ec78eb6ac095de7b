"""What cells cost, by the measurements that they carry; what a cell carries besides is bookkeeping and no cost."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.report.numbers import DASH

RAN = ("passed", "regressed", "error")
RATE = "rows per second"
PEAKS = ("peak_mb", "gpu_peak_mb")
COLUMNS: Mapping[str, str] = {
    "seconds": "seconds",
    "load_seconds": "loading, s",
    "encode_seconds": "encoding, s",
    "computed": "rows encoded",
    "store_hits": "rows from the store",
    "batches_halved": "batches halved",
    "peak_mb": "peak memory, MiB",
    "gpu_peak_mb": "GPU peak, MiB",
}
Cells = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Costs:
    """One line a cell that ran; the last one is their total (the maximum, for peaks). Texts are as they are read."""

    columns: tuple[str, ...]
    lines: tuple[tuple[str, str, str, tuple[str, ...]], ...]  # suite, model, status, numbers
    total: tuple[str, ...]


def table(cells: Cells) -> Costs | None:
    """The costs of a run; None where nothing ran."""
    ran = [cell for cell in cells if cell["status"] in RAN]
    names = [name for name in COLUMNS if any(_known(cell, name) is not None for cell in ran)]
    rated = [RATE] if any(rate([cell]) is not None for cell in ran) else []
    lines = tuple((cell["suite"], cell["model"], cell["status"], _texts([cell], names, rated)) for cell in ran)
    return Costs((*(COLUMNS[name] for name in names), *rated), lines, _texts(ran, names, rated)) if ran else None


def summary(cells: Cells) -> list[tuple[str, str]]:
    """What one model cost over all its suites: (name, text) pairs; empty where it was asked nothing."""
    ran = [cell for cell in cells if cell["status"] in RAN]
    found = [(COLUMNS[name], _text(name, value)) for name in COLUMNS if (value := total(ran, name)) is not None]
    if total(ran, "encode_seconds") is None:
        return found
    speed = rate(ran)
    return [*found, (RATE, "not measured: all came from the store" if speed is None else f"{speed:,.0f}")]


def total(cells: Cells, name: str) -> float | None:
    """The sum of a measurement over cells, the maximum for peaks; None where no cell carries it."""
    known = [value for cell in cells if (value := _known(cell, name)) is not None]
    if not known:
        return None
    return max(known) if name in PEAKS else sum(known)


def rate(cells: Cells) -> float | None:
    """Rows encoded per second of encoding, over the cells that encoded any; None where all came from the store."""
    encoded = [cell for cell in cells if _known(cell, "computed")]
    seconds = total(encoded, "encode_seconds")
    return (total(encoded, "computed") or 0) / seconds if seconds else None


def _texts(cells: Cells, names: Sequence[str], rated: Sequence[str]) -> tuple[str, ...]:
    speed = rate(cells)
    speeds = [DASH if speed is None else f"{speed:,.0f}" for _ in rated]
    return (*(_text(name, total(cells, name)) for name in names), *speeds)


def _text(name: str, value: float | None) -> str:
    if value is None:
        return DASH
    return f"{value:,.1f}" if name.endswith("seconds") else f"{value:,.0f}"


def _known(cell: Mapping[str, Any], name: str) -> float | None:
    value = (cell.get("stats") or {}).get(name)
    number = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    return value if number else None
