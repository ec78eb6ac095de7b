"""Run folders made by the project's own writer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from report_samples import INFO, MakeRun, sample_cells

from harness.runs import merge
from harness.shards import Cell, Shard, write_plan


def write_run(
    folder: Path, cells: Sequence[Cell], info: Mapping[str, Any] = INFO, name: str = "run", **changes: Any
) -> Path:
    """Write cells and run information as a merged run folder within `folder`."""
    run = folder / name
    shard = Shard(run, "main")
    for cell in cells:
        shard.append(cell)
    run.mkdir(exist_ok=True)
    write_plan(run, {**info, **changes}, [])
    merge(run)
    return run


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
