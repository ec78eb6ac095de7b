from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from report_samples import HOSTILE
from test_report_browser import browser, overflow  # noqa: F401

from harness.history import History, Point, Step
from harness.history.below import Moment
from harness.report.history import HEIGHT, MARGIN, WIDTH, html, write_history

DROP = Step(verdict="regressed", before=0.9, after=0.7, difference=-0.2, low=-0.24, high=-0.16, p_holm=1e-9)
GAIN = Step(verdict="improved", before=0.7, after=0.75, difference=0.05, low=0.02, high=0.08, p_holm=0.01)
SAME = Step(verdict="unchanged", before=0.9, after=0.9, difference=0.0, p_holm=1.0)
GAP = Step(verdict="not comparable", reason="another prompt: '' -> 'a photo of {}'")


def point(run: int, value: float, step: Step | None = SAME, spread: float | None = 0.02) -> Point:
    low, high = (None, None) if spread is None else (value - spread, value + spread)
    return Point(run=run, value=value, low=low, high=high, n=1200, step=step)


def history(*names: tuple[str, str], path: str = "reports/run") -> History:
    course = (point(0, 0.9, None), point(1, 0.9), point(2, 0.7, DROP), point(3, 0.75, GAIN), point(5, 0.5, GAP, None))
    days = range(1, 7)
    runs = tuple(
        Moment(path=Path(f"{path}-{d}"), started=f"2025-03-0{d}T02:00:00+00:00", commit=f"{d:x}" * 40) for d in days
    )
    cells = dict.fromkeys(names or (("scene-choice", "clip"), ("scene-choice", "cal-bag")), course)
    return History(runs, cells, {Path("reports/broken"): "it is <damaged>"})


def test_each_cell_has_a_drawing_with_its_steps_and_gaps():
    page = html(history())
    assert page.count("<figure>") == 2
    assert page.count('class="spread"') == page.count('class="course"') == 4  # two stretches each
    assert page.count('class="gap"') == 2
    assert page.count('<path class="regressed" d="M') == page.count('<path class="improved" d="M') == 2 + 1  # legend
    assert "5 runs, 90.0 % to 50.0 %, 1 regressed, 1 improved, 1 not comparable" in page
    assert "2025-03-03 02:00 UTC, 333333333333: 70.0 % [68.0, 72.0], 1,200 rows; regressed by -20.0 points" in page


def test_drawings_stay_within_their_frame_and_share_a_scale():
    page = html(history())
    for shape in re.findall(r'points="([^"]+)"', page):
        for pair in shape.split():
            x, y = map(float, pair.split(","))
            assert MARGIN <= x <= WIDTH - MARGIN
            assert MARGIN <= y <= HEIGHT - MARGIN
    assert "Credit from 50.0 to 92.0 %." in page


def test_steps_and_what_was_passed_over_stand_in_tables():
    page = html(history())
    words = " ".join(re.sub("<[^>]*>", " ", page).split())
    assert "regressed 90.0 → 70.0 -20.0 [-24.0, -16.0] &lt;0.0001 1200" in words
    assert "another prompt: &#39;&#39; -&gt; &#39;a photo of {}&#39;" in words
    assert "reports/broken : it is &lt;damaged&gt;" in words
    assert "4 significant steps, 2 that could not be compared" in words


def test_a_single_run_is_a_page_too():
    single = History(history().runs[:1], {("s", "m"): (point(0, 0.5, None),)}, {})
    page = html(single)
    assert "1 run, 2025-03-01" in page
    assert "None." in page


def test_nothing_on_the_page_runs_or_loads():
    page = html(history())
    assert "<script" not in page
    assert "default-src 'none'" in unescape(page)
    assert not re.findall(r"\b(?:src|href)=\"(?!#)", page)
    assert not re.findall(r"\sstyle=|\son\w+=", page)


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    names = [(bad, HOSTILE[(i + 1) % len(HOSTILE)]) for i, bad in enumerate(HOSTILE)]
    page = tmp_path / "history.html"
    write_history(history(*names, path="</table><script>alert(1)</script>"), page)
    return page


@pytest.fixture
def visits(browser: Any) -> Iterator[Any]:  # noqa: F811
    noise: list[str] = []

    def visit(page: Path, width: int, scheme: str) -> Any:
        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
        tab = context.new_page()
        tab.on("console", lambda message: noise.append(message.text))
        tab.on("dialog", lambda dialog: noise.append(dialog.message))
        tab.on("request", lambda asked: noise.append(asked.url) if not asked.url.startswith("file:") else None)
        tab.goto(page.as_uri())
        return tab

    yield visit
    assert noise == []


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_the_page_fits_and_draws_in_a_browser(visits: Any, tmp_path: Path, width: int, scheme: str):
    write_history(history(), tmp_path / "history.html")
    tab = visits(tmp_path / "history.html", width, scheme)
    assert overflow(tab) == 0
    boxes = [box.bounding_box() for box in tab.query_selector_all(".multiples svg")]
    assert len(boxes) == 2
    assert all(box["width"] > 200 and box["height"] > 60 for box in boxes)


def test_hostile_names_do_nothing_in_a_browser(visits: Any, hostile: Path):
    tab = visits(hostile, 390, "light")
    assert overflow(tab) == 0
    assert tab.query_selector("script, img, bdi *, title *") is None
    shown = {bdi.text_content() for bdi in tab.query_selector_all("h2 bdi")}
    assert "<script>alert(1)</script>" in shown
