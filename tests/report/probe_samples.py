"""Cells of probes with all that stands beside their scores, of layers, and of choices; and rows that suites asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from harness.explore import AnyRow, keep, set_digest, shared
from harness.results import Findings, Outcome, Result
from harness.rows import ChoiceRow, QuestionRow, Row, TruthRow
from harness.shards import Cell

FLOOR, BAG = 0.4933, 0.985
BESIDE = {"control_macro_f1": 0.52, "mdl_bits": 1.234, "compression": 2.5, "v_information": 0.876}
BESIDE |= {"balanced_accuracy": 0.663, "average_precision": 0.541}
BASELINES = {
    "majority": 0.503,
    "bag of words": BAG,
    "relation words": 0.979,
    "objects": 0.512,
    "random weights": 0.61,
    "of my own": 0.5,
}
PLACES = {"at the top": "at the bottom", "at the bottom": "at the top"}
PLACES |= {"on the left": "on the right", "on the right": "on the left"}
CAPACITIES = ("rank=1", "rank=2", "rank=4", "rank=16", "hidden=8", "hidden=64", "hidden=256")
LEAKS = {"picture": 0.12, "caption": 0.0, "objects": 0.441}


def measured(metric: str, value: float, part: str = "all", **more: Any) -> Result:
    return Result(metric=metric, value=value, slice=part, low=value - 0.02, high=value + 0.02, **{"n": 900, **more})


def probed(level: float, note: str = "") -> Findings:
    """A probe of captions with control task, baselines, bits and leaks."""
    results = [measured("macro_f1", level, floor=FLOOR, note=note)]
    results += [measured("macro_f1", level + d, f"relation={r}", floor=FLOOR) for r, d in (("on", 0.1), ("in", -0.1))]
    results += [measured("selectivity", level - BESIDE["control_macro_f1"])]
    results += [measured(metric, value) for metric, value in BESIDE.items()]
    gap = "the probe does not lie above: -0.021 [-0.030, -0.010]"
    results += [measured("macro_f1", value, f"baseline={name}", note=gap) for name, value in BASELINES.items()]
    results += [Result(metric="leak", value=value, n=900, slice=f"shared={what}") for what, value in LEAKS.items()]
    return Findings(tuple(results), ())


def layered(level: float, layers: int = 13, best: int = 8) -> Findings:
    """A probe of every layer: accuracy that rises and falls, and the p of each layer."""
    heights = [0.3 + (level - 0.3) * (1 - abs(i - best) / layers) for i in range(layers)]
    note = f"--limit 9: not comparable; layer {best} of 0 to {layers - 1}, chosen on validation rows; p = 0.001"
    results = [measured("accuracy", heights[best], chance=0.25, floor=0.26, note=note)]
    results += [
        measured("accuracy", heights[best] + 0.01, f"group={a}", chance=0.25) for a in ("vertical", "horizontal")
    ]
    results += [measured("accuracy", value, f"layer={i}", chance=0.25) for i, value in enumerate(heights)]
    results += [Result(metric="p_max_t", value=0.5 / (i + 1), n=1000, slice=f"layer={i}") for i in range(layers)]
    return Findings(tuple(results), (), {"weights.0": np.zeros((4, 2), np.float32)}, {"layer": best})


def capacities(level: float, hold: Sequence[str] = CAPACITIES) -> Findings:
    """Probes of growing capacity beside their control tasks, in an order that is not theirs."""
    results = [measured("macro_f1", level, floor=FLOOR)]
    for i, part in enumerate(sorted(hold)):
        results.append(measured("macro_f1", level - 0.01 * i, part, floor=FLOOR))
        results.append(measured("control_macro_f1", level / 2, part, floor=FLOOR))
    return Findings(tuple(results), ())


def beside_accuracy(metric: str, level: float) -> Findings:
    """A probe that is scored by accuracy, with control task and baselines."""
    results = [measured(metric, level, chance=0.25), measured(metric, level, "relation=on", chance=0.25)]
    results += [measured(f"control_{metric}", level / 2), measured("selectivity", level / 2)]
    results += [measured(metric, 0.31, "baseline=random weights"), measured(metric, 0.42, "baseline=bag of words")]
    return Findings(tuple(results), ())


def outcome(i: int, gold: str, said: str | None, right: float | None = None, **more: Any) -> Outcome:
    """One row's answer; `right`, if not told, is whether it is the true one."""
    right = float(said == gold) if right is None else right
    told = {"row": f"{i:03d}", "group": f"g{i % 25}", "slice": f"relation={gold}", **more}
    return Outcome(gold=gold, predicted=said, correct=right, **told)


def answered(outcomes: Sequence[Outcome], metric: str = "accuracy", chance: float = 0.25) -> Findings:
    """Answers with their rows, and their share of right ones."""
    value = sum(o.correct or 0 for o in outcomes) / len(outcomes)
    return Findings((measured(metric, value, chance=chance, floor=chance),), tuple(outcomes))


def laid_out(vertical: float, horizontal: float) -> Findings:
    """Choices of layouts: 50 rows of each place, so many of them right, and 60 of two captions, all right."""
    shares = {gold: vertical if "at the" in gold else horizontal for gold in PLACES}
    said = [(g, g if i < share * 50 else PLACES[g]) for g, share in shares.items() for i in range(50)]
    return answered([outcome(i, *pair) for i, pair in enumerate([*said, *[("near", "near")] * 60])], chance=0.3)


def chosen(level: float) -> Findings:
    """Choices among four captions."""
    return Findings((measured("accuracy", level, chance=0.25),), ())


def probe_cells() -> list[Cell]:
    """Three models: one that says what it holds, one that does not, one whose probe reads words alone."""
    bag, alone = "12 rows lost; does not beat bag of words", "the probe says one class alone"
    found = {
        ("vsr-relations", "mpnet"): probed(0.71, bag),
        ("vsr-relations", "minilm"): probed(0.493, alone),
        ("scene-layers-image", "cal-bag"): layered(0.62, best=3),
        ("scene-layers-image", "cal-spatial"): layered(0.8),
        ("scene-layers-image", "short"): layered(0.5, layers=5, best=2),
        ("scene-choice", "cal-bag"): chosen(0.252),
        ("scene-choice", "cal-spatial"): chosen(0.974),
        ("scene-layouts", "cal-bag"): laid_out(0.24, 0.26),
        ("scene-layouts", "cal-spatial"): laid_out(0.96, 0.98),
        ("scene-relations", "cal-bag"): probed(0.9),
    }
    return [Cell(suite=suite, model=model, status="passed", findings=f) for (suite, model), f in found.items()]


@dataclass(frozen=True)
class Named:
    """A picture by its name."""

    name: str


def samples(words: Sequence[str], count: int = 40) -> dict[str, list[AnyRow]]:
    """Rows of every kind, whose texts, labels and names are drawn from words."""

    def word(i: int) -> str:
        return words[i % len(words)]

    plain = [
        Row(id=f"{i} {word(i)}", label=word(i * i), text=f"{word(i)} on {word(i + 1)}", subject=word(i), object="table")
        for i in range(count)
    ]
    truths = [
        TruthRow(id=f"t{i}", label=word(i), text=f"{word(i)}", image=Named(f"{word(i)}.jpg"), truth=i % 3 > 0)
        for i in range(count)
    ]
    choices = [
        ChoiceRow(id=f"c{i}", label=word(i), group=f"g{i}", image=Named(f"p{i}"), captions=(word(i), word(i + 1)),
                  options=("a", "b"), gold=i % 2)
        for i in range(count)
    ]  # fmt: skip
    questions = [
        QuestionRow(id=f"q{i}", label=word(i), group="g", image=Named(word(i)), question=f"Which?\nA) {word(i)}\nB) no",
                    answers=("A", "B"), options=("a", "b"), gold=i % 2)
        for i in range(count)
    ]  # fmt: skip
    return {"plain": plain, "truths": truths, "choices": choices, "questions": questions}


def asked(run: Path, *sets: Sequence[AnyRow]) -> dict[str, Any]:
    """The statistics of a cell that asked these sets, which are described in the run folder."""
    told = []
    for rows in sets:
        keep(run, set_digest(rows), rows)
        told.append({"set": set_digest(rows), "shared": shared(sets[0], rows) if told else None})
    return {"rows": told, "seconds": 1.0}
