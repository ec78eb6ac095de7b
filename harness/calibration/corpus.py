"""What is trained on: scenes whose objects stand in no validation or test scene, with their pixels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from harness.calibration.variants import WAYS, Variant, captions
from harness.rows import digest
from harness.scenes import KINDS, PRESETS, DrawnPicture, Scene, SceneConfig, make_scenes

# scenes made of each preset, of which about seven in ten are trained on
SIZES: Mapping[str, int] = {
    "spatial": 24_000,
    "color": 6_000,
    "place": 4_800,
    "topology": 4_800,
    "distance": 4_800,
    "between": 6_000,
    "tabletop": 6_000,
    "tabletop-depth": 8_000,
}


@dataclass(frozen=True, slots=True)
class Pool:
    """Scenes of one preset, and their pictures: (scenes, canvas, canvas, 3), 0 to 255."""

    config: SceneConfig
    scenes: Sequence[Scene]
    pixels: NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Corpus:
    """Scenes to train on, by preset, and `key`, a digest of what they are."""

    pools: Mapping[str, Pool]
    key: str


def make_corpus(sizes: Mapping[str, int] = SIZES) -> Corpus:
    """Draw or render the training scenes among so many of each preset. Raises DataUnavailable without the renderer."""
    pools = {preset: make_pool(preset, "train", size) for preset, size in sizes.items()}
    if "color" in pools:
        pools["alone"] = _alone(pools["color"])
    return Corpus(pools, digest(*(str(pool.config) for pool in pools.values())))


def make_pool(preset: str, split: str, size: int | None = None) -> Pool:
    """The scenes of a preset that stand in that split; `size` makes more scenes than the preset has."""
    config = replace(PRESETS[preset], size=size or PRESETS[preset].size)
    return _pool(config, [scene for scene in make_scenes(config) if scene.split == split])


def _alone(pool: Pool) -> Pool:
    """Every object of the scenes, in a picture of its own."""
    return _pool(pool.config, [replace(scene, objects=(item,)) for scene in pool.scenes for item in scene.objects])


def _pool(config: SceneConfig, scenes: Sequence[Scene]) -> Pool:
    pictures = [np.asarray(DrawnPicture(scene, config.canvas).open()) for scene in scenes]
    return Pool(config, scenes, np.stack(pictures))


def draw_batch(corpus: Corpus, variant: Variant, rng: np.random.Generator) -> tuple[NDArray[np.uint8], list[list[str]]]:
    """Pictures (batch, canvas, canvas, 3), and of each the caption called right, then those called wrong.

    So many pictures of each preset as the variant's mix says; of presets that the corpus lacks, none. For a variant
    with negatives these are whole minimal sets, where one wording serves a set.
    """
    pixels, told = [], []
    for preset, count in variant.mix.items():
        if pool := corpus.pools.get(preset):
            together = _set_size(pool) if variant.negatives != "none" else 1
            for first in rng.integers(len(pool.scenes) // together, size=count // together) * together:
                way = int(rng.integers(WAYS))
                pixels.append(pool.pixels[first : first + together])
                told += [
                    captions(variant, scene, pool.config, way, rng) for scene in pool.scenes[first : first + together]
                ]
    return np.concatenate(pixels), told


def _set_size(pool: Pool) -> int:
    """How many scenes in a row show the same objects, once in each relation."""
    kind = KINDS[pool.config.kind]
    return len(kind.relations) if kind.asks == "relation" else 1
