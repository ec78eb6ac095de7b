"""`--baseline`: read before anything is loaded, judged when all cells are there, failed like any other test.

The correction after Holm needs every p, so that no test can know its verdict while it runs: the process that has no
parent judges at the end, and hands pytest a failing report for each cell that regressed.
"""

from __future__ import annotations

import os
from collections.abc import Generator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from harness.baseline import Baseline, of_run, read_baseline
from harness.errors import HarnessError
from harness.gate import Gate, Verdict, compare, min_effect_of, write_verdicts
from harness.plugin import finish, junit
from harness.plugin.session import shared_facts
from harness.report import verdicts
from harness.runs import mark, read_run
from harness.shards import latest_nodes

Cell = tuple[str, str]


def register(config: pytest.Config) -> None:
    """Read the baseline where one is given. Raises UsageError where it is refused; workers judge nothing."""
    given = config.getoption("harness_baseline", None)
    if given is None or hasattr(config, "workerinput"):
        return
    path = Path(config.invocation_params.dir) / Path(given).expanduser()
    if path.resolve() == Path(shared_facts(config)["run"]).resolve():
        raise pytest.UsageError(f"--baseline and --run-dir are both {path}: a run is not compared with itself")
    try:
        least, before = min_effect_of(config.getoption("harness_min_effect")), read_baseline(path)
    except HarnessError as error:
        raise pytest.UsageError(verdicts.plain(str(error))) from None
    config.pluginmanager.register(
        Gated(config, replace(before, path=Path(given)), least, strict(config)), "spatial-harness-gate"
    )


def strict(config: pytest.Config) -> bool:
    """Whether pytest's own `--strict` is on: a setting that it turns on since pytest 9, an option before."""
    try:
        return bool(config.getini("strict"))
    except ValueError:
        return bool(config.getoption("strict", False))


@dataclass(eq=False)  # pytest keeps plugins in sets
class Gated:
    """A session with a baseline; `reports` has each test's last report, `passed` the tests whose call did."""

    config: pytest.Config
    before: Baseline
    min_effect: float
    strict: bool
    reports: dict[str, pytest.TestReport] = field(default_factory=dict)
    passed: set[str] = field(default_factory=set)
    nodes: dict[Cell, str] = field(default_factory=dict)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Remember how a test ended, in this process, in a worker or with it."""
        if report.when == "call" or not report.passed:
            self.reports[report.nodeid] = report
        if report.when == "call" and report.passed:
            self.passed.add(report.nodeid)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Generator[None, object, object]:
        """Judge before anybody counts failures, and complete the file of --junitxml once it is written."""
        judged = self._judge(session)
        outcome = yield
        written = self.config.getoption("xmlpath", None)
        if judged and written and (path := _expanded(written)).is_file():
            junit.annotate(path, judged.verdicts)
        return outcome

    def _judge(self, session: pytest.Session) -> Gate | None:
        run = finish.run_folder(self.config)
        if run is None or self.config.getoption("collectonly"):
            return None
        try:
            cells = finish.merged(self.config, run)
        except (HarnessError, OSError):
            return None  # the end of the run meets the same error, and says it
        lines = self.config.stash[finish.LINES]
        try:
            self.nodes = {cell: node for node, cell in latest_nodes(run).items()}
            after = of_run(read_run(run))
            judged = compare(self.before, replace(after, stale=self._stale(after)), self.min_effect, self.strict)
            write_verdicts(run, judged)
            states = {(cell["suite"], cell["model"]): cell for cell in mark(run)}
        except HarnessError as error:
            lines.append(f"the run could not be compared with its baseline: {error}")
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
            return None
        finish.restate(cells, states)
        lines += verdicts.lines(judged, ("not comparable",))  # what regressed is said already
        for verdict in judged.failing:
            self._fail(session, verdict)
        if judged.blind:
            _fails(session)
        return judged

    def _stale(self, run: Baseline) -> dict[Cell, str]:
        """The cells that this session asked for and neither measured nor found measured, and why; and older ones."""
        older = {cell: why for cell, why in run.stale.items() if cell not in self.nodes}
        mine = {cell: node for cell, node in self.nodes.items() if node not in self.passed}
        return older | {cell: _why(self.reports.get(node)) for cell, node in mine.items()}

    def _fail(self, session: pytest.Session, verdict: Verdict) -> None:
        """Let a cell fail in all that pytest counts and writes, once."""
        key = verdict.suite, verdict.model
        before = self.reports.get(self.nodes.get(key, ""))
        if before is not None and before.failed:
            return
        reporter: Any = self.config.pluginmanager.get_plugin("terminalreporter")
        if reporter is not None:
            reporter.ensure_newline()
        if before is not None and reporter is not None:  # what passed or was skipped is not counted beside its failure
            for counted in (reporter.stats.get(word, []) for word in ("passed", "skipped")):
                counted[:] = [report for report in counted if report.nodeid != before.nodeid]
        for report in _failure(verdict, before):
            self.config.hook.pytest_runtest_logreport(report=report)
        _fails(session)


def _fails(session: pytest.Session) -> None:
    if session.exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def _why(report: pytest.TestReport | None) -> str:
    """Why a test measured nothing, by its report."""
    if report is None:
        return "the run was stopped before it"
    told = report.longrepr
    if report.skipped and isinstance(told, tuple):
        return f"skipped: {told[2].removeprefix('Skipped: ')}"
    return f"failed: {(report.longreprtext.splitlines() or ['no reason given'])[-1]}"


class Reason(str):
    """Why a cell fails, which is all that there is to tell; pytest before 9 takes what it lists from `reprcrash`."""

    @property
    def reprcrash(self) -> Reason:  # noqa: D102
        return self

    @property
    def message(self) -> str:  # noqa: D102
        return str(self)


def _failure(verdict: Verdict, before: pytest.TestReport | None) -> list[pytest.TestReport]:
    """The reports of a cell that fails: its call, and the teardown at which JUnit's file reads properties.

    A cell that this session did not ask for is named by suite and model.
    """
    nodeid = before.nodeid if before else f"{verdicts.plain(verdict.suite)}[{verdict.model}]"
    label = "" if verdict.verdict == "regressed" else "not comparable with the baseline (--strict): "
    common: dict[str, Any] = {
        "nodeid": nodeid,
        "location": before.location if before else (nodeid, None, nodeid),
        "keywords": {},
        "user_properties": [("suite", verdict.suite), ("model", verdict.model)],
    }
    failed = pytest.TestReport(
        **common, outcome="failed", longrepr=Reason(label + verdicts.plain(verdict.reason)), when="call"
    )
    return [failed, pytest.TestReport(**common, outcome="passed", longrepr=None, when="teardown")]


def _expanded(path: str) -> Path:
    return Path(os.path.expandvars(path)).expanduser()
