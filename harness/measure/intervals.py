"""Confidence intervals from a seeded bootstrap over groups.

Rows of one group (a photo, a caption) are not independent, so groups are drawn with replacement,
not rows (Davison & Hinkley 1997, section 3.8). Statistics here are functions of sums over rows,
which makes a draw a matrix product: weights (draws, groups) times sums (groups, …). Percentile intervals
of few groups are too short; they are expanded as far as Student's t is wider than the normal distribution
(Hesterberg 2015, doi 10.1080/00031305.2015.1089789): by 10 % for 20 groups, 1 % for 150.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.results import Result

DRAWS = 2000
SEED = 20240
FEW_GROUPS = 20  # fewer tell too little of their own spread for a percentile interval
Floats = NDArray[np.float64]


def effective_groups(groups: Sequence[str]) -> float:
    """As how many equal groups unequal ones count: (sum n)² / sum n² (Kish 1965)."""
    sizes = np.unique(np.asarray(groups), return_counts=True)[1].astype(float)
    return float(sizes.sum() ** 2 / (sizes**2).sum())


def group_sums(values: Floats, groups: Sequence[str]) -> Floats:
    """Sum `values` (rows, k) within groups -> (groups, k), groups in sorted order."""
    from scipy.sparse import csr_array

    names, index = np.unique(np.asarray(groups), return_inverse=True)
    member = csr_array((np.ones(len(index)), (index, np.arange(len(index)))), shape=(len(names), len(index)))
    return np.asarray(member @ values)


def bootstrap(sums: Floats, statistic: Callable[[Floats], Floats], level: float = 0.95) -> tuple[Floats, Floats]:
    """Expanded percentile interval of `statistic` over resampled groups.

    `sums` is (groups, k); `statistic` maps (draws, k) summed draws to (draws, …). Draws in which
    the statistic is undefined (NaN) are left out. Returns (low, high), each of shape (…), widened
    to the value itself where a statistic at its bound is missed by every draw.
    """
    out = [statistic(weights @ sums) for weights in resampled(len(sums))]
    low, high = np.nanquantile(np.concatenate(out), tails(len(sums), level), axis=0)
    value = statistic(sums.sum(axis=0, keepdims=True))[0]
    return np.fmin(low, value), np.fmax(high, value)


def tails(groups: int, level: float = 0.95) -> tuple[float, float]:
    """The shares of draws below the two ends of an interval, for so many groups (Hesterberg 2015)."""
    from scipy.special import ndtr, stdtrit

    tail = (1 - level) / 2
    if groups > 1:
        tail = float(ndtr(np.sqrt(groups / (groups - 1)) * stdtrit(groups - 1, tail)))
    return tail, 1 - tail


def resampled(count: int) -> Iterator[Floats]:
    """How often each of `count` groups is drawn, the same in every call: (draws, groups), DRAWS in blocks of 200."""
    for block in _drawn(count):  # in blocks, so that memory stays small
        yield block.astype(np.float64)


@lru_cache(maxsize=1)  # several numbers of one probe are drawn from the same groups
def _drawn(count: int) -> tuple[NDArray[np.uint8], ...]:
    rng = np.random.default_rng(SEED)
    sizes = [min(200, DRAWS - start) for start in range(0, DRAWS, 200)]
    # a byte is enough: n groups are drawn n times in all, and of many none 256 times
    return tuple(rng.multinomial(count, np.full(count, 1 / count), size=size).astype(np.uint8) for size in sizes)


def few_note(groups: Sequence[str], few: float = FEW_GROUPS) -> str:
    """Why there is no interval, if there is none."""
    units = effective_groups(groups)
    return f"no interval: groups so unequal count as {units:.1f}" if units < few else ""


def intervals(
    metric: str,
    slices: Sequence[str],
    sums: Floats,
    statistic: Callable[[Floats], Floats],
    groups: Sequence[str],
    few: float = FEW_GROUPS,
) -> list[Result]:
    """A statistic (draws, slices) of summed rows (groups, k) as results, each of as many rows as `groups` (rows,).

    No interval where the groups count as fewer than `few`.
    """
    values = statistic(sums.sum(axis=0, keepdims=True))[0]
    low, high = np.full((2, len(values)), np.nan) if few_note(groups, few) else bootstrap(sums, statistic)
    return [
        Result(metric=metric, slice=name, value=finite(v), low=finite(a), high=finite(b), n=len(groups))
        for name, v, a, b in zip(slices, values, low, high, strict=True)
    ]


def mean_interval(values: Floats, groups: Sequence[str]) -> tuple[float | None, float | None]:
    """95 % interval of the mean of `values` (rows,); None where a single group shows no spread."""
    if len(set(groups)) < 2:
        return None, None
    sums = group_sums(np.column_stack([values, np.ones(len(values))]), groups)
    low, high = bootstrap(sums, lambda drawn: drawn[:, 0] / drawn[:, 1])
    return float(low), float(high)


def finite(value: Any) -> float | None:
    """The number, or None where it is undefined."""
    return float(value) if np.isfinite(value) else None
