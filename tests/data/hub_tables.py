"""Small tables in the schemas of the hub's, with drawn pictures, and the authors' files that say the same."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatch
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
from datasets import Dataset, Features, Image, Value
from huggingface_hub.errors import GatedRepoError, LocalEntryNotFoundError
from PIL import Image as Pictures

from harness import aro_relation, sugarcrepe, winoground
from harness.data import aro as aro_module
from harness.data import sugarcrepe as sugarcrepe_module
from harness.data import winoground as winoground_module
from harness.hub_data import HubTable
from harness.rows import ChoiceRow, digest

COUNT = 6
BOX = {"x": Value("float32"), "y": Value("float32"), "w": Value("float32"), "h": Value("float32")}


class FakeTables:
    """The client's one function that is asked, over a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.asked: list[str] = []
        self.gated = False
        self.cached = False  # whether a machine without network has it

    def snapshot_download(
        self, repo: str, *, repo_type: str, revision: str, allow_patterns: list[str], local_files_only: bool
    ) -> str:
        self.asked.append(repo)
        if self.gated:
            raise GatedRepoError("gated", response=SimpleNamespace(headers={}, request=None, status_code=403))
        if local_files_only and not self.cached:
            raise LocalEntryNotFoundError("not cached")
        folder = self.folder / repo / revision
        names = [path.relative_to(folder).as_posix() for path in folder.rglob("*.*")]
        assert repo_type == "dataset"
        assert all(any(fnmatch(name, pattern) for pattern in allow_patterns) for name in names)
        return str(folder)

    def put(self, table: HubTable, entries: Sequence[dict[str, Any]], features: Features, files: int = 2) -> list[Path]:
        folder = self.folder / table.repo / table.revision / "data"
        folder.mkdir(parents=True, exist_ok=True)
        paths = [folder / f"{table.split}-{i:05d}-of-{files:05d}.parquet" for i in range(files)]
        for path, part in zip(paths, np.array_split(np.arange(len(entries)), files), strict=True):
            Dataset.from_list([entries[i] for i in part], features).to_parquet(str(path))
        return paths


@dataclass(frozen=True)
class DataSet:
    """A data set on the hub, its module and reader, and how its file and pictures lie in the data folder."""

    module: ModuleType
    key: str
    read: Callable[[], list[ChoiceRow]]
    features: Features
    entries: tuple[dict[str, Any], ...]
    local: Any
    pictures: dict[str, bytes]

    @property
    def table(self) -> HubTable:
        return self.module.FILES[self.key]

    def shrink(self, patch: Any, **changes: Any) -> None:
        """Let the module expect this few rows."""
        if isinstance(getattr(self.module, "COUNT", None), int):
            patch.setattr(self.module, "COUNT", COUNT)
        else:
            patch.setitem(self.module.COUNTS, self.key, COUNT)
        patch.setitem(self.module.FILES, self.key, replace(self.table, count=len(self.entries), **changes))

    def write(self, root: Path) -> None:
        """The authors' file and its pictures, in the data folder."""
        for name, data in {self.table.local: self.local, **self.pictures}.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_bytes(data)


def drawn(number: int, kind: str = "PNG") -> bytes:
    picture, out = Pictures.new("RGB", (40, 30), "white"), io.BytesIO()
    picture.paste((40 * number, 0, 200), (10, 5, 30, 20))
    picture.save(out, kind)
    return out.getvalue()


def aro() -> DataSet:
    photos = {f"{i}.jpg": drawn(i, "JPEG") for i in range(3)}
    said = [{"true_caption": f"{i} on it", "false_caption": f"it on {i}", "relation_name": "on"} for i in range(COUNT)]
    boxes = [{"x": i, "y": 5, "w": 20, "h": 15} for i in range(COUNT)]
    return DataSet(
        aro_module, "relation", aro_relation,
        Features({"image": Image(), **{name: Value("string") for name in said[0]}, "bbox": BOX}),
        tuple(
            {"image": {"bytes": photos[f"{i % 3}.jpg"], "path": f"{i % 3}.jpg"}, **said[i], "bbox": boxes[i]}
            for i in range(COUNT)
        ),
        json.dumps([
            {"image_path": f"{i % 3}.jpg", **said[i], **{f"bbox_{k}": v for k, v in boxes[i].items()}}
            for i in range(COUNT)
        ]).encode(),
        {f"aro/images/{name}": data for name, data in photos.items()},
    )  # fmt: skip


def sugarcrepe_swap() -> DataSet:
    """Rows of two parts; the photos have no names of their own in the table."""
    said = [
        {"filename": f"{i}.jpg", "caption": f"a {i} on a hat", "negative_caption": f"a hat on a {i}"}
        for i in range(COUNT)
    ]
    other = [{**entry, "caption": "another", "Negative_type": "add_att"} for entry in said[:2]]
    entries = [*other[:1], *({**entry, "Negative_type": "swap_obj"} for entry in said), *other[1:]]
    return DataSet(
        sugarcrepe_module, "swap_obj", lambda: sugarcrepe("swap_obj"),
        Features({"images": Image(), **{name: Value("string") for name in entries[0]}}),
        tuple({**e, "images": {"bytes": drawn(int(e["filename"][0]), "JPEG"), "path": None}} for e in entries),
        json.dumps({str(i if i < 3 else i + 1): entry for i, entry in enumerate(said)}).encode(),
        {f"coco/val2017/{i}.jpg": drawn(i, "JPEG") for i in range(COUNT)},
    )  # fmt: skip


def texts_of(data_set: DataSet) -> str:
    """What the authors' file says, as `texts` has it."""
    said = json.loads(data_set.local).values()
    return digest(*(text for entry in said for text in (*entry.values(), data_set.key)))


def winoground_items() -> DataSet:
    said = [
        {"id": i, "caption_0": f"{i} red on blue", "caption_1": f"{i} blue on red", "collapsed_tag": "Object"}
        for i in range(COUNT)
    ]
    names = [{f"image_{k}": f"ex_{i}_img_{k}" for k in range(2)} for i in range(COUNT)]
    shown = {f"ex_{i}_img_{k}.png": drawn(2 * i % 5 + k) for i in range(COUNT) for k in range(2)}
    return DataSet(
        winoground_module, "examples", winoground,
        Features({
            "id": Value("int32"), "image_0": Image(), "image_1": Image(),
            **{name: Value("string") for name in ("caption_0", "caption_1", "collapsed_tag")},
        }),
        tuple(
            {**said[i], **{k: {"bytes": shown[f"{name}.png"], "path": f"{name}.png"} for k, name in names[i].items()}}
            for i in range(COUNT)
        ),
        "\n".join(json.dumps({**said[i], **names[i]}) for i in range(COUNT)).encode(),
        {f"winoground/images/{name}": data for name, data in shown.items()},
    )  # fmt: skip


ALL = {"aro": aro, "sugarcrepe": sugarcrepe_swap, "winoground": winoground_items}
