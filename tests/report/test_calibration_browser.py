"""The calibration section in a real browser: it fits, its chart draws, it reads without colour and without script."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from calibration_samples import MODELS, all_asked, asked, study_facts
from report_samples import INFO, MakeRun, sample_cells
from test_report_browser import CHROMIUM, browser, overflow, visit  # noqa: F401 - browser is a fixture

from harness.calibration import sweep
from harness.calibration.variants import VARIANTS
from harness.report import render

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine")


@pytest.fixture(scope="module")
def page(make_once: MakeRun) -> Path:
    wrong = asked("cal-bag", direction={"value": 0.9, "low": 0.88, "high": 0.92}, colour=None)
    cells = [*(cell for cell in all_asked() if cell.model != "cal-bag"), wrong, *sample_cells()]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sweep, "measured", study_facts)
        return render(make_once(cells, info={**INFO, "models": [*INFO["models"], *MODELS]}))


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_the_curves_draw_and_the_page_fits(browser: Any, page: Path, width: int, scheme: str) -> None:  # noqa: F811
    with visit(browser, page, width, "calibration", color_scheme=scheme) as tab:
        chart = tab.locator("#calibration .chart svg")
        assert chart.count() == 1
        assert chart.bounding_box()["width"] > 600
        for mark, count in (("symbol", 20), ("rule", 20), ("line", 6)):  # lines: two and the broken one, twice
            assert chart.locator(f".mark-{mark}.role-mark path, .mark-{mark}.role-mark line").count() == count, mark
        assert overflow(tab) <= 0


def test_the_legend_tells_the_curves_apart_by_shape_too(browser: Any, page: Path) -> None:  # noqa: F811
    with visit(browser, page, view="calibration") as tab:
        legend = tab.locator("#calibration .chart svg .role-legend")
        assert legend.count() == 1
        assert "hard negatives" in (legend.text_content() or "")
        shapes = {path.get_attribute("d") for path in legend.locator(".mark-symbol path").all()}
        assert len(shapes) == 2


def test_pointing_at_a_point_tells_its_interval(browser: Any, page: Path) -> None:  # noqa: F811
    with visit(browser, page, view="calibration") as tab:
        tab.locator("#calibration .chart svg .mark-symbol.role-mark path").nth(2).hover(force=True)
        tip = tab.locator(".tip").inner_text()
        assert "interval: [" in tip
        assert "share: " in tip


def test_the_model_stays_in_sight_where_the_table_is_wider_than_the_screen(browser: Any, page: Path) -> None:  # noqa: F811
    with visit(browser, page, 390, "calibration") as tab:
        tab.evaluate("document.querySelector('#calibration .wide').scrollLeft = 600")
        name = tab.locator("#calibration tbody .pinned").first
        assert name.inner_text().startswith(next(iter(VARIANTS)))
        assert 0 <= name.bounding_box()["x"] < 40


def test_marks_are_words(browser: Any, page: Path) -> None:  # noqa: F811
    with visit(browser, page, java_script_enabled=False) as tab:
        row = tab.locator("#calibration .made tbody tr", has_text="cal-bag").inner_text()
        assert row.count("✗ read wrongly") == 1
        assert "not measured" in row
        assert row.count("✓ read rightly") > 5
        assert tab.locator("#calibration details.data[open] td").first.is_visible()
        assert tab.get_by_role("link", name="Calibration", exact=True).get_attribute("href") == "#calibration"
