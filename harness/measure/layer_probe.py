"""Layer curves: from which layer on can a label be read off a model, by a linear probe of each layer?

Rows are split by groups into training rows (64 %), validation rows (16 %) and test rows (20 %), stratified by label as
far as whole groups allow. Each layer's C, and the best layer, are chosen on validation rows; every number is of test
rows. A curve has as many chances to be high as it has layers: the p of the best one is corrected for them (shuffle.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.measure.baselines import BAG, RANDOM, compared, unbeaten, words
from harness.measure.choice import credit
from harness.measure.curves import differences, earned, headline, macro_f1s, majority, means, note_of, outcomes
from harness.measure.folds import SEED
from harness.measure.layer_task import Control, Task, control_of, same_task, task_of
from harness.measure.leaks import leak_results
from harness.measure.linear import Recipe, held_out
from harness.measure.readout import Probe, basis, fit_at, fit_probe
from harness.measure.shuffle import PERMUTATIONS, max_t, p_values
from harness.results import Findings, Result
from harness.rows import Layers, Row
from harness.threads import one_blas_thread

SELECTIVE = ("control_accuracy", "selectivity")
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Curve:
    """What probes of all layers decide: `decisions` of all rows, `control` of the control task's test rows."""

    probes: tuple[Probe, ...]
    decisions: Floats  # (layers, rows, labels)
    control: Floats
    lengths: tuple[float, ...]  # of the rows' vectors, the mean of each layer


def layer_probe(layers: Layers[Row], *, untrained: Layers[Row] | None = None, count: int = PERMUTATIONS) -> Findings:
    """Accuracy of the best layer's probes on test rows, over all, by relation and by axis; and of every layer.

    The label of the highest decision is what is said. By layer stand `accuracy`, `macro_f1`, `selectivity` (accuracy
    less `control_accuracy`, that of probes of a control task: `control_of`) and `p_max_t`, from `count` permutations;
    selectivity and control of the best layer stand under "all" too. `accuracy` of slices "baseline=…" is that of the
    best layer of `untrained`, the same rows by the same architecture with random weights, and for a tower that reads
    texts alone that of a probe of their words; the probe's distance from it is in its note. `leak` is the share of test
    rows of which something stands in training.
    The probes of all layers, and what they decide on test rows, are kept as arrays (`saved_probe`).
    Raises DataError where there are too few rows or groups, or `untrained` has others, ScoreError on NaN or Inf.
    """
    task = task_of(layers)
    control = control_of(task)
    with one_blas_thread():
        curve = _curve(task, control)
        judged = validated(task, curve.decisions)
        best = int(judged.argmax())
        baselines = _baselines(task, curve.decisions[best], untrained)
    chances = max_t(curve.decisions[:, task.test].argmax(axis=2), task.gold[task.test], task.test_groups, count)
    left = len(layers.rows) - len(task.order)
    notes = [
        f"{left} rows of rare labels left out" if left else "",
        "" if len(control.test) else "no control task: every row is a group of its own",
        *unbeaten(baselines),
    ]
    note = note_of(task, task, curve.decisions[best], best, float(chances[best]), notes)
    by_layer = _by_layer(task, control, curve)
    results = [
        *headline(task, curve.decisions[best], majority(task), note),
        *(replace(r, slice="all") for r in by_layer if r.metric in SELECTIVE and r.slice == f"layer={best}"),
        *baselines,
        *leak_results(task.rows, [(task.train, task.test)]),
        *by_layer,
        *p_values(chances, count),
    ]
    about = {"layer": best, "pooling": layers.pooling, "model": layers.fingerprint, "validation": judged.tolist()}
    return Findings(tuple(results), outcomes(task, curve.decisions[best]), *_kept(task, curve, about))


def validated(task: Task, decisions: Floats) -> Floats:
    """Accuracy of each layer's decisions (layers, rows, labels) on validation rows."""
    return np.array([credit(d[task.validation], task.gold[task.validation]).mean() for d in decisions])


def fitted(task: Task, x: NDArray[np.float32]) -> Probe:
    """The probe of vectors of the task's rows, (rows, d): those of one layer."""
    y = task.gold[:, None] == np.arange(len(task.labels))
    return fit_probe(x, y, task.labels, task.train, task.validation)


def _curve(task: Task, control: Control) -> Curve:
    found: list[tuple[Probe, Floats, Floats, float]] = []
    for layer in range(task.layers.count):
        x = task.read(layer)
        probe = fitted(task, x)
        length = float(np.linalg.norm(x.astype(np.float64), axis=1).mean())
        found.append((probe, probe.decide(x), _by_heart(x, control, probe), length))
    probes, decisions, controls, lengths = zip(*found, strict=True)
    return Curve(probes, np.stack(decisions), np.stack(controls), lengths)


def _by_heart(x: NDArray[np.float32], control: Control, probe: Probe) -> Floats:
    """What a probe of the control task decides of its test rows, (rows, labels), at the C that the task has chosen."""
    if not len(control.test):
        return np.zeros((0, len(probe.labels)))
    axes, y = basis(x[control.train]), control.gold[:, None] == np.arange(len(probe.labels))
    return fit_at(probe.c, axes.of(x[control.train]), y[control.train], probe.labels, axes).decide(x[control.test])


def _baselines(task: Task, decisions: Floats, untrained: Layers[Row] | None) -> list[Result]:
    found = []
    if task.layers.sides == ("text",):
        found.append(_beside(task, decisions, BAG, _of_words(task)))
    if untrained is not None:
        layer, other = _of_random_weights(same_task(task, untrained))
        result = _beside(task, decisions, RANDOM, other)
        found.append(replace(result, note=f"{result.note}; layer {layer}, chosen on validation rows"))
    return found


def _of_words(task: Task) -> Floats:
    """What a probe of the rows' words decides of test rows, C being chosen among training rows: (rows, labels)."""
    found = words([row.text or "" for row in task.rows], [row.label for row in task.rows], task.groups)
    return held_out(found, [(task.train, task.test)], Recipe()).decisions


def _of_random_weights(task: Task) -> tuple[int, Floats]:
    """The best layer, and what its probe decides, (rows, labels): chosen and fitted as those of the model are."""
    read = map(task.read, range(task.layers.count))
    decisions = np.stack([fitted(task, x).decide(x) for x in read])
    best = int(validated(task, decisions).argmax())
    return best, decisions[best]


def _beside(task: Task, decisions: Floats, name: str, other: Floats) -> Result:
    right, beside = ((earned(task, one[None]), task.test_groups) for one in (decisions, other))
    [value] = means("accuracy", ["all"], *beside, 1 / len(task.labels))
    [gap] = differences("difference", ["all"], right, beside)
    return compared(name, value, gap)


def _by_layer(task: Task, control: Control, curve: Curve) -> list[Result]:
    slices = [f"layer={layer}" for layer in range(task.layers.count)]
    right = earned(task, curve.decisions), task.test_groups
    found = means("accuracy", slices, *right, 1 / len(task.labels))
    found += macro_f1s(slices, curve.decisions[:, task.test], task.gold[task.test], task.test_groups)
    if len(control.test):
        by_heart = np.stack([credit(d, control.gold[control.test]) for d in curve.control], axis=1)
        held = by_heart, [task.groups[i] for i in control.test]
        found += [*means("control_accuracy", slices, *held), *differences("selectivity", slices, right, held)]
    return found


def _kept(task: Task, curve: Curve, about: Mapping[str, Any]) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """The probes of all layers and what they decide on test rows, and what is to be known of them."""
    arrays = {"decisions": curve.decisions[:, task.test].astype(np.float32)}
    for layer, probe in enumerate(curve.probes):
        arrays[f"weights.{layer}"] = probe.weights.astype(np.float32)
        arrays[f"intercepts.{layer}"] = probe.intercepts.astype(np.float32)
    rows = {part: [task.rows[i].id for i in getattr(task, part)] for part in ("train", "validation", "test")}
    return arrays, {
        **about,
        "labels": list(task.labels),
        "c": [probe.c for probe in curve.probes],
        "lengths": list(curve.lengths),
        "seed": SEED,
        "rows": rows,
        "gold": [task.rows[i].label for i in task.test],
    }
