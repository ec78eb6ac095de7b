"""Run folders of a few cells whose answers are given."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from harness.baseline import Baseline, of_run
from harness.results import Findings, Outcome, Result
from harness.runs import merge, read_run
from harness.shards import Cell, Shard, write_plan

Credits = Sequence[float | None]
MODELS = [{"name": name, "family": "dual", "prompt": "", "options": {}} for name in ("m", "n")]
DATA = {"vsr/test.jsonl": {"file": "/data/vsr/test.jsonl", "sha256": "a" * 64, "as_pinned": True}}


def answers(earned: Credits, first: int = 0, size: int = 2) -> Findings:
    """One outcome a row, `size` rows a group."""
    outcomes = tuple(
        Outcome(row=f"r{i}", group=f"g{i // size}", slice="all", gold="on", predicted="on", correct=credit)
        for i, credit in enumerate(earned, first)
    )
    known = [credit for credit in earned if credit is not None]
    return Findings((Result(metric="accuracy", value=float(np.mean(known)), n=len(known), chance=0.5),), outcomes)


def cell(earned: Credits, suite: str = "s", model: str = "m", sets: Sequence[str] = ("d1",), **more: Any) -> Cell:
    stats = {
        "data": more.pop("data", DATA),
        "pictures": more.pop("pictures", "p1"),
        "rows": [{"set": one, "shared": None} for one in sets],
        "weights": "w" * 64,
    }
    given = {"suite": suite, "model": model, "status": "passed", "findings": answers(earned), "stats": stats}
    return Cell(**{**given, **more})


def folder(path: Path, *cells: Cell, planned: Sequence[tuple[str, str]] = (), **info: Any) -> Path:
    """A merged run folder of these cells."""
    about = {"models": MODELS, "started": "2025-03-04T10:00:00+00:00", "limit": None, "git": {"commit": "c" * 40}}
    write_plan(path, {**about, **info}, [*((c.suite, c.model) for c in cells), *planned])
    for one in cells:
        Shard(path, "main").append(one)
    merge(path)
    return path


def side(path: Path, *cells: Cell, **info: Any) -> Baseline:
    return of_run(read_run(folder(path, *cells, **info)))


def right(share: float, rows: int = 400, seed: int = 0) -> list[float]:
    """Answers of which about this share is right."""
    return [float(hit) for hit in np.random.default_rng(seed).random(rows) < share]
