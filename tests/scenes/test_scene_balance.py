"""Balance: nothing but the relation itself says which relation a picture shows."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from scene_sets import RELATION_PRESETS, grouped, looks, relations_of, runs_of, scenes_of
from scipy.stats import chi2_contingency, chisquare, ks_2samp

from harness.relations import SYMMETRIC
from harness.scenes import KINDS, OPPOSITES, PRESETS, make_scenes
from harness.scenes.geometry import seen

RELATIONS = [(preset, relation) for preset in PRESETS for relation in relations_of(preset)]


def positions(scene):
    """(objects, 2): across the picture and down it, or away on a table, as the viewer sees it."""
    solid = scene.azimuth is not None
    return [(item.x, item.depth if solid else item.y) for item in seen(scene)]


def drift(means, spreads, n):
    """How far means lie off, in standard errors; the larger of two axes."""
    return (np.abs(means) / np.sqrt(spreads / n)).max()


@pytest.mark.parametrize("preset", PRESETS)
def test_relations_balance_exactly(preset):
    each = PRESETS[preset].size // len(relations_of(preset))
    assert Counter(scene.relation for scene in scenes_of(preset)) == dict.fromkeys(relations_of(preset), each)


@pytest.mark.parametrize("preset", PRESETS)
def test_every_run_of_scenes_shows_each_relation_once(preset):
    for run in runs_of(preset):
        assert sorted(scene.relation for scene in run) == sorted(relations_of(preset))


@pytest.mark.parametrize("preset", RELATION_PRESETS)
def test_a_minimal_set_holds_the_same_objects_in_the_same_order(preset):
    for run in runs_of(preset):
        assert len(set(map(looks, run))) == 1
        assert tuple(scene.relation for scene in run) == relations_of(preset)


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("what", ["shape", "colour"])
@pytest.mark.parametrize("seed", [0, 7])
def test_shapes_and_colours_are_even_in_either_position(preset, what, seed):
    config = replace(PRESETS[preset], seed=seed)
    scenes = make_scenes(config)
    # a cycle is complete or not, so words differ by one pair: a whole set, or one scene where only colours are asked
    uneven = len(relations_of(preset)) if KINDS[config.kind].asks == "relation" else 1
    for position in range(min(2, KINDS[config.kind].objects)):
        counts = Counter(getattr(scene.objects[position], what) for scene in scenes)
        assert set(counts) == set(config.shapes if what == "shape" else config.colours)
        assert max(counts.values()) - min(counts.values()) <= uneven


@pytest.mark.parametrize("what", ["shape", "colour"])
def test_a_third_object_is_as_if_drawn_by_lot(what):
    config = replace(PRESETS["between"], size=6000)
    counts = Counter(getattr(scene.objects[2], what) for scene in make_scenes(config)[::3])
    assert set(counts) == set(config.shapes if what == "shape" else config.colours)
    assert chisquare(list(counts.values())).pvalue > 0.001


@pytest.mark.parametrize("preset", PRESETS)
def test_objects_of_a_scene_differ_in_what_the_kind_asks(preset):
    differ = KINDS[PRESETS[preset].kind].differ
    for scene in scenes_of(preset):
        shapes, colours = ({look[axis] for look in looks(scene)} for axis in range(2))
        assert len(set(looks(scene))) == len(scene.objects)
        if differ != "either":
            assert len(shapes if differ == "shape" else colours) == len(scene.objects)


@pytest.mark.parametrize("preset", PRESETS)
def test_objects_keep_to_no_side_of_the_canvas(preset):
    places = np.array([positions(scene) for scene in scenes_of(preset)])  # (scenes, objects, 2)
    off = np.abs(places.mean(axis=0) - 0.5)
    # a triangle is wide at its foot: what lies inside one lies 0.2 of its side below the middle, in 1 scene of 9
    allowed = 0.2 * 0.49 / 9 if preset == "topology" else 0.0
    assert off[:, 0].max() < 0.025
    assert off[:, 1].max() < 0.025 + allowed


@pytest.mark.parametrize(("preset", "relation"), RELATIONS)
def test_a_relation_is_the_mirror_of_its_opposite(preset, relation):
    """Opposites share a frame: where one lies left in half the pictures, the other lies right as far."""
    scenes = [scene for scene in scenes_of(preset) if not (relation == "inside" and "triangle" in looks(scene)[1])]
    by = grouped(scenes, lambda scene: scene.relation)
    other = relation if relation in SYMMETRIC else OPPOSITES.get(relation, relation)
    one, two = (np.array([positions(scene) for scene in by[name]]) for name in (relation, other))
    off, spread = one.mean(axis=0) + two.mean(axis=0) - 1, one.var(axis=0) + two.var(axis=0)
    assert drift(off, spread, len(one)) < 4.5


@pytest.mark.parametrize(("preset", "relation"), RELATIONS)
def test_sizes_are_no_cue(preset, relation):
    by = grouped(scenes_of(preset), lambda scene: scene.relation == relation)
    for size in (first_size, last_size, size_ratio):
        one, rest = ([size(scene) for scene in by[same]] for same in (True, False))
        assert ks_2samp(one, rest).pvalue > 0.001


def first_size(scene):
    return scene.objects[0].size


def last_size(scene):
    return scene.objects[-1].size


def size_ratio(scene):
    return scene.objects[0].size / scene.objects[-1].size


@pytest.mark.parametrize("preset", ["tabletop", "tabletop-depth"])
def test_where_the_viewer_stands_is_no_cue(preset):
    counts = Counter((scene.relation, int(scene.azimuth // 30)) for scene in scenes_of(preset))
    table = [[counts[relation, twelfth] for twelfth in range(12)] for relation in relations_of(preset)]
    assert chi2_contingency(table).pvalue > 0.001


@pytest.mark.parametrize("what", ["shape", "colour"])
@pytest.mark.parametrize("position", [0, 1])
def test_where_colours_are_asked_no_object_keeps_to_a_relation(what, position):
    """There no minimal set sees to it: the scenes' relations are shuffled by fours."""
    counts = Counter((getattr(scene.objects[position], what), scene.relation) for scene in scenes_of("color"))
    words = PRESETS["color"].shapes if what == "shape" else PRESETS["color"].colours
    table = np.array([[counts[word, relation] for relation in relations_of("color")] for word in words])
    assert table.min() > 0.4 * table.mean()
    assert chi2_contingency(table).pvalue > 0.001
