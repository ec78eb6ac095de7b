"""Text, image and group score of pictures and captions that come in twos (Thrush et al. 2022, arXiv 2204.03162)."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from itertools import permutations

import numpy as np
from numpy.typing import NDArray

from harness.errors import DataError
from harness.measure.choice import caption_choice, lost_note, row_credit
from harness.measure.intervals import mean_interval
from harness.results import Findings, Result
from harness.rows import ChoiceRow, Scores

# what guessing gets: of the 24 orders of four scores, those in which the right ones lie above
CHANCE = {"text_score": 1 / 4, "image_score": 1 / 4, "group_score": 1 / 6}
Floats = NDArray[np.float64]


def matching_credit(scores: Floats, strict: bool = False) -> Floats:
    """What each item earns of text, image and group score: (items, 3).

    `scores` is (items, 2, 2), pictures by captions, a picture's own caption on the diagonal. The text score asks
    that each picture scores its own caption higher than the other, the image score that each caption scores its own
    picture higher, the group score both. `strict` counts a tie as wrong, as the authors do. Otherwise equal scores
    are put in order at random, and an item earns the share of orders in which it is right: as a tie of k among
    captions is worth 1/k, so that a constant scorer gets what guessing gets, CHANCE, and not nothing.
    """
    flat = scores.reshape(-1, 4)  # s00, s01, s10, s11
    order = np.array([(0, 0, 0, 0)] if strict else list(permutations(range(4))))

    def above(one: int, other: int) -> NDArray[np.bool_]:
        higher, equal = flat[:, one] > flat[:, other], flat[:, one] == flat[:, other]
        return np.asarray(higher[:, None] | (equal[:, None] & (order[:, one] > order[:, other])))

    text, image = above(0, 1) & above(3, 2), above(0, 2) & above(3, 1)  # (items, orders)
    return np.stack([way.mean(axis=1) for way in (text, image, text & image)], axis=1)


def winoground_scores(scores: Scores[ChoiceRow]) -> Findings:
    """Text, image and group score over all items and by label, as `matching_credit` says; items are the groups.

    Rows of an item share their `set` and the order of their captions; scores must be comparable between the two
    pictures. Items of which a picture could not be had are left out and counted. Where scores are tied, the note has
    the value of the authors' strict comparison. Raises DataError where no item is whole or its rows disagree, and
    ScoreError on NaN or Inf.
    """
    row_credit(scores)  # refuses what is no number
    items: dict[str, list[int]] = defaultdict(list)
    for i in sorted(range(len(scores.rows)), key=lambda i: scores.rows[i].id):
        items[scores.rows[i].set].append(i)
    whole = [items[name] for name in sorted(items) if _is_whole([scores.rows[i] for i in items[name]])]
    if not whole:
        raise DataError("no item has both its pictures and both its captions: there is nothing to match")
    values = np.stack([_square(scores, index) for index in whole])  # (items, 2, 2)
    earned, strict = matching_credit(values), matching_credit(values, strict=True)
    names = [scores.rows[index[0]].set for index in whole]
    labels = np.array([scores.rows[index[0]].label for index in whole])
    lost = lost_note([why for _, why in scores.failed], len(scores.failed) + len(scores.rows))
    left = len({*items, *(row.set for row, _ in scores.failed)}) - len(whole)
    note = "; ".join(filter(None, (lost, f"{left} incomplete item{'s' * (left > 1)} left out" if left else "")))
    results = []
    for slice_, mask in {
        "all": np.full(len(whole), True),
        **{f"tag={t}": labels == t for t in sorted(set(labels))},
    }.items():
        groups = [name for name, inside in zip(names, mask, strict=True) if inside]
        part = [_result(m, slice_, earned[mask, k], strict[mask, k], groups) for k, m in enumerate(CHANCE)]
        results += [replace(r, note="; ".join(filter(None, (note, r.note)))) for r in part] if slice_ == "all" else part
    outcomes = [replace(o, slice=o.slice.replace("relation=", "tag=", 1)) for o in caption_choice(scores).outcomes]
    return Findings(tuple(results), tuple(outcomes))


def _is_whole(rows: list[ChoiceRow]) -> bool:
    return len(rows) == 2 and all(len(row.captions) == 2 for row in rows) and rows[0].gold != rows[1].gold


def _square(scores: Scores[ChoiceRow], index: list[int]) -> Floats:
    """An item's scores (2, 2), the own ones on the diagonal."""
    if len({scores.rows[i].captions for i in index}) != 1:
        raise DataError(f"the rows of {scores.rows[index[0]].set} have their captions in different orders")
    columns = [scores.rows[i].gold for i in index]
    return np.asarray(scores.values, np.float64)[np.ix_(index, columns)]


def _result(metric: str, slice_: str, earned: Floats, strict: Floats, groups: list[str]) -> Result:
    low, high = mean_interval(earned, groups)
    published = f"with ties counted as wrong, as published: {strict.mean():.1%}"
    return Result(
        metric=metric,
        slice=slice_,
        value=float(earned.mean()),
        low=low,
        high=high,
        n=len(earned),
        chance=CHANCE[metric],
        note=published if (earned != strict).any() else "",
    )
