"""Going through the page: every view opens and is fit to be used by all, the way back leads back, filters filter."""

from __future__ import annotations

import subprocess
import sys
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from full_samples import Size, make
from report_samples import MakeRun, sample_cells, write_run
from test_report_browser import CHROMIUM, all_views, browser, look, overflow, visit  # noqa: F401 - browser is a fixture
from whole_samples import whole_run

from harness import across
from harness.measure import oddity
from harness.report import render

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine")
WORDS = ("left-of", "a cat", "under")
KINDS = ("leaderboard", "suite-left-of", "suite-layers", "calibration", "held", "similarity", "data", "not-run")
VISIBLE = ".filter(it => it.querySelector('h2').checkVisibility()).map(it => it.id)"
SHOWN = f"[...document.querySelectorAll('main > section')]{VISIBLE}"
LEFT = ".filter(it => !it.hidden).map(it => it.querySelector('bdi')?.textContent)"
NAMES = f"[...document.querySelectorAll('.board tr[data-family]')]{LEFT}"
HEADS = f"[...document.querySelectorAll('.board thead th')]{LEFT}"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("views")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(oddity, "DRAWS", 100)
        patch.setattr(across, "DRAWS", 100)
        return render(whole_run(lambda cells, **told: write_run(folder, cells, **told), folder, WORDS))


def test_every_view_opens_by_itself(browser: Any, page: Path) -> None:  # noqa: F811
    with visit(browser, page) as tab:
        views = all_views(tab)
        assert set(KINDS) <= set(views)
        assert tab.evaluate(SHOWN) == ["leaderboard"]
        for view in views:
            shown = look(tab, view)
            heading = shown.locator("h2").first.text_content() or ""
            assert tab.evaluate(SHOWN) == [view]
            assert tab.title().startswith(heading.strip()) or view == views[0]
            assert tab.evaluate("document.activeElement.tagName") == "H2" or view == views[0]
            current = tab.locator("nav [aria-current=page]").evaluate_all("all => all.map(it => it.hash)")
            assert current == [f"#{view}"]


def test_the_way_back_leads_back(browser: Any, page: Path) -> None:  # noqa: F811
    with visit(browser, page) as tab:
        tab.locator(".board thead a").first.click()
        first = tab.evaluate("location.hash")
        tab.wait_for_selector(f"html[data-ready='{first[1:]}']", state="attached")
        tab.get_by_role("link", name="Data", exact=True).click()
        tab.wait_for_selector("html[data-ready='data']", state="attached")
        tab.go_back()
        tab.wait_for_selector(f"html[data-ready='{first[1:]}']", state="attached")
        assert tab.evaluate(SHOWN) == [first[1:]]
        tab.go_back()
        tab.wait_for_selector("html[data-ready='leaderboard']", state="attached")
        tab.go_forward()
        tab.wait_for_selector(f"html[data-ready='{first[1:]}']", state="attached")


def test_an_address_within_a_view_opens_it_there(browser: Any, page: Path) -> None:  # noqa: F811
    with visit(browser, page) as tab:
        inner = tab.evaluate("document.querySelector('#data details [id]').id")
    with visit(browser, page, view=inner) as tab:
        assert tab.evaluate(SHOWN) == ["data"]
        assert tab.locator(f"#{inner}").is_visible()  # what was folded around it is not
    with visit(browser, page, view="nowhere/at%20all") as tab:
        assert tab.evaluate(SHOWN) == ["leaderboard"]


def test_views_are_told_of_what_follows_the_slash(browser: Any, page: Path) -> None:  # noqa: F811
    with visit(browser, page) as tab:
        tab.evaluate("addEventListener('view', it => { window.told = [it.detail.view.id, it.detail.rest] }, true)")
        tab.evaluate("location.hash = 'data/a%2Fb/c'")
        tab.wait_for_function("window.told")
        assert tab.evaluate("told") == ["data", "a%2Fb/c"]


def test_the_menu_is_used_by_keyboard(browser: Any, page: Path) -> None:  # noqa: F811
    with visit(browser, page) as tab:
        tab.keyboard.press("Tab")
        assert tab.evaluate("document.activeElement.className") == "skip"
        tab.keyboard.press("Enter")
        assert tab.evaluate("document.activeElement.id") == "leaderboard-title"
        menu = tab.locator("nav details.menu", has_text="Suites")
        menu.locator("summary").press("Enter")
        assert menu.locator("a").first.is_visible()
        menu.locator("a").first.press("Escape")
        assert not menu.locator("a").first.is_visible()
        menu.locator("summary").press("Enter")
        name = menu.locator("a").nth(1).get_attribute("href")
        menu.locator("a").nth(1).press("Enter")
        tab.wait_for_selector(f"html[data-ready='{name[1:]}']", state="attached")
        assert not menu.locator("a").first.is_visible()


def test_models_are_filtered_by_name_family_and_tag(browser: Any, sample_page: Path) -> None:  # noqa: F811
    with visit(browser, sample_page) as tab:
        every = tab.evaluate(NAMES)
        tab.get_by_role("searchbox", name="Model").fill("CLIP")
        assert tab.evaluate(NAMES) == [name for name in every if "clip" in name]
        assert tab.locator("#found").inner_text() == f"2 of {len(every)} models"
        assert not tab.locator(".board").get_by_text("Controls: what guessing").is_visible()  # a band without models
        tab.get_by_role("searchbox", name="Model").fill("")
        tab.locator("#by-family").select_option("sentence")
        assert set(tab.evaluate(NAMES)) == {"mpnet", "minilm"}
        tab.locator("#by-tag").select_option("bundled")
        assert tab.evaluate(NAMES) == ["minilm"]
        for name in ("family", "tag"):
            tab.locator(f"#by-{name}").select_option("")
        assert tab.evaluate(NAMES) == every


def test_suites_are_chosen_and_sorting_still_hits_their_column(browser: Any, sample_page: Path) -> None:  # noqa: F811
    with visit(browser, sample_page) as tab:
        every = tab.evaluate(HEADS)
        menu = tab.locator("#by-suite")
        menu.locator("summary").click()
        menu.get_by_role("button", name="none").click()
        assert tab.evaluate(HEADS) == [None]
        menu.get_by_label(every[-1], exact=True).check()
        assert tab.evaluate(HEADS) == [None, every[-1]]
        tab.keyboard.press("Escape")
        tab.locator(".board thead button").nth(len(every) - 1).click()
        values = (
            "[...document.querySelectorAll('.board tbody:first-of-type td:last-child')].map(it => it.dataset.order)"
        )
        shown = [float(value) for value in tab.evaluate(values) if value]
        assert shown == sorted(shown, reverse=True)
        menu.locator("summary").click()
        menu.get_by_role("button", name="all").click()
        assert tab.evaluate(HEADS) == every


def test_paper_shows_the_view_that_is_open_and_all_of_them_without_script(browser: Any, page: Path) -> None:  # noqa: F811
    with visit(browser, page, view="data") as tab:
        tab.emulate_media(media="print")
        assert tab.evaluate(SHOWN) == ["data"]
        assert not tab.locator("nav").is_visible()
        heights = (
            "[...document.querySelectorAll('main > section[hidden]')].map(it => it.getBoundingClientRect().height)"
        )
        assert set(tab.evaluate(heights)) == {0}
    with visit(browser, page, java_script_enabled=False) as tab:
        tab.emulate_media(media="print")
        assert len(tab.evaluate(SHOWN)) == len(all_views(tab))


def test_the_head_of_the_leaderboard_stays_in_sight(browser: Any, sample_page: Path) -> None:  # noqa: F811
    with visit(browser, sample_page, 390) as tab:
        tab.locator(".tall").evaluate("it => { it.style.maxHeight = '14rem'; it.scrollTo(300, 150) }")
        frame = tab.locator(".tall").bounding_box()
        head, name = tab.locator(".board thead th").first, tab.locator(".board tbody th[scope=row]").nth(2)
        assert head.bounding_box()["y"] == pytest.approx(frame["y"], abs=1)
        for cell in (head, name):
            assert cell.bounding_box()["x"] == pytest.approx(frame["x"], abs=1)


def test_hidden_views_are_found_by_a_search_in_the_page(browser: Any, page: Path) -> None:  # noqa: F811
    with visit(browser, page) as tab:
        hidden = tab.locator("main > section[hidden]").evaluate_all("all => all.map(it => it.hidden)")
        assert set(hidden) == {"until-found"}
        tab.evaluate("document.querySelector('#data h2').dispatchEvent(new Event('beforematch', { bubbles: true }))")
        tab.wait_for_selector("html[data-ready='data']", state="attached")


# --- axe-core -----------------------------------------------------------------------------------

AUDIT = """async rules => { const found = await axe.run(document, { resultTypes: ['violations'], ...rules });
    return found.violations.filter(it => ['serious', 'critical'].includes(it.impact))
        .map(it => `${it.id}: ${it.nodes.length} × ${it.nodes[0].html} ${it.nodes[0].failureSummary}`) }"""
CONTRAST = {"runOnly": {"type": "rule", "values": ["color-contrast"]}}
OTHERS = {"rules": {"color-contrast": {"enabled": False}}}  # contrast does not depend on width, nor others on colours
AUDITS = ((1280, "light", {}), (1280, "dark", CONTRAST), (390, "dark", OTHERS))


def test_axe_core_finds_nothing_serious_in_any_kind_of_view(browser: Any, page: Path) -> None:  # noqa: F811
    package = pytest.importorskip("axe_playwright_python", reason="axe-playwright-python is not installed")
    code = (resources.files(package.__name__) / "axe.min.js").read_text(encoding="utf-8")
    with visit(browser, page) as tab:
        views = all_views(tab)
    kinds = [view for view in views if view in KINDS or not view.startswith(("suite-", "model-"))]
    kinds += [view for view in views if view.startswith("model-")][:1]
    found: dict[tuple[Any, ...], list[str]] = {}
    for view in kinds:
        with visit(browser, page, view=view) as tab:
            tab.evaluate(
                "document.querySelectorAll('main > section[hidden]').forEach(it => it.remove())"
            )  # to be quick
            tab.evaluate(code)  # as a debugger does: no script of the page, whose policy stays
            for width, scheme, rules in AUDITS:
                tab.set_viewport_size({"width": width, "height": 900})
                tab.emulate_media(color_scheme=scheme)
                found[view, width, scheme] = tab.evaluate(AUDIT, rules)
                assert overflow(tab) <= 0, view
    assert len(found) >= len(AUDITS) * len(KINDS)
    assert {view: faults for view, faults in found.items() if faults} == {}


def test_a_run_without_anything_opens(browser: Any, make_run: MakeRun) -> None:  # noqa: F811
    skipped = [cell for cell in sample_cells() if cell.status == "skipped"]
    for cells in ([], skipped):
        with visit(browser, render(make_run(cells, name=f"run-{len(cells)}"))) as tab:
            for view in all_views(tab):
                look(tab, view)


def test_a_number_more_costs_the_page_few_bytes(tmp_path: Path) -> None:
    # 30 models × 12 suites × 61 numbers have to leave room for 20,000 thumbnails within 25 MB
    few, many = (render(make(tmp_path / str(n), Size(n, 3, 10, 60, layers=0))).stat().st_size for n in (4, 8))
    assert 0 < (many - few) / (4 * 3 * 11) < 600


def test_the_benchmark_tells_sizes_and_times() -> None:
    script = Path(__file__).parents[2] / "benchmarks" / "page.py"
    small = ["--models", "2", "--suites", "2", "--relations", "3", "--rows", "12", "--times", "1"]
    told = subprocess.run([sys.executable, script, *small], capture_output=True, text=True, check=True).stdout
    for words in ("rendered in", "tables and text", "first paint", "thread was busy", "to suite-suite-a-00", "to data"):
        assert words in told
