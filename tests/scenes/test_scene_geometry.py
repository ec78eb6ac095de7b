"""Ground truth: every label recomputed here from the objects' places, by formulas of the tests' own."""

import cmath
import math
from collections import Counter
from dataclasses import replace
from itertools import permutations, product

import pytest
from scene_sets import FLAT_PRESETS, TABLE_PRESETS, relations_of, scenes_of

from harness.errors import ConfigError, DataError
from harness.relations import SYMMETRIC
from harness.scenes import KINDS, OPPOSITES, PRESETS, WORDINGS, Scene, SceneObject, relation_of, truths

TWO = [name for name, preset in PRESETS.items() if KINDS[preset.kind].objects == 2]
BESIDE = ("left of", "right of", "in front of", "behind")


def edges(item):
    """Left, right, top, bottom."""
    half = item.size / 2
    return item.x - half, item.x + half, item.y - half, item.y + half


def on_canvas(first, second):
    sides = {
        "left of": second.x - first.x,
        "right of": first.x - second.x,
        "above": second.y - first.y,
        "below": first.y - second.y,
    }
    return max(sides, key=sides.__getitem__)


def on_a_side(item):
    sides = {"on the left": item.x, "on the right": 1 - item.x, "at the top": item.y, "at the bottom": 1 - item.y}
    return min(sides, key=sides.__getitem__)


def boxes(first, second):
    """How far two boxes are apart across and down, negative where they overlap."""
    left, right, top, bottom = edges(first)
    left_2, right_2, top_2, bottom_2 = edges(second)
    return max(left_2 - right, left - right_2), max(top_2 - bottom, top - bottom_2)


def contact(first, second):
    left, right, top, bottom = edges(first)
    left_2, right_2, top_2, bottom_2 = edges(second)
    if left_2 <= left and right <= right_2 and top_2 <= top and bottom <= bottom_2:
        return "inside"
    return "apart from" if max(boxes(first, second)) > 0 else "touching"


def nearness(first, second):
    way = math.hypot(*(max(part, 0) for part in boxes(first, second)))
    return "near" if way <= 0.15 else "far from" if way >= 0.3 else "neither"


def in_the_middle(*objects):
    """The object from which the other two are seen in opposite directions, to 20 degrees."""
    spots = [complex(item.x, item.y) for item in objects]
    opposed = [
        name
        for spot, others, name in zip(
            spots,
            ((spots[1], spots[2]), (spots[0], spots[2]), (spots[0], spots[1])),
            ("first between", "second between", "third between"),
            strict=True,
        )
        if abs(cmath.phase((others[0] - spot) / (others[1] - spot))) > math.radians(160)
    ]
    return opposed[0] if len(opposed) == 1 else "none or several"


FORMULAS = {
    "spatial": on_canvas,
    "color": on_canvas,
    "place": on_a_side,
    "topology": contact,
    "distance": nearness,
    "between": in_the_middle,
}


@pytest.mark.parametrize("preset", FLAT_PRESETS)
def test_a_label_is_what_the_geometry_says(preset):
    for scene in scenes_of(preset):
        assert scene.relation == FORMULAS[preset](*scene.objects)
        assert scene.own_relation == ""
        assert scene.azimuth is None


def bearing(scene, ahead, right):
    """The relation in a frame whose axes are these directions on the table, (x + depth i), of length 1."""
    first, second = scene.objects
    if abs(first.y - second.y) > first.size / 2:
        return "on" if first.y < second.y else "under"
    step = complex(first.x - second.x, first.depth - second.depth)
    away, aside = ((step * way.conjugate()).real for way in (ahead, right))
    if abs(aside) > abs(away):
        return "right of" if aside > 0 else "left of"
    return "behind" if away > 0 else "in front of"


@pytest.mark.parametrize("preset", TABLE_PRESETS)
def test_a_label_on_a_table_is_what_the_viewer_sees(preset):
    """The viewer starts at depth 0 and walks round the table anticlockwise, looking at its middle."""
    for scene in scenes_of(preset):
        stand = cmath.rect(3, math.radians(scene.azimuth - 90))
        ahead = -stand / abs(stand)
        assert scene.relation == bearing(scene, ahead, ahead * -1j)


@pytest.mark.parametrize("preset", TABLE_PRESETS)
def test_the_own_label_is_what_the_second_object_would_say(preset):
    """It looks towards depth 0, and what it has before it is in front of it: away is behind its back."""
    looking = -1j
    for scene in scenes_of(preset):
        assert scene.own_relation == bearing(scene, -looking, looking * -1j)


@pytest.mark.parametrize("preset", TABLE_PRESETS)
def test_the_two_readings_are_independent_of_each_other(preset):
    seen = Counter((scene.relation, scene.own_relation) for scene in scenes_of(preset))
    beside = [relation for relation in relations_of(preset) if relation in BESIDE]
    for relation, own in product(beside, BESIDE):
        assert seen[relation, own] == pytest.approx(300 / 4, abs=30)  # 4 standard deviations
    stacked = [relation for relation in relations_of(preset) if relation not in BESIDE]
    assert all(seen[relation, relation] == 300 for relation in stacked)


@pytest.mark.parametrize("preset", TABLE_PRESETS)
def test_readings_differ_as_often_as_azimuths_imply(preset):
    """Only from behind it does an object's left lie left of it, and only from before it is its front in front."""
    scenes = scenes_of(preset)
    agree_from = {"left of": 2, "right of": 2, "in front of": 0, "behind": 0}  # in quarter turns
    turned = [round(scene.azimuth / 90) % 4 for scene in scenes]
    expected = [turn != agree_from.get(scene.relation, turn) for turn, scene in zip(turned, scenes, strict=True)]
    differ = [scene.relation != scene.own_relation for scene in scenes]
    assert sum(differ) == pytest.approx(sum(expected), abs=0.03 * len(scenes))
    assert sum(differ) / len(scenes) == pytest.approx(0.75 if preset == "tabletop-depth" else 0.375, abs=0.05)


@pytest.mark.parametrize("preset", PRESETS)
def test_one_relation_of_a_set_is_true(preset):
    for scene in scenes_of(preset):
        assert truths(scene) <= set(WORDINGS)
        assert truths(scene) & set(relations_of(preset)) == {scene.relation}
        assert relation_of(scene, relations_of(preset)) == scene.relation


@pytest.mark.parametrize("preset", TWO)
@pytest.mark.parametrize("frame", ["viewer", "own"])
def test_exchanged_objects_stand_in_opposite_relations(preset, frame):
    for scene in scenes_of(preset)[:600]:
        there, back = truths(scene, frame), truths(replace(scene, objects=scene.objects[::-1]), frame)
        assert there & SYMMETRIC == back & SYMMETRIC
        ordered = {relation for relation in there - SYMMETRIC if relation != "inside"}
        assert {OPPOSITES[relation] for relation in ordered} == back - SYMMETRIC
        assert "inside" not in there & back


def test_the_other_two_may_change_places():
    for scene in scenes_of("between")[:300]:
        middle = ("first between", "second between", "third between").index(scene.relation)
        for order in permutations(range(3)):
            moved = replace(scene, objects=tuple(scene.objects[k] for k in order))
            assert truths(moved) == {f"{('first', 'second', 'third')[order.index(middle)]} between"}


def flat(*places):
    """Objects at (x, y, size)."""
    return Scene(
        id="s", objects=tuple(SceneObject("circle", "red", *place) for place in places), relation="", split="test"
    )


@pytest.mark.parametrize(
    ("places", "held"),
    [
        ([(0.2, 0.3, 0.2), (0.75, 0.4, 0.2)], {"left of", "apart from", "far from"}),
        ([(0.2, 0.3, 0.2), (0.5, 0.4, 0.2)], {"left of", "apart from", "near"}),
        ([(0.2, 0.3, 0.2), (0.6, 0.4, 0.2)], {"left of", "apart from"}),  # neither near nor far
        ([(0.5, 0.5, 0.2), (0.5, 0.7, 0.2)], {"above", "touching", "near"}),
        ([(0.5, 0.61, 0.2), (0.5, 0.5, 0.4)], {"below", "touching", "near"}),  # across its edge
        ([(0.5, 0.6, 0.2), (0.5, 0.5, 0.4)], {"below", "inside"}),  # up to its edge
        ([(0.5, 0.5, 0.4), (0.5, 0.6, 0.2)], {"above"}),  # around it
        ([(0.5, 0.5, 0.2), (0.5, 0.5, 0.4)], {"inside"}),
        ([(0.2, 0.2, 0.2), (0.6, 0.6, 0.2)], {"apart from"}),  # a diagonal; 0.28 apart
        ([(0.2, 0.4, 0.2)], {"on the left"}),
        ([(0.6, 0.9, 0.2)], {"at the bottom"}),
        ([(0.5, 0.5, 0.2)], set()),
        ([(0.75, 0.25, 0.2)], set()),
        ([(0.5, 0.5, 0.2), (0.2, 0.2, 0.2), (0.8, 0.8, 0.2)], {"first between"}),
        ([(0.2, 0.2, 0.2), (0.8, 0.8, 0.2), (0.4, 0.5, 0.2)], {"third between"}),  # 0.07 off the way
        ([(0.2, 0.2, 0.2), (0.8, 0.8, 0.2), (0.4, 0.6, 0.2)], set()),  # 0.14 off
        ([(0.2, 0.5, 0.2), (0.3, 0.5, 0.2), (0.8, 0.5, 0.2)], set()),  # too near one end
        ([(0.2, 0.5, 0.2), (0.2, 0.5, 0.2), (0.8, 0.5, 0.2)], set()),  # one upon the other
    ],
)
def test_what_is_true_of_a_few_known_places(places, held):
    assert truths(flat(*places)) == held


def test_a_diagonal_has_no_direction():
    diagonal = flat((0.25, 0.25, 0.2), (0.75, 0.75, 0.2))
    with pytest.raises(DataError, match=r"scene s: none of the relations asked for holds.*move its objects"):
        relation_of(diagonal, ("left of", "right of", "above", "below"))


def test_two_labels_are_one_too_many():
    with pytest.raises(DataError, match="scene s: 'above' and 'touching' hold, so that no label is right"):
        relation_of(flat((0.5, 0.5, 0.2), (0.5, 0.7, 0.2)), ("above", "touching", "inside"))


def test_an_unknown_frame_is_not_the_viewers():
    with pytest.raises(ConfigError, match="unknown frame 'owner'; known: viewer, own"):
        truths(scenes_of("tabletop")[0], "owner")
