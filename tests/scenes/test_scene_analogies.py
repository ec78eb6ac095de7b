"""Scenes for analogies: every object with every label, and models read as they were made."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

import harness
from harness import analogies, scene_analogies
from harness.devices import Device
from harness.embed import embed_rows
from harness.encode import Model
from harness.errors import ConfigError
from harness.models import read_models
from harness.scenes import COLOURS, relation_of
from harness.scenes.kinds import DIRECTIONS
from harness.store import Store


@pytest.mark.parametrize(("by", "labels"), [("relation", DIRECTIONS), ("color", ("red", "yellow", "green", "blue"))])
def test_every_object_stands_once_with_every_label(by, labels):
    rows = scene_analogies(by)
    assert Counter((row.group, row.label) for row in rows) == Counter(
        {(group, label): 1 for group in {row.group for row in rows} for label in labels}
    )
    assert len({row.group for row in rows}) == 24
    assert len({row.image.key() for row in rows}) == len({row.id for row in rows}) == 96


def test_both_ways_show_the_same_pictures_and_what_is_said_of_them_is_seen():
    relations, colors = scene_analogies("relation"), scene_analogies("color")
    assert [row.image for row in relations] == [row.image for row in colors]
    for relation, color in zip(relations, colors, strict=True):
        scene = relation.image.scene
        assert relation_of(scene, DIRECTIONS) == relation.label
        assert scene.objects[0].colour == color.label
        assert (scene.objects[1].shape, scene.objects[1].colour) == ("square", "gray")


def test_the_colors_of_an_object_are_one_drawing_in_other_paint():
    rows = {row.label: row for row in scene_analogies("color") if row.group == "heart above"}
    red, blue = (np.asarray(rows[label].image.open(), int) for label in ("red", "blue"))
    changed = (red != blue).any(axis=2)
    assert changed.any()
    [inside] = {tuple(pixel) for pixel in red[changed] if tuple(pixel) == COLOURS["red"]}
    assert inside == COLOURS["red"]
    assert {scene.objects[0].size for row in scene_analogies() if (scene := row.image.scene)} == {0.25}


def test_there_are_two_ways():
    with pytest.raises(ConfigError, match="by relation or by color, not by 'shape'"):
        scene_analogies("shape")


def test_a_model_that_knows_relations_has_them_in_its_pictures_and_one_that_knows_colours_has_those(tmp_path):
    specs = {spec.name: spec for spec in read_models(Path(harness.__file__).parents[1] / "models.yaml")}

    def found(name, by):
        model = Model(specs[name], Store(tmp_path), device=lambda: Device("cpu", "cpu"))
        return analogies(embed_rows(model, scene_analogies(by), "image"), by).results[0]

    knows, bag = found("cal-spatial", "relation"), found("cal-bag", "relation")
    assert knows.low > bag.high
    assert knows.low > knows.chance
    assert bag.value < 0.45
    assert found("cal-bag", "color").value > 0.95
