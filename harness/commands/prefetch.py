"""`prefetch`: download what a run needs, then prove it by loading every model offline."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from harness import sources
from harness.commands import given
from harness.commands.prove import prove
from harness.data import data_files
from harness.data.vsr import FILES, vsr
from harness.errors import DataUnavailable, HarnessError, PictureError
from harness.families import check_libraries, family_of
from harness.hub_data import HubTable
from harness.models import ModelSpec
from harness.photos import Photo
from harness.sources import DataFile

AT_ONCE = 16  # downloads of photos


def run(
    *, models: str | None, models_file: Path | None, model_dir: Path | None, data_dir: Path | None, photos: bool
) -> int:
    """Print one line for each model and data file; return 1 if anything is missing or does not load."""
    with given.folders(data_dir=data_dir, model_dir=model_dir):
        file = given.listed(models_file)
        specs = given.chosen(file, models)
        lost = sum([*(_data(name, file, photos) for name, file in data_files().items()), _photos() if photos else 0])
        there = [spec.name for spec in specs if not _missing(spec)]
        lost += len(specs) - len(there)
        lost += sum(_line(f"model {name}", why, "loads offline") for name, why in prove(file, there))
    return 1 if lost else 0


def _line(what: str, why: str, good: str) -> int:
    """Print what became of one thing; return how many are missing."""
    print(f"missing  {what}: {why}" if why else f"ok       {what}: {good}", flush=True)
    return 1 if why else 0


def _data(name: str, file: DataFile | HubTable, photos: bool) -> int:
    later = isinstance(file, HubTable) and not photos
    try:
        return _line(f"data {name}", "", str(file.locate(fetch=not later)))
    except DataUnavailable as error:
        if later:
            return _told(name, f"{error}; prefetch --photos fetches it with its pictures")
        # what no hub has, or has for some, cannot be prefetched: it is told, and no failure of the command
        return _line(f"data {name}", str(error), "") if _open_to_all(file) else _told(name, str(error))
    except HarnessError as error:
        return _line(f"data {name}", str(error), "")


def _open_to_all(file: DataFile | HubTable) -> bool:
    return bool(file.repo) and not (isinstance(file, HubTable) and file.gated)


def _told(name: str, what: str) -> int:
    """Say what its user has to get from elsewhere; none of it counts as missing."""
    print(f"manual   data {name}: {what}", flush=True)
    return 0


def _missing(spec: ModelSpec) -> int:
    """Whether a model's files cannot be had; says so."""
    try:
        if family_of(spec).NEEDS_WEIGHTS:
            check_libraries(spec)
            sources.locate_model(spec)
    except HarnessError as error:
        return _line(f"model {spec.name}", str(error), "")
    return 0


def _photos() -> int:
    wanted: dict[str, Photo] = {}
    for split, part in FILES:
        try:
            wanted |= vsr_photos(split, part)
        except HarnessError:
            continue  # the file's own line says it
    reasons = _failures(list(wanted.values()))
    why = f"{len(reasons)} of {len(wanted)}, the first: {reasons[0]}" if reasons else ""
    return _line("photos of VSR", why or ("no file names them" if not wanted else ""), f"{len(wanted)}")


def vsr_photos(split: str, part: str) -> dict[str, Photo]:
    """The distinct photos of one VSR file, by their links."""
    return {row.image.link: row.image for row in vsr(split, part) if isinstance(row.image, Photo)}


def _failures(photos: Sequence[Photo]) -> list[str]:
    from tqdm import tqdm

    def reason(photo: Photo) -> str:
        try:
            photo.locate()
        except (PictureError, OSError) as error:  # OSError: the cache cannot be written
            return str(error)
        return ""

    with ThreadPoolExecutor(AT_ONCE) as pool:
        asked = tqdm(pool.map(reason, photos), total=len(photos), desc="photos", disable=None, leave=False)
        return [why for why in asked if why]
