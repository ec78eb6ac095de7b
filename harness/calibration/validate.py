"""Validation: how often a model in training picks the true caption of scenes it is not trained on."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.calibration.corpus import Pool
from harness.calibration.train import embed_captions, embed_pictures
from harness.measure.choice import credit
from harness.scenes.questions import answer, claims


def validation_accuracy(model: Any, tokenizer: Any, pools: Sequence[Pool]) -> dict[str, float]:
    """Accuracy by preset, 0 to 1, of choosing among all answers that a scene could have; a tie of k earns 1/k.

    Leaves the model in training mode if it was found so. Raises ScoreError where a score is not finite.
    """
    with evaluated(model):
        return {pool.config.name: _accuracy(model, tokenizer, pool) for pool in pools}


@contextlib.contextmanager
def evaluated(model: Any) -> Iterator[None]:
    """The model without dropout and gradients, and then as it was."""
    import torch

    before = model.training
    model.eval()
    try:
        with torch.inference_mode():
            yield
    finally:
        model.train(before)


def cosines(
    model: Any, tokenizer: Any, pixels: NDArray[np.uint8], captions: Sequence[Sequence[str]]
) -> NDArray[np.float32]:
    """How well each caption fits its picture, (pictures, captions), as the cosine of their vectors.

    `pixels` is (pictures, canvas, canvas, 3); every picture has the same number of captions.
    """
    pictures = embed_pictures(model, pixels)  # (pictures, d)
    words = embed_captions(model, tokenizer, [text for told in captions for text in told])
    fit = (pictures[:, None] * words.view(len(captions), -1, words.shape[-1])).sum(-1)
    return np.asarray(fit.float().cpu().numpy(), np.float32)


def _accuracy(model: Any, tokenizer: Any, pool: Pool) -> float:
    told = [claims(pool.config, scene) for scene in pool.scenes]
    gold = [list(texts).index(answer(pool.config, scene)) for texts, scene in zip(told, pool.scenes, strict=True)]
    scores = cosines(model, tokenizer, pool.pixels, [list(texts.values()) for texts in told])
    return float(credit(scores, np.array(gold)).mean())
