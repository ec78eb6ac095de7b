"""SugarCrepe: a caption of a COCO photo, and one in which the relation is replaced or two objects are swapped.

Hsieh et al. (2023), "SugarCrepe: Fixing hackable benchmarks for vision-language compositionality", NeurIPS,
arXiv 2306.14610. MIT. The wrong captions were filtered so that they read as well as the right ones.
"""

from __future__ import annotations

import json

from harness.errors import ConfigError, DataError
from harness.models import nearest
from harness.photos import Photo
from harness.rows import ChoiceRow, digest
from harness.sources import DataFile

COUNTS = {"replace_rel": 1406, "swap_obj": 245}
SHA256 = {
    "replace_rel": "356bcc2fc4c6aed3f4d9fd50acc58489bb1fe70c28791f9368d4cbf9ea39cdc9",
    "swap_obj": "073cdb8e253d053614e80710834d9773b09dbc1dd0a412f6f9492262caa1dcad",
}
ORIGIN = "its folder data in the authors' repository, github.com/RAIVNLab/sugar-crepe, has it"
FILES = {part: DataFile(local=f"sugarcrepe/{part}.json", sha256=SHA256[part], origin=ORIGIN) for part in COUNTS}
FOLDERS = ("coco/val2017", "val2017", "whatsup/val2017")
LINK = "http://images.cocodataset.org/val2017/"


def sugarcrepe(part: str) -> list[ChoiceRow]:
    """Rows of "replace_rel" (1,406) or "swap_obj" (245): two captions of a photo of COCO's val2017.

    Photos are the groups. Raises ConfigError, DataUnavailable where the file is not there, DataError where it is
    damaged.
    """
    if part not in FILES:
        raise ConfigError(f"no SugarCrepe {part!r}; {nearest(part, FILES)}")
    path = FILES[part].locate()
    try:
        entries = json.loads(path.read_bytes())  # by number, not all of which there are
        rows = [
            _row(part, number, entry["filename"], entry["caption"], entry["negative_caption"])
            for number, entry in entries.items()
        ]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{path} is no file of SugarCrepe ({error!r}): fetch it again") from None
    if len(rows) != COUNTS[part]:
        raise DataError(f"{path} has {len(rows)} rows, not {COUNTS[part]}: fetch it again")
    return rows


def _row(part: str, number: str, name: str, right: str, wrong: str) -> ChoiceRow:
    id_ = f"{part} {number}"
    captions = {"true": right, "false": wrong}
    options = tuple(sorted(captions, key=lambda option: digest(id_, option)))
    return ChoiceRow(
        id=id_,
        label=part,
        group=name,
        image=Photo(name, FOLDERS, LINK + name),
        captions=tuple(captions[option] for option in options),
        options=options,
        gold=options.index("true"),
    )
