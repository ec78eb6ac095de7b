"""Collection: one test per suite x model, biggest model first, and the plan of the run."""

from __future__ import annotations

import functools
import importlib.metadata
import inspect
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from harness import sources
from harness.errors import ConfigError, RunError
from harness.models import ModelSpec
from harness.plugin.session import Session, session_of
from harness.provenance import describe
from harness.rows import digest
from harness.shards import write_plan

REFUSED = pytest.StashKey[bool]()


@dataclass(frozen=True, slots=True)
class Suite:
    """The marker of a suite test: its name in the results, and the capabilities of which it needs one.

    With a `tag` it is run for the models that bear it, and says nothing of others.
    """

    name: str
    needs: tuple[str, ...]
    tag: str = ""


def suite_of(node: pytest.Item) -> Suite | None:
    """The suite a test is, if it is one. Raises ConfigError for a marker without name or needs."""
    marker = node.get_closest_marker("suite")
    if marker is None or not _asks_for_our_model(node):
        return None
    needs = marker.kwargs.get("needs")
    if len(marker.args) != 1 or not needs or not set(marker.kwargs) <= {"needs", "tag"}:
        raise ConfigError(f'{node.nodeid}: write @pytest.mark.suite("name", needs="EmbedsTexts")')
    return Suite(marker.args[0], (needs,) if isinstance(needs, str) else tuple(needs), marker.kwargs.get("tag", ""))


def _asks_for_our_model(node: pytest.Item) -> bool:
    """Whether `model` is the plugin's fixture; others have a marker and a fixture of these names too."""
    found = getattr(node, "_fixtureinfo", None)
    definitions = list(found.name2fixturedefs.get("model", ())) if found else []
    return bool(definitions) and definitions[-1].func.__module__.startswith(f"{__package__}.")


def model_of(item: pytest.Item) -> ModelSpec:
    """The model that a suite's test is about."""
    spec: ModelSpec = item.callspec.params["model"]  # type: ignore[attr-defined]
    return spec


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give a suite one test for each selected model; a mistake in models.yaml is said once."""
    if metafunc.definition.get_closest_marker("suite") is None or not _asks_for_our_model(metafunc.definition):
        return
    specs: list[ModelSpec] = []
    if not metafunc.config.stash.get(REFUSED, False):
        try:
            suite = suite_of(metafunc.definition)
            tag = suite.tag if suite else ""
            specs = [spec for spec in session_of(metafunc.config).models if not tag or tag in spec.tags]
        except ConfigError as error:
            metafunc.config.stash[REFUSED] = True
            raise pytest.Collector.CollectError(str(error)) from None
    metafunc.parametrize("model", specs, ids=[spec.name for spec in specs], indirect=True, scope="session")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep a model's tests together, biggest model first; other tests stay ahead, in their order."""
    # a suite with a tag that no selected model bears has nothing to say, not even that it was skipped
    nobodys = [item for item in items if (suite := suite_of(item)) and suite.tag and not is_cell(item)]
    if nobodys:
        config.hook.pytest_deselected(items=nobodys)
        items[:] = [item for item in items if item not in nobodys]
    ours = [item for item in items if is_cell(item)]
    if not ours:
        return
    rank = {spec.name: i for i, spec in enumerate(sorted(session_of(config).models, key=lambda s: -s.vram_gb))}
    ours.sort(key=lambda item: rank[model_of(item).name])
    items[:] = [item for item in items if not is_cell(item)] + ours
    for item in ours:  # by which reports and JUnit tell what they are about
        suite = suite_of(item)
        item.user_properties += [("suite", suite.name if suite else ""), ("model", model_of(item).name)]


def is_cell(item: object) -> bool:
    """Whether a test is one suite x model."""
    return (
        isinstance(item, pytest.Function)
        and item.get_closest_marker("suite") is not None
        and isinstance(getattr(item, "callspec", None) and item.callspec.params.get("model"), ModelSpec)
    )


@pytest.hookimpl(tryfirst=True)  # before xdist announces this worker as ready
def pytest_collection_finish(session: pytest.Session) -> None:
    """Write down what is to be run, so that what a crash prevents is missed."""
    cells = [item for item in session.items if isinstance(item, pytest.Function) and is_cell(item)]
    if not cells or session.config.getoption("collectonly") or session.testsfailed:
        return
    run = session_of(session.config)
    plan = [(suite.name, model_of(item).name) for item in cells if (suite := suite_of(item))]
    if twice := [f"{suite} x {model}" for (suite, model), count in Counter(plan).items() if count > 1]:
        session.shouldfail = f"two tests give {twice[0]}: a suite's name stands for one test"
        raise session.Failed(session.shouldfail)
    facts = {"command": run.command, "started": run.started, "questions": _questions(cells)}
    try:
        about = facts | describe(run.models, run.limit, session.config.rootpath)
        write_plan(run.run, about, plan, [item.nodeid for item in cells])
    except RunError as error:  # stop before anything is computed that could not be kept
        session.shouldfail = str(error)
        raise session.Failed(str(error)) from None


def _questions(cells: Sequence[pytest.Function]) -> dict[str, str]:
    """What each suite asks: the first paragraph of its module's docstring, on one line."""
    found = {}
    for item in cells:
        paragraph = inspect.cleandoc(item.module.__doc__ or "").split("\n\n")[0]
        if (suite := suite_of(item)) and paragraph:
            found[suite.name] = " ".join(paragraph.split())
    return found


def cell_key(run: Session, suite: Suite, item: pytest.Item, fingerprint: str) -> str:
    """Digest of all that a cell's numbers depend on, so far as it is known before the rows are read."""
    versions = [importlib.metadata.version(name) for name in ("numpy", "scipy", "scikit-learn", "pillow")]
    where = str(sources.data_dir())
    return digest(suite.name, sources.file_digest(item.path), fingerprint, str(run.limit), where, _code(), *versions)


@functools.cache
def _code() -> str:
    """Digest of the harness's own code."""
    root = Path(sources.__file__).parent
    return digest(*(sources.file_digest(path) for path in sorted(root.rglob("*.py"))))
