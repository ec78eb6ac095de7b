"""Small random checkpoints in the files that real ones have: weights, config, tokenizer, image processor."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

COLOURS = ("red", "green", "blue", "black")
SHAPES = ("cat", "dog", "cup", "box")
RELATIONS = ("left of", "right of", "above", "under", "in the middle of")
WORDS = sorted({"the", "and", "it"}.union(*(phrase.split() for phrase in COLOURS + SHAPES + RELATIONS)))
PICTURE = 16  # pixels a side
THINGS = list(itertools.product(COLOURS, SHAPES))
CAPTIONS = [  # of many lengths, the longest beyond what a tokenizer takes; each its own
    " and ".join(f"The {colour} {shape}" for colour, shape in (THINGS[i:] + THINGS)[: 1 + i]) + f" {relation} it"
    for i, relation in zip(range(len(THINGS)), itertools.cycle(RELATIONS), strict=False)
]


def sentence(path: Path, *, pooling: str = "mean", dense: bool = False) -> Path:
    """A two-layer BERT under sentence-transformers' pooling and normalisation."""
    import torch
    from sentence_transformers import SentenceTransformer
    from transformers import BertModel

    try:
        from sentence_transformers.sentence_transformer.modules import Dense, Normalize, Pooling, Transformer
    except ImportError:  # before sentence-transformers 6
        from sentence_transformers.models import Dense, Normalize, Pooling, Transformer

    bert = path.with_name(f"{path.name}-bert")
    torch.manual_seed(1)
    stirred(BertModel(_bert_config())).save_pretrained(bert)
    _wordpiece(bert)
    words = Transformer(str(bert), max_seq_length=64)
    modules: list[Any] = [words, Pooling(32, pooling_mode=pooling)]
    modules += [Dense(32, 24)] if dense else []  # after which the model's width is not the tokens'
    SentenceTransformer(modules=[*modules, Normalize()], device="cpu").save(str(path))
    return path


def text_only(path: Path) -> Path:
    """A BERT as transformers saves it."""
    import torch
    from transformers import BertModel

    torch.manual_seed(1)
    BertModel(_bert_config()).save_pretrained(path)
    _wordpiece(path)
    return path


def clip(path: Path) -> Path:
    """CLIP with byte-pair tokens; its towers are of different widths, so a swapped one shows."""
    import torch
    from transformers import CLIPConfig, CLIPImageProcessorPil, CLIPModel

    config = CLIPConfig(text_config=_clip_text(path), vision_config=_PATCHES, projection_dim=20)
    torch.manual_seed(2)
    stirred(CLIPModel(config)).save_pretrained(path)
    CLIPImageProcessorPil(**_CROPPED).save_pretrained(path)
    return path


def siglip(path: Path) -> Path:
    """SigLIP as the fixed-size SigLIP 2 checkpoints are: its architecture, and Gemma's tokenizer."""
    import torch
    from transformers import GemmaTokenizer, SiglipConfig, SiglipImageProcessorPil, SiglipModel

    tokenizer = _gemma(GemmaTokenizer, path)
    config = SiglipConfig(
        text_config=_siglip_text(len(tokenizer)),
        vision_config={**tower(24), "image_size": PICTURE, "patch_size": 8},
    )
    torch.manual_seed(3)
    stirred(SiglipModel(config)).save_pretrained(path)
    SiglipImageProcessorPil(size={"height": PICTURE, "width": PICTURE}).save_pretrained(path)
    return path


def siglip2(path: Path) -> Path:
    """SigLIP 2 of native resolution (NaFlex): patches, their mask and the shape of each picture."""
    import torch
    from transformers import Siglip2Config, Siglip2ImageProcessorPil, Siglip2Model, Siglip2Tokenizer

    tokenizer = _gemma(Siglip2Tokenizer, path)
    config = Siglip2Config(
        text_config=_siglip_text(len(tokenizer)),
        vision_config={**tower(24), "num_patches": 16, "patch_size": 4},
    )
    torch.manual_seed(4)
    stirred(Siglip2Model(config)).save_pretrained(path)
    Siglip2ImageProcessorPil(patch_size=4, max_num_patches=16).save_pretrained(path)
    return path


def blip(path: Path) -> Path:
    """BLIP with a matching head; the text side reads the picture in every layer."""
    import torch
    from transformers import BlipConfig, BlipForImageTextRetrieval, BlipImageProcessorPil

    _wordpiece(path)
    config = BlipConfig(
        text_config={
            **tower(24),
            "vocab_size": _WORDPIECES,
            "max_position_embeddings": 64,
            "encoder_hidden_size": 32,
            "pad_token_id": 0,
            "bos_token_id": 2,
            "eos_token_id": 3,
            "sep_token_id": 3,
        },
        vision_config={**tower(32), "image_size": PICTURE, "patch_size": 8},
        image_text_hidden_size=20,
    )
    torch.manual_seed(5)
    stirred(BlipForImageTextRetrieval(config)).save_pretrained(path)
    BlipImageProcessorPil(size={"height": PICTURE, "width": PICTURE}).save_pretrained(path)
    return path


def align(path: Path) -> Path:
    """ALIGN: a BERT beside an EfficientNet, which is not projected; the tokenizer takes less than the BERT."""
    import torch
    from transformers import AlignConfig, AlignModel, EfficientNetImageProcessorPil

    _wordpiece(path, model_max_length=40)
    blocks = {"kernel_sizes": [3, 3], "in_channels": [32, 8], "out_channels": [8, 16], "strides": [1, 2]}
    blocks |= {"num_block_repeats": [1, 1], "expand_ratios": [1, 6], "width_coefficient": 1.0, "depth_coefficient": 1.0}
    config = AlignConfig(
        text_config=_bert_text(24),
        vision_config={**blocks, "image_size": 32, "hidden_dim": 16},
        projection_dim=16,
    )
    torch.manual_seed(6)
    stirred(AlignModel(config)).save_pretrained(path)
    EfficientNetImageProcessorPil(size={"height": 32, "width": 32}, do_center_crop=False).save_pretrained(path)
    return path


def altclip(path: Path) -> Path:
    """AltCLIP: an XLM-R whose table of positions has two rows more than it can use."""
    import torch
    from transformers import AltCLIPConfig, AltCLIPModel, CLIPImageProcessorPil

    words = tower(24) | {"vocab_size": _unigram(path), "max_position_embeddings": 34, "project_dim": 28}
    config = AltCLIPConfig(text_config=words, vision_config=_PATCHES, projection_dim=20)
    torch.manual_seed(7)
    stirred(AltCLIPModel(config)).save_pretrained(path)
    CLIPImageProcessorPil(**_CROPPED).save_pretrained(path)
    return path


def chinese_clip(path: Path) -> Path:
    """Chinese-CLIP: a BERT without a pooler, and CLIP's picture side."""
    import torch
    from transformers import ChineseCLIPConfig, ChineseCLIPImageProcessorPil, ChineseCLIPModel

    _wordpiece(path)
    config = ChineseCLIPConfig(text_config=_bert_text(24), vision_config=_PATCHES, projection_dim=20)
    torch.manual_seed(8)
    stirred(ChineseCLIPModel(config)).save_pretrained(path)
    ChineseCLIPImageProcessorPil(**_CROPPED).save_pretrained(path)
    return path


def clipseg(path: Path) -> Path:
    """CLIPSeg as it is published: CLIP's towers with a decoder for segmentation on top."""
    import torch
    from transformers import CLIPSegConfig, CLIPSegForImageSegmentation, ViTImageProcessorPil

    decoder = {"extract_layers": [0, 1], "reduce_dim": 8, "decoder_intermediate_size": 16}
    config = CLIPSegConfig(text_config=_clip_text(path), vision_config=_PATCHES, projection_dim=20, **decoder)
    torch.manual_seed(9)
    stirred(CLIPSegForImageSegmentation(config)).save_pretrained(path)
    ViTImageProcessorPil(size={"height": PICTURE, "width": PICTURE}).save_pretrained(path)
    return path


def groupvit(path: Path) -> Path:
    """GroupViT: patches gathered into groups, and projections of two layers."""
    import torch
    from transformers import CLIPImageProcessorPil, GroupViTConfig, GroupViTModel

    groups = {"depths": [1, 1], "num_group_tokens": [4, 0], "num_output_groups": [4, 4]}
    vision = {**tower(32), **groups, "image_size": PICTURE, "patch_size": 4}
    projection = {"projection_dim": 20, "projection_intermediate_dim": 28}
    torch.manual_seed(10)
    config = GroupViTConfig(text_config=_clip_text(path), vision_config=vision, **projection)
    stirred(GroupViTModel(config)).save_pretrained(path)
    CLIPImageProcessorPil(**_CROPPED).save_pretrained(path)
    return path


def metaclip_2(path: Path) -> Path:
    """MetaCLIP 2: CLIP over the tokens of many languages, read at the first </s>."""
    import torch
    from transformers import CLIPImageProcessorPil, MetaClip2Config, MetaClip2Model

    words = tower(24) | {"vocab_size": _unigram(path), "max_position_embeddings": 32}
    words |= {"bos_token_id": 0, "eos_token_id": 2, "pad_token_id": 1}
    config = MetaClip2Config(text_config=words, vision_config=_PATCHES, projection_dim=20)
    torch.manual_seed(11)
    stirred(MetaClip2Model(config)).save_pretrained(path)
    CLIPImageProcessorPil(**_CROPPED).save_pretrained(path)
    return path


def flava(path: Path) -> Path:
    """FLAVA as it is published: two towers, a third one over both, and the heads of its pretraining."""
    import torch
    from transformers import FlavaConfig, FlavaForPreTraining, FlavaImageProcessorPil

    _wordpiece(path)
    config = FlavaConfig(
        text_config=_bert_text(32),
        image_config={**_PATCHES, "vocab_size": 16},
        multimodal_config=tower(32),
        image_codebook_config={"num_groups": 1, "num_blocks_per_group": 1, "hidden_size": 8, "vocab_size": 16},
        hidden_size=32,
        projection_dim=20,
    )
    torch.manual_seed(12)
    stirred(FlavaForPreTraining(config)).save_pretrained(path)
    FlavaImageProcessorPil(**_CROPPED, codebook_size=_SQUARE, codebook_crop_size=_SQUARE).save_pretrained(path)
    return path


def blip_2(path: Path) -> Path:
    """BLIP-2 with a matching head: a Q-Former that reads the picture in every other layer."""
    import torch
    from transformers import Blip2Config, Blip2ForImageTextRetrieval, BlipImageProcessorPil

    _wordpiece(path)
    reader = {**_bert_text(24), "encoder_hidden_size": 32, "cross_attention_frequency": 2}
    config = Blip2Config(
        vision_config=_PATCHES,
        qformer_config={**reader, "use_qformer_text_input": True},
        text_config={"model_type": "opt", "vocab_size": 8, "hidden_size": 8, "num_hidden_layers": 1},
        num_query_tokens=5,
        image_text_hidden_size=20,
    )
    torch.manual_seed(13)
    stirred(Blip2ForImageTextRetrieval(config)).save_pretrained(path)
    BlipImageProcessorPil(size=_SQUARE).save_pretrained(path)
    return path


def vilt(path: Path) -> Path:
    """ViLT with a retrieval head; its processor keeps the shapes of pictures and pads them."""
    import torch
    from transformers import ViltConfig, ViltForImageAndTextRetrieval, ViltImageProcessorPil

    _wordpiece(path)
    config = ViltConfig(**_bert_text(24), image_size=PICTURE, patch_size=8)
    torch.manual_seed(14)
    stirred(ViltForImageAndTextRetrieval(config)).save_pretrained(path)
    ViltImageProcessorPil(size={"shortest_edge": PICTURE}, size_divisor=8).save_pretrained(path)
    return path


def bridgetower(path: Path) -> Path:
    """BridgeTower with a matching head; its attention has heads of 64, and its RoBERTa two unused positions."""
    import torch
    from transformers import BridgeTowerConfig, BridgeTowerForImageAndTextRetrieval, BridgeTowerImageProcessorPil

    words = {**tower(64), "vocab_size": _byte_pairs(path), "max_position_embeddings": 34}
    config = BridgeTowerConfig(
        text_config=words,
        vision_config={"hidden_size": 64, "num_hidden_layers": 2, "image_size": PICTURE, "patch_size": 8},
        hidden_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
    )
    torch.manual_seed(15)
    stirred(BridgeTowerForImageAndTextRetrieval(config)).save_pretrained(path)
    edge = {"shortest_edge": PICTURE}
    BridgeTowerImageProcessorPil(size=edge, crop_size=edge, size_divisor=8).save_pretrained(path)
    return path


def as_bin(source: Path, target: Path) -> Path:
    """The same checkpoint with its weights in a pickled pytorch_model.bin alone."""
    import shutil

    import torch
    from safetensors.torch import load_file

    shutil.copytree(source, target)
    for weights in target.rglob("model.safetensors"):
        if weights.parent == target:
            torch.save(load_file(weights), target / "pytorch_model.bin")
        weights.unlink()
    return target


def cut_short(source: Path, target: Path) -> Path:
    """The same checkpoint as a broken download leaves it: half of its weights."""
    import shutil

    shutil.copytree(source, target)
    weights = target / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[: weights.stat().st_size // 2])
    return target


def pictures(count: int, *, side: int = 24) -> list[Any]:
    """Pictures of noise, of several shapes."""
    import numpy as np
    from PIL import Image

    draw = np.random.default_rng(7)
    shapes = [(side, side + 8 * (i % 3), 3) for i in range(count)]
    return [Image.fromarray(draw.integers(0, 256, shape, dtype=np.uint8)) for shape in shapes]


def tower(width: int) -> dict[str, int]:
    return {"hidden_size": width, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4}


_SQUARE = {"height": PICTURE, "width": PICTURE}
_CROPPED = {"size": {"shortest_edge": PICTURE}, "crop_size": _SQUARE}
_PATCHES = {**tower(32), "image_size": PICTURE, "patch_size": 8}


def _clip_text(path: Path) -> dict[str, int]:
    from transformers import CLIPTokenizer

    letters = f"{LETTERS},.-"
    pieces = [*letters, *(f"{letter}</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    tokenizer = CLIPTokenizer(vocab={piece: i for i, piece in enumerate(pieces)}, merges=[], model_max_length=77)
    tokenizer.save_pretrained(path)
    ids = {"bos_token_id": len(pieces) - 2, "eos_token_id": len(pieces) - 1, "pad_token_id": len(pieces) - 1}
    return {**tower(24), **ids, "vocab_size": len(pieces), "max_position_embeddings": 77}


def _bert_text(width: int) -> dict[str, int]:
    return {**tower(width), "vocab_size": _WORDPIECES, "max_position_embeddings": 64}


def _siglip_text(words: int) -> dict[str, int]:
    return {**tower(24), "vocab_size": words, "max_position_embeddings": 32, "projection_size": 24}


def _bert_config() -> Any:
    from transformers import BertConfig

    return BertConfig(vocab_size=_WORDPIECES, max_position_embeddings=64, **tower(32))


_SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
LETTERS = "abcdefghijklmnopqrstuvwxyz"
_WORDPIECES = len(_SPECIAL) + 2 * len(LETTERS) + len(WORDS)


def _wordpiece(path: Path, *, model_max_length: int = 64) -> None:
    from transformers import BertTokenizer

    path.mkdir(exist_ok=True)
    pieces = dict.fromkeys([*_SPECIAL, *LETTERS, *(f"##{letter}" for letter in LETTERS), *WORDS])
    vocabulary = path / "vocab.txt"
    vocabulary.write_text("".join(f"{piece}\n" for piece in pieces))
    BertTokenizer(vocab=str(vocabulary), model_max_length=model_max_length).save_pretrained(path)


def _unigram(path: Path) -> int:
    """XLM-R's kind of tokenizer, which says nothing of a longest text; returns how many tokens it knows."""
    from transformers import XLMRobertaTokenizer

    pieces = ["<s>", "<pad>", "</s>", "<unk>", "▁", *LETTERS, *LETTERS.upper(), "<mask>"]
    XLMRobertaTokenizer(vocab=[(piece, 0.0) for piece in pieces]).save_pretrained(path)
    return len(pieces)


def _byte_pairs(path: Path) -> int:
    """RoBERTa's kind of tokenizer, which says nothing of a longest text; returns how many tokens it knows."""
    from transformers import RobertaTokenizer

    pieces = ["<s>", "<pad>", "</s>", "<unk>", "Ġ", *LETTERS, *LETTERS.upper(), "<mask>"]
    RobertaTokenizer(vocab={piece: i for i, piece in enumerate(pieces)}, merges=[]).save_pretrained(path)
    return len(pieces)


def _gemma(kind: Any, path: Path) -> Any:
    """Letters of both cases, so that forgotten lower-casing shows; <eos> at the end, as SigLIP 2 has it."""
    from tokenizers.processors import TemplateProcessing

    pieces = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>", "▁", *LETTERS, *LETTERS.upper()]
    tokenizer = kind(vocab={piece: i for i, piece in enumerate(pieces)}, merges=[], padding_side="right")
    tokenizer._tokenizer.post_processor = TemplateProcessing(single="$A <eos>", special_tokens=[("<eos>", 1)])
    tokenizer.save_pretrained(path)
    return tokenizer


def stirred(model: Any) -> Any:
    """Larger weights: with those that training starts from, all texts get almost the same vector."""
    import torch

    with torch.no_grad():
        for weights in model.parameters():
            if weights.ndim > 1:
                weights.normal_(0, 0.3)
    return model
