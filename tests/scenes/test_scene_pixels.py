"""From the pixels: whatever the seed and the config, the picture shows the relation that the label names."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scene_pixels import bare, centroid, gap, ink, inks, pieces, pixels_of, scenes_of_kind, surrounded

from harness.scenes import COLOURS, PRESETS, SceneConfig, make_scene

SIDE = 128  # px, where distances are counted in them
FEW = settings(max_examples=60, deadline=None)


def direction(right, down):
    """Which way a step goes, by the quarter of the circle it lies in."""
    quarter = round(math.atan2(down, right) / (math.pi / 2)) % 4
    return ("right", "down", "left", "up")[quarter]


@pytest.mark.parametrize("kind", ["spatial", "colour"])
@given(data=st.data())
@FEW
def test_centroids_lie_as_a_direction_says(kind, data):
    scene, canvas = data.draw(scenes_of_kind(kind))
    first, second = map(centroid, inks(scene, canvas))
    ways = {"left of": "left", "right of": "right", "above": "up", "below": "down"}
    assert direction(*(first - second)) == ways[scene.relation]


@given(seed=st.integers(0, 2**32 - 1), index=st.integers(0, 299))
@FEW
def test_the_axis_shows_without_colours(seed, index):
    config = SceneConfig(name="any", seed=seed, size=300, canvas=96, shapes=("star", "circle", "heart"))
    scene = make_scene(config, index)
    shown = bare(pixels_of(scene, 96))
    lines, columns = (np.ptp(axis) for axis in np.nonzero(~shown))
    assert (scene.relation in ("left of", "right of")) == (columns > lines)


@given(drawn=scenes_of_kind("place"))
@FEW
def test_an_object_lies_on_the_side_that_a_place_names(drawn):
    scene, canvas = drawn
    shown = ~bare(pixels_of(scene, canvas))
    # of its extent, not its ink: a triangle's box and its mass can lie on two sides of a diagonal
    right, down = (middle(np.flatnonzero(shown.any(axis=axis))) / canvas - 0.5 for axis in (0, 1))
    ways = {"on the left": "left", "on the right": "right", "at the top": "up", "at the bottom": "down"}
    assert direction(right, down) == ways[scene.relation]
    assert max(abs(right), abs(down)) > 0.2


def middle(places):
    """Halfway from the first pixel's edge to the last one's."""
    return (places[0] + places[-1] + 1) / 2


@given(drawn=scenes_of_kind("topology", 2 * SIDE))  # a square in a triangle leaves 0.011 of the canvas either side
@settings(max_examples=80, deadline=None)
def test_ink_is_inside_touches_or_stands_apart(drawn):
    scene, canvas = drawn
    pixels = pixels_of(scene, canvas)
    small, large = inks(scene, canvas)
    assert surrounded(small, large) == (scene.relation == "inside")
    assert not surrounded(large, small)
    assert pieces(~bare(pixels)) == (2 if scene.relation == "apart from" else 1)
    if scene.relation == "apart from":
        assert gap(small, large) >= 0.13 * canvas
    else:
        assert gap(small, large) <= 2.5  # one mixed pixel between them, straight or across a corner
    if scene.relation == "inside":
        assert gap(small, bare(pixels)) >= 2


@given(drawn=scenes_of_kind("distance", SIDE))
@settings(max_examples=120, deadline=None)
def test_ink_is_near_or_far(drawn):
    """The farthest that is near are a heart and a triangle cornerwise, 0.26 apart; the nearest that is far, 0.35."""
    scene, canvas = drawn
    assert pieces(~bare(pixels_of(scene, canvas))) == 2
    way = gap(*inks(scene, canvas)) / canvas
    assert 0.03 < way < 0.28 if scene.relation == "near" else way > 0.34


@given(drawn=scenes_of_kind("between"))
@FEW
def test_the_middle_centroid_lies_between_the_other_two(drawn):
    scene, canvas = drawn
    found = inks(scene, canvas)
    spots = [centroid(where) for where in found]
    middle = spots.pop(("first between", "second between", "third between").index(scene.relation))
    whole = math.dist(*spots)
    # a triangle's centroid lies a sixth of its side below its box's, here 0.02 at either end and 0.03 in the middle
    assert math.dist(middle, sum(spots) / 2) < 0.07
    assert max(math.dist(middle, end) for end in spots) < 0.7 * whole
    for item, where in zip(scene.objects, found, strict=True):
        (alone,) = inks(replace(scene, objects=(item,)), canvas)
        assert where.sum() > 0.9 * alone.sum()  # none hides another: boxes meet in a corner at most


@pytest.mark.parametrize("kind", ["spatial", "colour", "place", "topology", "distance", "between"])
@given(data=st.data())
@settings(max_examples=30, deadline=None)
def test_a_picture_shows_its_objects_and_no_other(kind, data):
    scene, canvas = data.draw(scenes_of_kind(kind))
    pixels = pixels_of(scene, canvas)
    assert pixels.shape == (canvas, canvas, 3)
    shown = {colour for colour in COLOURS if ink(pixels, colour).sum() > 9}
    assert shown == {item.colour for item in scene.objects}


def test_the_kinds_above_are_all_that_are_drawn_flat():
    assert {preset.kind for preset in PRESETS.values()} - {"tabletop", "tabletop-depth"} == {
        "spatial",
        "colour",
        "place",
        "topology",
        "distance",
        "between",
    }
