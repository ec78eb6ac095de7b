"""What the page says of probes: marks, what stands beside a score, curves by layer, held and said."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from calibration_samples import MODELS
from probe_samples import (
    BASELINES,
    BESIDE,
    CAPACITIES,
    FLOOR,
    LEAKS,
    answered,
    beside_accuracy,
    capacities,
    chosen,
    laid_out,
    layered,
    measured,
    outcome,
    probe_cells,
    probed,
)
from report_samples import INFO, MakeRun
from test_report_page import outline

from harness.calibration.variants import VARIANTS
from harness.errors import RunError
from harness.measure.intervals import mean_interval
from harness.report import held, render
from harness.report.held import Held
from harness.report.tables import Section, board, sections
from harness.results import Findings, Result
from harness.runs import read_run
from harness.shards import Cell


@pytest.fixture
def sectioned(make_run: MakeRun):
    def section_of(*found: Findings) -> Section:
        cells = [Cell(suite="s", model=f"m{i}", status="passed", findings=f) for i, f in enumerate(found)]
        run = read_run(make_run(cells))
        (only,) = sections(run, board(run))
        return only

    return section_of


@pytest.fixture
def both(make_run: MakeRun):
    """Held and said, of cells by suite and model."""

    def section_of(cells: dict[tuple[str, str], Findings] | Sequence[Cell], **more) -> Held | None:
        if isinstance(cells, dict):
            cells = [Cell(suite=s, model=m, status="passed", findings=found) for (s, m), found in cells.items()]
        run = read_run(make_run(cells, **more))
        return held.section(run, board(run))

    return section_of


# --- beside a score -----------------------------------------------------------------------------


def test_each_number_stands_in_its_own_column(sectioned):
    table = sectioned(probed(0.7)).beside
    assert table is not None
    values = {name: number.value for name, number in zip(table.columns, table.lines[0].numbers, strict=True)}
    assert values["macro_f1"] == 0.7
    assert values["selectivity"] == pytest.approx(0.7 - BESIDE["control_macro_f1"])
    assert values["control task: macro_f1"] == BESIDE["control_macro_f1"]
    assert {name: values[name] for name in BASELINES} == BASELINES
    assert values["MDL, bits per label"] == BESIDE["mdl_bits"]
    assert values["balanced accuracy, %"] == BESIDE["balanced_accuracy"]
    assert len(values) == 2 + len(BESIDE) + len(BASELINES)


def test_a_column_that_no_model_has_is_left_out_and_a_missing_number_is_a_dash(sectioned):
    without = Findings(tuple(r for r in probed(0.6).results if r.metric in ("macro_f1", "selectivity")), ())
    less = Findings(tuple(r for r in without.results if r.metric != "selectivity"), ())
    table = sectioned(without, less).beside
    assert table is not None
    assert "compression" not in table.columns
    by_model = {line.model: dict(zip(table.columns, line.numbers, strict=True)) for line in table.lines}
    assert by_model["m1"]["selectivity"] is None


def test_numbers_in_the_table_are_not_listed_again(sectioned):
    found = sectioned(probed(0.7))
    assert [number.metric for number in found.overall] == ["macro_f1"]
    assert found.others == ()


def test_a_suite_without_anything_beside_its_score_has_no_table(sectioned):
    assert sectioned(chosen(0.5)).beside is None


def test_what_all_lines_note_is_said_once(make_run):
    cells = [Cell(suite="s", model=model, status="passed", findings=probed(0.7)) for model in "ab"]
    assert outline(make_run(cells)).text.count("the probe does not lie above: -0.021 [-0.030, -0.010]") == 1


def test_what_one_line_notes_stands_in_its_cell(sectioned):
    found = probed(0.6).results
    other = [replace(r, note="the probe lies above: +0.3") if r.slice == "baseline=majority" else r for r in found]
    table = sectioned(probed(0.7), Findings(tuple(other), ())).beside
    column = table.columns.index("majority")
    said = [table.own(column, line.numbers[column]) for line in table.lines]
    assert sorted(said) == ["above: +0.3", "not above: -0.021 [-0.030, -0.010]"]
    assert all("majority" not in columns for columns in table.shared.values())
    assert len(table.shared["the probe does not lie above: -0.021 [-0.030, -0.010]"]) == len(BASELINES) - 1


def test_leaks_are_told_in_percent(make_run):
    cells = [Cell(suite="s", model="m", status="passed", findings=probed(0.7))]
    text = outline(make_run(cells)).text
    for share in LEAKS.values():
        assert f"{100 * share:.1f}\N{NO-BREAK SPACE}%" in text


@pytest.mark.parametrize(
    ("note", "mark"),
    [
        ("9 rows lost; does not beat bag of words", "does not beat bag of words"),
        ("the probe says one class alone", "says one class alone"),
    ],
)
def test_the_leaderboard_marks_what_a_note_says_and_explains_the_mark(make_run, note, mark):
    cells = [
        Cell(suite="s", model="marked", status="passed", findings=probed(0.7, note)),
        Cell(suite="s", model="plain", status="passed", findings=probed(0.6)),
    ]
    page = outline(make_run(cells))
    rows = {row[0].split()[0]: " ".join(row[1:]) for row in page.rows[:4] if row}
    assert mark in rows["marked"]
    assert mark not in rows["plain"]
    assert page.text.lower().count(f"{mark}: ") == 1


def test_no_mark_is_explained_that_nobody_has(make_run):
    text = outline(make_run([Cell(suite="s", model="m", status="passed", findings=probed(0.7))])).text
    assert "Does not beat" not in text
    assert "Says one class" not in text


@pytest.mark.parametrize("metric", ["accuracy", "balanced_accuracy"])
def test_what_stands_beside_an_accuracy_is_shown_as_beside_macro_f1(sectioned, metric):
    found = sectioned(beside_accuracy(metric, 0.8))
    assert found.beside is not None
    values = {
        name: number.value for name, number in zip(found.beside.columns, found.beside.lines[0].numbers, strict=True)
    }
    label = f"{metric}, %"
    wanted = {
        found.beside.columns[0]: 0.8,
        "selectivity": 0.4,
        f"control task: {label}": 0.4,
        "bag of words": 0.42,
        "random weights": 0.31,
    }
    assert values == wanted
    assert list(values) == list(wanted)
    assert [number.metric for number in found.overall] == [metric]
    assert found.others == ()


# --- by layer and capacity ----------------------------------------------------------------------


def test_curves_hold_every_number_by_layer_in_their_order(sectioned):
    found = layered(0.8)
    curves = {of.metric: of for of in sectioned(found).curves}
    for metric in ("accuracy", "p_max_t"):
        wanted = [r.value for r in found.results if r.metric == metric and r.slice.startswith("layer=")]
        (curve,) = curves[metric].curves
        assert [str(place) for place, _ in curve.points] == [str(layer) for layer in range(13)]
        assert [number.value for _, number in curve.points] == wanted
    assert curves["p_max_t"].drawings == ()


def test_the_chosen_layer_is_the_one_in_the_run_folder_whatever_a_note_says(sectioned):
    named = replace(layered(0.8), about={"layer": 2})
    silent = replace(layered(0.8), about={"pooling": "mean"})
    without = replace(layered(0.8), about={}, arrays={})
    (accuracy, _) = sectioned(named, silent, without).curves
    assert {curve.model: curve.chosen for curve in accuracy.curves} == {"m0": 2, "m1": None, "m2": None}
    for curve in accuracy.curves:
        assert [place.size for place in accuracy.places if curve.chose(place)] == ([2] if curve.model == "m0" else [])


def test_a_layer_that_was_chosen_is_kept_without_arrays(sectioned):
    (accuracy, _) = sectioned(replace(layered(0.8), arrays={})).curves
    assert accuracy.curves[0].chosen == 8


def test_facts_that_no_reader_understands_are_an_error(make_run):
    path = make_run([Cell(suite="s", model="m", status="passed", findings=layered(0.8))])
    (path / "arrays" / "s" / "m.json").write_text('{"layer": ')
    with pytest.raises(RunError, match=r"m\.json is garbled .* run suite s for m again"):
        render(path)


def test_layers_are_not_listed_among_other_slices(sectioned):
    found = sectioned(layered(0.8))
    assert found.others == ()
    assert found.axes.columns == ("vertical", "horizontal")


def test_capacities_stand_from_rank_1_to_the_widest_network(sectioned):
    found = capacities(0.8)
    section = sectioned(found, capacities(0.7, CAPACITIES[1:]))
    assert [(of.metric, of.by) for of in section.curves] == [("macro_f1", "capacity"), ("control_macro_f1", "capacity")]
    values = {(r.metric, r.slice): r.value for r in found.results}
    for of in section.curves:
        assert [str(place) for place in of.places] == [name.replace("=", " ") for name in CAPACITIES]
        both = {curve.model: curve for curve in of.curves}
        assert [n.value for _, n in both["m0"].points] == [values[of.metric, name] for name in CAPACITIES]
        assert both["m1"].at(of.places[0]) is None
    assert section.others == ()


def test_capacities_are_drawn_in_order_and_networks_apart_from_linear_probes(make_run):
    (of, _), text = _specs(make_run([Cell(suite="s", model="m", status="passed", findings=capacities(0.8))]))
    line, points = of["layer"][1]["encoding"], next(iter(of["datasets"].values()))
    assert line["x"]["scale"]["domain"] == [name.replace("=", " ") for name in CAPACITIES]
    assert line["detail"]["field"] == "kind"
    assert [f"{point['kind']}={point['size']}" for point in points] == list(CAPACITIES)
    assert {point["guess_at"] for point in points} == {FLOOR}
    assert "By capacity: " in text


def _specs(run):
    """The curves that a page draws, and its text."""
    page, text = outline(run), render(run).read_text()
    names = [attrs["data-spec"] for _, attrs in page.tags if "curves" in (attrs.get("class") or "").split()]
    return [json.loads(text.split(f'id="{name}">')[1].split("</script>")[0]) for name in names], page.text


def _axis(spec):
    scales = [layer["encoding"]["y"].get("scale", {}) for layer in spec["layer"]]
    return next(scale["domain"] for scale in scales if "domain" in scale)


def test_many_models_are_drawn_in_equal_parts_of_six_at_most_on_one_axis(make_run):
    cells = [Cell(suite="s", model=f"m{i}", status="passed", findings=layered(0.5)) for i in range(13)]
    specs, _ = _specs(make_run(cells))
    drawn = [spec["layer"][0]["encoding"]["color"]["scale"]["domain"] for spec in specs]
    assert [len(models) for models in drawn] == [5, 4, 4]
    assert len({str(_axis(spec)) for spec in specs}) == 1
    assert _axis(specs[0])[0] < _axis(specs[0])[1]
    assert sorted(name for models in drawn for name in models) == sorted(f"m{i}" for i in range(13))


@pytest.mark.parametrize("part", ["layer=last", "rank=full", "hidden=", "depth=3"])
def test_a_slice_that_only_looks_like_a_place_stays_where_it_was(sectioned, part):
    found = sectioned(Findings((measured("accuracy", 0.5), measured("accuracy", 0.4, part)), ()))
    assert found.curves == ()
    assert [number.slice for number in found.others] == [part]


# --- held and said ------------------------------------------------------------------------------


def only(found: Held | None, part: str = "all"):
    assert found is not None
    (line,) = (line for line in found.lines if line.part == part)
    return line


def test_a_probe_that_decodes_what_choices_do_not_show_is_marked(both):
    found = both(probe_cells(), info={**INFO, "models": MODELS})
    assert found is not None
    marks = {(line.model, line.probe, line.part): line.mark for line in found.lines}
    parts = ("all", "vertical ones", "horizontal ones")
    assert {marks["cal-bag", "scene-layers-image", part] for part in parts} == {held.NOT_SAID}
    assert {marks["cal-spatial", "scene-layers-image", part] for part in parts} == {held.BOTH}
    assert found.not_said == ("cal-bag",)
    assert {line.knows for line in found.lines} == {VARIANTS["cal-bag"].knows, VARIANTS["cal-spatial"].knows}


@pytest.mark.parametrize("probe", ["scene-layers-image", "scene-layers-image-token"])
def test_a_probe_of_places_stands_beside_choices_of_places_alone(both, probe):
    cells = {(probe, "m"): layered(0.9), ("scene-layouts", "m"): laid_out(0.9, 0.4), ("scene-choice", "m"): chosen(1)}
    found = both(cells)
    said = {line.part: line.said for line in found.lines}
    assert {part: (n.value, n.n) for part, n in said.items()} == {
        "all": (0.65, 200),
        "vertical ones": (0.9, 100),
        "horizontal ones": (pytest.approx(0.4), 100),
    }
    assert {(n.suite, n.chance, n.floor) for n in said.values()} == {("scene-layouts", 0.25, None)}
    assert said["all"].low < 0.65 < said["all"].high


@pytest.mark.parametrize("probe", ["scene-layers-image-axis", "scene-layers-chat-image"])
def test_a_probe_of_axes_stands_beside_the_axis_of_what_was_chosen(both, probe):
    said = [("above", "above"), ("above", "below"), ("below", "left of"), ("right of", "left of"), ("left of", "above")]
    rows = [outcome(i, *pair, scores=(0.0, 1.0)) for i, pair in enumerate(said)]
    rows += [outcome(5, "above", None, 0.5, scores=(1.0, 1.0)), outcome(6, "left of", None, scores=())]
    rows += [replace(outcome(7, "left of", None), correct=None)]
    line = only(both({(probe, "m"): layered(0.9), ("scene-choice", "m"): answered(rows)}))
    earned = [1, 1, 0, 1, 0, 0.5, 0]
    assert (line.said.value, line.said.n, line.said.chance) == (pytest.approx(3.5 / 7), 7, 0.5)
    assert (line.said.low, line.said.high) == mean_interval(np.array(earned), [f"g{i}" for i in range(7)])
    assert "axes" in line.asked.held
    assert "axis" in line.asked.said


def test_an_axis_said_by_ties_and_by_lot_is_at_chance(both):
    names = ("above", "below", "left of", "right of")
    lots = [outcome(i, names[i % 4], names[i // 4 % 4], scores=(0.0, 1.0)) for i in range(64)]
    ties = [outcome(i, names[i % 4], None, 0.25, scores=(1.0,) * 4) for i in range(64)]
    for name, rows in {"lots": lots, "ties": ties}.items():
        cells = {("scene-layers-image-axis", "m"): layered(0.9), ("scene-letters", "m"): answered(rows)}
        line = only(both(cells, name=name))
        assert line.units[1] == 0
        assert line.mark == held.NOT_SAID


def test_a_probe_of_a_chat_model_stands_beside_its_own_answers(both):
    words = ("above", "below", "left of", "right of")
    probes = [outcome(i, words[i % 4], words[i % 4]) for i in range(80)]
    answers = [outcome(i, words[i % 4], "above", row=f"{i:03d} answer") for i in range(80)]
    told = answered(answers, "answer_accuracy")
    found = Findings((*layered(0.9).results, *told.results), (*probes, *answers))
    lines = both({("scene-layers-chat", "m"): found, ("scene-choice", "m"): chosen(0.9)})
    said = {line.part: (line.said.value, line.said.n, line.said.suite) for line in lines.lines}
    assert said["vertical ones"] == (0.5, 40, "scene-layers-chat")
    assert said["horizontal ones"] == (0.0, 40, "scene-layers-chat")
    assert (said["all"][0], said["all"][2]) == (0.25, "scene-layers-chat")
    assert only(lines).said.floor == 0.25


def test_colors_stand_beside_colors(both):
    told = Findings((*layered(0.9).results, measured("answer_accuracy", 0.35, chance=0.1)), ())
    found = both({("scene-layers-color", "m"): told, ("scene-choice", "m"): chosen(0.9)})
    assert only(found).said.value == 0.35
    assert "color" in only(found).asked.held


def test_a_probe_of_captions_is_no_evidence(both):
    found = both(probe_cells(), info={**INFO, "models": MODELS})
    (line,) = (line for line in found.lines if line.probe == "scene-relations")
    assert line.mark == held.IN_CAPTION
    assert line.selectivity is not None
    assert line.untrained is not None
    assert line.untrained.value == BASELINES["random weights"]


def test_letters_stand_in_where_no_caption_was_scored(both):
    found = both({("scene-layers-text", "m"): layered(0.9), ("scene-letters", "m"): chosen(0.4)})
    assert only(found).said.suite == "scene-letters"


def test_units_run_from_guessing_to_all(both):
    found = both({("scene-layers-text", "m"): layered(1.0), ("scene-choice", "m"): chosen(0.25)})
    assert only(found).units == pytest.approx((1.0, 0.0, 1.0))  # against the floor of 0.26 and the chance of 0.25
    lower = both({("scene-layers-text", "m"): layered(0.63), ("scene-choice", "m"): chosen(0.5)}, name="lower")
    assert only(lower).units == pytest.approx(((0.63 - 0.26) / 0.74, 1 / 3, (0.63 - 0.26) / 0.74 - 1 / 3))


@pytest.mark.parametrize(
    ("decoded", "said", "mark"),
    [(0.9, 0.9, held.BOTH), (0.9, 0.25, held.NOT_SAID), (0.27, 0.9, held.NOT_HELD), (0.27, 0.25, held.NEITHER)],
)
def test_every_reading_has_its_mark(both, decoded, said, mark):
    found = both({("scene-layers-image", "m"): layered(decoded), ("scene-layouts", "m"): laid_out(said, said)})
    assert only(found).mark == mark


@pytest.mark.parametrize(
    ("note", "said", "mark"),
    [
        ("the probe does not lie above: -0.025 [-0.060, +0.010]", 0.25, held.UNTRAINED),
        ("the probe does not lie above: -0.025 [-0.060, +0.010]", 0.9, held.UNTRAINED),
        ("the probe lies above: +0.200 [+0.100, +0.300]; layer 1", 0.25, held.NOT_SAID),
        ("--limit 9: not comparable; the probe lies above: +0.200 [+0.100, +0.300]", 0.25, held.NOT_SAID),
    ],
)
def test_what_random_weights_hold_as_well_was_not_learnt(both, note, said, mark):
    beside = measured("accuracy", 0.65, "baseline=random weights", chance=0.25, note=note)
    probe = Findings((*layered(0.63).results, beside), ())
    found = both({("scene-layers-image", "m"): probe, ("scene-layouts", "m"): laid_out(said, said)})
    assert {line.mark for line in found.lines} == {mark}
    assert found.not_said == (("m",) if mark == held.NOT_SAID else ())


def test_without_an_interval_nothing_is_read_off(both):
    bare = Findings((Result(metric="answer_accuracy", value=0.3, n=9, chance=0.25),), ())
    found = both({("scene-layers-chat-text", "m"): layered(0.9), ("scene-layers-chat", "m"): bare})
    assert only(found).mark == held.UNKNOWN


PICTURES = {**INFO, "models": [{"name": "m", "family": "dual", "options": {"side": "image"}}]}


@pytest.mark.parametrize(
    ("cells", "info"),
    [
        ({("scene-layers-image", "m"): layered(0.9)}, INFO),
        ({("scene-layers-image", "m"): layered(0.9), ("scene-choice", "m"): chosen(0.9)}, INFO),
        ({("scene-layers-image-axis", "m"): layered(0.9), ("scene-choice", "m"): chosen(0.9)}, INFO),  # without rows
        ({("scene-layers-chat", "m"): layered(0.9), ("scene-choice", "m"): chosen(0.9)}, INFO),
        ({("scene-relations-image", "m"): probed(0.9), ("scene-choice", "m"): chosen(0.9)}, INFO),
        ({("scene-relations", "m"): probed(0.9), ("scene-choice", "m"): chosen(0.9)}, PICTURES),
        ({("scene-layouts", "m"): laid_out(0.9, 0.9), ("scene-choice", "m"): chosen(0.9)}, INFO),
        ({("scene-layers-text", "m"): layered(0.9), ("scene-choice", "n"): chosen(0.9)}, INFO),
    ],
)
def test_nothing_is_compared_where_a_model_was_not_both_probed_and_asked_the_same(both, cells, info):
    assert both(cells, info=info) is None


def test_every_probe_of_the_table_is_a_suite():
    text = "".join(path.read_text() for path in Path("suites").glob("test_scene_*.py"))
    for probe, asked in held.COUNTERPARTS.items():
        for suite in (probe, *asked.suites):
            assert f'"{suite}"' in text


def test_a_failed_cell_says_nothing(both):
    cells = [
        Cell(suite="scene-layers-image", model="m", status="passed", findings=layered(0.9)),
        Cell(suite="scene-layouts", model="m", status="error", reason="no", findings=laid_out(0.25, 0.25)),
    ]
    assert both(cells) is None


def test_the_page_says_that_it_is_a_result_and_what_either_is_asked(make_run):
    text = " ".join(outline(make_run(probe_cells(), info={**INFO, "models": MODELS})).text.split())
    assert "of 1 model: cal-bag" in text
    assert "a result and no error" in text
    assert f"made to know {VARIANTS['cal-bag'].knows}" in text
    for words in ("on which of four sides one shape lies, of its picture", "one shape lies, among four captions"):
        assert words in text
