"""The run folder, made of shards and read back.

`merge` turns shards (`harness.shards`) into `results.jsonl`, `rows.parquet`, `datasets.json` (what the rows are, see
`harness.explore`), `asked.parquet` and `pictures.parquet` (`harness.browse`), and `run.json`, and can be called again
at any time. What the gate said of the run (`gate.json`) stands in each cell of `run.json`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from harness import browse, explore
from harness.errors import RunError
from harness.files import replacing, write_whole
from harness.results import Outcome, Result
from harness.shards import Cell, read_cells, read_plan

FORMAT = 1
GATE = "gate.json"  # what harness.gate said of the run
STALE = "not measured now: "  # why the gate did not judge rows of an earlier session, and what it says before it
APART = ("data", "pictures", "rows")  # of a cell's statistics: gathered over cells, and named in `asked`
UNFINISHED = "not finished: the run was stopped or its worker died"


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
        write_whole(run / "results.jsonl", "".join(json.dumps(line) + "\n" for line in _result_lines(ordered)).encode())
        _write_rows(run / "rows.parquet", ordered)
        datasets = _datasets(run, ordered)
        browse.merge(run, datasets["sets"])
        write_whole(run / "datasets.json", json.dumps(datasets, indent=1).encode())
        write_whole(run / "run.json", json.dumps(everything, indent=1).encode())
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
        write_whole(path, json.dumps(info, indent=1).encode())
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
    """Cells of run.json with their verdict (None: not judged, or measured since) and what follows from it."""
    for cell in cells:
        verdict = said.get((cell["suite"], cell["model"]), {})
        cell["verdict"], why = verdict.get("verdict"), verdict.get("reason", "")
        cell["stale"] = why.removeprefix(STALE) if why.startswith(STALE) else ""
        if cell["verdict"] == "regressed" and cell["status"] in ("passed", "regressed"):
            cell["status"], cell["reason"] = "regressed", why
        elif cell["status"] == "regressed" and cell["verdict"]:  # of an earlier judgement
            cell["status"], cell["reason"] = "passed", ""
    return cells


def _summary(c: Cell) -> dict[str, Any]:
    """What run.json says of a cell; `asked` counts its rows and repeated ids, and names its data."""
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
        "pictures": cell.stats.get("pictures", ""),
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
    with replacing(path) as scratch, pq.ParquetWriter(scratch, schema, compression="zstd") as writer:
        for cell in cells:
            outcomes = cell.findings.outcomes if cell.findings else ()
            columns = {"suite": [cell.suite] * len(outcomes), "model": [cell.model] * len(outcomes)}
            columns |= {name: [getattr(o, name) for o in outcomes] for name in names}
            writer.write_table(pa.table(columns, schema=schema))


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
