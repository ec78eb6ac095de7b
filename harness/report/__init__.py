"""The page: a run folder in, one self-contained index.html out."""

from harness.report.page import render

__all__ = ["render"]
