"""Runs of any size, made up: models of known skill choose among captions; every row has a picture of its own."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from harness.explore import keep, set_digest
from harness.results import Findings, Outcome, Result
from harness.rows import ChoiceRow
from harness.runs import merge
from harness.shards import Cell, Shard, write_plan

SIDE, QUALITY = 56, 36  # of thumbnails: px, and WebP's
CHOICES = 4
FAMILIES = ("dual", "itm", "chat", "openclip", "sentence")
WORDS = ("cup", "plate", "dog", "bicycle", "traffic light", "sofa", "tabby cat", "wine glass", "suitcase", "bench")
STEMS = ("left of", "right of", "above", "below", "in front of", "behind", "inside", "touching", "near", "far from")


@dataclass(frozen=True)
class Size:
    """How much of everything a run holds."""

    models: int = 30
    suites: int = 12
    relations: int = 60
    rows: int = 20_000
    layers: int = 13  # of every third suite

    def of_suite(self, suite: int) -> int:
        """How many rows it asks."""
        return self.rows // self.suites + (suite < self.rows % self.suites)


@dataclass(frozen=True)
class Shown:
    """A picture that has a name and no pixels."""

    name: str


def make(run: Path, size: Size, photos: Sequence[Path] = (), seed: int = 0) -> Path:
    """A merged run folder; thumbnails are crops of `photos`, or drawn noise where there is none."""
    rng = np.random.default_rng(seed)
    models = [f"model-{i:02d}-{FAMILIES[i % len(FAMILIES)]}-b16" for i in range(size.models)]
    suites = {f"suite-{'abcdefghijklmnopqrstuvwxyz'[i % 26]}-{i:02d}": asked(i, size) for i in range(size.suites)}
    shard = Shard(run, "main")
    for number, (suite, rows) in enumerate(suites.items()):
        name = set_digest(rows)
        keep(run, name, rows)
        ease = rng.normal(size=size.relations)[[int(row.category) for row in rows]] + rng.normal(size=len(rows))
        for i, model in enumerate(models):
            skill = -0.5 + 3 * i / size.models + rng.normal() / 5
            found = answers(rows, 1 / (1 + np.exp(-skill - ease)), rng, size.layers if number % 3 == 0 else 0)
            stats = {"seconds": 3.25, "computed": len(rows), "rows": [{"set": name, "shared": None}]}
            shard.append(Cell(suite=suite, model=model, status="passed", findings=found, stats=stats))
    specs = [
        {"name": model, "family": FAMILIES[i % len(FAMILIES)], "tags": ["image"]} for i, model in enumerate(models)
    ]
    info = {"command": "pytest suites -n auto", "started": "2026-01-01T00:00:00+00:00", "limit": None, "models": specs}
    write_plan(run, info, [])
    merge(run)
    write_pictures(run, suites, thumbnails(size.rows, photos, rng))
    return run


def asked(number: int, size: Size) -> list[ChoiceRow]:
    """A suite's rows: choices between four of its relations, three rows a group."""
    relations = [f"{STEMS[i % len(STEMS)]}{' the' * (i // len(STEMS))}" for i in range(size.relations)]
    rows = []
    for i in range(size.of_suite(number)):
        at = i % size.relations
        options = tuple(relations[(at + step) % size.relations] for step in range(CHOICES))
        a, b = WORDS[i % len(WORDS)], WORDS[(i // 7 + number) % len(WORDS)]
        rows.append(
            ChoiceRow(
                id=f"suite-{number:02d}/{i:05d}", label=relations[at], group=f"{number}-{i // 3}", category=str(at),
                captions=tuple(f"the {a} is {option} the {b} in photo {i}" for option in options), options=options,
                gold=0, image=Shown(f"{number}/{i:05d}.jpg"),
            )
        )  # fmt: skip
    return rows


def answers(rows: Sequence[ChoiceRow], chances: np.ndarray, rng: np.random.Generator, layers: int) -> Findings:
    """What a model chooses that is right on each row with its chance, and the numbers of it."""
    right = rng.random(len(rows)) < chances
    scores = np.sort(rng.normal(size=(len(rows), CHOICES)).astype(np.float32))[:, ::-1]
    chosen = np.where(right, 0, rng.integers(1, CHOICES, len(rows)))
    outcomes = []
    for row, good, place, own in zip(rows, right.tolist(), chosen.tolist(), scores.tolist(), strict=True):
        own[0], own[place] = own[place], own[0]
        outcomes.append(
            Outcome(row=row.id, group=row.group, slice=f"relation={row.label}", gold=row.label,
                    predicted=row.options[place], correct=float(good), scores=tuple(own))
        )  # fmt: skip
    labels = np.array([row.label for row in rows])
    parts = {"all": right, **{f"relation={name}": right[labels == name] for name in dict.fromkeys(labels.tolist())}}
    parts |= {f"layer={i}": right[i :: max(layers, 1)] for i in range(layers)}
    return Findings(tuple(number(part, own) for part, own in parts.items() if len(own)), tuple(outcomes))


def number(part: str, right: np.ndarray) -> Result:
    """Accuracy with an interval by the normal approximation: nothing here is about intervals."""
    value, n = float(right.mean()), len(right)
    error = 1.96 * np.sqrt(max(value * (1 - value), 0.01) / n)
    low, high = max(0.0, value - error), min(1.0, value + error)
    return Result(metric="accuracy", value=value, n=n, slice=part, low=low, high=high, chance=1 / CHOICES)


def thumbnails(count: int, photos: Sequence[Path], rng: np.random.Generator) -> list[bytes]:
    """So many small pictures, no two alike."""
    sources = [Image.open(path).convert("RGB") for path in photos]
    drawn = crops(count, sources, rng) if sources else textures(count, rng)
    with ThreadPoolExecutor(4) as pool:
        return list(pool.map(encoded, drawn))


def crops(count: int, sources: Sequence[Image.Image], rng: np.random.Generator) -> Iterator[Image.Image]:
    """Parts of photos, at least half as wide and high."""
    for i in range(count):
        source = sources[i % len(sources)]
        width, height = (int(side * rng.uniform(0.5, 1)) for side in source.size)
        x, y = (int(rng.integers(0, all_ - own + 1)) for all_, own in zip(source.size, (width, height), strict=True))
        part = source.crop((x, y, x + width, y + height))
        part.thumbnail((SIDE, SIDE), Image.Resampling.BILINEAR, reducing_gap=2.0)
        yield part


def textures(count: int, rng: np.random.Generator) -> Iterator[Image.Image]:
    """Soft noise, about as hard to compress as a photo."""
    for _ in range(count):
        rough = Image.fromarray(rng.integers(0, 256, (7, 7, 3), dtype=np.uint8)).resize(
            (SIDE, SIDE), Image.Resampling.BICUBIC
        )
        fine = rng.normal(0, 12, (SIDE, SIDE, 1))
        yield Image.fromarray(np.clip(np.asarray(rough) + fine, 0, 255).astype(np.uint8))


def encoded(image: Image.Image) -> bytes:
    stream = io.BytesIO()
    image.save(stream, "WEBP", quality=QUALITY)
    return stream.getvalue()


def write_pictures(run: Path, suites: dict[str, list[ChoiceRow]], thumbs: Sequence[bytes]) -> None:
    """asked.parquet and pictures.parquet, as a run leaves them."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    lines: list[dict[str, Any]] = []
    for rows in suites.values():
        name = set_digest(rows)
        lines += [
            {
                "set": name,
                "row": row.id,
                "label": row.label,
                "captions": row.captions,
                "options": row.options,
                "gold": 0,
            }
            for row in rows
        ]
    keys = [hashlib.sha256(thumb).hexdigest()[:16] for thumb in thumbs]
    lines = [{**line, "picture": key} for line, key in zip(lines, keys, strict=True)]
    text, texts = pa.string(), pa.list_(pa.string())
    columns = [("set", text), ("row", text), ("label", text), ("captions", texts), ("options", texts)]
    columns += [("gold", pa.int32()), ("picture", text)]
    pq.write_table(pa.Table.from_pylist(lines, pa.schema(columns)), run / "asked.parquet", compression="zstd")
    kept = dict(zip(keys, thumbs, strict=True))
    pictures = pa.table({"picture": list(kept), "thumb": list(kept.values())})
    pq.write_table(pictures, run / "pictures.parquet", compression="zstd")
