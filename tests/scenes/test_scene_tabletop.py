"""Solids on a table: a camera that circles it sees the relation, and the second object's own is as clear."""

import math
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from harness.errors import ConfigError
from harness.scenes.render import DISTANCE, ELEVATION, EYE_RADIUS, EYE_SPOTS, LOOKED_AT, VIEW
from harness.scenes.scene import SceneObject
from harness.scenes.tabletop import SIZES, SOLIDS, STACKABLE, place_on_table, viewed

BESIDE = ("left of", "right of", "in front of", "behind")
STACKED = ("on", "under")
RELATIONS = (*BESIDE, *STACKED)
KINDS = (("cube", "red"), ("cube", "blue"))  # the solid that fills its box


def placed(relation, seeds=200):
    return [place_on_table(KINDS, relation, np.random.default_rng(seed)) for seed in range(seeds)]


def spot(item):
    """World coordinates: right, away from a viewer at azimuth 0, up."""
    return np.array([item.x, item.depth, 1 - item.y])


def photographed(points, azimuth):
    """World points (n, 3) through a pinhole: right and down in picture sides, distance from the camera."""
    turn, rise = math.radians(azimuth), math.radians(ELEVATION)
    back = np.array([math.sin(turn) * math.cos(rise), -math.cos(turn) * math.cos(rise), math.sin(rise)])
    right = np.cross(-back, [0, 0, 1])
    right /= np.linalg.norm(right)
    rays = np.atleast_2d(points) - (np.array(LOOKED_AT) + DISTANCE * back)
    ahead = rays @ -back
    focal = 0.5 / math.tan(math.radians(VIEW / 2))
    return 0.5 + focal * (rays @ right) / ahead, 0.5 - focal * (rays @ np.cross(right, -back)) / ahead, ahead


def outline(item):
    """The corners of an object's box, and a box around each of its eyes, in the world: (24, 3)."""
    corners = np.array(np.meshgrid(*[(-1, 1)] * 3)).reshape(3, -1).T
    right, away, up = EYE_SPOTS[item.shape]
    eyes = [np.array([side, away, up]) + EYE_RADIUS * corners for side in (-right, right)]
    return spot(item) + item.size / 2 * np.concatenate([corners, *eyes])


@pytest.mark.parametrize("relation", BESIDE)
def test_the_camera_sees_who_is_where(relation):
    for objects, azimuth in placed(relation):
        (x1, x2), (y1, y2), (near1, near2) = photographed([spot(item) for item in objects], azimuth)
        right, down, closer = x1 - x2, y1 - y2, near2 - near1
        if relation in ("left of", "right of"):
            assert (right < 0) == (relation == "left of")
            assert abs(right) > 2 * abs(down)
        else:
            assert (down > 0) == (closer > 0) == (relation == "in front of")
            assert abs(down) > 1.25 * abs(right)


@pytest.mark.parametrize("relation", STACKED)
def test_one_stands_on_the_other(relation):
    for objects, azimuth in placed(relation):
        upper, lower = objects if relation == "on" else objects[::-1]
        assert lower.y + lower.size / 2 == pytest.approx(1)  # on the table
        assert upper.y + upper.size / 2 == pytest.approx(lower.y - lower.size / 2)
        assert upper.size <= lower.size
        assert math.dist(spot(upper)[:2], spot(lower)[:2]) <= 0.11 * lower.size
        (x1, x2), (y1, y2), _ = photographed([spot(upper), spot(lower)], azimuth)
        assert y1 < y2
        assert abs(x1 - x2) < abs(y1 - y2) / 4


@pytest.mark.parametrize("relation", BESIDE)
def test_two_on_the_table_stand_clear_of_each_other(relation):
    for objects, _ in placed(relation):
        first, second = objects
        assert [item.y + item.size / 2 for item in objects] == pytest.approx([1, 1])
        # with room for the eyes that stand out from the one behind; boxes lie along the world's axes
        assert max(abs(first.x - second.x), abs(first.depth - second.depth)) > 1.25 * first.size


@pytest.mark.parametrize("relation", RELATIONS)
def test_all_is_on_the_table_and_in_the_picture(relation):
    for objects, azimuth in placed(relation):
        for item in objects:
            assert min(item.x, item.depth) - item.size / 2 >= 0
            assert max(item.x, item.depth) + item.size / 2 <= 1
            right, down, _ = photographed(outline(item), azimuth)
            assert min(*right, *down) > 0.02
            assert max(*right, *down) < 0.98


@pytest.mark.parametrize("relation", BESIDE)
def test_the_second_objects_own_relation_is_clear_and_each_is_equally_likely(relation):
    found = Counter()
    for objects, _ in placed(relation, 2000):
        x, depth, _ = spot(objects[0]) - spot(objects[1])
        assert min(abs(x), abs(depth)) < math.tan(math.radians(30.01)) * max(abs(x), abs(depth))
        found[(abs(x) > abs(depth), x + depth > 0)] += 1
    assert len(found) == 4
    assert all(abs(count - 500) < 80 for count in found.values())  # four standard deviations


def test_the_viewer_stands_anywhere():
    azimuths = np.sort([azimuth for _, azimuth in placed("left of", 2000)])
    assert azimuths[0] >= 0
    assert azimuths[-1] < 360
    assert np.diff(azimuths, append=azimuths[0] + 360).max() < 3


def test_neither_size_nor_azimuth_nor_place_gives_the_relation_away():
    for seed in range(100):
        drawn = [place_on_table(KINDS, relation, np.random.default_rng(seed)) for relation in RELATIONS]
        assert len({azimuth for _, azimuth in drawn}) == 1
        assert len({item.size for objects, _ in drawn for item in objects}) == 1
        middles = [sum(spot(viewed(item, azimuth))[:2] for item in objects) / 2 for objects, azimuth in drawn]
        assert np.ptp(middles, axis=0).max() < 1e-8
    sizes = [objects[0].size for objects, _ in placed("on", 500)]
    assert SIZES[0] <= min(sizes) < 0.205
    assert 0.295 < max(sizes) <= SIZES[1]


def test_a_seed_gives_one_scene():
    for relation in RELATIONS:
        once, again = placed(relation, 30), placed(relation, 30)
        assert repr(once) == repr(again)
        assert len({repr(scene) for scene in once}) == 30


def test_kinds_keep_their_order():
    objects, _ = place_on_table((("ball", "pink"), ("cylinder", "gray")), "on", np.random.default_rng(0))
    assert [(item.shape, item.colour) for item in objects] == [("ball", "pink"), ("cylinder", "gray")]


def test_the_viewer_walks_anticlockwise():
    item = SceneObject("cube", "red", x=0.8, y=0.9, size=0.2, depth=0.6)
    assert viewed(item, 0) == item
    for azimuth, x, depth in ((90, 0.6, 0.2), (180, 0.2, 0.4), (270, 0.4, 0.8)):
        seen = viewed(item, azimuth)
        assert (seen.x, seen.depth) == (pytest.approx(x), pytest.approx(depth))
        assert replace(seen, x=0.8, depth=0.6) == item  # nothing else changes


def test_what_is_seen_on_the_right_and_away_is_so_in_the_picture():
    rng = np.random.default_rng(0)
    for azimuth in range(0, 360, 15):
        pair = [SceneObject("ball", "red", *rng.uniform(0.2, 0.8, 2), 0.2, depth=rng.uniform(0.2, 0.8)) for _ in "ab"]
        one, other = (viewed(item, azimuth) for item in pair)
        _, _, (near, far) = photographed([[item.x, item.depth, 0.1] for item in pair], azimuth)
        assert (one.depth > other.depth) == (near > far)
        level = [[item.x, item.depth, 0.1] for item in (pair[0], replace(pair[0], x=0.5, depth=0.5))]
        (x1, x2), _, _ = photographed(level, azimuth)
        assert (one.x > 0.5) == (x1 > x2)


@pytest.mark.parametrize("base", [shape for shape in SOLIDS if shape not in STACKABLE])
@pytest.mark.parametrize("relation", STACKED)
def test_nothing_stands_on_a_tip(base, relation):
    kinds = ((base, "red"), ("cube", "blue"))
    with pytest.raises(ConfigError, match=f"nothing can stand on a {base}.*a cube or a cylinder"):
        place_on_table(kinds if relation == "under" else kinds[::-1], relation, np.random.default_rng(0))
    place_on_table(kinds[::-1] if relation == "under" else kinds, relation, np.random.default_rng(0))


def test_an_unknown_relation_is_refused():
    with pytest.raises(ConfigError, match=r"no relation 'above' on a table; known: right of, .*under"):
        place_on_table(KINDS, "above", np.random.default_rng(0))
