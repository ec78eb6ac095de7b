"""What was taken for what: gold × predicted labels, counted from the rows of a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.relations import AXES
from harness.report.inline import visible

MOST = 70  # labels that one table can hold
FREQUENT = 5
NONE, TIE = "(none)", "(tie or unread)"  # a probe that says no class; captions of one score, an answer no one can read


@dataclass(frozen=True, slots=True)
class Mistake:
    """One label taken for another: how often, of how many rows, and the model that does it most, with its share."""

    gold: str
    said: str
    count: int
    n: int
    model: str
    worst: float


@dataclass(frozen=True, slots=True)
class Confusion:
    """Counts (gold, said) of each model; `frequent` are the commonest mistakes of all models but controls."""

    gold: tuple[str, ...]
    said: tuple[str, ...]
    counts: Mapping[str, NDArray[np.int64]]
    frequent: tuple[Mistake, ...]

    @property
    def packed(self) -> dict[str, Any]:
        """For the page's script: of each model its cells that are not 0, as index within (gold, said) and count."""
        models = []
        for name, counts in self.counts.items():
            index = np.flatnonzero(counts)
            cells = np.stack([index, counts.ravel()[index]], axis=1).ravel().tolist()
            models.append({"name": visible(name), "cells": cells})
        right = [self.said.index(label) for label in self.gold]
        gold, said = ([visible(label) for label in labels] for labels in (self.gold, self.said))
        return {"gold": gold, "said": said, "right": right, "models": models}


def confusion(rows: Any, suite: str, models: Sequence[str], controls: Set[str] = frozenset()) -> Confusion | None:
    """The confusion of one suite; None where nothing was predicted, there is one label, or more than MOST.

    Rows without an answer are left out, and answers beside a probe (`measure.prompts`), which have rows of their own.
    """
    mine = rows[(rows["suite"] == suite) & rows["correct"].notna()]
    mine = mine[~mine["row"].str.endswith(" answer") & mine["model"].isin(models)]
    truth = mine["gold"].astype("category").cat.remove_unused_categories().cat
    claim = mine["predicted"].astype("category").cat.remove_unused_categories().cat
    names = sorted(truth.categories, key=_order)
    claims = [*(name or NONE for name in claim.categories), TIE]  # the last for the code -1: nothing predicted
    heard = {*claims[:-1], *names} | ({TIE} if (claim.codes < 0).any() else set())
    answers = sorted(heard, key=_order)
    if claims == [TIE] or not 2 <= len(answers) <= MOST:
        return None
    shape, counts = (len(names), len(answers)), {}
    rank = {name: i for i, name in enumerate(answers)}
    line = np.array([names.index(name) for name in truth.categories])[truth.codes]
    column = np.array([rank.get(name, 0) for name in claims])[claim.codes]
    index = np.ravel_multi_index((line, column), shape)
    for model in models:
        if (of := (mine["model"] == model).to_numpy()).any():
            counts[model] = np.bincount(index[of], minlength=shape[0] * shape[1]).reshape(shape)
    return Confusion(tuple(names), tuple(answers), counts, _frequent(names, answers, counts, controls))


def _order(label: str) -> tuple[bool, str, str]:
    """Relations of one axis beside each other; what is no label last."""
    return label in (NONE, TIE), AXES.get(label, "~"), label


def _frequent(
    gold: Sequence[str], said: Sequence[str], counts: Mapping[str, NDArray[np.int64]], controls: Set[str]
) -> tuple[Mistake, ...]:
    kept = {model: found for model, found in counts.items() if model not in controls} or counts
    total = np.sum(list(kept.values()), axis=0)
    wrong = [(i, j) for i, g in enumerate(gold) for j, s in enumerate(said) if s not in (g, NONE, TIE) and total[i, j]]
    wrong.sort(key=lambda at: (-total[at], at))
    mistakes = []
    for i, j in wrong[:FREQUENT]:
        shares = {model: found[i, j] / max(found[i].sum(), 1) for model, found in kept.items()}
        worst = max(shares, key=lambda model: shares[model])
        mistakes.append(Mistake(gold[i], said[j], int(total[i, j]), int(total[i].sum()), worst, float(shares[worst])))
    return tuple(mistakes)
