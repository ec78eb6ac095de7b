"""What the command line gave: the folders to look in and the models that are meant."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from harness import families
from harness.errors import ConfigError
from harness.models import ModelSpec, models_file, read_models, select_models


@contextlib.contextmanager
def folders(*, data_dir: Path | None = None, model_dir: Path | None = None) -> Iterator[None]:
    """Tell the lower floors, and processes started here, of the given folders. Raises ConfigError."""
    given = {"HARNESS_DATA_DIR": ("--data-dir", data_dir), "HARNESS_MODEL_DIR": ("--model-dir", model_dir)}
    before = {name: os.environ.get(name) for name in given}
    for name, (option, path) in given.items():
        if path and not path.is_dir():
            raise ConfigError(f"{option} {path} is not a folder")
        if path:
            os.environ[name] = str(path.absolute())
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


def listed(file: Path | None) -> Path:
    """The list of models: the given one, or the one that holds in this folder."""
    return file.absolute() if file else models_file(Path.cwd())


def chosen(file: Path, wanted: str | None) -> list[ModelSpec]:
    """The selected models of a list, each checked by its family. Raises ConfigError."""
    specs = select_models(read_models(file), wanted)
    for spec in specs:
        families.check(spec)
    return specs
