"""A linear probe of many labels: one logistic regression per label against the rest, the highest decision wins.

Columns are standardised on the training rows and divided by the root of their number, so that a row has about unit
length and C means what it means on unit vectors; weights are told for the vectors as they came. Kept in a run folder,
a probe is read back by `saved_probe`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.errors import RunError, ScoreError
from harness.measure import logistic
from harness.measure.linear import ROUGH
from harness.shards import read_arrays

C_GRID = (0.1, 1.0, 10.0, 100.0, 1000.0)
HALF = 2.0**-11  # the rounding of a float16, in which hidden states are kept
THIN = 1e-9  # of the largest eigenvalue: axes below are rounding
Floats = NDArray[np.float64]
Index = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Probe:
    """Weights (d, labels) and intercepts (labels,) for vectors as the model gave them; `about` says of which layer."""

    weights: NDArray[np.floating[Any]]
    intercepts: NDArray[np.floating[Any]]
    labels: tuple[str, ...]
    c: float
    about: Mapping[str, Any] = field(default_factory=dict)

    def decide(self, x: NDArray[Any]) -> Floats:
        """Decision values (rows, labels) of vectors (rows, d); the highest is the label. Raises ScoreError."""
        if x.ndim != 2 or x.shape[1] != len(self.weights):
            raise ScoreError(f"the probe reads vectors of {len(self.weights)} numbers, not an array of shape {x.shape}")
        return np.asarray(np.asarray(x, np.float64) @ self.weights + self.intercepts)

    def says(self, x: NDArray[Any]) -> list[str]:
        """The label of each vector."""
        return [self.labels[i] for i in self.decide(x).argmax(axis=1)]

    def direction(self, label: str) -> NDArray[np.float32]:
        """The way in which the label's decision rises fastest, (d,), at unit length. Raises ScoreError for none."""
        weights = self.weights[:, self.labels.index(label)].astype(np.float64)
        if not (length := np.linalg.norm(weights)):
            raise ScoreError(f"the probe of {label!r} has no direction: nothing could be read off its layer")
        return np.asarray(weights / length, np.float32)


@dataclass(frozen=True, slots=True)
class Basis:
    """Where training vectors lie: `axes` (d, r) of their scatter, on columns of mean 0 and like spread."""

    mean: Floats
    scale: Floats
    axes: Floats

    def of(self, x: NDArray[Any]) -> Floats:
        """Coordinates (rows, r). Off the axes no training row ever was, and a probe has no weight there."""
        return np.asarray(((x - self.mean) / self.scale) @ self.axes)


def basis(x: NDArray[Any]) -> Basis:
    """The basis of training vectors (rows, d). Raises ScoreError on NaN or Inf.

    Columns that vary by less than a float16 rounds hold nothing and are left out. The axes are found by the smaller
    one of scatter and Gram matrix.
    """
    x = np.asarray(x, np.float64)
    if not np.isfinite(x).all():
        raise ScoreError("the representation holds NaN or Inf")
    mean, spread = x.mean(axis=0), x.std(axis=0)
    alive = spread > HALF * np.abs(x).max(axis=0)
    scale = np.where(alive, spread * np.sqrt(max(1, alive.sum())), np.inf)
    z = (x - mean) / scale
    values, vectors = np.linalg.eigh(z @ z.T if len(z) < z.shape[1] else z.T @ z)
    kept = values > THIN * max(values[-1], 1e-300)
    kept[-1] = True  # a layer that is the same for all rows is probed too
    axes = vectors[:, kept]
    if len(z) < z.shape[1]:
        axes = z.T @ axes / np.sqrt(np.maximum(values[kept], 1e-300))
    return Basis(mean, scale, axes)


def fit_probe(x: NDArray[Any], y: NDArray[np.bool_], labels: Sequence[str], train: Index, validation: Index) -> Probe:
    """Fit on the training rows of x (rows, d), y (rows, labels), at the C of least log-loss on the validation rows."""
    found = basis(x[train])
    coords, count = found.of(x[train]), len(labels)
    many, grid = np.tile(y, (1, len(C_GRID))), np.repeat(C_GRID, count)
    decided = logistic.fit(coords, many[train], grid, ROUGH).decide(found.of(x[validation]))
    loss = np.logaddexp(0, np.where(many[validation], -1, 1) * decided).mean(axis=0)
    c = C_GRID[int(loss.reshape(len(C_GRID), count).sum(axis=1).argmin())]
    return fit_at(c, coords, y[train], labels, found)


def fit_at(c: float, coords: Floats, y: NDArray[np.bool_], labels: Sequence[str], found: Basis) -> Probe:
    """Fit at one C on coordinates (rows, r) in a basis."""
    fitted = logistic.fit(coords, y, np.full(len(labels), c))
    weights = found.axes @ fitted.weights / found.scale[:, None]
    return Probe(weights, fitted.intercepts - found.mean @ weights, tuple(labels), c)


def saved_probe(run: Path | str, suite: str, model: str, layer: int | None = None) -> Probe:
    """A probe that a suite left in a run folder: of its best layer, or of another. Raises RunError for none."""
    return probe_in(*read_arrays(Path(run), suite, model), layer, f"suite {suite} for {model} in {run}")


def probe_in(
    arrays: Mapping[str, NDArray[Any]], about: Mapping[str, Any], layer: int | None = None, where: str = "the suite"
) -> Probe:
    """The probe of a layer, or of the best one, in what `layer_probe` found. Raises RunError for none."""
    wanted = about.get("layer", 0) if layer is None else layer
    if f"weights.{wanted}" not in arrays:
        known = sorted(int(name.removeprefix("weights.")) for name in arrays if name.startswith("weights."))
        there = f"probes of layers {known[0]} to {known[-1]}" if known else "no probe of a layer"
        raise RunError(f"{where} has {there}, none of layer {wanted}")
    weights, intercepts = arrays[f"weights.{wanted}"], arrays[f"intercepts.{wanted}"]
    return Probe(weights, intercepts, tuple(about["labels"]), about["c"][wanted], {**about, "layer": wanted})
