"""The models: a CLIP of 0.7 million parameters, its tokenizer of whole words and its image processor."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from harness.scenes import COLOURS, KINDS, WORDINGS

CANVAS, PATCH = 64, 16  # px a side: 16 patches a picture
MEAN, DEVIATION = 0.96, 0.25  # of pixel values: an empty canvas is then 0, and only objects stand out
POSITION_STD = 1.0  # of position embeddings before training
LONGEST = 24  # tokens, start and end included
# transformers takes an end token of id 2 for a mark of old checkpoints, and pools text elsewhere
SPECIAL = ("<pad>", "<start>", "<unknown>", "<end>")


def vocabulary() -> list[str]:
    """Every word that a caption of a scene can hold, after the special tokens."""
    phrases = (way for ways in WORDINGS.values() for way in ways)
    words = {word for phrase in phrases for word in re.sub(r"\{\w+\}", " ", phrase).split()}
    words |= {"a", "an", "not", *COLOURS} | {shape for kind in KINDS.values() for shape in kind.shapes}
    return [*SPECIAL, *sorted(words)]


def new_tokenizer() -> Any:
    """One token a word, lower case; what is not in the vocabulary is <unknown>."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    ids = {word: i for i, word in enumerate(vocabulary())}
    words = Tokenizer(models.WordLevel(ids, unk_token="<unknown>"))  # noqa: S106 - a token, not a password
    words.normalizer = normalizers.Lowercase()
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    words.post_processor = processors.TemplateProcessing(
        single="<start> $A <end>", special_tokens=[(word, ids[word]) for word in ("<start>", "<end>")]
    )
    names = {"pad_token": "<pad>", "bos_token": "<start>", "eos_token": "<end>", "unk_token": "<unknown>"}
    return PreTrainedTokenizerFast(tokenizer_object=words, model_max_length=LONGEST, **names)


def new_model() -> Any:
    """The untrained CLIPModel, by torch's current seed."""
    import torch
    from transformers import CLIPConfig, CLIPModel

    ids = {word: i for i, word in enumerate(SPECIAL)}
    config = CLIPConfig(
        text_config={
            **_tower(width=96, layers=2),
            "vocab_size": len(vocabulary()),
            "max_position_embeddings": LONGEST,
            "pad_token_id": ids["<pad>"],
            "bos_token_id": ids["<start>"],
            "eos_token_id": ids["<end>"],
        },
        vision_config={**_tower(width=128, layers=3), "image_size": CANVAS, "patch_size": PATCH},
        projection_dim=64,
    )
    model = CLIPModel(config)
    # CLIP's own start (0.02) drowns a patch's place in its content, and relations are then learnt tens of times slower
    torch.nn.init.normal_(model.vision_model.embeddings.position_embedding.weight, std=POSITION_STD)
    return model


def new_processor() -> Any:
    """Scenes of 64 px pass unresized; other pictures are resized and cropped as CLIP does."""
    from transformers import CLIPImageProcessorPil

    return CLIPImageProcessorPil(
        size={"shortest_edge": CANVAS},
        crop_size={"height": CANVAS, "width": CANVAS},
        image_mean=[MEAN] * 3,
        image_std=[DEVIATION] * 3,
    )


def save(model: Any, folder: Path) -> None:
    """Write the standard files of a checkpoint: config, safetensors in half precision, tokenizer, image processor."""
    model.half().save_pretrained(folder)
    model.float()
    new_tokenizer().save_pretrained(folder)
    new_processor().save_pretrained(folder)


def _tower(width: int, layers: int) -> dict[str, Any]:
    return {
        "hidden_size": width,
        "intermediate_size": 4 * width,
        "num_hidden_layers": layers,
        "num_attention_heads": 8,
    }
