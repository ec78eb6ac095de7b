"""All about one model, on the page: its numbers are the run's, its address its own."""

from __future__ import annotations

import re
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from pandas import DataFrame
from report_samples import INFO, MakeRun, choice, hostile_cells, hostile_info, probe, sample_cells
from test_report_page import Outline

from harness.report import profiles, render, tables
from harness.report.inline import visible
from harness.report.numbers import DASH, bare
from harness.report.page import _environment
from harness.results import Outcome
from harness.runs import Run, read_run
from harness.shards import Cell

PLAIN = {"section", "h2", "h3", "p", "div", "span", "b", "bdi", "a", "table", "thead", "tbody", "tr", "th", "td"}
PLAIN |= {"details", "summary"}
COLUMNS = ["suite", "model", *(f.name for f in fields(Outcome))]


def profiles_of(folder: Path) -> dict[str, profiles.Profile]:
    run = read_run(folder)
    board = tables.board(run)
    return {it.standing.model: it for it in profiles.sections(run, board, tables.sections(run, board))}


def view(profile: profiles.Profile) -> str:
    """The markup of one model's view."""
    return _environment().get_template("model.html").render(profile=profile)


def test_every_model_has_a_view_with_its_numbers(sample_run: Path) -> None:
    found = profiles_of(sample_run)
    assert set(found) == {cell.model for cell in sample_cells()}
    for record in read_run(sample_run).results.query("slice == 'all'").to_dict("records"):
        shown = view(found[record["model"]])
        for name in ("value", "low", "high", "chance"):
            assert bare(record[name], record["metric"]) in shown


def test_a_failed_suite_stands_among_the_others_and_a_skipped_one_below(sample_run: Path) -> None:
    text = profiles_of(sample_run)["clip-b32/text"]
    assert [(head.suite, place.status) for head, place in text.lines] == [
        ("scene-choice", "error"),
        ("vsr-relations", "passed"),
    ]
    minilm = profiles_of(sample_run)["minilm"]
    assert [(it.status, it.reason, it.suites) for it in minilm.not_run] == [
        ("skipped", "needs ScoresCaptions", ("scene-choice",))
    ]


def test_what_a_model_is_stands_with_the_digest_of_its_weights(make_run: MakeRun) -> None:
    stats = {"weights": "d" * 64, "seconds": 2.0, "encode_seconds": 0.5, "computed": 100, "store_hits": 3}
    run = make_run([Cell(suite="s", model="mpnet", status="passed", findings=probe(0.7), stats=stats)])
    found = profiles_of(run)["mpnet"]
    facts: dict[str, Any] = {name: getattr(node, "text", None) for name, node in found.facts}
    assert facts["revision"] == "a" * 40
    assert facts["prompt"] == DASH
    assert facts["weights digest"] == "d" * 64
    assert dict(found.cost)["rows per second"] == "200"
    assert "d" * 64 in view(found)


def test_a_model_that_was_only_skipped_has_a_view(sample_run: Path) -> None:
    large = profiles_of(sample_run)["large"]
    assert (large.lines, large.cost, large.strengths) == ((), (), ())
    assert "Nothing was run." in view(large)


def test_models_names_never_share_an_address(make_run: MakeRun) -> None:
    names = ["a/b", "a-b", "A B", "a-b-title", "…", "", "-"]
    cells = [Cell(suite="a-b", model=name, status="passed", findings=probe(0.6)) for name in names]
    outline = Outline(render(make_run(cells, info={**INFO, "models": []})).read_text())
    ids = [attributes["id"] for _, attributes in outline.tags if "id" in attributes]
    assert len(set(ids)) == len(ids)
    assert sum(str(name).startswith("model-") for name in ids) == len(names)


def test_hostile_names_stay_text(make_run: MakeRun) -> None:
    run = make_run(hostile_cells(), info=hostile_info())
    for model, profile in profiles_of(run).items():
        outline = Outline(view(profile))
        assert {tag for tag, _ in outline.tags} <= PLAIN, model
        assert visible(model).strip() in outline.text
        assert not any(name.startswith("on") or name == "style" for _, given in outline.tags for name in given)


def test_a_full_run_stays_small(tmp_path: Path) -> None:
    names = [(f"suite-{s}", f"model-{m}", choice(0.3 + m / 100)) for s in range(12) for m in range(30)]
    lines = [{"suite": s, "model": m, **asdict(r)} for s, m, found in names for r in found.results]
    cells = [{"suite": s, "model": m, "status": "passed"} for s, m, _ in names]
    run = Run(tmp_path, {"cells": cells}, DataFrame(lines), DataFrame(columns=COLUMNS))
    board = tables.board(run)
    views = [view(it) for it in profiles.sections(run, board, tables.sections(run, board))]
    assert len(views) == 30
    assert sum(map(len, views)) < 1_500_000
    assert sum(len(re.findall(r"<[a-z]", markup)) for markup in views) < 30_000
