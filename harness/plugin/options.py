"""Command-line options, and the environment through which the lower floors hear of folders."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

FOLDERS = {"harness_data_dir": "HARNESS_DATA_DIR", "harness_model_dir": "HARNESS_MODEL_DIR"}
_before = pytest.StashKey[dict[str, str | None]]()


def pytest_addoption(parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager) -> None:
    """The contract's options, where there is a list of models or one is given.

    Nowhere else: names like --limit are common, and two plugins that add one break each other.
    """
    if not _concerned(pluginmanager.get_plugin("pytestconfig").invocation_params):  # type: ignore[union-attr]
        return
    group = parser.getgroup("spatial-harness", "spatial-harness")

    def option(name: str, metavar: str, text: str, kind: type = str) -> None:
        group.addoption(name, dest=f"harness_{name[2:].replace('-', '_')}", metavar=metavar, type=kind, help=text)

    option("--models", "NAMES", "which models: comma-separated names or tag:TAG (default: all of models.yaml)")
    option(
        "--models-file", "FILE", "the list of models (default: models.yaml of the rootdir, or the one installed)", Path
    )
    option("--data-dir", "DIR", "local copies of data sets (also HARNESS_DATA_DIR)", Path)
    option(
        "--model-dir",
        "DIR",
        "local mirror of models, DIR/org/name, asked before the hub (also HARNESS_MODEL_DIR)",
        Path,
    )
    option(
        "--store-dir",
        "DIR",
        "what models computed, kept between runs (also HARNESS_STORE_DIR; default: user cache)",
        Path,
    )
    option(
        "--run-dir",
        "DIR",
        "this run's folder; given again, the run resumes (default: reports/<utc time>-<commit>)",
        Path,
    )
    option("--limit", "N", "at most N rows a suite; the numbers are not comparable, and say so", int)
    option("--baseline", "RUN_DIR_OR_FILE", "fail each suite x model that is significantly worse than here", Path)
    points = "how many points worse a suite x model must be at least to have regressed (default: 1)"
    group.addoption("--min-effect", dest="harness_min_effect", metavar="POINTS", type=float, default=1.0, help=points)
    only_stored = "load no weights: measure what the store has, and fail where it lacks something"
    group.addoption("--skip-extraction", dest="harness_skip_extraction", action="store_true", help=only_stored)


def _concerned(asked: pytest.Config.InvocationParams) -> bool:
    words = [str(word).split("::")[0] for word in asked.args]
    if any(word.startswith(("harness.suites", "--models-file")) for word in words):
        return True
    starts = [asked.dir, *(asked.dir / word for word in words if not word.startswith("-"))]
    return any((folder / "models.yaml").is_file() for start in starts for folder in (start, *start.parents))


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker; publish given folders; read the baseline, if one is given. Raises UsageError."""
    config.addinivalue_line("markers", "suite(name, needs): a suite of spatial-harness, run once per model")
    given = {name: value for option, name in FOLDERS.items() if (value := config.getoption(option, None))}
    config.stash[_before] = {name: os.environ.get(name) for name in (*given, "HARNESS_HUB_STATE")}
    os.environ.update({name: str(Path(path).expanduser().absolute()) for name, path in given.items()})
    if config.getoption("harness_baseline", None) is not None:
        from harness.plugin import gate  # which imports pandas: only where it is asked for

        gate.register(config)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Leave the environment as it was found."""
    for name, value in config.stash.get(_before, {}).items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
