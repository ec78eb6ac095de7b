"""`history DIR`: what each suite × model got over all runs in a folder, and where it changed."""

from __future__ import annotations

import sys
from pathlib import Path

from harness.history import History, read_history
from harness.report.history import lines, write_history
from harness.report.inline import visible

HEAD = ("run", "commit", "suite", "model", "step", "credit, %", "difference", "95 %", "p, Holm", "rows")


def run(*, folder: Path, out: Path) -> int:
    """Write the page, print the significant steps, and name what could not be read. Raises RunError."""
    history = read_history(folder)
    for path, reason in history.passed_over.items():
        print(visible(f"passed over: {path}: {reason}"), file=sys.stderr)
    write_history(history, out)
    gaps = history.steps("not comparable")
    print(f"{len(history.runs)} runs, {len(history.cells)} suites x models, {len(gaps)} steps that cannot be compared")
    print(_table(history))
    print(f"page: {out}")
    return 0


def _table(history: History) -> str:
    found = [
        tuple(
            map(
                visible,
                (s.when, s.commit, s.suite, s.model, s.verdict, s.value, s.difference, s.interval, s.p, str(s.n)),
            )
        )
        for s in lines(history, "regressed", "improved")
    ]
    if not found:
        return "no significant step"
    rows = [HEAD, *found]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in rows)
