"""One scene: its objects, the relation that its geometry shows, and the words for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from harness.errors import DataError

# the one place where wording stands; relations are names for slices, phrases go into captions
PHRASES: Mapping[str, str] = {
    "left of": "to the left of",
    "right of": "to the right of",
    "above": "above",
    "below": "below",
}
RELATIONS = tuple(PHRASES)


@dataclass(frozen=True, slots=True)
class SceneObject:
    """A shape in a square box: centre and side in fractions of the canvas, y downwards."""

    shape: str
    colour: str
    x: float
    y: float
    size: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """Objects on a canvas. `relation` is that of the first object to the second, as drawn."""

    id: str
    objects: tuple[SceneObject, ...]
    relation: str
    split: str


def relation_of(scene: Scene) -> str:
    """The relation of the first object to the second, from geometry alone. Raises DataError."""
    return relation_between(*scene.objects[:2])


def relation_between(first: SceneObject, second: SceneObject) -> str:
    """The relation along the axis on which the centres lie further apart. Raises DataError."""
    right, down = first.x - second.x, first.y - second.y
    if abs(right) == abs(down):
        raise DataError("two objects lie exactly on a diagonal: no relation fits best; move one of them")
    if abs(right) > abs(down):
        return "left of" if right < 0 else "right of"
    return "above" if down < 0 else "below"


def noun(colour: str, shape: str) -> str:
    """'a red circle', 'an orange square'."""
    return f"{'an' if colour[0] in 'aeiou' else 'a'} {colour} {shape}"


def caption(scene: Scene, relation: str) -> str:
    """What a caption says that claims this relation, true or not, of the first object to the second."""
    first, second = scene.objects[:2]
    return f"{noun(first.colour, first.shape)} {PHRASES[relation]} {noun(second.colour, second.shape)}"


def pair_of(first: tuple[str, str], second: tuple[str, str]) -> str:
    """The (shape, colour) pair without its order: 'a blue square and a red circle'."""
    return " and ".join(sorted(noun(colour, shape) for shape, colour in (first, second)))


def scene_pair(scene: Scene) -> str:
    """The unordered pair of objects that a scene shows."""
    first, second = scene.objects[:2]
    return pair_of((first.shape, first.colour), (second.shape, second.colour))
