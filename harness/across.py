"""Models against each other: how alike are the representations that a run's similarity suites kept?

A suite that compares models keeps their vectors of the same rows (`harness/measure/similarity.py`). What is found lies
in `comparisons.jsonl` of the run folder, one pair of models and metric a line.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.errors import DataError, RunError, ScoreError
from harness.files import write_whole
from harness.measure.cka import FEWEST, cka
from harness.measure.intervals import FEW_GROUPS, effective_groups, finite
from harness.measure.rsa import bootstrap_ranks, noise_ceiling, rdm, rho_a, spearman, stimulus_weights
from harness.rows import shared_groups
from harness.shards import arrays_path, read_arrays

FILE = "comparisons.jsonl"
DRAWS, SEED = 1000, 20240
METRICS = ("spearman", "rho_a", "cka")
CEILING = ("noise_ceiling_low", "noise_ceiling_high")
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One measure of two models on one suite: "spearman", "rho_a" or "cka", with its 95 % interval over stimuli.

    `n` counts stimuli. `p` is the share of draws in which the value is not above 0, (1 + k) / (1 + draws), not
    corrected for the number of pairs. A suite's noise ceiling ("noise_ceiling_low", "noise_ceiling_high") names no
    models. Where there is no value the note says why.
    """

    suite: str
    metric: str
    a: str
    b: str
    value: float | None
    low: float | None = None
    high: float | None = None
    n: int = 0
    p: float | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Kept:
    """What one model's cell kept: its vectors (rows, d) and what is known of the rows."""

    model: str
    vectors: NDArray[Any]
    about: Mapping[str, Any]


def comparisons(run: Path) -> list[Comparison]:
    """All pairs of models of each similarity suite of a merged run folder.

    Models are compared on the same rows by the same distance; a pair that differs in either is noted, not compared.
    Raises RunError where the folder is not merged.
    """
    try:
        info = json.loads((run / "run.json").read_text(encoding="utf-8"))
        passed = sorted((cell["suite"], cell["model"]) for cell in info["cells"] if cell["status"] == "passed")
        controls = {model["name"] for model in info["models"] if model.get("family") == "controls"}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RunError(f"{run} is not a readable run folder: {error}") from error
    limit = info.get("limit")
    stamp = "" if limit is None else f"--limit {limit}: not comparable"
    found: list[Comparison] = []
    for suite in sorted({suite for suite, _ in passed}):
        found += _suite(run, suite, [model for of, model in passed if of == suite], controls, stamp)
    return found


def _suite(run: Path, suite: str, models: Sequence[str], controls: set[str], stamp: str) -> Iterator[Comparison]:
    kept: list[Kept] = []
    for model in models:
        try:
            if arrays_path(run, suite, model).exists():
                arrays, about = read_arrays(run, suite, model)
                kept += [Kept(model, arrays["vectors"], about)] if about.get("compared") == "rdm" else []
        except (RunError, KeyError) as error:
            yield Comparison(suite=suite, metric=METRICS[0], a=model, b="", value=None, note=str(error))
    alike: dict[tuple[Any, ...], list[Kept]] = {}
    for one in kept:
        alike.setdefault((one.about["metric"], *one.about["rows"]), []).append(one)
    for family in alike.values():
        yield from _family(suite, family, controls, stamp)
    for first, second in combinations(alike.values(), 2):
        for a, b in ((a, b) for a in first for b in second):
            why = "not comparable: they were shown different rows, or compared by another distance"
            yield Comparison(suite=suite, metric=METRICS[0], a=a.model, b=b.model, value=None, note=why)


def _family(suite: str, kept: Sequence[Kept], controls: set[str], stamp: str) -> Iterator[Comparison]:
    """Models on the same rows: each pair by each measure, and the noise ceiling of those that are no controls."""
    groups = shared_groups(*(one.about["groups"] for one in kept))
    metric, count = str(kept[0].about["metric"]), len(groups)
    if len(kept) < 2 or count < FEWEST:
        return
    usable, rdms = [], []
    for one in kept:
        try:
            rdms.append(rdm(one.vectors, metric))
            usable.append(one)
        except (ScoreError, DataError) as error:
            yield Comparison(suite=suite, metric=METRICS[0], a=one.model, b="", value=None, note=str(error))
    stacked, vectors = np.stack(rdms), [one.vectors for one in usable]
    few = _no_interval(groups)
    values = dict(zip(METRICS, (spearman(stacked), rho_a(stacked), cka(vectors)), strict=True))
    drawn: dict[str, Floats] = {}
    if not few:
        weights = stimulus_weights(groups, DRAWS, SEED)
        drawn = dict(zip(METRICS, (*bootstrap_ranks(stacked, weights), cka(vectors, weights)), strict=True))
    for i, j in combinations(range(len(usable)), 2):
        for name in METRICS:
            ends = _ends(values[name][i, j], drawn[name][:, i, j]) if drawn else (None, None, None)
            note = "" if np.isfinite(values[name][i, j]) else "a model finds all rows equally far apart"
            yield Comparison(
                suite=suite,
                metric=name,
                a=usable[i].model,
                b=usable[j].model,
                value=_rounded(values[name][i, j]),
                low=ends[0],
                high=ends[1],
                n=count,
                p=ends[2],
                note="; ".join(filter(None, (stamp, few, note))),
            )
    yield from _ceiling(suite, stacked[[one.model not in controls for one in usable]], count, stamp)


def _no_interval(groups: Sequence[str]) -> str:
    """Why there is none. Rows that are drawn together would look more alike in every draw than they are."""
    if len(set(groups)) < len(groups):
        return "no interval: rows share a caption, a picture or a group"
    return "" if effective_groups(groups) >= FEW_GROUPS else "no interval: too few rows"


def _ceiling(suite: str, rdms: Floats, count: int, stamp: str) -> Iterator[Comparison]:
    if len(rdms) < 3:  # of two, the lower bound is their own correlation
        return
    note = "; ".join(filter(None, (stamp, f"of {len(rdms)} models, controls left out")))
    for name, value in zip(CEILING, noise_ceiling(rdms), strict=True):
        yield Comparison(suite=suite, metric=name, a="", b="", value=_rounded(value), n=count, note=note)


def _ends(value: float, drawn: Floats) -> tuple[float | None, float | None, float | None]:
    """The 95 % interval, widened to the value itself, and the p-value of a value that is not above 0."""
    drawn = drawn[np.isfinite(drawn)]
    if not np.isfinite(value) or not len(drawn):
        return None, None, None
    low, high = np.quantile(drawn, [0.025, 0.975])
    p = (1 + int((drawn <= 0).sum())) / (1 + len(drawn))
    return _rounded(min(low, value)), _rounded(max(high, value)), round(p, 6)


def _rounded(value: float) -> float | None:
    number = finite(value)
    return None if number is None else round(number, 6)  # draws are float32


def write_comparisons(run: Path) -> list[Comparison]:
    """Compare, and write `comparisons.jsonl` into a merged run folder. Raises RunError."""
    found, path = comparisons(run), run / FILE
    try:
        write_whole(path, "".join(json.dumps(asdict(one), allow_nan=False) + "\n" for one in found).encode())
    except OSError as error:
        raise RunError(f"cannot write {path}: {error}; free space, then `spatial-harness report {run}`") from error
    return found


def read_comparisons(run: Path) -> list[Comparison]:
    """What `write_comparisons` wrote; nothing where it wrote none. Raises RunError where it cannot be read."""
    path, known = run / FILE, {f.name for f in fields(Comparison)}
    if not path.exists():
        return []
    try:
        lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        return [Comparison(**{name: line[name] for name in known}) for line in lines]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RunError(f"cannot read {path}: {error!r}; `spatial-harness report {run}` writes it again") from error
