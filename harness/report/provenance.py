"""Where the numbers come from: run.json as nested tables, whatever it holds."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from harness.report.numbers import DASH

FIRST = ("command", "git", "started", "finished", "host", "limit", "seeds", "packages", "models", "data")
HIDDEN = ("cells", "questions")  # cells have a table of their own, questions stand with their suites


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
    """Every entry of run.json but the cells and questions: the usual ones first, single values before tables."""
    names = [name for name in FIRST if name in info]
    names += [name for name in info if name not in FIRST and name not in HIDDEN]
    told = {**info, "seeds": _digits(info.get("seeds"))}  # a seed is a name more than a number: no separators
    return sorted(((name, node(told[name])) for name in names), key=lambda fact: fact[1].kind != "text")


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
        named = dict.fromkeys(name for value in values for name in value)
        columns = tuple(name for name in named if _told(name, values))
        rows = tuple(tuple(node(value.get(name)) for name in columns) for value in values)
        return Grid(tuple(map(str, columns)), rows)
    if any(isinstance(value, (Mapping, list)) for value in values):
        return Pairs(tuple((str(i), node(value)) for i, value in enumerate(values)))
    return Text(", ".join(_leaf(value).text for value in values))


def _told(name: Any, values: Sequence[Mapping[str, Any]]) -> bool:
    """Whether a column has anything to read."""
    return any(node(value.get(name)) != Text(DASH) for value in values)


def _digits(seeds: Any) -> Any:
    return {name: str(seed) for name, seed in seeds.items()} if isinstance(seeds, Mapping) else seeds


def _leaf(value: Any) -> Text:
    if value is None or value == "" or (isinstance(value, float) and not math.isfinite(value)):
        return Text(DASH)
    if isinstance(value, bool):
        return Text("yes" if value else "no")
    if isinstance(value, float):
        return Text(f"{value:.3g}" if 0 < abs(value) < 0.001 else f"{value:,.3f}".rstrip("0").rstrip("."), True)
    return Text(f"{value:,}", True) if isinstance(value, int) else Text(str(value))
