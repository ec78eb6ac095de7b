"""ARO, Visual Genome Relation: which of two objects is the subject of a relation, in a part of a photo.

Yuksekgonul et al. (2023), "When and why vision-language models behave like bags-of-words, and what to do about it?",
ICLR, arXiv 2210.01936. The false caption has the two objects exchanged; the photo is cropped to the box around them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.errors import DataError, PictureError
from harness.hub_data import HubTable
from harness.photos import Photo
from harness.rows import ChoiceRow, Picture, digest
from harness.sources import DataFile

if TYPE_CHECKING:
    from PIL.Image import Image

COUNT = 23_937
EDGE = 2  # pixels by which a box may pass its photo's edge; what lies beyond is black, as in the authors' crops
ORIGIN = "the authors' repository, github.com/mertyg/vision-language-models-are-bows, links to it and to its photos"
FILES = {
    "relation": HubTable(
        DataFile(local="aro/visual_genome_relation.json", origin=ORIGIN),
        repo="mteb/ARO-Visual-Relation",
        revision="53c1115ab5871ab33b09d5bb8856236d46bdaf2d",
        split="test",
        count=COUNT,
        columns=("true_caption", "false_caption", "relation_name", "bbox"),
        pictures=("image",),  # whole photos
    )
}
FOLDERS = ("aro/images", "aro", "vg_images", "vg/VG_100K")


@dataclass(frozen=True, slots=True)
class Crop:
    """A part of a photo: `box` is left, top, right and bottom in pixels."""

    photo: Picture
    box: tuple[int, int, int, int]

    @property
    def name(self) -> str:
        """The photo's name and the box."""
        return f"{self.photo.name} {self.box}"

    def key(self) -> str:
        """Digest of the photo's content and the box. Raises PictureError."""
        return digest(self.photo.key(), str(self.box))

    def open(self) -> Image:
        """The part within the box, in RGB. Raises PictureError, also where the box lies outside."""
        whole = self.photo.open()
        left, top, right, bottom = self.box
        inside = -EDGE <= left < right <= whole.width + EDGE and -EDGE <= top < bottom <= whole.height + EDGE
        if not inside:
            raise PictureError(f"{self.photo.name} has {whole.size} pixels, and no part {self.box}")
        return whole.crop(self.box)

    def preview(self, side: int) -> Image:
        """The part within the box, in RGB; never downloaded. Raises PictureError."""
        if isinstance(self.photo, Photo):
            self.photo.locate(fetch=False)
        return self.open()


def aro_relation() -> list[ChoiceRow]:
    """Rows of VG-Relation (23,937): two captions of a part of a photo; photos are the groups, relations the labels.

    Ids number the rows of the authors' file or, where it is not here, of the hub's table, which has the photos.
    Raises DataUnavailable where there is neither, DataError where it is damaged.
    """
    path = FILES["relation"].locate()
    try:
        entries = map(_as_in_file, FILES["relation"].read(path)) if path.is_dir() else json.loads(path.read_bytes())
        rows = [_row(number, entry) for number, entry in enumerate(entries)]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{path} is no file of ARO ({error!r}): fetch it again") from None
    if len(rows) != COUNT:
        raise DataError(f"{path} has {len(rows)} rows, not {COUNT}: fetch it again")
    return rows


def _as_in_file(entry: dict[str, Any]) -> dict[str, Any]:
    """An entry of the hub's table as the authors' file has it, and the photo."""
    box = {f"bbox_{side}": entry["bbox"][side] for side in "xywh"}
    return {**entry, **box, "image_path": entry["image"].name}


def _row(number: int, entry: dict[str, Any]) -> ChoiceRow:
    id_, name = f"aro {number:05d}", Path(entry["image_path"]).name
    if not name:
        raise ValueError(f"row {number} does not name its photo")
    left, top, width, height = (int(entry[f"bbox_{side}"]) for side in "xywh")
    captions = {"true": entry["true_caption"], "exchanged": entry["false_caption"]}
    options = tuple(sorted(captions, key=lambda option: digest(id_, option)))
    return ChoiceRow(
        id=id_,
        label=entry["relation_name"],
        group=name,
        image=Crop(entry.get("image") or Photo(name, FOLDERS, ""), (left, top, left + width, top + height)),
        captions=tuple(captions[option] for option in options),
        options=options,
        gold=options.index("true"),
    )
