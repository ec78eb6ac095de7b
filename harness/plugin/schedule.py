"""pytest-xdist: how many workers `-n auto` means, and one worker for all tests of a model."""

from __future__ import annotations

import os
from typing import Any

import pytest

from harness.devices import good_worker_count
from harness.errors import ConfigError
from harness.models import ModelSpec, read_models, select_models
from harness.plugin.session import models_file, shared_facts


def _models(config: pytest.Config) -> list[ModelSpec]:
    """The models this command is about; none when it is not about suites of this harness."""
    about = config.getoption("harness_models_file", None) or (config.rootpath / "models.yaml").exists()
    about = about or any(str(arg).startswith("harness.suites") for arg in config.args)
    try:
        return (
            select_models(read_models(models_file(config)), config.getoption("harness_models", None)) if about else []
        )
    except ConfigError:
        return []  # said at collection, if a suite is collected at all


# optional hooks: without pytest-xdist nobody calls them; in the module itself, because xdist asks for
# the number of workers before plugins are configured


@pytest.hookimpl(tryfirst=True, optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int | None:
    """One worker per GPU, else what memory and cores carry; the environment's choice stands."""
    specs = _models(config)
    if not specs or os.environ.get("PYTEST_XDIST_AUTO_NUM_WORKERS"):
        return None
    return good_worker_count(len(specs), max(spec.vram_gb for spec in specs))


@pytest.hookimpl(tryfirst=True, optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Keep a model's tests on one worker, unless the user chose a --dist."""
    specs = _models(config)
    if not specs or config.getoption("dist") != "load":
        return None
    config.option.loadscopereorder = False  # the order of collection is biggest model first
    return _model_scheduling(config, log, {spec.name for spec in specs})


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a worker the run folder and what the run is called."""
    node.workerinput["spatial_harness"] = shared_facts(node.config)


def _model_scheduling(config: pytest.Config, log: Any, models: set[str]) -> Any:
    from xdist.scheduler import LoadScopeScheduling

    class ModelScheduling(LoadScopeScheduling):  # type: ignore[misc]
        """The scope of a suite's test is its model; any other test is its own."""

        def _split_scope(self, nodeid: str) -> str:
            name = nodeid.rpartition("[")[2].removesuffix("]")
            return f"model {name}" if nodeid.endswith("]") and name in models else nodeid

        def remove_node(self, node: Any) -> str | None:
            # xdist would give the test that killed its worker to the next one, and kill that
            workload = self.assigned_work.pop(node)
            crashed = next((test for unit in workload.values() for test, done in unit.items() if not done), None)
            for scope, unit in workload.items():
                left = {test: done or test == crashed for test, done in unit.items()}
                if not all(left.values()):
                    self.workqueue[scope] = left
            for other in self.nodes:
                self._reschedule(other)
            return crashed

        def _reschedule(self, node: Any) -> None:
            if node not in self.registered_collections:  # it replaces a crashed one, and is still collecting
                return
            super()._reschedule(node)
            # a worker holds its last test back until it is given another, or told that there is none
            while self.workqueue and not node.shutting_down and self._pending_of(self.assigned_work[node]) < 2:
                self._assign_work_unit(node)
            if not self.workqueue:
                node.shutdown()

    return ModelScheduling(config, log)
