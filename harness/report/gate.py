"""What the gate said of a run, cell by cell, and which rows turned."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from harness import points
from harness.errors import RunError
from harness.gate import VERDICTS, Gate, Verdict, read_verdicts
from harness.report.numbers import DASH
from harness.report.provenance import moment
from harness.runs import GATE, Run

MARKS: Mapping[str, str] = {"regressed": "▼", "improved": "▲", "unchanged": "=", "not comparable": "?"}
LINKS, OF_ONE = 300, 25  # rows that turned: in the page, and of one cell one way
REACH, MARGIN = 60, 4  # of the drawing: from no difference to the edge, and to the furthest end, in its own units
AGAIN = re.compile(r" \(asked again \d+\)$")  # as `harness.baseline` tells rows of one id apart
LEAST = 0.05  # the furthest end of the scale is never nearer than this


@dataclass(frozen=True, slots=True)
class Whisker:
    """Where a difference and its interval are drawn, in units of the drawing; no ends where there is no interval."""

    at: float
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Turned:
    """Rows that turned one way: all of them counted, some of them with the address of each in the browser of rows."""

    count: int
    rows: tuple[tuple[str, str], ...]

    @property
    def left_out(self) -> int:
        """How many are counted and not listed."""
        return self.count - len(self.rows)


@dataclass(frozen=True, slots=True)
class Line:
    """One suite × model, by its `number` in the table; `order` puts what regressed first."""

    number: int
    verdict: Verdict
    mark: str
    order: int
    whisker: Whisker | None
    to_wrong: Turned
    to_right: Turned

    @property
    def listed(self) -> bool:
        """Whether any row that turned stands in the page."""
        return bool(self.to_wrong.rows or self.to_right.rows)

    @property
    def change(self) -> str:
        """The difference in percentage points."""
        return _typeset(points.points(self.verdict.difference, signed=True))

    @property
    def interval(self) -> str:
        """The interval of the difference in percentage points, or a dash."""
        return _typeset(points.interval(self.verdict.low, self.verdict.high))

    @property
    def p(self) -> str:
        """The p after Holm."""
        return points.p_value(self.verdict.p_holm)

    @property
    def detectable(self) -> str:
        """The smallest drop that would have been found, in percentage points."""
        least = self.verdict.detectable
        return "none" if least is not None and least >= 1 else points.points(least)


@dataclass(frozen=True, slots=True)
class Compared:
    """The whole view; `furthest` is the difference that the edge of the drawings stands for."""

    baseline: tuple[str, str, str]  # path, commit, date
    counts: tuple[tuple[str, int], ...]
    alpha: float
    min_effect: float
    strict: bool
    lines: tuple[Line, ...]
    furthest: float
    turned: int
    listed: int


def section(run: Run) -> Compared | None:
    """What the comparison shows; None where the run was compared with no baseline. Raises RunError."""
    told = read_verdicts(run.path)
    if told is None:
        return None
    if unknown := sorted({v.verdict for v in told.verdicts} - set(VERDICTS)):
        raise RunError(f"{run.path / GATE} has the unknown verdict {unknown[0]!r}: judge the run again")
    return _compared(told)


def _compared(told: Gate) -> Compared:
    ordered = sorted(told.verdicts, key=_order)
    ends = [abs(x) for v in ordered for x in (v.difference, v.low, v.high) if x is not None]
    furthest = max([LEAST, *ends])
    links = _links(ordered)
    lines = [_line(i, v, furthest, *shares) for i, (v, shares) in enumerate(zip(ordered, links, strict=True), 1)]
    about = told.baseline
    return Compared(
        baseline=(str(about.get("path") or DASH), str(about.get("commit") or "")[:12], moment(about.get("started"))),
        counts=tuple((name, sum(v.verdict == name for v in ordered)) for name in VERDICTS),
        alpha=told.alpha,
        min_effect=told.min_effect,
        strict=told.strict,
        lines=tuple(lines),
        furthest=furthest,
        turned=sum(len(v.to_wrong) + len(v.to_right) for v in ordered),
        listed=sum(map(sum, links)),
    )


def _order(verdict: Verdict) -> tuple[int, float, str, str]:
    """What regressed first, then what improved, each by its size."""
    change = verdict.difference or 0.0
    size = -abs(change) if verdict.verdict in ("regressed", "improved") else 0.0
    return VERDICTS.index(verdict.verdict), size, verdict.suite, verdict.model


def _links(ordered: Sequence[Verdict]) -> list[tuple[int, int]]:
    """How many rows of each cell are listed, to wrong and to right: of what regressed first, then of the others."""
    wants = [min(OF_ONE, len(rows)) for verdict in ordered for rows in (verdict.to_wrong, verdict.to_right)]
    first = 2 * sum(verdict.verdict == "regressed" for verdict in ordered)
    shares = _dealt(wants[:first], LINKS)
    shares += _dealt(wants[first:], LINKS - sum(shares))
    return list(zip(shares[::2], shares[1::2], strict=True))


def _dealt(wants: Sequence[int], left: int) -> list[int]:
    """To each what it wants, or where there is too little an equal share; what small ones leave goes to the others."""
    shares = [0] * len(wants)
    for k, i in enumerate(sorted(range(len(wants)), key=lambda i: wants[i])):
        shares[i] = min(wants[i], left // (len(wants) - k))
        left -= shares[i]
    return shares


def _line(number: int, verdict: Verdict, furthest: float, to_wrong: int, to_right: int) -> Line:
    wrong = _turned(verdict.suite, verdict.to_wrong, to_wrong)
    right = _turned(verdict.suite, verdict.to_right, to_right)
    order = VERDICTS.index(verdict.verdict)
    return Line(number, verdict, MARKS[verdict.verdict], order, _whisker(verdict, furthest), wrong, right)


def _turned(suite: str, rows: Sequence[str], listed: int) -> Turned:
    return Turned(len(rows), tuple((row, address(suite, row)) for row in rows[:listed]))


def address(suite: str, row: str) -> str:
    """The fragment that opens one row in the browser of rows, as `encodeURIComponent` writes it."""
    parts = suite, AGAIN.sub("", row)
    return "#rows/" + "/".join(quote(part, safe="!~*'()", errors="replace") for part in parts)


def _whisker(verdict: Verdict, furthest: float) -> Whisker | None:
    if verdict.difference is None:
        return None
    ends = [None if x is None else _place(x, furthest) for x in (verdict.low, verdict.high)]
    return Whisker(_place(verdict.difference, furthest), *ends)


def _place(value: float, furthest: float) -> float:
    return round(REACH + (REACH - MARGIN) * value / furthest, 1)


def _typeset(number: str) -> str:
    return number.replace("-", "\N{MINUS SIGN}")
