"""`compare A B`: is B worse than A?"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path

from harness.baseline import read_baseline
from harness.gate import FORMAT, Gate, compare, min_effect_of
from harness.report import verdicts


def run(*, before: Path, after: Path, min_effect: float, strict: bool, form: str) -> int:
    """Print the verdicts. Raises RunError.

    1 where a cell regressed or failed, none could be compared, or, if `strict`, one could not.
    """
    gate = compare(read_baseline(before), read_baseline(after), min_effect_of(min_effect), strict)
    shown = {"text": verdicts.text, "markdown": verdicts.markdown, "json": _json}[form](gate)
    sys.stdout.write(shown + "\n")
    return int(bool(gate.failing or gate.broken or gate.blind))


def _json(gate: Gate) -> str:
    return json.dumps({"format": FORMAT, **asdict(gate)}, indent=1, allow_nan=False)
