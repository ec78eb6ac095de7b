"""Layouts: where the objects of a flat scene lie, so that one relation holds and no other of its kind."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from harness.scenes.geometry import FAR, NEAR
from harness.scenes.scene import SceneObject

if TYPE_CHECKING:
    from harness.scenes.config import SceneConfig

Kinds = tuple[tuple[str, str], ...]  # (shape, colour) of each object
Objects = tuple[SceneObject, ...]
Layout = Callable[["SceneConfig", Kinds, str, np.random.Generator], Objects]

EDGE = 0.03  # free canvas round every object of the layouts that take no margin
SMALL = (0.16, 0.2)  # sides of objects of which several, or a large one, must fit
ALONE = (0.2, 0.3)  # sides of an object that has the canvas to itself
LARGE = (0.46, 0.52)  # sides of objects that hold another
OVERLAP = 0.015  # of objects that touch, so that round ones meet in more than a point
BALLAST = 0.2  # of its side, by which a triangle's widest part lies below its middle


def directions(config: SceneConfig, kinds: Kinds, relation: str, rng: np.random.Generator) -> Objects:
    """Two objects, one to the left, to the right, above or below."""
    sizes = rng.uniform(*config.object_size, 2).tolist()
    swapped = relation in ("right of", "below")  # then the first object has the larger coordinate
    along = _along(config, sizes[::-1] if swapped else sizes, rng)
    along = along[::-1] if swapped else along
    across = _across(config, sizes, rng)
    xs, ys = (along, across) if relation in ("left of", "right of") else (across, along)
    return tuple(SceneObject(*kinds[k], x=xs[k], y=ys[k], size=sizes[k]) for k in range(2))


def _along(config: SceneConfig, sizes: list[float], rng: np.random.Generator) -> list[float]:
    """Centres on the main axis, smaller coordinate first: what room is left is shared at random."""
    near, far = sizes
    room = 1 - 2 * config.margin - near - far - config.min_gap
    before, until = np.sort(rng.uniform(0, max(room, 0), 2)).tolist()
    return [config.margin + near / 2 + before, config.margin + near + config.min_gap + far / 2 + until]


def _across(config: SceneConfig, sizes: list[float], rng: np.random.Generator) -> list[float]:
    """Centres on the other axis, at most `jitter` apart."""
    edges = [config.margin + size / 2 for size in sizes]
    middle = rng.uniform(max(edges), 1 - max(edges))
    offset = rng.uniform(-config.jitter, config.jitter) / 2
    # the middle suits both objects, so keeping one on the canvas only brings it nearer the other
    return [min(max(middle + shift, edge), 1 - edge) for shift, edge in zip((offset, -offset), edges, strict=True)]


def places(config: SceneConfig, kinds: Kinds, relation: str, rng: np.random.Generator) -> Objects:
    """One object towards one side of the canvas."""
    size = rng.uniform(*ALONE)
    far = 0.5 - EDGE - size / 2
    main = rng.uniform(0.22, far) * (-1 if relation in ("on the left", "at the top") else 1)
    across = rng.uniform(-0.8, 0.8) * abs(main)
    right, down = (main, across) if relation in ("on the left", "on the right") else (across, main)
    return (SceneObject(*kinds[0], x=0.5 + right, y=0.5 + down, size=size),)


def topology(config: SceneConfig, kinds: Kinds, relation: str, rng: np.random.Generator) -> Objects:
    """A small and a large object: the small one inside, or above or below with or without a gap."""
    small, large = rng.uniform(*SMALL), rng.uniform(*LARGE)
    x = rng.uniform(EDGE + large / 2, 1 - EDGE - large / 2)
    if relation == "inside":
        y = rng.uniform(EDGE + large / 2, 1 - EDGE - large / 2)
        down = y + (BALLAST * large if kinds[1][0] == "triangle" else 0)
        return SceneObject(*kinds[0], x=x, y=down, size=small), SceneObject(*kinds[1], x=x, y=y, size=large)
    gap = -OVERLAP if relation == "touching" else rng.uniform(0.14, 1 - 2 * EDGE - small - large)
    upper, lower = (small, large) if rng.integers(2) else (large, small)
    top = rng.uniform(EDGE, 1 - EDGE - small - large - gap)
    ys = {upper: top + upper / 2, lower: top + upper + gap + lower / 2}
    return tuple(SceneObject(*kinds[k], x=x, y=ys[size], size=size) for k, size in enumerate((small, large)))


def distance(config: SceneConfig, kinds: Kinds, relation: str, rng: np.random.Generator) -> Objects:
    """Two small objects in any direction of each other, a short or a long way apart."""
    sizes = rng.uniform(*SMALL, 2).tolist()
    reach = sum(sizes) / 2
    while True:
        ends = [[rng.uniform(EDGE + size / 2, 1 - EDGE - size / 2) for _ in range(2)] for size in sizes]
        free = [max(abs(ends[0][axis] - ends[1][axis]) - reach, 0) for axis in range(2)]
        gap = math.hypot(*free)
        if (0.04 <= gap <= NEAR - 0.05) if relation == "near" else gap >= FAR + 0.05:
            return tuple(SceneObject(*kinds[k], x=ends[k][0], y=ends[k][1], size=sizes[k]) for k in range(2))


def between(config: SceneConfig, kinds: Kinds, relation: str, rng: np.random.Generator) -> Objects:
    """Three small objects on a line of any slope, the one that the relation names in the middle."""
    sizes = rng.uniform(*SMALL, 3).tolist()
    side = max(sizes) * math.sqrt(2)  # boxes this far apart do not overlap in any direction
    reach = 0.5 - EDGE - max(sizes) / 2
    while True:
        turn, half = rng.uniform(0, 2 * math.pi), rng.uniform(side, 0.55)
        right, down = half * math.cos(turn), half * math.sin(turn)
        if max(abs(right), abs(down)) <= reach:
            break
    x, y = (0.5 + rng.uniform(-1, 1) * (reach - abs(part)) for part in (right, down))
    ends = [(x - right, y - down), (x + right, y + down)]
    ends.insert(("first between", "second between", "third between").index(relation), (x, y))
    return tuple(SceneObject(*kinds[k], x=ends[k][0], y=ends[k][1], size=sizes[k]) for k in range(3))


LAYOUTS: Mapping[str, Layout] = {
    "spatial": directions,
    "colour": directions,
    "place": places,
    "topology": topology,
    "distance": distance,
    "between": between,
}
