"""What a run knows: its models, folders and limit."""

from __future__ import annotations

import datetime
import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from harness import families, models, sources
from harness.errors import ConfigError
from harness.models import ModelSpec, read_models, select_models
from harness.plugin.asked import Asked
from harness.provenance import git
from harness.shards import Cell, Shard, read_cells

KEY = pytest.StashKey["Session"]()


@dataclass
class Session:
    """One run, as one of its processes sees it."""

    models: list[ModelSpec]
    run: Path
    store: Path
    limit: int | None
    worker: str
    command: str
    started: str
    extraction: str  # the command that computes what the store lacks, where this one must not
    shard: Shard = field(init=False)
    done: Mapping[tuple[str, str], Cell] = field(init=False)
    asked: Asked = field(default_factory=Asked)

    def __post_init__(self) -> None:
        self.shard = Shard(self.run, self.worker)
        self.done = {key: cell for key, cell in read_cells(self.run).items() if cell.status == "passed"}


def session_of(config: pytest.Config) -> Session:
    """The run of this process, made when it is first needed. Raises ConfigError."""
    if KEY not in config.stash:
        limit = config.getoption("harness_limit", None)
        if limit is not None and limit < 1:
            raise ConfigError(f"--limit must be at least 1, not {limit}")
        for name, folder in (("--data-dir", sources.data_dir()), ("--model-dir", sources.model_dir())):
            if folder and not folder.is_dir():
                raise ConfigError(f"{name} {folder} is not a folder")
        specs = select_models(read_models(models_file(config)), config.getoption("harness_models", None))
        for spec in specs:
            families.check(spec)
        store = config.getoption("harness_store_dir", None) or sources.store_dir()
        shared = shared_facts(config)
        run = Path(shared["run"])
        os.environ["HARNESS_HUB_STATE"] = str(run / "shards" / f"hub-{shared['id']}.json")
        config.stash[KEY] = Session(
            models=specs,
            run=run,
            store=Path(store).expanduser().absolute(),
            limit=limit,
            worker=os.environ.get("PYTEST_XDIST_WORKER", "main"),
            command=shared["command"],
            started=shared["started"],
            extraction=_extraction(shared["command"]) if config.getoption("harness_skip_extraction", None) else "",
        )
    return config.stash[KEY]


def _extraction(command: str) -> str:
    return shlex.join(word for word in shlex.split(command) if word != "--skip-extraction")


def models_file(config: pytest.Config) -> Path:
    """The file that lists the models: given, of the rootdir, or the one that is installed."""
    given = config.getoption("harness_models_file", None)
    if given:
        return Path(config.invocation_params.dir) / Path(given).expanduser()
    return models.models_file(config.rootpath)


_facts = pytest.StashKey[dict[str, str]]()


def shared_facts(config: pytest.Config) -> dict[str, str]:
    """What all processes of a run must agree on; decided once, handed to workers as plain values."""
    if hasattr(config, "workerinput"):
        return dict(config.workerinput["spatial_harness"])
    if _facts not in config.stash:
        now = datetime.datetime.now(datetime.UTC)
        given = config.getoption("harness_run_dir", None)
        name = f"{now:%Y%m%dT%H%M%SZ}-{git(config.rootpath)['commit'][:7] or 'nocommit'}"
        run = Path(given).expanduser() if given else config.rootpath / "reports" / name
        command = shlex.join(["pytest", *map(str, config.invocation_params.args)])
        config.stash[_facts] = {
            "run": str(Path(config.invocation_params.dir) / run),
            "id": f"{now:%H%M%S%f}-{os.getpid()}",
            "command": command,
            "started": now.isoformat(timespec="seconds"),
        }
    return config.stash[_facts]
