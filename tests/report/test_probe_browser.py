"""Probes, curves and data in a real browser: visible, readable at both widths, and text alone whatever the rows say."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from calibration_samples import MODELS
from probe_samples import asked, capacities, layered, probe_cells, samples
from report_samples import HOSTILE, INFO, MakeRun
from test_report_browser import CHROMIUM, browser, look, overflow, visit  # noqa: F401 - browser is a fixture

from harness.report import render
from harness.shards import Cell

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine")
WORDS = ("cup", "lamp", "a cat with an uncommonly-long-name-that-does-not-end-soon")

MEASURED = {"mpnet": 0.7, "minilm": 0.6}


@pytest.fixture(scope="module")
def page(make_once: MakeRun) -> Path:
    rows, run = list(samples(WORDS).values()), make_once([])
    cells = [replace(c, stats=asked(run, rows[i % 4], rows[i % 3])) for i, c in enumerate(probe_cells())]
    return render(make_once(cells, info={**INFO, "models": [*INFO["models"], *MODELS]}))


@pytest.mark.parametrize("width", [1280, 390])
def test_all_sections_are_there_and_fit(browser: Any, page: Path, width: int) -> None:  # noqa: F811
    with visit(browser, page, width, color_scheme="dark" if width < 400 else "light") as tab:
        for name in ("held", "data"):
            assert tab.locator(f"nav a[href='#{name}']").is_visible()
            assert look(tab, name).locator("table").first.is_visible()
            assert overflow(tab) <= 0
        chart = look(tab, "suite-scene-layers-image").locator(".chart.curves svg")
        assert chart.count() == 1
        assert chart.bounding_box()["width"] > 250
        marks = {"line": 4, "area": 3, "symbol": 2 * 13 + 5 + 3}  # symbols: layers, and a ring a model
        for mark, least in marks.items():
            assert chart.locator(f".mark-{mark}.role-mark path").count() >= least, mark
        chart.locator(".mark-symbol.role-mark path").nth(2).hover(force=True)
        assert "interval: [" in tab.locator(".tip").inner_text()
        assert look(tab, "leaderboard").locator(".mark", has_text="does not beat bag of words").is_visible()
        look(tab, "data")
        for details in tab.locator("#data details, .layers").all():
            details.evaluate("it => { (it.closest('details')).open = true }")
        assert tab.locator("#data progress").first.is_visible()
        assert overflow(tab) <= 0


def test_everything_reads_without_script(browser: Any, page: Path) -> None:  # noqa: F811
    with visit(browser, page, java_script_enabled=False) as tab:
        table = tab.locator("#suite-scene-layers-image .layers").first
        assert table.is_visible()
        assert table.locator("tbody tr").count() == 13
        assert table.get_by_text("chosen").count() == 3
        assert tab.locator("#held .made tbody tr").count() == 7
        assert tab.locator("#suite-vsr-relations .beside").first.is_visible()


@pytest.mark.parametrize("width", [1280, 390])
def test_capacities_are_drawn_and_nothing_complains(browser: Any, make_run: MakeRun, width: int) -> None:  # noqa: F811
    cells = [Cell(suite="vsr-capacity", model=m, status="passed", findings=capacities(v)) for m, v in MEASURED.items()]
    with visit(browser, render(make_run(cells)), width, "suite-vsr-capacity") as tab:
        charts = tab.locator("#suite-vsr-capacity .chart svg")
        assert charts.count() == 1  # the control task is folded
        for name in ("rank 1", "rank 16", "hidden 8", "hidden 256"):
            assert charts.first.get_by_text(name, exact=True).count() == 1
        assert charts.first.locator(".mark-area.role-mark path").count() == 2 * 2  # ranks and networks of either model
        assert overflow(tab) <= 0


def test_hostile_rows_and_models_do_nothing(browser: Any, make_run: MakeRun, tmp_path: Path) -> None:  # noqa: F811
    rows = samples(HOSTILE, 64)
    cells = [
        Cell(suite=f"s {name} {HOSTILE[i]}", model=HOSTILE[i], status="passed", findings=layered(0.6),
             stats=asked(tmp_path / "run", own, own[:5]))
        for i, (name, own) in enumerate(rows.items())
    ]  # fmt: skip
    with visit(browser, render(make_run(cells)), 390) as tab:
        tab.evaluate("document.querySelectorAll('details').forEach(it => it.open = true)")
        assert tab.locator("#data .set").count() == 8
        assert tab.locator("img, svg:not(.chart svg), b:has-text('bold')").count() == 0
        assert tab.locator("#data").get_by_text("<img src=x", exact=False).count() > 0
        assert overflow(tab) <= 0
