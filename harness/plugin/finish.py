"""The end of a run: shards become the run folder, the run folder a page, and the terminal says both."""

from __future__ import annotations

import datetime
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.across import write_comparisons
from harness.baseline import MEASURED
from harness.errors import HarnessError
from harness.plugin.session import KEY, shared_facts
from harness.report import render
from harness.runs import merge
from harness.shards import Cell, latest_cells

LINES = pytest.StashKey[list[str]]()
CELLS = pytest.StashKey[list[Cell]]()


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Merge and render, once, in the process that has no parent; a run that measured nothing fails."""
    config = session.config
    run = run_folder(config)
    if run is None:
        return
    lines = config.stash[LINES]
    try:
        cells, asked = merged(config, run), latest_cells(run)
        lines[:0] = _summary(cells)
        write_comparisons(run)
        lines.append(f"page: {render(run)}")
    except (HarnessError, OSError) as error:
        lines.append(f"the run folder could not be finished: {error}")
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        return
    mine = [cell for cell in cells if (cell.suite, cell.model) in asked]
    if session.exitstatus == pytest.ExitCode.OK and not any(cell.status in MEASURED for cell in mine):
        lines.append("nothing was evaluated: every suite x model was skipped")
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def run_folder(config: pytest.Config) -> Path | None:
    """The run folder to finish, in the process that has no parent; None where there is nothing to finish."""
    if hasattr(config, "workerinput") or not _took_part(config):
        return None
    run = Path(shared_facts(config)["run"])
    if not (run / "shards" / "plan.json").exists():
        return None
    config.stash.setdefault(LINES, [])
    return run


def merged(config: pytest.Config, run: Path) -> list[Cell]:
    """The cells of the run, merged when they are first asked for. Raises RunError."""
    if CELLS not in config.stash:
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        config.stash[CELLS] = merge(run, finished=now)
    return config.stash[CELLS]


def restate(cells: list[Cell], states: Mapping[tuple[str, str], Mapping[str, Any]]) -> None:
    """Give merged cells the status that the gate has put into run.json."""
    told = [states[cell.suite, cell.model] for cell in cells]
    cells[:] = [replace(c, status=s["status"], reason=s["reason"]) for c, s in zip(cells, told, strict=True)]


def _took_part(config: pytest.Config) -> bool:
    """Whether suites were collected here, or may have been by workers."""
    return KEY in config.stash or config.pluginmanager.hasplugin("dsession")  # xdist's, however it was asked for


def _summary(cells: list[Cell]) -> list[str]:
    counts: dict[str, int] = defaultdict(int)
    reasons: dict[tuple[str, str], dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for cell in cells:
        counts[cell.status] += 1
        if cell.status != "passed":
            reasons[cell.status, cell.reason][cell.suite].append(cell.model)
    lines = [", ".join(f"{count} {status}" for status, count in sorted(counts.items()))]
    for (status, reason), suites in sorted(reasons.items()):
        lines.append(f"{status}: {reason}")
        lines += [f"    {suite}: {', '.join(models)}" for suite, models in suites.items()]
    return lines


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """What ran, what did not and why, and where the page lies."""
    lines = config.stash.get(LINES, [])
    if lines:
        terminalreporter.section("spatial-harness")
        for line in lines:
            terminalreporter.write_line(line)
