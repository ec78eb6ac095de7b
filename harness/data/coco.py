"""Rows made from boxes: any file in COCO's instances format becomes spatial captions that no model has been trained on.

After COCO-spatial (Kamath, Hessel & Chang 2023, arXiv 2310.19785, app. A): where one object lies in its photo, and
how two lie to each other, read off the centres of their boxes. An object counts only if it is the only one of its
class there, its box is large enough, and its place is clear; what is not clear makes no row.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

from harness.errors import ConfigError, DataError, DataUnavailable
from harness.photos import Photo
from harness.rows import ChoiceRow, digest
from harness.sources import DataFile, data_dir

ORIGIN = "annotations come from cocodataset.org (instances_val2017.json), photos from the links in them"
FILES = {
    "val2017": DataFile(local="coco/annotations/instances_val2017.json", origin=ORIGIN),
    "coco128": DataFile(
        local="coco128/instances_train2017.json",
        sha256="2cf3c1c5067b9edeee315f3e9adae74ab2301ec3c65a10d5169a08fc77b57d6e",
        origin="the first 128 photos of train2017 with their instances, in COCO's format",
    ),
}
FOLDERS = {
    "val2017": ("coco/val2017", "val2017", "whatsup/val2017"),
    "coco128": ("coco128/train2017", "coco/train2017"),
}
# by number of objects and axis: what is said where the first coordinate is the smaller one, and where the larger
SAID = {
    (1, 0): ("on the left", "on the right"),
    (1, 1): ("at the top", "at the bottom"),
    (2, 0): ("left of", "right of"),
    (2, 1): ("above", "below"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Clear:
    """When a place is clear. Lengths are shares of the photo's width or height, `area` of its area."""

    area: float = 0.03  # of a box, at least
    margin: float = 0.1  # between two centres, or a centre and the photo's, at least, on the main axis
    ratio: float = 1.5  # how many times as far on the main axis as on the other, at least


def coco_boxes(objects: int, instances: str | Path | None = None, clear: Clear | None = None) -> list[ChoiceRow]:
    """Rows about one object's place or two objects' relation, of opposite captions; photos are the groups.

    `instances` is a file in COCO's format with its photos in folders beside it; without it, val2017's file if it is
    below the data folder, or else coco128's. Raises ConfigError, DataUnavailable, DataError.
    """
    if objects not in (1, 2):
        raise ConfigError(f"rows can be about 1 object or 2, not {objects}")
    if instances is None:
        name = next((name for name, file in FILES.items() if _is_there(file)), "val2017")
        path, folders = FILES[name].locate(), FOLDERS[name]
    else:
        path = Path(instances)
        beside = sorted(folder for folder in path.parent.glob("*") if folder.is_dir())
        folders = tuple(str(folder.absolute()) for folder in (path.parent, *beside))
    try:
        file = json.loads(path.read_bytes())
        return list(_rows(file, objects, folders, clear or Clear()))
    except OSError as error:
        raise DataUnavailable(f"cannot read {path}: {error.strerror}") from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{path} is no file of COCO's instances ({error!r}): correct or fetch it again") from None


def _is_there(file: DataFile) -> bool:
    root = data_dir()
    return root is not None and (root / file.local).is_file()


def _rows(file: Mapping[str, Any], objects: int, folders: tuple[str, ...], clear: Clear) -> Iterator[ChoiceRow]:
    names = {category["id"]: str(category["name"]) for category in file["categories"]}
    boxes: dict[int, dict[str, list[Mapping[str, Any]]]] = defaultdict(lambda: defaultdict(list))
    for annotation in file["annotations"]:
        boxes[annotation["image_id"]][names[annotation["category_id"]]].append(annotation)
    for image in sorted(file["images"], key=lambda image: str(image["file_name"])):
        photo = Photo(str(image["file_name"]), folders, str(image.get("coco_url", "")))
        centres = _centres(boxes[image["id"]], image["width"], image["height"], clear.area)
        for said in combinations(sorted(centres), objects):
            # which of two is named first says nothing of where they are
            one, *other = sorted(said, key=lambda name: digest(photo.name, name))
            away = centres[other[0]] if other else (0.5, 0.5)
            if row := _row(photo, one, other, (centres[one][0] - away[0], centres[one][1] - away[1]), clear):
                yield row


def _centres(
    found: Mapping[str, list[Mapping[str, Any]]], width: float, height: float, area: float
) -> dict[str, tuple[float, float]]:
    """Centres, as shares of width and height, of the objects that are large and the only one of their class."""
    centres = {}
    for name, [first, *more] in found.items():
        x, y, w, h = map(float, first["bbox"])
        if not more and not first.get("iscrowd") and w * h >= area * width * height:
            centres[name] = ((x + w / 2) / width, (y + h / 2) / height)
    return centres


def _row(photo: Photo, one: str, other: list[str], offset: tuple[float, float], clear: Clear) -> ChoiceRow | None:
    axis = int(abs(offset[1]) > abs(offset[0]))
    far, near = abs(offset[axis]), abs(offset[1 - axis])
    if far < clear.margin or far < clear.ratio * near:
        return None
    said = SAID[1 + len(other), axis]
    gold = said[int(offset[axis] > 0)]
    id_ = " ".join((photo.name, one, *other))
    options = tuple(sorted(said, key=lambda relation: digest(id_, relation)))
    return ChoiceRow(
        id=id_,
        label=gold,
        group=photo.name,
        image=photo,
        captions=tuple(_caption(one, relation, other) for relation in options),
        options=options,
        gold=options.index(gold),
    )


def _caption(one: str, relation: str, other: list[str]) -> str:
    """As COCO-spatial words it: "A photo of a dog to the left of a cat."."""
    words = {"left of": "to the left of", "right of": "to the right of"}.get(relation, relation)
    return " ".join(["A photo of", _an(one), words, *map(_an, other)]) + "."


def _an(name: str) -> str:
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"
