"""Differences as they are read: percentage points, their interval, and p."""

from __future__ import annotations

DASH = "–"


def points(share: float | None, signed: bool = False) -> str:
    """A share as percentage points; a dash where there is none."""
    if share is None:
        return DASH
    return f"{100 * share:+.1f}" if signed else f"{100 * share:.1f}"


def interval(low: float | None, high: float | None) -> str:
    """The interval of a difference in percentage points; a dash where there is none."""
    return DASH if low is None or high is None else f"[{points(low, signed=True)}, {points(high, signed=True)}]"


def p_value(p: float | None) -> str:
    """A p to four digits, and never as 0; a dash where there is none."""
    if p is None:
        return DASH
    return "<0.0001" if p < 0.0001 else f"{p:.4f}"
