"""One suite x model: skipped with a reason, resumed from the run folder, or run and recorded."""

from __future__ import annotations

import functools
import sys
import time
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from harness import browse, encode, explore, sources
from harness.baseline import settings
from harness.encode import Model
from harness.errors import HarnessError, ScoreError, Unavailable
from harness.plugin.collect import cell_key, is_cell, model_of, suite_of
from harness.plugin.junit import numbers
from harness.plugin.session import Session, session_of
from harness.results import Findings
from harness.shards import Cell, Status

FOUND = pytest.StashKey[list[Findings]]()


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run a suite x model and append what came of it to this process's shard."""
    if not is_cell(pyfuncitem):
        return None
    run, model = session_of(pyfuncitem.config), cast(Model, pyfuncitem.funcargs["model"])
    started, before = time.monotonic(), dict(model.stats)
    sources.used.clear()
    encode.read.clear()
    run.asked.sets.clear()
    cell = _attempt(run, model, pyfuncitem)
    if cell is None:
        done = run.done[suite_of(pyfuncitem).name, model.spec.name]  # type: ignore[union-attr]
        pyfuncitem.user_properties += [("resumed", run.run.name), *numbers(done.findings)]
        return True
    pyfuncitem.user_properties += numbers(cell.findings)
    stats: dict[str, Any] = {name: value - before.get(name, 0) for name, value in model.stats.items()}
    stats |= {
        "seconds": round(time.monotonic() - started, 3),
        **peak_memory(),
        "weights": model.__dict__.get("origin", ""),
        "settings": settings(model.spec),
        "data": dict(sources.used),
        "pictures": encode.read_digest(),
    }
    try:
        stats["rows"] = run.asked.told(run.run) if cell.findings else []
        run.shard.append(replace(cell, stats=stats))
    except HarnessError as error:
        pytest.fail(str(error), pytrace=False)
    if cell.status == "skipped":
        pytest.skip(cell.reason)
    if cell.status == "error":
        pytest.fail(cell.reason, pytrace=False)
    return True


def _attempt(run: Session, model: Model, item: pytest.Function) -> Cell | None:
    """What came of it, or None where the run folder has it already; an unforeseen error goes on up."""
    suite = suite_of(item)
    assert suite is not None
    cell = functools.partial(Cell, suite=suite.name, model=model.spec.name)
    if not set(suite.needs) & model.capabilities:
        return cell(status="skipped", reason=f"{model.spec.name} has no {' or '.join(suite.needs)}")
    try:
        key = cell_key(run, suite, item, model.fingerprint)
        done = run.done.get((suite.name, model.spec.name))
        if done and done.key == key and _still_holds(done, run.run):
            return None
        return cell(status="passed", key=key, findings=_run(item))
    except Unavailable as error:
        return cell(status="skipped", reason=str(error))
    except HarnessError as error:
        return cell(status="error", reason=str(error))
    except pytest.skip.Exception as error:
        return cell(status="skipped", reason=str(error.msg))
    except (Exception, pytest.fail.Exception) as error:
        # what was measured before a suite's own assertion failed is what the reader needs to see
        reason, found = f"{type(error).__name__}: {error}", _recorded(item)
        run.shard.append(cell(status="error", reason=reason, findings=found))
        item.user_properties += numbers(found)
        raise


def _still_holds(done: Cell, run: Path) -> bool:
    """Whether a cell's data files are as they were, its rows described, and no picture missing that may be here now."""
    files = done.stats.get("data", {}).values()
    same = all(Path(f["file"]).is_file() and sources.file_digest(Path(f["file"])) == f["sha256"] for f in files)
    asked = [one["set"] for one in done.stats.get("rows", ())]
    same = same and all(of(run, name).exists() for name in asked for of in (explore.path_of, browse.path_of))
    return same and not any(o.correct is None for o in (done.findings.outcomes if done.findings else ()))


def _run(item: pytest.Function) -> Findings:
    item.stash[FOUND] = []
    item.obj(**{name: item.funcargs[name] for name in item._fixtureinfo.argnames})
    whole = _recorded(item)
    if whole is None:
        raise ScoreError("the suite recorded nothing: it must call record(…)")
    changed = [name for name, facts in sources.used.items() if not facts["as_pinned"]]
    return whole.noted(f"not the published bytes: {', '.join(changed)}") if changed else whole


def _recorded(item: pytest.Function) -> Findings | None:
    found = item.stash[FOUND]
    if not found:
        return None
    return Findings(
        tuple(r for f in found for r in f.results),
        tuple(o for f in found for o in f.outcomes),
        {name: array for f in found for name, array in f.arrays.items()},
        {name: fact for f in found for name, fact in f.about.items()},
    )


def peak_memory() -> dict[str, float]:
    """The most memory this process, and its GPU, have held, in MiB."""
    peak: dict[str, float] = {}
    try:
        import resource

        unit = 2**20 if sys.platform == "darwin" else 2**10
        peak["peak_mb"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit, 1)
    except ImportError:
        pass  # Windows keeps no such record
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available() and torch.cuda.is_initialized():
        peak["gpu_peak_mb"] = round(torch.cuda.max_memory_allocated() / 2**20, 1)
    return peak


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[Any]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Write down cells that fail before their suite is called: a fixture that raised."""
    report = yield
    if report.when == "setup" and not report.passed and is_cell(item) and call.excinfo is not None:
        suite = suite_of(item)
        assert suite is not None
        status: Status = "skipped" if report.skipped else "error"
        reason = f"{call.excinfo.typename}: {call.excinfo.value}" if status == "error" else str(call.excinfo.value)
        session_of(item.config).shard.append(
            Cell(suite=suite.name, model=model_of(item).name, status=status, reason=reason)
        )
    return report
