"""Wording: does a model's answer hang on the words in which a relation is put?"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from harness.errors import DataError
from harness.measure.choice import caption_choice, preference_floor, row_credit
from harness.measure.intervals import bootstrap, group_sums, mean_interval
from harness.results import Findings, Result
from harness.rows import ChoiceRow, Scores

SHUFFLES = 200
SEED = 7
Floats = NDArray[np.float64]


def wording_choice(
    worded: Mapping[int, Scores[ChoiceRow]], phrases: Callable[[str], Sequence[str]], *, balanced: bool = True
) -> Findings:
    """What becomes of accuracy and of answers when the same rows are asked in other words.

    `worded` holds the scores of the same rows in each wording; `phrases(relation)[wording]` says how a relation is
    put. Found are: `accuracy` over all wordings and by phrase; `spread`, the best wording's accuracy less the
    worst's, with the spread that luck alone gives as its floor (answers exchanged among a row's wordings);
    and `consistency`, how often two wordings of a row get the same answer, a tie of k being any of them. Consistency
    says nothing of truth. Where options are not right equally often, say `balanced=False`: the floor of accuracy is
    then `preference_floor`. Rows that are said alike in all wordings are left out and counted in the note. Raises
    DataError where the rows differ, there is but one wording, or no row has two.
    """
    ways = sorted(worded)
    ids = [tuple(row.id for row in worded[way].rows) for way in ways]
    if len(ways) < 2 or len(set(ids)) != 1:
        raise DataError("wordings are compared on the same rows, in at least two wordings")
    scores, alike = _told_apart([worded[way] for way in ways])
    order = np.argsort([row.id for row in scores[0].rows], kind="stable")  # sums of floats depend on their order
    rows, groups = [scores[0].rows[i] for i in order], [scores[0].groups[i] for i in order]
    earned = np.stack([row_credit(s)[order] for s in scores], axis=1)  # (rows, wordings)
    chance = float(np.mean([1 / len(row.captions) for row in rows]))
    low, high = mean_interval(earned.mean(axis=1), groups)
    floor = None if balanced else preference_floor(rows)
    whole = Result(
        metric="accuracy", value=float(earned.mean()), low=low, high=high, n=earned.size, chance=chance, floor=floor
    )
    results = [
        whole,
        _spread(earned, groups),
        _consistency(scores, order, groups, chance),
        *_by_phrase(earned, rows, groups, ways, phrases),
    ]
    choices = [caption_choice(s) for s in scores]
    note = next(r.note for r in choices[0].results if r.slice == "all")
    outcomes = [
        replace(o, row=f"{o.row} wording {way}") for way, c in zip(ways, choices, strict=True) for o in c.outcomes
    ]
    left = f"{alike} of {len(ids[0])} rows are said alike in all wordings and left out" if alike else ""
    return Findings(tuple(results), tuple(outcomes)).noted("; ".join(filter(None, (note, left))))


def _told_apart(worded: Sequence[Scores[ChoiceRow]]) -> tuple[list[Scores[ChoiceRow]], int]:
    """The scores of the rows whose captions are not the same in all wordings, and how many others there were."""
    said = [{frozenset(row.captions) for row in rows} for rows in zip(*(s.rows for s in worded), strict=True)]
    kept = [i for i, ways in enumerate(said) if len(ways) > 1]
    if not kept:
        raise DataError(f"none of {len(said)} rows is said in two ways: there is nothing to compare")
    parts = [
        replace(
            s,
            rows=tuple(s.rows[i] for i in kept),
            values=np.asarray(s.values)[kept],
            groups=tuple(s.groups[i] for i in kept),
        )
        for s in worded
    ]
    return parts, len(said) - len(kept)


def _spread(earned: Floats, groups: Sequence[str]) -> Result:
    def width(drawn: Floats) -> Floats:
        means = drawn[..., :-1] / drawn[..., -1:]
        return np.asarray(means.max(axis=-1) - means.min(axis=-1))

    sums = group_sums(np.column_stack([earned, np.ones(len(earned))]), groups)
    value, several = float(width(sums.sum(axis=0))), len(sums) > 1
    # a range grows by resampling, so the percentile interval would lie too high: the basic one is mirrored
    # (Davison & Hinkley 1997, sec. 5.2)
    below, above = bootstrap(sums, width) if several else (value, value)
    rng = np.random.default_rng(SEED)
    shuffled = [np.ptp(rng.permuted(earned, axis=1).mean(axis=0)) for _ in range(SHUFFLES)]
    return Result(
        metric="spread",
        value=value,
        low=max(0.0, 2 * value - float(above)) if several else None,
        high=min(1.0, 2 * value - float(below)) if several else None,
        n=len(earned),
        floor=float(np.mean(shuffled)),
    )


def _consistency(
    scores: Sequence[Scores[ChoiceRow]], order: NDArray[np.intp], groups: Sequence[str], chance: float
) -> Result:
    """Pairs of wordings that get one answer: (rows,) of agreement, ties shared out evenly."""
    answers = [_answers(s)[order] for s in scores]  # (rows, captions) each
    pairs = [(one * other).sum(axis=1) for one, other in combinations(answers, 2)]
    same = np.mean(pairs, axis=0)
    low, high = mean_interval(same, groups)
    return Result(metric="consistency", value=float(same.mean()), low=low, high=high, n=len(same), chance=chance)


def _answers(scores: Scores[ChoiceRow]) -> Floats:
    """Which option each row chose, options in the order of their names: a wording may show them in another."""
    values = np.asarray(scores.values)
    chosen = np.zeros(values.shape)
    for line, row, found in zip(chosen, scores.rows, values, strict=True):
        by_name = found[np.argsort(row.options)]
        line[: len(by_name)] = (by_name == by_name.max()) / (by_name == by_name.max()).sum()
    return chosen


def _by_phrase(
    earned: Floats,
    rows: Sequence[ChoiceRow],
    groups: Sequence[str],
    ways: Sequence[int],
    phrases: Callable[[str], Sequence[str]],
) -> list[Result]:
    results = []
    for relation in sorted({row.label for row in rows}):
        index = [i for i, row in enumerate(rows) if row.label == relation]
        for column, way in enumerate(ways):
            values = earned[index, column]
            low, high = mean_interval(values, [groups[i] for i in index])
            results.append(
                Result(
                    metric="accuracy",
                    slice=f"wording={phrases(relation)[way]}",
                    value=float(values.mean()),
                    low=low,
                    high=high,
                    n=len(index),
                    chance=float(np.mean([1 / len(rows[i].captions) for i in index])),
                )
            )
    return results
