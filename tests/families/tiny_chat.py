"""Small random chat models that see, in the files that real ones have."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tiny_checkpoints import PICTURE, stirred, tower

_LANGUAGE = {**tower(32), "num_key_value_heads": 2, "max_position_embeddings": 4096}


def _bytes_tokenizer(*special: str, **known: Any) -> Any:
    """A token a byte, but for "yes" and "no"; any text has tokens."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    merges = [("y", "e"), ("ye", "s"), ("Y", "e"), ("Ye", "s"), ("n", "o"), ("N", "o")]
    pieces = [*sorted(pre_tokenizers.ByteLevel.alphabet()), *(one + other for one, other in merges)]
    tokenizer = Tokenizer(models.BPE(vocab={piece: i for i, piece in enumerate(pieces)}, merges=merges))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    names = {"bos_token": "<s>", "eos_token": "<|im_end|>", "pad_token": "<pad>"}
    more = ["<|im_start|>", *special]
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, **names, additional_special_tokens=more, **known)


def _template(picture: str) -> str:
    """A chat template in which a picture is said so."""
    part = "{% if part['type'] == 'image' %}" + picture + "{% else %}{{ part['text'] }}{% endif %}"
    said = "{% for part in message['content'] %}" + part + "{% endfor %}<|im_end|>\n"
    messages = "{% for message in messages %}<|im_start|>{{ message['role'] }}\n" + said + "{% endfor %}"
    return messages + "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"


CHAT = ("llava", "llava_onevision", "qwen2_vl", "qwen2_5_vl", "qwen3_vl", "smolvlm", "internvl", "paligemma")


def llava(path: Path) -> Path:
    """LLaVA: CLIP's patches put into a Llama."""
    import torch
    from transformers import CLIPImageProcessorPil, LlavaConfig, LlavaForConditionalGeneration, LlavaProcessor

    tokenizer = _bytes_tokenizer("<image>")
    config = LlavaConfig(
        text_config={"model_type": "llama", **_LANGUAGE, "vocab_size": len(tokenizer)},
        vision_config={
            "model_type": "clip_vision_model",
            **tower(24),
            "image_size": PICTURE,
            "patch_size": 8,
            "projection_dim": 24,
        },
        image_token_id=tokenizer.convert_tokens_to_ids("<image>"),
    )
    torch.manual_seed(6)
    stirred(LlavaForConditionalGeneration(config)).save_pretrained(path)
    size = {"size": {"shortest_edge": PICTURE}, "crop_size": {"height": PICTURE, "width": PICTURE}}
    LlavaProcessor(
        CLIPImageProcessorPil(**size),
        tokenizer,
        patch_size=8,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
        chat_template=_template("<image>"),
    ).save_pretrained(path)
    return path


def llava_onevision(path: Path) -> Path:
    """LLaVA-OneVision: tiles of a picture and the picture whole, by its shape."""
    import torch
    from transformers import (
        LlavaOnevisionConfig,
        LlavaOnevisionForConditionalGeneration,
        LlavaOnevisionImageProcessorPil,
    )

    tokenizer = _bytes_tokenizer("<image>", "<video>")
    tiles = [[PICTURE, PICTURE], [PICTURE, 2 * PICTURE], [2 * PICTURE, PICTURE]]
    config = LlavaOnevisionConfig(
        text_config={"model_type": "qwen2", **_LANGUAGE, "vocab_size": len(tokenizer)},
        vision_config={
            "model_type": "siglip_vision_model",
            **tower(24),
            "image_size": PICTURE,
            "patch_size": 4,
            "vision_use_head": False,
        },
        image_token_index=tokenizer.convert_tokens_to_ids("<image>"),
        video_token_index=tokenizer.convert_tokens_to_ids("<video>"),
        image_grid_pinpoints=tiles,
    )
    torch.manual_seed(11)
    stirred(LlavaOnevisionForConditionalGeneration(config)).save_pretrained(path)
    tokenizer.save_pretrained(path)
    size = {"height": PICTURE, "width": PICTURE}
    LlavaOnevisionImageProcessorPil(size=size, image_grid_pinpoints=tiles).save_pretrained(path)
    facts = {"num_image_tokens": 16, "vision_feature_select_strategy": "full"}
    (path / "processor_config.json").write_text(json.dumps(facts))
    (path / "chat_template.jinja").write_text(_template("<image>"))
    return path


def qwen2_vl(path: Path) -> Path:
    """Qwen2-VL: as many tokens as the picture's size asks for, placed in three dimensions."""
    return _qwen(path, "Qwen2VL", {"embed_dim": 32, "hidden_size": 32, "mlp_ratio": 2})


def qwen2_5_vl(path: Path) -> Path:
    """Qwen2.5-VL: its picture side attends within windows."""
    vision = {"hidden_size": 32, "out_hidden_size": 32, "intermediate_size": 48, "window_size": 16}
    return _qwen(path, "Qwen2_5_VL", {**vision, "fullatt_block_indexes": [1]})


def qwen3_vl(path: Path) -> Path:
    """Qwen3-VL: patches of several layers of the picture side go into the language model."""
    vision = {"hidden_size": 32, "out_hidden_size": 32, "intermediate_size": 48, "num_position_embeddings": 64}
    return _qwen(path, "Qwen3VL", {**vision, "deepstack_visual_indexes": [0]}, head_dim=8)


def _qwen(path: Path, kind: str, vision: dict[str, Any], **language: Any) -> Path:
    import torch
    import transformers

    names = {
        "vision_start_token_id": "<|vision_start|>",
        "vision_end_token_id": "<|vision_end|>",
        "image_token_id": "<|image_pad|>",
        "video_token_id": "<|video_pad|>",
    }
    tokenizer = _bytes_tokenizer(*names.values())
    config = getattr(transformers, f"{kind}Config")(
        text_config={
            **_LANGUAGE,
            **language,
            "vocab_size": len(tokenizer),
            "rope_parameters": {"rope_type": "default", "rope_theta": 10_000.0, "mrope_section": [2, 1, 1]},
        },
        vision_config={
            **vision,
            "depth": 2,
            "num_heads": 4,
            "patch_size": 4,
            "spatial_merge_size": 2,
            "temporal_patch_size": 2,
        },
        **{name: tokenizer.convert_tokens_to_ids(token) for name, token in names.items()},
    )
    torch.manual_seed(7)
    model = stirred(getattr(transformers, f"{kind}ForConditionalGeneration")(config))
    model.generation_config.repetition_penalty = 1.3  # Qwen2.5-VL's is 1.05
    model.save_pretrained(path)
    tokenizer.save_pretrained(path)
    size = {"shortest_edge": 16 * 16, "longest_edge": 48 * 48}
    processor = {"patch_size": 4, "merge_size": 2, "temporal_patch_size": 2}
    transformers.Qwen2VLImageProcessorPil(**processor, size=size).save_pretrained(path)
    (path / "chat_template.jinja").write_text(_template("<|vision_start|><|image_pad|><|vision_end|>"))
    return path


def smolvlm(path: Path) -> Path:
    """SmolVLM: a picture is split into parts, and shown whole beside them."""
    import torch
    from transformers import SmolVLMConfig, SmolVLMForConditionalGeneration, SmolVLMImageProcessorPil

    parts = [f"<row_{row}_col_{column}>" for row in range(1, 4) for column in range(1, 4)]
    words = ("<image>", "<fake_token_around_image>", "<global-img>", "<end_of_utterance>")
    tokenizer = _bytes_tokenizer(*words, *parts)
    config = SmolVLMConfig(
        text_config={"model_type": "llama", **_LANGUAGE, "vocab_size": len(tokenizer)},
        vision_config={**tower(24), "image_size": PICTURE, "patch_size": 4},
        scale_factor=2,
        image_token_id=tokenizer.convert_tokens_to_ids("<image>"),
    )
    torch.manual_seed(8)
    stirred(SmolVLMForConditionalGeneration(config)).save_pretrained(path)
    tokenizer.save_pretrained(path)
    edges = {"size": {"longest_edge": 2 * PICTURE}, "max_image_size": {"longest_edge": PICTURE}}
    SmolVLMImageProcessorPil(**edges, do_image_splitting=True).save_pretrained(path)
    (path / "processor_config.json").write_text('{"image_seq_len": 4}')
    (path / "chat_template.jinja").write_text(_template("<image>"))
    return path


def internvl(path: Path) -> Path:
    """InternVL: tiles of a picture, by its shape."""
    import torch
    from transformers import GotOcr2ImageProcessorPil, InternVLConfig, InternVLForConditionalGeneration

    words = {
        "start_image_token": "<img>",
        "end_image_token": "</img>",
        "context_image_token": "<IMG_CONTEXT>",
        "video_token": "<video>",
    }
    tokenizer = _bytes_tokenizer(*words.values(), extra_special_tokens=words)
    config = InternVLConfig(
        text_config={"model_type": "qwen2", **_LANGUAGE, "vocab_size": len(tokenizer)},
        vision_config={**tower(24), "image_size": [PICTURE, PICTURE], "patch_size": [4, 4]},
        image_token_id=tokenizer.convert_tokens_to_ids("<IMG_CONTEXT>"),
        image_seq_length=4,
        downsample_ratio=0.5,
    )
    torch.manual_seed(9)
    stirred(InternVLForConditionalGeneration(config)).save_pretrained(path)
    tokenizer.save_pretrained(path)
    size = {"height": PICTURE, "width": PICTURE}
    GotOcr2ImageProcessorPil(size=size, crop_to_patches=True, min_patches=1, max_patches=3).save_pretrained(path)
    (path / "processor_config.json").write_text('{"image_seq_length": 4}')
    (path / "chat_template.jinja").write_text(_template("<IMG_CONTEXT>"))
    return path


def paligemma(path: Path) -> Path:
    """PaliGemma: no chat template, and a prompt that is read both ways."""
    import torch
    from transformers import (
        PaliGemmaConfig,
        PaliGemmaForConditionalGeneration,
        PaliGemmaProcessor,
        SiglipImageProcessorPil,
    )

    tokenizer = _bytes_tokenizer("<image>")
    pictures = SiglipImageProcessorPil(size={"height": PICTURE, "width": PICTURE}, image_seq_length=4)
    processor = PaliGemmaProcessor(pictures, tokenizer)  # adds tokens for places
    config = PaliGemmaConfig(
        text_config={"model_type": "gemma", **_LANGUAGE, "head_dim": 8, "vocab_size": len(tokenizer)},
        vision_config={
            "model_type": "siglip_vision_model",
            **tower(24),
            "image_size": PICTURE,
            "patch_size": 8,
            "projection_dim": 32,
            "vision_use_head": False,
        },
        image_token_id=tokenizer.convert_tokens_to_ids("<image>"),
        projection_dim=32,
        hidden_size=32,
    )
    torch.manual_seed(10)
    stirred(PaliGemmaForConditionalGeneration(config)).save_pretrained(path)
    processor.save_pretrained(path)
    return path
