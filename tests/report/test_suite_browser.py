"""The view of a suite in a real browser: intervals are shown when asked for, confusions drawn, columns sorted."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from probe_samples import answered, outcome
from report_samples import HOSTILE, MakeRun, probe
from test_report_browser import CHROMIUM, browser, look, overflow, visit  # noqa: F401 - browser is a fixture

from harness.report import render
from harness.results import Findings
from harness.shards import Cell

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine")
RELATIONS = tuple(f"relation {i} with {HOSTILE[1]}" for i in range(12))


@pytest.fixture(scope="module")
def page(make_once: MakeRun) -> Path:
    cells = []
    for i, model in enumerate((HOSTILE[0], "b", "c")):
        rows = [outcome(k, RELATIONS[k % 12], RELATIONS[(k + (k // 12 % (i + 2) == 0)) % 12]) for k in range(240)]
        results = (*probe(0.5 + i / 10, RELATIONS).results, *answered(rows).results)
        cells.append(Cell(suite="s", model=model, status="passed", findings=Findings(results, tuple(rows))))
        cells.append(Cell(suite="few", model=model, status="passed", findings=probe(0.6, ("on", "in"))))
    return render(make_once(cells))


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_a_confusion_is_drawn_for_the_model_that_is_chosen(browser: Any, page: Path, width: int, scheme: str) -> None:  # noqa: F811
    with visit(browser, page, width, color_scheme=scheme) as tab:
        assert tab.locator(".confusion option").count() == 0  # nobody has looked
        place = look(tab, "suite-s").locator(".confusion")
        place.locator("td.own").first.wait_for()
        assert place.locator("option").all_text_contents() == ["c", "b", HOSTILE[0]]
        assert place.locator("tbody tr").count() == 12
        own = place.locator("tbody tr").first.locator("td.own")
        assert own.text_content() == "7515"  # 75 %, and the count that is not shown
        assert own.locator("i").is_hidden()
        place.get_by_label("counts").check()
        assert own.locator("i").inner_text() == "15"
        place.locator("select").select_option(label=HOSTILE[0])
        assert place.locator("tbody tr").nth(1).locator("td.own").text_content() == "5010"
        assert tab.locator("img").count() == 0
        assert overflow(tab) <= 0


def test_intervals_are_shown_when_they_are_asked_for(browser: Any, page: Path) -> None:  # noqa: F811
    with visit(browser, page, view="suite-s") as tab:
        interval = tab.locator("#suite-s .heat i").first
        assert interval.is_hidden()  # of many columns
        tab.locator("#suite-s").get_by_label("intervals").check()
        assert re.fullmatch(r"\[0\.\d{3}, 0\.\d{3}\]", interval.inner_text())
        assert look(tab, "suite-few").locator(".heat i").first.is_visible()


def test_intervals_need_no_script_and_are_printed(browser: Any, page: Path) -> None:  # noqa: F811
    with visit(browser, page, java_script_enabled=False) as tab:
        interval = tab.locator("#suite-s .heat i").first
        tab.locator("#suite-s").get_by_label("intervals").check()
        assert interval.is_visible()
        tab.locator("#suite-s").get_by_label("intervals").uncheck()
        tab.emulate_media(media="print")
        assert interval.is_visible()
        assert tab.locator("#suite-s .confusion").is_hidden()
        assert tab.locator("#suite-s").get_by_text("Most frequent mistakes").is_visible()


def test_a_heatmap_sorts_by_its_columns(browser: Any, page: Path) -> None:  # noqa: F811
    with visit(browser, page, view="suite-s") as tab:
        names = tab.locator("#suite-s table.heat.sortable tbody th")
        assert names.all_inner_texts() == ["c", "b", HOSTILE[0]]
        button = tab.locator("#suite-s table.heat.sortable thead button").nth(3)
        button.click()
        button.click()
        assert names.all_inner_texts() == [HOSTILE[0], "b", "c"]
        assert (
            tab.locator("#suite-s table.heat thead th").nth(1).locator("bdi").bounding_box()["height"] > 60
        )  # upright


def test_units_and_intervals_are_sorted_as_numbers(browser: Any, page: Path) -> None:  # noqa: F811
    texts = ["[99.9, 100.0]", "–", "[6.2, 7.0]", "25.0\N{NO-BREAK SPACE}%", "1,200", "[\N{MINUS SIGN}1.5, 2.0]"]
    with visit(browser, page, view="suite-s") as tab:
        keys = tab.evaluate(
            "texts => texts.map(text => sortKey(make('tr', '', make('td', '', text)), 0))",
            texts,
        )
    assert keys == [99.9, None, 6.2, 25.0, 1200, -1.5]


def test_the_value_and_its_interval_are_on_screen(browser: Any, page: Path) -> None:  # noqa: F811
    with visit(browser, page, 390, view="suite-s") as tab:
        cell = tab.locator("#suite-s .overall tbody td:nth-child(3)").last.bounding_box()
        assert cell["x"] + cell["width"] <= 390


def test_a_click_on_the_view_that_is_shown_loses_no_place(browser: Any, page: Path) -> None:  # noqa: F811
    with visit(browser, page, view="suite-s") as tab:
        tab.evaluate("document.querySelector('nav a[href=\"#suite-s\"]').click()")
        assert tab.evaluate("followed") is False
        tab.evaluate("document.querySelector('nav a[href=\"#leaderboard\"]').click()")
        tab.wait_for_selector("html[data-ready='leaderboard']", state="attached")
