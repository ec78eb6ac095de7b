"""Winoground: two pictures and two captions of the same words in another order, to be matched.

Thrush et al. (2022), "Winoground: Probing vision and language models for visio-linguistic compositionality", CVPR,
arXiv 2204.03162. The hub has it behind terms that each user accepts.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from harness.errors import DataError, PictureError
from harness.hub_data import Embedded, HubTable
from harness.photos import Photo
from harness.rows import ChoiceRow, Picture, digest
from harness.sources import DataFile

if TYPE_CHECKING:
    from PIL.Image import Image

COUNT = 400
REPO, REVISION = "facebook/winoground", "b400e173549071916ad1b3d449293bc8d8b4b763"
ORIGIN = (
    f"{REPO} on the hub has it as data/examples.jsonl for those who accept its terms (revision {REVISION}); "
    "unpack the data/images.zip beside it into winoground/images"
)
FILES = {
    "examples": HubTable(
        DataFile(local="winoground/examples.jsonl", origin=ORIGIN),
        repo=REPO,
        revision=REVISION,
        split="test",
        count=COUNT,
        columns=("id", "caption_0", "caption_1", "collapsed_tag"),
        pictures=("image_0", "image_1"),
        gated=True,
    )
}
FOLDERS = ("winoground/images", "winoground/data/images")
CAPTIONS = ("caption_0", "caption_1")


@dataclass(frozen=True, slots=True)
class Withheld:
    """A picture of Winoground, for models alone."""

    photo: Photo | Embedded

    @property
    def name(self) -> str:
        """The name of its file."""
        return self.photo.name

    def key(self) -> str:
        """SHA-256 of the file. Raises PictureError."""
        return self.photo.key()

    def open(self) -> Image:
        """The pixels in RGB. Raises PictureError."""
        return self.photo.open()

    def preview(self, side: int) -> Image:
        """No thumbnail: run folders and pages are passed on, and the terms forbid that of the pictures."""
        raise PictureError(f"{self.name} may not be passed on")


def winoground() -> list[ChoiceRow]:
    """Rows of Winoground (800): each picture of the 400 items with both captions of its item, in one order.

    An item is a group and a `set`; the label is what is exchanged in it: Object, Relation or Both.
    The authors' file comes first, then the hub's table, which has the pictures, for those who accepted its terms.
    Raises DataUnavailable where there is neither, DataError where it is damaged.
    """
    path = FILES["examples"].locate()
    try:
        items = FILES["examples"].read(path) if path.is_dir() else map(json.loads, path.read_bytes().splitlines())
        rows = [row for item in items for row in _rows(item)]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{path} is no file of Winoground ({error!r}): fetch it again") from None
    if len(rows) != 2 * COUNT:
        raise DataError(f"{path} has {len(rows) // 2} items, not {COUNT}: fetch it again")
    return rows


def _rows(item: dict[str, Any]) -> Iterator[ChoiceRow]:
    name = f"winoground {int(item['id']):03d}"
    options = tuple(sorted(CAPTIONS, key=lambda option: digest(name, option)))
    for number, gold in enumerate(CAPTIONS):
        yield ChoiceRow(
            id=f"{name} image_{number}",
            label=item["collapsed_tag"],
            group=name,
            image=_picture(item[f"image_{number}"], f"{name} image_{number}"),
            captions=tuple(item[option] for option in options),
            options=options,
            gold=options.index(gold),
            set=name,
        )


def _picture(found: str | Embedded, id_: str) -> Picture:
    if isinstance(found, Embedded):
        return Withheld(replace(found, name=found.name or id_))
    return Withheld(Photo(f"{found.removesuffix('.png')}.png", FOLDERS, ""))
