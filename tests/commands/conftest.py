"""A machine of its own for every command: no hub, no caches, an empty folder to stand in."""

from __future__ import annotations

from pathlib import Path

import huggingface_hub
import pytest
from command_samples import FakeHub
from huggingface_hub import constants

from harness import sources


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder; the hub does not answer."""
    for name in ("HARNESS_DATA_DIR", "HARNESS_MODEL_DIR", "HARNESS_STORE_DIR", "HARNESS_HUB_STATE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))  # read by processes that are started
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(sources, "hub_problem", lambda: "the hub cannot be reached (no route)")
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeHub:
    """A hub that answers, from memory."""
    fake = FakeHub(tmp_path / "hub")
    monkeypatch.setattr(sources, "hub_problem", lambda: "")
    monkeypatch.setattr(huggingface_hub, "HfApi", lambda: fake)
    monkeypatch.setattr(huggingface_hub, "hf_hub_download", fake.hf_hub_download)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", fake.snapshot_download)
    return fake
