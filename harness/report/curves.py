"""Numbers by layer, and by a probe's capacity: one curve a model, and the layer that was chosen on validation rows."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from harness.errors import RunError
from harness.models import NAME
from harness.report.numbers import Number, metric_label
from harness.runs import Run
from harness.shards import arrays_path

LAYER, CAPACITY = "layer", "capacity"
KINDS: Mapping[str, str] = {"layer": LAYER, "rank": CAPACITY, "hidden": CAPACITY}  # what slices count, in their order
PLACE = re.compile(rf"({'|'.join(KINDS)})=(\d{{1,6}})")
TOGETHER = 6  # curves that one drawing can hold and a reader tell apart


@dataclass(frozen=True, slots=True)
class Place:
    """Where on the axis a number stands: a layer, or the rank or hidden units of a probe."""

    kind: str
    size: int

    def __str__(self) -> str:
        return str(self.size) if KINDS[self.kind] == LAYER else f"{self.kind} {self.size}"

    @property
    def order(self) -> tuple[int, int]:
        """Layers as they follow each other; ranks, and then networks, from small to large."""
        return list(KINDS).index(self.kind), self.size


@dataclass(frozen=True, slots=True)
class Curve:
    """One model's numbers by place; `chosen` is the layer its headline is of, where the run folder says so."""

    model: str
    points: tuple[tuple[Place, Number], ...]
    chosen: int | None

    def at(self, place: Place) -> Number | None:
        """The number of a place, if there is one."""
        return dict(self.points).get(place)

    def chose(self, place: Place) -> bool:
        """Whether the headline is of this place."""
        return self.chosen is not None and place == Place(LAYER, self.chosen)


@dataclass(frozen=True, slots=True)
class Curves:
    """One metric by layer or by capacity (`by`); what is no share of anything, such as a p, is told and not drawn."""

    metric: str
    label: str
    by: str
    curves: tuple[Curve, ...]

    @property
    def places(self) -> tuple[Place, ...]:
        """All places that any model has a number of."""
        return _in_order({place for curve in self.curves for place, _ in curve.points})

    @property
    def drawings(self) -> tuple[tuple[Curve, ...], ...]:
        """The curves in equal parts, one a drawing."""
        if self.metric.startswith("p_"):
            return ()
        parts = -(-len(self.curves) // TOGETHER)
        ends = [-(-len(self.curves) * i // parts) for i in range(parts + 1)]
        return tuple(self.curves[i:j] for i, j in pairwise(ends))

    @property
    def extent(self) -> tuple[float, float] | None:
        """The least and the greatest of all that is drawn, so that drawings share an axis; None where nothing is."""
        numbers = [number for curve in self.curves for _, number in curve.points if number.value is not None]
        ends = [(n.value, n.low, n.high, n.floor if n.chance is None else n.chance) for n in numbers]
        found = [end for of in ends for end in of if end is not None]
        return (min(found), max(found)) if found else None


def curves_of(run: Run, found: Sequence[Number]) -> tuple[Curves, ...]:
    """The curves of a suite's numbers, metric by metric; empty where none is by place. Raises RunError."""
    points: dict[tuple[str, str], dict[str, dict[Place, Number]]] = {}
    for number in found:
        if place := place_of(number):
            of = points.setdefault((number.metric, KINDS[place.kind]), {})
            of.setdefault(number.model, {}).setdefault(place, number)
    layered = {(n.suite, n.model) for n in found if (place := place_of(n)) and place.kind == LAYER}
    chosen = {model: _chosen(run, suite, model) for suite, model in layered}
    return tuple(
        Curves(
            metric, metric_label(metric), by, tuple(_curve(model, own, chosen.get(model)) for model, own in of.items())
        )
        for (metric, by), of in points.items()
    )


def place_of(number: Number) -> Place | None:
    """The place that a number is of; None where it is of none."""
    found = PLACE.fullmatch(number.slice)
    return Place(found[1], int(found[2])) if found else None


def _curve(model: str, own: Mapping[Place, Number], chosen: int | None) -> Curve:
    return Curve(model, tuple((place, own[place]) for place in _in_order(set(own))), chosen)


def _in_order(places: set[Place]) -> tuple[Place, ...]:
    return tuple(sorted(places, key=lambda place: place.order))


def _chosen(run: Run, suite: str, model: str) -> int | None:
    """The layer that stands beside a cell's arrays; None where the cell has none, or chose none. Raises RunError."""
    path = arrays_path(run.path, suite, model).with_suffix(".json")
    try:
        layer = json.loads(path.read_text()).get("layer") if NAME.fullmatch(model) else None
    except OSError:  # no arrays were kept
        return None
    except (ValueError, AttributeError) as error:
        raise RunError(f"{path} is garbled ({error}); run suite {suite} for {model} again") from None
    return layer if type(layer) is int else None
