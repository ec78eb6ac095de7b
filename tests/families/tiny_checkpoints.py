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
    _stirred(BertModel(_bert_config())).save_pretrained(bert)
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
    from transformers import CLIPConfig, CLIPImageProcessorPil, CLIPModel, CLIPTokenizer

    letters = "abcdefghijklmnopqrstuvwxyz,.-"
    pieces = [*letters, *(f"{letter}</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    tokenizer = CLIPTokenizer(vocab={piece: i for i, piece in enumerate(pieces)}, merges=[], model_max_length=77)
    ids = {"bos_token_id": len(pieces) - 2, "eos_token_id": len(pieces) - 1, "pad_token_id": len(pieces) - 1}
    config = CLIPConfig(
        text_config={**_tower(24), **ids, "vocab_size": len(pieces), "max_position_embeddings": 77},
        vision_config={**_tower(32), "image_size": PICTURE, "patch_size": 8},
        projection_dim=20,
    )
    torch.manual_seed(2)
    _stirred(CLIPModel(config)).save_pretrained(path)
    tokenizer.save_pretrained(path)
    size = {"size": {"shortest_edge": PICTURE}, "crop_size": {"height": PICTURE, "width": PICTURE}}
    CLIPImageProcessorPil(**size).save_pretrained(path)
    return path


def siglip(path: Path) -> Path:
    """SigLIP as the fixed-size SigLIP 2 checkpoints are: its architecture, and Gemma's tokenizer."""
    import torch
    from transformers import GemmaTokenizer, SiglipConfig, SiglipImageProcessorPil, SiglipModel

    tokenizer = _gemma(GemmaTokenizer, path)
    config = SiglipConfig(
        text_config=_siglip_text(len(tokenizer)),
        vision_config={**_tower(24), "image_size": PICTURE, "patch_size": 8},
    )
    torch.manual_seed(3)
    _stirred(SiglipModel(config)).save_pretrained(path)
    SiglipImageProcessorPil(size={"height": PICTURE, "width": PICTURE}).save_pretrained(path)
    return path


def siglip2(path: Path) -> Path:
    """SigLIP 2 of native resolution (NaFlex): patches, their mask and the shape of each picture."""
    import torch
    from transformers import Siglip2Config, Siglip2ImageProcessorPil, Siglip2Model, Siglip2Tokenizer

    tokenizer = _gemma(Siglip2Tokenizer, path)
    config = Siglip2Config(
        text_config=_siglip_text(len(tokenizer)),
        vision_config={**_tower(24), "num_patches": 16, "patch_size": 4},
    )
    torch.manual_seed(4)
    _stirred(Siglip2Model(config)).save_pretrained(path)
    Siglip2ImageProcessorPil(patch_size=4, max_num_patches=16).save_pretrained(path)
    return path


def blip(path: Path) -> Path:
    """BLIP with a matching head; the text side reads the picture in every layer."""
    import torch
    from transformers import BlipConfig, BlipForImageTextRetrieval, BlipImageProcessorPil

    _wordpiece(path)
    config = BlipConfig(
        text_config={
            **_tower(24),
            "vocab_size": _WORDPIECES,
            "max_position_embeddings": 64,
            "encoder_hidden_size": 32,
            "pad_token_id": 0,
            "bos_token_id": 2,
            "eos_token_id": 3,
            "sep_token_id": 3,
        },
        vision_config={**_tower(32), "image_size": PICTURE, "patch_size": 8},
        image_text_hidden_size=20,
    )
    torch.manual_seed(5)
    _stirred(BlipForImageTextRetrieval(config)).save_pretrained(path)
    BlipImageProcessorPil(size={"height": PICTURE, "width": PICTURE}).save_pretrained(path)
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


def _tower(width: int) -> dict[str, int]:
    return {"hidden_size": width, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4}


def _siglip_text(words: int) -> dict[str, int]:
    return {**_tower(24), "vocab_size": words, "max_position_embeddings": 32, "projection_size": 24}


def _bert_config() -> Any:
    from transformers import BertConfig

    return BertConfig(vocab_size=_WORDPIECES, max_position_embeddings=64, **_tower(32))


_SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_WORDPIECES = len(_SPECIAL) + 2 * len(_LETTERS) + len(WORDS)


def _wordpiece(path: Path) -> None:
    from transformers import BertTokenizer

    path.mkdir(exist_ok=True)
    pieces = dict.fromkeys([*_SPECIAL, *_LETTERS, *(f"##{letter}" for letter in _LETTERS), *WORDS])
    vocabulary = path / "vocab.txt"
    vocabulary.write_text("".join(f"{piece}\n" for piece in pieces))
    BertTokenizer(vocab=str(vocabulary), model_max_length=64).save_pretrained(path)


def _gemma(kind: Any, path: Path) -> Any:
    """Letters of both cases, so that forgotten lower-casing shows; <eos> at the end, as SigLIP 2 has it."""
    from tokenizers.processors import TemplateProcessing

    pieces = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>", "▁", *_LETTERS, *_LETTERS.upper()]
    tokenizer = kind(vocab={piece: i for i, piece in enumerate(pieces)}, merges=[], padding_side="right")
    tokenizer._tokenizer.post_processor = TemplateProcessing(single="$A <eos>", special_tokens=[("<eos>", 1)])
    tokenizer.save_pretrained(path)
    return tokenizer


def _stirred(model: Any) -> Any:
    """Larger weights: with those that training starts from, all texts get almost the same vector."""
    import torch

    with torch.no_grad():
        for weights in model.parameters():
            if weights.ndim > 1:
                weights.normal_(0, 0.3)
    return model
