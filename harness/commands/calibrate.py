"""`calibrate NAME`: train a model of known spatial knowledge. `calibrate --sweep`: what training data teach."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from harness.calibration.cards import FACTS, entry, read_facts, write_card
from harness.calibration.corpus import SIZES, Pool, make_corpus, make_pool
from harness.calibration.model import save
from harness.calibration.train import Recipe
from harness.calibration.variants import NEGATIVES, VARIANTS, Variant
from harness.commands import sweep as sweeping
from harness.commands.examination import put_measured
from harness.commands.training import Trained, find_device, follow, long_enough, machine, make_folder
from harness.errors import ConfigError, DataError
from harness.models import nearest
from harness.sources import cache_dir

INTERRUPTED = 130  # the exit code of a program that ends at Ctrl-C
LARGEST_SEED = 2**32 - 1
PICTURES_ON_GPU = 4  # times as many in a batch: with fewer a GPU waits for its next step more than it computes


def run(
    *,
    name: str | None,
    sweep: bool,
    out: Path | None,
    seed: int,
    steps: int | None,
    work: Path | None,
    device: str | None,
    examine: bool = False,
    negatives: str | None = None,
) -> int:
    """Train one model, or those of the study, and return 0; 130 where it was interrupted and can be resumed."""
    if not 0 <= seed <= LARGEST_SEED:
        raise ConfigError(f"--seed {seed} must be between 0 and {LARGEST_SEED}")
    work = work or cache_dir() / "calibration"
    try:
        if sweep and negatives:
            raise ConfigError("--sweep turns hard negatives on and off itself; leave --negatives out")
        if sweep:
            return sweeping.run(out, seed, steps, work, device)
        folder = _model(str(name), out, seed, steps, work, device, negatives)
        if examine:
            put_measured(str(name), folder)
        return 0
    except KeyboardInterrupt:
        print(f"interrupted; the same command goes on from the last checkpoint in {work}", file=sys.stderr)
        return INTERRUPTED


def _model(
    name: str, out: Path | None, seed: int, steps: int | None, work: Path, device: str | None, negatives: str | None
) -> Path:
    if name not in VARIANTS:
        raise ConfigError(f"unknown calibration model {name!r}; {nearest(name, VARIANTS)}")
    if negatives is not None and negatives not in NEGATIVES:
        raise ConfigError(f"--negatives {negatives!r}; {nearest(negatives, NEGATIVES)}")
    where = find_device(device)
    variant = _variant(name, where, negatives)
    recipe = long_enough(Recipe(steps=variant.steps if steps is None else steps, seed=seed))
    folder = _folder(name, out)
    corpus, pools = make_corpus(SIZES), [make_pool(preset, "val") for preset in SIZES]
    made = follow(variant, recipe, corpus, pools, work, where)
    _put(made.training.model, _facts(made, pools), folder)
    print(f"{name} is in {folder}. To evaluate it, have this entry in models.yaml, and no other of that name:")
    print(entry(name, str(folder) if folder.is_absolute() else f"./{folder}"))
    print(f"pytest suites --models {name}")
    return folder


def _variant(name: str, device: str, negatives: str | None) -> Variant:
    """The variant with these negatives, or its own, and batches for the device."""
    own = VARIANTS[name]
    times = PICTURES_ON_GPU if device.startswith("cuda") else 1
    mix = {preset: count * times for preset, count in own.mix.items()}
    return replace(own, negatives=negatives or own.negatives, mix=mix)


def _folder(name: str, out: Path | None) -> Path:
    """An empty folder for the model, or one with the same model in it. Raises ConfigError."""
    folder = make_folder(out or Path(name))
    if any(folder.iterdir()):
        with contextlib.suppress(DataError):
            if read_facts(folder)["variant"] == name:
                return folder
        raise ConfigError(f"{folder} is not empty and holds no {name}; choose another --out")
    return folder


def _facts(made: Trained, pools: Sequence[Pool]) -> dict[str, Any]:
    """All that calibration.json says of a trained model."""
    training, validated = made.training, {pool.config.name: len(pool.scenes) for pool in pools}
    scenes = [
        {
            "preset": preset,
            "trained_on": len(pool.scenes),
            "in_a_batch": training.variant.mix.get(preset, 0),
            "validated_on": validated.get(preset, 0),
        }
        for preset, pool in training.corpus.pools.items()
    ]
    return {
        "variant": training.variant.name,
        "knows": training.variant.knows,
        "negatives": training.variant.negatives,
        "seed": training.recipe.seed,
        "steps": training.step,
        "recipe": asdict(training.recipe),
        "scenes": scenes,
        "corpus": training.corpus.key,
        **machine(training.device),
        "seconds": round(made.seconds, 1),
        "timed_steps": made.steps,
        "validation": made.validation,
    }


def _put(model: Any, facts: dict[str, Any], folder: Path) -> None:
    """Write the checkpoint, its facts and its card; what was there stays until all is written."""
    with tempfile.TemporaryDirectory(dir=folder, prefix=".") as scratch:
        made = Path(scratch)
        save(model, made)
        (made / FACTS).write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
        write_card(made)
        # the facts first: by them a folder that was cut short is known for this model's
        for file in sorted(made.iterdir(), key=lambda path: path.name != FACTS):
            os.replace(file, folder / file.name)
