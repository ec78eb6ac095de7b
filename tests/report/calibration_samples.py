"""Calibration cells as a good harness would measure them, to be spoilt one by one, and a study."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from harness.calibration import sweep
from harness.calibration.exam import EXPECTED, QUESTIONS, Expected
from harness.calibration.train import Recipe
from harness.calibration.variants import VARIANTS
from harness.results import Findings, Result
from harness.shards import Cell

FOURWAY, PAIRS = sweep.ASKED
MODELS = [{"name": name, "family": "dual", "source": f"./{name}", "tags": ["calibration"]} for name in VARIANTS]


def answer(question: str, expected: Expected | None, **changes: Any) -> Result:
    """A result that meets what is expected."""
    chance = 0.5 if " or " in question and "beside" not in question else 0.25
    aim = chance if expected is None or expected.near is None else expected.near
    value = aim + 0.01 if expected is None or expected.at_least is None else (expected.at_least + 1) / 2
    found = Result(
        metric="accuracy",
        slice=f"question={question}",
        value=value,
        low=value - 0.03,
        high=min(1.0, value + 0.03),
        n=400,
        chance=chance,
    )
    return replace(found, **changes)


def asked(name: str, **changes: dict[str, Any] | None) -> Cell:
    """A model's cell in which every question is answered as expected; `changes` spoil one, None leaves it out.

    Underscores stand for the spaces of a question's name.
    """
    spoilt = {question.replace("_", " "): change for question, change in changes.items()}
    kept = [question for question in QUESTIONS if spoilt.get(question, {}) is not None]
    results = [answer(q, EXPECTED[name].get(q), **(spoilt.get(q) or {})) for q in kept]
    whole = replace(results[1], metric="set_accuracy", value=0.777, low=0.7, high=0.8, n=100)
    return Cell(suite="calibration", model=name, status="passed", findings=Findings((*results, whole), ()))


def all_asked() -> list[Cell]:
    return [asked(name) for name in VARIANTS]


def study_facts(recipe: Recipe | None = None) -> dict[str, Any]:
    """A study of this version's recipe in which relations are learnt as their captions are true."""
    recipe = recipe or Recipe(steps=sweep.STEPS)
    points = []
    for suite, chance in ((FOURWAY, 0.25), (PAIRS, 0.5)):
        for point in sweep.POINTS:
            value = chance + (0.98 - chance) * point.truthful * (1.0 if point.negatives else 0.4)
            figures = {"suite": suite, "value": value, "low": value - 0.02, "high": value + 0.02}
            plain = {"model": point.model, "truthful": point.truthful, "negatives": point.negatives}
            points.append({**plain, **figures, "n": 600, "chance": chance})
    versions = {"spatial-harness": "0.1.0", "torch": "2.13.0+cpu"}
    return {
        **sweep.plan(recipe),
        "versions": versions,
        "machine": "cpu, x86_64, 2 threads",
        "seconds": 3660.0,
        "points": points,
    }
