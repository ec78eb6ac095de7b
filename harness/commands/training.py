"""What training one model and training those of a study have in common: device, folder, progress, facts."""

from __future__ import annotations

import platform
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from harness import __version__
from harness.calibration.corpus import Corpus, Pool
from harness.calibration.train import Recipe, Training, train
from harness.calibration.validate import validation_accuracy
from harness.calibration.variants import Variant
from harness.errors import ConfigError
from harness.models import nearest

VALIDATE_EVERY = 200  # steps


@dataclass(frozen=True, slots=True)
class Trained:
    """A training at its end: accuracy on validation scenes, how many of its steps were done here, and their time."""

    training: Training
    validation: dict[str, float]
    steps: int
    seconds: float


def follow(variant: Variant, recipe: Recipe, corpus: Corpus, pools: Sequence[Pool], work: Path, device: str) -> Trained:
    """Train to the end under a progress bar with the loss, and a line of accuracies every so many steps."""
    from tqdm import tqdm

    began, steps, validation = time.monotonic(), 0, dict[str, float]()
    with tqdm(total=recipe.steps, desc=variant.name, unit="step", disable=None) as bar:
        for training in train(variant, recipe, corpus, work, device):
            steps += bool(training.loss)  # a finished one is handed over without a step, and has none
            bar.update(training.step - bar.n)
            if training.step % VALIDATE_EVERY == 0 or training.step == recipe.steps:
                validation = validation_accuracy(training.model, training.tokenizer, pools)
                tqdm.write(f"{variant.name} step {training.step}: loss {training.loss:.3f}, {said(validation)}")
            bar.set_postfix_str(f"loss {training.loss:.2f}, {said(validation)}", refresh=False)
    return Trained(training, validation, steps, time.monotonic() - began)


def said(validation: dict[str, float]) -> str:
    """Accuracies by preset, in a line."""
    return ", ".join(f"{preset} {accuracy:.0%}" for preset, accuracy in validation.items())


def machine(device: str) -> dict[str, Any]:
    """Versions, device and threads, without a name of the machine: what the model's numbers can depend on."""
    import torch

    threads = torch.get_num_threads()
    kind = torch.cuda.get_device_name(device) if device.startswith("cuda") else f"{device}, {platform.machine()}"
    return {
        "versions": {
            "spatial-harness": __version__,
            **{package: version(package) for package in ("torch", "transformers", "numpy")},
        },
        "device": device,
        "machine": f"{kind}, {threads} thread{'' if threads == 1 else 's'}",
        "threads": threads,
    }


def find_device(word: str | None) -> str:
    """Where to train. Raises ConfigError where there is no such device."""
    import torch

    known = ["cpu", *(["mps"] if torch.backends.mps.is_available() else [])]
    known += ["cuda"] * torch.cuda.is_available() + [f"cuda:{i}" for i in range(torch.cuda.device_count())]
    if word is not None and word not in known:
        raise ConfigError(f"--device {word!r} is not on this machine; {nearest(word, known)}")
    return word or ("cuda" if "cuda" in known else "cpu")


def long_enough(recipe: Recipe) -> Recipe:
    """The recipe. Raises ConfigError where nothing would be learnt by it."""
    if recipe.steps < 1:
        raise ConfigError(
            f"--steps {recipe.steps} is too few; give at least 1, or leave it out for as many as it needs"
        )
    return recipe


def make_folder(folder: Path) -> Path:
    """The folder, made before hours of training and not after them. Raises ConfigError."""
    if folder.exists() and not folder.is_dir():
        raise ConfigError(f"{folder} is not a folder; choose another --out")
    folder.mkdir(parents=True, exist_ok=True)
    return folder
