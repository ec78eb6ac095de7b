"""Small random models of open_clip, in the files that its repositories have."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

from tiny_checkpoints import LETTERS, PICTURE, stirred, tower

HERE = importlib.util.find_spec("open_clip") is not None
declared: list[Any] = []  # operators last as long as what declared them


def _torchvision() -> None:
    """Import torchvision beside a CPU build of torch, too.

    The registry's only build is for CUDA: its compiled part does not load there, and the rest of it, which is all that
    open_clip uses, asks for the names of two operators. Nothing here calls them.
    """
    import torch

    try:
        import torchvision
    except RuntimeError:
        declared.append(torch.library.Library("torchvision", "DEF"))
        for name in ("nms", "qnms"):
            declared[0].define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        import torchvision
    assert torchvision


if HERE:
    _torchvision()


def openclip(path: Path) -> Path:
    """CLIP by open_clip's own class and with its own tokenizer, in the files its repositories have."""
    import open_clip

    config = _openclip_config()
    return _openclip_saved(open_clip.CLIP(**config), config, path)


def openclip_coca(path: Path) -> Path:
    """CoCa, whose text tower has a token of its own to pool by; pictures are squashed, not cropped."""
    import open_clip

    config = _openclip_config() | {"multimodal_cfg": {**_OPENCLIP_TEXT, "attn_pooler_heads": 4, "dim_head": 6}}
    config["text_cfg"] |= {"embed_cls": True, "output_tokens": True}
    config["vision_cfg"] |= {"attentional_pool": True, "attn_pooler_heads": 4, "output_tokens": True}
    _openclip_saved(open_clip.CoCa(**config), {**config, "custom_text": True}, path, resize_mode="squash")
    return path


def openclip_roberta(path: Path) -> Path:
    """RoBERTa as the text tower; its configuration and tokenizer lie in the folder."""
    import open_clip
    from transformers import RobertaConfig, RobertaTokenizer

    letters = ["<s>", "<pad>", "</s>", "<unk>", "<mask>", "Ġ", *LETTERS, *LETTERS.upper()]
    RobertaTokenizer(vocab={piece: i for i, piece in enumerate(letters)}, merges=[]).save_pretrained(path)
    RobertaConfig(vocab_size=len(letters), max_position_embeddings=40, **tower(24)).save_pretrained(path)
    config = _openclip_config()
    config["text_cfg"] = {"hf_tokenizer_name": "roberta-base", "context_length": 32, "hf_model_pretrained": False}
    names = {"hf_model_name": "roberta-base", "hf_pooler_type": "mean_pooler"}
    made = {**config, "text_cfg": config["text_cfg"] | names | {"hf_model_name": str(path)}}
    config["text_cfg"] |= names
    return _openclip_saved(open_clip.CustomTextCLIP(**made), config, path)


_OPENCLIP_TEXT = {"context_length": 16, "width": 24, "heads": 4, "layers": 2}


def _openclip_config() -> dict[str, Any]:
    vision = {"image_size": PICTURE, "patch_size": 8, "width": 32, "head_width": 8, "layers": 2}
    return {"embed_dim": 20, "quick_gelu": True, "vision_cfg": vision, "text_cfg": {**_OPENCLIP_TEXT}}


def _openclip_saved(model: Any, config: dict[str, Any], path: Path, resize_mode: str = "shortest") -> Path:
    import torch
    from safetensors.torch import save_file

    torch.manual_seed(6)
    path.mkdir(exist_ok=True)
    save_file(stirred(model).state_dict(), path / "open_clip_model.safetensors")
    pictures = {
        "mean": [0.5, 0.4, 0.3],
        "std": [0.2, 0.3, 0.4],
        "interpolation": "bilinear",
        "resize_mode": resize_mode,
    }
    (path / "open_clip_config.json").write_text(json.dumps({"model_cfg": config, "preprocess_cfg": pictures}))

    return path
