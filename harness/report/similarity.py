"""The similarity section: how alike models find the same rows, and what each one's space of relations looks like."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.across import CEILING, METRICS, Comparison, read_comparisons
from harness.errors import RunError
from harness.report.breakdowns import level
from harness.report.numbers import DASH
from harness.runs import Run
from harness.shards import arrays_path, read_arrays


@dataclass(frozen=True, slots=True)
class Cell:
    """What two models come to by one measure; texts are dashes where there is no number."""

    value: float | None
    text: str
    interval: str
    note: str

    @property
    def style(self) -> str:
        """The class of its colour: blue for alike, orange for opposite."""
        return (
            ""
            if not self.value or abs(self.value) < 0.005
            else f"{'a' if self.value > 0 else 'b'}{level(abs(self.value))}"
        )


@dataclass(frozen=True, slots=True)
class Pair:
    """Two models by every measure, in the order of `METRICS`; None where one was not taken."""

    a: str
    b: str
    cells: tuple[Cell | None, ...]


@dataclass(frozen=True, slots=True)
class Tree:
    """What is alike, by average linkage: `merges` are (first, second, distance, names below).

    Numbers from `len(names)` on name earlier merges, as in scipy. `order` is the names as the leaves of the tree stand.
    """

    names: tuple[str, ...]
    merges: tuple[tuple[int, int, float, int], ...]
    order: tuple[str, ...]
    of: str  # what the distance is


@dataclass(frozen=True, slots=True)
class Space:
    """One model's rows and relations: `points` are (x, y, relation), `shares` of the variance on each axis."""

    model: str
    key: str
    points: tuple[tuple[float, float, str], ...]
    shares: tuple[float, float]
    tree: Tree


@dataclass(frozen=True, slots=True)
class Matrix:
    """One suite: each model with each by Spearman's correlation, every measure by pair, and each model's space.

    Models stand as the leaves of `tree`, by average linkage of 1 - correlation; those that correlate with none, last.
    """

    suite: str
    key: str
    n: int
    models: tuple[str, ...]
    rows: tuple[tuple[Cell | None, ...], ...]
    pairs: tuple[Pair, ...]
    ceiling: str
    notes: tuple[str, ...]
    spaces: tuple[Space, ...]
    tree: Tree | None


def section(run: Run) -> tuple[Matrix, ...]:
    """One matrix for each suite of which a model's space is kept or two models were compared. Raises RunError."""
    found = read_comparisons(run.path)
    suites = sorted({cell["suite"] for cell in run.info["cells"] if cell["status"] == "passed"})
    tables = [_matrix(run, suite, [one for one in found if one.suite == suite]) for suite in suites]
    return tuple(table for table in tables if table.pairs or table.spaces)


def _matrix(run: Run, suite: str, found: Sequence[Comparison]) -> Matrix:
    compared = [one for one in found if one.metric in METRICS and one.b and one.n]
    models = tuple(dict.fromkeys(name for one in compared for name in (one.a, one.b)))
    cells = {(one.a, one.b, one.metric): _cell(one) for one in compared}
    cells |= {(b, a, metric): cell for (a, b, metric), cell in cells.items()}
    pairs = dict.fromkeys((one.a, one.b) for one in compared)
    tree = _models(models, cells)
    models = (*tree.order, *(name for name in models if name not in tree.order)) if tree else models
    bounds = {one.metric: one for one in found if one.metric in CEILING}
    low, high = (_text(bounds[name].value) if name in bounds else "" for name in CEILING)
    return Matrix(
        suite,
        f"alike-{suite}",
        max((one.n for one in compared), default=0),
        models,
        tuple(tuple(cells.get((a, b, METRICS[0])) for b in models) for a in models),
        tuple(Pair(a, b, tuple(cells.get((a, b, metric)) for metric in METRICS)) for a, b in pairs),
        f"{low} to {high} ({bounds[CEILING[0]].note})" if low else "",
        tuple(dict.fromkeys(_said(one) for one in found if not one.n)),
        tuple(_spaces(run, suite)),
        tree,
    )


def _models(models: tuple[str, ...], cells: Mapping[tuple[str, str, str], Cell]) -> Tree | None:
    """The tree of three or more models of which each two have a correlation; without those that have none at all."""
    if len(models) < 3:
        return None
    values = np.array([[1.0 if a == b else _value(cells.get((a, b, METRICS[0]))) for b in models] for a in models])
    kept = np.isfinite(values).sum(axis=1) > 1
    distances = 1 - values[np.ix_(kept, kept)]
    if len(distances) < 3 or not np.isfinite(distances).all():
        return None
    names = tuple(name for name, keep in zip(models, kept, strict=True) if keep)
    return tree_of(names, np.clip(distances, 0, None), "1 − correlation of RDMs")


def _value(cell: Cell | None) -> float:
    return float("nan") if cell is None or cell.value is None else cell.value


def tree_of(names: tuple[str, ...], distances: NDArray[np.float64], of: str) -> Tree:
    """Average linkage (UPGMA; Sokal & Michener 1958) of a matrix of distances (names, names)."""
    from scipy.cluster.hierarchy import average, leaves_list
    from scipy.spatial.distance import squareform

    merged = average(squareform(distances, checks=False))
    merges = tuple((int(a), int(b), float(distance), int(size)) for a, b, distance, size in merged)
    return Tree(names, merges, tuple(names[leaf] for leaf in leaves_list(merged)), of)


def _cell(one: Comparison) -> Cell:
    interval = DASH if one.low is None or one.high is None else f"[{_text(one.low)}, {_text(one.high)}]"
    return Cell(one.value, _text(one.value), interval, one.note)


def _text(value: float | None) -> str:
    return DASH if value is None else f"{value:.2f}".replace("-0.00", "0.00")


def _said(one: Comparison) -> str:
    return f"{' and '.join(filter(None, (one.a, one.b)))}: {one.note}"


def _spaces(run: Run, suite: str) -> list[Space]:
    passed = [c["model"] for c in run.info["cells"] if c["suite"] == suite and c["status"] == "passed"]
    found = []
    for model in passed:
        with contextlib.suppress(RunError):  # of arrays that cannot be read, the comparisons say so
            if arrays_path(run.path, suite, model).exists():
                arrays, about = read_arrays(run.path, suite, model)
                if about.get("compared") == "rdm":
                    found.append(space(model, f"space-{suite}-{model}", arrays, about))
    return found


def space(model: str, key: str, arrays: dict[str, NDArray[Any]], about: dict[str, Any]) -> Space:
    """A model's map and tree from what its cell kept (`harness/measure/similarity.py`)."""
    places = np.round(arrays["map"].astype(float) / (np.abs(arrays["map"]).max() or 1.0), 3).tolist()
    return Space(
        model,
        key,
        tuple((x, y, label) for (x, y), label in zip(places, about["labels"], strict=True)),
        (float(about["map_variance"][0]), float(about["map_variance"][1])),
        tree_of(tuple(about["relations"]), arrays["centroids"].astype(np.float64), "distance of mean vectors"),
    )
