"""The browser over rows in a real browser: what it lists, opens and shares, and that texts stay texts."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from report_samples import HOSTILE, MakeRun, write_run
from rows_samples import answered, asked, choice_run, hostile_rows
from test_report_browser import CHROMIUM, browser, overflow, visit  # noqa: F401 - browser is a fixture

from harness.report import render
from harness.report.inline import visible
from harness.runs import read_run
from harness.shards import Cell

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine")
ODD = "two / <b>&?"  # a name that a fragment has to spell


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("rows")
    return choice_run(partial(write_run, path), path, {"one": 130, ODD: 20})


@pytest.fixture(scope="module")
def page(run: Path) -> Path:
    return render(run)


def listed(tab: Any, suite: str = "one") -> list[str]:
    """The ids that are listed, of all pages."""
    tab.wait_for_function("name => document.getElementById('rows').dataset.listed === name", arg=suite)
    found: list[str] = []
    while True:
        found += tab.locator(".row-list .row-link").all_inner_texts()
        if not tab.locator(".row-after").is_visible() or tab.locator(".row-after").is_disabled():
            return found
        tab.locator(".row-after").click()


def wide(run: Path, suite: str = "one") -> tuple[Any, Any]:
    """Credit and answers of a suite, a line a row and a column a model."""
    own = read_run(run).rows.query("suite == @suite").assign(predicted=lambda it: it["predicted"].astype(object))
    return tuple(own.pivot(index="row", columns="model", values=name) for name in ("correct", "predicted"))  # type: ignore[return-value]


FILTERS: dict[str, tuple[Callable[[Any], None], Callable[[Any, Any], Any]]] = {
    "all": (lambda tab: None, lambda credit, said: credit.index != ""),
    "all wrong": (
        lambda tab: tab.select_option("[name=show]", "wrong"),
        lambda credit, said: ((credit == 0) | credit.isna()).all(axis=1) & credit.notna().any(axis=1),
    ),
    "all right": (
        lambda tab: tab.select_option("[name=show]", "right"),
        lambda credit, said: ((credit == 1) | credit.isna()).all(axis=1) & credit.notna().any(axis=1),
    ),
    "disagreement": (
        lambda tab: tab.select_option("[name=show]", "differ"),
        lambda credit, said: said.nunique(axis=1) > 1,
    ),
    "one right, another wrong": (
        lambda tab: (
            tab.select_option("[name=better]", label="poor"),
            tab.select_option("[name=worse]", label="good"),
        ),
        lambda credit, said: (credit["poor"] == 1) & (credit["good"] == 0),
    ),
    "a relation": (
        lambda tab: tab.select_option("[name=relation]", label="above"),
        lambda credit, said: [int(name[-3:]) % 4 == 2 for name in credit.index],
    ),
    "a relation that all fail": (
        lambda tab: (
            tab.select_option("[name=relation]", label="below"),
            tab.select_option("[name=show]", "wrong"),
        ),
        lambda credit, said: (
            ((credit == 0) | credit.isna()).all(axis=1) & credit.index.map(lambda name: int(name[-3:]) % 4 == 3)
        ),
    ),
    "a word": (
        lambda tab: tab.fill("[name=search]", "CUP 11"),
        lambda credit, said: ["cup 11" in f"cup {int(name[-3:])} " for name in credit.index],
    ),
}


@pytest.mark.parametrize("name", FILTERS)
def test_filters_leave_the_rows_that_pandas_finds(browser: Any, page: Path, run: Path, name: str) -> None:  # noqa: F811
    act, wanted = FILTERS[name]
    credit, said = (table.drop(columns="blind") for table in wide(run))  # controls do not count
    expected = sorted(credit.index[wanted(credit, said)])
    with visit(browser, page, view="rows") as tab:
        act(tab)
        assert sorted(listed(tab)) == expected
        assert tab.locator(".row-status").inner_text() == f"{len(expected)} of 130 rows"
    assert 0 < len(expected) <= 130


def test_controls_count_where_they_are_chosen(browser: Any, page: Path, run: Path) -> None:  # noqa: F811
    credit, _ = wide(run)
    with visit(browser, page, view="rows") as tab:
        tab.locator(".row-models summary").click()
        tab.get_by_role("checkbox", name="blind").check()
        tab.select_option("[name=show]", "right")
        right = ((credit == 1) | credit.isna()).all(axis=1)
        assert sorted(listed(tab)) == sorted(credit.index[right])


def test_rows_can_be_sorted_by_how_many_models_are_right(browser: Any, page: Path, run: Path) -> None:  # noqa: F811
    share = wide(run)[0].drop(columns="blind").mean(axis=1)
    with visit(browser, page, view="rows") as tab:
        for order, ascending in (("hard", True), ("easy", False)):
            tab.select_option("[name=order]", order)
            found = listed(tab)
            assert found == list(share.sort_values(kind="stable", ascending=ascending).index)


def test_an_address_opens_its_row_whatever_the_names(browser: Any, page: Path, run: Path) -> None:  # noqa: F811
    line = read_run(run).rows.query("suite == @ODD and row == @name", local_dict={"ODD": ODD, "name": f"{ODD}-017"})
    with visit(browser, page, view=f"rows/{quote(ODD, safe='')}/{quote(f'{ODD}-017', safe='')}") as tab:
        tab.wait_for_selector("#rows[data-listed]", state="attached")
        opened = tab.locator(".opened")
        assert opened.locator(".row-link").inner_text() == f"{ODD}-017"
        assert opened.locator(".gold").inner_text().split("\n")[-1].startswith("cup 17 right of it")
        assert opened.bounding_box()["y"] < 900
        shown = {row[0]: row[1:] for row in opened.locator("tbody tr").evaluate_all(
            "rows => rows.map(row => [...row.cells].map(cell => cell.textContent))")}  # fmt: skip
        assert set(shown) == set(line["model"])
        for one in line.itertuples():
            chose, earned, *scores = shown[one.model]
            assert chose == one.predicted
            assert earned.endswith(str(int(one.correct)))
            assert [float(text.replace("−", "-").rstrip(" ✓")) for text in scores] == pytest.approx(
                one.scores, abs=0.01
            )
            marked = [text.endswith("✓") for text in scores]
            assert marked == [score == max(one.scores) for score in one.scores]


def test_a_shared_row_is_on_its_page_of_the_list_and_its_address_can_be_copied(browser: Any, page: Path) -> None:  # noqa: F811
    with visit(browser, page, view="rows", permissions=["clipboard-read", "clipboard-write"]) as tab:
        tab.select_option("[name=relation]", label="above")
        tab.evaluate("location.hash = 'rows/one/one-107'")  # of another relation, and another page
        tab.wait_for_selector(".opened")
        assert tab.locator(".row-page").inner_text() == "3 of 3"
        assert tab.locator("[name=relation]").input_value() == ""
        tab.locator(".row-copy").click()
        tab.wait_for_function("() => document.querySelector('.row-acts [role=status]').textContent === 'copied'")
        assert tab.evaluate("navigator.clipboard.readText()") == f"{page.as_uri()}#rows/one/one-107"


def test_the_list_can_be_used_by_keyboard_alone(browser: Any, page: Path) -> None:  # noqa: F811
    focused = "document.activeElement.textContent"
    with visit(browser, page, view="rows/one") as tab:
        tab.wait_for_selector("#rows[data-listed]", state="attached")
        tab.locator(".row-link").first.focus()
        tab.keyboard.press("ArrowDown")
        assert tab.evaluate(focused) == "one-001"
        tab.keyboard.press("Enter")
        tab.wait_for_selector(".opened")
        assert tab.url.endswith("#rows/one/one-001")
        assert tab.evaluate(focused) == "one-001"
        tab.keyboard.press("Escape")
        assert tab.locator(".opened").count() == 0
        assert tab.evaluate(focused) == "one-001"
        assert tab.url.endswith("#rows/one")
        tab.locator(".row-after").press("Enter")
        assert tab.evaluate(focused) == "one-050"


def test_the_way_back_closes_the_row(browser: Any, page: Path) -> None:  # noqa: F811
    with visit(browser, page, view="rows/one") as tab:
        tab.wait_for_selector("#rows[data-listed]", state="attached")
        tab.locator(".row-link").nth(3).click()
        tab.wait_for_selector(".opened")
        tab.go_back()
        tab.wait_for_selector(".opened", state="detached")


@pytest.mark.parametrize("rest", ["one/none", "none/one-001", "one/%E0%A4%A"])
def test_an_address_of_nothing_says_so(browser: Any, page: Path, rest: str) -> None:  # noqa: F811
    with visit(browser, page, view=f"rows/{rest}") as tab:
        tab.wait_for_selector("#rows[data-listed]", state="attached")
        assert tab.locator(".row-status").inner_text().startswith("This page has no such")
        assert tab.locator(".row-link").count() == 50


def test_another_suite_keeps_the_filters_it_has(browser: Any, page: Path) -> None:  # noqa: F811
    with visit(browser, page, view="rows") as tab:
        tab.wait_for_selector("#rows[data-listed]", state="attached")
        tab.select_option("[name=relation]", label="above")
        tab.select_option("[name=suite]", label=ODD)
        assert listed(tab, ODD) == [f"{ODD}-{i:03d}" for i in range(2, 20, 4)]
        assert tab.url.endswith(f"#rows/{quote(ODD, safe='')}")


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_thumbnails_are_shown_and_the_view_fits(browser: Any, page: Path, width: int, scheme: str) -> None:  # noqa: F811
    with visit(browser, page, width, "rows/one/one-003", color_scheme=scheme) as tab:
        tab.wait_for_selector(".opened")
        drawn = "() => [...document.querySelectorAll('.row-thumb, .row-picture')].every(it => it.naturalWidth > 0)"
        tab.wait_for_function(drawn)
        assert tab.locator("img.row-thumb").count() == 49
        assert overflow(tab) <= 0
        assert not tab.locator(".row-hardest").is_visible()


def test_without_script_the_hardest_rows_are_read(browser: Any, page: Path) -> None:  # noqa: F811
    with visit(browser, page, java_script_enabled=False) as tab:
        assert tab.locator(".row-hardest tbody tr").count() == 10
        assert tab.locator(".row-hardest tbody tr").first.is_visible()
        assert not tab.locator(".row-filters").is_visible()


def test_hostile_strings_stay_text(browser: Any, make_run: MakeRun, tmp_path: Path) -> None:  # noqa: F811
    own = hostile_rows()
    stats = asked(tmp_path / "run", own)
    models = HOSTILE[:6]
    cells = [
        Cell(suite=suite, model=model, status="passed", findings=answered(own, 0.5, i), stats=stats)
        for suite in HOSTILE[:2]
        for i, model in enumerate(models)
    ]
    with visit(browser, render(make_run(cells)), view="rows") as tab:
        tab.wait_for_selector("#rows[data-listed]", state="attached")
        ids = tab.locator(".row-link").all_text_contents()
        assert len(ids) == len(own)
        assert visible("abc\u202egnp.exe") + " row-010" in ids
        for number in range(len(own)):
            tab.locator(".row-link").nth(number).click()
            tab.wait_for_function("n => [...document.querySelectorAll('.row-item')][n].matches('.opened')", arg=number)
            assert set(tab.locator(".opened tbody th").all_text_contents()) == {visible(model) for model in models}
        assert tab.locator("#rows script:not([type]), #rows svg, #rows b, #rows i").count() == 0
