"""Shards: what each process of a run finished, kept while it goes on and after it was killed.

Each process appends finished cells (suite × model) to a shard of its own, one JSON object a line; a torn last line is a
cell that was not finished. Arrays lie in `arrays/SUITE/MODEL.safetensors`, what is to be known of them in `.json`
beside it. The plan says which cells the run is to give.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from harness.errors import HarnessError, RunError
from harness.files import write_whole
from harness.results import Findings, Outcome, Result

Status = Literal["passed", "regressed", "error", "skipped"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One suite × model as a run left it; `key` names all that its numbers depend on."""

    suite: str
    model: str
    status: Status
    key: str = ""
    reason: str = ""
    findings: Findings | None = None
    finished: float = field(default=0.0, compare=False)  # seconds since the epoch, set as it is written
    stats: Mapping[str, Any] = field(default_factory=dict)


class Shard:
    """Append-only file of finished cells, written by one process alone."""

    def __init__(self, run: Path, worker: str) -> None:
        self.path = run / "shards" / f"{worker}-{os.getpid()}.jsonl"

    def append(self, cell: Cell) -> None:
        """Write one cell whole or not at all. Raises RunError when the disk refuses."""
        kept, cell = cell.findings, replace(cell, finished=time.time())
        if kept:
            cell = replace(cell, findings=replace(kept, arrays={}, about={}))
        line = (json.dumps(asdict(cell), allow_nan=False) + "\n").encode()
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            if kept and (kept.arrays or kept.about):  # before the line that says they are there
                _write_arrays(arrays_path(self.path.parent.parent, cell.suite, cell.model), kept)
            self._append(line)
        except OSError as error:
            raise RunError(f"cannot write {self.path}: {error}; free space or give another --run-dir") from error

    def _append(self, line: bytes) -> None:
        before = self.path.stat().st_size if self.path.exists() else 0
        try:
            with self.path.open("a+b") as file:
                file.seek(max(before - 1, 0))
                if file.read(1) not in (b"", b"\n"):  # a killed process of the same number left a torn line
                    line = b"\n" + line
                file.write(line)
                file.flush()
                os.fsync(file.fileno())
        except OSError:
            # after the file is closed, for closing writes what it can of the rest
            if self.path.exists():
                os.truncate(self.path, before)
            raise


def arrays_path(run: Path, suite: str, model: str) -> Path:
    """Where the arrays of a cell lie; a suite's name may hold what a file's cannot."""
    return run / "arrays" / quote(suite, safe=" ") / f"{model}.safetensors"


def _write_arrays(path: Path, findings: Findings) -> None:
    from safetensors.numpy import save

    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path.with_suffix(".json"), json.dumps(dict(findings.about), indent=1).encode())
    # safetensors writes memory as it lies, whatever the strides say
    write_whole(path, save({name: np.ascontiguousarray(array) for name, array in findings.arrays.items()}))


def read_arrays(run: Path, suite: str, model: str) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """The arrays of a cell and what is to be known of them. Raises RunError where they cannot be read."""
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    path = arrays_path(run, suite, model)
    try:
        return load_file(path), json.loads(path.with_suffix(".json").read_text())
    except (OSError, ValueError, SafetensorError) as error:
        raise RunError(f"cannot read {path}: {error}; run suite {suite} for {model} again") from error


def read_cells(run: Path) -> dict[tuple[str, str], Cell]:
    """The newest state of every suite × model in the shards; unfinished lines are passed over."""
    found: list[Cell] = []
    for path in (run / "shards").glob("*.jsonl"):
        for line in path.read_text(errors="replace").split("\n")[:-1]:
            # a line that a crash cut short is passed over
            with contextlib.suppress(ValueError, TypeError, KeyError, AttributeError, HarnessError):
                found.append(_cell(json.loads(line)))
    cells: dict[tuple[str, str], Cell] = {}
    for cell in sorted(found, key=lambda cell: cell.finished):
        before = cells.get((cell.suite, cell.model))
        # what passed stays where it was only not tried again, or where its own twin failed
        stays = before and before.status == "passed" and (cell.status == "skipped" or cell.key == before.key)
        if not stays or cell.status == "passed":
            cells[cell.suite, cell.model] = cell
    return cells


def _cell(raw: dict[str, Any]) -> Cell:
    found = raw.pop("findings")
    findings = found and Findings(
        tuple(Result(**result) for result in found["results"]),
        tuple(Outcome(**{**o, "scores": tuple(o["scores"])}) for o in found["outcomes"]),
    )
    return Cell(**raw, findings=findings)


def write_plan(run: Path, info: Mapping[str, Any], cells: Sequence[tuple[str, str]], nodes: Sequence[str] = ()) -> None:
    """Write down what a run is and which suite x model it is to give, before the first one.

    `nodes` are the ids of the tests that give the cells, in the same order.
    """
    folder, latest, asked = run / "shards", list(cells), dict(zip(nodes, cells, strict=False))
    with contextlib.suppress(RunError):  # a run that goes on keeps what it was to give before
        info, cells = _joined(read_plan(run), info, cells)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        plan = {"info": dict(info), "cells": list(cells), "latest": latest, "nodes": asked}
        write_whole(folder / "plan.json", json.dumps(plan).encode())
    except OSError as error:
        raise RunError(f"cannot write {folder}: {error}; free space or give another --run-dir") from error


def _joined(
    before: tuple[dict[str, Any], list[tuple[str, str]]], info: Mapping[str, Any], cells: Sequence[tuple[str, str]]
) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """An earlier plan and this one: all models, questions and cells, and the limit if there was one."""
    old, planned = before
    models = {model["name"]: model for model in [*old.get("models", []), *info.get("models", [])]}
    limit = old.get("limit") if info.get("limit") is None else info["limit"]
    questions = {**old.get("questions", {}), **info.get("questions", {})}
    joined = {**info, "models": list(models.values()), "limit": limit, "questions": questions}
    return joined, list(dict.fromkeys([*planned, *cells]))


def read_plan(run: Path) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """What `write_plan` wrote. Raises RunError where there is none."""
    try:
        plan = json.loads((run / "shards" / "plan.json").read_text())
        return plan["info"], [(suite, model) for suite, model in plan["cells"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RunError(f"{run} is not a run folder: {error}") from error


def latest_cells(run: Path) -> set[tuple[str, str]]:
    """What the last call to `write_plan` asked for, of all that the run folder is to hold."""
    plan = json.loads((run / "shards" / "plan.json").read_text())
    return {(suite, model) for suite, model in plan["latest"]}


def latest_nodes(run: Path) -> dict[str, tuple[str, str]]:
    """The same cells by the ids of the tests that give them."""
    plan = json.loads((run / "shards" / "plan.json").read_text())
    return {node: (suite, model) for node, (suite, model) in plan.get("nodes", {}).items()}
