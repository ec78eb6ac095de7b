"""`add-model ORG/NAME`: look a model up, and append its entry to models.yaml without touching the rest."""

from __future__ import annotations

import contextlib
import json
import pkgutil
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path, PurePosixPath
from typing import Any

from harness import families, sources
from harness.commands import given
from harness.errors import ConfigError, ModelUnavailable
from harness.files import replacing
from harness.matching import MATCHERS
from harness.models import COMMIT, HUB_ID, ModelSpec, read_models

MATCHES = {matcher.NETWORK for matcher in MATCHERS.values()}
SENTENCE = {"modules.json", "config_sentence_transformers.json"}
OPEN_CLIP = "open_clip_config.json"
CAUSAL = ("ForCausalLM", "LMHeadModel")
GENERATES = ("ForConditionalGeneration", "ForCausalLM")
# no two towers to compare, though the config has a part on texts and one on pictures
OTHERWISE = ("ForQuestionAnswering", "ForMaskedLM", "ForContrastiveLearning")
WHY_BIN = "the repository holds no safetensors at this revision"


@dataclass(frozen=True, slots=True)
class Repo:
    """What could be learnt of a repository; no files where nobody could be asked."""

    revision: str
    files: tuple[str, ...]
    config: Callable[[], Mapping[str, Any]]  # config.json, read when it is needed


def run(
    *,
    repo: str,
    name: str | None,
    family: str | None,
    tags: str,
    revision: str,
    models_file: Path | None,
    model_dir: Path | None,
) -> int:
    """Append the entry and print it. Raises ConfigError, or Unavailable where the hub is needed and away."""
    if not HUB_ID.fullmatch(repo) or any(part.startswith(".") for part in repo.split("/")):
        raise ConfigError(f"{repo!r} is not a model of the hub: write ORG/NAME")
    file = _own_list(models_file)
    name = name or repo.split("/")[1]
    before = _read(file, name)
    with given.folders(model_dir=model_dir):
        found = _look_up(repo, revision)
        spec = ModelSpec(
            name=name,
            family=family or _guess_family(repo, found),
            source=repo,
            revision=found.revision,
            tags=tuple(filter(None, (tag.strip() for tag in tags.split(",")))),
            options={"allow_bin": WHY_BIN} if _pickled_alone(found.files) else {},
        )
    entry = _append(file, before, spec)
    print(f"added to {file}:\n{entry}fetch and try it: spatial-harness prefetch --models {spec.name}")
    if not found.files:
        print("nobody was there to ask for its files: whether its weights are safetensors is not known")
    return 0


def _own_list(file: Path | None) -> Path:
    """The list to append to; never the installed one, which the next upgrade would overwrite."""
    path = given.listed(file)
    if file is None and path.parent != Path.cwd():
        raise ConfigError(f"there is no models.yaml here; begin with a copy (cp {path} .) or give --models-file FILE")
    return path.resolve()


def _read(file: Path, name: str) -> list[ModelSpec]:
    """The entries there are. Raises ConfigError where one has the name already."""
    try:
        lines = file.read_bytes().splitlines()
    except OSError as error:
        raise ConfigError(f"cannot read {file}: {error.strerror}; give --models-file FILE") from error
    empty = all(not line.strip() or line.lstrip().startswith(b"#") for line in lines)
    specs = [] if empty else read_models(file)
    for number, spec in enumerate(specs, 1):
        if spec.name.lower() == name.lower():
            raise ConfigError(f"{file} entry {number} is named {spec.name} already; choose another with --name")
    return specs


# --- what the model is --------------------------------------------------------------------------


def _look_up(repo: str, revision: str) -> Repo:
    """Ask the hub or, where it is away and the commit is given, the local mirror."""
    problem = sources.hub_problem()
    if not problem:
        return _ask_hub(repo, revision)
    if not COMMIT.fullmatch(revision):
        raise ModelUnavailable(
            f"the commit of {repo} cannot be looked up: {problem}; reach the hub, or give --revision "
            "with the full 40-digit commit"
        )
    mirror = sources.model_dir()
    folder = mirror / repo if mirror else None
    paths = [path for path in folder.rglob("*") if path.is_file()] if folder else []
    files = tuple(path.relative_to(folder).as_posix() for path in paths if folder)
    return Repo(revision, files, lambda: _json(folder / "config.json") if folder else {})


def _ask_hub(repo: str, revision: str) -> Repo:
    from huggingface_hub import HfApi, hf_hub_download

    with sources.hub_reasons(repo, revision or "main"):
        info = HfApi().model_info(repo, revision=revision or None)
    commit = str(info.sha)

    def config() -> Mapping[str, Any]:
        with sources.hub_reasons(repo, commit):
            path = hf_hub_download(repo, "config.json", revision=commit)
        return _json(Path(path))

    return Repo(commit, tuple(file.rfilename for file in info.siblings or ()), config)


def _json(path: Path) -> Mapping[str, Any]:
    try:
        read = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path} is not readable JSON: {error}; give --family") from error
    return read if isinstance(read, dict) else {}


def _guess_family(repo: str, found: Repo) -> str:
    """The family by the files a checkpoint has. Raises ConfigError where they do not tell."""
    if SENTENCE & set(found.files):
        return "sentence"
    config = found.config() if "config.json" in found.files else {}
    architectures = [str(name) for name in config.get("architectures") or ()]
    if MATCHES & set(architectures):
        return "itm"
    generates = any(name.endswith(GENERATES) for name in architectures)
    if generates and "vision_config" in config:
        return "chat"
    otherwise = any(name.endswith(OTHERWISE) for name in architectures)
    if {"text_config", "vision_config"} <= set(config) and not otherwise:
        return "dual"
    if OPEN_CLIP in found.files:
        return "openclip"
    if any(name.endswith(CAUSAL) for name in architectures):
        return "causal"
    known = ", ".join(module.name for module in pkgutil.iter_modules(families.__path__))
    kind = config.get("architectures") or config.get("model_type")
    seen = f"it is {kind}" if kind else "it has no config.json" if found.files else "its files cannot be seen"
    raise ConfigError(f"no family is known to fit {repo} ({seen}); give --family, one of: {known}")


def _pickled_alone(files: tuple[str, ...]) -> bool:
    """Whether some part of the model has .bin weights and no safetensors."""

    def folders(pattern: str) -> set[PurePosixPath]:
        return {path.parent for path in map(PurePosixPath, files) if path.match(pattern)}

    return bool(folders("*pytorch_model*.bin") - folders("*.safetensors"))


# --- the file -----------------------------------------------------------------------------------


def _append(file: Path, before: list[ModelSpec], spec: ModelSpec) -> str:
    """Put the entry at the end of the file, once it is proved to read back; return it."""
    import yaml

    entry = _as_yaml(spec)
    data = file.read_bytes()
    root = yaml.compose(data)
    if getattr(root, "flow_style", False):
        raise ConfigError(f"{file} is one list in [ ]; add this yourself:\n{entry}")
    indent = " " * (root.start_mark.column if root is not None else 0)
    ending = "\r\n" if b"\r\n" in data else "\n"
    lines = [indent + line + ending for line in entry.splitlines()]
    gap = "" if not data or data.endswith(b"\n") else ending
    with _replacing(file) as scratch:
        scratch.write_bytes(data + (gap + "".join(lines)).encode())
        try:
            if read_models(scratch) != [*before, spec]:
                raise ConfigError("the entry would not read back as it was meant")
            families.check(spec)
        except ConfigError as error:
            reason = str(error).replace(str(scratch), str(file))
            raise ConfigError(f"{reason} ({file} is left as it was)") from error
    return entry


def _as_yaml(spec: ModelSpec) -> str:
    """The entry's lines, one key each, without the keys that say nothing."""
    import yaml

    values = {f.name: getattr(spec, f.name) for f in fields(spec) if getattr(spec, f.name)}
    values |= {"tags": list(spec.tags)} if spec.tags else {}
    written = {
        key: yaml.safe_dump(value, default_flow_style=True, width=float("inf"), allow_unicode=True)
        for key, value in values.items()
        if value != next(f.default for f in fields(spec) if f.name == key)
    }
    lines = [f"{key}: {text.removesuffix('...' + chr(10)).strip()}" for key, text in written.items()]
    return "- " + "\n  ".join(lines) + "\n"


@contextlib.contextmanager
def _replacing(file: Path) -> Iterator[Path]:
    """A file to write beside another, put in its place if nothing is raised. Raises ConfigError."""
    try:
        with replacing(file) as scratch:
            yield scratch
            shutil.copymode(file, scratch)
    except OSError as error:
        raise ConfigError(f"cannot write {file}: {error.strerror or error}") from error
