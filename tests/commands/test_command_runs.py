"""What is made of run folders: summary, badge, evaluation results, history."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from harness.__main__ import main
from harness.baseline import read_baseline
from harness.gate import compare, write_verdicts
from harness.results import Findings, Outcome, Result
from harness.runs import merge
from harness.shards import Cell, Shard, write_plan


def run(name: str, share: float, day: int = 1) -> Path:
    """A run of one suite and model, of whose 200 rows this share is right."""
    rows = tuple(
        Outcome(row=f"r{i}", group=f"g{i // 2}", slice="all", gold="a", predicted="a", correct=float(i < 200 * share))
        for i in range(200)
    )
    found = Findings((Result(metric="accuracy", value=share, n=200, low=share - 0.05, high=share + 0.05),), rows)
    path, started = Path(name), f"2025-03-{day:02d}T02:00:00+00:00"
    write_plan(path, {"models": [{"name": "clip"}], "started": started, "limit": None}, [("scene-choice", "clip")])
    Shard(path, "main").append(Cell(suite="scene-choice", model="clip", status="passed", findings=found))
    merge(path)
    return path


@pytest.fixture
def judged(here: Path) -> Path:
    before, after = run("before", 0.9), run("after", 0.6, day=2)
    write_verdicts(after, compare(read_baseline(before), read_baseline(after)))
    merge(after)
    return after


def test_summary_prints_markdown_with_what_the_gate_said(judged: Path, capsysbinary):
    assert main(["summary", str(judged)]) == 0
    text = capsysbinary.readouterr().out.decode()
    assert "**1** regressed" in text
    assert "| **regressed** | <code>scene-choice</code> | <code>clip</code> | 90.0 | 60.0 | -30.0 |" in text


def test_summary_goes_into_a_file(judged: Path, capsys):
    assert main(["summary", str(judged), "-o", "summary.md"]) == 0
    assert capsys.readouterr().out == ""
    assert Path("summary.md").read_text(encoding="utf-8").startswith("## ")


def test_badge_is_one_line_of_json(judged: Path, capsys):
    assert main(["badge", str(judged)]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said == {"schemaVersion": 1, "label": "spatial", "message": "1 regressed", "color": "red", "isError": True}
    assert main(["badge", "before", "-o", "badge.json"]) == 0
    assert json.loads(Path("badge.json").read_text())["message"] == "nothing compared"


@pytest.mark.parametrize("command", ["summary", "badge"])
def test_a_folder_that_is_no_run_is_said_and_nothing_is_written(here: Path, capsys, command: str):
    assert main([command, "nowhere", "-o", "out"]) == 2
    assert "is not a readable run folder" in capsys.readouterr().err
    assert not Path("out").exists()


def test_evaluation_results_are_written_below_the_folder_and_the_rest_is_said(judged: Path, capsys):
    words = ["export-eval-results", str(judged), "--model", "clip", "-o", "model"]
    assert main([*words, "--task", "scene-choice=my-org/scenes:choice"]) == 0
    assert ".eval_results/spatial-harness.yaml" in capsys.readouterr().out
    [entry] = yaml.safe_load(Path("model/.eval_results/spatial-harness.yaml").read_text())
    assert entry["dataset"] == {"id": "my-org/scenes", "task_id": "choice"}
    assert entry["value"] == 0.6


def test_nothing_to_export_is_an_error_that_says_why(judged: Path, capsys):
    assert main(["export-eval-results", str(judged), "--model", "clip", "-o", "model"]) == 2
    said = capsys.readouterr()
    assert "left out: scene-choice: no benchmark of the hub is named for it" in said.out
    assert "nothing of clip can be exported" in said.err
    assert not Path("model").exists()


def test_history_writes_a_page_and_prints_the_steps(judged: Path, capsys):
    (run("broken", 0.5, day=3) / "run.json").write_text("{")
    assert main(["history", ".", "-o", "pages/history.html"]) == 0
    said = capsys.readouterr()
    [line] = [line.split() for line in said.out.splitlines() if "scene-choice" in line]
    assert line[3:10] == ["scene-choice", "clip", "regressed", "90.0", "→", "60.0", "-30.0"]
    assert "2 runs, 1 suites x models, 0 steps that cannot be compared" in said.out
    assert "passed over: broken: " in said.err
    assert "scene-choice" in Path("pages/history.html").read_text(encoding="utf-8")


def test_history_of_runs_without_a_change_says_so(here: Path, capsys):
    run("one", 0.9)
    assert main(["history", "."]) == 0
    assert "no significant step" in capsys.readouterr().out
    assert Path("history.html").is_file()


def test_history_of_nothing_is_an_error(here: Path, capsys):
    assert main(["history", "."]) == 2
    assert "has no run that can be read" in capsys.readouterr().err
    assert not Path("history.html").exists()
