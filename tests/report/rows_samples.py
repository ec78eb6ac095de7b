"""Runs whose rows can be looked up: caption choices of some models, with pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from report_samples import HOSTILE, MakeRun

from harness import browse
from harness.explore import AnyRow, keep, set_digest
from harness.results import Findings, Outcome, Result
from harness.rows import ChoiceRow
from harness.shards import Cell

RELATIONS = ("left of", "right of", "above", "below")
MODELS = ("good", "fair", "poor", "blind")  # blind is a control
SPECS = [{"name": name, "family": "dual", "tags": ["control"] if name == "blind" else []} for name in MODELS]


@dataclass(frozen=True)
class Dot:
    """A picture of one colour."""

    name: str
    colour: tuple[int, int, int]

    def open(self) -> Image.Image:
        return Image.new("RGB", (120, 90), self.colour)


def rows(count: int, name: str = "row") -> list[ChoiceRow]:
    """So many choices between four captions; every two rows share a picture."""
    return [
        ChoiceRow(
            id=f"{name}-{i:03d}",
            label=RELATIONS[i % 4],
            group=f"g{i // 4}",
            image=Dot(f"{name} {i // 2}", (i // 2 * 37 % 256, i // 2 * 91 % 256, 90)),
            captions=tuple(f"cup {i} {relation} it" for relation in RELATIONS),
            options=RELATIONS,
            gold=i % 4,
        )
        for i in range(count)
    ]


def answered(asked: Sequence[ChoiceRow], skill: float, seed: int) -> Findings:
    """A model's answers: right with a chance of `skill`, a tie of two in some rows, and one row not answered."""
    rng, outcomes = np.random.default_rng(seed), []
    for number, row in enumerate(asked):
        scores = rng.normal(size=len(row.captions)).astype(np.float32)
        if rng.random() < skill:
            scores[row.gold] = scores.max() + 1
        if tied := number % 13 == seed:
            scores[row.gold] = scores[row.gold - 1] = scores.max() + 1
        top = row.options[int(scores.argmax())]
        told = {"row": row.id, "group": row.group, "slice": f"relation={row.label}", "gold": row.options[row.gold]}
        if number == 7 * seed:
            outcomes.append(Outcome(**told, predicted=None, correct=None))
            continue
        earned = 0.5 if tied else float(top == told["gold"])
        outcomes.append(
            Outcome(**told, predicted=None if tied else top, correct=earned, scores=tuple(map(float, scores)))
        )
    result = Result(metric="accuracy", value=skill, n=len(asked), low=skill - 0.05, high=skill + 0.05, chance=0.25)
    return Findings((result,), tuple(outcomes))


def asked(run: Path, *sets: Sequence[AnyRow]) -> dict[str, Any]:
    """The statistics of a cell that asked these sets, which are kept in the run folder."""
    for of in sets:
        browse.keep(run, set_digest(of), of, {})
        keep(run, set_digest(of), of)
    return {"rows": [{"set": set_digest(of), "shared": None} for of in sets], "seconds": 1.0}


def choice_run(make_run: MakeRun, tmp_path: Path, counts: dict[str, int], models: Sequence[str] = MODELS) -> Path:
    """A run of these suites with so many rows each, whose models answer ever worse."""
    cells = []
    for suite, count in counts.items():
        own = rows(count, suite)
        stats = asked(tmp_path / "run", own)
        for i, model in enumerate(models):
            found = answered(own, 0.8 - 0.25 * i, i)
            cells.append(Cell(suite=suite, model=model, status="passed", findings=found, stats=stats))
    return make_run(cells, models=[spec for spec in SPECS if spec["name"] in models])


def hostile_rows() -> list[ChoiceRow]:
    """Every hostile string as id, label, caption and option."""
    return [
        replace(r, id=f"{text} {r.id}", label=text, captions=(text, *r.captions[1:]), options=(text, *r.options[1:]))
        for r, text in zip(rows(len(HOSTILE)), HOSTILE, strict=True)
    ]
