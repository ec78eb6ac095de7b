"""`--baseline`: refused at once or judged at the end, alone and by workers."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import asdict
from pathlib import Path
from xml.etree import ElementTree

import pandas as pd
import pytest
from plugin_folder import Folder, control, said

from harness.baseline import read_baseline, write_baseline
from harness.gate import judge, read_verdicts
from harness.models import ModelSpec
from harness.report.summary import badge
from harness.report.verdicts import BLIND
from harness.results import Findings, Outcome, Result
from harness.runs import merge, read_run
from harness.shards import Cell, Shard, write_plan

MODELS = [control("constant"), control("random")]
READING = """
    import json, pathlib
    import pytest
    from harness import Findings, Result
    from harness.results import Outcome

    @pytest.mark.suite("reading", needs="EmbedsTexts")
    def test_reading(model, record):
        right = json.loads(pathlib.Path(__file__).with_name("skill.json").read_text())[model.spec.name]
        if isinstance(right, str):
            pytest.skip(right)
        rows = [Outcome(row=f"r{i}", group=f"g{i}", slice="all", gold="a", predicted="b", correct=float(i < right))
                for i in range(60)]
        record(Findings((Result(metric="accuracy", value=right / 60, n=60, chance=0.5, floor=0.25),), tuple(rows)))
"""
WORSE = r"worse than the baseline: 83\.3 % -> 50\.0 %, difference -33\.3 points"


def baseline(path: Path, suite: str = "reading") -> Path:
    """A file as a run of the suite above leaves it, all models right of 50 rows."""
    specs = [asdict(ModelSpec(**model)) for model in MODELS]
    write_plan(path, {"models": specs, "limit": None}, [])
    rows = tuple(
        Outcome(row=f"r{i}", group=f"g{i}", slice="all", gold="a", predicted="b", correct=float(i < 50))
        for i in range(60)
    )
    for model in MODELS:
        found = Findings((Result(metric="accuracy", value=5 / 6, n=60),), rows)
        cell = Cell(suite=suite, model=model["name"], status="passed", findings=found, stats={"data": {}, "rows": []})
        Shard(path, "main").append(cell)
    merge(path)
    write_baseline(read_baseline(path), path / "b.parquet")
    return path / "b.parquet"


@pytest.fixture(scope="module", autouse=True)
def kept(tmp_path_factory) -> dict[str, Path]:
    """Baselines of two suites; written, read and judged once before pytester sets back what is loaded.

    pandas and scipy cannot be loaded a second time by one process.
    """
    files = {suite: baseline(tmp_path_factory.mktemp(suite), suite) for suite in ("reading", "lost")}
    judge(read_baseline(files["lost"]), read_baseline(files["lost"]))
    return files


@pytest.fixture
def judged(kept, pytester, inside):
    """`judged({model: how many of 60 it gets right}, *words)`: a run against a baseline of 50 each."""
    shutil.copy(kept["reading"], pytester.path / "b.parquet")

    def run(skill: dict[str, object], *words: str, **suites: str) -> tuple[Folder, pytest.RunResult]:
        (pytester.path / "skill.json").write_text(json.dumps(skill))
        suites = {"reading": READING, **suites}
        given = [] if any(word.startswith("--baseline") for word in words) else ["--baseline", "b.parquet"]
        return inside(MODELS, *given, "--junitxml", "junit.xml", *words, **suites)

    return run


def cases(made: Folder) -> dict[str, ElementTree.Element]:
    """The test cases of the file of --junitxml by name; no name stands there twice."""
    suite = ElementTree.parse(made.path / "junit.xml").find("testsuite")
    found = suite.findall("testcase")
    names = [case.get("name") for case in found]
    assert len(names) == len(set(names)) == int(suite.get("tests"))
    for word, attribute in (("failure", "failures"), ("skipped", "skipped")):
        assert int(suite.get(attribute)) == sum(case.find(word) is not None for case in found)
    return dict(zip(names, found, strict=True))


def verdicts(made: Folder) -> dict[str, str | None]:
    """The verdict of each model in run.json."""
    return {cell["model"]: cell["verdict"] for cell in made.info()["cells"]}


def properties(case: ElementTree.Element) -> dict[str, str]:
    return {one.get("name"): one.get("value") for one in case.findall("properties/property")}


# --- what is judged -----------------------------------------------------------------------------


def test_a_model_that_is_worse_fails_in_all_that_pytest_says(judged):
    made, done = judged({"constant": 50, "random": 30}, "-p", "cacheprovider")
    done.assert_outcomes(passed=1, failed=1)
    assert done.ret == 1
    done.stdout.re_match_lines([rf"FAILED test_reading\.py::test_reading\[random\] - {WORSE[:20]}"])
    closing = said(done).partition("= spatial-harness =")[2]
    worse = rf"{WORSE} \[-45\.0, -21\.7\], p < 0\.0001 \(Holm over 1\)"
    assert re.search(rf"regressed: {worse}\n    reading: random\n", closing)
    assert closing.count("worse than the baseline") == 2  # here, and in pytest's own list
    assert "compared with b.parquet: 1 regressed, 1 unchanged (a drop of " in closing
    assert made.cells()["reading", "constant"] == ("passed", "")
    assert re.match(WORSE, made.cells()["reading", "random"][1])
    assert made.cells()["reading", "random"][0] == "regressed"
    last = json.loads((made.path / ".pytest_cache/v/cache/lastfailed").read_text())
    assert list(last) == ["test_reading.py::test_reading[random]"]
    found = cases(made)
    assert found["test_reading[constant]"].find("failure") is None
    assert re.match(WORSE, found["test_reading[random]"].find("failure").get("message"))
    told = properties(found["test_reading[random]"])
    assert {name: told[name] for name in ("suite", "model", "accuracy", "accuracy.n", "accuracy.chance")} == {
        "suite": "reading",
        "model": "random",
        "accuracy": "0.5",
        "accuracy.n": "60",
        "accuracy.chance": "0.5",
    }
    assert (told["accuracy.floor"], "accuracy.low" in told) == ("0.25", False)
    assert (told["verdict"], float(told["verdict.difference"])) == ("regressed", pytest.approx(-1 / 3))
    assert properties(found["test_reading[constant]"])["verdict"] == "unchanged"


def test_a_resumed_cell_is_judged_and_last_failed_asks_for_it_again(judged):
    skill = {"constant": 50, "random": 30}
    judged(skill, "-p", "cacheprovider")
    made, done = judged(skill, "-p", "cacheprovider", "--lf")
    done.assert_outcomes(failed=1)
    assert properties(cases(made)["test_reading[random]"])["resumed"] == "run"
    assert made.cells()["reading", "random"][0] == "regressed"


def test_without_a_baseline_the_verdicts_that_are_there_stay(judged, inside):
    skill = {"constant": 50, "random": 30}
    judged(skill, "-p", "no:cacheprovider", "-x")
    made, done = inside(MODELS, reading=READING)
    assert done.ret == 0
    assert made.cells()["reading", "random"][0] == "regressed"


def test_an_unchanged_run_passes_and_says_what_would_have_been_seen(judged):
    made, done = judged({"constant": 50, "random": 51}, "-p", "no:cacheprovider")
    assert len(pd.read_parquet(made.path / "run" / "rows.parquet")) == 120
    done.assert_outcomes(passed=2)
    assert done.ret == 0
    assert re.search(r"2 unchanged \(a drop of \d+\.\d( to \d+\.\d)? points would have been seen\)", said(done))
    gate = json.loads((made.path / "run" / "gate.json").read_text())
    assert (gate["min_effect"], gate["strict"], gate["baseline"]["path"]) == (0.01, False, "b.parquet")


def test_a_drop_below_the_minimum_effect_passes(judged):
    assert judged({"constant": 50, "random": 30}, "--min-effect", "34")[1].ret == 0


@pytest.mark.parametrize(("words", "code"), [((), 0), (("--strict",), 1)])
def test_a_cell_that_is_skipped_now_is_said_and_fails_where_it_is_strict(judged, words, code):
    made, done = judged({"constant": 50, "random": "not today"}, *words)
    assert done.ret == code
    done.assert_outcomes(passed=1, skipped=1 - code, failed=code)
    assert "not comparable: the baseline has it, and now it was skipped: not today" in said(done)
    assert made.cells()["reading", "random"] == ("skipped", "not today")
    failure = cases(made)["test_reading[random]"].find("failure")
    assert (failure is not None) == bool(code)


@pytest.mark.parametrize(("words", "code"), [((), 0), (("--strict",), 1)])
def test_a_cell_that_is_resumed_and_skipped_now_is_not_judged_by_its_old_rows(judged, words, code):
    judged({"constant": 50, "random": 50})
    changed = READING + "    # changed\n"
    made, done = judged({"constant": 50, "random": "no GPU"}, *words, reading=changed)
    assert done.ret == code
    assert "not comparable: not measured now: skipped: no GPU\n    reading: random" in said(done)
    assert made.cells()["reading", "random"] == ("passed", "")  # what was measured is not lost
    assert verdicts(made) == {"constant": "unchanged", "random": "not comparable"}
    assert badge(read_run(made.path / "run"), read_verdicts(made.path / "run"))["color"] == (
        "red" if code else "yellow"
    )
    assert (cases(made)["test_reading[random]"].find("failure") is not None) == bool(code)


def test_what_comes_after_the_first_failure_is_not_judged_by_its_old_rows(judged):
    judged({"constant": 50, "random": 50})
    changed = READING + "        assert model.spec.name == 'random'\n"
    made, done = judged({"constant": 50, "random": 50}, "-x", reading=changed)
    assert done.ret == 1
    assert "not measured now: the run was stopped before it\n    reading: random" in said(done)
    assert verdicts(made)["random"] == "not comparable"
    judged({"constant": 50, "random": 50}, "-k", "constant")
    assert verdicts(made) == {"constant": "unchanged", "random": "not comparable"}  # nor by a later session
    judged({"constant": 50, "random": 50})
    assert verdicts(made) == {"constant": "unchanged", "random": "unchanged"}


def test_a_run_of_which_nothing_can_be_compared_fails(judged, kept):
    _, done = judged({"constant": 50, "random": 50}, f"--baseline={kept['lost']}")
    assert done.ret == 1
    done.assert_outcomes(passed=2)
    assert f"\n{BLIND}\n" in said(done)


def test_cells_are_judged_by_the_settings_that_they_were_measured_with(judged, inside):
    skill, writing = {"constant": 50, "random": 50}, READING.replace("reading", "writing")
    judged(skill, writing=writing)
    shutil.move("run", "before")
    judged(skill, writing=writing)
    models = [{**model, "dtype": "float16"} for model in MODELS]
    made, done = inside(models, "-k", "writing", "--baseline", "before", reading=READING, writing=writing)
    assert done.ret == 0
    assert "another dtype: 'float32' -> 'float16'\n    writing: constant, random" in said(done)
    assert {(c["suite"], c["verdict"]) for c in made.info()["cells"]} == {
        ("reading", "unchanged"),
        ("writing", "not comparable"),
    }


def test_a_new_suite_fails_nothing_and_a_lost_one_does_where_it_is_strict(judged, kept):
    more = READING.replace("reading", "writing")
    (made, done) = judged({"constant": 50, "random": 50}, "--strict", writing=more)
    done.assert_outcomes(passed=4)
    assert "not comparable: not in the baseline\n    writing: constant, random" in said(done)
    words = ("--strict", "-k", "reading", "--run-dir", "other", f"--baseline={kept['lost']}")
    made, done = judged({"constant": 50, "random": 50}, *words)
    assert done.ret == 1
    assert "lost[random]" in cases(made)
    done.assert_outcomes(passed=2, failed=2)


# --- what is refused ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--baseline", "none.parquet"], "there is no baseline "),
        (["--baseline", "models.yaml"], "models.yaml is neither a run folder nor a Parquet file"),
        (["--baseline", "run"], "--baseline and --run-dir are both "),
        (["--baseline", "b.parquet", "--min-effect", "-1"], "--min-effect is in points, from 0 to below 100, not -1.0"),
    ],
)
def test_a_baseline_that_is_no_such_thing_is_an_error_before_anything_is_loaded(pytester, kept, inside, words, message):
    shutil.copy(kept["reading"], pytester.path / "b.parquet")
    made, done = inside(MODELS, *words, "-n", "2", reading=READING)
    assert done.ret == pytest.ExitCode.USAGE_ERROR
    assert message in said(done)
    assert said(done).count("ERROR") == 1
    assert not (made.path / "run").exists()


# --- by workers ---------------------------------------------------------------------------------


def test_workers_measure_and_their_parent_judges(folder, kept, tmp_path):
    made = folder(MODELS, reading=READING)
    (tmp_path / "skill.json").write_text(json.dumps({"constant": 30, "random": 50}))
    shutil.copy(kept["reading"], tmp_path / "b.parquet")
    words = ("--baseline", "b.parquet", "--junitxml", "junit.xml", "-p", "no:cacheprovider", "--strict")
    done = made.pytest(*words, n=2)
    assert done.ret == 1, said(done)
    done.assert_outcomes(passed=1, failed=1)
    assert "FAILED test_reading.py::test_reading[constant] - worse" in said(done)
    found = cases(made)
    assert re.match(WORSE, found["test_reading[constant]"].find("failure").text)
    assert properties(found["test_reading[constant]"])["verdict"] == "regressed"
    assert properties(found["test_reading[random]"])["accuracy.n"] == "60"


def test_workers_that_are_asked_for_by_tx_are_judged_and_a_dead_one_fails_its_cell_once(folder, kept, tmp_path):
    made = folder(MODELS, reading=READING)
    (tmp_path / "skill.json").write_text(json.dumps({"constant": 30, "random": 50}))
    shutil.copy(kept["reading"], tmp_path / "b.parquet")
    words = ("--baseline", "b.parquet", "--junitxml", "junit.xml", "-p", "no:cacheprovider", "--strict")
    assert made.pytest(*words).ret == 1
    made.write("test_reading.py", READING + "        model.spec.name == 'random' and __import__('os').abort()\n")
    command = made.command(*words, "-d", "--tx", "popen")
    place = command.index("-n")
    done = made.run(command[:place] + command[place + 2 :])
    assert done.ret == 1, said(done)
    done.assert_outcomes(failed=2)
    assert verdicts(made) == {"constant": "regressed", "random": "not comparable"}
    assert re.search(
        r"not measured now: failed: worker 'gw\d' crashed while running .*\n    reading: random", said(done)
    )
    assert said(done).count("FAILED ") == 2


def test_junit_has_the_numbers_of_a_run_that_nobody_judges(pytester, inside):
    (pytester.path / "skill.json").write_text(json.dumps({"constant": 30, "random": 50}))
    made, _ = inside(MODELS, "--junitxml", "junit.xml", reading=READING)
    told = properties(cases(made)["test_reading[constant]"])
    assert told == {
        "suite": "reading",
        "model": "constant",
        "accuracy": "0.5",
        "accuracy.n": "60",
        "accuracy.chance": "0.5",
        "accuracy.floor": "0.25",
    }
