"""Scenes on disk: the same bytes again, complete, and in nobody else's folder."""

import errno
import json
import subprocess
import sys
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from harness.errors import ConfigError, DataError
from harness.scenes import (
    PRESETS,
    Scene,
    SceneObject,
    draw,
    make_scenes,
    read_config,
    scene_choices,
    scene_rows,
    split_ids,
    write_scenes,
)

SMALL = replace(PRESETS["spatial"], name="small", size=24)
SEVERAL = {preset: replace(PRESETS[preset], name="small", size=12) for preset in PRESETS if preset != "tabletop-depth"}


def contents(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(autouse=True)
def _own_store(tmp_path_factory, monkeypatch):
    """Rendered tables are kept in the store; none of another run's."""
    monkeypatch.setenv("HARNESS_STORE_DIR", str(tmp_path_factory.mktemp("store")))


@pytest.mark.parametrize("preset", ["spatial", "color", "topology", "between"])
def test_the_same_seed_gives_the_same_bytes(tmp_path, preset):
    config = replace(PRESETS[preset], name="small", size=24)
    write_scenes(config, tmp_path / "one")
    write_scenes(config, tmp_path / "two")
    one = contents(tmp_path / "one")
    assert one == contents(tmp_path / "two")
    assert Counter(name.split("/")[0] for name in one) == {
        "images": 24,
        "metadata.jsonl": 1,
        "splits.json": 1,
        "config.yaml": 1,
    }
    write_scenes(replace(config, seed=1), tmp_path / "other")
    assert not set(one.values()) & set(contents(tmp_path / "other").values())


@pytest.mark.parametrize("config", SEVERAL.values(), ids=SEVERAL)
def test_what_is_written_is_what_the_rows_say(tmp_path, config):
    assert write_scenes(config, tmp_path) == make_scenes(config)
    lines = [json.loads(line) for line in (tmp_path / "metadata.jsonl").read_text().splitlines()]
    asked = zip(lines, make_scenes(config), scene_rows(config), scene_choices(config), strict=True)
    for line, scene, row, choice in asked:
        assert (line["id"], line["split"], line["relation"]) == (scene.id, scene.split, scene.relation)
        assert (line["caption"], line["label"]) == (row.text, row.label)
        assert (tuple(line["captions"]), line["gold"], line["group"]) == (choice.captions, choice.gold, choice.group)
    assert json.loads((tmp_path / "splits.json").read_text()) == split_ids(make_scenes(config))
    assert read_config(tmp_path / "config.yaml") == config


@pytest.mark.parametrize("config", SEVERAL.values(), ids=SEVERAL)
def test_metadata_says_all_that_a_picture_follows_from(tmp_path, config):
    scenes = write_scenes(config, tmp_path)
    for line, scene in zip((tmp_path / "metadata.jsonl").read_text().splitlines(), scenes, strict=True):
        said = json.loads(line)
        keys = ("id", "relation", "split", *(("azimuth", "own_relation") if config.kind == "tabletop" else ()))
        objects = tuple(SceneObject(**item) for item in said["objects"])
        assert Scene(objects=objects, **{key: said[key] for key in keys}) == scene
        with Image.open(tmp_path / said["file_name"]) as image:
            assert np.array_equal(np.asarray(image), np.asarray(draw(scene, config.canvas)))


def test_an_interrupted_folder_is_completed(tmp_path):
    write_scenes(SMALL, tmp_path)
    whole = contents(tmp_path)
    (tmp_path / "images" / "small-00003.png").unlink()
    (tmp_path / "metadata.jsonl").unlink()
    write_scenes(SMALL, tmp_path)
    assert contents(tmp_path) == whole


def test_a_foreign_folder_is_left_alone(tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(ConfigError, match="is not empty and was not written by this config"):
        write_scenes(SMALL, tmp_path)
    assert contents(tmp_path) == {"thesis.tex": b"years of work"}


def test_scenes_of_another_config_are_not_mixed_in(tmp_path):
    write_scenes(SMALL, tmp_path)
    with pytest.raises(ConfigError, match="choose another folder"):
        write_scenes(replace(SMALL, seed=1), tmp_path)


def test_a_full_disk_is_named(tmp_path, monkeypatch):
    def full(self, *args, **kwargs):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Image.Image, "save", full)
    with pytest.raises(DataError, match="No space left on device; free some space"):
        write_scenes(SMALL, tmp_path / "out")
    assert not (tmp_path / "out" / "metadata.jsonl").exists()


def test_a_file_in_the_way_is_named(tmp_path):
    (tmp_path / "out").write_text("")
    with pytest.raises(DataError, match=r"cannot write scenes to .*out: File exists"):
        write_scenes(SMALL, tmp_path / "out")


def test_asking_for_rows_draws_nothing_and_loads_no_imaging():
    code = "import sys, harness.scenes as s; s.scene_choices(); assert not {'PIL', 'yaml', 'torch'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
