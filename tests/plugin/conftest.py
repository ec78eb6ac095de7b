"""Fixtures of the plugin's tests."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from plugin_folder import NOT_INHERITED, ROOT, Folder


@pytest.fixture
def folder(tmp_path: Path) -> Callable[..., Folder]:
    """`folder(models, name=suite text, …)`: a folder with suites."""
    return lambda *args, **suites: Folder(tmp_path, *args, **suites)


@pytest.fixture
def inside(pytester: pytest.Pytester, clean_environment: None) -> Callable[..., tuple[Folder, pytest.RunResult]]:
    """`inside(models, words, name=suite text, …)`: a run in this process, for what ends at collection."""

    def run(
        models: list[dict[str, object]] | str | None, *words: str, **suites: str
    ) -> tuple[Folder, pytest.RunResult]:
        made = Folder(pytester.path, models, **suites)
        (made.path / "conftest.py").unlink()  # it changes the harness for the rest of the process
        given = ["-p", "xdist", "-p", "harness.plugin", "--run-dir", "run", *words]
        return made, pytester.runpytest_inprocess(*given)

    return run


@pytest.fixture
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """For runs inside this process: nothing of the caller's own run."""
    for name in list(os.environ):
        if name.startswith(NOT_INHERITED) and name != "PYTEST_CURRENT_TEST":
            monkeypatch.delenv(name)
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which the wheel of this tree was installed, entry point and all."""
    built, target = tmp_path_factory.mktemp("wheel"), tmp_path_factory.mktemp("site")
    commands = [
        ["build", "--wheel", "--no-isolation", "--outdir", str(built), str(ROOT)],
        ["pip", "install", "--quiet", "--no-index", "--no-deps", "--target", str(target), "--find-links", str(built)],
    ]
    commands[1].append("spatial-harness")
    for words in commands:
        done = subprocess.run([sys.executable, "-m", *words], capture_output=True, text=True, cwd=built, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    return target
