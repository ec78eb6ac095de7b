"""Charts of one model's space: its rows on two principal components, and its relations as a tree."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import altair as alt
import numpy as np

from harness.report.charts import ABOVE, INK, config
from harness.report.inline import visible
from harness.report.similarity import Space, Tree

FEW = 8  # relations that colours can tell apart
LINE = 15  # pixels a leaf
WIDTH, HEIGHT = 420, 360
FONT, WIDE = 10, 0.6  # of a name, and how wide a letter is of that


def embedding_map(space: Space) -> dict[str, Any]:
    """The spec of the map; relations stand where their rows are on average."""
    points = [{"x": x, "y": y, "relation": visible(label)} for x, y, label in space.points]
    few = len(space.tree.names) <= FEW
    axis = [f"component {i} ({share:.0%} of the variance)" for i, share in enumerate(space.shares, 1)]
    x, y = (
        alt.X("x:Q", title=axis[0], axis=alt.Axis(labels=False)),
        alt.Y("y:Q", title=axis[1], axis=alt.Axis(labels=False)),
    )
    base = alt.Chart(alt.InlineData(values=points))
    legend = alt.Legend(title=None, orient="bottom", columns=4, symbolOpacity=1)
    color = alt.Color("relation:N", legend=legend, scale=alt.Scale(scheme="tableau10")) if few else alt.value(ABOVE)
    dots = base.mark_circle(size=28, opacity=0.45).encode(x=x, y=y, color=color, tooltip=[alt.Tooltip("relation:N")])
    names = alt.Chart(alt.InlineData(values=[] if few else _names(space)))
    means = names.mark_text(color=INK, fontSize=FONT).encode(x=x, y=y, text="relation:N")
    drawing = alt.layer(dots, *([] if few else [means])).properties(width=WIDTH, height=HEIGHT)
    return _spec(drawing, "Rows of the suite, by relation.")


def _names(space: Space) -> list[dict[str, Any]]:
    """Relations at the mean of their rows, those of most rows first; one that would lie on another is left out."""
    points = np.array([point[:2] for point in space.points])
    labels = np.array([label for *_, label in space.points])
    scale = (WIDTH, HEIGHT) / np.maximum(np.ptp(points, axis=0), 1e-9)
    kept: list[tuple[str, float, float]] = []
    for label, _ in Counter(labels.tolist()).most_common():
        x, y = points[labels == label].mean(axis=0)
        reach = [FONT * WIDE * (len(label) + len(other)) / 2 for other, *_ in kept]
        near = (
            abs(x - ox) * scale[0] < r and abs(y - oy) * scale[1] < FONT
            for r, (_, ox, oy) in zip(reach, kept, strict=True)
        )
        if not any(near):
            kept.append((label, x, y))
    return [{"x": x, "y": y, "relation": visible(label)} for label, x, y in kept]


def dendrogram(tree: Tree) -> dict[str, Any]:
    """The spec of a tree, its leaves from top to bottom."""
    drawing = branches(tree).properties(width=320, height=LINE * len(tree.names))
    return _spec(drawing, "What is alike as a tree; the order of its leaves stands in the text.")


def branches(tree: Tree) -> alt.LayerChart:
    """The tree without a size: a rule for each branch, a name at each leaf."""
    nodes, lines = {tree.names.index(name): (0.0, float(place)) for place, name in enumerate(tree.order)}, []
    for step, (a, b, distance, _) in enumerate(tree.merges):
        (ax, ay), (bx, by) = nodes[a], nodes[b]
        lines += [{"x": ax, "x2": distance, "y": ay, "y2": ay}, {"x": bx, "x2": distance, "y": by, "y2": by}]
        lines.append({"x": distance, "x2": distance, "y": ay, "y2": by})
        nodes[len(tree.names) + step] = (distance, (ay + by) / 2)
    names = json.dumps([visible(name) for name in tree.order])  # a literal of the expression language, too
    axis = alt.Axis(
        values=list(range(len(tree.order))),
        labelExpr=f"{names}[datum.value]",
        title=None,
        grid=False,
        domain=False,
        ticks=False,
        labelOverlap=False,
    )
    scale = alt.Scale(domain=[-0.5, len(tree.order) - 0.5], reverse=True, nice=False, zero=False)
    y = alt.Y("y:Q", axis=axis, scale=scale)
    rules = alt.Chart(alt.InlineData(values=lines)).mark_rule(color=INK, strokeWidth=1.2)
    return alt.layer(rules.encode(x=alt.X("x:Q", title=tree.of), x2="x2:Q", y=y, y2="y2:Q"))


def _spec(drawing: alt.LayerChart, description: str) -> dict[str, Any]:
    spec: dict[str, Any] = drawing.to_dict(validate=False)  # the same code whatever the data
    spec["config"], spec["description"] = config(), description
    spec.pop("$schema")
    return spec
