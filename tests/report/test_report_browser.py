"""The page in a real browser: charts draw, nothing leaves the file, hostile strings stay text."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from report_samples import MakeRun, hostile_cells, hostile_info, probe, sample_cells

from harness.report import render
from harness.shards import Cell

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine")
DRAWN = ".chart svg .mark-symbol.role-mark path"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync_api.sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield chromium
        chromium.close()


@contextmanager
def visit(browser: Any, page: Path, width: int = 1280, view: str = "", **options: Any) -> Iterator[Any]:
    """The page in a tab of its own, at a view; afterwards: no request left it, and the console stayed silent."""
    context = browser.new_context(viewport={"width": width, "height": 900}, **options)
    tab = context.new_page()
    noise: list[str] = []
    asked: list[str] = []
    tab.on("console", lambda message: noise.append(message.text))
    tab.on("pageerror", lambda error: noise.append(str(error)))
    tab.on("dialog", lambda dialog: noise.append(dialog.message))
    tab.on("request", lambda request: asked.append(request.url))
    tab.goto(f"{page.as_uri()}#{view}")
    if options.get("java_script_enabled", True):
        tab.wait_for_selector("html[data-ready]", state="attached", timeout=60_000)
    yield tab
    context.close()
    assert noise == []
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []


def look(tab: Any, view: str) -> Any:
    """Go to a view of the page and wait until its charts are drawn."""
    tab.evaluate("view => { location.hash = view }", view)
    tab.wait_for_selector(f"html[data-ready='{view}']", state="attached", timeout=60_000)
    return tab.locator(f"#{view}")


def all_views(tab: Any) -> list[str]:
    """The fragments of every view, in the page's order."""
    return list(tab.evaluate("[...document.querySelectorAll('main > section')].map(view => view.id)"))


def overflow(tab: Any) -> int:
    width: int = tab.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return width


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_charts_draw_and_the_page_fits(browser: Any, sample_page: Path, width: int, scheme: str) -> None:
    with visit(browser, sample_page, width, color_scheme=scheme) as tab:
        assert tab.locator("#leaderboard").bounding_box()["y"] < 400
        assert tab.locator(".chart svg").count() == 0  # what nobody has looked at
        for view in all_views(tab):
            for chart in look(tab, view).locator(".chart svg").all():
                box = chart.bounding_box()
                assert box["width"] > 100
                assert box["height"] > 60
            assert overflow(tab) <= 0, view
        assert tab.locator(".chart svg").count() == 1
        assert tab.locator(DRAWN).count() == 4  # two models on two axes


def test_pointing_at_a_dot_tells_its_interval(browser: Any, sample_page: Path) -> None:
    with visit(browser, sample_page, view="suite-scene-choice") as tab:
        tab.locator("#suite-scene-choice .chart svg .mark-symbol.role-mark path").first.hover(force=True)
        assert re.search(r"interval: \[\d\d\.\d, \d\d\.\d\]", tab.locator(".tip").inner_text())


def test_the_page_reads_without_script(browser: Any, sample_page: Path) -> None:
    with visit(browser, sample_page, java_script_enabled=False) as tab:
        assert tab.locator("#suite-vsr-relations .heat td").first.is_visible()
        assert not tab.locator(".chart").first.is_visible()
        assert not tab.locator(".confusion").first.is_visible()
        assert "41.0" in tab.locator("#leaderboard").inner_text()


def test_a_click_sorts_within_each_band(browser: Any, sample_page: Path) -> None:
    with visit(browser, sample_page) as tab:
        button = tab.locator(".board thead button").nth(3)
        names = "[...document.querySelectorAll('.board tbody th[scope=row] a bdi')].map(e => e.textContent)"
        button.click()
        assert tab.evaluate(names) == ["mpnet", "minilm", "clip-b32/text", "clip-b32/image", "random", "large"]
        assert tab.locator(".board th[aria-sort]").get_attribute("aria-sort") == "descending"
        button.press("Enter")
        assert tab.evaluate(names) == ["clip-b32/image", "clip-b32/text", "minilm", "mpnet", "random", "large"]
        tab.locator(".board thead button").nth(1).click()  # missing values stay last both ways
        assert tab.evaluate(names)[0] == "clip-b32/image"


def test_the_policy_holds(browser: Any, sample_page: Path) -> None:
    attempts = {
        # later, in a turn of the page's own: what a debugger evaluates at once is let through
        "eval": """new Promise(done => setTimeout(() => {
            try { new Function('return 1')(); done('ran') } catch (e) { done('refused') } }))""",
        "fetch": "fetch('https://example.org/').then(() => 'ran', () => 'refused')",
        "script": """new Promise(done => {
            const s = document.createElement('script'); s.textContent = 'window.ran = 1'; document.body.append(s);
            done(window.ran ? 'ran' : 'refused') })""",
        "picture": """new Promise(done => { const i = new Image();
            i.onload = () => done('ran'); i.onerror = () => done('refused'); i.src = 'https://example.org/x.png' })""",
    }
    context = browser.new_context()
    tab = context.new_page()
    tab.goto(sample_page.as_uri())
    found = {name: tab.evaluate(f"async () => await {code}") for name, code in attempts.items()}
    context.close()
    assert set(found.values()) == {"refused"}, found


@pytest.fixture(scope="module")
def hostile_page(make_once: MakeRun) -> Path:
    return render(make_once(hostile_cells(), info=hostile_info()))


@pytest.mark.parametrize("width", [1280, 390])
def test_hostile_strings_do_nothing(browser: Any, hostile_page: Path, width: int) -> None:
    with visit(browser, hostile_page, width) as tab:
        for view in all_views(tab):
            look(tab, view)
            assert overflow(tab) <= 0, view
        assert tab.locator(".chart svg").count() == tab.locator(".chart").count() > 10
        assert tab.locator("img, b:has-text('bold'), svg:not(.chart svg), body > svg").count() == 0
        assert tab.locator("#leaderboard").get_by_text("<script>alert(1)</script>", exact=True).count() > 0
        assert tab.locator(".chart svg text", has_text="<img src=x").count() > 0
        tips = []
        for chart in tab.locator(".chart").all():
            look(tab, chart.evaluate("it => it.closest('main > section').id"))
            chart.locator("svg .mark-symbol.role-mark path").last.hover(force=True)
            tips.append(tab.locator(".tip").inner_text())
        assert any("onerror=alert(1)" in tip for tip in tips)
        assert tab.locator(".tip *").count() == 0


def test_a_run_without_numbers_opens(browser: Any, make_run: MakeRun) -> None:
    page = render(make_run([cell for cell in sample_cells() if cell.findings is None]))
    with visit(browser, page, 390, view="not-run") as tab:
        assert "hub does not answer" in tab.locator("#not-run").inner_text()
        assert overflow(tab) <= 0


def test_a_large_run_opens(browser: Any, make_run: MakeRun) -> None:
    relations = [f"relation {i}" for i in range(60)]
    cells = [
        Cell(suite=f"suite-{s}", model=f"model-{m}", status="passed", findings=probe(0.2 + m / 100, relations))
        for s in range(3)
        for m in range(30)
    ]
    page = render(make_run(cells))
    assert page.stat().st_size < 8_000_000
    with visit(browser, page, 390) as tab:
        assert overflow(tab) <= 0
        for i in range(3):
            assert look(tab, f"suite-suite-{i}").locator(".heat tbody td").count() == 30 * 60
            assert overflow(tab) <= 0
