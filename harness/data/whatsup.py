"""What'sUp, COCO-spatial and GQA-spatial: captions of one picture that differ in the relation alone.

Kamath, Hessel & Chang (2023), "What's up with vision-language models?", arXiv 2310.19785. The files are the
authors' (first caption right), with their pictures, below DIR/whatsup. Some copies of the paper swap
the letters A and B: here A is on/under/left/right around a table or chair, B in front/behind/left/right on a table.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from harness.errors import ConfigError, DataError
from harness.models import nearest
from harness.photos import Photo
from harness.relations import relation_in
from harness.rows import ChoiceRow, Row, digest
from harness.sources import DataFile

# ServiceNow/whatsup_all on the hub has all six with their pictures; no revision of it could be confirmed to pin
ORIGIN = "the authors' repository, github.com/amitakamath/whatsup_vlms, links to the files and their pictures"
NAMES = {
    "a": "controlled_images_dataset",
    "b": "controlled_clevr_dataset",
    "coco-one": "coco_qa_one_obj",
    "coco-two": "coco_qa_two_obj",
    "gqa-one": "vg_qa_one_obj",
    "gqa-two": "vg_qa_two_obj",
}
COUNTS = {"a": 412, "b": 408, "coco-one": 2247, "coco-two": 440, "gqa-one": 1160, "gqa-two": 291}
SHA256 = {  # of the other four no digest is known
    "a": "77ee94ae35552ed643ecd47f700daa178e10051458baae99d5c4c5d5922590d3",
    "b": "2c0df1ab59d13d71442752b4b3c7353114d712a785b0850ec22e11c2b0c474c9",
}
FILES = {
    key: DataFile(local=f"whatsup/{name}.json", sha256=SHA256.get(key, ""), origin=ORIGIN)
    for key, name in NAMES.items()
}
# where pictures may lie below the data folder
FOLDERS = {
    "a": ("whatsup/controlled_images", "whatsup/data/controlled_images"),
    "b": ("whatsup/controlled_clevr", "whatsup/data/controlled_clevr"),
    "coco": ("whatsup/val2017", "coco/val2017", "val2017"),
    "gqa": ("whatsup/vg_images", "vg_images", "vg/VG_100K"),
}
COCO_LINK = "http://images.cocodataset.org/val2017/"
PAIRS = {  # of What'sUp, by relation: what the two opposite ones are called together
    **dict.fromkeys(("left of", "right of"), "left/right"),
    **dict.fromkeys(("on", "under"), "on/under"),
    **dict.fromkeys(("in front of", "behind"), "front/behind"),
}
# these two files' pictures show each other's relation, as the authors' tracker has it
SWAPPED = {"pillow_left_of_chair.jpeg", "pillow_right_of_chair.jpeg"}


def whatsup(part: str, corrected: bool = True) -> list[ChoiceRow]:
    """Rows of What'sUp "a" (412) or "b" (408): four captions, the same two objects once in each relation.

    Rows of two objects are a group and a `set`, those of opposite relations a `pair`. `corrected` exchanges two
    pictures of a pillow that were labelled the wrong way round; leave it off to compare with published numbers.
    Raises ConfigError, DataUnavailable where the file is not there, DataError where it is damaged.
    """
    if part not in ("a", "b"):
        raise ConfigError(f"no What'sUp {part!r}; {nearest(part, ('a', 'b'))}")
    return [_controlled(part, raw["image_path"], raw["caption_options"], corrected) for raw in _entries(part)]


def whatsup_table() -> list[Row]:
    """The pictures of What'sUp A around a table, one a row: the relation is the label, what lies there the group.

    The published analogies are over 25 such objects. Raises as `whatsup` does.
    """
    around = [row for row in whatsup("a") if row.group.endswith(" table")]
    return [Row(id=row.id, label=row.label, group=row.group, image=row.image) for row in around]


def coco_spatial(objects: int) -> list[ChoiceRow]:
    """Rows of COCO-spatial about one object (2,247) or two (440): two captions of a photo of COCO's val2017.

    Raises as `whatsup` does.
    """
    return _of_photos("coco", objects, "{:012d}.jpg", COCO_LINK)


def gqa_spatial(objects: int) -> list[ChoiceRow]:
    """Rows of GQA-spatial about one object (1,160) or two (291): two captions of a photo of Visual Genome.

    Raises as `whatsup` does.
    """
    return _of_photos("gqa", objects, "{}.jpg", "")


def _controlled(part: str, path: str, captions: list[str], corrected: bool) -> ChoiceRow:
    name = Path(path).name
    first, *_, last = Path(name).stem.split("_")
    objects = f"{first} {last}"
    relation = relation_in(captions[0])
    shown = name
    if corrected and name in SWAPPED:
        [shown] = SWAPPED - {name}
    return _row(
        f"whatsup-{part} {name}" + (f" shown by {shown}" if shown != name else ""),
        captions,
        Photo(shown, FOLDERS[part], ""),
        group=objects,
        pair=f"{objects} {PAIRS[relation]}" if relation in PAIRS else "",
        set_=objects if relation in PAIRS else "",
    )


def _of_photos(data: str, objects: int, pattern: str, link: str) -> list[ChoiceRow]:
    if objects not in (1, 2):
        raise ConfigError(f"{data}-spatial asks about 1 object or 2, not {objects}")
    part = f"{data}-{'one' if objects == 1 else 'two'}"
    rows = []
    for number, (image, *captions) in enumerate(_entries(part)):
        name = pattern.format(int(image))
        photo = Photo(name, FOLDERS[data], link and link + name)
        rows.append(_row(f"{part} {number:04d}", captions, photo, group=name))
    return rows


def _row(id_: str, captions: list[str], photo: Photo, group: str, pair: str = "", set_: str = "") -> ChoiceRow:
    """The row with its captions in an order of its own: the files have the right one first."""
    relation, *wrong = map(relation_in, captions)
    # captions of no or of one and the same relation are told apart by their text
    told = (relation, *wrong) if len({relation, *wrong}) == len(captions) else tuple(captions)
    order = sorted(range(len(captions)), key=lambda k: digest(id_, captions[k]))
    return ChoiceRow(
        id=id_,
        label=relation,
        group=group,
        image=photo,
        captions=tuple(captions[k] for k in order),
        options=tuple(told[k] for k in order),
        gold=order.index(0),
        pair=pair,
        set=set_,
    )


def _entries(part: str) -> Iterator[Any]:
    """The file's entries. Raises DataError where it is no such list, or of another length."""
    path = FILES[part].locate()
    try:
        entries = json.loads(path.read_bytes())
        for entry in entries:
            _check(entry, pairs=part in ("a", "b"))
    except (ValueError, TypeError, KeyError) as error:
        raise DataError(f"{path} is not {NAMES[part]} of the authors ({error}): fetch it again") from None
    if len(entries) != COUNTS[part]:
        raise DataError(f"{path} has {len(entries)} rows, not {COUNTS[part]}: fetch it again")
    return iter(entries)


def _check(entry: Any, pairs: bool) -> None:
    image, captions = (entry["image_path"], entry["caption_options"]) if pairs else (int(entry[0]), entry[1:])
    if len(captions) != (4 if pairs else 2) or not all(isinstance(text, str) for text in (*captions, *[image] * pairs)):
        raise ValueError(f"unexpected entry {str(entry)[:80]}")
