"""No data set is asked for beyond this machine; a hub that has tables is a folder of Parquet."""

from __future__ import annotations

from pathlib import Path

import huggingface_hub
import pytest
from hub_tables import FakeTables
from huggingface_hub import constants

from harness import sources


@pytest.fixture(autouse=True)
def no_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The hub does not answer, and its cache is empty."""
    monkeypatch.setattr(sources, "hub_problem", lambda: "the hub cannot be reached (no route)")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub-cache"))


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeTables:
    """A hub that answers, with the tables that are put there."""
    fake = FakeTables(tmp_path / "hub")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("HARNESS_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setattr(sources, "hub_problem", lambda: "")
    monkeypatch.setattr(huggingface_hub, "snapshot_download", fake.snapshot_download)
    sources.used.clear()
    return fake
