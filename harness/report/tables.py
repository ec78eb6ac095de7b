"""What the page shows: a leaderboard, a section per suite, and the cells that did not run."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.report import probes
from harness.report.breakdowns import Breakdown, Support, breakdowns, support
from harness.report.confusion import Confusion, confusion
from harness.report.curves import Curves, curves_of, place_of
from harness.report.numbers import Number, metric_label, numbers
from harness.runs import Run

CONTROL_TAGS = frozenset({"control", "controls"})
# the bands of the leaderboard, in their order
MODELS = "Models"
CALIBRATION = "Calibration models: made to know one thing and not another"
CONTROLS = "Controls: what guessing and shortcuts reach"
NO_NUMBERS = "No numbers in this run"


@dataclass(frozen=True, slots=True)
class Place:
    """One suite × model on the leaderboard."""

    status: str
    reason: str
    number: Number | None


@dataclass(frozen=True, slots=True)
class Standing:
    """One model's line on the leaderboard, its places in the order of the suites; `anchor` is its view's address."""

    model: str
    family: str
    places: tuple[Place, ...]
    anchor: str


@dataclass(frozen=True, slots=True)
class Band:
    """Models that are compared with each other; the title is empty where one band is all there is."""

    title: str
    standings: tuple[Standing, ...]


@dataclass(frozen=True, slots=True)
class Head:
    """A suite's column: its headline metric is that of its first result over all rows; `question` is what it asks."""

    suite: str
    anchor: str
    metric: str
    label: str
    question: str = ""


@dataclass(frozen=True, slots=True)
class Board:
    """The leaderboard: models × suites that have a number or an error; `skipped` names those that nothing was asked."""

    heads: tuple[Head, ...]
    bands: tuple[Band, ...]
    skipped: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Section:
    """All about one suite; `others` are the numbers that nothing else shows."""

    head: Head
    overall: tuple[Number, ...]
    more: probes.Table | None
    beside: probes.Table | None
    leaks: probes.Table | None
    axes: probes.Table | None
    breakdowns: tuple[Breakdown, ...]
    confusion: Confusion | None
    curves: tuple[Curves, ...]
    others: tuple[Number, ...]


@dataclass(frozen=True, slots=True)
class Absence:
    """Cells without numbers for one and the same reason: (suite, models) pairs."""

    status: str
    reason: str
    cells: tuple[tuple[str, tuple[str, ...]], ...]


def board(run: Run) -> Board:
    """The leaderboard of a run; no ranking across suites, models stand by the first suite's value."""
    found = numbers(run)
    places = _places(run, found)
    tried = {suite for (suite, _), place in places.items() if place.status != "skipped"}
    told = {suite for (suite, _), place in places.items() if place.number or place.status == "error"}
    heads = tuple(head for head in _heads(run, found) if head.suite in told)
    specs = {spec["name"]: spec for spec in run.info.get("models") or () if "name" in spec}
    names = dict.fromkeys(cell["model"] for cell in run.info["cells"])
    none = Place("not asked", "", None)
    families = {name: str(_of(specs, name).get("family") or "") for name in names}
    standings = [
        Standing(name, families[name], tuple(places.get((h.suite, name), none) for h in heads), anchor)
        for name, anchor in zip(names, _anchors(names, "model"), strict=True)
    ]
    skipped = tuple(dict.fromkeys(cell["suite"] for cell in run.info["cells"] if cell["suite"] not in tried))
    return Board(heads, _bands(sorted(standings, key=_order), specs), skipped)


def sections(run: Run, shown: Board) -> list[Section]:
    """One section per suite that has numbers, its models band by band as on the leaderboard, best first."""
    found = numbers(run)
    by_suite = [(head, _best_first(head, found, shown)) for head in _heads(run, found)]
    behind = support(run.rows)
    controls = frozenset(s.model for band in shown.bands if band.title == CONTROLS for s in band.standings)
    rows = run.rows[
        ["suite", "model", "row", "gold", "predicted", "correct"]
    ]  # a selection copies what it selects from
    return [_section(run, rows, head, mine, behind, controls) for head, mine in by_suite if mine]


def heads(run: Run) -> tuple[Head, ...]:
    """The suites of a run, in its order."""
    return _heads(run, numbers(run))


def absences(run: Run) -> list[Absence]:
    """Cells that were skipped or failed, errors first, gathered by reason."""
    groups: dict[tuple[str, str], dict[str, list[str]]] = {}
    for cell in run.info["cells"]:
        if cell["status"] not in ("passed", "regressed"):
            suites = groups.setdefault((cell["status"], cell.get("reason") or "no reason was recorded"), {})
            suites.setdefault(cell["suite"], []).append(cell["model"])
    return [
        Absence(status, reason, tuple((suite, tuple(models)) for suite, models in suites.items()))
        for (status, reason), suites in sorted(groups.items(), key=lambda item: item[0][0])
    ]


def _best_first(head: Head, found: Sequence[Number], shown: Board) -> list[Number]:
    """A suite's numbers by band and headline value; those of models without one in the order of the leaderboard."""
    mine = [number for number in found if number.suite == head.suite]
    standings = [(i, standing.model) for i, band in enumerate(shown.bands) for standing in band.standings]
    values = {n.model: n.value for n in reversed(mine) if (n.metric, n.slice) == (head.metric, "all")}
    scores = {model: -math.inf if (value := values.get(model)) is None else value for _, model in standings}
    place = {model: (band, -scores[model], i) for i, (band, model) in enumerate(standings)}
    return sorted(mine, key=lambda number: place[number.model])


def _of(specs: Mapping[str, Mapping[str, Any]], name: str) -> Mapping[str, Any]:
    return specs.get(name, {})


def _heads(run: Run, found: Sequence[Number]) -> tuple[Head, ...]:
    metrics: dict[str, str] = {}
    for number in found:
        if number.slice == "all":
            metrics.setdefault(number.suite, number.metric)
    suites = list(dict.fromkeys(cell["suite"] for cell in run.info["cells"]))
    questions = run.info.get("questions") or {}  # older runs kept none
    return tuple(
        Head(suite, anchor, metrics.get(suite, ""), metric_label(metrics.get(suite, "")), questions.get(suite) or "")
        for suite, anchor in zip(suites, _anchors(suites), strict=True)
    )


def _anchors(names: Iterable[str], kind: str = "suite") -> list[str]:
    """An address within the page for each name of a kind: readable, unique, of harmless characters."""
    taken: list[str] = []
    for name in names:
        base = anchor = f"{kind}-" + (re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:60] or "unnamed")
        while anchor in taken:
            anchor = f"{base}-{len(taken)}"
        taken.append(anchor)
    return taken


def _places(run: Run, found: Sequence[Number]) -> dict[tuple[str, str], Place]:
    headline: dict[tuple[str, str], Number] = {}
    for number in found:
        if number.slice == "all":
            headline.setdefault((number.suite, number.model), number)
    return {
        (cell["suite"], cell["model"]): Place(
            cell["status"], cell.get("reason") or "", headline.get((cell["suite"], cell["model"]))
        )
        for cell in run.info["cells"]
    }


def _order(standing: Standing) -> tuple[list[float], str]:
    """Best value in the first suite first; missing values last; later suites and the name break ties."""
    values = [place.number.value if place.number else None for place in standing.places]
    return [float("inf") if value is None else -value for value in values], standing.model


def _bands(standings: Sequence[Standing], specs: Mapping[str, Mapping[str, Any]]) -> tuple[Band, ...]:
    bands: dict[str, list[Standing]] = {title: [] for title in (MODELS, CALIBRATION, CONTROLS, NO_NUMBERS)}
    for standing in standings:
        measured = any(place.number for place in standing.places)
        bands[_band(_of(specs, standing.model)) if measured else NO_NUMBERS].append(standing)
    kept = {title: found for title, found in bands.items() if found}
    return tuple(Band("" if list(kept) == [MODELS] else title, tuple(found)) for title, found in kept.items())


def _band(spec: Mapping[str, Any]) -> str:
    tags = set(spec.get("tags") or ())
    if "calibration" in tags:
        return CALIBRATION
    return CONTROLS if spec.get("family") == "controls" or CONTROL_TAGS & tags else MODELS


def _section(
    run: Run, rows: Any, head: Head, found: Sequence[Number], behind: Support, controls: frozenset[str]
) -> Section:
    beside, leaks = probes.beside(head.metric, found), probes.leaks(found)
    axes, parts = probes.axes(head.metric, found), breakdowns(head.metric, found, behind)
    tabled = {number for table in (beside, leaks, axes) if table for number in table.numbers}
    overall = [n for n in found if n.slice == "all" and n.metric == head.metric]
    parted = {number for part in parts for number in part.numbers}
    more = probes.others(head.metric, [n for n in found if n not in tabled and n not in parted])
    shown = {*overall, *tabled, *(more.numbers if more else ()), *parted}
    rest = [number for number in found if number not in shown and not place_of(number)]
    models = tuple(dict.fromkeys(number.model for number in found))
    said = confusion(rows, head.suite, models, controls)
    return Section(head, tuple(overall), more, beside, leaks, axes, parts, said, curves_of(run, found), tuple(rest))
