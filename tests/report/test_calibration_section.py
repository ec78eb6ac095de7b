from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from calibration_samples import FOURWAY, MODELS, all_asked, asked, study_facts
from report_samples import HOSTILE, INFO, MakeRun, sample_cells

from harness.calibration import sweep
from harness.calibration.exam import EXPECTED, QUESTIONS
from harness.calibration.train import Recipe
from harness.calibration.variants import VARIANTS
from harness.errors import RunError
from harness.report import render
from harness.report.calibration import Calibration, Line, section
from harness.results import Findings, Result
from harness.runs import read_run
from harness.shards import Cell

CURRENT = Recipe(steps=sweep.STEPS)


@pytest.fixture(autouse=True)
def package(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The study that comes with the package, in the hands of the test."""
    held: dict[str, Any] = {"study": None}
    monkeypatch.setattr(sweep, "measured", lambda: held["study"])
    return held


@pytest.fixture
def shown(make_run: MakeRun):
    def show(cells: list[Cell], **info: Any) -> Calibration:
        found = section(read_run(make_run(cells, info={"models": MODELS}, **info)))
        assert found is not None
        return found

    return show


def line(found: Calibration, model: str) -> Line:
    return next(line for line in found.lines if line.model == model)


def marks(found: Calibration, model: str) -> dict[str, str]:
    return {reading.question: reading.mark for reading in line(found, model).readings}


def verdicts(found: Calibration) -> dict[str, str]:
    return {verdict.suite: verdict.text for verdict in found.verdicts}


def instead(model: str, cell: Cell | None) -> list[Cell]:
    """All cells, one of them replaced or left out."""
    return [*(c for c in all_asked() if c.model != model), *([cell] if cell else [])]


def test_what_meets_its_making_is_read_rightly(shown):
    found = shown(all_asked())
    assert [line.model for line in found.lines] == list(VARIANTS)
    assert [line.knows for line in found.lines] == [variant.knows for variant in VARIANTS.values()]
    for name, expected in EXPECTED.items():
        assert marks(found, name) == {q: "read rightly" if q in expected else "" for q in QUESTIONS}
    assert all(verdict.holds for verdict in found.verdicts)
    assert verdicts(found)["scene-choice"] == "7 of 7 models read rightly"


def test_the_columns_are_the_questions_by_suite(shown):
    found = shown(all_asked())
    assert found.questions == tuple(QUESTIONS)
    assert sum(count for _, count in found.heads) == len(QUESTIONS)
    suites = [suite for suite, count in found.heads for _ in range(count)]
    assert suites == [question.suite for question in QUESTIONS.values()]
    assert set(verdicts(found)) == set(suites)


@pytest.mark.parametrize(
    ("model", "change"),
    [
        ("cal-spatial", {"above_or_below": {"value": 0.94}}),  # too little
        ("cal-bag", {"above_or_below": {"low": 0.51, "high": 0.6}}),  # all above chance
        ("cal-bag", {"above_or_below": {"low": 0.4, "high": 0.49}}),  # all below
    ],
)
def test_what_does_not_is_read_wrongly_and_its_suite_does_not_hold(shown, model, change):
    found = shown(instead(model, asked(model, **change)))
    assert marks(found, model)["above or below"] == "read wrongly"
    wrong = [verdict for verdict in found.verdicts if not verdict.holds]
    assert [verdict.suite for verdict in wrong] == ["scene-axes"]
    assert wrong[0].text == f"6 of 7 models read rightly; read wrongly: {model} (above or below)"


def test_a_misread_model_that_failed_its_own_test_shows_what_was_read(shown):
    cell = asked("cal-bag", direction={"value": 0.9, "low": 0.88, "high": 0.92})
    found = shown(instead("cal-bag", replace(cell, status="error", reason="AssertionError: direction: 0.900")))
    assert marks(found, "cal-bag")["direction"] == "read wrongly"
    assert (line(found, "cal-bag").status, line(found, "cal-bag").reason) == (
        "error",
        "AssertionError: direction: 0.900",
    )


def test_a_question_that_was_not_asked_is_never_a_pass(shown):
    found = shown(instead("cal-axis", asked("cal-axis", colour=None)))
    assert marks(found, "cal-axis")["colour"] == "not measured"
    assert verdicts(found)["scene-color"] == "6 of 7 models read rightly; not measured: cal-axis (colour)"
    assert verdicts(found)["scene-choice"] == "7 of 7 models read rightly"


def test_a_number_that_is_missing_is_not_measured(shown):
    found = shown(instead("cal-bag", asked("cal-bag", colour={"value": None})))
    assert marks(found, "cal-bag")["colour"] == "not measured"


def test_an_interval_that_is_missing_cannot_hold_chance(shown):
    found = shown(instead("cal-bag", asked("cal-bag", direction={"low": None, "high": None})))
    assert marks(found, "cal-bag")["direction"] == "read wrongly"


@pytest.mark.parametrize(
    ("cell", "status"),
    [
        (None, "not in this run"),
        (Cell(suite="calibration", model="cal-bag", status="error", reason="died"), "error"),
        (Cell(suite="calibration", model="cal-bag", status="skipped", reason="no weights"), "skipped"),
    ],
)
def test_a_model_without_numbers_counts_against_every_suite_that_asks_it(shown, cell, status):
    found = shown(instead("cal-bag", cell))
    assert set(marks(found, "cal-bag").values()) == {"not measured", ""}
    assert line(found, "cal-bag").status == status
    for verdict in found.verdicts:
        suited = any(QUESTIONS[q].suite == verdict.suite for q in EXPECTED["cal-bag"])
        assert verdict.holds != suited
        assert ("not measured: cal-bag" in verdict.text) == suited


def test_a_limited_run_decides_no_reading(shown, make_run: MakeRun):
    found = shown(all_asked(), limit=50)
    assert set(marks(found, "cal-spatial").values()) == {"not comparable"}
    assert not any(verdict.holds for verdict in found.verdicts)
    assert verdicts(found)["scene-color"].startswith("0 of 7 models read rightly; not comparable: cal-spatial (colour)")
    page = calibration_part(render(make_run(all_asked(), info={"models": MODELS}, name="page", limit=50)))
    assert "--limit 50: not comparable" in page
    assert "✓" not in page


def test_other_suites_and_models_do_not_show(shown):
    alien = Cell(
        suite="other", model="cal-bag", status="passed",
        findings=Findings((Result(metric="accuracy", slice="question=colour", value=0.1, n=4),), ()),
    )  # fmt: skip
    stranger = replace(asked("cal-bag"), model="stranger")
    found = shown([*all_asked(), alien, stranger])
    assert marks(found, "cal-bag")["colour"] == "read rightly"
    assert len(found.lines) == len(VARIANTS)


# --- on the page --------------------------------------------------------------------------------


def calibration_part(page: Path) -> str:
    text = page.read_text()
    start = text.index('<section class="view" id="calibration"')
    return text[start : text.index("</section>", start)]


def test_the_page_shows_value_interval_expectation_and_mark(make_run: MakeRun):
    cells = instead("cal-bag", asked("cal-bag", colour={"value": 0.1234, "low": 0.1, "high": 0.15}))
    page = calibration_part(render(make_run([*cells, *sample_cells()])))
    row = page[page.index(">cal-bag<") : page.index(">cal-vertical<")]
    cell = re.sub(r"\s+", " ", re.sub("<[^>]+>", " ", row[row.index("<td") : row.index("</td>")]))
    assert "12.3 %" in cell
    assert re.search(r"n=[\d,]+", cell)
    assert "its interval, half as wide again, has to hold it" in page
    assert "test rows alone" in page
    assert "[10.0, 15.0]" in cell
    assert f"made to be {EXPECTED['cal-bag']['colour']}" in cell
    assert "✗ read wrongly" in cell
    assert "✓ read rightly" in row
    assert "sets 77.7\N{NO-BREAK SPACE}%" in row
    assert "✗ does not hold" in page


def test_a_run_without_calibration_has_no_such_section(make_run: MakeRun, package):
    package["study"] = study_facts()
    assert section(read_run(make_run(sample_cells()))) is None
    assert "calibration" not in render(make_run(sample_cells(), name="page")).read_text()


def test_hostile_reasons_stay_text(make_run: MakeRun):
    cells = [
        Cell(suite="calibration", model=name, status="error", reason=bad)
        for name, bad in zip(VARIANTS, HOSTILE, strict=False)
    ]
    page = calibration_part(render(make_run(cells)))
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)" in page


# --- the study ----------------------------------------------------------------------------------


def test_the_packaged_study_is_shown_beside_calibration_models(make_run: MakeRun, package):
    package["study"] = study_facts()
    cells = [replace(sample_cells()[0], model=name) for name in VARIANTS]  # asked something else than calibration
    found = section(read_run(make_run(cells, info={**INFO, "models": MODELS})))
    assert found is not None
    assert found.study is not None
    assert found.lines == ()
    assert found.study.origin.startswith(
        f"Measured beforehand with this version's recipe: {sweep.STEPS:,} steps a model, seed 0; "
        "spatial-harness 0.1.0, torch 2.13.0+cpu; cpu, x86_64, 2 threads; 61 minutes for 10 models."
    )


@pytest.mark.parametrize("recipe", [replace(CURRENT, steps=sweep.STEPS + 1), replace(CURRENT, seed=1)])
def test_a_study_of_another_recipe_says_so(shown, package, recipe):
    package["study"] = study_facts(recipe)
    assert "beforehand with another recipe than this version's: " in shown(all_asked()).study.origin


def test_without_a_study_there_is_no_chart(make_run: MakeRun):
    page = render(make_run(all_asked(), info={"models": MODELS})).read_text()
    assert "Study of training data" not in page
    assert 'id="calibration-spec"' not in page


def test_the_study_stands_in_the_table_and_in_the_spec(make_run: MakeRun, package):
    package["study"] = facts = study_facts()
    facts["points"][3] |= {"value": 0.43211, "low": 0.4, "high": 0.45}
    del facts["points"][7]
    page = calibration_part(render(make_run(all_asked(), info={"models": MODELS})))
    table = page[page.index('<details class="data"') :]
    assert table.count("<tr>") == 1 + len(sweep.FRACTIONS)
    assert "43.2\N{NO-BREAK SPACE}%" in table
    assert table.count('<span class="value">') == 19
    spec = json.loads(re.findall(r'id="calibration-spec">(.*?)</script>', page)[0])
    points = [point for data in spec["datasets"].values() for point in data]
    assert sorted(point["at"] for point in points) == pytest.approx(sorted(100 * p["value"] for p in facts["points"]))


def reached(value: float) -> Findings:
    return Findings((Result(metric="accuracy", value=value, low=0.1, high=0.9, n=60, chance=0.25),), ())


def sweep_run(make_run: MakeRun, points: list[sweep.Point], **info: Any) -> Path:
    """A run folder as the command leaves it."""
    cells = [
        Cell(suite=FOURWAY, model=p.model, status="passed", stats={"seconds": 30.0}, findings=reached(p.truthful))
        for p in points
    ]
    facts = {key: value for key, value in study_facts().items() if key not in ("seconds",)}
    plan = {**facts, "points": sweep.plan(CURRENT)["points"]}
    return make_run(cells, info={"sweep": plan}, **info)


def test_a_run_of_the_study_shows_its_own_points(make_run: MakeRun, package):
    package["study"] = study_facts()
    found = section(read_run(sweep_run(make_run, list(sweep.POINTS[:4]))))
    assert found is not None
    assert found.study is not None
    assert found.study.origin.startswith("Measured in this run with this version's recipe")
    assert "2 minutes for 4 models" in found.study.origin
    values = [number.value for _, numbers in found.study.rows for number in numbers if number]
    assert values == [0.0, 0.25, 0.5, 0.75]


def test_a_study_that_was_stopped_before_its_first_point_has_no_chart(make_run: MakeRun):
    assert section(read_run(sweep_run(make_run, []))) is None


def test_a_garbled_study_is_one_error(make_run: MakeRun):
    run = read_run(make_run([], info={"sweep": {"points": 3}}))
    with pytest.raises(RunError, match="study of training data is garbled"):
        section(run)
