"""A hub that lives in memory, and checkpoints small enough to be made on the spot."""

from __future__ import annotations

import json
from fnmatch import fnmatch
from pathlib import Path
from types import SimpleNamespace

from huggingface_hub.errors import (
    GatedRepoError,
    LocalEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

SHA = "0123456789abcdef0123456789abcdef01234567"
CLIP_CONFIG = {"architectures": ["CLIPModel"], "model_type": "clip", "text_config": {}, "vision_config": {}}
SENTENCE_FILES = {"modules.json": b"[]", "config.json": b"{}", "model.safetensors": b"x"}
DUAL_FILES = {"config.json": json.dumps(CLIP_CONFIG).encode(), "model.safetensors": b"x"}
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "the", "left", "right", "of", "red", "blue", "circle"]


class FakeHub:
    """Repositories of one commit each, with the client's own functions to ask for them."""

    def __init__(self, cache: Path) -> None:
        self.cache = cache
        self.repos: dict[str, dict[str, bytes]] = {}
        self.gated: set[str] = set()
        self.revisions: set[str | None] = {None, "main", SHA}
        self.fetched: list[str] = []

    def model_info(self, repo: str, revision: str | None = None, files_metadata: bool = False) -> SimpleNamespace:
        self._check(repo, revision)
        siblings = [SimpleNamespace(rfilename=name, size=len(data)) for name, data in self.repos[repo].items()]
        return SimpleNamespace(sha=SHA, siblings=siblings, gated="auto" if repo in self.gated else False)

    def auth_check(self, repo: str) -> None:
        if repo in self.gated:
            raise GatedRepoError("gated", response=_answer())

    def hf_hub_download(self, repo: str, filename: str, revision: str | None = None) -> str:
        self.auth_check(repo)
        return str(self._put(repo, [filename]) / filename)

    def snapshot_download(
        self, repo: str, *, repo_type: str, revision: str, allow_patterns: list[str], local_files_only: bool
    ) -> str:
        folder = self._folder(repo)
        if local_files_only and not folder.is_dir():
            raise LocalEntryNotFoundError("not cached")
        if not local_files_only:
            self._check(repo, revision)
            self.auth_check(repo)
            self.fetched.append(repo)
            self._put(repo, allow_patterns)
        return str(folder)

    def _check(self, repo: str, revision: str | None) -> None:
        if repo not in self.repos:
            raise RepositoryNotFoundError("no such repository", response=_answer())
        if revision not in self.revisions:
            raise RevisionNotFoundError("no such revision", response=_answer())

    def _folder(self, repo: str) -> Path:
        return self.cache / f"models--{repo.replace('/', '--')}" / "snapshots" / SHA

    def _put(self, repo: str, patterns: list[str]) -> Path:
        for name, data in self.repos[repo].items():
            if any(fnmatch(name, pattern) for pattern in patterns):
                path = self._folder(repo) / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(data)
        return self._folder(repo)


def _answer() -> SimpleNamespace:
    return SimpleNamespace(headers={}, request=None, status_code=403)


def files_of(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def tokenizer(folder: Path):
    from transformers import BertTokenizerFast

    folder.mkdir(parents=True, exist_ok=True)
    (folder / "vocab.txt").write_text("\n".join(WORDS))
    return BertTokenizerFast(vocab=str(folder / "vocab.txt"))


def make_sentence_model(folder: Path) -> Path:
    """A BERT of two layers with random weights, as sentence-transformers saves it."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
    from transformers import BertConfig, BertModel

    plain = folder.with_name(f"{folder.name}-plain")
    config = BertConfig(
        vocab_size=len(WORDS),
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=64,
    )
    BertModel(config).save_pretrained(plain)
    tokenizer(plain).save_pretrained(plain)
    SentenceTransformer(modules=[Transformer(str(plain)), Pooling(16)], device="cpu").save(str(folder))
    return folder


def make_dual_model(folder: Path) -> Path:
    """A CLIP of two layers a side with random weights."""
    from transformers import CLIPConfig, CLIPModel

    side = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
    config = CLIPConfig(
        text_config={**side, "vocab_size": len(WORDS), "max_position_embeddings": 64, "eos_token_id": 3},
        vision_config={**side, "image_size": 32, "patch_size": 16},
        projection_dim=8,
    )
    CLIPModel(config).save_pretrained(folder)
    tokenizer(folder).save_pretrained(folder)
    size = {"height": 32, "width": 32}
    processor = {"image_processor_type": "CLIPImageProcessor", "size": {"shortest_edge": 32}, "crop_size": size}
    (folder / "preprocessor_config.json").write_text(json.dumps(processor))
    return folder


def write_data(folder: Path, rows: int = 1) -> Path:
    """The six files of VSR, far too short."""
    row = {
        "image": "1.jpg",
        "image_link": "http://images.invalid/train2017/1.jpg",
        "caption": "The cat is left of the dog.",
        "relation": "left of",
        "label": 1,
        "vote_true_validator_id": "[1]",
        "vote_false_validator_id": "[]",
    }
    for split in ("random", "zeroshot"):
        for part in ("train", "dev", "test"):
            path = folder / "vsr" / split / f"{part}.jsonl"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text((json.dumps(row) + "\n") * rows)
    return folder
