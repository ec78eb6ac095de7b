"""Run folders of a few cells, at given days."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from harness.results import Findings, Outcome, Result
from harness.runs import merge
from harness.shards import Cell, Shard, write_plan

MODELS = [{"name": name, "family": "dual", "prompt": "", "options": {}} for name in ("m", "n")]


def right(share: float, rows: int = 400, seed: int = 0) -> list[float]:
    """Answers of which this share is right; the same rows first, so that runs are alike."""
    order = np.random.default_rng(seed).permutation(rows)
    return (order < share * rows).astype(float).tolist()


def cell(earned: Sequence[float] | None, suite: str = "s", model: str = "m", asked: str = "d1") -> Cell:
    stats = {"rows": [{"set": asked, "shared": None}], "data": {}}
    if earned is None:
        return Cell(suite=suite, model=model, status="skipped", reason="no weights", stats=stats)
    outcomes = tuple(
        Outcome(row=f"r{i}", group=f"g{i // 2}", slice="all", gold="on", predicted="on", correct=credit)
        for i, credit in enumerate(earned)
    )
    found = Findings((Result(metric="accuracy", value=float(np.mean(earned)), n=len(earned)),), outcomes)
    return Cell(suite=suite, model=model, status="passed", findings=found, stats=stats)


def run(root: Path, day: int, *cells: Cell, **info: Any) -> Path:
    """A merged run folder of a day in March."""
    about = {"models": MODELS, "started": f"2025-03-{day:02d}T02:00:00+00:00", "limit": None}
    path = root / f"day-{day:02d}"
    write_plan(path, {**about, "git": {"commit": f"{day:040x}"}, **info}, [(c.suite, c.model) for c in cells])
    for one in cells:
        Shard(path, "main").append(one)
    merge(path)
    return path


def verdicts(points: Sequence[Any]) -> list[str]:
    return [point.step.verdict if point.step else "" for point in points]
