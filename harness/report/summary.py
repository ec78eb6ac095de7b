"""A run in Markdown, for the step summary of CI: what was run, what became worse, numbers, and what did not run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from harness.gate import Gate, Verdict
from harness.points import interval, p_value, points
from harness.report import tables
from harness.report.markdown import Part, document, name, plain, row, table
from harness.report.numbers import Number, bare, metric_label
from harness.report.provenance import headline, moment
from harness.runs import Run

LIMIT = 1024 * 1024 - 1  # bytes; a step's summary of more than 1 MiB is not shown at all
FIRST = ("regressed", "not comparable", "improved", "unchanged")


def summary(run: Run, gate: Gate | None, limit: int = LIMIT) -> str:
    """The summary of a run in at most `limit` bytes; `gate` is what it said of the run, None where nobody asked it."""
    parts = [*_gated(run, gate), *_absent(run, "error"), *_leaderboard(run), *_absent(run, "skipped")]
    return document("\n".join(_head(run, gate)) + "\n", parts, limit)


def _head(run: Run, gate: Gate | None) -> Iterator[str]:
    told = headline(run.info)
    yield "## Do these models understand space?\n"
    counts = ", ".join(f"**{count}** {plain(status)}" for status, count in told.counts) or "nothing was run"
    yield f"{told.models} models on {told.suites} suites, {plain(told.when)}, {plain(told.commit)}: {counts}.\n"
    yield name(str(run.info.get("command") or "no recorded command"), 400) + "\n"
    if told.limit is not None:
        yield f"> [!WARNING]\n> **--limit {plain(str(told.limit))}: these numbers are not comparable.**\n"
    if gate is None:
        yield "Compared with no baseline: whether a model became worse is not known.\n"


def _gated(run: Run, gate: Gate | None) -> Iterator[Part]:
    if gate is None:
        return
    counts = Counter[str](verdict.verdict for verdict in gate.verdicts)
    told = ", ".join(f"**{counts[word]}** {word}" for word in FIRST if counts[word]) or "nothing to compare"
    baseline = f"{name(str(gate.baseline['path']))} ({plain(moment(gate.baseline['started']))}, "
    baseline += f"commit {plain(str(gate.baseline['commit'] or 'unknown')[:12])})"
    strict = "; what the baseline has and cannot be compared fails, too" if gate.strict else ""
    head = f"### Against the baseline\n\n{told}, of {baseline}: regressed is p ≤ {gate.alpha:g} by item after Holm's "
    head += f"correction and a drop of more than {_points(gate.min_effect)}{strict}.\n"
    if since := _unjudged(run, gate):
        head += f"\n**{len(since)} not compared**: measured since, without the baseline: {', '.join(since[:20])}"
        head += f" and {len(since) - 20:,} more.\n" if len(since) > 20 else ".\n"
    changed = [v for word in ("regressed", "improved") for v in gate.verdicts if v.verdict == word]
    if changed:
        columns = ("verdict", "suite", "model", ">before, %", ">after, %", ">difference", ">95 %", ">p, Holm", ">rows")
        lines = tuple((_verdict(verdict), 1) for verdict in changed)
        yield Part((head, *table(*columns, ">to wrong", ">to right")), lines)
    else:
        yield Part((head,), ())
    if refused := [verdict for verdict in gate.verdicts if verdict.verdict == "not comparable"]:
        lines = tuple((row(name(v.suite), name(v.model), name(v.reason, 300)), 1) for v in refused)
        yield Part(("#### Not comparable\n", *table("suite", "model", "why")), lines)


def _unjudged(run: Run, gate: Gate) -> list[str]:
    """Cells that passed and of which the gate says nothing."""
    said = {(v.suite, v.model) for v in gate.verdicts}
    passed = [cell for cell in run.info["cells"] if cell["status"] == "passed"]
    return [f"{name(c['suite'])} x {name(c['model'])}" for c in passed if (c["suite"], c["model"]) not in said]


def _points(share: float) -> str:
    return "1 point" if share == 0.01 else f"{100 * share:g} points"


def _verdict(it: Verdict) -> str:
    return row(
        f"**{it.verdict}**" if it.verdict == "regressed" else it.verdict,
        name(it.suite),
        name(it.model),
        *map(points, (it.before, it.after)),
        points(it.difference, signed=True),
        interval(it.low, it.high),
        plain(p_value(it.p_holm)),
        f"{it.n:,}",
        f"{len(it.to_wrong):,}",
        f"{len(it.to_right):,}",
    )


def _leaderboard(run: Run) -> Iterator[Part]:
    board = tables.board(run)
    models = [(standing, band.title) for band in board.bands for standing in band.standings]
    lines = tuple(
        (_value(head.suite, standing.model, number, place.status, title), 1)
        for i, head in enumerate(board.heads)
        for standing, title in models
        if (number := (place := standing.places[i]).number)
    )
    if lines:
        columns = ("suite", "model", "metric", ">value", ">95 %", ">chance", ">floor", ">rows", "remarks")
        yield Part(("### Leaderboard\n", *table(*columns)), lines)


def _value(suite: str, model: str, number: Number, status: str, band: str) -> str:
    remarks = [*(["**regressed**"] if status == "regressed" else []), *map(plain, number.marks)]
    if band in (tables.CALIBRATION, tables.CONTROLS):
        remarks.append("control" if band == tables.CONTROLS else "calibration model")
    value, interval = bare(number.value, number.metric), number.interval
    bounds = (bare(bound, number.metric) for bound in (number.chance, number.floor))
    metric = plain(metric_label(number.metric), 80)
    return row(name(suite), name(model), metric, f"**{value}**", interval, *bounds, f"{number.n:,}", ", ".join(remarks))


def _absent(run: Run, status: str) -> Iterator[Part]:
    lines = tuple(_lines([absence for absence in tables.absences(run) if absence.status == status]))
    if lines:
        title = "### Failed\n" if status == "error" else "### Skipped\n"
        yield Part((title, *table("why", "suite", "models")), lines)


def _lines(absences: Sequence[tables.Absence]) -> Iterator[tuple[str, int]]:
    """A line a reason and suite, its models shortened where they are many."""
    for absence in absences:
        for suite, models in absence.cells:
            more = f" and {len(models) - 20:,} more" if len(models) > 20 else ""
            yield row(name(absence.reason, 300), name(suite), ", ".join(map(name, models[:20])) + more), len(models)


def badge(run: Run, gate: Gate | None) -> dict[str, Any]:
    """The answer of a shields.io endpoint, by the schema of shields.io/badges/endpoint-badge.

    Green only where something was compared, all of it, and nothing failed or became worse.
    """
    statuses = Counter(cell["status"] for cell in run.info["cells"])
    verdicts = Counter(verdict.verdict for verdict in gate.verdicts) if gate else Counter()
    regressed = max(statuses["regressed"], verdicts["regressed"])
    compared = verdicts["improved"] + verdicts["unchanged"]
    bad = [f"{regressed} regressed"] * bool(regressed) + [f"failed: {statuses['error']}"] * bool(statuses["error"])
    if gate and (lost := len(set(gate.failing) - set(gate.broken)) - verdicts["regressed"]):  # where it is strict
        bad.append(f"{lost} not comparable")
    if not bad and not statuses["passed"]:
        bad = ["nothing measured"]
    if bad:
        return _badge(", ".join(bad), "red", isError=True)
    if run.info.get("limit") is not None:
        return _badge("not comparable: --limit", "lightgrey")
    if not compared:
        return _badge("nothing compared", "lightgrey")
    since = len(_unjudged(run, gate)) if gate else 0
    missed = {"not comparable": verdicts["not comparable"], "not compared": since}
    if told := [f"{count} {word}" for word, count in missed.items() if count]:
        return _badge(f"no regression, {', '.join(told)}", "yellow")
    better = f", {verdicts['improved']} improved" if verdicts["improved"] else ""
    return _badge(f"no regression{better}", "brightgreen")


def _badge(message: str, color: str, **more: Any) -> dict[str, Any]:
    return {"schemaVersion": 1, "label": "spatial", "message": message, "color": color, **more}
