"""`scenes --out DIR`: drawn scenes as files, for looking at and for other programs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from harness.scenes import find_config, read_config, write_scenes


def run(*, preset: str, config: Path | None, size: int | None, seed: int | None, out: Path) -> int:
    """Write the preset's or the file's scenes, in another number or from another seed where one is given."""
    chosen = read_config(config) if config else find_config(preset)
    given: dict[str, Any] = {"size": size, "seed": seed}
    chosen = replace(chosen, **{key: value for key, value in given.items() if value is not None})
    scenes = write_scenes(chosen, out)
    print(f"{len(scenes)} scenes in {out}")
    return 0
