"""Asking a trained calibration model what the suites ask, the way the suites ask it."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from harness.calibration.cards import FACTS, read_facts, write_card
from harness.calibration.exam import EXPECTED, QUESTIONS, examine
from harness.embed import score_captions
from harness.encode import Model
from harness.models import ModelSpec
from harness.store import Store


def put_measured(name: str, folder: Path) -> None:
    """Measure the model in `folder` through its family and a store of its own; write facts and card again."""
    spec = ModelSpec(name=name, family="dual", source=str(folder.resolve()))
    with tempfile.TemporaryDirectory() as store:
        model = Model(spec, Store(Path(store)))
        findings, misread = examine(name, lambda rows: score_captions(model, rows))
        model.close()
    accuracies = {r.slice.removeprefix("question="): r for r in findings.results if r.metric == "accuracy"}
    measured = [
        {
            "question": question,
            "suite": asked.suite,
            **{figure: getattr(accuracies[question], figure) for figure in ("value", "low", "high", "n", "chance")},
            "expected": str(EXPECTED[name].get(question, "")),
        }
        for question, asked in QUESTIONS.items()
    ]
    (folder / FACTS).write_text(
        json.dumps(read_facts(folder) | {"measured": measured}, indent=1) + "\n", encoding="utf-8"
    )
    write_card(folder)
    print("\n".join(misread) or f"{name} is read as it was made, in all {len(EXPECTED[name])} questions")
