"""Charts as declarative specs: dots with whiskers, and curves.

Colours are `currentColor` and see-through fills, so that one drawing suits light, dark and paper.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt

from harness.report.calibration import Study
from harness.report.curves import LAYER, Curve, Curves
from harness.report.inline import visible
from harness.report.numbers import DIFFERENCE, Number, is_percent, metric_label
from harness.report.probes import Table

ABOVE, BELOW = "#2b73b8", "#c9622b"  # told apart without red-green vision
SERIES = (ABOVE, BELOW, "#2f9e83", "#a55fb8", "#a58a1f", "#7a828c")
SHAPES = ("circle", "diamond", "square", "triangle-up", "cross", "triangle-down")
INK = "currentColor"


def _finished(drawing: Any, what: str) -> dict[str, Any]:
    spec: dict[str, Any] = drawing.to_dict(validate=False)  # the same code whatever the data
    spec["config"] = config()
    spec["description"] = f"{what}; the table below holds the same numbers."
    spec.pop("$schema")  # an address that nothing needs to ask
    return spec


def dots(series: Sequence[tuple[str, Sequence[Number]]], label: str) -> alt.LayerChart:
    """A dot and a whisker for each model's number, one colour and shape a series; a tick where guessing lies."""
    names = [name for name, _ in series]
    models = dict.fromkeys(number.model for _, numbers in series for number in numbers if number.value is not None)
    shown = dict(zip(models, unique([visible(model) for model in models]), strict=True))
    points = [
        {"series": name, "model": shown[number.model], **_at(number), **_guess(number)}
        for name, numbers in series
        for number in numbers
        if number.value is not None
    ]
    y = alt.Y("model:N", title=None, sort=None, scale=alt.Scale(domain=list(shown.values())))
    tips = ("model", "series", "value", "interval", "chance", "floor")
    base = alt.Chart(alt.InlineData(values=points)).encode(y=y, tooltip=[alt.Tooltip(f"{tip}:N") for tip in tips])
    if len(names) > 1:
        base = base.encode(yOffset=alt.YOffset("series:N", sort=None, scale=alt.Scale(domain=names)))
    legend = alt.Legend(title=None, orient="bottom") if len(names) > 1 else None
    color = alt.Color("series:N", legend=legend, scale=alt.Scale(domain=names, range=list(SERIES[: len(names)])))
    shape = alt.Shape("series:N", legend=legend, scale=alt.Scale(domain=names, range=list(SHAPES[: len(names)])))
    x = alt.X("at:Q", title=label, scale=alt.Scale(zero=False))
    layers = [base.mark_point(filled=True, size=42, opacity=1).encode(x=x, color=color, shape=shape)]
    if _any(points, "from"):
        layers.append(base.mark_rule(strokeWidth=1.3).encode(x=alt.X("from:Q", title=label), x2="to:Q", color=color))
    if _any(points, "guess_at"):
        layers.append(base.mark_tick(color=INK, opacity=0.55, thickness=1.2).encode(x=alt.X("guess_at:Q", title=label)))
    return alt.layer(*layers)


def _any(points: Sequence[dict[str, Any]], name: str) -> bool:
    """Whether there is anything to draw: of no number at all there is no extent."""
    return any(point[name] is not None for point in points)


def axis_dots(table: Table) -> dict[str, Any]:
    """The spec of a metric by axis, model by model; at most six axes, the difference left to the table."""
    series = of_axes(table)
    models = {number.model for _, numbers in series for number in numbers}
    drawing = dots(series, metric_label(series[0][1][0].metric))
    return _finished(drawing.properties(width="container", height=(12 * len(series) + 8) * len(models)), "By axis")


def of_axes(table: Table) -> list[tuple[str, list[Number]]]:
    """The columns of an axis table that hold the metric itself, as series."""
    columns = zip(table.columns, zip(*(line.numbers for line in table.lines), strict=True), strict=True)
    found = [(visible(name), [n for n in numbers if n and n.metric != DIFFERENCE]) for name, numbers in columns]
    return [(name, numbers) for name, numbers in found if numbers][: len(SERIES)]


def curves(study: Study) -> dict[str, Any]:
    """The spec of the study's curves: for each thing asked, a line a series, with intervals and chance."""
    asked = list(dict.fromkeys(name for name, _ in study.columns))
    drawing = alt.hconcat(*(_curve(study, name) for name in asked)).resolve_scale(color="shared", shape="shared")
    return _finished(drawing, "Accuracy by share of truthful captions")


def _curve(study: Study, asked: str) -> alt.LayerChart:
    series = list(dict.fromkeys(name for _, name in study.columns))
    points = [
        # set apart a little, so that two intervals can be told from each other
        {"series": name, "share": f"{share:.0%}", "x": 100 * share + series.index(name) * 1.6 - 0.8, **_at(number)}
        for share, numbers in study.rows
        for (of, name), number in zip(study.columns, numbers, strict=True)
        if of == asked and number
    ]
    shares = [100 * share for share, _ in study.rows]
    tips = ("series", "share", "value", "interval", "chance")
    line = alt.Scale(domain=series, range=[ABOVE, BELOW])
    legend = alt.Legend(title=None, orient="bottom", direction="vertical")
    base = alt.Chart(alt.InlineData(values=points)).encode(
        x=alt.X("x:Q", title="truthful captions, %", axis=alt.Axis(values=shares), scale=alt.Scale(domain=[-3, 103])),
        color=alt.Color("series:N", scale=line, legend=legend),
        tooltip=[alt.Tooltip(f"{name}:N") for name in tips],
    )
    y = alt.Y("at:Q", title="accuracy, %", scale=alt.Scale(domain=[0, 100]))
    shapes = alt.Shape("series:N", scale=alt.Scale(domain=series, range=["circle", "diamond"]), legend=legend)
    layers = [
        base.mark_line(strokeWidth=1.5).encode(y=y, detail="series:N"),
        base.mark_rule().encode(y="from:Q", y2="to:Q"),
        base.mark_point(filled=True, size=60, opacity=1).encode(y=y, shape=shapes),
        base.mark_line(strokeDash=[4, 4], strokeWidth=1, opacity=0.7).encode(y="chance_at:Q", color=alt.value(INK)),
    ]
    return alt.layer(*layers).properties(title=asked, width=300, height=240)


def place_curves(of: Curves, curves: Sequence[Curve]) -> dict[str, Any]:
    """The spec of numbers by layer or capacity: a line and a band a model, the chosen layer in a ring; at most six.

    `curves` are some of `of`; all drawings of one metric have one vertical axis.
    """
    label, by = of.label, of.by
    models = unique([visible(curve.model) for curve in curves])
    points = [
        {"model": model, by: str(place), "size": place.size, "kind": place.kind, **_at(number), **_guess(number)}
        | {"chosen": curve.chose(place)}
        for model, curve in zip(models, curves, strict=True)
        for place, number in curve.points
        if number.value is not None
    ]
    legend = alt.Legend(title=None, orient="bottom", columns=2, symbolOpacity=1)
    base = alt.Chart(alt.InlineData(values=points)).encode(
        x=_places(curves, by),
        color=alt.Color("model:N", scale=alt.Scale(domain=models, range=list(SERIES[: len(models)])), legend=legend),
        detail="kind:N",  # no line leads from a linear probe to a network
        tooltip=[alt.Tooltip(f"{name}:N") for name in ("model", by, "value", "interval", "chance", "floor")],
    )
    unit = 100 if is_percent(of.metric) else 1
    ends = [end * unit for end in of.extent or ()]
    y = alt.Y("at:Q", title=label, scale=alt.Scale(zero=False, nice=True, **({"domain": ends} if ends else {})))
    shapes = alt.Scale(domain=models, range=list(SHAPES[: len(models)]))
    guess = base.mark_line(strokeDash=[4, 4], strokeWidth=1, opacity=0.5)
    layers = [
        base.mark_line(strokeWidth=1.5).encode(y=y),
        base.mark_point(filled=True, size=28, opacity=1).encode(
            y=y, shape=alt.Shape("model:N", scale=shapes, legend=legend)
        ),
    ]
    if _any(points, "from"):
        layers.insert(0, base.mark_area(opacity=0.15).encode(y=alt.Y("from:Q", title=label), y2="to:Q"))
    if _any(points, "guess_at"):
        layers.append(guess.encode(y="guess_at:Q", detail=["model:N", "kind:N"], color=alt.value(INK)))
    if any(point["chosen"] for point in points):
        layers.append(base.transform_filter("datum.chosen").mark_point(size=170, strokeWidth=2, opacity=1).encode(y=y))
    return _finished(alt.layer(*layers).properties(width="container", height=240), f"{label} by {by}")


def _places(curves: Sequence[Curve], by: str) -> alt.X:
    if by == LAYER:
        return alt.X("size:Q", title=by, axis=alt.Axis(tickMinStep=1, format="d"), scale=alt.Scale(nice=False))
    places = sorted({place for curve in curves for place, _ in curve.points}, key=lambda place: place.order)
    axis = alt.Axis(labelAngle=-40, labelOverlap=False)
    return alt.X(f"{by}:N", title=by, sort=None, axis=axis, scale=alt.Scale(domain=[str(place) for place in places]))


def _guess(number: Number) -> dict[str, float | None]:
    """Where guessing lies: chance, or the floor where chance is unknown."""
    guess = number.floor if number.chance is None else number.chance
    return {"guess_at": None if guess is None else guess * (100 if is_percent(number.metric) else 1)}


def _at(number: Number) -> dict[str, Any]:
    words = {
        "value": number.text,
        "interval": number.interval,
        "chance": number.chance_text,
        "floor": number.floor_text,
    }
    return {**words, **_ends(number, 100 if is_percent(number.metric) else 1)}


def config() -> dict[str, Any]:
    """What all charts have in common."""
    ink = dict.fromkeys(("labelColor", "titleColor", "tickColor", "domainColor", "gridColor"), INK)
    faint = {"gridOpacity": 0.12, "domainOpacity": 0.3, "tickOpacity": 0.3}
    return {
        "background": "transparent",
        "font": "system-ui, sans-serif",
        "axis": {**ink, **faint, "labelFontSize": 12, "titleFontSize": 12, "labelLimit": 240},
        "text": {"fontSize": 12},
        "legend": {"labelColor": INK, "labelFontSize": 12, "labelLimit": 320},
        "title": {"color": INK, "fontSize": 12, "anchor": "start"},
        "view": {"stroke": None},
    }


def unique(names: Sequence[str]) -> list[str]:
    """Names that read alike once odd characters are spelt out still get a column each."""
    taken: list[str] = []
    for name in names:
        taken.append(name if name not in taken else f"{name} ({len(taken)})")
    return taken


def _ends(number: Number, scale: float) -> dict[str, float | None]:
    ends = {"at": number.value, "from": number.low, "to": number.high, "chance_at": number.chance}
    return {name: None if end is None else end * scale for name, end in ends.items()}
