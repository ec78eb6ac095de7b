"""Models × what stands beside their score: a probe's control task, baselines and bits; what its rows share; axes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from harness.report.numbers import DASH, DIFFERENCE, Number, metric_label

BASELINE = "baseline="
ABOVE, NOT_ABOVE = "the probe lies above", "the probe does not lie above"  # how a baseline's note begins
KNOWN = ("majority", "bag of words", "relation words", "objects", "random weights")
BESIDE = {
    "selectivity": "selectivity",
    "mdl_bits": "MDL, bits per label",
    "compression": "compression",
    "v_information": "V-information, bits",
    "balanced_accuracy": "balanced accuracy, %",
    "average_precision": "average precision",
}
LEAK, SHARED = "leak", "shared="
GROUP = "group="
AXES = ("group=vertical", "group=horizontal", "group=depth")


@dataclass(frozen=True, slots=True)
class Line:
    """One model's numbers, in the order of the table's columns."""

    model: str
    numbers: tuple[Number | None, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """Models × what stands beside their probe's score; the first column is the score itself."""

    columns: tuple[str, ...]
    lines: tuple[Line, ...]

    @property
    def numbers(self) -> set[Number]:
        """All that the table shows."""
        return {number for line in self.lines for number in line.numbers if number}

    @property
    def shared(self) -> dict[str, tuple[str, ...]]:
        """What every number of a column notes, and the columns of which that is so; the first column's stand above."""
        found: dict[str, list[str]] = {}
        for i, column in enumerate(self.columns[1:], 1):
            for part in self._common(i):
                found.setdefault(part, []).append(column)
        return {part: tuple(columns) for part, columns in found.items()}

    def own(self, column: int, number: Number) -> str:
        """What a number of a column notes and others of that column do not, without what its marks say."""
        parts = [part for part in number.remark.split("; ") if part not in self._common(column)]
        return "; ".join(parts).replace(ABOVE, "above").replace(NOT_ABOVE, "not above")

    def _common(self, column: int) -> tuple[str, ...]:
        notes = [number.remark.split("; ") for line in self.lines if (number := line.numbers[column])]
        return tuple(part for part in notes[0] if part and all(part in note for note in notes)) if notes else ()


def beside(metric: str, found: Sequence[Number]) -> Table | None:
    """The table of a suite whose headline is `metric`; None where nothing stands beside it."""
    keys = [(metric, "all"), ("selectivity", "all"), (f"control_{metric}", "all")]
    keys += [(metric, BASELINE + name) for name in _baselines(metric, found)]
    keys += [(name, "all") for name in BESIDE if name not in ("selectivity", metric)]
    return _table(keys, found) if any(_key(number) in keys[1:] for number in found) else None


def leaks(found: Sequence[Number]) -> Table | None:
    """The share of test rows whose picture, caption or objects were trained on; None where nobody counted."""
    keys = [_key(number) for number in found if number.metric == LEAK]
    return _table(list(dict.fromkeys(keys)), found) if keys else None


def axes(metric: str, found: Sequence[Number]) -> Table | None:
    """Models × groups of relations (vertical, horizontal, depth, …), and the difference; None where no group is."""
    parts = [number for number in found if number.slice.startswith(GROUP)]
    kind = metric if any(number.metric == metric for number in parts) else next((n.metric for n in parts), "")
    keys = dict.fromkeys(_key(number) for number in parts if number.metric == kind)
    ordered = sorted(keys, key=lambda key: AXES.index(key[1]) if key[1] in AXES else len(AXES))
    return _table([*ordered, (DIFFERENCE, "all")], found) if ordered else None


def others(metric: str, found: Sequence[Number]) -> Table | None:
    """What else was measured over all rows beside the headline `metric`; a chance that all share stands above."""
    keys = list(dict.fromkeys(_key(n) for n in found if n.slice == "all" and n.metric != metric))
    table = _table(keys, found) if keys else None
    if table is None:
        return None
    bounds = [{n.chance_text for line in table.lines if (n := line.numbers[i])} for i in range(len(keys))]
    columns = [
        f"{name} (chance {', '.join(bound)})" if len(bound) == 1 and bound != {DASH} else name
        for name, bound in zip(table.columns, bounds, strict=True)
    ]
    return replace(table, columns=tuple(columns))


def _baselines(metric: str, found: Sequence[Number]) -> list[str]:
    slices = [n.slice.removeprefix(BASELINE) for n in found if n.metric == metric and n.slice.startswith(BASELINE)]
    given = dict.fromkeys(slices)
    return [*(name for name in KNOWN if name in given), *(name for name in given if name not in KNOWN)]


def _table(keys: Sequence[tuple[str, str]], found: Sequence[Number]) -> Table:
    """Columns that have a number, models that have one of them."""
    numbers = {(number.model, *_key(number)): number for number in reversed(found)}  # the first of two stands
    models = list(dict.fromkeys(number.model for number in found))
    columns = [key for key in keys if any((model, *key) in numbers for model in models)]
    lines = [Line(model, tuple(numbers.get((model, *key)) for key in columns)) for model in models]
    return Table(tuple(map(_label, columns)), tuple(line for line in lines if any(line.numbers)))


def _key(number: Number) -> tuple[str, str]:
    return number.metric, number.slice


def _label(key: tuple[str, str]) -> str:
    metric, part = key
    if metric.startswith("control_"):
        return f"control task: {metric_label(metric.removeprefix('control_'))}"
    if metric == DIFFERENCE:
        return "vertical less horizontal"
    for prefix in (BASELINE, SHARED, GROUP):
        if part.startswith(prefix):
            return part.removeprefix(prefix)
    return BESIDE.get(metric, metric_label(metric)) if metric != LEAK else part
