"""Where the numbers come from: run.json as nested tables, whatever it holds, and what each cell cost."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from harness.report.numbers import DASH

FIRST = ("command", "git", "started", "finished", "host", "limit", "seeds", "models", "data", "packages")
HIDDEN = ("cells",)  # they have a table of their own


@dataclass(frozen=True, slots=True)
class Text:
    """A leaf: one value as it is read, `number` when it lines up to the right."""

    text: str
    number: bool = False
    kind: str = "text"


@dataclass(frozen=True, slots=True)
class Grid:
    """Rows under common column names."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Node, ...], ...]
    kind: str = "grid"


@dataclass(frozen=True, slots=True)
class Pairs:
    """Names and what stands behind them."""

    items: tuple[tuple[str, Node], ...]
    kind: str = "pairs"


Node = Text | Grid | Pairs


@dataclass(frozen=True, slots=True)
class Headline:
    """The page's first sentences and the banner."""

    models: int
    suites: int
    when: str
    commit: str
    counts: tuple[tuple[str, int], ...]
    limit: int | None


def headline(info: Mapping[str, Any]) -> Headline:
    """How much was run, when, at which commit, and how it ended."""
    cells = info["cells"]
    statuses = [cell["status"] for cell in cells]
    return Headline(
        models=len({cell["model"] for cell in cells}),
        suites=len({cell["suite"] for cell in cells}),
        when=moment(info.get("finished") or info.get("started")),
        commit=_commit(info.get("git") or {}),
        counts=tuple((status, statuses.count(status)) for status in dict.fromkeys(sorted(statuses))),
        limit=info.get("limit"),
    )


def facts(info: Mapping[str, Any]) -> list[tuple[str, Node]]:
    """Every entry of run.json but the cells: the usual ones first, single values before tables."""
    names = [name for name in FIRST if name in info]
    names += [name for name in info if name not in FIRST and name not in HIDDEN]
    return sorted(((name, node(info[name])) for name in names), key=lambda fact: fact[1].kind != "text")


def costs(info: Mapping[str, Any]) -> Grid:
    """What each cell cost, by the statistics it carries, and their total (the maximum, for peaks)."""
    cells = info["cells"]
    columns = list(dict.fromkeys(name for cell in cells for name in cell.get("stats") or ()))
    stats = [cell.get("stats") or {} for cell in cells]
    rows = [
        (Text(cell["suite"]), Text(cell["model"]), Text(cell["status"]), *(node(own.get(name)) for name in columns))
        for cell, own in zip(cells, stats, strict=True)
    ]
    total = tuple(node(_total(name, [own.get(name) for own in stats])) for name in columns)
    return Grid(("suite", "model", "status", *columns), (*rows, (Text("total"), Text(""), Text(""), *total)))


def node(value: Any) -> Node:
    """A value of JSON as tables within tables."""
    if isinstance(value, Mapping):
        return Pairs(tuple((str(name), node(part)) for name, part in value.items())) if value else Text(DASH)
    if isinstance(value, Sequence) and not isinstance(value, str):
        return _listed(value)
    return _leaf(value)


def moment(stamp: Any) -> str:
    """A time stamp as people read it; unchanged when it is not one."""
    try:
        time = datetime.fromisoformat(str(stamp))
    except ValueError:
        return str(stamp) if stamp else "at an unrecorded time"
    zoned = time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
    return f"{zoned:%Y-%m-%d %H:%M} UTC"


def _commit(git: Mapping[str, Any]) -> str:
    commit = git.get("commit")
    if not commit:
        return "no recorded commit"
    return f"commit {str(commit)[:12]}" + (" with uncommitted changes" if git.get("dirty") else "")


def _listed(values: Sequence[Any]) -> Node:
    if not values:
        return Text(DASH)
    if all(isinstance(value, Mapping) for value in values):
        columns = tuple(dict.fromkeys(name for value in values for name in value))
        rows = tuple(tuple(node(value.get(name)) for name in columns) for value in values)
        return Grid(tuple(map(str, columns)), rows)
    if any(isinstance(value, (Mapping, list)) for value in values):
        return Pairs(tuple((str(i), node(value)) for i, value in enumerate(values)))
    return Text(", ".join(_leaf(value).text for value in values))


def _leaf(value: Any) -> Text:
    if value is None or value == "" or (isinstance(value, float) and not math.isfinite(value)):
        return Text(DASH)
    if isinstance(value, bool):
        return Text("yes" if value else "no")
    if isinstance(value, float):
        return Text(f"{value:.3g}" if 0 < abs(value) < 0.001 else f"{value:,.3f}".rstrip("0").rstrip("."), True)
    return Text(f"{value:,}", True) if isinstance(value, int) else Text(str(value))


def _total(name: str, values: Sequence[Any]) -> float | int | None:
    known = [v for v in values if isinstance(v, (int, float)) and not isinstance(v, bool) and math.isfinite(v)]
    if not known:
        return None
    return max(known) if name.startswith("peak") else sum(known)
