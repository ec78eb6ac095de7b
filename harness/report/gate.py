"""What the gate said of a run, and which rows turned."""

from __future__ import annotations

from typing import Any

from harness.runs import Run


def section(run: Run) -> Any:
    """What the comparison shows; None where the run was compared with no baseline."""
    return None
