"""The corpus of hostile strings as the name of everything, in every view: text, whole, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hostile import CORPUS
from report_samples import write_run
from test_report_browser import CHROMIUM, all_views, browser, look, visit  # noqa: F401 - browser is a fixture
from whole_samples import whole_run

from harness import across
from harness.measure import oddity
from harness.report import render
from harness.report.inline import visible
from harness.shards import Cell

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine")
TAME = tuple(f"word {i}" for i in range(4))
THUMBNAILS = {"IMG", "IMG alt", "IMG class", "IMG src", "IMG src data:image/webp"}  # drawn as rows come into sight
# every kind of element with every attribute it has anywhere in the page, and what it would run or load
KINDS = """of => { const found = new Set(), view = document.querySelector(of);
    for (const element of [view, ...view.querySelectorAll('*')]) {
        found.add(element.tagName);
        for (const { name } of element.attributes) found.add(`${element.tagName} ${name}`);
        for (const name of ['src', 'href', 'action', 'srcdoc']) {
            const value = element.getAttribute(name)?.replace(/^(#|data:image.webp).*/s, '$1');
            if (value !== undefined) found.add(`${element.tagName} ${name} ${value}`);
        }
    }
    return [...found] }"""
# what a reader sees, white space as it is set
TEXT = """() => [...document.querySelectorAll('body, body *:not(script, style)')].flatMap(element =>
    [...element.childNodes].filter(node => node.nodeType === 3).map(node => node.data))
    .join(' ').replace(/\\s+/g, ' ')"""


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("hostile")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(oddity, "DRAWS", 100)
        patch.setattr(across, "DRAWS", 100)

        def make(cells: Sequence[Cell], **told: Any) -> Path:
            return write_run(folder, cells, **told)

        words = {"tame": TAME, "hostile": CORPUS}
        return {name: render(whole_run(make, folder, words[name], name)) for name in words}


def kinds(browser: Any, page: Path) -> set[str]:  # noqa: F811
    """Of the page with all its views opened: of each as it is shown, and of what is around and left of others."""
    with visit(browser, page) as tab:
        found: set[str] = set()
        for view in all_views(tab):
            look(tab, view)
            found |= set(tab.evaluate(KINDS, f"#{view}"))
        return found | set(tab.evaluate(KINDS, "html"))


def test_no_string_becomes_an_element_or_an_attribute_in_any_view(browser: Any, pages: dict[str, Path]) -> None:  # noqa: F811
    assert kinds(browser, pages["hostile"]) <= kinds(browser, pages["tame"]) | THUMBNAILS


def test_every_string_is_there_as_text(browser: Any, pages: dict[str, Path]) -> None:  # noqa: F811
    with visit(browser, pages["hostile"], java_script_enabled=False) as tab:
        shown = tab.evaluate(TEXT)
        board = tab.locator("#leaderboard").evaluate("it => it.textContent.replace(/\\s+/g, ' ')")
    for text in CORPUS:
        told = " ".join(visible(text).split())
        assert told in board
        assert shown.count(told) > 20, text
