"""A model's numbers as the hub's evaluation results: entries of `.eval_results/*.yaml` in the model's repository.

The format is that of huggingface.co/docs/hub/eval-results (specification: eval_results.yaml of huggingface/hub-docs):
a dataset that is registered as a benchmark, one of the tasks that its eval.yaml defines, and a value. Which benchmark
and task a suite belongs to is nothing that a run can know, so each is given.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from harness.errors import ConfigError, RunError
from harness.models import nearest
from harness.report import tables
from harness.report.numbers import Number
from harness.runs import Run

_TASK = re.compile(r"(?P<suite>[^=]+)=(?P<dataset>[\w.-]+/[\w.-]+):(?P<task>[^\s:]+)")
CHANGED = "not the published bytes"  # how a note begins where data files are others than the pinned ones


@dataclass(frozen=True, slots=True)
class Task:
    """A task of a benchmark on the hub: the dataset's id, and the task's in its eval.yaml."""

    dataset: str
    task: str


@dataclass(frozen=True, slots=True)
class Export:
    """Entries as plain values, and why each suite that is not among them was left out."""

    entries: tuple[Mapping[str, Any], ...]
    left_out: Mapping[str, str]


def tasks(words: list[str]) -> dict[str, Task]:
    """Read SUITE=ORG/DATASET:TASK, one a suite. Raises ConfigError."""
    found: dict[str, Task] = {}
    for word in words:
        read = _TASK.fullmatch(word)
        if not read:
            raise ConfigError(f"--task {word!r} is not SUITE=ORG/DATASET:TASK, as in aro-relation=my-org/aro:relation")
        if read["suite"] in found:
            raise ConfigError(f"suite {read['suite']} has two tasks: give --task once for each suite")
        found[read["suite"]] = Task(read["dataset"], read["task"])
    return found


def export(run: Run, model: str, tasks: Mapping[str, Task], source: str | None = None) -> Export:
    """The headline number of every suite that ended for the model and has a task; `source` is where the page is.

    Raises RunError for a run with --limit, ConfigError where the model or a suite is not in the run.
    """
    if run.info.get("limit") is not None:
        raise RunError(f"{run.path} is a run with --limit {run.info['limit']}: its numbers are not comparable")
    cells = {cell["suite"]: cell for cell in run.info["cells"] if cell["model"] == model}
    known = sorted({cell["model"] for cell in run.info["cells"]})
    if model not in known:
        raise ConfigError(f"{run.path} has no model {model!r}; {nearest(model, known)}")
    for suite in tasks:
        if suite not in cells:
            raise ConfigError(f"--task names suite {suite!r}, which was not asked; {nearest(suite, sorted(cells))}")
    numbers = _headlines(run, model)
    why = {suite: _refusal(suite, cell, numbers.get(suite), tasks) for suite, cell in cells.items()}
    entries = tuple(_entry(run, numbers[suite], tasks[suite], source) for suite, reason in why.items() if not reason)
    return Export(entries, {suite: reason for suite, reason in why.items() if reason})


def _headlines(run: Run, model: str) -> dict[str, Number]:
    board = tables.board(run)
    [places] = [s.places for band in board.bands for s in band.standings if s.model == model]
    found = zip(board.heads, places, strict=True)
    return {head.suite: place.number for head, place in found if place.number and place.number.value is not None}


def _refusal(suite: str, cell: Mapping[str, Any], number: Number | None, tasks: Mapping[str, Task]) -> str:
    """Why a suite is left out; empty where it is not."""
    if cell["status"] not in ("passed", "regressed"):
        return f"{cell['status']}: {cell.get('reason') or 'no reason was recorded'}"
    if number is None:
        return "it has no number over all its rows"
    if CHANGED in number.note:
        return f"its data are {CHANGED}"
    if suite not in tasks:
        return "no benchmark of the hub is named for it (--task SUITE=ORG/DATASET:TASK)"
    return ""


def _entry(run: Run, number: Number, task: Task, source: str | None) -> Mapping[str, Any]:
    from huggingface_hub import EvalResultEntry, eval_result_entries_to_yaml

    entry = EvalResultEntry(
        dataset_id=task.dataset,
        task_id=task.task,
        value=number.value,
        dataset_revision=_revision(run.info, task.dataset),
        date=_date(run.info),
        source_url=source,
        source_name="spatial-harness" if source else None,
        notes="; ".join(_notes(run, number)),
    )
    [plain] = eval_result_entries_to_yaml([entry])
    return plain


def _notes(run: Run, number: Number) -> Iterator[str]:
    """What the value is, in words: the format has no field for it."""
    yield f"{number.metric} over {number.n} rows"
    if number.low is not None and number.high is not None:
        yield f"95 % interval {number.low:.4f} to {number.high:.4f} (bootstrap over groups)"
    if number.chance is not None:
        yield f"chance {number.chance:.4f}"
    yield from number.marks
    git = run.info.get("git") or {}
    dirty = " with uncommitted changes" if git.get("dirty") else ""
    version = (run.info.get("packages") or {}).get("spatial-harness", "of unknown version")
    yield f"suite {number.suite} of spatial-harness {version}, commit {git.get('commit') or 'unknown'}{dirty}"


def _revision(info: Mapping[str, Any], dataset: str) -> str | None:
    """The commit at which the run read the dataset, where it read it from the hub."""
    said = {str(facts.get("source", "")) for facts in (info.get("data") or {}).values() if isinstance(facts, Mapping)}
    found = {word.removeprefix(f"{dataset}@") for word in said if word.startswith(f"{dataset}@")}
    return found.pop() if len(found) == 1 else None


def _date(info: Mapping[str, Any]) -> str | None:
    try:
        return datetime.fromisoformat(str(info.get("finished") or info.get("started"))).isoformat()
    except ValueError:
        return None
