"""Charts for print: black on white, one or two columns wide, in a font that vl-convert brings along."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt

from harness.report.breakdowns import LEVELS, Breakdown
from harness.report.charts import INK, config, dots, of_axes, place_curves, unique
from harness.report.curves import Curve, Curves
from harness.report.inline import visible
from harness.report.numbers import DASH, metric_label
from harness.report.probes import Table
from harness.report.similarity import Matrix, Tree
from harness.report.space_charts import branches
from harness.report.tables import Section

ONE, TWO = 241, 496  # points: 85 and 175 mm, a column and two of most journals
FONT = "Liberation Sans, Arial, Helvetica, sans-serif"
LINE = 12  # points a model or relation
WRITTEN = 14  # columns whose cells have room for their value
SHADES = {f"a{i}": color for i, color in enumerate(("#e6f0fa", "#cbe1f5", "#acd0ef", "#8abbe7", "#66a5dd"), 1)}
SHADES |= {f"b{i}": color for i, color in enumerate(("#fbece2", "#f7d7c2", "#f2bf9e", "#eca67a", "#e58d57"), 1)}
NAMES = 130  # points that names at the left take, or less
assert len(SHADES) == 2 * LEVELS


def models(section: Section, limit: int | None) -> dict[str, Any]:
    """A suite's headline metric, model by model: dots and 95 % intervals, a tick where guessing lies."""
    drawing = dots([("", section.overall)], metric_label(visible(section.head.metric)))
    return _paper(drawing.properties(height=alt.Step(LINE)).to_dict(), ONE, section.head.suite, limit)


def axes(suite: str, table: Table, limit: int | None) -> dict[str, Any]:
    """A metric by axis of the relation."""
    series = of_axes(table)
    drawing = dots(series, metric_label(visible(series[0][1][0].metric)))
    lines = len({number.model for _, numbers in series for number in numbers})
    return _paper(drawing.properties(height=lines * (7 * len(series) + 5)).to_dict(), ONE, suite, limit)


def places(suite: str, of: Curves, curves: Sequence[Curve], limit: int | None) -> dict[str, Any]:
    """A metric by layer or capacity."""
    return _paper({**place_curves(of, curves), "height": 150}, ONE, suite, limit)


def heatmap(suite: str, breakdown: Breakdown, limit: int | None) -> dict[str, Any]:
    """Models × parts; hatched where there are few rows."""
    names = unique([visible(model) for model in breakdown.models])
    parts = unique([f"{visible(part.name)} (n={part.n})" for part in breakdown.parts])
    cells = [
        {"part": part, "model": model, "shade": cell.style.split()[0] if cell.style else "", "text": cell.text}
        | {"few": cell.few}
        for part, of in zip(parts, breakdown.parts, strict=True)
        for model, cell in zip(names, of.cells, strict=True)
    ]
    title = f"{suite}: {breakdown.label}"
    return _grid(cells, ("part", parts), ("model", names), title, limit)


def matrix(found: Matrix, limit: int | None) -> dict[str, Any]:
    """Models × models by correlation, in the order of the tree."""
    names = unique([visible(model) for model in found.models])
    cells = [
        {"row": a, "model": b, "shade": cell.style if cell else "", "text": cell.text if cell else "", "few": False}
        for a, line in zip(names, found.rows, strict=True)
        for b, cell in zip(names, line, strict=True)
    ]
    title = f"{found.suite}: correlation of RDMs"
    return _grid(cells, ("row", names), ("model", names), title, limit)


def tree(suite: str, found: Tree, limit: int | None) -> dict[str, Any]:
    """Models as a tree."""
    drawing = branches(found).properties(height=LINE * len(found.names))
    return _paper(drawing.to_dict(), ONE, suite, limit)


def _grid(
    cells: list[dict[str, Any]],
    one: tuple[str, list[str]],
    other: tuple[str, list[str]],
    title: str,
    limit: int | None,
) -> dict[str, Any]:
    """Cells in colour, the longer list from top to bottom, with their values where there is room."""
    (row, rows), (column, columns) = (one, other) if len(one[1]) >= len(other[1]) else (other, one)
    top = alt.Axis(orient="top", title=None, labelAngle=-40, labelAlign="left", labelOverlap=False, grid=False)
    base = alt.Chart(alt.InlineData(values=cells)).encode(
        x=alt.X(f"{column}:N", sort=None, scale=alt.Scale(domain=columns), axis=top),
        y=alt.Y(f"{row}:N", sort=None, scale=alt.Scale(domain=rows), axis=alt.Axis(title=None, labelOverlap=False)),
    )
    colors = alt.Scale(domain=[*SHADES, ""], range=[*SHADES.values(), "#ffffff"])
    layers = [
        base.mark_rect(stroke="#ffffff", strokeWidth=0.7).encode(color=alt.Color("shade:N", scale=colors, legend=None))
    ]
    wide = TWO if len(columns) > 5 else ONE
    half = (wide - NAMES) / len(columns) / 2  # of a cell, in points
    if any(cell["few"] for cell in cells):
        hatch = base.transform_filter("datum.few").mark_point(
            shape=_hatch(half), size=(LINE - 1.4) ** 2, strokeWidth=0.4
        )
        layers.append(hatch.encode(color=alt.value("#00000059")))
    if len(columns) <= WRITTEN:
        layers.append(base.mark_text(color=INK, fontSize=6.5).encode(text="text:N"))
    spec = _paper(alt.layer(*layers).properties(height=alt.Step(LINE)).to_dict(), wide, title, limit)
    beyond = max(2.0, 2.8 * min(len(columns[-1]), 32) - half)  # the last slanted name leans out, which no fit counts
    return {**spec, "padding": {"left": 2, "top": 2, "bottom": 2, "right": beyond}}


def _hatch(half: float) -> str:
    """Slanted strokes over a cell of this half width, as an SVG path whose unit is half its height."""
    reach = max(1.0, half / (LINE / 2 - 0.7)) - 1
    count = int(reach / 0.7)
    return "".join(f"M{0.7 * i - 1:.2f},1L{0.7 * i + 1:.2f},-1" for i in range(-count, count + 1))


def _paper(spec: dict[str, Any], width: int, title: str, limit: int | None) -> dict[str, Any]:
    """A chart's spec so many points wide, labels included, in black on white."""
    page = config()
    words = {"labelFontSize": 7, "titleFontSize": 7.5, "titleFontWeight": "normal", "labelLimit": 110}
    shared = {
        "background": "#ffffff",
        "font": FONT,
        "axis": {**page["axis"], **words, "titleLimit": width},
        "legend": {**page["legend"], "labelFontSize": 7, "labelLimit": 110, "symbolSize": 30, "offset": 4},
        "title": {
            "fontSize": 8,
            "anchor": "start",
            "limit": width,
            "subtitleFontSize": 7,
            "color": INK,
            "subtitleColor": INK,
        },
    }
    heading: dict[str, Any] = {"text": visible(title) or DASH}
    if limit is not None:
        heading["subtitle"] = f"--limit {limit}: not comparable"
    about = {"width": width, "autosize": {"type": "fit-x", "contains": "padding"}, "padding": 2, "title": heading}
    kept = {name: value for name, value in spec.items() if name not in ("$schema", "description")}
    inked: dict[str, Any] = _inked({**kept, **about, "config": {**page, **shared}})
    return inked


def _inked(part: Any) -> Any:
    """The spec with black for the page's own ink; data and names stay as they are."""
    if isinstance(part, dict):
        apart = ("datasets", "data", "domain", "text", "labelExpr")
        return {name: value if name in apart else _inked(value) for name, value in part.items()}
    if isinstance(part, list):
        return [_inked(value) for value in part]
    return "#000000" if part == INK else part
