"""One scene: its objects, and where the viewer stands."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SceneObject:
    """A shape in a square box, or a solid in a cube: centre and side.

    Flat: fractions of the canvas, y downwards. On a table: fractions of the table's side, x to the
    right and depth away from a viewer at azimuth 0, y downwards with the table's surface at 1.
    """

    shape: str
    colour: str
    x: float
    y: float
    size: float
    depth: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """Objects on a canvas or a table. `relation` is what the viewer sees of the first object.

    `azimuth` is by how many degrees the viewer has walked round the table, None for a flat drawing.
    `own_relation` is the relation in the second object's own frame: its front faces depth 0, whoever
    looks (Levinson 1996, the intrinsic frame of reference); empty where objects have no front.
    """

    id: str
    objects: tuple[SceneObject, ...]
    relation: str
    split: str
    azimuth: float | None = None
    own_relation: str = ""


def noun(colour: str, shape: str) -> str:
    """'a red circle', 'an orange square'."""
    return f"{'an' if colour[0] in 'aeiou' else 'a'} {colour} {shape}"


def pair_of(first: tuple[str, str], second: tuple[str, str]) -> str:
    """The (shape, colour) pair without its order: 'a blue square and a red circle'."""
    return " and ".join(sorted(noun(colour, shape) for shape, colour in (first, second)))


def scene_pair(scene: Scene) -> str:
    """The objects that a scene shows, without their order."""
    return " and ".join(sorted(noun(item.colour, item.shape) for item in scene.objects))
