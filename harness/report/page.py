"""From run folder to page: gather what is shown, fill the template, put the file in place."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from harness.errors import RunError
from harness.files import write_whole
from harness.measure.intervals import FEW_GROUPS
from harness.report import (
    calibration,
    costs,
    datasets,
    gate,
    held,
    profiles,
    provenance,
    published,
    recipe,
    rows,
    similarity,
    tables,
)
from harness.report import leaderboard as boards
from harness.report.breakdowns import FEW_ROWS
from harness.report.inline import island, packed, policy, runtime, verbatim, visible
from harness.report.numbers import DASH
from harness.report.probes import Table
from harness.report.ranks import ordered, ranks
from harness.runs import Run, read_run

SCRIPTS = (  # in this order, as one
    "page.js",
    "board.js",
    "suite.js",
    "rows_table.js",
    "rows_item.js",
    "rows.js",
    "compare.js",
    "provenance.js",
)
EARLY = "early.js"  # before the views are read
STYLES = ("page.css", "board.css", "suite.css", "rows.css", "model.css", "compare.css")


def render(run_dir: Path) -> Path:
    """Write index.html into a run folder, finished or not, and return its path. Raises RunError."""
    page = run_dir / "index.html"
    _put(page, html(read_run(run_dir)).encode())
    return page


def html(run: Run) -> str:
    """The page of a run as one string."""
    shown = tables.board(run)
    told = ranks(run, shown)
    shown = ordered(shown, told)
    suites = tables.sections(run, shown)
    drawings = {f"{s.head.anchor}-axes": _axes(s.axes) for s in suites if s.axes}
    drawings |= {name: drawing for s in suites for name, drawing in _places(s)}
    besides = published.besides(run)
    calibrated = calibration.section(run)
    if calibrated and calibrated.study:
        drawings["calibration"] = _curves(calibrated.study)
    spaces = similarity.section(run)
    drawings |= {key: drawing for matrix in spaces for space in matrix.spaces for key, drawing in _space(space).items()}
    drawings |= {matrix.key: _tree(matrix.tree) for matrix in spaces if matrix.tree}
    script, style, early = ("".join(map(_asset, names)) for names in (SCRIPTS, STYLES, (EARLY,)))
    vega = runtime() if drawings else ""
    return (
        _environment()
        .get_template("page.html")
        .render(
            headline=provenance.headline(run.info),
            board=shown,
            around=boards.around(run, shown, suites),
            ranks=told,
            calibration=calibrated,
            data=datasets.section(run),
            held=held.section(run, shown),
            noted=dict.fromkeys(mark for s in suites for number in s.overall for mark in number.noted),
            similarity=spaces,
            profiles=profiles.sections(run, shown, suites),
            rows=rows.section(run, shown),
            gate=gate.section(run),
            sections=suites,
            besides=besides,
            listings={s.head.anchor: published.listings(s.head.suite, besides) for s in suites},
            drawings=drawings,
            few={"rows": FEW_ROWS, "groups": FEW_GROUPS},
            confused_data={s.head.anchor: packed(s.confusion.packed) for s in suites if s.confusion},
            absences=tables.absences(run),
            facts=provenance.facts(run.info),
            costs=costs.table(run.info["cells"]),
            recipe=recipe.recipe(run.info),
            vega=Markup(vega),  # ours, as are script and style: checked and hashed
            script=Markup(script),
            early=Markup(early),
            style=Markup(style),
            policy=policy([code for code in (early, vega, script) if code], [style]),
        )
    )


def _axes(table: Table) -> Markup:
    from harness.report.charts import axis_dots  # altair takes a second: only where there is something to draw

    return island(axis_dots(table))


def _places(section: tables.Section) -> list[tuple[str, Markup]]:
    """The drawings of a suite's numbers by layer or capacity, by the names that the template gives them."""
    wanted = [
        (f"{section.head.anchor}-curves-{i}-{j}", curves, of)
        for i, of in enumerate(section.curves)
        for j, curves in enumerate(of.drawings)
    ]
    if not wanted:
        return []
    from harness.report.charts import place_curves

    return [(name, island(place_curves(of, curves))) for name, curves, of in wanted]


def _curves(study: calibration.Study) -> Markup:
    from harness.report.charts import curves

    return island(curves(study))


def _space(space: similarity.Space) -> dict[str, Markup]:
    from harness.report.space_charts import embedding_map

    return {f"{space.key}-map": island(embedding_map(space)), f"{space.key}-tree": _tree(space.tree)}


def _tree(tree: similarity.Tree) -> Markup:
    from harness.report.space_charts import dendrogram

    return island(dendrogram(tree))


def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("harness.report"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _finalize(value: Any) -> Any:
    """Every expression passes here: hidden characters become visible, a missing number a dash."""
    if value is None:
        return DASH
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _asset(name: str) -> str:
    return verbatim((resources.files("harness.report") / "templates" / name).read_text(encoding="utf-8"))


def _put(path: Path, data: bytes) -> None:
    """Write the whole file or leave what was there."""
    try:
        write_whole(path, data)
    except OSError as error:
        raise RunError(f"cannot write {path}: {error}") from error
