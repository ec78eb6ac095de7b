"""`calibrate --sweep`: train and ask the models of the study of training data, into a run folder like any other."""

from __future__ import annotations

import contextlib
import json
import shlex
import sys
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from typing import Any

from harness.calibration import sweep as study
from harness.calibration.corpus import make_corpus, make_pool
from harness.calibration.train import Recipe
from harness.commands.training import find_device, follow, long_enough, machine, make_folder
from harness.errors import ConfigError, RunError
from harness.provenance import describe
from harness.report import render
from harness.runs import merge, read_run
from harness.shards import Cell, Shard, read_cells, read_plan, write_plan


def run(out: Path | None, seed: int, steps: int | None, work: Path, device: str | None) -> int:
    """Measure what the folder does not hold yet, and write its page. Raises ConfigError, StoreError, RunError."""
    recipe = long_enough(Recipe(steps=study.STEPS if steps is None else steps, seed=seed))
    where, folder = find_device(device), _run_folder(out, study.recipe_key(recipe))
    write_plan(folder, _run_facts(recipe, where), list(product(study.ASKED, (point.model for point in study.POINTS))))
    ended: dict[str, str] = {}
    try:
        _measure_points(recipe, folder, work, where)
        ended = {"finished": _now()}
    finally:  # what was measured before Ctrl-C can be read too
        merge(folder, **ended)
        page = render(folder)
    (folder / study.MEASURED).write_text(json.dumps(study.study(read_run(folder)), indent=1) + "\n", encoding="utf-8")
    print(f"page: {page}")
    return 0


def _measure_points(recipe: Recipe, folder: Path, work: Path, device: str) -> None:
    """Train and ask every model of the study that the run folder does not hold yet."""
    done = {name for name, cell in read_cells(folder).items() if cell.status == "passed"}
    left = [point for point in study.POINTS if any((suite, point.model) not in done for suite in study.ASKED)]
    if not left:
        return
    corpus, pools = make_corpus(study.SCENES), [make_pool(preset, "val") for preset in study.SCENES]
    for point in left:
        made = follow(point.variant, recipe, corpus, pools, work, device)
        # each suite bears its part of the time, so that the run's total is right
        stats = {"seconds": round(made.seconds / len(study.ASKED), 1), "steps": made.steps}
        for suite, found in study.ask(made.training.model, made.training.tokenizer).items():
            cell = Cell(suite=suite, model=point.model, status="passed", findings=found, stats=stats)
            Shard(folder, "sweep").append(cell)


def _run_folder(out: Path | None, key: str) -> Path:
    """An empty folder for the study, or one with a part of the same. Raises ConfigError."""
    folder = make_folder(out or Path("training-sweep"))
    if any(folder.iterdir()):
        with contextlib.suppress(RunError):
            if read_plan(folder)[0].get("sweep", {}).get("key") == key:
                return folder
        raise ConfigError(f"{folder} is not empty and holds no sweep of this recipe and seed; choose another --out")
    return folder


def _run_facts(recipe: Recipe, device: str) -> dict[str, Any]:
    models = [{"name": point.model, "family": "dual", "tags": []} for point in study.POINTS]
    return {
        "command": shlex.join(["spatial-harness", *sys.argv[1:]]),
        "started": _now(),
        **describe([], None, Path.cwd()),
        "models": models,
        "sweep": {**study.plan(recipe), **machine(device)},
    }


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
