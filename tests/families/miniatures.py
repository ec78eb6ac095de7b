"""Every data set in small, in its authors' schema: drawn pictures, and all that can be wrong with one."""

from __future__ import annotations

import functools
import io
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from PIL import Image

from harness import (
    aro_relation,
    coco_boxes,
    coco_spatial,
    gqa_spatial,
    scene_choices,
    sugarcrepe,
    vsr_choices,
    whatsup,
    winoground,
)
from harness.data import aro, vsr
from harness.data import sugarcrepe as sugarcrepe_module
from harness.data import whatsup as whatsup_module
from harness.data import winoground as winoground_module
from harness.rows import ChoiceRow

WORKER = Path(__file__).parents[2] / "examples" / "colours"
SIDE = 48  # pixels a side of a picture, but for the smallest
ENDLESS = "a very long caption " * 210_000  # 4 MB


@functools.cache
def _scenes() -> list[ChoiceRow]:
    return scene_choices("spatial", "test")


@functools.cache
def _drawn(number: int) -> Image.Image:
    rows = _scenes()
    return rows[number * 7 % len(rows)].image.open().resize((SIDE, SIDE))


def _jpeg(picture: Image.Image) -> bytes:
    data = io.BytesIO()
    picture.save(data, "JPEG", quality=90)
    return data.getvalue()


def _png(picture: Image.Image) -> bytes:
    data = io.BytesIO()
    picture.save(data, "PNG")
    return data.getvalue()


# what stands in the place of the first pictures of each data set; the others are as they should be
PICTURES: Mapping[str, Callable[[Image.Image], bytes | None]] = {
    "missing": lambda picture: None,
    "truncated": lambda picture: _jpeg(picture)[: len(_jpeg(picture)) // 2],
    "grey": lambda picture: _jpeg(picture.convert("L")),
    "transparent": lambda picture: _png(picture.convert("RGBA")),
    "cmyk": lambda picture: _jpeg(picture.convert("CMYK")),
    "one pixel": lambda picture: _png(picture.resize((1, 1))),
}
LOST = ("missing", "truncated")
COUNT = 16  # rows of each data set, or four more where they come in sets


def _show(folder: Path, names: list[str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    kinds = list(PICTURES.values())
    for number, name in enumerate(names):
        data = kinds[number](_drawn(number)) if number < len(kinds) else _jpeg(_drawn(number))
        if data is not None:
            (folder / name).write_bytes(data)


def _write(root: Path, file: str, value: Any) -> None:
    path = root / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(value if isinstance(value, str) else json.dumps(value))


def _odd(captions: list[str], number: int) -> list[str]:
    """Captions as careless files have them: one is empty, one endless, one says no relation that is known."""
    last = {8: "", 9: ENDLESS, 10: "a photo of nothing in particular"}.get(number, captions[-1])
    return [*captions[:-1], last]


def whatsup_like(root: Path, patch: Any, part: str) -> list[ChoiceRow]:
    ways = {
        "a": {"on": "on", "under": "under", "left_of": "to the left of", "right_of": "to the right of"},
        "b": {"in-front_of": "in front of", "behind": "behind", "left_of": "left of", "right_of": "right of"},
    }[part]
    found = []
    for thing in ("mug", "pot", "book", "hat", "toy"):
        told = {way: f"A {thing} {words} a table" for way, words in ways.items()}
        for way, right in told.items():
            captions = [right, *(text for text in told.values() if text != right)]
            path = f"data/x/{thing}_{way}_table.jpeg"
            found.append({"image_path": path, "caption_options": _odd(captions, len(found))})
    found.pop()  # an incomplete set
    patch.setitem(whatsup_module.COUNTS, part, len(found))
    _write(root, f"whatsup/{whatsup_module.NAMES[part]}.json", found)
    _show(root / whatsup_module.FOLDERS[part][0], [Path(one["image_path"]).name for one in found])
    return whatsup(part)


def photos_like(root: Path, patch: Any, part: str) -> list[ChoiceRow]:
    data, objects = part.split("-")
    words = (
        ("a dog to the left of a cat", "a dog to the right of a cat")
        if objects == "two"
        else ("on the left", "on the right")
    )
    found = [[number, *_odd([f"A photo of {word}" for word in words], number)] for number in range(COUNT)]
    patch.setitem(whatsup_module.COUNTS, part, COUNT)
    _write(root, f"whatsup/{whatsup_module.NAMES[part]}.json", found)
    pattern = "{:012d}.jpg" if data == "coco" else "{}.jpg"
    _show(root / whatsup_module.FOLDERS[data][0], [pattern.format(number) for number in range(COUNT)])
    return {"coco": coco_spatial, "gqa": gqa_spatial}[data](2 if objects == "two" else 1)


def sugarcrepe_like(root: Path, patch: Any) -> list[ChoiceRow]:
    captions = [_odd(["a dog on a mat", "a dog under a mat"], number) for number in range(COUNT)]
    names = [f"{number}.jpg" for number in range(COUNT)]
    found = {
        str(3 * number): {"filename": name, "caption": right, "negative_caption": wrong}
        for number, (name, (right, wrong)) in enumerate(zip(names, captions, strict=True))
    }
    patch.setitem(sugarcrepe_module.COUNTS, "replace_rel", COUNT)
    _write(root, "sugarcrepe/replace_rel.json", found)
    _show(root / sugarcrepe_module.FOLDERS[0], names)
    return sugarcrepe("replace_rel")


def aro_like(root: Path, patch: Any) -> list[ChoiceRow]:
    names = [f"{number}.jpg" for number in range(COUNT)]
    found = [
        {
            "image_path": name,
            "bbox_x": 0,
            "bbox_y": 0,
            "bbox_w": 1 if number == list(PICTURES).index("one pixel") else 20,
            "bbox_h": 1 if number == list(PICTURES).index("one pixel") else 15,
            "relation_name": "on",
            "true_caption": right,
            "false_caption": wrong,
        }
        for number, name in enumerate(names)
        for right, wrong in [_odd(["the cup is on the box", "the box is on the cup"], number)]
    ]
    patch.setattr(aro, "COUNT", COUNT)
    _write(root, "aro/visual_genome_relation.json", found)
    _show(root / aro.FOLDERS[0], names)
    return aro_relation()


def vsr_like(root: Path, patch: Any, against: str) -> list[ChoiceRow]:
    names = [f"{number:012d}.jpg" for number in range(COUNT)]
    lines = [
        {
            "image": name,
            "image_link": f"http://images.invalid/train2017/{name}",
            "caption": f"The cat is under the {ENDLESS if number == 9 else 'table'}.",
            "label": 1 if against == "antonym" else number % 2,
            "relation": "under",
            "vote_true_validator_id": "[]",
            "vote_false_validator_id": "[]",
        }
        for number, name in enumerate(names)
    ]
    patch.setitem(vsr.COUNTS, ("zeroshot", "test"), COUNT)
    _write(root, "vsr/zeroshot/test.jsonl", "\n".join(map(json.dumps, lines)))
    _show(root / "coco" / "train2017", names)
    return vsr_choices("zeroshot", "test", against)


def boxes_like(root: Path, patch: Any) -> list[ChoiceRow]:
    names = [f"{number}.jpg" for number in range(COUNT)]
    _write(
        root,
        "mine/instances.json",
        {
            "images": [{"id": n, "file_name": name, "width": SIDE, "height": SIDE} for n, name in enumerate(names)],
            "categories": [{"id": 1, "name": "cup"}],
            "annotations": [{"image_id": n, "category_id": 1, "bbox": [0, 16, 16, 16]} for n in range(COUNT)],
        },
    )
    _show(root / "mine" / "photos", names)
    return coco_boxes(1, root / "mine" / "instances.json")


def winoground_like(root: Path, patch: Any) -> list[ChoiceRow]:
    names = [f"ex_{number}_img_{side}" for number in range(COUNT // 2) for side in range(2)]
    lines = []
    for number, (first, second) in enumerate(zip(names[::2], names[1::2], strict=True)):
        captions = _odd(["a cup on a box", "a box on a cup"], 2 * number)
        pictures = {"image_0": first, "image_1": second, "collapsed_tag": "Object"}
        lines.append({"id": number, "caption_0": captions[0], "caption_1": captions[1], **pictures})
    patch.setattr(winoground_module, "COUNT", len(lines))
    _write(root, "winoground/examples.jsonl", "\n".join(map(json.dumps, lines)))
    _show(root / winoground_module.FOLDERS[0], [f"{name}.png" for name in names])
    return winoground()


DATA: Mapping[str, Callable[[Path, Any], list[ChoiceRow]]] = {
    "whatsup-a": lambda root, patch: whatsup_like(root, patch, "a"),
    "whatsup-b": lambda root, patch: whatsup_like(root, patch, "b"),
    "coco-one": lambda root, patch: photos_like(root, patch, "coco-one"),
    "coco-two": lambda root, patch: photos_like(root, patch, "coco-two"),
    "gqa-one": lambda root, patch: photos_like(root, patch, "gqa-one"),
    "gqa-two": lambda root, patch: photos_like(root, patch, "gqa-two"),
    "sugarcrepe": sugarcrepe_like,
    "aro": aro_like,
    "vsr-negation": lambda root, patch: vsr_like(root, patch, "negation"),
    "vsr-antonym": lambda root, patch: vsr_like(root, patch, "antonym"),
    "coco-boxes": boxes_like,
    "winoground": winoground_like,
}
