"""`report RUN`: from shards to page, for a run that was killed or a page that is to be drawn again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from harness.across import write_comparisons
from harness.errors import RunError
from harness.report import render, write_figures
from harness.runs import merge, read_plan


def run(*, folder: Path, figures: Path | None = None) -> int:
    """Merge what the run's workers left, where they left something, and write the page; and its figures, apart."""
    if not folder.is_dir():
        raise RunError(f"{folder} is not a folder; give the folder of a run, such as one below reports/")
    if (folder / "shards" / "plan.json").is_file():
        merge(folder, **_end(folder))
        write_comparisons(folder)
    print(render(folder))
    if figures is not None:
        print(write_figures(folder, figures))
    return 0


def _end(folder: Path) -> dict[str, Any]:
    """When the run finished, if it did; merging again must not forget it, nor lend it to a resumed run."""
    try:
        before = json.loads((folder / "run.json").read_text(encoding="utf-8"))
        same = before["started"] == read_plan(folder)[0].get("started")
        return {"finished": before["finished"]} if same else {}
    except (OSError, ValueError, KeyError, TypeError):
        return {}
