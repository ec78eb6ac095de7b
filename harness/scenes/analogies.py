"""Scenes for analogies: objects around one landmark, each in every relation and in every colour."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np

from harness.errors import ConfigError
from harness.rows import Row
from harness.scenes.draw import DrawnPicture
from harness.scenes.kinds import DIRECTIONS, FLAT
from harness.scenes.layouts import LAYOUTS
from harness.scenes.presets import PRESETS
from harness.scenes.scene import Scene

LANDMARK = ("square", "gray")
COLOURS = ("red", "yellow", "green", "blue")  # those of the published control
# one size for all, so that pictures of an object differ in its place alone, as photos from a tripod do
CONFIG = replace(PRESETS["spatial"], name="analogies", object_size=(0.25, 0.25))
STREAM = 4  # of random numbers: none of scenes that have splits


def scene_analogies(by: str = "relation") -> list[Row]:
    """96 pictures of a coloured shape and a gray square, as 24 objects with four labels each.

    By "relation" an object is a colour and a shape, its label where it stands; by "color" an object is a shape in its
    place, drawn at the same points in every colour, its label the colour. Pairs of objects of all splits are among
    them. Raises ConfigError for another word.
    """
    if by not in ("relation", "color"):
        raise ConfigError(f"analogies are by relation or by color, not by {by!r}")
    rows = []
    for (i, shape), (j, relation), colour in product(enumerate(FLAT), enumerate(DIRECTIONS), COLOURS):
        rng = np.random.default_rng([CONFIG.seed, i * len(DIRECTIONS) + j, STREAM])
        placed = LAYOUTS[CONFIG.kind](CONFIG, ((shape, colour), LANDMARK), relation, rng)
        scene = Scene(id=f"analogies {colour} {shape} {relation}", objects=placed, relation=relation, split="")
        label, group = (relation, f"{colour} {shape}") if by == "relation" else (colour, f"{shape} {relation}")
        rows.append(Row(id=scene.id, label=label, group=group, image=DrawnPicture(scene, CONFIG.canvas)))
    return rows
