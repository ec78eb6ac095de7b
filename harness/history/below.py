"""The runs below a folder, in the order of their start; no row is read."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from harness.baseline import read_baseline
from harness.baseline_file import KEY
from harness.errors import HarnessError, RunError


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """One run: where it lies, when it began, of which commit."""

    path: Path
    started: str
    commit: str


def moments(folder: Path) -> tuple[list[Moment], dict[Path, str]]:
    """The runs by start, and why others are none of the history; no row is read."""
    runs: dict[tuple[str, str], Moment] = {}
    passed_over: dict[Path, str] = {}
    for path in candidates(folder):
        try:
            started, commit, limit = _head(path)
        except HarnessError as error:
            passed_over[path] = str(error)
            continue
        if limit is not None:
            passed_over[path] = f"a run with --limit {limit} is comparable with no other"
        elif same := runs.get((started, commit)):
            passed_over[path] = f"the same run as {same.path}"
        else:
            runs[started, commit] = Moment(path=path, started=started, commit=commit)
    return sorted(runs.values(), key=lambda run: run.started), passed_over


def candidates(folder: Path) -> Iterator[Path]:
    """Run folders, finished or not, and Parquet files beside them. Raises RunError if it is no folder."""
    if not folder.is_dir():
        raise RunError(f"{folder} is not a folder; give one that holds run folders, such as reports/")
    for place, below, files in os.walk(folder):
        here = Path(place)
        if "run.json" in files or (here / "shards" / "plan.json").is_file():
            below.clear()  # what lies in a run folder is its own
            yield here
        else:
            below.sort()
            yield from (here / name for name in sorted(files) if name.endswith(".parquet"))


def _head(path: Path) -> tuple[str, str, Any]:
    """When a run began, of which commit, and its limit. Raises RunError that says what is wrong with it."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        if path.is_dir():
            about = json.loads((path / "run.json").read_text(encoding="utf-8"))
            commit = (about.get("git") or {}).get("commit")
        else:
            about = json.loads(pq.read_schema(path).metadata[KEY])
            commit = about["commit"]
        return _moment(about["started"]), str(commit or ""), about.get("limit")
    except (OSError, ValueError, KeyError, TypeError, AttributeError, pa.ArrowException) as error:
        read_baseline(path)  # says what is wrong with it
        raise RunError(f"{path} does not say when it began ({error})") from error


def _moment(stamp: str) -> str:
    time = datetime.fromisoformat(stamp)
    return (time.replace(tzinfo=UTC) if time.tzinfo is None else time).astimezone(UTC).isoformat(timespec="seconds")
