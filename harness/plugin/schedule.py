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
    about = config.getoption("harness_models_file") or (config.rootpath / "models.yaml").exists()
    about = about or any(str(arg).startswith("harness.suites") for arg in config.args)
    try:
        return select_models(read_models(models_file(config)), config.getoption("harness_models")) if about else []
    except ConfigError:
        return []  # said at collection, if a suite is collected at all


class Xdist:
    """Hooks that exist only where pytest-xdist does."""

    @pytest.hookimpl(tryfirst=True)
    def pytest_xdist_auto_num_workers(self, config: pytest.Config) -> int | None:
        """One worker per GPU, else what memory and cores carry; the environment's choice stands."""
        specs = _models(config)
        if not specs or os.environ.get("PYTEST_XDIST_AUTO_NUM_WORKERS"):
            return None
        return good_worker_count(len(specs), max(spec.vram_gb for spec in specs))

    @pytest.hookimpl(tryfirst=True)
    def pytest_xdist_make_scheduler(self, config: pytest.Config, log: Any) -> Any:
        """Keep a model's tests on one worker, unless the user chose a --dist."""
        specs = _models(config)
        if not specs or config.getoption("dist") != "load":
            return None
        config.option.loadscopereorder = False  # the order of collection is biggest model first
        return _model_scheduling(config, log, {spec.name for spec in specs})

    def pytest_configure_node(self, node: Any) -> None:
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
            # without this a test that kills its worker is given to the next one, and kills that
            workload = dict(self.assigned_work[node])
            crashed: str | None = super().remove_node(node)
            for unit in workload.values():
                if crashed in unit:
                    unit[crashed] = True
            for scope in [scope for scope, unit in self.workqueue.items() if all(unit.values())]:
                del self.workqueue[scope]
            return crashed

    return ModelScheduling(config, log)
