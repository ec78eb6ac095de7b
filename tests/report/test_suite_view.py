"""The view of a suite: heatmaps, axes, confusion and trees say what results.jsonl and rows.parquet hold."""

from __future__ import annotations

import base64
import gzip
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from probe_samples import answered, layered, measured, outcome
from report_samples import HOSTILE, MakeRun, hostile_cells, probe, sample_cells
from scipy.cluster.hierarchy import average, leaves_list
from scipy.spatial.distance import squareform
from test_report_page import outline

from harness.measure.intervals import FEW_GROUPS, effective_groups
from harness.report import render
from harness.report.breakdowns import FEW_ROWS, LEVELS, level, shade, support
from harness.report.confusion import MOST, NONE, TIE, confusion
from harness.report.numbers import Number, bare
from harness.report.similarity import tree_of
from harness.report.tables import Section, board, sections
from harness.results import Findings, Outcome, Result
from harness.runs import read_run
from harness.shards import Cell

WORDS = ("above", "below", "left of", "right of")


def view_of(run: Path, suite: str) -> Section:
    read = read_run(run)
    return next(section for section in sections(read, board(read)) if section.head.suite == suite)


def chosen(seed: int, count: int = 200) -> list[Outcome]:
    """Random choices among four relations, some of them ties, some of nothing at all."""
    rng = np.random.default_rng(seed)
    said = [*WORDS, "", None]
    return [outcome(i, WORDS[i % 4], said[rng.integers(6)], right=0.25) for i in range(count)]


# --- heatmaps -------------------------------------------------------------------------------------


def test_every_cell_of_a_heatmap_is_the_number_of_the_run(sample_run: Path) -> None:
    results = read_run(sample_run).results
    for section in (view_of(sample_run, suite) for suite in ("vsr-relations", "scene-choice")):
        (of,) = section.breakdowns
        for part in of.parts:
            for model, cell in zip(of.models, part.cells, strict=True):
                at = (results.suite == section.head.suite) & (results.model == model) & (results.metric == of.metric)
                (line,) = results[at & (results.slice == f"relation={part.name}")].to_dict("records")
                assert (cell.number.value, cell.number.low, cell.number.high) == (
                    line["value"],
                    line["low"],
                    line["high"],
                )
                assert cell.text.strip("()") == bare(line["value"], of.metric)


def test_the_page_has_the_heatmap_as_a_table(sample_page: Path) -> None:
    page = sample_page.read_text()
    cells = re.findall(r'<td(?: class="[\w ]+")? data-order="[^"]*">[^<]*<i>[^<]*</i></td>', page)
    assert len(cells) == 5 * 6 + 2 * 4
    assert max(map(len, cells)) < 100


def test_several_kinds_of_parts_have_a_heatmap_each_and_relations_come_first(make_run: MakeRun) -> None:
    parts = ["noun=cup", "noun=cat", "relation=on", "relation=in", "alone=1", "group=depth", "layer=1"]
    results = [measured("accuracy", 0.5), *(measured("accuracy", 0.6, part) for part in parts)]
    run = make_run([Cell(suite="s", model="m", status="passed", findings=Findings(tuple(results), ()))])
    section = view_of(run, "s")
    assert [of.by for of in section.breakdowns] == ["relation", "noun"]
    assert [number.slice for number in section.others] == ["alone=1"]


def test_the_spread_over_wordings_stands_beside_what_luck_gives(make_run: MakeRun) -> None:
    words = [measured("accuracy", v, f"wording={w}", chance=0.25) for w, v in (("above", 0.9), ("over", 0.4))]
    told = Result(metric="spread", value=0.5, low=0.4, high=0.6, n=90, floor=0.031)
    found = Findings((measured("accuracy", 0.6), told, *words), ())
    run = make_run([Cell(suite="s", model=f"m{i}", status="passed", findings=found) for i in range(2)])
    (of,) = view_of(run, "s").breakdowns
    assert [(n.value, n.floor) for n in of.spread] == [(0.5, 0.031)] * 2
    assert any(row[-2:] == [" 0.500 [0.400, 0.600]", " 0.031"] or "0.031" in row[-1] for row in outline(run).rows)


def number(value: float, **more: Any) -> Number:
    known = {"suite": "s", "model": "m", "metric": "accuracy", "slice": "all", "low": None, "high": None, "n": 99}
    return Number(value=value, **{**known, "chance": None, "floor": None, "note": "", **more})


@pytest.mark.parametrize(
    ("value", "bounds", "said"),
    [
        (0.5, {"chance": 0.5}, ""),
        (1.0, {"chance": 0.5}, "a5"),
        (0.0, {"chance": 0.5}, "b5"),
        (0.55, {"chance": 0.5}, "a1"),
        (0.61, {"chance": 0.5}, "a2"),
        (0.2, {"chance": 0.25}, "b1"),
        (0.3, {"chance": 0.25, "floor": 0.4}, "a1"),
        (0.3, {"floor": 0.4}, "b2"),
        (0.9, {}, ""),
    ],
)
def test_the_colour_says_on_which_side_of_guessing_and_how_far(
    value: float, bounds: dict[str, float], said: str
) -> None:
    assert shade(number(value, **bounds)) == said


@given(st.floats(0, 1), st.floats(0, 1))
def test_colours_grow_with_the_share(one: float, other: float) -> None:
    assert 1 <= level(min(one, other)) <= level(max(one, other)) <= LEVELS


@pytest.mark.parametrize(
    ("n", "groups"), [(FEW_ROWS - 1, 29), (FEW_ROWS, 30), (400, FEW_GROUPS - 1), (400, FEW_GROUPS)]
)
def test_cells_are_hatched_exactly_where_rows_or_groups_are_few(make_run: MakeRun, n: int, groups: int) -> None:
    rows = [outcome(i, "on", "on", group=f"g{i % groups}") for i in range(groups * (n // groups))]
    results = (measured("accuracy", 0.9), measured("accuracy", 0.9, "relation=on", n=n, chance=0.25))
    cells = [Cell(suite="s", model=m, status="passed", findings=Findings(results, tuple(rows))) for m in ("a", "b")]
    run = make_run(cells)
    few = n < FEW_ROWS or groups < FEW_GROUPS
    (of,) = view_of(run, "s").breakdowns
    assert [cell.few for cell in of.parts[0].cells] == [few, few]
    assert ('class="a5 few"' in render(run).read_text()) == few


def test_groups_count_as_they_do_for_intervals(make_run: MakeRun) -> None:
    rng = np.random.default_rng(3)
    sliced = [outcome(i, WORDS[i % 4], "above", group=f"g{rng.integers(9)}") for i in range(90)]
    labelled = [replace(row, slice="all") for row in sliced]
    lost = [replace(row, row=f"lost {row.row}", correct=None, group="") for row in sliced]
    cells = [
        Cell(suite=suite, model="m", status="passed", findings=answered([*rows, *lost][:90] + lost))
        for suite, rows in (("sliced", sliced), ("labelled", labelled))
    ]
    found = support(read_run(make_run(cells)).rows)
    for suite in ("sliced", "labelled"):
        for word in WORDS:
            expected = effective_groups([row.group for row in sliced if row.gold == word])
            assert found[suite, "m", f"relation={word}"] == pytest.approx(expected)


# --- axes -----------------------------------------------------------------------------------------


def test_axes_stand_in_their_order_with_their_difference(make_run: MakeRun) -> None:
    results = [Result(metric="difference", value=0.2, n=90, low=0.1, high=0.3, chance=0.0)]
    results += [
        measured("accuracy", v, f"group={a}") for a, v in (("depth", 0.3), ("horizontal", 0.5), ("vertical", 0.7))
    ]
    run = make_run([Cell(suite="s", model="m", status="passed", findings=Findings(tuple(results), ()))])
    table = view_of(run, "s").axes
    assert table is not None
    assert table.columns == ("vertical", "horizontal", "depth", "vertical less horizontal")
    assert [n.value for n in table.lines[0].numbers] == [0.7, 0.5, 0.3, 0.2]


def test_without_numbers_by_axis_nothing_is_made_up(sample_run: Path) -> None:
    assert view_of(sample_run, "vsr-relations").axes is None


# --- confusion ------------------------------------------------------------------------------------


def test_the_confusion_is_that_of_pandas(make_run: MakeRun) -> None:
    cells = [Cell(suite="s", model=f"m{i}", status="passed", findings=answered(chosen(i))) for i in range(3)]
    found = view_of(make_run(cells), "s").confusion
    assert found is not None
    assert set(found.said) == {*WORDS, NONE, TIE}
    for i in range(3):
        gold = [row.gold for row in chosen(i)]
        said = [TIE if row.predicted is None else row.predicted or NONE for row in chosen(i)]
        table = pd.crosstab(pd.Series(gold), pd.Series(said)).reindex(
            index=found.gold, columns=found.said, fill_value=0
        )
        assert (found.counts[f"m{i}"] == table.to_numpy()).all()


def test_the_packed_confusion_comes_back_whole(make_run: MakeRun) -> None:
    run = make_run([Cell(suite="s", model="m", status="passed", findings=answered(chosen(1)))])
    found, page = view_of(run, "s").confusion, render(run).read_text()
    held = re.findall(r'<script type="application/octet-stream" id="suite-s-confusion">([^<]*)</script>', page)
    data = json.loads(gzip.decompress(base64.b64decode(held[0])))
    counts = np.zeros(len(data["gold"]) * len(data["said"]), int)
    cells = data["models"][0]["cells"]
    counts[cells[::2]] = cells[1::2]
    assert found is not None
    assert (counts.reshape(found.counts["m"].shape) == found.counts["m"]).all()
    assert [data["said"][i] for i in data["right"]] == data["gold"]


def test_the_most_frequent_mistakes_leave_controls_out(make_run: MakeRun) -> None:
    wrong = [outcome(i, "above", "below" if i < 30 else "above") for i in range(40)]
    lot = [outcome(i, "left of", "right of") for i in range(400)]
    cells = [
        Cell(suite="s", model="a", status="passed", findings=answered(wrong)),
        Cell(suite="s", model="random", status="passed", findings=answered(lot)),
    ]
    info = {"models": [{"name": "a", "family": "dual"}, {"name": "random", "family": "controls"}]}
    found = view_of(make_run(cells, info=info), "s").confusion
    assert found is not None
    (first,) = found.frequent
    assert (first.gold, first.said, first.count, first.n, first.model) == ("above", "below", 30, 40, "a")
    assert first.worst == 0.75


def test_order_of_rows_does_not_matter_and_answers_beside_a_probe_stay_out(make_run: MakeRun) -> None:
    rows = chosen(5)
    beside = [replace(row, row=f"{row.row} answer", predicted="above") for row in rows]
    run = make_run([Cell(suite="s", model="m", status="passed", findings=answered([*rows, *beside]))])
    frame = read_run(run).rows
    one, other = (confusion(of, "s", ["m"]) for of in (frame, frame.sample(frac=1, random_state=1)))
    assert one is not None
    assert other is not None
    assert one.frequent == other.frequent
    assert one.counts["m"].sum() == len(rows)


@pytest.mark.parametrize(
    "rows",
    [
        [],
        [outcome(i, "above", None) for i in range(9)],
        [outcome(i, f"label {i}", "above") for i in range(MOST)],
        [outcome(i, "above", "above") for i in range(9)],
    ],
    ids=["no rows", "nothing said", "too many labels", "one label"],
)
def test_where_there_is_nothing_to_confuse_there_is_no_confusion(make_run: MakeRun, rows: list[Outcome]) -> None:
    found = Findings((measured("accuracy", 0.5),), tuple(rows))
    assert view_of(make_run([Cell(suite="s", model="m", status="passed", findings=found)]), "s").confusion is None


# --- trees, held and said, hostile names --------------------------------------------------------------


def test_a_tree_is_that_of_scipy() -> None:
    distances = squareform(np.random.default_rng(0).random(15))
    tree, merged = tree_of(tuple("abcdef"), distances, "distance"), average(squareform(distances))
    assert np.allclose([merge[2] for merge in tree.merges], merged[:, 2])
    assert tree.order == tuple("abcdef"[i] for i in leaves_list(merged))


def test_what_is_held_and_said_has_one_line_a_model(make_run: MakeRun) -> None:
    found = {"a": layered(0.9), "b": layered(0.6)}
    cells = [Cell(suite="scene-layers-text", model=m, status="passed", findings=f) for m, f in found.items()]
    cells += [
        Cell(
            suite="scene-choice",
            model=m,
            status="passed",
            findings=Findings((measured("accuracy", 0.9, chance=0.25),), ()),
        )
        for m in found
    ]
    rows = [row for row in outline(make_run(cells)).rows if row and "|" in " ".join(row[1:])]
    assert [row[0].strip() for row in rows] == ["a", "b"]


def test_hostile_names_stay_text_in_every_part(make_run: MakeRun) -> None:
    rows = [outcome(i, HOSTILE[i % 5], HOSTILE[(i + 1) % 5]) for i in range(50)]
    cells = [*hostile_cells(), Cell(suite="s", model=HOSTILE[1], status="passed", findings=answered(rows))]
    page = outline(make_run(cells, info={}))
    assert not {"img", "svg"} & {tag for tag, _ in page.tags}
    assert any(HOSTILE[0] in " ".join(row) for row in page.rows)


def test_a_small_run_and_a_large_one_have_the_same_parts(make_run: MakeRun) -> None:
    many = [f"relation {i}" for i in range(60)]
    cells = [Cell(suite="s", model=f"m{i}", status="passed", findings=probe(0.5, many)) for i in range(2)]
    (of,) = view_of(make_run([*cells, *sample_cells()]), "s").breakdowns
    assert (len(of.parts), len(of.models)) == (60, 2)


def test_models_of_a_suite_stand_by_its_own_values_and_controls_last(make_run: MakeRun) -> None:
    level = {"first": {"a": 0.9, "b": 0.5, "control": 0.7}, "second": {"a": 0.5, "b": 0.6, "control": 0.99}}
    cells = [
        Cell(suite=suite, model=model, status="passed", findings=Findings((measured("accuracy", value),), ()))
        for suite, of in level.items()
        for model, value in of.items()
    ]
    specs = [{"name": name, "tags": ["control"] if name == "control" else []} for name in level["first"]]
    run = make_run(cells, models=specs)
    assert [number.model for number in view_of(run, "first").overall] == ["a", "b", "control"]
    assert [number.model for number in view_of(run, "second").overall] == ["b", "a", "control"]


def test_the_spread_of_several_models_stands_in_the_heatmap_alone(make_run: MakeRun) -> None:
    words = [measured("accuracy", v, f"wording={w}", chance=0.25) for w, v in (("above", 0.9), ("over", 0.4))]
    told = Result(metric="spread", value=0.5, n=90, floor=0.031)
    found = Findings((measured("accuracy", 0.6), told, *words), ())
    for names, alone in (("ab", True), ("a", False)):
        run = make_run([Cell(suite="s", model=m, status="passed", findings=found) for m in names], name=f"run-{names}")
        assert (view_of(run, "s").more is None) == alone
