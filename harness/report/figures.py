"""Figures and tables of a run, ready for a paper: SVG and PNG of every suite, CSV and LaTeX of its numbers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from harness.errors import RunError
from harness.report import export, similarity, tables
from harness.runs import Run, read_run

DPI = 300


def write_figures(run_dir: Path, folder: Path) -> Path:
    """Write all figures and tables of a run into a folder, new or not, and return it. Raises RunError.

    Files that are there are replaced. Names are the suites' in harmless characters: `SUITE_models.svg`, …
    """
    run = read_run(run_dir)
    if folder.exists() and not folder.is_dir():
        raise RunError(f"{folder} is a file; give a new folder for the figures, or one that is there")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, data in (*export.tables_of(run), *_drawn(run)):
            (folder / name).write_bytes(data)
    except OSError as error:
        raise RunError(f"cannot write the figures: {error}; free space or give another folder") from error
    return folder


def _drawn(run: Run) -> Iterator[tuple[str, bytes]]:
    """The files of every figure: (name, bytes)."""
    import vl_convert

    for name, spec in figures(run):
        svg = vl_convert.vegalite_to_svg(spec, allowed_base_urls=[])
        # a pixel of the drawing is a point of the page
        yield f"{name}.svg", re.sub(r'\b(width|height)="([\d.]+)"', r'\1="\2pt"', svg, count=2).encode()
        yield f"{name}.png", vl_convert.vegalite_to_png(spec, ppi=DPI, allowed_base_urls=[])


def figures(run: Run) -> Iterator[tuple[str, dict[str, Any]]]:
    """Name and Vega-Lite spec of each figure: models, parts, axes, layers, similarity; those that a suite has."""
    from harness.report import paper  # altair takes a second

    limit = run.info.get("limit")
    for section in tables.sections(run, tables.board(run)):
        stem, suite = export.stem(section.head), section.head.suite
        if any(number.value is not None for number in section.overall):
            yield f"{stem}_models", paper.models(section, limit)
        for breakdown in section.breakdowns:
            yield f"{stem}_by-{breakdown.by}", paper.heatmap(suite, breakdown, limit)
        if section.axes:
            yield f"{stem}_axes", paper.axes(suite, section.axes, limit)
        for i, curves in enumerate(section.curves, 1):
            for j, drawn in enumerate(curves.drawings, 1):
                yield f"{stem}_{curves.by}-{i}-{j}", paper.places(suite, curves, drawn, limit)
    heads = {head.suite: head for head in tables.heads(run)}
    for matrix in similarity.section(run):
        if matrix.models:
            yield f"{export.stem(heads[matrix.suite])}_similarity", paper.matrix(matrix, limit)
        if matrix.tree:
            yield f"{export.stem(heads[matrix.suite])}_similarity-tree", paper.tree(matrix.suite, matrix.tree, limit)
