"""Models, comparison and provenance in a real browser: links lead, lists unfold, the text is copied."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from report_samples import INFO, MakeRun, choice, sample_cells
from test_gate_section import gated
from test_report_browser import CHROMIUM, browser, overflow, visit  # noqa: F401 - browser is a fixture

from harness.report import render
from harness.report.recipe import recipe
from harness.results import Findings
from harness.runs import read_run
from harness.shards import Cell

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine")
COPY = "#provenance .copy"


@pytest.fixture
def run(make_run: MakeRun) -> Path:
    chosen = [  # without relations: charts are looked at elsewhere
        Cell(suite="s", model=model, status="passed", findings=Findings(choice(level).results[:1], ()))
        for model, level in (("mpnet", 0.3), ("minilm", 0.7))
    ]
    few = [replace(cell, stats={"seconds": 1.5}) for cell in sample_cells() if cell.findings is None]
    return make_run([*few, *chosen], info=INFO)


def go(tab: Any, view: str) -> Any:
    tab.evaluate("view => { location.hash = view }", view)
    return tab.locator(f"#{view}")


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_the_views_fit(browser: Any, run: Path, width: int, scheme: str) -> None:  # noqa: F811
    with visit(browser, render(gated(run)), width, color_scheme=scheme) as tab:
        for name in ("compare", "model-mpnet", "provenance"):
            assert go(tab, name).is_visible()
            for folded in tab.locator(f"#{name} details").all():
                folded.evaluate("e => { e.open = true }")
            assert overflow(tab) <= 0


def test_the_text_of_the_run_is_copied(browser: Any, run: Path) -> None:  # noqa: F811
    with visit(browser, render(run), permissions=["clipboard-read", "clipboard-write"]) as tab:
        go(tab, "provenance")
        tab.locator(COPY).click()
        tab.locator("#provenance .copied", has_text="Copied.").wait_for()
        assert tab.evaluate("navigator.clipboard.readText()") == recipe(read_run(run).info)
        assert not tab.locator("#provenance pre").is_visible()


@pytest.mark.parametrize("clipboard", ["undefined", "{ writeText: () => Promise.reject(new Error('no')) }"])
def test_where_no_page_may_copy_the_text_is_selected(browser: Any, run: Path, clipboard: str) -> None:  # noqa: F811
    with visit(browser, render(run)) as tab:
        tab.evaluate(f"() => {{ Object.defineProperty(navigator, 'clipboard', {{ value: {clipboard} }}) }}")
        go(tab, "provenance")
        tab.locator(COPY).press("Enter")
        status = tab.locator("#provenance .copied", has_text="press Ctrl+C")
        status.wait_for()
        assert status.get_attribute("role") == "status"
        assert tab.evaluate("getSelection().toString().trim()") == recipe(read_run(run).info).strip()


def test_without_script_the_text_and_the_comparison_can_be_read(browser: Any, run: Path) -> None:  # noqa: F811
    with visit(browser, render(gated(run)), java_script_enabled=False) as tab:
        assert not tab.locator(COPY).is_visible()
        tab.locator("#provenance .recipe summary").click()
        assert INFO["command"] in tab.locator("#provenance pre").inner_text()
        assert not tab.locator("#compare .filter").is_visible()
        assert tab.locator("#compare tr[data-verdict]").count() == 4
        assert tab.locator("#compare svg.whisker").count() == 3


def test_the_verdicts_are_filtered_and_sorted(browser: Any, run: Path) -> None:  # noqa: F811
    shown = "[...document.querySelectorAll('#compare tr[data-verdict]:not([hidden])')].map(row => row.dataset.verdict)"
    with visit(browser, render(gated(run))) as tab:
        view = go(tab, "compare")
        assert tab.evaluate(shown) == ["regressed", "improved", "unchanged", "not comparable"]
        view.locator("thead button").nth(5).click()  # by difference, largest first
        assert tab.evaluate(shown) == ["improved", "unchanged", "regressed", "not comparable"]
        view.locator("select").select_option("regressed")
        assert tab.evaluate(shown) == ["regressed"]
        assert view.locator("[role=status]").inner_text() == "1 of 4"
        view.locator("select").select_option("")
        assert len(tab.evaluate(shown)) == 4
        assert view.locator("[role=status]").inner_text() == ""


def test_a_count_of_rows_leads_to_the_folded_list_of_them(browser: Any, run: Path) -> None:  # noqa: F811
    with visit(browser, render(gated(run))) as tab:
        view = go(tab, "compare")
        assert view.locator("details[open]").count() == 0
        view.locator("tr[data-verdict=regressed] a").first.click()
        tab.locator("#compare details[open]").wait_for()
        assert view.locator("details[open] li").first.is_visible()
        assert view.locator("details[open] li", has_text="and 15 more").count() == 1


def test_a_model_says_where_it_stands_out_and_links_to_the_suite(browser: Any, run: Path) -> None:  # noqa: F811
    with visit(browser, render(run)) as tab:
        better = go(tab, "model-minilm")
        tables = better.locator(".apart").first.locator("table")
        assert tables.count() == 1  # strengths, and no weakness
        assert "all rows" in tables.first.inner_text()
        better.locator("table.sortable a", has_text="s").first.click()
        assert tab.evaluate("location.hash") == "#suite-s"
        assert "all rows" in go(tab, "model-mpnet").locator(".apart table").first.inner_text()
