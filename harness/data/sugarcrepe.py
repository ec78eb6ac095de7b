"""SugarCrepe: a caption of a COCO photo, and one in which the relation is replaced or two objects are swapped.

Hsieh et al. (2023), "SugarCrepe: Fixing hackable benchmarks for vision-language compositionality", NeurIPS,
arXiv 2306.14610. MIT. The wrong captions were filtered so that they read as well as the right ones.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness.errors import ConfigError, DataError
from harness.hub_data import HubTable
from harness.models import nearest
from harness.photos import Photo
from harness.rows import ChoiceRow, digest
from harness.sources import DataFile

COUNTS = {"replace_rel": 1406, "swap_obj": 245}
SHA256 = {
    "replace_rel": "356bcc2fc4c6aed3f4d9fd50acc58489bb1fe70c28791f9368d4cbf9ea39cdc9",
    "swap_obj": "073cdb8e253d053614e80710834d9773b09dbc1dd0a412f6f9492262caa1dcad",
}
TEXTS = {  # of the same files, in their order
    "replace_rel": "e2040ba23763a24225610f296955386bab0ce6ce7090497599a5e219af053144",
    "swap_obj": "cc77221744fc7e87d2361fb3df2eb11f9b31a8e942252f8fc6a954b2f32a9dd3",
}
ABSENT = {"swap_obj": 108}  # the authors' numbers leave it out
ORIGIN = "its folder data in the authors' repository, github.com/RAIVNLab/sugar-crepe, has it"
FILES = {
    part: HubTable(
        DataFile(local=f"sugarcrepe/{part}.json", sha256=SHA256[part], origin=ORIGIN),
        repo="mteb/SUGARCREPE_fmt",
        revision="e9e0e3ce40c94023c819d3413edb5d090ec9f0d8",
        split="train",
        count=7511,  # of all seven parts
        columns=("filename", "caption", "negative_caption", "Negative_type"),
        pictures=("images",),
        part=("Negative_type", part),
        texts=TEXTS[part],
    )
    for part in COUNTS
}
FOLDERS = ("coco/val2017", "val2017", "whatsup/val2017")
LINK = "http://images.cocodataset.org/val2017/"


def sugarcrepe(part: str) -> list[ChoiceRow]:
    """Rows of "replace_rel" (1,406) or "swap_obj" (245): two captions of a photo of COCO's val2017.

    Photos are the groups. The authors' file comes first, then the hub's table of all parts, which has the photos.
    Raises ConfigError, DataUnavailable where there is neither, DataError where it is damaged.
    """
    if part not in FILES:
        raise ConfigError(f"no SugarCrepe {part!r}; {nearest(part, FILES)}")
    path = FILES[part].locate()
    try:
        entries = _of_hub(part, path) if path.is_dir() else json.loads(path.read_bytes()).items()
        rows = [_row(part, number, entry) for number, entry in entries]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{path} is no file of SugarCrepe ({error!r}): fetch it again") from None
    if len(rows) != COUNTS[part]:
        raise DataError(f"{path} has {len(rows)} rows, not {COUNTS[part]}: fetch it again")
    return rows


def _of_hub(part: str, folder: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """The hub's entries, numbered as the authors' are, in whose order they stand wherever `texts` agree."""
    numbers = (str(number) for number in itertools.count() if number != ABSENT.get(part))
    return zip(numbers, FILES[part].read(folder), strict=False)


def _row(part: str, number: str, entry: dict[str, Any]) -> ChoiceRow:
    id_, name = f"{part} {number}", entry["filename"]
    captions = {"true": entry["caption"], "false": entry["negative_caption"]}
    options = tuple(sorted(captions, key=lambda option: digest(id_, option)))
    return ChoiceRow(
        id=id_,
        label=part,
        group=name,
        image=replace(entry["images"], name=name) if "images" in entry else Photo(name, FOLDERS, LINK + name),
        captions=tuple(captions[option] for option in options),
        options=options,
        gold=options.index("true"),
    )
