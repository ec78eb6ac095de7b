"""Run folders made by the project's own writer."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from report_samples import MakeRun, sample_cells, write_run

from harness.report import render
from harness.shards import Cell


@pytest.fixture
def make_run(tmp_path: Path) -> MakeRun:
    """Write cells and run information as a merged run folder."""

    def make(cells: Sequence[Cell], **told: Any) -> Path:
        return write_run(tmp_path, cells, **told)

    return make


@pytest.fixture
def sample_run(make_run: MakeRun) -> Path:
    """The run most tests look at."""
    return make_run(sample_cells())


@pytest.fixture(scope="module")
def make_once(tmp_path_factory: pytest.TempPathFactory) -> MakeRun:
    """As `make_run`, for what the tests of a module only look at; each `name` once."""
    folder = tmp_path_factory.mktemp("once")
    return lambda cells, **told: write_run(folder, cells, **told)


@pytest.fixture(scope="session")
def sample_page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of that run, to be looked at and not changed."""
    return render(write_run(tmp_path_factory.mktemp("sample"), sample_cells()))
