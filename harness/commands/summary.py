"""`summary RUN`: the run in Markdown, small enough for the step summary of GitHub Actions."""

from __future__ import annotations

import sys
from pathlib import Path

from harness.gate import read_verdicts
from harness.report.summary import summary
from harness.runs import read_run


def run(*, folder: Path, out: Path | None) -> int:
    """Write the summary to a file, or to stdout. Raises RunError."""
    text = summary(read_run(folder), read_verdicts(folder)).encode()
    if out:
        out.write_bytes(text)
    else:
        sys.stdout.buffer.write(text)
        sys.stdout.flush()
    return 0
