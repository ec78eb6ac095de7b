"""`export-eval-results RUN --model NAME`: a model's numbers in the hub's format of evaluation results."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

import yaml

from harness.errors import DataError
from harness.report.eval_results import export, tasks
from harness.report.inline import visible
from harness.runs import read_run


def run(*, folder: Path, model: str, task: list[str], source: str | None, out: Path) -> int:
    """Write `.eval_results/spatial-harness.yaml` below `out`, and say what is not in it.

    Raises ConfigError, RunError; DataError where nothing is left to write.
    """
    found = export(read_run(folder), model, tasks(task), source)
    for reason, suites in _by_reason(found.left_out).items():
        print(visible(f"left out: {', '.join(suites)}: {reason}"))
    if not found.entries:
        raise DataError(
            f"nothing of {model} can be exported: {len(found.left_out)} suites were left out, as said above"
        )
    path = out / ".eval_results" / "spatial-harness.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(list(found.entries), sort_keys=False, allow_unicode=True), encoding="utf-8")
    print(f"{model}: {len(found.entries)} in {path}; `hf upload ORG/MODEL {out} --create-pr` proposes them")
    return 0


def _by_reason(left_out: Mapping[str, str]) -> Mapping[str, list[str]]:
    suites: dict[str, list[str]] = defaultdict(list)
    for suite, reason in sorted(left_out.items()):
        suites[reason].append(suite)
    return suites
