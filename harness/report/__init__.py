"""The page: a run folder in, one self-contained index.html out."""

from harness.report.figures import write_figures
from harness.report.page import render

__all__ = ["render", "write_figures"]
