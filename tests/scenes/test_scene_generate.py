"""Scenes: the same from the same seed, whatever else is made, and within their geometry in any config."""

import math
from collections import Counter
from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scene_sets import FLAT_PRESETS, grouped, looks, scenes_of

from harness.errors import ConfigError
from harness.scenes import COLOURS, KINDS, PRESETS, SceneConfig, make_scene, make_scenes
from harness.scenes.layouts import EDGE

SPATIAL = PRESETS["spatial"]
BESIDE = ("spatial", "colour")
SIZES = {"place": (0.2, 0.3), "topology": (0.16, 0.52)}


@st.composite
def configs(draw):
    """Any config that is drawn flat, small enough to draw all of it."""
    fraction = st.floats(0, 1, allow_nan=False)
    kind = draw(st.sampled_from([PRESETS[preset].kind for preset in FLAT_PRESETS]))
    small, large = sorted(draw(st.floats(0.1, 0.3)) for _ in range(2))
    canvas = draw(st.integers(math.ceil(8 / small) if kind in BESIDE else 50, 160))
    margin = draw(fraction) * min(0.1, (1 - 2 * large) / 4)
    room = 1 - 2 * large - 2 * margin
    min_gap = 1.001 / canvas + draw(fraction) * (room * 0.99 - 1.001 / canvas)
    return SceneConfig(
        name="any",
        kind=kind,
        size=draw(st.integers(1, 4)) * len(KINDS[kind].relations),
        seed=draw(st.integers(0, 2**32 - 1)),
        canvas=canvas,
        margin=margin,
        min_gap=min_gap,
        jitter=draw(fraction) * 0.99 * min(small + min_gap, 1),
        object_size=(small, large),
        shapes=tuple(draw(st.lists(st.sampled_from(KINDS[kind].shapes), min_size=2, unique=True))),
        colours=tuple(draw(st.lists(st.sampled_from(list(COLOURS)), min_size=2, unique=True))),
    )


@pytest.mark.parametrize("preset", PRESETS)
def test_a_seed_names_its_scenes(preset):
    assert tuple(make_scenes(replace(PRESETS[preset]))) == scenes_of(preset)
    other = make_scenes(replace(PRESETS[preset], seed=1))
    assert sum(a.objects == b.objects for a, b in zip(scenes_of(preset), other, strict=True)) == 0


@pytest.mark.parametrize("preset", PRESETS)
def test_a_scene_does_not_depend_on_the_others(preset):
    longer = replace(PRESETS[preset], size=PRESETS[preset].size * 2)
    for index in (2, 0, 959, 501):
        assert make_scene(longer, index) == scenes_of(preset)[index]


@pytest.mark.parametrize("index", [-1, 3000])
def test_there_is_no_scene_outside_the_size(index):
    with pytest.raises(ConfigError, match="0 to 2999"):
        make_scene(SPATIAL, index)


@pytest.mark.parametrize("kind", ["spatial", "colour", "distance", "topology"])
@pytest.mark.parametrize(("shapes", "colours"), [(2, 2), (3, 2), (3, 7), (6, 4), (5, 7), (6, 10)])
def test_every_allowed_pair_comes_once_before_any_comes_twice(kind, shapes, colours):
    words = KINDS[kind].shapes[:shapes], tuple(COLOURS)[:colours]
    unlike = {"shape": lambda a, b: a[0] != b[0], "colour": lambda a, b: a[1] != b[1], "either": lambda a, b: a != b}
    allowed = {pair for pair in product(product(*words), repeat=2) if unlike[KINDS[kind].differ](*pair)}
    scenes_a_pair = len(KINDS[kind].relations) if KINDS[kind].asks == "relation" else 1
    whole = len(KINDS[kind].relations)
    size = math.ceil(len(allowed) * scenes_a_pair / whole) * whole
    config = SceneConfig(name="all", kind=kind, size=size, shapes=words[0], colours=words[1])
    pairs = [looks(make_scene(config, pair * scenes_a_pair)) for pair in range(len(allowed))]
    assert set(pairs) == allowed


def test_three_objects_begin_with_a_pair_and_end_with_any_other():
    config = SceneConfig(name="few", kind="between", size=3 * 240, shapes=("circle", "star"), colours=("red", "blue"))
    thirds = grouped(map(looks, make_scenes(config)), lambda three: three[:2])
    assert len(thirds) == 4 * 3
    assert all(len({three[2] for three in threes}) == 2 for threes in thirds.values())


def test_shapes_meet_as_often_as_among_all_pairs():
    same = sum(scene.objects[0].shape == scene.objects[1].shape for scene in scenes_of("spatial"))
    assert same / SPATIAL.size == pytest.approx(9 / 59, abs=0.05)


@given(configs())
@settings(max_examples=80, deadline=None)
def test_geometry_holds_in_any_config(config):
    small, large = config.object_size if config.kind in BESIDE else SIZES.get(config.kind, (0.16, 0.2))
    margin = config.margin if config.kind in BESIDE else EDGE
    close = 1e-9
    scenes = make_scenes(config)
    for scene in scenes:
        for item in scene.objects:
            assert small - close <= item.size <= large + close
            for centre in (item.x, item.y):
                assert margin - close <= centre - item.size / 2
                assert centre + item.size / 2 <= 1 - margin + close
        if config.kind in BESIDE:
            along, across = steps(scene)
            assert along - sum(item.size for item in scene.objects) / 2 >= config.min_gap - close
            assert across <= config.jitter + close
    each = config.size // len(KINDS[config.kind].relations)
    assert Counter(scene.relation for scene in scenes) == dict.fromkeys(KINDS[config.kind].relations, each)


def steps(scene):
    """How far apart two centres are along the relation's axis, and across it."""
    first, second = scene.objects
    along, across = abs(first.x - second.x), abs(first.y - second.y)
    return (across, along) if scene.relation in ("above", "below") else (along, across)


@given(configs())
@settings(max_examples=80, deadline=None)
def test_no_two_objects_lie_on_one_another_but_where_that_is_asked(config):
    for scene in make_scenes(config):
        if scene.relation in ("inside", "touching"):
            continue
        for one, other in ((a, b) for a in scene.objects for b in scene.objects if a is not b):
            apart = max(abs(one.x - other.x), abs(one.y - other.y)) - (one.size + other.size) / 2
            assert apart > -1e-9
