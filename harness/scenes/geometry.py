"""Ground truth: which relations hold in a scene, from its geometry alone."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace

from harness.errors import ConfigError, DataError
from harness.relations import WORDINGS
from harness.scenes.scene import Scene, SceneObject
from harness.scenes.tabletop import viewed

NEAR, FAR = 0.15, 0.3  # free space between two boxes, in canvas sides: up to NEAR is near, from FAR on far
CONTACT = 1e-6  # boxes this close touch: rounding, and nothing that could be seen
FRAMES = ("viewer", "own")

Objects = tuple[SceneObject, ...]


def relation_of(scene: Scene, relations: Iterable[str], frame: str = "viewer") -> str:
    """Which one of `relations` holds. Raises DataError where none does, or more than one."""
    true = truths(scene, frame)
    held = [relation for relation in relations if relation in true]
    if len(held) != 1:
        found = f"{' and '.join(map(repr, held))} hold" if held else "none of the relations asked for holds"
        raise DataError(f"scene {scene.id}: {found}, so that no label is right; move its objects")
    return held[0]


def truths(scene: Scene, frame: str = "viewer") -> frozenset[str]:
    """Every relation of WORDINGS that is true of the scene's objects in their order.

    `frame` is "viewer", or "own" for the second object's own left, right and front (tables only).
    Raises ConfigError for any other.
    """
    objects = seen(scene, frame)
    flat = scene.azimuth is None
    if len(objects) == 1:
        found = _places(objects[0])
    elif len(objects) == 3:
        found = _between(objects)
    else:
        found = _direction(*objects, flat=flat) | _support(*objects, flat=flat) | _distance(*objects, flat=flat)
    assert found <= set(WORDINGS)
    return frozenset(found)


def seen(scene: Scene, frame: str = "viewer") -> Objects:
    """The objects with x to the right and depth away in that frame."""
    if frame not in FRAMES:
        raise ConfigError(f"unknown frame {frame!r}; known: {', '.join(FRAMES)}")
    if scene.azimuth is None:
        return scene.objects
    if frame == "own":
        # the reference looks towards depth 0, so its left hand lies where x grows
        return tuple(replace(item, x=1 - item.x) for item in scene.objects)
    return tuple(viewed(item, scene.azimuth) for item in scene.objects)


def _direction(first: SceneObject, second: SceneObject, *, flat: bool) -> set[str]:
    """The relation along the axis on which the centres lie furthest apart; none where two tie."""
    offsets = {
        ("left of", "right of"): first.x - second.x,
        ("above", "below"): first.y - second.y,
        ("in front of", "behind"): first.depth - second.depth,
    }
    if not flat and not _stacked(first, second):
        # solids that stand on one table differ in height only by their sizes
        del offsets["above", "below"]
    furthest = max(map(abs, offsets.values()))
    longest = [names for names, offset in offsets.items() if abs(offset) == furthest]
    if len(longest) > 1:
        return set()
    return {longest[0][offsets[longest[0]] > 0]}


def _stacked(first: SceneObject, second: SceneObject) -> bool:
    """Does one rest on the other?"""
    across = max(abs(first.x - second.x), abs(first.depth - second.depth))
    gap = abs(first.y - second.y) - (first.size + second.size) / 2
    return abs(gap) < CONTACT and across < (first.size + second.size) / 2


def _support(first: SceneObject, second: SceneObject, *, flat: bool) -> set[str]:
    if flat or not _stacked(first, second):
        return set()
    return {"on" if first.y < second.y else "under"}


def _distance(first: SceneObject, second: SceneObject, *, flat: bool) -> set[str]:
    """Inside, touching or apart (of boxes; RCC-8 without its finer cases); near or far."""
    if not flat:
        return {"touching"} if _stacked(first, second) else set()
    reach = (first.size + second.size) / 2
    free = [abs(first.x - second.x) - reach, abs(first.y - second.y) - reach]
    if max(free) <= -min(first.size, second.size) + CONTACT:
        # what holds another neither touches it nor is near it, whichever of the two is named first
        return {"inside"} if first.size <= second.size else set()
    gap = math.hypot(*(max(side, 0) for side in free))
    found = {"touching" if gap <= CONTACT else "apart from"}
    return found | ({"near"} if gap <= NEAR else {"far from"} if gap >= FAR else set())


def _places(item: SceneObject) -> set[str]:
    """The side of the canvas towards which an object lies furthest from the middle."""
    right, down = item.x - 0.5, item.y - 0.5
    if abs(right) == abs(down):
        return set()
    if abs(right) > abs(down):
        return {"on the left" if right < 0 else "on the right"}
    return {"at the top" if down < 0 else "at the bottom"}


def _between(objects: Objects) -> set[str]:
    """Which object's centre lies within the middle half of the way between the other two, and off it by less."""
    found = set()
    for middle, name in enumerate(("first between", "second between", "third between")):
        item = objects[middle]
        start, end = (other for k, other in enumerate(objects) if k != middle)
        way = (end.x - start.x, end.y - start.y)
        length = math.hypot(*way)
        if not length:
            continue
        along = ((item.x - start.x) * way[0] + (item.y - start.y) * way[1]) / length**2
        off = abs((item.x - start.x) * way[1] - (item.y - start.y) * way[0]) / length
        if 0.25 <= along <= 0.75 and off < item.size / 2:
            found.add(name)
    return found
