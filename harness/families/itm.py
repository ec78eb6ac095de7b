"""Image-text matching: a cross-encoder that reads picture and caption together and says whether they match.

BLIP (Li et al. 2022, arXiv 2201.12086). Option `score` is itm (log-odds of the matching head, default), itc (cosine
of the two projected vectors) or sum (probability of a match plus cosine, as Kamath, Hessel & Chang 2023, arXiv
2310.19785, score BLIP).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from harness.errors import ConfigError, ModelError
from harness.families import check_tokenizer, load_network
from harness.models import ModelSpec

if TYPE_CHECKING:
    from PIL.Image import Image

VERSION = 1
NEEDS_WEIGHTS = True
OPTIONS: dict[str, tuple[object, ...] | None] = {"score": ("itm", "itc", "sum"), "allow_bin": None}
LIBRARIES = ("torch", "transformers")


def capabilities(spec: ModelSpec) -> frozenset[str]:
    """Captions are scored with their picture, and there is no vector of either alone."""
    if spec.pooling:
        raise ConfigError(f"{spec.name}: family itm has nothing to pool; leave `pooling` out")
    return frozenset({"ScoresCaptions"})


def load(spec: ModelSpec, path: Path | None, device: str) -> Any:
    """Load a checkpoint of BlipForImageTextRetrieval. Raises ModelError where it is of another architecture."""
    from transformers import AutoConfig, AutoImageProcessor, AutoTokenizer, BlipForImageTextRetrieval

    common: dict[str, Any] = {"trust_remote_code": spec.trust_remote_code, "local_files_only": True}
    kind = AutoConfig.from_pretrained(path, **common).model_type
    if kind != "blip":
        raise ModelError(f"{spec.name}: family itm loads BLIP with a matching head, and {path} holds a {kind}")
    model = load_network(BlipForImageTextRetrieval, spec, path)
    tokenizer = AutoTokenizer.from_pretrained(path, **common)
    check_tokenizer(spec, tokenizer, model.config.text_config.vocab_size)
    # torchvision resizes otherwise than Pillow: numbers must not depend on whether it is installed
    processor = AutoImageProcessor.from_pretrained(path, backend="pil", **common)
    return Matcher(model.to(device).eval(), tokenizer, processor, spec)


class Matcher:
    """ScoresCaptions."""

    def __init__(self, model: Any, tokenizer: Any, processor: Any, spec: ModelSpec) -> None:
        self.model, self.tokenizer, self.processor, self.prompt = model, tokenizer, processor, spec.prompt
        self.score = spec.options.get("score", "itm")

    def score_captions(self, images: Sequence[Image], captions: Sequence[Sequence[str]]) -> NDArray[np.float32]:
        """Return (images, captions); each picture goes through its encoder once, whatever its captions' number."""
        import torch

        with torch.inference_mode():
            pixels = self.processor(images=list(images), return_tensors="pt")["pixel_values"]
            pixels = pixels.to(self.model.device, self.model.dtype)
            patches = self.model.vision_model(pixel_values=pixels).last_hidden_state  # (images, patches, d)
            patches = patches.repeat_interleave(len(captions[0]), dim=0)  # (pairs, patches, d)
            tokens = self._tokens([self.prompt + caption for told in captions for caption in told])
            ways = {"itm": self._log_odds, "itc": self._cosines, "sum": self._sum}
            scores = ways[self.score](tokens, patches).view(len(images), -1)  # (images, captions)
            return np.asarray(scores.float().cpu().numpy(), np.float32)

    def _tokens(self, texts: Sequence[str]) -> Any:
        longest = self.model.config.text_config.max_position_embeddings
        tokens = self.tokenizer(texts, padding=True, truncation=True, max_length=longest, return_tensors="pt")
        return {name: tokens[name].to(self.model.device) for name in ("input_ids", "attention_mask")}

    def _log_odds(self, tokens: Any, patches: Any) -> Any:
        read = self.model.text_encoder(**tokens, encoder_hidden_states=patches).last_hidden_state
        logits = self.model.itm_head(read[:, 0]).float()  # (pairs, 2): no match, match
        return logits[:, 1] - logits[:, 0]

    def _cosines(self, tokens: Any, patches: Any) -> Any:
        from torch.nn.functional import cosine_similarity

        read = self.model.text_encoder(**tokens).last_hidden_state
        pictures, texts = self.model.vision_proj(patches[:, 0]), self.model.text_proj(read[:, 0])
        return cosine_similarity(pictures.float(), texts.float())

    def _sum(self, tokens: Any, patches: Any) -> Any:
        return self._log_odds(tokens, patches).sigmoid() + self._cosines(tokens, patches)
