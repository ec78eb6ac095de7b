"""Scenes on disk: pictures, metadata, splits and the config that made them."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from harness.errors import ConfigError, DataError
from harness.scenes.config import SceneConfig
from harness.scenes.draw import draw
from harness.scenes.generate import make_scenes
from harness.scenes.presets import as_yaml
from harness.scenes.questions import choice
from harness.scenes.scene import Scene
from harness.scenes.splits import split_ids


def write_scenes(config: SceneConfig, out: Path) -> list[Scene]:
    """Write images/<id>.png, metadata.jsonl, splits.json and config.yaml to a new or empty folder.

    A folder that the same config was written to is completed or written over, byte for byte.
    Raises ConfigError where the folder holds anything else, DataError where the disk refuses.
    """
    scenes = make_scenes(config)
    lines = [json.dumps(_metadata(config, scene)) + "\n" for scene in scenes]
    try:
        _claim(config, out)
        (out / "images").mkdir(exist_ok=True)
        for scene in scenes:
            draw(scene, config.canvas).save(out / _file(scene), format="PNG")
        _write(out / "splits.json", json.dumps(split_ids(scenes), indent=1) + "\n")
        # last, so that a folder with metadata has every picture it names
        _write(out / "metadata.jsonl", "".join(lines))
    except OSError as error:
        raise DataError(
            f"cannot write scenes to {out}: {error.strerror or error}; free some space or choose another folder"
        ) from error
    return scenes


def _claim(config: SceneConfig, out: Path) -> None:
    """Make the folder ours by putting the config there first."""
    text, mark = as_yaml(config), out / "config.yaml"
    if out.is_dir() and any(out.iterdir()) and not (mark.is_file() and mark.read_bytes() == text.encode()):
        raise ConfigError(f"{out} is not empty and was not written by this config; empty it or choose another folder")
    out.mkdir(parents=True, exist_ok=True)
    _write(mark, text)


def _write(path: Path, text: str) -> None:
    path.write_bytes(text.encode())  # bytes: the same line ends on every system


def _file(scene: Scene) -> str:
    return f"images/{scene.id}.png"


def _metadata(config: SceneConfig, scene: Scene) -> dict[str, Any]:
    asked = choice(config, scene)
    # where a table's viewer stands: without it, its objects' places say nothing of the picture
    view = {} if scene.azimuth is None else {"azimuth": scene.azimuth, "own_relation": scene.own_relation}
    return {
        "id": scene.id,
        "file_name": _file(scene),  # the key by which image-folder loaders find the picture
        "split": scene.split,
        "relation": scene.relation,
        **view,
        "objects": [asdict(item) for item in scene.objects],
        "label": asked.label,
        "caption": asked.captions[asked.gold],
        "captions": asked.captions,
        "options": asked.options,
        "gold": asked.gold,
        "group": asked.group,
    }
