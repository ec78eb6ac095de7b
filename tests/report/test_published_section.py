"""Published numbers on the page: beside what was measured of the same model, never in its place."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from published_samples import B32, HOSTILE_NAME, PUBLISHED_INFO, SPECS, chosen, published_cells
from report_samples import MakeRun, sample_cells
from test_report_page import Outline, outline

from harness.report import render
from harness.report.numbers import DASH
from harness.report.published import Beside, _signed, besides, listings
from harness.runs import read_run
from harness.shards import Cell


@pytest.fixture
def run(make_run: MakeRun) -> Path:
    return make_run(published_cells(), info=PUBLISHED_INFO)


def beside(run: Path, suite: str, model: str, metric: str = "accuracy") -> Beside | None:
    found = besides(read_run(run))
    return next((b for n, b in found.items() if (n.suite, n.model, n.metric) == (suite, model, metric)), None)


def only(make_run: MakeRun, cell: Cell, **changes: Any) -> Beside | None:
    return beside(make_run([cell], info=PUBLISHED_INFO, **changes), cell.suite, cell.model)


def cells(page: Outline) -> list[list[str]]:
    """The page's table rows, each cell without doubled spaces."""
    return [[" ".join(cell.split()).replace(" ,", ",") for cell in row] for row in page.rows]


def listed(run: Path, suite: str) -> str:
    """The text of what was published on a suite, as the page has it; empty where there is none."""
    page = render(run).read_text()
    found = re.search(rf'<section id="suite-{suite}-published".*?</section>', page, re.DOTALL)
    return " ".join(Outline(found[0]).text.split()) if found else ""


@pytest.mark.parametrize(
    ("suite", "model", "text", "difference"),
    [
        ("whatsup-a-paper", "my-b32", "30.3\N{NO-BREAK SPACE}%", "0.0"),  # 125 of 412 are 30.34 %
        ("whatsup-a-paper", "my-l14", "26.5\N{NO-BREAK SPACE}%", "-1.5"),
        ("whatsup-a-paper", HOSTILE_NAME, "30.3\N{NO-BREAK SPACE}%", "+0.7"),
        ("whatsup-a", "my-b32", "30.3\N{NO-BREAK SPACE}%", "+0.7"),
    ],
)
def test_the_difference_is_measured_less_published(run, suite, model, text, difference):
    found = beside(run, suite, model)
    assert found is not None
    assert (found.text, found.difference, found.why) == (text, difference, "")
    assert "arXiv 2310.19785, table 3" in found.source


def test_metrics_that_are_no_shares_have_three_digits(run):
    found = beside(run, "vsr-relations-paper", "b32-text", "macro_f1")
    assert found is not None
    assert (found.text, found.difference) == ("0.589", "+0.003")


@pytest.mark.parametrize(
    ("difference", "metric", "text"),
    [
        (0.0004, "accuracy", "0.0"),
        (-0.0004, "accuracy", "0.0"),
        (-0.0006, "accuracy", "-0.1"),
        (0.0004, "macro_f1", "0.000"),
        (-0.0006, "macro_f1", "-0.001"),
        (0.25, "pair_accuracy", "+25.0"),
    ],
)
def test_a_difference_that_rounds_to_nothing_has_no_sign(difference, metric, text):
    assert _signed(difference, metric) == text


def test_every_metric_over_all_rows_has_its_own_number(run):
    found = beside(run, "whatsup-a-paper", "my-b32", "pair_accuracy")
    assert found is not None
    assert (found.text, found.difference) == ("0.5\N{NO-BREAK SPACE}%", "+1.5")


def test_other_checkpoints_suites_and_slices_have_none(run):
    found = besides(read_run(run))
    assert {(n.suite, n.model) for n in found} == {
        ("whatsup-a-paper", "my-b32"),
        ("whatsup-a-paper", "my-l14"),
        ("whatsup-a-paper", HOSTILE_NAME),
        ("whatsup-a", "my-b32"),
        ("vsr-relations-paper", "b32-text"),
    }
    assert {n.slice for n in found} == {"all"}


def test_a_limited_run_has_no_difference(make_run):
    found = only(make_run, chosen("whatsup-a-paper", "my-b32", 0.31), limit=500)
    assert found is not None
    assert (found.difference, found.why) == ("", "not comparable: --limit 500")


def test_other_rows_than_the_published_have_no_difference(make_run):
    found = only(make_run, chosen("whatsup-a-paper", "my-b32", 0.31, n=400))
    assert found is not None
    assert (found.difference, found.why) == ("", "not comparable: 400 of 412")


def test_a_number_that_is_missing_has_no_difference(make_run):
    found = only(make_run, chosen("whatsup-a-paper", "my-b32", None))
    assert found is not None
    assert (found.difference, found.why) == ("", "not measured")


# --- the page -----------------------------------------------------------------------------------


def test_the_leaderboard_has_it_below_the_measured_value_with_a_link_to_the_source(run):
    page = outline(run)
    row = next(row for row in cells(page) if row[0].startswith("my-l14"))
    assert re.fullmatch(r"25\.0 \[21\.0, 29\.0\] at chance published 26\.5 %, difference -1\.5", row[-1])
    links = [a for tag, a in page.tags if tag == "a" and (a.get("href") or "").endswith("-published")]
    assert len(links) == 5 + 9  # of the headline metrics on the leaderboard, of every metric in the suites' tables
    ids = {attributes.get("id") for _, attributes in page.tags}
    assert {(a["href"] or "").removeprefix("#") for a in links} <= ids
    assert all("(2023)" in (a["title"] or "") or "(2026)" in (a["title"] or "") for a in links)


def test_a_limited_page_says_so_instead_of_a_difference(make_run):
    page = outline(make_run(published_cells(), info=PUBLISHED_INFO, limit=500))
    assert "published 30.3 %, not comparable: --limit 500" in " ".join(page.text.split())
    assert not re.search(r"difference\s[-+\d]", page.text)


def test_the_section_lists_all_that_was_published_with_its_source(run):
    assert "Kamath, Hessel & Chang (2023), arXiv 2310.19785, table 3." in listed(run, "whatsup-a-paper")
    rows = cells(outline(run))
    assert ["BLIP-VQA", "57.8", "44.2", "1.9", "", ""] in rows
    assert ["CLIP ViT-L/14", "26.5", "1.0", "0.0", "my-l14", ""] in rows
    assert ["Random", "25.0", "6.3", "0.4", "", ""] in rows
    assert ["Human", "100.0", DASH, DASH, "", ""] in rows
    assert "not for RoBERTa" in next(row[-1] for row in rows if row[0] == "RoBERTaCLIP")


def test_a_suite_that_differs_from_the_published_one_says_how(run):
    assert "pillow" in listed(run, "whatsup-a")
    assert "pillow" not in listed(run, "whatsup-a-paper")


def test_measured_numbers_come_first_and_stay_as_they_are(run):
    page = render(run).read_text()
    before = page[: page.index('id="suite-whatsup-a-paper-published"')]
    measured = cells(Outline(before[before.index('id="suite-whatsup-a-paper"') :]))
    assert ["my-b32", "30.3 %", "[26.3, 34.3]", "412"] in [row[:4] for row in measured]
    assert ["model", "on"] in [row[:2] for row in measured]


def test_models_of_the_run_stand_at_their_row(run):
    [listing] = listings("whatsup-a-paper", besides(read_run(run)))
    here = {line.model: set(line.here) for line in listing.lines if line.here}
    assert here == {"CLIP ViT-B/32": {"my-b32", HOSTILE_NAME}, "CLIP ViT-L/14": {"my-l14"}}


def test_suites_of_which_nothing_was_published_say_nothing(run, make_run):
    assert listed(run, "whatsup-a")
    assert not listed(run, "scene-choice")
    tame = outline(make_run(sample_cells(), name="tame"))
    assert "what others report" not in tame.text
    assert not [a for _, a in tame.tags if "published" in f"{a.get('class')} {a.get('href')}"]


def test_hostile_names_beside_published_numbers_stay_text(run):
    page = outline(run)
    assert HOSTILE_NAME in page.text
    assert "img" not in {tag for tag, _ in page.tags}
    assert not [a for _, attributes in page.tags for a in attributes if a.startswith("on")]


def test_a_hostile_entry_is_no_checkpoint(make_run):
    specs = [{**SPECS[0], "family": ["dual"]}, {**SPECS[1], "source": {"openai": B32}}, {"name": "another"}]
    run = make_run(published_cells(), info={**PUBLISHED_INFO, "models": specs})
    assert besides(read_run(run)) == {}
