"""The page of many runs: a small drawing for each suite × model, with intervals, significant steps and gaps.

The drawings are SVG that the browser draws without a script; whatever moves or loads is forbidden by the page's policy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from itertools import pairwise
from pathlib import Path

from markupsafe import Markup

from harness.history import History, Point
from harness.points import interval, p_value
from harness.points import points as percent
from harness.report.inline import policy, verbatim
from harness.report.page import _environment, _put
from harness.report.provenance import moment

WIDTH, HEIGHT, MARGIN = 240, 80, 6  # of a drawing, in its own units
STYLES = ("page.css", "history.css")


@dataclass(frozen=True, slots=True)
class Dot:
    """One run's value: where it lies, what it says when pointed at, and how the step that led to it was judged."""

    x: float
    y: float
    verdict: str
    title: str


@dataclass(frozen=True, slots=True)
class Drawing:
    """One suite × model: the bands and lines of its stretches, within which runs can be compared, and its dots."""

    model: str
    said: str
    bands: tuple[str, ...]
    lines: tuple[str, ...]
    dots: tuple[Dot, ...]
    breaks: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Multiple:
    """The drawings of one suite, all on one scale from `low` to `high`."""

    suite: str
    low: str
    high: str
    drawings: tuple[Drawing, ...]


@dataclass(frozen=True, slots=True)
class Line:
    """A step, or a gap, as a line of a table."""

    when: str
    commit: str
    suite: str
    model: str
    verdict: str
    value: str
    difference: str
    interval: str
    p: str
    n: int
    reason: str


def write_history(history: History, page: Path) -> None:
    """Write the page. Raises RunError where the disk refuses."""
    page.parent.mkdir(parents=True, exist_ok=True)
    _put(page, html(history).encode())


def html(history: History) -> str:
    """The page of a history as one string."""
    folder = resources.files("harness.report") / "templates"
    style = "".join(verbatim((folder / name).read_text(encoding="utf-8")) for name in STYLES)
    return (
        _environment()
        .get_template("history.html")
        .render(
            runs=[(moment(run.started), run.commit[:12], str(run.path)) for run in history.runs],
            multiples=_multiples(history),
            steps=lines(history, "regressed", "improved"),
            gaps=lines(history, "not comparable"),
            passed_over=[(str(path), reason) for path, reason in history.passed_over.items()],
            width=WIDTH,
            height=HEIGHT,
            style=Markup(style),  # noqa: S704 - the project's own, and hashed
            policy=policy([], [style]),
        )
    )


def lines(history: History, *verdicts: str) -> list[Line]:
    """The steps of these verdicts, newest first."""
    found = []
    for run, (suite, model), point in reversed(history.steps(*verdicts)):
        step = point.step
        assert step is not None
        found.append(
            Line(
                when=moment(run.started),
                commit=run.commit[:12],
                suite=suite,
                model=model,
                verdict=step.verdict,
                value=percent(point.value)
                if step.before is None
                else f"{percent(step.before)} → {percent(step.after)}",
                difference=percent(step.difference, signed=True),
                interval=interval(step.low, step.high),
                p=p_value(step.p_holm),
                n=point.n,
                reason=step.reason,
            )
        )
    return found


# --- drawings -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Scale:
    """From run numbers 0 .. `runs` - 1 and credits `low` .. `high` to the units of a drawing."""

    runs: int
    low: float
    high: float

    def x(self, run: int) -> float:
        return round(MARGIN + (WIDTH - 2 * MARGIN) * run / max(self.runs - 1, 1), 1)

    def y(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return round(HEIGHT - MARGIN - (HEIGHT - 2 * MARGIN) * share, 1)


def _multiples(history: History) -> list[Multiple]:
    suites: dict[str, dict[str, Sequence[Point]]] = {}
    for (suite, model), points in history.cells.items():
        suites.setdefault(suite, {})[model] = points
    return [_multiple(history, suite, models) for suite, models in suites.items()]


def _multiple(history: History, suite: str, models: dict[str, Sequence[Point]]) -> Multiple:
    every = [point for points in models.values() for point in points]
    low = min(_low(point) for point in every)
    high = max(_high(point) for point in every)
    wider = max(0.0, 0.1 - (high - low)) / 2  # ten points at least, or noise fills the drawing
    scale = _Scale(len(history.runs), max(0.0, low - wider), min(1.0, high + wider))
    drawings = tuple(_drawing(history, model, points, scale) for model, points in models.items())
    return Multiple(suite, percent(scale.low), percent(scale.high), drawings)


def _low(point: Point) -> float:
    return point.value if point.low is None else point.low


def _high(point: Point) -> float:
    return point.value if point.high is None else point.high


def _drawing(history: History, model: str, points: Sequence[Point], scale: _Scale) -> Drawing:
    stretches = _stretches(points)
    return Drawing(
        model=model,
        said=_said(points),
        bands=tuple(_band(stretch, scale) for stretch in stretches),
        lines=tuple(" ".join(f"{scale.x(p.run)},{scale.y(p.value)}" for p in stretch) for stretch in stretches),
        dots=tuple(_dot(history, point, scale) for point in points),
        breaks=tuple(round((scale.x(one[-1].run) + scale.x(two[0].run)) / 2, 1) for one, two in pairwise(stretches)),
    )


def _stretches(points: Sequence[Point]) -> list[list[Point]]:
    """The points between which one may compare: a new stretch begins where a step cannot be judged."""
    found: list[list[Point]] = []
    for point in points:
        if point.step is None or point.step.verdict == "not comparable":
            found.append([])
        found[-1].append(point)
    return found


def _band(stretch: Sequence[Point], scale: _Scale) -> str:
    upper = [f"{scale.x(p.run)},{scale.y(_high(p))}" for p in stretch]
    lower = [f"{scale.x(p.run)},{scale.y(_low(p))}" for p in reversed(stretch)]
    return " ".join([*upper, *lower])


def _dot(history: History, point: Point, scale: _Scale) -> Dot:
    run, step = history.runs[point.run], point.step
    interval = "" if point.low is None else f" [{percent(point.low)}, {percent(point.high)}]"
    title = f"{moment(run.started)}, {run.commit[:12]}: {percent(point.value)} %{interval}, {point.n:,} rows"
    verdict = step.verdict if step else ""
    if step and verdict in ("regressed", "improved"):
        title += f"; {verdict} by {100 * (step.difference or 0):+.1f} points, p = {step.p_holm:.2g}"
    elif step and verdict == "not comparable":
        title += f"; not comparable with the run before: {step.reason}"
    return Dot(scale.x(point.run), scale.y(point.value), verdict, title)


def _said(points: Sequence[Point]) -> str:
    """The drawing in words."""
    verdicts = [point.step.verdict for point in points if point.step]
    words = [f"{len(points)} runs, {percent(points[0].value)} % to {percent(points[-1].value)} %"]
    words += [f"{n} {word}" for word in ("regressed", "improved", "not comparable") if (n := verdicts.count(word))]
    return ", ".join(words)
