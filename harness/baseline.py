"""Baselines: what a run came to row by row, as one small file that is good to commit.

Answers are kept by digests of their rows, with what must be equal for two runs to be comparable. A run folder is read
as a baseline, too. `baseline_file.py` has the format.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.baseline_file import COLUMNS, FORMAT, read_file, write_file
from harness.errors import RunError
from harness.models import ModelSpec
from harness.rows import digest
from harness.runs import Run, read_run

if TYPE_CHECKING:
    from pandas import DataFrame

RECORDED = ("family", "prompt", "pooling", "dtype", "options", "attn_implementation", "source", "revision")
READ = (*COLUMNS, "slice")  # of a run folder's rows
MEASURED = ("passed", "regressed")
CellKey = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Baseline:
    """One side of a comparison.

    `about` has format, started, finished, commit, dirty, packages, limit, `models` by name and `cells` by (suite,
    model); of a run folder it has the cells that failed, too. `rows` is a frame of COLUMNS without unanswered rows;
    `ids` names the rows by their digests where they are known: in a run folder. `stale` says of cells why their rows,
    though they are there, are of an earlier session and were not measured now.
    """

    path: Path
    about: Mapping[str, Any]
    rows: DataFrame
    ids: Mapping[int, str] = field(default_factory=dict)
    stale: Mapping[CellKey, str] = field(default_factory=dict)

    @property
    def cells(self) -> Mapping[CellKey, Mapping[str, Any]]:
        """What is known of each suite × model."""
        cells: Mapping[CellKey, Mapping[str, Any]] = self.about["cells"]
        return cells


def settings(spec: ModelSpec) -> dict[str, Any]:
    """What is recorded of a model, as plain values."""
    return {name: dict(spec.options) if name == "options" else getattr(spec, name) for name in RECORDED}


# --- from a run folder --------------------------------------------------------------------------


def of_run(run: Run) -> Baseline:
    """A run as one side of a comparison. Raises RunError where its rows are not those that run.json counted."""
    _check_counts(run)
    rows, ids = _digested(run.rows)
    git = run.info.get("git") or {}
    about = {
        "format": FORMAT,
        **{name: run.info.get(name) for name in ("started", "finished", "packages", "limit")},
        "commit": git.get("commit") or "",
        "dirty": bool(git.get("dirty")),
        "models": _models(run.info),
        "cells": _cells(run, rows),
    }
    stale = {(cell["suite"], cell["model"]): why for cell in run.info["cells"] if (why := cell.get("stale"))}
    return Baseline(run.path, about, rows, ids, stale)


def _check_counts(run: Run) -> None:
    """The folder's files agree with each other: no row is lost, and none is there that no suite gave."""
    counted = run.rows.groupby(["suite", "model"], observed=True)["row"].agg(["size", "nunique"])
    found = {key: (int(size), int(unique)) for key, size, unique in counted.itertuples(name=None)}
    for cell in run.info["cells"]:
        suite, model, told = cell["suite"], cell["model"], cell.get("asked")
        if told is None:  # of an older version, which did not count
            continue
        size, unique = found.get((suite, model), (0, 0))
        where = f"{run.path}/rows.parquet has {size} rows of {suite} x {model} where run.json says {told['rows']}"
        if size - unique > told["repeated"]:
            raise RunError(f"{where}: rows are duplicated; run `spatial-harness report {run.path}`")
        if size != told["rows"]:
            fault = "missing" if size < told["rows"] else "of another run"
            raise RunError(f"{where}: rows are {fault}; run `spatial-harness report {run.path}`")


def _digested(every: DataFrame) -> tuple[DataFrame, dict[int, str]]:
    """The answered rows with digests for ids and groups; what a suite asked again under one id is a row of its own.

    Such rows are numbered by group, slice and the order in which they were asked, whatever was answered.
    """
    import pandas as pd

    rows = every[list(READ)].astype({"suite": str, "model": str})
    cell = ["suite", "model", "row"]
    if rows.duplicated(cell).any():
        rows = rows.astype({"slice": str}).sort_values([*cell, "group", "slice"], kind="stable")
        again = rows.groupby(cell).cumcount()
        rows["row"] = rows["row"].where(again == 0, rows["row"] + " (asked again " + again.astype(str) + ")")
    rows = rows.loc[rows["correct"].notna(), list(COLUMNS)]
    ids: dict[int, str] = {}
    for name in ("row", "group"):
        codes, names = pd.factorize(rows[name])
        digests = np.array([_short(str(one)) for one in names], np.uint64)
        rows[name] = digests[codes] if len(names) else np.zeros(0, np.uint64)
        if name == "row":
            ids = dict(zip(digests.tolist(), map(str, names), strict=True))
    # equal values beside each other make a small file
    return rows.sort_values(["suite", "group", "row", "model"]).reset_index(drop=True), ids


def _short(name: str) -> int:
    return int(digest(name)[:16], 16)


def _models(info: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Settings by name, and for the record where the weights came from and what they were."""
    weights = {c["model"]: w for c in info["cells"] if (w := (c.get("stats") or {}).get("weights"))}
    return {
        model["name"]: {name: model.get(name) for name in RECORDED} | {"weights": weights.get(model["name"], "")}
        for model in info.get("models") or ()
    }


def _settings(cell: Mapping[str, Any], models: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """How the model was asked as the cell was measured, where that is not what the run says of the model."""
    own, told = (cell.get("stats") or {}).get("settings"), models.get(cell["model"], {})
    return {"settings": own} if own and any(told.get(name) != value for name, value in own.items()) else {}


def _cells(run: Run, rows: DataFrame) -> dict[CellKey, dict[str, Any]]:
    answered = rows.groupby(["suite", "model"]).size().to_dict()
    overall = run.results[run.results["slice"] == "all"].drop_duplicates(["suite", "model"])
    headline = {(r.suite, r.model): (r.metric, None if r.value != r.value else r.value) for r in overall.itertuples()}
    models, cells = _models(run.info), {}
    for cell in run.info["cells"]:
        key, told = (cell["suite"], cell["model"]), cell.get("asked") or {}
        metric, value = headline.get(key, ("", None))
        cells[key] = {
            "status": cell["status"],
            "reason": cell.get("reason") or "",
            "rows": int(answered.get(key, 0)),
            "unanswered": told.get("rows", 0) - int(answered.get(key, 0)) if told else 0,
            "sets": told.get("sets"),  # None: of an older version, which did not keep it
            "data": told.get("data"),
            "pictures": told.get("pictures", ""),  # none were read, or of an older version, which did not keep it
            "metric": metric,
            "value": value,
            **_settings(cell, models),
        }
    return cells


# --- files --------------------------------------------------------------------------------------


def read_baseline(path: Path) -> Baseline:
    """Read a run folder or a baseline file. Raises RunError that says what is wrong with it."""
    if path.is_dir():
        if not (path / "run.json").is_file() and (path / "shards" / "plan.json").is_file():
            raise RunError(f"{path} was not finished: run `spatial-harness report {path}` first")
        return of_run(read_run(path))
    if not path.exists():
        raise RunError(
            f"there is no baseline {path}; give a run folder or a file that `spatial-harness baseline` wrote"
        )
    about, rows = read_file(path)
    about["cells"] = {(cell.pop("suite"), cell.pop("model")): cell for cell in about["cells"]}
    return Baseline(path, about, rows)


def write_baseline(baseline: Baseline, path: Path) -> None:
    """Write the cells that were measured into one file, whole or not at all; its folders are made.

    Raises RunError for a run with --limit, for one that measured nothing, and where the disk refuses.
    """
    if (limit := baseline.about["limit"]) is not None:
        raise RunError(f"{baseline.path} was made with --limit {limit} and is no baseline: run it without")
    kept = {key: facts for key, facts in baseline.cells.items() if facts["status"] in MEASURED}
    keys = zip(baseline.rows["suite"], baseline.rows["model"], strict=True)
    rows = baseline.rows[[key in kept for key in keys]]
    if not len(rows):
        raise RunError(f"{baseline.path} has no rows that were answered: there is nothing to compare with")
    # a reason is of this machine
    cells = [{"suite": s, "model": m, **facts, "reason": ""} for (s, m), facts in kept.items()]
    write_file(path, {**baseline.about, "cells": cells}, rows)
