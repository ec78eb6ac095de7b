"""How far the gate can be trusted: coverage of intervals, false alarms, and the drops that it catches, by simulation.

    python benchmarks/gate.py [--quick]

Simulated rows: an answer is right where sqrt(s) × ease + sqrt(1 - s) × luck lies above the threshold that gives the
accuracy. Ease belongs to the row and is the same for both runs, luck to the row and the run; of each, the share GROUPED
of its variance is common to the rows of a group. s, `shared`, is how far two runs agree on what is easy.
"""

import argparse
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from statistics import NormalDist

import numpy as np
import pandas as pd

from harness.baseline import Baseline
from harness.gate import MIN_EFFECT, judge
from harness.measure.compare import ALPHA, difference, flip_p, holm, least_p
from harness.measure.intervals import mean_interval

GROUPED, ACCURACY, SHARED = 0.3, 0.75, 0.8
SUITES, MODELS = 5, 12
NORMAL = NormalDist()


def grouped(rng, groups, each):
    """Groups of 1 to 2 × each - 1 rows -> the group of each row (rows,)."""
    return np.repeat(np.arange(groups), rng.integers(1, 2 * each, groups))


def standard(rng, index, share=GROUPED):
    """Normal numbers (rows,), of whose variance a share is common to a group."""
    return np.sqrt(share) * rng.normal(size=index.max() + 1)[index] + np.sqrt(1 - share) * rng.normal(size=len(index))


def propensities(rng, index, shared, share=GROUPED, ease=None):
    """Two runs' (2, rows): correlated by `shared`; `share` is the groups' in the luck of each."""
    ease = standard(rng, index) if ease is None else ease
    return np.stack([np.sqrt(shared) * ease + np.sqrt(1 - shared) * standard(rng, index, share) for _ in range(2)])


def right(propensity, accuracy):
    return (propensity > NORMAL.inv_cdf(1 - accuracy)).astype(float)


def changes(a, b, index):
    return np.bincount(index, weights=b - a)


def paired_p(*cell):
    return flip_p(changes(*cell))


def unpaired_p(a, b, _):
    """The z test of two proportions, as of rows that have nothing to do with each other."""
    rate = (a.mean() + b.mean()) / 2
    error = np.sqrt(2 * rate * (1 - rate) / len(a))
    return 2 * NORMAL.cdf(-abs(b.mean() - a.mean()) / error) if error else 1.0


# --- (a) coverage -------------------------------------------------------------------------------


def coverage(task):
    """In how many of the trials the interval of a mean, and that of a paired difference, holds the truth."""
    groups, each, accuracy, trials = task
    rng, hits, given = np.random.default_rng([groups, each, round(100 * accuracy)]), np.zeros(2), 0
    for _ in range(trials):
        index = grouped(rng, groups, each)
        x = propensities(rng, index, SHARED)
        a, b = right(x[0], accuracy), right(x[1], accuracy - 0.05)
        low, high = mean_interval(a, index)
        hits[0] += low - 1e-9 <= accuracy <= high + 1e-9
        this = difference(a, b, index)
        if this.low is not None:  # groups so unequal that they count as fewer than 20 have none
            given += 1
            hits[1] += this.low - 1e-9 <= -0.05 <= this.high + 1e-9
    return hits / [trials, given]


def show_coverage(pool, quick):
    groups, trials = ((30,), 20) if quick else ((30, 50, 100, 400), 2000)
    tasks = [(g, each, accuracy, trials) for accuracy in (0.75, 0.95) for each in (1, 3, 10) for g in groups]
    print(f"\n(a) coverage of the 95 % interval, {trials} trials a line; the second run is 5 points worse")
    print("accuracy  groups  rows a group  mean    paired difference")
    for (g, each, accuracy, _), (mean, paired) in zip(tasks, pool.map(coverage, tasks), strict=True):
        print(f"{accuracy:<9} {g:<7} {each:<13} {100 * mean:4.1f} %  {100 * paired:4.1f} %")


# --- (b) false alarms ---------------------------------------------------------------------------

DESIGNS = {  # shared, the groups' share in the luck
    "answers redrawn with the rows' own probabilities": (SHARED, GROUPED),
    "few answers change (batching, kernels)": (0.995, GROUPED),
    "whole groups change together": (SHARED, 1.0),
    "the runs share nothing but their accuracy": (0.0, GROUPED),
}


def rerun(rng, shared, share):
    """SUITES × MODELS unchanged cells of (credit before, after, groups); the rows are resampled by group.

    A row's ease goes with it; a group that is drawn twice is asked twice, with luck of its own.
    """
    cells = []
    for _ in range(SUITES):
        pool = grouped(rng, 300, 3)
        drawn = rng.integers(0, 300, 150)
        rows = np.concatenate([np.flatnonzero(pool == g) for g in drawn])
        index = np.repeat(np.arange(150), np.bincount(pool)[drawn])
        for accuracy in np.linspace(0.3, 0.95, MODELS):
            ease = standard(rng, pool)[rows]
            cells.append((*right(propensities(rng, index, shared, share, ease), accuracy), index))
    return cells


def as_baseline(cells, side):
    """A run of simulated answers, as the gate reads one."""
    keys = [(f"suite-{k // MODELS}", f"model-{k % MODELS}") for k in range(len(cells))]
    rows = [
        {"suite": s, "model": m, "row": np.arange(len(c[2]), dtype=np.uint64), "group": c[2], "correct": c[side]}
        for (s, m), c in zip(keys, cells, strict=True)
    ]
    facts = {"status": "passed", "reason": "", "data": {}, "sets": [], "unanswered": 0}
    about = {"limit": None, "models": {}, "commit": "", "started": "", "cells": dict.fromkeys(keys, facts)}
    return Baseline(Path("simulated"), about, pd.concat(map(pd.DataFrame, rows), ignore_index=True))


def alarms(task):
    """Shares of reruns with a cell that regressed: the gate's, without Holm, and by unpaired tests with Holm.

    The gate is the project's own where `whole`, and its rule otherwise, which is quicker.
    """
    name, seed, reruns, whole = task
    rng, out = np.random.default_rng([seed, list(DESIGNS).index(name)]), np.zeros(3)
    for _ in range(reruns):
        cells = rerun(rng, *DESIGNS[name])
        drop = np.array([a.mean() - b.mean() for a, b, _ in cells]) > MIN_EFFECT + 1e-9
        p, other = (np.array([test(*cell) for cell in cells]) for test in (paired_p, unpaired_p))
        least = np.array([least_p(changes(*cell)) for cell in cells])
        failed = ((holm(p, least) <= ALPHA) & drop).any()
        if whole:
            found = [v.verdict for v in judge(as_baseline(cells, 0), as_baseline(cells, 1))]
            assert len(found) == len(cells)
            assert "not comparable" not in found
            failed = "regressed" in found
        out += [failed, ((p <= ALPHA) & drop).any(), ((holm(other) <= ALPHA) & drop).any()]
    return out / reruns


def show_alarms(pool, quick):
    parts, each = (2, 1) if quick else (4, 50)
    print(
        f"\n(b) false alarms: share of {parts * each} reruns of unchanged models in which a gate of {SUITES * MODELS}"
    )
    print("cells fails; beside it each cell at 0.05 without Holm, and tests of two proportions with Holm")
    for k, name in enumerate(DESIGNS):
        shares = np.mean(list(pool.map(alarms, [(name, s, each, k == 0) for s in range(parts)])), axis=0)
        print(f"{name:<50}" + "".join(f"{100 * share:6.1f} %" for share in shares))


# --- (c) power ----------------------------------------------------------------------------------


def caught(runs, drop, test, tests=1):
    """Share of simulated runs in which a drop of the accuracy is found, among so many cells (Holm's worst case)."""
    found = [(right(x[0], ACCURACY), right(x[1], ACCURACY - drop), index) for x, index in runs]
    return np.mean([a.mean() - b.mean() > MIN_EFFECT and test(a, b, i) <= ALPHA / tests for a, b, i in found])


def simulated(groups, shared, trials):
    rng = np.random.default_rng([groups, round(1000 * shared)])
    for _ in range(trials):
        index = np.repeat(np.arange(groups), 3)
        yield propensities(rng, index, shared), index


def power(task):
    """The share of answers that differ, and how often 5 points are caught on 1,200 rows in 400 groups."""
    shared, trials = task
    runs = list(simulated(400, shared, trials))
    differ = np.mean([(right(x[0], ACCURACY) != right(x[1], ACCURACY - 0.05)).mean() for x, _ in runs])
    kinds = [(paired_p, 1), (paired_p, MODELS), (paired_p, SUITES * MODELS), (unpaired_p, 1)]
    return differ, *(caught(runs, 0.05, *kind) for kind in kinds)


def smallest(share: Callable[[float], float], goal):
    """The drop that is caught in such a share of runs, by bisection to 0.05 points."""
    low, high = 0.0, 0.3
    while high - low > 0.0005:
        middle = (low + high) / 2
        low, high = (low, middle) if share(middle) >= goal else (middle, high)
    return high


def drops(task):
    groups, tests, trials = task
    runs = list(simulated(groups, SHARED, trials))
    return [
        smallest(lambda drop, test=test: caught(runs, drop, test, tests), goal)
        for test in (paired_p, unpaired_p)
        for goal in (0.8, 0.9)
    ]


def show_power(pool, quick):
    trials = 10 if quick else 1000
    tasks = [(shared, trials) for shared in (0.5, 0.7, SHARED, 0.9, 0.95)]
    print(f"\n(c) power: {100 * ACCURACY:.0f} % falls by 5 points, 1,200 rows in 400 groups, {trials} trials a line")
    print(f"shared  answers that differ  caught in a gate of 1, {MODELS}, {SUITES * MODELS} cells  unpaired, 1 cell")
    for (shared, _), (differ, *found) in zip(tasks, pool.map(power, tasks), strict=True):
        print(f"{shared:<7} {100 * differ:4.1f} %              " + "".join(f"{100 * x:7.1f} %" for x in found))
    tasks = [(groups, tests, 10 if quick else 400) for tests in (1, SUITES * MODELS) for groups in (100, 400, 1667)]
    print(f"\nsmallest drop, in points, caught in 80 % and 90 % of runs ({SHARED} shared); the ratio at 80 %")
    print("cells  rows   paired: 80 %  90 %   unpaired: 80 %  90 %   unpaired / paired")
    for (groups, tests, _), found in zip(tasks, pool.map(drops, tasks), strict=True):
        a, b, c, d = (100 * x for x in found)
        print(f"{tests:<6} {3 * groups:<6} {a:11.1f} {b:6.1f} {c:15.1f} {d:6.1f}   {c / a:.2f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="few trials, to see that it runs")
    quick, start = parser.parse_args().quick, time.perf_counter()
    with ProcessPoolExecutor() as pool:
        for show in (show_coverage, show_alarms, show_power):
            show(pool, quick)
    print(f"\n{time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()
