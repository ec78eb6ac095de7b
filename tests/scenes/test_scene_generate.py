"""Scenes: the same from the same seed, balanced, within their geometry, labelled by what they show."""

import math
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import ConfigError, DataError
from harness.scenes import (
    COLOURS,
    PRESETS,
    RELATIONS,
    SHAPES,
    Scene,
    SceneConfig,
    SceneObject,
    make_scene,
    make_scenes,
    relation_of,
)

SPATIAL, COLOR = PRESETS["spatial"], PRESETS["color"]


@st.composite
def configs(draw):
    """Any config that can be drawn, small enough to draw all of it."""
    fraction = st.floats(0, 1, allow_nan=False)
    small, large = sorted(draw(st.floats(0.1, 0.3)) for _ in range(2))
    canvas = draw(st.integers(math.ceil(8 / small), 160))
    margin = draw(fraction) * min(0.1, (1 - 2 * large) / 4)
    room = 1 - 2 * large - 2 * margin
    min_gap = 1.001 / canvas + draw(fraction) * (room * 0.99 - 1.001 / canvas)
    return SceneConfig(
        name="any",
        kind=draw(st.sampled_from(["spatial", "colour"])),
        size=draw(st.integers(1, 4)) * 4,
        seed=draw(st.integers(0, 2**32 - 1)),
        canvas=canvas,
        margin=margin,
        min_gap=min_gap,
        jitter=draw(fraction) * 0.99 * min(small + min_gap, 1),
        object_size=(small, large),
        shapes=tuple(draw(st.lists(st.sampled_from(list(SHAPES)), min_size=2, unique=True))),
        colours=tuple(draw(st.lists(st.sampled_from(list(COLOURS)), min_size=2, unique=True))),
    )


def kinds(scene):
    return [(item.shape, item.colour) for item in scene.objects]


@pytest.mark.parametrize("preset", PRESETS.values(), ids=PRESETS)
def test_a_seed_names_its_scenes(preset):
    assert make_scenes(preset) == make_scenes(replace(preset))
    other = make_scenes(replace(preset, seed=1))
    assert sum(a.objects == b.objects for a, b in zip(make_scenes(preset), other, strict=True)) == 0


@pytest.mark.parametrize("preset", PRESETS.values(), ids=PRESETS)
def test_a_scene_does_not_depend_on_the_others(preset):
    scenes = make_scenes(preset)
    longer = replace(preset, size=preset.size * 2)
    for index in (2, 0, 999, 501):
        assert make_scene(longer, index) == scenes[index]


@pytest.mark.parametrize("index", [-1, 3000])
def test_there_is_no_scene_outside_the_size(index):
    with pytest.raises(ConfigError, match="0 to 2999"):
        make_scene(SPATIAL, index)


@pytest.mark.parametrize("preset", PRESETS.values(), ids=PRESETS)
def test_relations_balance_exactly(preset):
    assert Counter(scene.relation for scene in make_scenes(preset)) == dict.fromkeys(RELATIONS, preset.size // 4)


def test_a_pair_of_objects_stands_in_all_relations():
    scenes = make_scenes(SPATIAL)
    for first in range(0, len(scenes), 4):
        four = scenes[first : first + 4]
        assert len({tuple(kinds(scene)) for scene in four}) == 1
        assert tuple(scene.relation for scene in four) == RELATIONS


@pytest.mark.parametrize("preset", PRESETS.values(), ids=PRESETS)
@pytest.mark.parametrize("position", [0, 1])
@pytest.mark.parametrize("what", ["shape", "colour"])
@pytest.mark.parametrize("seed", [0, 7])
def test_shapes_and_colours_are_even_in_either_position(preset, position, what, seed):
    scenes = make_scenes(replace(preset, seed=seed))
    counts = Counter(getattr(scene.objects[position], what) for scene in scenes)
    assert set(counts) == set(preset.shapes if what == "shape" else preset.colours)
    # a cycle is complete or not, so words differ by one pair: four scenes, or one where pairs are not repeated
    assert max(counts.values()) - min(counts.values()) <= (4 if preset is SPATIAL else 1)


@pytest.mark.parametrize(("shapes", "colours"), [(2, 2), (3, 2), (6, 4), (5, 7), (6, 10)])
@pytest.mark.parametrize("kind", ["spatial", "colour"])
def test_every_allowed_pair_comes_once_before_any_comes_twice(kind, shapes, colours):
    ordered = shapes * colours * (shapes * colours - 1 if kind == "spatial" else (shapes - 1) * colours)
    scenes_a_pair = 4 if kind == "spatial" else 1
    config = SceneConfig(
        name="all",
        kind=kind,
        size=math.ceil(ordered * scenes_a_pair / 4) * 4,
        shapes=tuple(SHAPES)[:shapes],
        colours=tuple(COLOURS)[:colours],
    )
    pairs = [tuple(kinds(make_scene(config, pair * scenes_a_pair))) for pair in range(ordered)]
    assert len(set(pairs)) == ordered


def test_colours_keep_to_no_side():
    counts = Counter((scene.objects[0].colour, scene.relation) for scene in make_scenes(replace(COLOR, size=4000)))
    assert len(counts) == 40
    assert min(counts.values()) > 60
    assert max(counts.values()) < 140


def test_a_colour_scene_has_one_answer():
    for scene in make_scenes(COLOR):
        assert scene.objects[0].shape != scene.objects[1].shape


def test_objects_of_a_spatial_scene_differ():
    scenes = make_scenes(SPATIAL)
    assert all(kinds(scene)[0] != kinds(scene)[1] for scene in scenes)
    same = sum(scene.objects[0].shape == scene.objects[1].shape for scene in scenes)
    assert same / len(scenes) == pytest.approx(9 / 59, abs=0.05)  # as often as among all pairs


@given(configs())
@settings(max_examples=60, deadline=None)
def test_geometry_holds_in_any_config(config):
    small, large = config.object_size
    close = 1e-9
    for scene in make_scenes(config):
        first, second = scene.objects
        for item in scene.objects:
            assert small - close <= item.size <= large + close
            for centre in (item.x, item.y):
                assert config.margin - close <= centre - item.size / 2
                assert centre + item.size / 2 <= 1 - config.margin + close
        along, across = abs(first.x - second.x), abs(first.y - second.y)
        if scene.relation in ("above", "below"):
            along, across = across, along
        assert along - (first.size + second.size) / 2 >= config.min_gap - close
        assert across <= config.jitter + close
    assert Counter(scene.relation for scene in make_scenes(config)) == dict.fromkeys(RELATIONS, config.size // 4)


@pytest.mark.parametrize("preset", PRESETS.values(), ids=PRESETS)
def test_the_label_is_what_the_geometry_says(preset):
    for scene in make_scenes(preset):
        first, second = scene.objects
        sides = {
            "left of": second.x - first.x,
            "right of": first.x - second.x,
            "above": second.y - first.y,
            "below": first.y - second.y,
        }
        assert scene.relation == relation_of(scene) == max(sides, key=sides.__getitem__)


def test_a_diagonal_has_no_relation():
    objects = (SceneObject("circle", "red", 0.25, 0.25, 0.2), SceneObject("square", "blue", 0.75, 0.75, 0.2))
    with pytest.raises(DataError, match="diagonal"):
        relation_of(Scene(id="d", objects=objects, relation="above", split="test"))
