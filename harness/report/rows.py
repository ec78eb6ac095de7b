"""The browser over rows."""

from __future__ import annotations

from typing import Any

from harness.runs import Run


def section(run: Run) -> Any:
    """What the browser shows; None where the run kept no rows."""
    return None
