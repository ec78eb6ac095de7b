"""The workflows of CI: valid, without the mistakes that zizmor knows, and of commands and options that exist."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

import harness
from harness.__main__ import _parser

ROOT = Path(harness.__file__).parents[1]
FOLDER = ROOT / ".github" / "workflows"
FILES = sorted(FOLDER.glob("*.yml"))
pytestmark = pytest.mark.skipif(not FILES, reason="an installed harness carries no workflows")
named = pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)


def read(file: Path) -> dict[str, Any]:
    return yaml.load(file.read_text(encoding="utf-8"), yaml.BaseLoader)  # "on" is a key and no truth


def steps(file: Path) -> list[dict[str, Any]]:
    return [step for job in read(file)["jobs"].values() for step in job["steps"]]


def commands(file: Path) -> list[str]:
    """The lines of all scripts, continued ones joined."""
    return [line.strip() for step in steps(file) for line in step.get("run", "").replace("||\n", "|| ").splitlines()]


def lint(*words: str) -> None:
    done = subprocess.run([sys.executable, "-m", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@named
def test_a_workflow_is_of_githubs_schema(file: Path):
    pytest.importorskip("check_jsonschema", reason="check-jsonschema is not installed")
    lint("check_jsonschema", "--builtin-schema", "vendor.github-workflows", str(file))


def test_a_workflow_that_is_not_of_the_schema_is_noticed(tmp_path: Path):
    pytest.importorskip("check_jsonschema", reason="check-jsonschema is not installed")
    bad = tmp_path / "bad.yml"
    bad.write_text(FILES[0].read_text(encoding="utf-8").replace("runs-on:", "run-on:"))
    with pytest.raises(AssertionError, match=r"bad\.yml"):
        lint("check_jsonschema", "--builtin-schema", "vendor.github-workflows", str(bad))


def zizmor(*paths: Path) -> subprocess.CompletedProcess[str]:
    found = shutil.which("zizmor", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
    if not found:
        pytest.skip("zizmor is not installed")
    words = [found, "--offline", "--persona=pedantic", *map(str, paths)]
    return subprocess.run(words, capture_output=True, text=True, check=False)


def test_zizmor_finds_nothing():
    done = zizmor(*FILES)
    assert done.returncode == 0, done.stdout + done.stderr


def test_zizmor_notices_a_title_that_becomes_a_command(tmp_path: Path):
    bad = tmp_path / "bad.yml"
    text = (FOLDER / "tests.yml").read_text(encoding="utf-8")
    bad.write_text(text.replace("run: pytest tests", "run: echo ${{ github.event.pull_request.title }}; pytest tests"))
    done = zizmor(bad)
    assert done.returncode != 0
    assert "template-injection" in done.stdout


@named
def test_actions_are_pinned_by_commit_and_say_their_version(file: Path):
    used = re.findall(r"uses: (\S+)(.*)", file.read_text(encoding="utf-8"))
    assert used
    for action, version in used:
        assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", action), action
        assert re.fullmatch(r" # v\d+\.\d+\.\d+", version), action


@named
def test_every_job_ends_and_may_do_no_more_than_it_must(file: Path):
    workflow = read(file)
    assert workflow["concurrency"]["group"]
    assert set(workflow["permissions"] or {}) <= {"contents"}
    for job in workflow["jobs"].values():
        assert int(job["timeout-minutes"]) <= 720
        rights = {name for name, right in (job.get("permissions") or {}).items() if right == "write"}
        assert rights in (set(), {"pages", "id-token"})


@named
def test_no_expression_stands_in_a_script(file: Path):
    assert not [line for line in commands(file) if "${{" in line]


@named
def test_the_commands_of_a_workflow_exist(file: Path):
    calls = [line for line in commands(file) for line in re.split(r"\|\||&&|;", line) if "spatial-harness " in line]
    assert bool(calls) == (file.name == "regression.yml")
    for call in calls:
        words = shlex.split(re.split(r"\bthen |>>", call)[-1 if "then " in call else 0])
        assert words[0] == "spatial-harness"
        assert _parser().parse_args(words[1:]).command


def test_the_options_of_the_suites_exist():
    text = (FOLDER / "regression.yml").read_text(encoding="utf-8")
    given = set(re.findall(r"(?<=[\s\"])--[a-z][a-z-]*(?==)", text))
    assert {"--models", "--limit", "--baseline", "--run-dir", "--junitxml"} <= given
    shown = subprocess.run(
        [sys.executable, "-m", "pytest", "--help", str(ROOT / "suites")],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    known = {*re.findall(r"--[a-z][a-z-]*", shown), "--junitxml"}  # pytest's other name of --junit-xml
    assert given <= known
    assert "--strict)" in text
    assert "--strict" in known


def test_python_is_tested_as_far_back_as_the_project_says():
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    [oldest] = re.findall(r'requires-python = ">=([\d.]+)"', project)
    assert read(FOLDER / "tests.yml")["jobs"]["tests"]["strategy"]["matrix"]["python"][0] == oldest
