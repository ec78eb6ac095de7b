"""Two models, or two runs of one, on the same rows: is the difference real?

Rows are paired; rows of one group (a photo, a caption) stand or fall together. The test exchanges the answers of the
two sides group by group and asks how often chance alone lies as far from 0: the sign-flip permutation test, here by its
exact distribution instead of by draws (Pagano & Tritchler 1983), which for groups of one row is McNemar's exact test.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, combinations_with_replacement
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.errors import DataError
from harness.measure.intervals import FEW_GROUPS, bootstrap, group_sums

ALPHA, POWER = 0.05, 0.8
# answers are worth 1/k in a tie of k: multiples of one of 1/UNITS up to ties of 16, or for longer ones nearly
UNITS = (1, 2, 12, 60, 840, 27720, 720720)
FINEST = 2**18  # steps to the far end of the lattice; rounding to it moves a sum of 1,000 groups by 0.001 of its spread
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """`value` is the mean over rows of b less a, with its 95 % cluster bootstrap interval and two-sided exact `p`.

    `detectable` is the smallest true difference that the test would have found with a power of 80 %; 1 where no
    difference could have been. `low` and `high` are None where the groups are too few to tell their own spread. `least`
    is the smallest p that changes of these sizes can have, whichever way they went: 1 where nothing changed.
    """

    value: float
    low: float | None
    high: float | None
    p: float
    detectable: float
    n: int
    groups: int
    least: float = 0.0


def difference(a: Floats, b: Floats, groups: Sequence[str], tests: int = 1) -> Difference:
    """Compare two columns of credit per row (rows,), 0 to 1; `tests` is among how many this is one (Holm's worst case).

    Raises DataError where there is no row, lengths differ, or a credit is not a number.
    """
    if not len(a) or not len(a) == len(b) == len(groups):
        raise DataError(f"{len(a)} and {len(b)} answers of {len(groups)} rows cannot be paired")
    sums = group_sums(np.column_stack([b - a, np.ones(len(a)), a - a.mean()]), groups)  # (groups, 3)
    units = len(a) ** 2 / (sums[:, 1] ** 2).sum()  # effective_groups
    low, high = (None, None) if units < FEW_GROUPS else map(float, bootstrap(sums[:, :2], _ratio))
    return Difference(
        value=float((b - a).mean()),
        low=low,
        high=high,
        p=flip_p(sums[:, 0]),
        detectable=_detectable(sums, _clumping(sums, units, a.var()), ALPHA / tests),
        n=len(a),
        groups=len(sums),
        least=least_p(sums[:, 0]),
    )


def flip_p(changes: Floats) -> float:
    """Two-sided p of a sum of `changes` (groups,) where each group's sign may as well have been the other.

    Exact, by the characteristic function of the sum on the lattice of the changes: the product of cosines (Pagano &
    Tritchler 1983). Not below 1e-12, where rounding errors speak. Raises DataError for a change that is not a number.
    """
    from scipy.fft import irfft, next_fast_len

    steps, far = _lattice(changes)
    sizes, counts = np.unique(np.abs(steps[steps != 0]), return_counts=True)
    reach = int(sizes @ counts)  # the sum lies in -reach .. reach
    if far == 0:
        return 1.0
    points = int(next_fast_len(2 * reach + 1, real=True))
    turns = np.arange(points // 2 + 1)
    wave = np.ones(len(turns))
    for k, (size, count) in enumerate(zip(sizes.tolist(), counts.tolist(), strict=True)):
        if k % 2 == 0:
            turns = turns[np.abs(wave[turns]) > 1e-18]  # a smaller one is nothing to the sum, and soon they all are
        wave[turns] *= np.cos(2 * np.pi / points * (size * turns % points)) ** count
    chances = irfft(wave, points)  # of 0, 1, … reach
    return float(np.clip(2 * chances[far : reach + 1].sum(), max(1e-12, _least(counts.sum())), 1.0))


def least_p(changes: Floats) -> float:
    """The smallest p that `flip_p` could give for changes of these sizes (groups,), whichever way they went."""
    return _least(np.count_nonzero(_lattice(changes)[0]))


def pairwise(correct: Floats, groups: Sequence[str]) -> Floats:
    """Holm-corrected p of every two columns of `correct` (rows, models) -> (models, models); NaN: no row in common.

    A row that a model did not answer is NaN and left out of its pairs. The diagonal is NaN.
    """
    models = correct.shape[1]
    pairs = list(combinations(range(models), 2))
    index = np.unique(np.asarray(groups), return_inverse=True)[1]
    known = np.isfinite(correct)
    columns = np.ascontiguousarray(np.where(known, correct, 0.0).T)
    found: list[float] = []
    for i, j in pairs:
        both = known[:, i] & known[:, j]
        changes = np.bincount(index, weights=np.where(both, columns[j] - columns[i], 0.0)).astype(np.float64)
        found.append(flip_p(changes) if both.any() else np.nan)
    table = np.full((models, models), np.nan)
    for (i, j), p in zip(pairs, holm(np.array(found)), strict=True):
        table[i, j] = table[j, i] = p
    return table


def holm(p: Floats, least: Floats | None = None) -> Floats:
    """Holm's (1979) step-down correction of `p` (tests,); NaN stays NaN and counts for nothing.

    A test whose `least` p is above ALPHA could not have been significant and makes no other less so: it keeps its own p
    and is not counted (Tarone 1990). What is significant at ALPHA then still errs in at most 5 % of families.
    """
    out = np.array(p, dtype=np.float64)
    counted = np.isfinite(out) if least is None else np.isfinite(out) & (least <= ALPHA)
    known = np.flatnonzero(counted)
    order = known[np.argsort(out[known], kind="stable")]
    factors = len(order) - np.arange(len(order))
    out[order] = np.minimum(1.0, np.maximum.accumulate(out[order] * factors))
    return out


def letters(p: Floats, alpha: float = ALPHA) -> list[str]:
    """Compact letter display of models in their order, best first (Piepho 2004): who shares a letter is not told apart.

    `p` is symmetric, (models, models); NaN, a pair that was not compared, tells nothing apart. Two models share a
    letter if and only if their p is not at most `alpha`. Letters are found one by one, each for a pair that has none
    yet (Gramm et al. 2007), so that there are never more than models and pairs.
    """
    alike = ~(p <= alpha) | np.eye(len(p), dtype=bool)
    sets: list[list[int]] = []
    for i, j in combinations_with_replacement(range(len(p)), 2):
        if alike[i, j] and not any(i in held and j in held for held in sets):
            held = sorted({i, j})
            for k in range(len(p)):
                if k not in held and alike[k, held].all():
                    held.append(k)
            sets.append(sorted(held))
    ordered = sorted(sets)
    return ["".join(_letter(k) for k, held in enumerate(ordered) if i in held) for i in range(len(p))]


def _letter(k: int) -> str:
    """From a to z, then a2 … z2, and so on."""
    return chr(ord("a") + k % 26) + (str(k // 26 + 1) if k >= 26 else "")


def _ratio(drawn: Floats) -> Floats:
    return np.asarray(drawn[:, 0] / drawn[:, 1])


def _lattice(changes: Floats) -> tuple[NDArray[np.int64], int]:
    """The changes as whole numbers of one unit, the coarsest of 1/UNITS that fits or reach/FINEST, and how far from 0
    their sum lies; not the sum of the rounded, since equal changes are all rounded the same way.
    """
    total = np.abs(changes).sum()
    if not np.isfinite(total):
        raise DataError("credit of rows must be a finite number to be compared")
    for unit in (float(unit) for unit in UNITS):
        fine = min(unit, FINEST / total) if total else unit
        steps = np.rint(changes * fine)
        if fine < unit or np.abs(steps - changes * fine).max(initial=0.0) < 1e-4:  # credit may be float32
            break
    whole = steps.astype(np.int64)
    common = max(1, int(np.gcd.reduce(whole)))
    return whole // common, round(abs(float(changes.sum())) * fine / common)


def _least(changed: Any) -> float:
    """No sum of signs is rarer than that of all alike, either way."""
    return float(min(1.0, 2.0 ** (1 - int(changed))))


def _clumping(sums: Floats, units: float, variance: float) -> float:
    """As how many rows together those of one group turn: the design effect (Kish 1965) of the credit, at least 1.

    At most what it is if a group stands or falls as one; that, too, where all rows have the same credit.
    """
    n = sums[:, 1].sum()
    return float(np.clip((sums[:, 2] ** 2).sum() / n / variance, 1.0, n / units) if variance else n / units)


def _detectable(sums: Floats, clump: float, alpha: float) -> float:
    """By the cluster-robust standard error, with what a drop adds to it: the rows that it turns, `clump` together.

    With the error s of the changes that were seen, the drop d of n rows solves d = z sqrt(s² + d clump / n).
    """
    total, count = sums[:, 1].sum(), len(sums)
    if _least(count) > alpha:
        return 1.0
    spread = sums[:, 0] - sums[:, 1] * sums[:, 0].sum() / total
    error = np.sqrt((spread**2).sum() * count / (count - 1)) / total
    z = NormalDist().inv_cdf(1 - alpha / 2) + NormalDist().inv_cdf(POWER)
    half = z**2 * clump / total / 2
    return float(min(1.0, half + np.hypot(half, z * error)))
