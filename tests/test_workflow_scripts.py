"""The scripts of the nightly workflow, run as GitHub runs them, with stand-ins that say how they were called."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

import harness

FILE = Path(harness.__file__).parents[1] / ".github" / "workflows" / "regression.yml"
pytestmark = pytest.mark.skipif(not FILE.is_file(), reason="an installed harness carries no workflows")
NOTHING = {"MODELS": "", "BASELINE": "", "LIMIT": ""}


def steps() -> list[dict[str, Any]]:
    return yaml.safe_load(FILE.read_text(encoding="utf-8"))["jobs"]["suites"]["steps"]


def script(name: str) -> str:
    [found] = [step["run"] for step in steps() if step.get("name") == name]
    return found


def stand_in(folder: Path, name: str, text: str) -> None:
    path = folder / "bin" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def call(folder: Path, name: str, **environment: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PATH": f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}", **environment}
    words = ["bash", "--noprofile", "--norc", "-e", "-c", script(name)]
    return subprocess.run(words, cwd=folder, env=env, capture_output=True, text=True, check=False)


@pytest.fixture
def pytest_says(tmp_path: Path) -> Path:
    stand_in(tmp_path, "pytest", 'for word; do echo "[$word]"; done')
    return tmp_path


@pytest.fixture
def compared(pytest_says: Path) -> Path:
    """Where there is a baseline."""
    (pytest_says / "baselines").mkdir()
    (pytest_says / "baselines" / "main.parquet").touch()
    (pytest_says / "other.parquet").touch()
    return pytest_says


def test_a_nightly_run_is_compared_strictly_where_there_is_a_baseline(compared: Path):
    done = call(compared, "Run the suites", **NOTHING)
    words = ["suites", "-n", "auto", "--junitxml=junit.xml", "--run-dir=run", "--baseline=baselines/main.parquet"]
    assert done.stdout.splitlines() == [f"[{word}]" for word in [*words, "--strict"]]
    assert done.returncode == 0


@pytest.mark.parametrize("part", ["MODELS", "LIMIT"])
def test_a_part_of_a_run_is_not_compared_strictly(compared: Path, part: str):
    said = call(compared, "Run the suites", **{**NOTHING, part: "5"}).stdout
    assert "[--baseline=baselines/main.parquet]" in said
    assert "--strict" not in said


def test_a_baseline_named_by_hand_is_the_one_compared_with(compared: Path):
    said = call(compared, "Run the suites", **{**NOTHING, "BASELINE": "other.parquet"}).stdout
    assert "[--baseline=other.parquet]" in said
    assert "main.parquet" not in said


def test_a_baseline_named_by_hand_that_does_not_exist_is_an_error(compared: Path):
    done = call(compared, "Run the suites", **{**NOTHING, "BASELINE": "gone.parquet"})
    assert done.returncode == 1
    assert "::error title=No baseline::" in done.stdout
    assert "[suites]" not in done.stdout


@pytest.mark.parametrize("wanted", ["true", "false"])
@pytest.mark.parametrize("whole", ["true", "false"])
def test_only_a_whole_run_of_a_repository_that_asks_for_it_is_published(tmp_path: Path, wanted: str, whole: str):
    out = tmp_path / "output"
    call(tmp_path, "Is this what the world is to see?", WANTED=wanted, WHOLE=whole, GITHUB_OUTPUT=str(out))
    assert out.read_text() == f"publish={'true' if wanted == whole == 'true' else 'false'}\n"


def test_what_is_whole_names_no_models_no_limit_and_no_other_baseline():
    [step] = [s for s in steps() if s.get("id") == "whole"]
    assert all(f"!inputs.{name}" in step["env"]["WHOLE"] for name in ("models", "limit", "baseline"))
    assert step["env"]["WANTED"] == "${{ vars.HARNESS_PUBLISH == 'true' }}"
    inputs = yaml.load(FILE.read_text(encoding="utf-8"), yaml.BaseLoader)["on"]["workflow_dispatch"]["inputs"]
    assert {given["default"] for given in inputs.values()} == {""}


def test_without_a_baseline_it_runs_and_warns(pytest_says: Path):
    done = call(pytest_says, "Run the suites", **NOTHING)
    assert "::warning title=No baseline::" in done.stdout
    assert "--baseline" not in done.stdout
    assert "[suites]" in done.stdout


def test_what_is_typed_by_hand_is_one_word_whatever_it_says(pytest_says: Path):
    typed = '$(touch broken) "; touch broken; -p evil'
    done = call(pytest_says, "Run the suites", **{**NOTHING, "MODELS": typed, "LIMIT": "5"})
    assert f"[--models={typed}]" in done.stdout.splitlines()
    assert "[--limit=5]" in done.stdout.splitlines()
    assert not (pytest_says / "broken").exists()


def test_a_failed_run_fails_the_step(tmp_path: Path):
    stand_in(tmp_path, "pytest", "exit 1")
    assert call(tmp_path, "Run the suites", **NOTHING).returncode == 1


def test_a_run_that_died_before_its_page_has_a_red_badge_and_a_page_that_says_so(tmp_path: Path):
    stand_in(tmp_path, "spatial-harness", "exit 2")
    assert call(tmp_path, "Page and badge").returncode == 0
    badge = json.loads((tmp_path / "site" / "badge.json").read_text())
    assert badge == {"schemaVersion": 1, "label": "spatial", "message": "no run", "color": "red", "isError": True}
    assert "ended before there was a page" in (tmp_path / "site" / "index.html").read_text()


def test_page_and_badge_are_those_of_the_run(tmp_path: Path):
    stand_in(tmp_path, "spatial-harness", 'echo "$*" > "$4"')
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "index.html").write_text("the page")
    assert call(tmp_path, "Page and badge").returncode == 0
    assert (tmp_path / "site" / "index.html").read_text() == "the page"
    assert (tmp_path / "site" / "badge.json").read_text() == "badge run -o site/badge.json\n"


@pytest.mark.parametrize(("finished", "calls"), [(True, ["summary run"]), (False, ["report run", "summary run"])])
def test_a_killed_run_is_gathered_before_it_is_summed_up(tmp_path: Path, finished: bool, calls: list[str]):
    stand_in(tmp_path, "spatial-harness", 'echo "$*"')
    (tmp_path / "run").mkdir()
    if finished:
        (tmp_path / "run" / "run.json").touch()
    done = call(tmp_path, "Step summary", GITHUB_STEP_SUMMARY=str(tmp_path / "summary.md"))
    said = done.stdout.splitlines() + (tmp_path / "summary.md").read_text().splitlines()
    assert said == calls


@pytest.mark.parametrize("given", ["", "disk"])
def test_caches_lie_where_the_next_run_finds_them(tmp_path: Path, given: str):
    where = str(tmp_path / given) if given else str(tmp_path / "home" / ".cache" / "spatial-harness-ci")
    env = {"HOME": str(tmp_path / "home"), "GITHUB_ENV": str(tmp_path / "env")}
    assert call(tmp_path, "Caches that outlive the run", CACHE_DIR=where if given else "", **env).returncode == 0
    said = dict(line.split("=", 1) for line in (tmp_path / "env").read_text().splitlines())
    assert said["HARNESS_STORE_DIR"] == f"{where}/store"
    assert said["HF_HOME"] == f"{where}/huggingface"
    assert Path(where).is_dir()
