"""A table seen from one side: solids on it, placed so that one relation holds for whoever looks."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from harness.errors import ConfigError
from harness.scenes.scene import SceneObject

if TYPE_CHECKING:
    import numpy as np

Spot = tuple[float, float]  # (x, depth) on the table, in table sides
Kind = tuple[str, str]  # (shape, colour)

SOLIDS = ("cube", "ball", "cylinder", "cone")
STACKABLE = ("cube", "cylinder")  # flat on top: these can carry another solid

# where the first object lies as the viewer sees it, in degrees from the right hand, anticlockwise from above
DIRECTIONS: Mapping[str, float] = {"right of": 0.0, "behind": 90.0, "left of": 180.0, "in front of": 270.0}
STACKS = ("on", "under")

SIZES = (0.2, 0.3)  # one size for both objects, so that size says nothing about the relation
EDGE = 0.02  # between an object and the circle within the table's edge, at least
APART = 1.55  # between two objects' centres, in sizes, at least: the farther one stays recognisable
TURN = 20.0  # degrees by which a displacement may leave its axis for the viewer, at most
OWN_TURN = 30.0  # the same for the second object: from 45 on, its left would be its front
SLIP = 0.1  # between the centres of a stack, in sizes, at most
DIGITS = 9  # coordinates are rounded: sines may differ in their last bit between machines


def viewed(item: SceneObject, azimuth: float) -> SceneObject:
    """The object with x to the right and depth away as seen by a viewer `azimuth` degrees round the table.

    The viewer walks round the table's middle, anticlockwise as seen from above, and looks at it.
    """
    x, depth = _turned((item.x, item.depth), -azimuth)
    return replace(item, x=x, depth=depth)


def place_on_table(
    kinds: tuple[Kind, Kind], relation: str, rng: np.random.Generator
) -> tuple[tuple[SceneObject, SceneObject], float]:
    """Two objects of these kinds in the world's frame, and the azimuth from which `relation` is seen, in degrees.

    Every object's front faces depth 0 of the world. Where the first lies seen from the second, on its own
    left or right, in front of it or behind, is as clear as for the viewer, and each is equally likely
    whatever the relation. Size, azimuth and the objects' middle are drawn without a look at the relation.
    Raises ConfigError where there is no such relation, or one would stand on an object not flat on top.
    """
    _check(kinds, relation)
    size = rng.uniform(*SIZES)
    turn = rng.uniform(-TURN, TURN)
    azimuth = (90 * int(rng.integers(4)) + rng.uniform(-OWN_TURN, OWN_TURN) - turn) % 360
    apart, middle = _middle(size, rng)
    slip, bearing = SLIP * size * math.sqrt(rng.random()), rng.uniform(0, 360)
    if relation in DIRECTIONS:
        offset, heights = _step(apart, DIRECTIONS[relation] + turn), (0.5, 0.5)
    else:
        offset, heights = _step(slip, bearing), (1.5, 0.5) if relation == "on" else (0.5, 1.5)
    spots = [_turned((middle[0] + end * offset[0], middle[1] + end * offset[1]), azimuth) for end in (0.5, -0.5)]
    first, second = (
        SceneObject(*kind, x=round(x, DIGITS), y=1 - height * size, size=size, depth=round(depth, DIGITS))
        for kind, (x, depth), height in zip(kinds, spots, heights, strict=True)
    )
    return (first, second), azimuth


def _check(kinds: tuple[Kind, Kind], relation: str) -> None:
    if relation not in (*DIRECTIONS, *STACKS):
        raise ConfigError(f"no relation {relation!r} on a table; known: {', '.join((*DIRECTIONS, *STACKS))}")
    if relation in STACKS and (base := kinds[relation == "on"][0]) not in STACKABLE:
        raise ConfigError(f"{relation!r}: nothing can stand on a {base}; the lower one must be {_either(STACKABLE)}")


def _either(words: tuple[str, ...]) -> str:
    return " or ".join(f"a {word}" for word in words)


def _middle(size: float, rng: np.random.Generator) -> tuple[float, Spot]:
    """How far apart two objects are to stand, and the point between them that keeps both on the table."""
    reach = 0.5 - EDGE - size * math.sqrt(0.5)  # of a centre from the table's middle, however a cube is turned
    apart = rng.uniform(APART * size, 2 * reach)
    x, depth = _step((reach - apart / 2) * math.sqrt(rng.random()), rng.uniform(0, 360))
    return apart, (0.5 + x, 0.5 + depth)


def _step(length: float, bearing: float) -> Spot:
    angle = math.radians(bearing)
    return length * math.cos(angle), length * math.sin(angle)


def _turned(spot: Spot, degrees: float) -> Spot:
    """The spot turned about the table's middle, anticlockwise as seen from above."""
    right, away = spot[0] - 0.5, spot[1] - 0.5
    cos, sin = _step(1.0, degrees)
    return 0.5 + cos * right - sin * away, 0.5 + sin * right + cos * away
