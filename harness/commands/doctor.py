"""`doctor`: what is installed, reachable and cached, and what a run would skip, and why. Changes nothing."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

from harness import devices, sources
from harness.commands import given
from harness.commands.prefetch import vsr_photos
from harness.data import data_files
from harness.data.vsr import FILES
from harness.errors import DataUnavailable, HarnessError, ModelUnavailable, PictureError, Unavailable
from harness.families import check_libraries, family_of
from harness.hub_data import HubTable
from harness.models import ModelSpec
from harness.photos import Photo
from harness.provenance import PACKAGES
from harness.sources import DataFile

DISTRIBUTION = "spatial-harness"


def run(*, models: str | None, models_file: Path | None, model_dir: Path | None, data_dir: Path | None) -> int:
    """Print the findings; what is missing is told, not judged. Raises ConfigError for a wrong models.yaml."""
    with given.folders(data_dir=data_dir, model_dir=model_dir):
        file = given.listed(models_file)
        specs = given.chosen(file, models)
        sections = {
            "installed": _installed(),
            "devices": _devices(),
            "hub": iter([sources.hub_problem() or "answers"]),
            "folders": _folders(),
            f"models of {file}": (f"{spec.name}: {_model(spec)}" for spec in specs),
            "data": _data(),
        }
        for title, lines in sections.items():
            print(title)
            for line in lines:
                print(f"  {line}", flush=True)
    return 0


# --- the machine --------------------------------------------------------------------------------


def _installed() -> Iterator[str]:
    yield f"Python {platform.python_version()} on {platform.platform()}"
    yield ", ".join(f"{name} {_version(name) or 'is missing'}" for name in PACKAGES if name != DISTRIBUTION)
    if not _version(DISTRIBUTION):
        yield f"{DISTRIBUTION} runs from a clone; it is not installed"
        return
    yield f"{DISTRIBUTION} {_version(DISTRIBUTION)}"
    for extra in importlib.metadata.metadata(DISTRIBUTION).get_all("Provides-Extra") or ():
        lacking = [name for name in _extra(extra) if not _version(name)]
        hint = f'lacks {", ".join(lacking)}: pip install "{DISTRIBUTION}[{extra}]"'
        yield f"extra {extra}: {hint if lacking else 'installed'}"


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _extra(extra: str) -> Iterator[str]:
    """Names of the packages that an extra asks for here."""
    from packaging.requirements import Requirement

    for wanted in map(Requirement, importlib.metadata.requires(DISTRIBUTION) or ()):
        marker = wanted.marker
        if marker and marker.evaluate({"extra": extra}) and not marker.evaluate({"extra": ""}):
            yield wanted.name


def _devices() -> Iterator[str]:
    gpus = devices.visible_gpus()
    for number, gpu in enumerate(gpus):
        yield f"GPU {gpu}: {_use('mps' if gpu == 'mps' else f'cuda:{number}')}"
    if not gpus:
        yield f"no GPU: models run on the CPU, {os.cpu_count()} cores"


def _use(name: str) -> str:
    """Whether torch can compute on a device."""
    try:
        import torch

        torch.ones(1, device=name).add(1).item()
    except (ImportError, OSError, RuntimeError, AssertionError) as error:
        return f"torch cannot use it: {(str(error).splitlines() or [type(error).__name__])[0]}"
    return f"torch {torch.__version__} can use it"


def _folders() -> Iterator[str]:
    from huggingface_hub import constants

    for what, path in {
        "store": sources.store_dir(),
        "photos": sources.cache_dir() / "photos",
        "tables": sources.cache_dir() / "datasets",
        "hub cache": Path(constants.HF_HUB_CACHE),
    }.items():
        yield f"{what}: {path}, {_gb(_size(path))}, {_gb(_free(path))} free"


def _size(folder: Path) -> int:
    """Bytes of a folder's files, each counted once: the hub's cache links to its files."""
    total = 0
    for root, _, names in os.walk(folder):
        for path in (Path(root, name) for name in names):
            total += 0 if path.is_symlink() or not path.exists() else path.stat().st_size
    return total


def _free(path: Path) -> int:
    """Free bytes of the disk where a folder is, or would be made."""
    return shutil.disk_usage(next(p for p in (path, *path.absolute().parents) if p.exists())).free


def _gb(size: int) -> str:
    return f"{size / 1e9:.1f} GB"


# --- models and data ----------------------------------------------------------------------------


def _model(spec: ModelSpec) -> str:
    family = family_of(spec)
    can = ", ".join(sorted(family.capabilities(spec)))
    locate = getattr(family, "locate", None)
    if not family.NEEDS_WEIGHTS and locate is None:
        return f"ready ({can})"
    try:
        check_libraries(spec)
    except ModelUnavailable as error:
        return f"would be skipped: {error}"
    try:
        return f"ready ({can}), {locate(spec) if locate else sources.locate_model(spec, fetch=False)}"
    except ModelUnavailable as error:
        there_is_hub = spec.from_hub and not sources.hub_problem()
        return _on_hub(spec) if there_is_hub else f"would be skipped: {error}"
    except HarnessError as error:
        return f"would fail: {error}"


def _on_hub(spec: ModelSpec) -> str:
    """What the hub says of a model that is not here yet."""
    from huggingface_hub import HfApi

    try:
        with sources.hub_reasons(spec.source, spec.revision):
            info = HfApi().model_info(spec.source, revision=spec.revision, files_metadata=True)
            if info.gated:
                HfApi().auth_check(spec.source)
    except Unavailable as error:
        return f"would be skipped: {error}"
    wanted = sources.wanted_files(spec)
    files = [file for file in info.siblings or () if any(fnmatch(file.rfilename, pattern) for pattern in wanted)]
    if not sources.allows_bin(spec) and not any(file.rfilename.endswith(".safetensors") for file in files):
        return "would fail: the hub has no safetensors of it; to load .bin weights, say why in options: allow_bin"
    return f"would be downloaded, {_gb(sum(file.size or 0 for file in files))}"


def _data() -> Iterator[str]:
    yield "scenes: drawn where they are needed"
    for name, file in data_files().items():
        yield f"{name}: {_file(file)}"
    yield f"vsr photos: {_photos()}"


def _file(file: DataFile | HubTable) -> str:
    try:
        path = file.locate(fetch=False)
    except DataUnavailable as error:
        there_is_hub = file.repo and not sources.hub_problem()
        terms = ", whose terms have to be accepted there" if isinstance(file, HubTable) and file.gated else ""
        return f"would be downloaded from {file.repo}{terms}" if there_is_hub else f"would be skipped: {error}"
    except HarnessError as error:
        return f"would fail: {error}"
    return f"{path}{', not the pinned bytes' if path.is_file() and not sources.used[file.local]['as_pinned'] else ''}"


def _photos() -> str:
    """How many photos of the training captions are here."""
    try:
        FILES["random", "train"].locate(fetch=False)
        photos = vsr_photos("random", "train").values()
    except HarnessError:
        return "unknown without vsr random/train"
    here = sum(map(_is_here, photos))
    rest = "" if here == len(photos) else "; each other one is downloaded when first needed, or by prefetch --photos"
    return f"{here} of {len(photos)} of random/train are here{rest}"


def _is_here(photo: Photo) -> bool:
    try:
        photo.locate(fetch=False)
    except PictureError:
        return False
    return True
