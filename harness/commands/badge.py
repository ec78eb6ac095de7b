"""`badge RUN`: one line of JSON from which shields.io draws a badge."""

from __future__ import annotations

import json
from pathlib import Path

from harness.gate import read_verdicts
from harness.report.summary import badge
from harness.runs import read_run


def run(*, folder: Path, out: Path | None) -> int:
    """Write the badge to a file, or to stdout. Raises RunError."""
    text = json.dumps(badge(read_run(folder), read_verdicts(folder)))
    if out:
        out.write_text(text + "\n", encoding="utf-8")
    else:
        print(text)
    return 0
