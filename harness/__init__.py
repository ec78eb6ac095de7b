"""Evaluation of spatial understanding in vision-language and text-embedding models.

A suite imports from here: where rows come from, and how scores become findings.
"""

from harness.calibration.exam import examine
from harness.data.vsr import vsr
from harness.measure.choice import caption_choice
from harness.measure.prior import marginalised, reference_rows
from harness.measure.probe import grouped_probe, paper_probe
from harness.results import Findings, Result
from harness.rows import ChoiceRow, Row, Scores
from harness.scenes import scene_choices, scene_rows

__version__ = "0.1.0"

__all__ = [
    "ChoiceRow",
    "Findings",
    "Result",
    "Row",
    "Scores",
    "caption_choice",
    "examine",
    "grouped_probe",
    "marginalised",
    "paper_probe",
    "reference_rows",
    "scene_choices",
    "scene_rows",
    "vsr",
]
