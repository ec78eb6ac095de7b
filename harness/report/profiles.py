"""All about one model."""

from __future__ import annotations

from typing import Any

from harness.report.tables import Board
from harness.runs import Run


def sections(run: Run, shown: Board) -> list[Any]:
    """A profile of each model, in the order of the leaderboard."""
    return []
