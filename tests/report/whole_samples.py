"""A run with every kind of view, in which given words are the names of everything that has a name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from calibration_samples import MODELS as CALIBRATION
from calibration_samples import all_asked
from full_samples import Shown, write_pictures
from full_samples import thumbnails as drawn
from probe_samples import layered, probe_cells
from report_samples import INFO, MakeRun

from harness.across import write_comparisons
from harness.explore import keep, set_digest
from harness.measure.similarity import similarity
from harness.results import Findings, Outcome, Result
from harness.rows import ChoiceRow, Row, Scores
from harness.shards import Cell

SIMILARITY = "alike"


def whole_run(make_run: MakeRun, folder: Path, words: Sequence[str], name: str = "whole") -> Path:
    """A run folder `folder/name`; each word is a suite, a model, a relation, a metric, a note, a reason and a row."""
    write_comparisons(make_run(alike(words), name=name))  # of its own: names of files are no matter of the page
    rows = {word: asked(i, words) for i, word in enumerate(words)}
    cells = [Cell(suite=word, model="failing", status="error", reason=word) for word in words]
    for i, word in enumerate(words):
        stats = kept(folder / name, rows[word])
        models = (word, words[(i + 1) % len(words)])
        cells += [
            Cell(
                suite=word, model=model, status="passed", findings=chosen(rows[word], word, j), stats={**stats, word: j}
            )
            for j, model in enumerate(models)
        ]
    cells += [Cell(suite="layers", model=word, status="passed", findings=layered(0.6)) for word in words[:2]]
    cells += [*probe_cells(), *all_asked()]
    specs = [
        {"name": word, "family": words[i - 1], "source": word, "tags": [word, "all"]} for i, word in enumerate(words)
    ]
    info = {
        **INFO,
        "command": " ".join(words),
        "models": [*INFO["models"], *CALIBRATION, *specs],
        words[0]: list(words),
    }
    run = make_run(cells, info=info, name=name)
    pictures = drawn(sum(map(len, rows.values())), (), np.random.default_rng(0))
    write_pictures(run, {word: rows[word] for word in words}, pictures)
    return run


def asked(i: int, words: Sequence[str]) -> list[ChoiceRow]:
    """Four rows, the first of them called by the word itself."""
    word, other = words[i], words[i - 1]
    return [
        ChoiceRow(id=word if k == 0 else f"{k} {word}", label=word, group=f"{k} {word}", gold=k % 2,
                  captions=(f"{word} {k}", other), options=(word, other), image=Shown(f"{i} {k} {word}"))
        for k in range(4)
    ]  # fmt: skip


def kept(run: Path, rows: Sequence[ChoiceRow]) -> dict[str, Any]:
    keep(run, set_digest(rows), rows)
    return {"rows": [{"set": set_digest(rows), "shared": None}], "seconds": 1.5}


def chosen(rows: Sequence[ChoiceRow], word: str, seed: int) -> Findings:
    """A choice on every row, and numbers of all, of the word's relation, and of a metric and slice called so."""
    outcomes = tuple(
        Outcome(row=row.id, group=row.group, slice=f"relation={word}", gold=row.options[row.gold],
                predicted=row.options[(k + seed) % 2], correct=float((k + seed) % 2 == row.gold), scores=(0.5, 0.25))
        for k, row in enumerate(rows)
    )  # fmt: skip
    common = {"n": len(rows), "low": 0.4, "high": 0.6, "chance": 0.5}
    results = [Result(metric="accuracy", value=0.5 + seed / 100, slice=part, note=word, **common)
               for part in ("all", f"relation={word}", "relation=left of")]  # fmt: skip
    return Findings((*results, Result(metric=word, value=0.5, slice=word, note=word, n=3)), outcomes)


def alike(words: Sequence[str]) -> list[Cell]:
    """Two models' spaces over rows that are labelled by words."""
    rows = tuple(Row(id=f"{i:03d}", label=words[i % 4 % len(words)], text=f"text {i}") for i in range(24))
    found = []
    for seed, model in enumerate((words[0], "minilm")):
        x = np.random.default_rng(seed).normal(size=(24, 5))
        findings = similarity(Scores(rows, x, tuple(row.id for row in rows)))
        found.append(Cell(suite=SIMILARITY, model=model, status="passed", findings=findings))
    return found
