"""Two models, or two runs of one, on the same rows: is the difference real?

Rows are paired; rows of one group (a photo, a caption) stand or fall together. The test exchanges the answers of the
two sides group by group and asks how often chance alone lies as far from 0: the sign-flip permutation test, here by its
exact distribution instead of by draws (Pagano & Tritchler 1983), which for groups of one row is McNemar's exact test.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from harness.errors import DataError
from harness.measure.intervals import FEW_GROUPS, bootstrap, effective_groups, group_sums

ALPHA, POWER = 0.05, 0.8
UNITS = (1, 2, 12, 60, 840)  # answers are worth 1/k in a tie of k: multiples of one of 1/UNITS
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """`value` is the mean over rows of b less a, with its 95 % cluster bootstrap interval and two-sided exact `p`.

    `detectable` is the smallest true difference that the test would have found with a power of 80 %. `low` and `high`
    are None where the groups are too few to tell their own spread.
    """

    value: float
    low: float | None
    high: float | None
    p: float
    detectable: float
    n: int
    groups: int


def difference(a: Floats, b: Floats, groups: Sequence[str], tests: int = 1) -> Difference:
    """Compare two columns of credit per row (rows,), 0 to 1; `tests` is among how many this is one (Holm's worst case).

    Raises DataError where there is no row, or lengths differ.
    """
    if not len(a) or not len(a) == len(b) == len(groups):
        raise DataError(f"{len(a)} and {len(b)} answers of {len(groups)} rows cannot be paired")
    sums = group_sums(np.column_stack([b - a, np.ones(len(a))]), groups)  # (groups, 2)
    few = effective_groups(groups) < FEW_GROUPS
    low, high = (None, None) if few else map(float, bootstrap(sums, _ratio))
    return Difference(
        value=float(_ratio(sums.sum(axis=0, keepdims=True))[0]),
        low=low,
        high=high,
        p=flip_p(sums[:, 0]),
        detectable=_detectable(sums, ALPHA / tests),
        n=len(a),
        groups=len(sums),
    )


def flip_p(changes: Floats) -> float:
    """Two-sided p of a sum of `changes` (groups,) where each group's sign may as well have been the other.

    Exact, by the characteristic function of the sum on the lattice of the changes: the product of cosines.
    """
    steps = _lattice(changes)
    sizes, counts = np.unique(np.abs(steps[steps != 0]), return_counts=True)
    reach = int((sizes * counts).sum())
    if reach == 0:
        return 1.0
    points = 2 * reach + 1  # the sum lies in -reach .. reach
    turns = 2 * np.pi * np.arange(points) / points
    with np.errstate(under="ignore"):
        wave = np.prod([np.cos(size * turns) ** count for size, count in zip(sizes, counts, strict=True)], axis=0)
    chances = np.fft.fft(wave).real / points  # of 0, 1, … reach, -reach, … -1
    places = np.minimum(np.arange(points), points - np.arange(points))
    p = float(chances[places >= abs(int(steps.sum()))].sum())
    # below this the sum of rounding errors speaks; no sum of signs is rarer than all of them alike
    return float(np.clip(p, max(1e-12, 2.0 ** (1 - int(counts.sum()))), 1.0))


def pairwise(correct: Floats, groups: Sequence[str]) -> Floats:
    """Holm-corrected p of every two columns of `correct` (rows, models) -> (models, models); NaN: no row in common.

    A row that a model did not answer is NaN and left out of its pairs.
    """
    models = correct.shape[1]
    pairs = list(combinations(range(models), 2))
    found: list[float] = []
    for i, j in pairs:
        both = np.isfinite(correct[:, i]) & np.isfinite(correct[:, j])
        change = np.where(both, np.nan_to_num(correct[:, j]) - np.nan_to_num(correct[:, i]), 0.0)
        found.append(flip_p(group_sums(change[:, None], groups)[:, 0]) if both.any() else np.nan)
    table = np.full((models, models), np.nan)
    for (i, j), p in zip(pairs, holm(np.array(found)), strict=True):
        table[i, j] = table[j, i] = p
    return table


def holm(p: Floats) -> Floats:
    """Holm's (1979) step-down correction of `p` (tests,); NaN stays NaN and counts for nothing."""
    out = np.full(len(p), np.nan)
    known = np.flatnonzero(np.isfinite(p))
    order = known[np.argsort(p[known], kind="stable")]
    factors = len(order) - np.arange(len(order))
    out[order] = np.minimum(1.0, np.maximum.accumulate(p[order] * factors))
    return out


def letters(p: Floats, alpha: float = ALPHA) -> list[str]:
    """Compact letter display of models in their order, best first (Piepho 2004): who shares a letter is not told apart.

    `p` is (models, models); NaN, a pair that was not compared, tells nothing apart.
    """
    sets = [frozenset(range(len(p)))] if len(p) else []
    for i, j in combinations(range(len(p)), 2):
        if p[i, j] <= alpha:
            split = [part for held in sets for part in ((held - {i}, held - {j}) if {i, j} <= held else (held,))]
            unique = list(dict.fromkeys(split))
            sets = [part for part in unique if not any(part < other for other in unique)]
    ordered = sorted(sets, key=sorted)
    return ["".join(_letter(k) for k, held in enumerate(ordered) if i in held) for i in range(len(p))]


def _letter(k: int) -> str:
    """From a to z, then a2 … z2, and so on."""
    return chr(ord("a") + k % 26) + (str(k // 26 + 1) if k >= 26 else "")


def _ratio(drawn: Floats) -> Floats:
    return np.asarray(drawn[:, 0] / drawn[:, 1])


def _lattice(changes: Floats) -> NDArray[np.int64]:
    """The changes as whole numbers of one unit; ties of more than eight are rounded to 1/840."""
    for unit in UNITS:
        steps = np.rint(changes * unit)
        if np.allclose(steps, changes * unit, rtol=0, atol=1e-4):
            break
    steps = steps.astype(np.int64)
    return np.asarray(steps // max(1, np.gcd.reduce(steps)))


def _detectable(sums: Floats, alpha: float) -> float:
    """By the cluster-robust standard error; at least what so many groups must turn one way to be found at all."""
    total, count = sums[:, 1].sum(), len(sums)
    spread = sums[:, 0] - sums[:, 1] * sums[:, 0].sum() / total
    error = np.sqrt((spread**2).sum() * count / max(count - 1, 1)) / total
    normal = NormalDist()
    fewest = np.ceil(1 - np.log2(alpha))  # 2^(1 - k) <= alpha
    least = fewest / count if fewest <= count else 1.0
    return float(min(1.0, max((normal.inv_cdf(1 - alpha / 2) + normal.inv_cdf(POWER)) * error, least)))
