"""The run folder: what a run found, kept while it goes on and after it was killed.

Each process appends finished cells (suite × model) to a shard of its own, one JSON object a line; a
torn last line is a cell that was not finished. Arrays lie in `arrays/SUITE/MODEL.safetensors`, what is
to be known of them in `.json` beside it. `merge` turns shards into `results.jsonl`, `rows.parquet`,
`datasets.json` (what the rows are, see `harness.explore`), `asked.parquet` and `pictures.parquet` (the rows themselves,
see `harness.browse`) and `run.json`, and can be called again at any time.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from harness import browse, explore
from harness.errors import HarnessError, RunError
from harness.results import Findings, Outcome, Result

FORMAT = 1
GATE = "gate.json"  # what harness.gate said of the run
APART = ("data", "rows")  # of a cell's statistics: gathered over cells, and named in `asked`
UNFINISHED = "not finished: the run was stopped or its worker died"
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
    _write(path.with_suffix(".json"), json.dumps(dict(findings.about), indent=1).encode())
    # safetensors writes memory as it lies, whatever the strides say
    _write(path, save({name: np.ascontiguousarray(array) for name, array in findings.arrays.items()}))


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


def write_plan(run: Path, info: Mapping[str, Any], cells: Sequence[tuple[str, str]]) -> None:
    """Write down what a run is and which suite x model it is to give, before the first one."""
    folder, latest = run / "shards", list(cells)
    with contextlib.suppress(RunError):  # a run that goes on keeps what it was to give before
        info, cells = _joined(read_plan(run), info, cells)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _write(folder / "plan.json", json.dumps({"info": dict(info), "cells": list(cells), "latest": latest}).encode())
    except OSError as error:
        raise RunError(f"cannot write {folder}: {error}; free space or give another --run-dir") from error


def _joined(
    before: tuple[dict[str, Any], list[tuple[str, str]]], info: Mapping[str, Any], cells: Sequence[tuple[str, str]]
) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """An earlier plan and this one: all models and cells, and the limit if there was one."""
    old, planned = before
    models = {model["name"]: model for model in [*old.get("models", []), *info.get("models", [])]}
    limit = old.get("limit") if info.get("limit") is None else info["limit"]
    return {**info, "models": list(models.values()), "limit": limit}, list(dict.fromkeys([*planned, *cells]))


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


def merge(run: Path, **more: Any) -> list[Cell]:
    """Write results.jsonl, rows.parquet and run.json from plan and shards; return the cells, sorted.

    A planned cell that no shard knows did not finish: it is an error, never left out.
    """
    info, planned = read_plan(run)
    cells = read_cells(run)
    for suite, model in planned:
        lost = Cell(suite=suite, model=model, status="error", reason=UNFINISHED)
        cells.setdefault((suite, model), lost)
    ordered = [cells[key] for key in sorted(cells)]
    data = {name: facts for cell in ordered for name, facts in cell.stats.get("data", {}).items()}
    summary = _marked(
        [_summary(cell) for cell in ordered], _verdicts(run, {key: c.finished for key, c in cells.items()})
    )
    everything = {"format": FORMAT, **info, **more, "data": data, "cells": summary}
    try:
        _write(run / "results.jsonl", "".join(json.dumps(line) + "\n" for line in _result_lines(ordered)).encode())
        _write_rows(run / "rows.parquet", ordered)
        datasets = _datasets(run, ordered)
        browse.merge(run, datasets["sets"])
        _write(run / "datasets.json", json.dumps(datasets, indent=1).encode())
        _write(run / "run.json", json.dumps(everything, indent=1).encode())
    except OSError as error:
        raise RunError(f"cannot write {run}: {error}; free space, then `spatial-harness report {run}`") from error
    return [replace(c, status=s["status"], reason=s["reason"]) for c, s in zip(ordered, summary, strict=True)]


def mark(run: Path) -> list[dict[str, Any]]:
    """Take what the gate has just said of a merged run folder into run.json; return its cells. Raises RunError."""
    path = run / "run.json"
    try:
        info = json.loads(path.read_text())
        finished = {(cell["suite"], cell["model"]): 0.0 for cell in info["cells"]}
        cells = info["cells"] = _marked(info["cells"], _verdicts(run, finished))
        _write(path, json.dumps(info, indent=1).encode())
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RunError(f"cannot write {path}: {error}; `spatial-harness report {run}` makes it anew") from error
    return cells


def _verdicts(run: Path, finished: Mapping[tuple[str, str], float]) -> dict[tuple[str, str], Mapping[str, str]]:
    """What the gate said of cells, less those that finished after it spoke."""
    try:
        gate = json.loads((run / GATE).read_text())
        said = {(v["suite"], v["model"]): v for v in gate["verdicts"]}
        return {key: said[key] for key, when in finished.items() if key in said and when <= gate["judged"]}
    except (OSError, ValueError, KeyError, TypeError):  # there is none; `gate.read_verdicts` refuses a damaged one
        return {}


def _marked(cells: list[dict[str, Any]], said: Mapping[tuple[str, str], Mapping[str, str]]) -> list[dict[str, Any]]:
    """Cells of run.json with their verdict (None: not judged, or measured since) and the status that follows."""
    for cell in cells:
        verdict = said.get((cell["suite"], cell["model"]), {})
        cell["verdict"] = verdict.get("verdict")
        if cell["verdict"] == "regressed" and cell["status"] in ("passed", "regressed"):
            cell["status"], cell["reason"] = "regressed", verdict["reason"]
        elif cell["status"] == "regressed" and cell["verdict"]:  # of an earlier judgement
            cell["status"], cell["reason"] = "passed", ""
    return cells


def _summary(c: Cell) -> dict[str, Any]:
    """What run.json says of a cell; `asked` counts its rows and repeated ids, and names row sets and data files."""
    stats = {name: value for name, value in c.stats.items() if name not in APART}
    plain = {name: getattr(c, name) for name in ("suite", "model", "status", "reason", "key")}
    return {**plain, "stats": stats, "asked": _asked(c)}


def _asked(cell: Cell) -> dict[str, Any]:
    rows = [outcome.row for outcome in cell.findings.outcomes] if cell.findings else []
    return {
        "rows": len(rows),
        "repeated": len(rows) - len(set(rows)),
        "sets": [one["set"] for one in cell.stats.get("rows", ())],
        "data": {name: facts["sha256"] for name, facts in cell.stats.get("data", {}).items()},
    }


def _datasets(run: Path, cells: Iterable[Cell]) -> dict[str, Any]:
    return explore.merged(run, [(cell.suite, cell.stats.get("rows", ())) for cell in cells])


def _result_lines(cells: Iterable[Cell]) -> Iterable[dict[str, Any]]:
    order = ["metric", "slice", "value", "low", "high", "n", "chance", "floor", "note"]
    for cell in cells:
        for result in cell.findings.results if cell.findings else ():
            yield {"suite": cell.suite, "model": cell.model, **{name: getattr(result, name) for name in order}}


def _write_rows(path: Path, cells: Iterable[Cell]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    text, names = pa.dictionary(pa.int32(), pa.string()), [f.name for f in fields(Outcome)]
    kinds = {"correct": pa.float64(), "scores": pa.list_(pa.float32()), "row": pa.string(), "group": pa.string()}
    kinds |= {"pair": pa.string(), "set": pa.string()}
    schema = pa.schema([("suite", text), ("model", text)] + [(name, kinds.get(name, text)) for name in names])
    scratch = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    with pq.ParquetWriter(scratch, schema, compression="zstd") as writer:
        for cell in cells:
            outcomes = cell.findings.outcomes if cell.findings else ()
            columns = {"suite": [cell.suite] * len(outcomes), "model": [cell.model] * len(outcomes)}
            columns |= {name: [getattr(o, name) for o in outcomes] for name in names}
            writer.write_table(pa.table(columns, schema=schema))
    scratch.replace(path)


def _write(path: Path, data: bytes) -> None:
    scratch = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    scratch.write_bytes(data)
    scratch.replace(path)


@dataclass(frozen=True, slots=True)
class Run:
    """A run folder read back: `results` and `rows` are pandas frames of the columns in DESIGN.md.

    `datasets` is what `explore.merged` gathered of the rows; empty where an older run knew nothing of them.
    """

    path: Path
    info: dict[str, Any]
    results: Any
    rows: Any
    datasets: Mapping[str, Any] = field(default_factory=dict)


def read_run(path: Path, columns: Sequence[str] | None = None) -> Run:
    """Read a merged run folder, of its rows these columns. Raises RunError if it is none, or of another format."""
    import pandas as pd

    try:
        info = json.loads((path / "run.json").read_text())
        if (version := info["format"]) != FORMAT:
            raise RunError(f"{path} has run format {version}; this version reads {FORMAT}")
        lines = [json.loads(line) for line in (path / "results.jsonl").read_text().splitlines()]
        rows = pd.read_parquet(path / "rows.parquet", columns=None if columns is None else list(columns))
        told = path / "datasets.json"
        datasets = json.loads(told.read_text()) if told.exists() else {}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RunError(f"{path} is not a readable run folder: {error}") from error
    names = ["suite", "model", *(f.name for f in fields(Result))]
    return Run(path, info, pd.DataFrame(lines, columns=names), rows, datasets)
