"""Image-text matching: a cross-encoder that reads picture and caption together and says whether they match.

BLIP, BLIP-2, FLAVA, ViLT and BridgeTower, as the checkpoint's config says (`harness/matching.py` has one class each).
Option `score` is itm (log-odds of the matching head, default), itc (cosine of the two projected vectors: BLIP, BLIP-2,
FLAVA) or sum (logit of a match plus cosine: BLIP, BLIP-2).

What'sUp's authors (Kamath, Hessel & Chang 2023, arXiv 2310.19785) score BLIP by `sum` and report BLIP-2 by itm and by
itc apart. The code that theirs is based on scores FLAVA by the probability of a match, which orders captions as itm.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from harness.errors import ConfigError, ModelError
from harness.families import check_tokenizer, load_network, longest_text
from harness.matching import MATCHERS, Matcher
from harness.models import ModelSpec, nearest

VERSION = 2
NEEDS_WEIGHTS = True
OPTIONS: dict[str, tuple[object, ...] | None] = {"score": ("itm", "itc", "sum"), "allow_bin": None}
LIBRARIES = ("torch", "transformers")


def capabilities(spec: ModelSpec) -> frozenset[str]:
    """Captions are scored with their picture, and there is no vector of either alone."""
    if spec.pooling:
        raise ConfigError(f"{spec.name}: family itm has nothing to pool; leave `pooling` out")
    return frozenset({"ScoresCaptions"})


def load(spec: ModelSpec, path: Path | None, device: str) -> Any:
    """Load the architecture of the checkpoint. Raises ModelError or ConfigError where it has no such head or score."""
    import transformers

    common: dict[str, Any] = {"trust_remote_code": spec.trust_remote_code, "local_files_only": True}
    matcher = _matcher(spec, transformers.AutoConfig.from_pretrained(path, **common).model_type)
    model = load_network(getattr(transformers, matcher.NETWORK), spec, path)
    words = getattr(model.config, matcher.TEXT, model.config)
    tokenizer = transformers.AutoTokenizer.from_pretrained(path, **common)
    check_tokenizer(spec, tokenizer, words.vocab_size)
    # torchvision resizes otherwise than Pillow: numbers must not depend on whether it is installed
    processor = transformers.AutoImageProcessor.from_pretrained(path, backend="pil", **common)
    longest = longest_text(model, tokenizer, words.max_position_embeddings)
    score = spec.options.get("score", "itm")
    return matcher(model.to(device).eval(), tokenizer, processor, longest=longest, score=score, prompt=spec.prompt)


def _matcher(spec: ModelSpec, kind: str) -> type[Matcher]:
    """The class for a `model_type`, if it has the score that the entry asks for."""
    if kind not in MATCHERS:
        raise ModelError(f"{spec.name}: family itm has no matching head of a {kind}; known: {', '.join(MATCHERS)}")
    matcher, score = MATCHERS[kind], spec.options.get("score", "itm")
    if score not in matcher.SCORES:
        raise ConfigError(f"{spec.name}: option score: {kind} has no {score}; {nearest(score, matcher.SCORES)}")
    return matcher
