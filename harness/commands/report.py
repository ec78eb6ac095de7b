"""`report RUN`: from shards to page, for a run that was killed or a page that is to be drawn again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from harness.across import write_comparisons
from harness.baseline import of_run, read_baseline
from harness.errors import RunError
from harness.gate import compare, min_effect_of, write_verdicts
from harness.report import render, verdicts, write_figures
from harness.runs import mark, merge, read_run
from harness.shards import read_plan


def run(*, folder: Path, baseline: Path | None = None, min_effect: float = 1.0, figures: Path | None = None) -> int:
    """Merge what the run's workers left, where they left something, and write the page; and its figures, apart.

    With a baseline the run is judged again; without, the verdicts that are there stay. Raises RunError.
    """
    if not folder.is_dir():
        raise RunError(f"{folder} is not a folder; give the folder of a run, such as one below reports/")
    if (folder / "shards" / "plan.json").is_file():
        merge(folder, **_end(folder))
        write_comparisons(folder)
    if baseline is not None:
        print(*_judged(folder, baseline, min_effect_of(min_effect)), sep="\n")
    print(render(folder))
    if figures is not None:
        print(write_figures(folder, figures))
    return 0


def _judged(folder: Path, baseline: Path, min_effect: float) -> list[str]:
    if baseline.resolve() == folder.resolve():
        raise RunError(f"--baseline and RUN are both {folder}: a run is not compared with itself")
    gate = compare(read_baseline(baseline), of_run(read_run(folder)), min_effect)
    write_verdicts(folder, gate)
    mark(folder)
    return verdicts.lines(gate)


def _end(folder: Path) -> dict[str, Any]:
    """When the run finished, if it did; merging again must not forget it, nor lend it to a resumed run."""
    try:
        before = json.loads((folder / "run.json").read_text(encoding="utf-8"))
        same = before["started"] == read_plan(folder)[0].get("started")
        return {"finished": before["finished"]} if same else {}
    except (OSError, ValueError, KeyError, TypeError):
        return {}
