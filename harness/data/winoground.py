"""Winoground: two pictures and two captions of the same words in another order, to be matched.

Thrush et al. (2022), "Winoground: Probing vision and language models for visio-linguistic compositionality", CVPR,
arXiv 2204.03162. The hub has it behind terms that each user accepts; nothing of it is fetched here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from harness.errors import DataError
from harness.photos import Photo
from harness.rows import ChoiceRow, digest
from harness.sources import DataFile

COUNT = 400
ORIGIN = (
    "facebook/winoground on the hub has it as data/examples.jsonl for those who accept its terms (revision "
    "b400e173549071916ad1b3d449293bc8d8b4b763); unpack the data/images.zip beside it into winoground/images"
)
FILES = {"examples": DataFile(local="winoground/examples.jsonl", origin=ORIGIN)}
FOLDERS = ("winoground/images", "winoground/data/images")
CAPTIONS = ("caption_0", "caption_1")


def winoground() -> list[ChoiceRow]:
    """Rows of Winoground (800): each picture of the 400 items with both captions of its item, in one order.

    An item is a group and a `set`; the label is what is exchanged in it: Object, Relation or Both.
    Raises DataUnavailable where the file is not there, DataError where it is damaged.
    """
    path = FILES["examples"].locate()
    try:
        rows = [row for line in path.read_bytes().splitlines() for row in _rows(json.loads(line))]
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
            image=Photo(f"{item[f'image_{number}'].removesuffix('.png')}.png", FOLDERS, ""),
            captions=tuple(item[option] for option in options),
            options=options,
            gold=options.index(gold),
            set=name,
        )
