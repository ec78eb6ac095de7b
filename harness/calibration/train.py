"""Training: CLIP's symmetric contrastive loss (Radford et al. 2021, fig. 3), with false captions of the same
picture among those to choose from (NegCLIP: Yuksekgonul et al. 2023, arXiv 2210.01936, sec. 4).
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.calibration.corpus import Corpus, draw_batch
from harness.calibration.model import DEVIATION, MEAN, new_model, new_tokenizer
from harness.calibration.variants import Variant
from harness.errors import StoreError
from harness.rows import digest

VERSION = 2  # raise it when something here or in the captions changes what is learnt: old checkpoints are then left
KEEP_EVERY = 200  # steps between checkpoints
LARGEST_SCALE = 100.0  # of the logits, as in CLIP
NOT_A_CHOICE = -1e4
LONGEST_GRADIENT = 1.0
HELD = 0.6  # of the steps, at the full learning rate
CHUNK = 128  # captions of about one length that are embedded together


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How one model is trained. On one machine a recipe gives the same weights again, bit for bit."""

    steps: int
    seed: int = 0
    learning_rate: float = 3e-4  # after the warm-up; falls as a cosine over the last steps
    warmup: int = 100
    weight_decay: float = 0.05


def train(variant: Variant, recipe: Recipe, corpus: Corpus, work: Path, device: str = "cpu") -> Iterator[Training]:
    """Train step by step, yielding the same object after each, with its `model`, `step` and `loss`.

    Goes on from the last checkpoint of this recipe in `work`, to the weights it would have had
    without a break. Raises StoreError where `work` cannot be written.
    """
    training = Training(variant, recipe, corpus, device)
    training.resume(work)
    while training.step < recipe.steps:
        training.advance()
        if training.step % KEEP_EVERY == 0 or training.step == recipe.steps:
            training.keep(work)
        yield training
    if not training.loss:
        yield training  # a finished one is handed over as it is


class Training:
    """One model on its way: weights, optimiser, how many steps are done, and the last loss."""

    def __init__(self, variant: Variant, recipe: Recipe, corpus: Corpus, device: str) -> None:
        import torch

        self.variant, self.recipe, self.corpus, self.device = variant, recipe, corpus, device
        torch.manual_seed(recipe.seed)
        self.model = new_model().to(device)
        self.tokenizer = new_tokenizer()
        # CLIP's own betas and epsilon
        self.optimiser = torch.optim.AdamW(
            self.model.parameters(), recipe.learning_rate, (0.9, 0.98), 1e-6, recipe.weight_decay
        )
        self.step, self.loss = 0, 0.0

    def advance(self) -> None:
        """One step on a batch that follows from seed and step alone."""
        import torch

        rng = np.random.default_rng([self.recipe.seed, self.step])
        pixels, told = draw_batch(self.corpus, self.variant, rng)
        for group in self.optimiser.param_groups:
            group["lr"] = _learning_rate(self.recipe, self.step)
        with torch.autocast(self.device, torch.bfloat16, enabled=self.device != "cpu"):
            loss = contrastive_loss(self.model, self.tokenizer, pixels, told)
        self.optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), LONGEST_GRADIENT)
        self.optimiser.step()
        self.step, self.loss = self.step + 1, float(loss.detach())

    def keep(self, work: Path) -> None:
        """Write a checkpoint, whole or not at all. Raises StoreError."""
        import torch

        path = self._checkpoint(work)
        scratch = path.with_suffix(".tmp")
        state = {"step": self.step, "model": self.model.state_dict(), "optimiser": self.optimiser.state_dict()}
        try:
            work.mkdir(parents=True, exist_ok=True)
            torch.save(state, scratch)
            scratch.replace(path)
        except (OSError, RuntimeError) as error:  # torch reports a full disk as RuntimeError
            with contextlib.suppress(OSError):
                scratch.unlink()
            raise StoreError(
                f"cannot keep a checkpoint in {work}: {error}; free some space or choose another"
            ) from None

    def resume(self, work: Path) -> None:
        """Take up this recipe's own checkpoint, if there is one."""
        import torch

        if (path := self._checkpoint(work)).is_file():
            state = torch.load(path, map_location=self.device, weights_only=True)
            self.model.load_state_dict(state["model"])
            self.optimiser.load_state_dict(state["optimiser"])
            self.step = state["step"]

    def _checkpoint(self, work: Path) -> Path:
        from transformers import __version__ as transformers_version

        variant = self.variant
        known = str(VERSION), transformers_version, self.device, str(self.recipe), self.corpus.key
        name = digest(*known, variant.name, variant.negatives, str(variant.mix))
        return work / f"{variant.name}-{name[:16]}.pt"


def contrastive_loss(model: Any, tokenizer: Any, pixels: NDArray[np.uint8], told: Sequence[Sequence[str]]) -> Any:
    """Mean cross-entropy of picture to caption and caption to picture, a scalar tensor.

    `pixels` is (batch, canvas, canvas, 3); `told` holds, of each picture, the caption called right and
    then those called wrong, which stand in the first direction only. To the mean of the two directions
    comes the choice among a picture's own captions: colours alone tell most pictures of a batch apart, and
    would hide for long what a shape or a relation explains.
    """
    import torch
    from torch.nn.functional import cross_entropy

    texts = [row[0] for row in told] + [text for row in told for text in row[1:]]
    numbers = {text: number for number, text in enumerate(dict.fromkeys(texts))}
    told_as = torch.tensor([numbers[text] for text in texts], device=model.device)
    pictures, words = embed_pictures(model, pixels), embed_captions(model, tokenizer, list(numbers))[told_as]
    logits = model.logit_scale.exp().clamp(max=LARGEST_SCALE) * pictures @ words.T  # (batch, captions)
    rows = torch.arange(len(told), device=logits.device)
    # another picture's caption in the very same words is no wrong answer
    twin = (told_as[: len(told), None] == told_as[None, :]).index_put((rows, rows), torch.tensor(False))
    logits = logits.float().masked_fill(twin, NOT_A_CHOICE)
    told_of = torch.tensor([*range(len(told)), *(k for k, row in enumerate(told) for _ in row[1:])])
    own = told_of.to(logits.device)[None, :] == rows[:, None]
    contrast = (cross_entropy(logits, rows) + cross_entropy(logits[:, : len(told)].T, rows)) / 2
    return contrast + cross_entropy(logits.masked_fill(~own, NOT_A_CHOICE), rows)


def embed_pictures(model: Any, pixels: NDArray[np.uint8]) -> Any:
    """Unit vectors (pictures, d) of pixels as the image processor would have them."""
    import torch

    values = torch.from_numpy(pixels).to(model.device).permute(0, 3, 1, 2).float()
    values = (values / 255 - MEAN) / DEVIATION
    return torch.nn.functional.normalize(model.get_image_features(pixel_values=values).pooler_output, dim=-1)


def embed_captions(model: Any, tokenizer: Any, texts: Sequence[str]) -> Any:
    """Unit vectors (texts, d); short captions are not padded to the length of the longest."""
    import torch

    ids = tokenizer(list(texts))["input_ids"]
    order = sorted(range(len(ids)), key=lambda k: len(ids[k]))
    vectors = []
    for start in range(0, len(order), CHUNK):
        part = {"input_ids": [ids[k] for k in order[start : start + CHUNK]]}
        tokens = tokenizer.pad(part, return_tensors="pt").to(model.device)
        vectors.append(torch.nn.functional.normalize(model.get_text_features(**tokens).pooler_output, dim=-1))
    places = torch.empty(len(order), dtype=torch.long)
    places[order] = torch.arange(len(order))
    return torch.cat(vectors)[places.to(model.device)]


def _learning_rate(recipe: Recipe, step: int) -> float:
    rise = min(1.0, (step + 1) / recipe.warmup)
    # relations are learnt of a sudden and late: the rate falls only after that
    held = HELD * recipe.steps
    fall = max(0.0, (step - held) / max(1.0, recipe.steps - held))
    return recipe.learning_rate * rise * (1 + math.cos(math.pi * fall)) / 2
