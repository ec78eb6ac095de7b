"""Networks that read a picture and a caption together and say whether they match, each asked in its own way.

What a network makes of a picture alone is computed once and repeated for each of the picture's captions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from PIL.Image import Image

Tensors = Mapping[str, Any]
PAIRS = 128  # of picture and caption, read at once


class Matcher:
    """ScoresCaptions, by `score`: itm (log-odds of a match), itc (cosine), or sum (logit of a match plus cosine)."""

    NETWORK = ""  # the class of transformers
    TEXT = ""  # the part of its config that is about texts
    SCORES: tuple[str, ...] = ("itm",)

    def __init__(
        self, model: Any, tokenizer: Any, processor: Any, *, longest: int, score: str = "itm", prompt: str = ""
    ) -> None:
        self.model, self.tokenizer, self.processor = model, tokenizer, processor
        self.longest, self.score, self.prompt = longest, score, prompt

    def score_captions(self, images: Sequence[Image], captions: Sequence[Sequence[str]]) -> NDArray[np.float32]:
        """Return (images, captions); every picture has the same number of captions."""
        import torch

        with torch.inference_mode():
            seen = self.see(self._pixels(images))  # (images, …)
            texts = [self.prompt + text for told in captions for text in told]
            of = torch.arange(len(images), device=self.model.device).repeat_interleave(len(captions[0]))
            parts = []
            for start in range(0, len(texts), PAIRS):  # a picture may be asked about hundreds of captions
                here = slice(start, start + PAIRS)
                pairs = {name: part[of[here]] for name, part in seen.items()}  # (pairs, …)
                parts.append(self._scores(self._tokens(texts[here]), pairs))
            scores = torch.cat(parts)
            return np.asarray(scores.view(len(images), -1).float().cpu().numpy(), np.float32)

    def _scores(self, tokens: Tensors, seen: Tensors) -> Any:
        if self.score == "itc":
            return self.cosines(tokens, seen)
        logits = self.logits(tokens, seen).float()
        other = self.cosines(tokens, seen) if self.score == "sum" else -logits[:, 0]
        return logits[:, 1] + other

    def _pixels(self, images: Sequence[Image]) -> Tensors:
        batch = self.processor(images=list(images), return_tensors="pt").to(self.model.device)
        return {**batch, "pixel_values": batch["pixel_values"].to(self.model.dtype)}

    def _tokens(self, texts: Sequence[str]) -> Tensors:
        tokens = self.tokenizer(texts, padding=True, truncation=True, max_length=self.longest, return_tensors="pt")
        return {name: tokens[name].to(self.model.device) for name in ("input_ids", "attention_mask")}

    def see(self, pixels: Tensors) -> Tensors:
        """What can be computed of pictures alone, each part (images, …)."""
        return pixels

    def logits(self, tokens: Tensors, seen: Tensors) -> Any:
        """Return (pairs, 2): no match, match."""
        return self.model(**tokens, **seen).logits

    def cosines(self, tokens: Tensors, seen: Tensors) -> Any:
        """Return (pairs,): how near the vectors of caption and picture are."""
        raise NotImplementedError(f"{self.NETWORK} has no vectors of caption and picture")


class Blip(Matcher):
    """BLIP (Li et al. 2022, arXiv 2201.12086).

    `sum` is as published: the caption is cut at 35 tokens, and before the matching head reads it, its first token
    becomes [ENC], with which the head was trained and which transformers leaves out.
    """

    NETWORK, TEXT, SCORES = "BlipForImageTextRetrieval", "text_config", ("itm", "itc", "sum")

    def __init__(self, *loaded: Any, longest: int, score: str = "itm", prompt: str = "") -> None:
        super().__init__(*loaded, longest=min(longest, 35) if score == "sum" else longest, score=score, prompt=prompt)

    def see(self, pixels: Tensors) -> Tensors:
        """Patches, the first of them standing for all."""
        patches = self.model.vision_model(**pixels).last_hidden_state
        return {"patches": patches[:, :1] if self.score == "itc" else patches}

    def logits(self, tokens: Tensors, seen: Tensors) -> Any:
        """Return (pairs, 2): no match, match."""
        words = tokens["input_ids"].clone()
        if self.score == "sum":
            words[:, 0] = self.model.config.text_config.vocab_size - 1  # [ENC], which the tokenizer's files lack
        read = self.model.text_encoder(
            input_ids=words, attention_mask=tokens["attention_mask"], encoder_hidden_states=seen["patches"]
        )
        return self.model.itm_head(read.last_hidden_state[:, 0])

    def cosines(self, tokens: Tensors, seen: Tensors) -> Any:
        """Return (pairs,)."""
        read = self.model.text_encoder(**tokens).last_hidden_state
        return _cosine(self.model.vision_proj(seen["patches"][:, 0]), self.model.text_proj(read[:, 0]))


class Blip2(Matcher):
    """BLIP-2 (Li et al. 2023, arXiv 2301.12597): every query has a say in the match, the nearest one is the cosine."""

    NETWORK, TEXT, SCORES = "Blip2ForImageTextRetrieval", "qformer_config", ("itm", "itc", "sum")

    def see(self, pixels: Tensors) -> Tensors:
        """Patches for the matching head, and projected queries (images, queries, d) for the cosine."""
        patches = self.model.vision_model(**pixels).last_hidden_state
        if self.score == "itm":
            return {"patches": patches}
        read = self.model.qformer(query_embeds=self._queries(len(patches)), encoder_hidden_states=patches)
        queries = self.model.vision_projection(self._cast(read.last_hidden_state))
        return {"queries": queries} | ({"patches": patches} if self.score == "sum" else {})

    def logits(self, tokens: Tensors, seen: Tensors) -> Any:
        """Return (pairs, 2): no match, match."""
        import torch

        queries = self._queries(len(tokens["input_ids"]))  # (pairs, queries, d)
        words = tokens["attention_mask"]
        read = self.model.qformer(
            query_embeds=self.model.embeddings(input_ids=tokens["input_ids"], query_embeds=queries),
            query_length=queries.shape[1],
            attention_mask=torch.cat([words.new_ones(queries.shape[:2]), words], dim=1),
            encoder_hidden_states=seen["patches"],
        ).last_hidden_state
        return self.model.itm_head(self._cast(read[:, : queries.shape[1]])).mean(dim=1)

    def cosines(self, tokens: Tensors, seen: Tensors) -> Any:
        """Return (pairs,)."""
        embedded = self.model.embeddings(input_ids=tokens["input_ids"])
        read = self.model.qformer(query_embeds=embedded, query_length=0, attention_mask=tokens["attention_mask"])
        text = self.model.text_projection(self._cast(read.last_hidden_state[:, :1]))  # (pairs, 1, d)
        return _cosine(seen["queries"], text).amax(dim=1)

    def _queries(self, count: int) -> Any:
        return self.model.query_tokens.expand(count, -1, -1)

    def _cast(self, read: Any) -> Any:
        return read.to(self.model.itm_head.weight.dtype)  # in half precision the Q-Former stays in float32


class Flava(Matcher):
    """FLAVA (Singh et al. 2022, arXiv 2112.04482): nothing of picture or caption is masked."""

    NETWORK, TEXT, SCORES = "FlavaForPreTraining", "text_config", ("itm", "itc")

    def see(self, pixels: Tensors) -> Tensors:
        """The multimodal encoder's input, and the projected vector of the picture."""
        flava = self.model.flava
        read = flava.image_model(**pixels, output_hidden_states=True)
        if self.score == "itc":
            return {"vector": flava.image_projection(read.last_hidden_state[:, 0])}
        return {"states": flava.image_to_mm_projection(read.hidden_states[-1])}

    def logits(self, tokens: Tensors, seen: Tensors) -> Any:
        """Return (pairs, 2): no match, match."""
        import torch

        flava, words = self.model.flava, tokens["attention_mask"]
        read = flava.text_model(**tokens, output_hidden_states=True)
        both = torch.cat([seen["states"], flava.text_to_mm_projection(read.hidden_states[-1])], dim=1)
        before = seen["states"].shape[1] + flava.multimodal_model.use_cls_token  # tokens before the caption's
        mask = torch.cat([words.new_ones(len(words), before), words], dim=1)
        return self.model.itm_head(flava.multimodal_model(both, attention_mask=mask).last_hidden_state)

    def cosines(self, tokens: Tensors, seen: Tensors) -> Any:
        """Return (pairs,)."""
        read = self.model.flava.text_model(**tokens).last_hidden_state
        return _cosine(seen["vector"], self.model.flava.text_projection(read[:, 0]))


class Vilt(Matcher):
    """ViLT (Kim et al. 2021, arXiv 2102.03334), fine-tuned for retrieval: its one logit is the log-odds."""

    NETWORK = "ViltForImageAndTextRetrieval"

    def see(self, pixels: Tensors) -> Tensors:
        """Embedded patches of pictures of several shapes, with the mask of their padding."""
        # all patches: with a limit, transformers draws some of them at random
        patches, mask, _ = self.model.vilt.embeddings.visual_embed(**pixels, max_image_length=-1)
        return {"image_embeds": patches, "pixel_mask": mask}

    def logits(self, tokens: Tensors, seen: Tensors) -> Any:
        """Return (pairs, 2): no match, match."""
        import torch

        logits = self.model(**tokens, **seen).logits  # (pairs, 1)
        return torch.cat([torch.zeros_like(logits), logits], dim=1)


class BridgeTower(Matcher):
    """BridgeTower (Xu et al. 2023, arXiv 2206.08657); its towers cannot be run apart: a picture is read per caption."""

    NETWORK, TEXT = "BridgeTowerForImageAndTextRetrieval", "text_config"


def _cosine(left: Any, right: Any) -> Any:
    from torch.nn.functional import cosine_similarity

    return cosine_similarity(left.float(), right.float(), dim=-1)


MATCHERS: dict[str, type[Matcher]] = {
    "blip": Blip,
    "blip-2": Blip2,
    "flava": Flava,
    "vilt": Vilt,
    "bridgetower": BridgeTower,
}
