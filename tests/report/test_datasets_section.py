"""The section on data: what the run folder says of rows, and nothing else."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from probe_samples import asked, chosen, samples
from report_samples import HOSTILE, MakeRun, sample_cells
from test_report_page import outline

from harness.data import vrd
from harness.errors import RunError
from harness.report import render
from harness.report.datasets import Data, section
from harness.runs import read_run
from harness.shards import Cell

WORDS = ("cup", "lamp", "cat")


@pytest.fixture
def explored(make_run: MakeRun, tmp_path: Path) -> Callable[..., Path]:
    """A run whose suites asked the given sets of rows."""

    def make(**suites: Any) -> Path:
        return make_run(
            [
                Cell(suite=s, model="m", status="passed", findings=chosen(0.5), stats=asked(tmp_path / "run", *sets))
                for s, sets in suites.items()
            ]
        )

    return make


def shown(run: Path) -> Data:
    found = section(read_run(run))
    assert found is not None
    return found


def test_suites_that_asked_the_same_rows_stand_together(explored):
    rows = samples(WORDS)
    found = shown(explored(a=[rows["truths"]], b=[rows["choices"]], c=[rows["truths"]]))
    assert [one.names for one in found.sets] == [("a", "c"), ("b",)]
    assert found.overlaps == ()


def test_numbers_of_a_set_are_those_of_its_rows(explored):
    rows = samples(WORDS)["truths"]
    (one,) = shown(explored(a=[rows])).sets
    labels = [row.label for row in rows]
    assert {(count.name, count.count) for count in one.labels} == {(word, labels.count(word)) for word in labels}
    assert one.balance == f"{100 * max(map(labels.count, labels)) / len(rows):.1f}\N{NO-BREAK SPACE}%"
    assert one.truth == f"{100 * sum(row.truth for row in rows) / len(rows):.1f}\N{NO-BREAK SPACE}%"
    assert (one.rows, one.captions, one.pictures) == (40, 3, 3)
    assert one.words == ("1", "1", "1", "1", "1")


def test_what_a_predicate_is_taken_for_is_told_where_vrd_was_read(make_run, tmp_path):
    stats = asked(tmp_path / "run", samples(WORDS)["plain"])
    cell = Cell(suite="a", model="m", status="passed", findings=chosen(0.5), stats=stats)
    assert "VRD" not in outline(make_run([cell])).text
    read = replace(cell, stats={**stats, "data": {vrd.FILES["test"].local: {"sha256": "0" * 64}}})
    page = outline(make_run([read]))
    told = {row[0].strip(): row[1].strip().split("; ") for row in page.rows if len(row) == 2}
    assert {
        word: relation for relation, words in told.items() if relation in vrd.MAPPING.values() for word in words
    } == (vrd.MAPPING)


def test_what_later_sets_share_with_the_first_is_told_by_suite(explored):
    rows = samples(WORDS)["plain"]
    found = shown(explored(probe=[rows, rows[:7]], other=[rows[:7]]))
    assert [one.names for one in found.sets] == [("other", "probe, set 2 of 2"), ("probe, set 1 of 2",)]
    (overlap,) = found.overlaps
    assert (overlap.suite, overlap.rows) == ("probe", 7)
    assert overlap.shares == (None, 1.0, 1.0)


def test_examples_say_which_caption_is_true(explored):
    rows = samples(WORDS)
    by_kind = {one.kind: one for one in shown(explored(**{name: [own] for name, own in rows.items()})).sets}
    golds = {row.id: row.gold for row in rows["choices"]}
    for example in by_kind["choice"].examples:
        assert [right for _, right in example.texts] == [i == golds[example.id] for i in range(2)]
    truths = {row.id: row.truth for row in rows["truths"]}
    for example in by_kind["truth"].examples:
        assert [right for _, right in example.texts] == [truths[example.id]]
    assert [text for text, _ in by_kind["answer"].examples[0].texts][1:] == ["A", "B"]
    assert by_kind["answer"].examples[0].texts[0][1] is None
    assert {right for example in by_kind["label"].examples for _, right in example.texts} == {None}


def test_the_page_shows_the_counts(explored):
    rows = samples(WORDS)["truths"]
    page = outline(explored(a=[rows]))
    cells = [[text.strip() for text in row] for row in page.rows]
    labels = [row.label for row in rows]
    for word in WORDS:
        line = next(row for row in cells if row and row[0] == word and len(row) == 4)
        assert line[1] == str(labels.count(word))
    assert "#data" in [attrs.get("href") for tag, attrs in page.tags if tag == "a"]


def test_a_run_that_knows_nothing_of_rows_has_no_section(make_run):
    run = make_run(sample_cells())
    assert section(read_run(run)) is None
    (run / "datasets.json").unlink()  # as an older version left it
    assert 'id="data"' not in render(run).read_text()


def test_garbled_descriptions_are_an_error(explored):
    run = explored(a=[samples(WORDS)["plain"]])
    told = json.loads((run / "datasets.json").read_text())
    next(iter(told["sets"].values())).pop("words")
    (run / "datasets.json").write_text(json.dumps(told))
    with pytest.raises(RunError, match=r"datasets\.json"):
        render(run)


def test_hostile_rows_become_text(explored):
    rows = samples(HOSTILE, 80)
    page = outline(explored(**{name: [own, own[:9]] for name, own in rows.items()}))
    allowed = {"img": 0, "svg": 0, "iframe": 0}
    assert {tag: sum(name == tag for name, _ in page.tags) for tag in allowed} == allowed
    assert not [attrs for _, attrs in page.tags for name in attrs if name.startswith("on")]
    assert "<script>alert(1)</script>" in page.text
    assert not re.search("[\u202e\x00\x07]", page.text)


def test_names_of_suites_that_are_hostile_become_text(explored):
    page = outline(explored(**{bad: [samples(WORDS)["plain"]] for bad in HOSTILE[:3]}))
    assert HOSTILE[1] in page.text
    assert not [tag for tag, _ in page.tags if tag == "img"]


def test_a_cell_that_was_described_can_still_fail(make_run, tmp_path):
    good = Cell(
        suite="s",
        model="m",
        status="passed",
        findings=chosen(0.5),
        stats=asked(tmp_path / "run", samples(WORDS)["plain"]),
    )
    run = make_run([good, replace(good, model="n", status="error", reason="no", findings=None, stats={})])
    assert len(shown(run).sets) == 1
