"""From a config and a number to a scene: which objects, in which relation, where."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import lru_cache
from itertools import product, zip_longest

import numpy as np

from harness.errors import ConfigError
from harness.scenes.config import SceneConfig
from harness.scenes.geometry import relation_of
from harness.scenes.kinds import KINDS, ON_A_TABLE
from harness.scenes.layouts import LAYOUTS
from harness.scenes.scene import Scene, SceneObject
from harness.scenes.splits import split_of
from harness.scenes.tabletop import place_on_table

Look = tuple[str, str]  # (shape, colour)

# seeds are [seed, i, stream]: numpy pads short ones with zeros, so every stream has its own number
LAYOUT, PAIRS, SHUFFLE, THIRD = 0, 1, 2, 3


def make_scenes(config: SceneConfig) -> list[Scene]:
    """All scenes of a config, in order; nothing is drawn yet."""
    return [make_scene(config, index) for index in range(config.size)]


def make_scene(config: SceneConfig, index: int) -> Scene:
    """Scene `index`, the same one whatever the config's size. Raises ConfigError outside it."""
    if not 0 <= index < config.size:
        raise ConfigError(f"scene {index} of {config.name}: it has scenes 0 to {config.size - 1}; raise size")
    kind = KINDS[config.kind]
    number, relation = _plan(config, index)
    objects = _objects(config, number)
    rng, azimuth = np.random.default_rng([config.seed, index, LAYOUT]), None
    placed: tuple[SceneObject, ...]
    if kind.solid:
        first, second = objects
        placed, azimuth = place_on_table((first, second), relation, rng)
    else:
        placed = LAYOUTS[config.kind](config, objects, relation, rng)
    scene = Scene(
        id=f"{config.name}-{index:05d}", objects=placed, relation="", split=split_of(config, objects), azimuth=azimuth
    )
    # read off the geometry, not copied from the plan: the label is what the picture shows
    own = relation_of(scene, ON_A_TABLE, "own") if kind.solid else ""
    return replace(scene, relation=relation_of(scene, kind.relations), own_relation=own)


def _plan(config: SceneConfig, index: int) -> tuple[int, str]:
    """Which objects, by number, and in which relation."""
    relations = KINDS[config.kind].relations
    whole, place = divmod(index, len(relations))
    if KINDS[config.kind].asks == "relation":
        # the same objects in all relations: which objects they are says nothing about the relation
        return whole, relations[place]
    # colours run in a cycle of their own; shuffled, so that no colour keeps to one side
    order = np.random.default_rng([config.seed, whole, SHUFFLE]).permutation(len(relations))
    return index, relations[order[place]]


def _objects(config: SceneConfig, number: int) -> tuple[Look, ...]:
    """The objects of minimal set `number`: the first, a pair, or a pair and a third unlike both."""
    pair = _pair(config, number)
    if KINDS[config.kind].objects < 3:
        return pair[: KINDS[config.kind].objects]
    others = [look for look in product(config.shapes, config.colours) if look not in pair]
    return (*pair, others[np.random.default_rng([config.seed, number, THIRD]).integers(len(others))])


def _pair(config: SceneConfig, number: int) -> tuple[Look, Look]:
    """The objects of a pair, by number.

    Pairs come in blocks. Within a block shapes and colours run through their cycles, so each
    stands equally often in either position, and the second object keeps its distance to the
    first in both cycles. Every allowed ordered pair comes once before any comes twice.
    """
    shapes, colours, blocks = _cycles(config)
    block, step = divmod(number, math.lcm(len(shapes), len(colours)))
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
    differ = KINDS[config.kind].differ
    for shape_step in [*range(1, len(config.shapes)), 0]:
        # objects of one shape must differ in colour; where colours are asked, no shape may come twice
        same_colour = shape_step and differ != "colour"
        colour_steps = range(0 if same_colour else 1, len(config.colours))
        deck = [(turn, shape_step, colour_step) for turn in turns for colour_step in colour_steps]
        if shape_step or differ != "shape":
            decks.append([deck[k] for k in rng.permutation(len(deck))])
    return [block for drawn in zip_longest(*decks) for block in drawn if block]
