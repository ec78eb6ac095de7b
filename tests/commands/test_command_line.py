from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import harness
from harness.__main__ import main
from harness.results import Findings, Outcome, Result
from harness.runs import read_run
from harness.shards import Cell, Shard, write_plan

ROOT = Path(harness.__file__).parents[1]


def test_help_names_every_command_and_imports_nothing_heavy():
    code = (
        "import runpy, sys; sys.argv = ['harness', '--help']\n"
        "try: runpy.run_module('harness', run_name='__main__', alter_sys=True)\n"
        "except SystemExit as end: assert not end.code\n"
        "print('HEAVY', [m for m in ('torch', 'transformers', 'sentence_transformers', 'pandas', 'sklearn', 'altair',"
        " 'huggingface_hub', 'pytest') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert all(name in done.stdout for name in ("report", "scenes", "prefetch", "doctor", "add-model"))
    assert "HEAVY []" in done.stdout


def test_the_module_can_be_run_and_ends_with_its_exit_code():
    done = subprocess.run(
        [sys.executable, "-m", "harness", "report", "no-such-run"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 2
    assert done.stderr.startswith("spatial-harness: error: no-such-run is not a folder")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("words", [[], ["no-such"], ["scenes"], ["scenes", "--out", "x", "--size", "many"], ["report"]])
def test_a_command_line_that_means_nothing_is_a_usage_error(words, capsys):
    with pytest.raises(SystemExit) as end:
        main(words)
    assert end.value.code == 2
    assert "usage: spatial-harness" in capsys.readouterr().err


# --- report -------------------------------------------------------------------------------------

FOUND = Findings(
    (Result(metric="accuracy", value=0.5, low=0.25, high=0.75, n=4, chance=0.25),),
    (Outcome(row="r1", group="g", slice="left of", gold="left of", predicted="above", correct=0.0),),
)
PLAN = [("scene-choice", "random"), ("scene-choice", "constant")]


def killed_run(folder: Path, started: str = "2025-03-04T10:00:00+00:00") -> Path:
    write_plan(folder, {"command": "pytest suites", "started": started, "models": []}, PLAN)
    Shard(folder, "gw0").append(Cell(suite="scene-choice", model="random", status="passed", findings=FOUND))
    return folder


def test_report_turns_the_shards_of_a_killed_run_into_a_page(here: Path, capsys):
    run = killed_run(here / "run")
    assert {p.name for p in run.iterdir()} == {"shards"}
    assert main(["report", str(run)]) == 0
    assert capsys.readouterr().out.strip() == str(run / "index.html")
    page = (run / "index.html").read_text()
    assert "scene-choice" in page
    assert "not finished" in page
    assert [cell["status"] for cell in read_run(run).info["cells"]] == ["error", "passed"]


def test_report_keeps_when_a_run_finished_but_not_for_a_run_that_was_resumed(here: Path):
    run = killed_run(here / "run")
    main(["report", str(run)])
    info = json.loads((run / "run.json").read_text())
    assert "finished" not in info
    (run / "run.json").write_text(json.dumps({**info, "finished": "2025-03-04T11:00:00+00:00"}))
    assert main(["report", str(run)]) == 0
    assert read_run(run).info["finished"] == "2025-03-04T11:00:00+00:00"
    killed_run(run, started="2025-03-05T10:00:00+00:00")
    assert main(["report", str(run)]) == 0
    assert "finished" not in read_run(run).info


def test_report_draws_a_finished_run_that_has_lost_its_shards(here: Path):
    run = killed_run(here / "run")
    main(["report", str(run)])
    before = (run / "results.jsonl").read_bytes()
    for path in (run / "shards").iterdir():
        path.unlink()
    (run / "index.html").unlink()
    assert main(["report", str(run)]) == 0
    assert "scene-choice" in (run / "index.html").read_text()
    assert (run / "results.jsonl").read_bytes() == before


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda run: None, "is not a folder"),
        (lambda run: run.write_text("a file"), "is not a folder"),
        (lambda run: run.mkdir(), "is not a readable run folder"),
        (lambda run: (killed_run(run) / "shards" / "plan.json").write_text("{"), "is not a run folder"),
        (lambda run: (killed_run(run) / "index.html").mkdir(), "cannot write"),
    ],
    ids=["nothing", "file", "empty", "damaged plan", "page cannot be written"],
)
def test_report_of_something_else_is_one_error(here: Path, capsys, make, said: str):
    make(here / "run")
    assert main(["report", "run"]) == 2
    err = capsys.readouterr().err
    assert err.startswith("spatial-harness: error: ")
    assert said in err


# --- scenes -------------------------------------------------------------------------------------


def test_scenes_writes_as_many_as_asked_from_the_seed_asked(here: Path, capsys):
    assert main(["scenes", "--size", "8", "--seed", "5", "--out", "a"]) == 0
    assert "8 scenes in a" in capsys.readouterr().out
    assert main(["scenes", "--size", "8", "--seed", "6", "--out", "b"]) == 0
    assert main(["scenes", "--size", "4", "--preset", "color", "--out", "c"]) == 0
    lines = {name: (here / name / "metadata.jsonl").read_text().splitlines() for name in "abc"}
    assert [len(lines[name]) for name in "abc"] == [8, 8, 4]
    assert len(list((here / "a" / "images").glob("*.png"))) == 8
    assert lines["a"] != lines["b"]
    assert "color" in (here / "c" / "config.yaml").read_text()


def test_scenes_takes_a_config_file_and_options_win_over_it(here: Path):
    (here / "mine.yaml").write_text("size: 40\nseed: 3\ncanvas: 96\n")
    assert main(["scenes", "--config", "mine.yaml", "--size", "4", "--out", "out"]) == 0
    written = (here / "out" / "config.yaml").read_text()
    assert all(line in written for line in ("name: mine", "size: 4\n", "seed: 3", "canvas: 96"))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--preset", "colour"], "Did you mean color?"),
        (["--size", "7"], "multiple of 4"),
        (["--size", "-4"], "multiple of 4"),
        (["--size", "4", "--seed", "-1"], "seed -1"),
        (["--config", "nowhere.yaml"], "cannot read nowhere.yaml"),
        (["--size", "4", "--out", "file"], "cannot write scenes"),
        (["--size", "4", "--out", "file/below"], "cannot write scenes"),
        (["--size", "4", "--out", "full"], "is not empty"),
    ],
)
def test_scenes_that_cannot_be_drawn_are_one_error(here: Path, capsys, words, said: str):
    (here / "file").write_text("")
    (here / "full").mkdir()
    (here / "full" / "other.txt").write_text("")
    assert main(["scenes", "--out", "new", *words]) == 2
    err = capsys.readouterr().err
    assert err.startswith("spatial-harness: error: ")
    assert said in err
