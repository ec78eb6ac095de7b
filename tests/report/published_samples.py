"""A run of suites on which numbers were published, by models of the published checkpoints and others."""

from __future__ import annotations

from typing import Any

from report_samples import INFO

from harness.results import Findings, Result
from harness.shards import Cell

B32 = "openai/clip-vit-base-patch32"
HOSTILE_NAME = "<img src=x onerror=alert(1)>"

SPECS: list[dict[str, Any]] = [
    {"name": "my-b32", "family": "dual", "source": B32, "options": {"allow_bin": "no safetensors"}, "tags": []},
    {"name": "my-l14", "family": "dual", "source": "openai/clip-vit-large-patch14", "options": {}, "tags": []},
    {"name": "b32-text", "family": "dual", "source": B32, "options": {"side": "text", "output": "pooled"}, "tags": []},
    {"name": HOSTILE_NAME, "family": "dual", "source": B32, "options": {"side": "both"}, "tags": []},
    {"name": "another", "family": "dual", "source": "mine/clip-b32", "options": {}, "tags": []},
]
PUBLISHED_INFO = {**INFO, "models": SPECS}


def chosen(suite: str, model: str, value: float | None, n: int = 412, pair: float = 0.02) -> Cell:
    """A cell of What'sUp: accuracy, and pair accuracy over half as many."""
    bounds = {} if value is None else {"low": value - 0.04, "high": value + 0.04}
    results = (
        Result(metric="accuracy", value=value, n=n, chance=0.25, **bounds),
        Result(metric="accuracy", value=value, n=103, chance=0.25, slice="relation=on"),
        Result(metric="pair_accuracy", value=pair, n=n // 2, chance=1 / 16),
    )
    return Cell(suite=suite, model=model, status="passed", findings=Findings(results, ()))


def probed(model: str, value: float) -> Cell:
    """A cell of the published probing protocol."""
    result = Result(metric="macro_f1", value=value, n=7680, low=value - 0.01, high=value + 0.01, floor=0.4933)
    return Cell(suite="vsr-relations-paper", model=model, status="passed", findings=Findings((result,), ()))


def published_cells() -> list[Cell]:
    return [
        chosen("whatsup-a-paper", "my-b32", 125 / 412),
        chosen("whatsup-a-paper", "my-l14", 0.25),
        chosen("whatsup-a-paper", HOSTILE_NAME, 0.31),
        chosen("whatsup-a-paper", "another", 0.35),
        chosen("whatsup-a", "my-b32", 0.31),
        chosen("scene-choice", "my-b32", 0.5),
        probed("b32-text", 0.5921),
    ]
