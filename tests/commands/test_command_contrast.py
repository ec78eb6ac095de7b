from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from harness.__main__ import main
from harness.results import Findings, Outcome, Result
from harness.runs import merge
from harness.shards import Cell, Shard, write_plan

RELATIONS = ("above", "below", "left of", "right of")
MODELS = {"before": 0.5, "after": 0.95}  # accuracy on the vertical; 1/2 on the horizontal


def choice(accuracy: float, seed: int, relations: tuple[str, ...] = RELATIONS) -> Findings:
    rng = np.random.default_rng(seed)
    told = [relations[i % len(relations)] for i in range(240)]
    right = [rng.random() < (accuracy if word in ("above", "below") else 0.5) for word in told]
    outcomes = tuple(
        Outcome(row=f"r{i}", group=f"g{i // 4}", slice=f"relation={word}", gold=word, predicted=None, correct=float(ok))
        for i, (word, ok) in enumerate(zip(told, right, strict=True))
    )
    return Findings((Result(metric="accuracy", value=float(np.mean(right)), n=240),), outcomes)


def probe(accuracy: float, seed: int) -> Findings:
    outcomes = tuple(
        Outcome(row=o.row, group=o.group, slice="all", gold=o.gold, predicted=None, correct=o.correct, scores=scores)
        for o in choice(accuracy, seed).outcomes
        for scores in [tuple(2 * float(o.correct == 1 and word == o.gold) - 1 for word in sorted(RELATIONS))]
    )
    return Findings((Result(metric="macro_f1", value=0.5, n=240),), outcomes)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A run of two models and three suites, of which one has no horizontal relation."""
    suites = {"choice": choice, "probe": probe, "heights": lambda a, seed: choice(a, seed, ("above", "below"))}
    plan = [(suite, model) for suite in suites for model in MODELS]
    write_plan(tmp_path, {"models": [], "started": "2025-03-04T10:00:00+00:00"}, plan)
    for number, (suite, model) in enumerate(plan):
        found = suites[suite](MODELS[model], number)
        Shard(tmp_path, "main").append(Cell(suite=suite, model=model, status="passed", findings=found))
    merge(tmp_path)
    return tmp_path


def test_each_suite_with_both_axes_has_a_line(folder: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["contrast", str(folder), "before", "after"]) == 0
    told = capsys.readouterr().out.splitlines()
    assert told[0].startswith("A: before, B: after")
    assert [line.split()[:4] for line in told[2:4]] == [
        ["choice", "accuracy", "120", "+"],
        ["probe", "macro_f1", "120", "+"],
    ]
    assert all("[+0." in line and line.endswith("0.0001") for line in told[2:4])
    assert "by luck" in told[4]


def test_one_suite_can_be_asked_for(folder: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["contrast", str(folder), "after", "before", "--suite", "choice"]) == 0
    told = capsys.readouterr().out.splitlines()
    assert len(told) == 3
    assert "-0." in told[2]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["before", "before"], "before is compared with itself: name two models"),
        (["before", "aftr"], "no rows of model 'aftr'; known: after, before. Did you mean after?"),
        (["before", "after", "--suite", "choices"], "no suite 'choices' that ran for both models"),
        (["before", "after", "--suite", "heights"], "suite heights has no vertical and horizontal rows"),
    ],
)
def test_what_cannot_be_compared_is_said(folder: Path, capsys: pytest.CaptureFixture[str], words, message):
    assert main(["contrast", str(folder), *words]) == 2
    assert message in capsys.readouterr().err


def test_a_folder_that_is_no_run_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["contrast", str(tmp_path), "a", "b"]) == 2
    assert "is not a readable run folder" in capsys.readouterr().err


def test_a_suite_whose_rows_cannot_be_paired_is_left_out_with_the_reason(folder, capsys):
    for seed, model in enumerate(MODELS):
        found = choice(0.5, seed)
        twice = Findings(found.results, (*found.outcomes, *found.outcomes))
        Shard(folder, "late").append(Cell(suite="choice", model=model, status="passed", key="new", findings=twice))
    merge(folder)
    assert main(["contrast", str(folder), "before", "after"]) == 0
    told = capsys.readouterr().out
    assert "choice is left out: row" in told
    assert "probe" in told
    assert main(["contrast", str(folder), "before", "after", "--suite", "choice"]) == 2
