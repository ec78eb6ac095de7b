"""From a config and a number to a scene: which objects, in which relation, where."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import lru_cache
from itertools import zip_longest

import numpy as np

from harness.errors import ConfigError
from harness.scenes.config import SceneConfig
from harness.scenes.scene import RELATIONS, Scene, SceneObject, relation_of
from harness.scenes.splits import split_of

Kind = tuple[str, str]  # (shape, colour)

# seeds are [seed, i, stream]: numpy pads short ones with zeros, so every stream has its own number
LAYOUT, PAIRS, SHUFFLE = 0, 1, 2


def make_scenes(config: SceneConfig) -> list[Scene]:
    """All scenes of a config, in order; nothing is drawn yet."""
    return [make_scene(config, index) for index in range(config.size)]


def make_scene(config: SceneConfig, index: int) -> Scene:
    """Scene `index`, the same one whatever the config's size. Raises ConfigError outside it."""
    if not 0 <= index < config.size:
        raise ConfigError(f"scene {index} of {config.name}: it has scenes 0 to {config.size - 1}; raise size")
    pair, relation = _plan(config, index)
    first, second = _kinds(config, pair)
    objects = _place(config, (first, second), relation, np.random.default_rng([config.seed, index, LAYOUT]))
    scene = Scene(id=f"{config.name}-{index:05d}", objects=objects, relation="", split=split_of(config, first, second))
    # read off the geometry, not copied from the plan: the label is what the picture shows
    return replace(scene, relation=relation_of(scene))


def _plan(config: SceneConfig, index: int) -> tuple[int, str]:
    """Which pair of objects, and in which relation."""
    four, place = divmod(index, 4)
    if config.kind == "spatial":
        # one pair in all four relations: which objects they are says nothing about the relation
        return four, RELATIONS[place]
    # colours run in a cycle of their own; shuffled, so that no colour keeps to one side
    order = np.random.default_rng([config.seed, four, SHUFFLE]).permutation(4)
    return index, RELATIONS[order[place]]


def _kinds(config: SceneConfig, pair: int) -> tuple[Kind, Kind]:
    """The objects of a pair, by number.

    Pairs come in blocks. Within a block shapes and colours run through their cycles, so each
    stands equally often in either position, and the second object keeps its distance to the
    first in both cycles. Every allowed ordered pair comes once before any comes twice.
    """
    shapes, colours, blocks = _cycles(config)
    block, step = divmod(pair, math.lcm(len(shapes), len(colours)))
    turn, shape_step, colour_step = blocks[block % len(blocks)]
    shape, colour = step, step + turn
    first = shapes[shape % len(shapes)], colours[colour % len(colours)]
    second = shapes[(shape + shape_step) % len(shapes)], colours[(colour + colour_step) % len(colours)]
    return first, second


@lru_cache(maxsize=64)
def _cycles(config: SceneConfig) -> tuple[list[str], list[str], list[tuple[int, int, int]]]:
    rng = np.random.default_rng([config.seed, 0, PAIRS])
    shapes = [config.shapes[k] for k in rng.permutation(len(config.shapes))]
    colours = [config.colours[k] for k in rng.permutation(len(config.colours))]
    return shapes, colours, _blocks(config, rng)


def _blocks(config: SceneConfig, rng: np.random.Generator) -> list[tuple[int, int, int]]:
    """Every (turn, shape step, colour step), shape steps taking turns so that no few of them prevail."""
    # two cycles with a common divisor never meet in some combinations: a turn reaches them
    turns = range(math.gcd(len(config.shapes), len(config.colours)))
    decks = []
    for shape_step in [*range(1, len(config.shapes)), 0]:
        # objects of one shape must differ in colour; where colours are asked, no shape may come twice
        colour_steps = range(len(config.colours)) if shape_step else range(1, len(config.colours))
        deck = [(turn, shape_step, colour_step) for turn in turns for colour_step in colour_steps]
        if shape_step or config.kind == "spatial":
            decks.append([deck[k] for k in rng.permutation(len(deck))])
    return [block for drawn in zip_longest(*decks) for block in drawn if block]


def _place(
    config: SceneConfig, kinds: tuple[Kind, Kind], relation: str, rng: np.random.Generator
) -> tuple[SceneObject, SceneObject]:
    sizes = rng.uniform(*config.object_size, 2).tolist()
    swapped = relation in ("right of", "below")  # then the first object has the larger coordinate
    along = _along(config, sizes[::-1] if swapped else sizes, rng)
    along = along[::-1] if swapped else along
    across = _across(config, sizes, rng)
    xs, ys = (along, across) if relation in ("left of", "right of") else (across, along)
    first, second = (SceneObject(*kinds[k], x=xs[k], y=ys[k], size=sizes[k]) for k in range(2))
    return first, second


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
