"""Splits: train, val and test, between which no pair of objects is shared."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from itertools import combinations, product

from harness.errors import ConfigError
from harness.rows import digest
from harness.scenes.config import SceneConfig, nearest
from harness.scenes.scene import Scene, pair_of

SHARES = {"train": 0.7, "val": 0.1, "test": 0.2}
SPLITS = tuple(SHARES)


def split_of(config: SceneConfig, first: tuple[str, str], second: tuple[str, str]) -> str:
    """The split in which two (shape, colour) objects stand, in whichever order."""
    return _pair_splits(config.seed, config.kind, config.shapes, config.colours)[pair_of(first, second)]


def split_ids(scenes: Iterable[Scene]) -> dict[str, list[str]]:
    """Scene ids by split, in the scenes' order; an empty split is an empty list."""
    ids: dict[str, list[str]] = {split: [] for split in SPLITS}
    for scene in scenes:
        ids[scene.split].append(scene.id)
    return ids


def in_split(scenes: Iterable[Scene], split: str | None) -> list[Scene]:
    """The scenes of one split, or all. Raises ConfigError where there is no such split, or nothing in it."""
    if split is None:
        return list(scenes)
    if split not in SPLITS:
        raise ConfigError(f"unknown split {split!r}; {nearest(split, SPLITS)}")
    if chosen := [scene for scene in scenes if scene.split == split]:
        return chosen
    raise ConfigError(f"split {split} holds no scene; raise the config's size, or name more shapes or colours")


# not keyed on the size: a longer run of scenes must not move a pair from test to train
@lru_cache(maxsize=64)
def _pair_splits(seed: int, kind: str, shapes: tuple[str, ...], colours: tuple[str, ...]) -> dict[str, str]:
    """Every possible pair, in the order of a seeded hash, cut at the shares."""
    pairs = {
        pair_of(first, second)
        for first, second in combinations(product(shapes, colours), 2)
        if kind == "spatial" or first[0] != second[0]
    }
    ranked = sorted(pairs, key=lambda pair: digest(str(seed), pair))
    ends = [round(len(ranked) * end) for end in (SHARES["train"], SHARES["train"] + SHARES["val"])]
    return {pair: SPLITS[sum(rank >= end for end in ends)] for rank, pair in enumerate(ranked)}
