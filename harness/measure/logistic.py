"""L2-regularised logistic regression, many binary problems over one X at once.

Each problem minimises  mean(log(1 + exp(-y z))) + |w|² / (2 C n),  z = X w + b, b unpenalised: the
objective of scikit-learn's LogisticRegression(C), divided by C n. L-BFGS (Nocedal & Wright 2006,
algorithm 7.4) runs on all problems side by side, so that the products with X are one matrix product
for all; each problem has a line search and a stopping point of its own. `coordinates` turns X
into its eigenbasis first, where the Hessian is nearly diagonal and its diagonal a good first step.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

MEMORY = 10
MAX_STEPS = 500
FLAT = 1e-13  # a smaller relative gain is rounding
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Fit:
    """Weights (d, problems), intercepts (problems,), and each problem's largest final gradient entry."""

    weights: Floats
    intercepts: Floats
    gradient: Floats

    def decide(self, x: Any) -> Floats:
        """Decision values (rows, problems); above 0 means yes."""
        return np.asarray(x @ self.weights) + self.intercepts


def coordinates(x: Any) -> Any:
    """The same rows in coordinates that suit the solver; labels have no part in it.

    Dense x: centred and rotated onto the eigenvectors of its scatter. Both leave the problem as it
    was: the intercept is free, and a rotation keeps |w|. Sparse x stays as it is, in float64.
    """
    from scipy import sparse

    if sparse.issparse(x):
        return x.tocsr().astype(np.float64)
    centred = np.asarray(x, np.float64) - np.asarray(x, np.float64).mean(axis=0)
    _, axes = np.linalg.eigh(centred.T @ centred)
    return centred @ axes


def fit(x: Any, y: NDArray[np.bool_], c: Floats, tolerance: float = 1e-6) -> Fit:
    """Fit problems y (rows, problems) on x (rows, d), dense or sparse, with C c (problems,).

    A problem is done when no entry of its gradient exceeds the tolerance, or when no step lowers
    its loss any further in float64.
    """
    from scipy import sparse

    n, d = x.shape
    sign = np.where(y, 1.0, -1.0)
    squares = np.asarray((x.multiply(x) if sparse.issparse(x) else x * x).mean(axis=0)).ravel()
    ridge = 1 / (c * n)
    prior = np.clip(y.mean(axis=0), 1 / n, 1 - 1 / n)
    spread = prior * (1 - prior)
    # inverse Hessian diagonal at the start, where every probability is the class's share
    scale = 1 / np.vstack([squares[:, None] * spread + ridge, spread])  # (d + 1, problems)
    theta = np.zeros((d + 1, y.shape[1]))
    theta[-1] = np.log(prior / (1 - prior))
    gradient = np.empty(y.shape[1])
    active = np.arange(y.shape[1])
    state, going = _Lbfgs(x, sign, ridge, scale, theta), np.ones(y.shape[1], bool)
    for _ in range(MAX_STEPS):
        gradient[active] = np.abs(state.g).max(axis=0)
        theta[:, active] = state.theta
        going &= gradient[active] > tolerance
        if not going.any():
            break
        if not going.all():
            active = active[going]
            state.keep(going)
        going = state.step()
    return Fit(theta[:-1], theta[-1], gradient)


class _Lbfgs:
    """The state of the problems still running; every array's last axis is the problem."""

    def __init__(self, x: Any, sign: Floats, ridge: Floats, scale: Floats, theta: Floats) -> None:
        self.x, self.sign, self.ridge, self.scale, self.theta = x, sign, ridge, scale, theta.copy()
        self.z = np.asarray(x @ theta[:-1]) + theta[-1]  # (rows, problems), carried: no product in the line search
        self.loss, self.decay = self._loss(self.z, self.theta)
        self.g = self._gradient()
        self.pairs: list[tuple[Floats, Floats, Floats]] = []  # (s, y, 1 / s·y), newest last

    def keep(self, going: NDArray[np.bool_]) -> None:
        """Drop the problems that have converged."""
        for name in ("sign", "ridge", "scale", "theta", "z", "loss", "decay", "g"):
            setattr(self, name, getattr(self, name)[..., going])
        self.pairs = [(s[:, going], y[:, going], r[going]) for s, y, r in self.pairs]

    def _loss(self, z: Floats, theta: Floats) -> tuple[Floats, Floats]:
        """Loss (problems,) and exp(-|z|) (rows, problems), which the gradient needs again."""
        decay = np.exp(-np.abs(z))
        rows = np.maximum(-self.sign * z, 0) + np.log1p(decay)
        return np.asarray(rows.mean(axis=0) + 0.5 * self.ridge * (theta[:-1] ** 2).sum(axis=0)), decay

    def _gradient(self) -> Floats:
        wrong = self.sign * self.z < 0
        residual = -self.sign * np.where(wrong, 1.0, self.decay) / (1 + self.decay) / len(self.z)
        return np.vstack([np.asarray(self.x.T @ residual) + self.ridge * self.theta[:-1], residual.sum(axis=0)])

    def _direction(self) -> Floats:
        q, alphas = self.g.copy(), []
        for s, y, r in reversed(self.pairs):
            alphas.append(r * (s * q).sum(axis=0))
            q -= alphas[-1] * y
        q *= self.scale
        for (s, y, r), alpha in zip(self.pairs, reversed(alphas), strict=True):
            q += s * (alpha - r * (y * q).sum(axis=0))
        return -q

    def step(self) -> NDArray[np.bool_]:
        """One step of every problem; returns which may still go lower."""
        p = self._direction()
        slope = (p * self.g).sum(axis=0)
        z_step = np.asarray(self.x @ p[:-1]) + p[-1]
        t = np.ones(len(slope))
        waiting = np.ones(len(slope), bool)
        for _ in range(30):  # Armijo, halving, each problem by itself
            trial, decay = self._loss(self.z + t * z_step, self.theta + t * p)
            waiting &= trial > self.loss + 1e-4 * t * slope
            if not waiting.any():
                break
            t[waiting] /= 2
        else:  # some found no lower loss: they stay where they are
            t[waiting] = 0.0
            trial, decay = self._loss(self.z + t * z_step, self.theta + t * p)
        before, s, lower = self.g, t * p, self.loss - trial > FLAT * self.loss
        self.theta, self.z, self.loss, self.decay = self.theta + s, self.z + t * z_step, trial, decay
        self.g = self._gradient()
        remembering = np.any([r > 0 for _, _, r in self.pairs], axis=0) if self.pairs else np.zeros(len(t), bool)
        self._remember(s, self.g - before)
        for _, _, r in self.pairs:  # a problem that found no way down forgets its past and tries once more
            r[~lower] = 0.0
        return lower | remembering

    def _remember(self, s: Floats, y: Floats) -> None:
        curvature = (s * y).sum(axis=0)
        good = curvature > 1e-300
        inverse = np.where(good, 1 / np.where(good, curvature, 1), 0.0)  # 0 leaves the pair without effect
        self.pairs = [*self.pairs[-(MEMORY - 1) :], (s, y, inverse)]
