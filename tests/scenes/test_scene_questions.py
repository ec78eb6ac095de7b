"""Rows and choices: one caption true, the rest false, no position and no split giving it away."""

import random
from collections import Counter
from dataclasses import replace
from itertools import combinations

import pytest
from scene_sets import grouped, looks, relations_of, scenes_of

from harness.errors import ConfigError
from harness.scenes import (
    COLOURS,
    PRESETS,
    SPLITS,
    SceneConfig,
    make_scenes,
    scene_choices,
    scene_rows,
)
from harness.scenes.kinds import DIRECTIONS

SPATIAL, COLOR = PRESETS["spatial"], PRESETS["color"]
SAID = {"to the left of": "left of", "to the right of": "right of", "above": "above", "below": "below"}


def read_caption(text):
    """Take a caption apart: (colour, shape), relation, (colour, shape)."""
    phrase = next(phrase for phrase in SAID if f" {phrase} " in text)
    first, second = text.split(f" {phrase} ")
    return tuple(first.split()[1:]), SAID[phrase], tuple(second.split()[1:])


def test_a_spatial_row_tells_the_truth():
    scenes = {scene.id: scene for scene in scenes_of("spatial")}
    rows = scene_rows("spatial")
    assert len({row.id for row in rows}) == 3000
    for row in rows:
        first, second = scenes[row.id].objects
        truth = (first.colour, first.shape), row.label, (second.colour, second.shape)
        assert read_caption(row.text) == truth
        assert row.label == scenes[row.id].relation
        assert row.image.name == row.id


def test_a_colour_row_tells_the_truth():
    scenes = {scene.id: scene for scene in scenes_of("color")}
    rows = scene_rows("color")
    assert len({row.id for row in rows}) == 1000
    for row in rows:
        asked = scenes[row.id].objects[0]
        assert row.label == asked.colour
        assert row.text == f"{'an' if asked.colour == 'orange' else 'a'} {asked.colour} {asked.shape}"


def test_spatial_captions_differ_in_the_relation_alone():
    for row, truth in zip(scene_choices("spatial"), scene_rows("spatial"), strict=True):
        assert row.captions[row.gold] == truth.text
        assert row.options[row.gold] == row.label == truth.label
        assert sorted(row.options) == sorted(DIRECTIONS)
        said = [read_caption(text) for text in row.captions]
        assert tuple(relation for _, relation, _ in said) == row.options
        assert len({(first, second) for first, _, second in said}) == 1


def test_colour_captions_differ_in_the_colour_alone():
    scenes = {scene.id: scene for scene in scenes_of("color")}
    for row, truth in zip(scene_choices("color"), scene_rows("color"), strict=True):
        assert row.captions[row.gold] == truth.text
        assert sorted(row.options) == sorted(COLOURS)
        assert [text.split()[1:] for text in row.captions] == [
            [colour, truth.text.split()[2]] for colour in row.options
        ]
        shown = {(item.colour, item.shape) for item in scenes[row.id].objects}
        assert sum(tuple(text.split()[1:]) in shown for text in row.captions) == 1


@pytest.mark.parametrize(("preset", "options"), [("spatial", 4), ("color", 10)])
def test_the_gold_caption_keeps_to_no_position(preset, options):
    rows = scene_choices(preset)
    positions = Counter(row.gold for row in rows)
    expected = len(rows) / options
    assert set(positions) == set(range(options))
    assert all(abs(count - expected) < 4 * expected**0.5 for count in positions.values())
    for label in {row.label for row in rows}:
        assert len({row.gold for row in rows if row.label == label}) == options


def test_a_caption_preference_is_worth_chance():
    """The same captions come with all four pictures, so words alone choose one right in four."""
    for rows in grouped(scene_choices("spatial"), lambda row: frozenset(row.captions)).values():
        assert Counter(row.label for row in rows) == dict.fromkeys(DIRECTIONS, len(rows) // 4)


@pytest.mark.parametrize("preset", PRESETS)
def test_a_row_says_what_its_scene_shows(preset):
    scenes = {scene.id: scene for scene in scenes_of(preset)}
    rows = scene_rows(preset)
    assert [row.id for row in rows] == list(scenes)
    for row, choice in zip(rows, scene_choices(preset), strict=True):
        scene = scenes[row.id]
        assert row.label == choice.label == (scene.objects[0].colour if preset == "color" else scene.relation)
        assert row.text == choice.captions[choice.gold]
        assert row.group == choice.group
        assert row.image == choice.image
        assert (row.image.scene, row.image.canvas) == (scene, PRESETS[preset].canvas)


@pytest.mark.parametrize("preset", PRESETS)
def test_a_group_is_the_objects_shown(preset):
    scenes = {scene.id: scene for scene in scenes_of(preset)}

    def shown(row):
        return frozenset(looks(scenes[row.id]))

    rows = scene_choices(preset)
    assert all(len(set(map(shown, members))) == 1 for members in grouped(rows, lambda row: row.group).values())
    assert all(len({row.group for row in members}) == 1 for members in grouped(rows, shown).values())


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_no_group_stands_in_two_splits(preset, seed):
    # a quarter of the preset's scenes: their splits are those of all
    size = PRESETS[preset].size // 4 // len(relations_of(preset)) * len(relations_of(preset))
    config = replace(PRESETS[preset], seed=seed, size=size)
    rows = [scene_choices(config, split) for split in SPLITS]
    groups = [{row.group for row in members} for members in rows]
    assert all(not one & other for one, other in combinations(groups, 2))
    assert sum(map(len, rows)) == config.size


def test_rows_do_not_depend_on_the_order_of_scenes():
    from harness.scenes.questions import choice

    rows = {row.id: row for row in scene_choices("spatial")}
    scenes = random.Random(0).sample(scenes_of("spatial"), 3000)
    shuffled = [choice(SPATIAL, scene, set_=rows[scene.id].set) for scene in scenes]
    assert sorted(shuffled, key=lambda row: row.id) == list(rows.values())


@pytest.mark.parametrize("ask", [scene_rows, scene_choices])
def test_unknown_words_are_named(ask):
    with pytest.raises(ConfigError, match=r"unknown scene preset 'spacial'.*Did you mean spatial\?"):
        ask("spacial")
    with pytest.raises(ConfigError, match=r"unknown split 'tests'.*Did you mean test\?"):
        ask("spatial", "tests")


def test_a_split_without_scenes_is_an_error():
    tiny = SceneConfig(name="tiny", size=4)
    empty = next(split for split in SPLITS if split != make_scenes(tiny)[0].split)
    with pytest.raises(ConfigError, match=f"split {empty} holds no scene"):
        scene_rows(tiny, empty)
