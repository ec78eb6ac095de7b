"""Data sets: one file each, giving rows from pinned files."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping

from harness.hub_data import HubTable
from harness.sources import DataFile


def data_files() -> Mapping[str, DataFile | HubTable]:
    """The files of all data sets, by a name to tell people: what each module of this package has in FILES."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    modules = {name: importlib.import_module(f"{__name__}.{name}") for name in names}
    return {
        f"{name} {key if isinstance(key, str) else '/'.join(key)}": file
        for name, module in modules.items()
        for key, file in getattr(module, "FILES", {}).items()
    }
