"""Published numbers in a real browser: there to be seen, and no wider than the page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from published_samples import HOSTILE_NAME, PUBLISHED_INFO, published_cells
from report_samples import MakeRun
from test_report_browser import CHROMIUM, browser, overflow, visit  # noqa: F401 - browser is a fixture

from harness.report import render

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine")
LISTING = "#suite-whatsup-a-paper-published"


@pytest.fixture
def page(make_run: MakeRun) -> Path:
    return render(make_run(published_cells(), info=PUBLISHED_INFO))


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_the_published_table_is_visible_and_the_page_fits(browser: Any, page: Path, width: int, scheme: str) -> None:  # noqa: F811
    with visit(browser, page, width, LISTING[1:], color_scheme=scheme) as tab:
        rows = tab.locator(f"{LISTING} tbody tr")
        assert rows.count() == 20
        assert all(row.is_visible() for row in rows.all())
        assert "2310.19785" in tab.locator(LISTING).inner_text()
        assert tab.locator(LISTING).bounding_box()["width"] <= width
        assert overflow(tab) <= 0


def test_it_is_set_apart_and_after_the_measured_table(browser: Any, page: Path) -> None:  # noqa: F811
    with visit(browser, page, view=LISTING[1:]) as tab:
        measured = tab.locator("#suite-whatsup-a-paper > .wide").first.bounding_box()
        published = tab.locator(LISTING).bounding_box()
        assert published["y"] > measured["y"] + measured["height"]
        colour = "element => getComputedStyle(element).color"
        soft = tab.locator(f"{LISTING} td").first.evaluate(colour)
        assert soft != tab.locator("#suite-whatsup-a-paper > .wide td").first.evaluate(colour)


def test_the_link_on_the_leaderboard_leads_to_the_source(browser: Any, page: Path) -> None:  # noqa: F811
    with visit(browser, page, 390) as tab:
        cell = tab.locator(".board tr", has_text="my-l14").locator("td", has_text="published")
        assert "difference\N{NO-BREAK SPACE}-1.5" in cell.inner_text()
        cell.locator("a").click()
        assert tab.url.endswith(LISTING)
        tab.wait_for_selector("html[data-ready='suite-whatsup-a-paper']", state="attached")
        assert tab.locator(LISTING).bounding_box()["y"] < 60


def test_a_hostile_name_is_text_in_the_published_table(browser: Any, page: Path) -> None:  # noqa: F811
    with visit(browser, page) as tab:
        assert tab.locator(f"{LISTING} bdi").get_by_text(HOSTILE_NAME, exact=True).count() == 1
        assert tab.locator("img").count() == 0
