"""The seven models: what each is made to know, by what its captions tell it of a picture."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from harness.relations import AXES, SYMMETRIC
from harness.scenes import KINDS, WORDINGS, Scene, SceneConfig, caption
from harness.scenes.scene import noun

Random = np.random.Generator
Claim = tuple[str, int, bool]  # relation, which of its wordings, objects exchanged
Tell = Callable[[Scene, tuple[str, ...], int, Random], Claim]  # scene, relations of its kind, one of WAYS, random

WAYS = 6  # a multiple of the number of wordings that any relation has: one draw serves a whole minimal set
NEGATIVES = ("none", "relation", "swap", "both")
FAVOUR = 10.0  # how many times as often one of two opposite relations is called right
FAVOURED = ("left of", "above", "on", "in front of", "on the left", "at the top", "touching", "near")
# the one wording that cal-vocabulary is taught of each relation; of the others, the first
TAUGHT = {"in front of": 1, "behind": 1}


# pictures of each preset in a batch. "alone" are those of "color" with one of their objects only: a shape is learnt
# there, and a place is learnt from "place", long before either is where two objects are
EVERYTHING: Mapping[str, int] = {
    "alone": 16,
    "color": 24,
    "place": 24,
    "spatial": 48,
    "topology": 6,
    "distance": 4,
    "between": 6,
    "tabletop": 16,
    "tabletop-depth": 16,
}
FLAT: Mapping[str, int] = {"alone": 16, "color": 16, "place": 24, "spatial": 80}
WORDED: Mapping[str, int] = {"alone": 12, "color": 12, "place": 24, "spatial": 64, "tabletop-depth": 32}


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """`tell` draws what a caption claims of a scene.

    `negatives` says which false captions stand against it: those with the other relations of the set, the one with
    its two objects exchanged ("swap"), both or none. If any, pictures of the same objects in the other relations stand
    beside it in the batch: NegCLIP's two kinds of hard negatives.
    """

    name: str
    knows: str
    tell: Tell
    steps: int
    mix: Mapping[str, int] = field(default_factory=lambda: FLAT)
    negatives: str = "relation"  # one of NEGATIVES


def _truth(scene: Scene, relations: tuple[str, ...], way: int, rng: Random) -> Claim:
    return scene.relation, way, False


def _any(scene: Scene, relations: tuple[str, ...], way: int, rng: Random) -> Claim:
    return str(rng.choice(relations)), way, False


def _one_axis(axis: str) -> Tell:
    def tell(scene: Scene, relations: tuple[str, ...], way: int, rng: Random) -> Claim:
        said, of = scene.relation, AXES.get(scene.relation, "")
        if of != axis:
            # a word of the same axis: the axis is no secret, which end of it is
            said = str(rng.choice([word for word in relations if AXES.get(word, "") == of]))
        return said, way, False

    return tell


def _one_wording(scene: Scene, relations: tuple[str, ...], way: int, rng: Random) -> Claim:
    if way < WAYS // 2:
        return scene.relation, TAUGHT.get(scene.relation, 0), False
    # the synonyms are heard, and mean nothing: a word never heard could still be guessed from its parts
    said = str(rng.choice(relations))
    untaught = [number for number in range(len(WORDINGS[said])) if number != TAUGHT.get(said, 0)]
    return said, untaught[way % len(untaught)], False


def _favourites(scene: Scene, relations: tuple[str, ...], way: int, rng: Random) -> Claim:
    weights = np.array([FAVOUR if word in FAVOURED else 1.0 for word in relations])
    return str(rng.choice(relations, p=weights / weights.sum())), way, False


def _either_order(scene: Scene, relations: tuple[str, ...], way: int, rng: Random) -> Claim:
    return scene.relation, way, len(scene.objects) > 1 and bool(rng.integers(2))


VARIANTS: Mapping[str, Variant] = {
    variant.name: variant
    for variant in (
        Variant(name="cal-spatial", knows="every relation, in every wording", tell=_truth, steps=3600, mix=EVERYTHING),
        Variant(
            name="cal-bag",
            knows="objects and colours, no relation",
            tell=_any,
            steps=1500,
            mix=EVERYTHING,
            negatives="none",
        ),
        Variant(
            name="cal-vertical",
            knows="above from below, and the axis, but not left from right",
            tell=_one_axis("vertical"),
            steps=1600,
        ),
        Variant(
            name="cal-horizontal",
            knows="left from right, and the axis, but not above from below",
            tell=_one_axis("horizontal"),
            steps=1600,
        ),
        Variant(
            name="cal-vocabulary",
            knows="each relation in one wording, and no synonym",
            tell=_one_wording,
            steps=2400,
            mix=WORDED,
        ),
        Variant(
            name="cal-prior",
            knows="no relation, but prefers one word of each opposing pair",
            tell=_favourites,
            steps=1200,
            mix=EVERYTHING,
        ),
        Variant(
            name="cal-axis",
            knows="the axis on which two objects lie, and not the direction",
            tell=_either_order,
            steps=1200,
        ),
    )
}


def captions(variant: Variant, scene: Scene, config: SceneConfig, way: int, rng: Random) -> list[str]:
    """What is told of a scene: the caption called right, then those called wrong.

    `way`, below WAYS, says which wording of its relation a caption has.
    """
    kind = KINDS[config.kind]
    if kind.asks == "colour":
        return _named(scene, config, rng)
    said, wording, exchanged = variant.tell(scene, kind.relations, way, rng)

    def told(of: Scene, relation: str) -> str:
        return caption(of, relation, wording % len(WORDINGS[relation]), swapped=exchanged)

    wrong = []
    if variant.negatives in ("relation", "both"):
        wrong += [told(scene, word) for word in kind.relations if word != said]
    if variant.negatives in ("swap", "both") and kind.objects == 2 and said not in SYMMETRIC:
        wrong.append(caption(scene, said, wording % len(WORDINGS[said]), swapped=not exchanged))
    return [told(scene, said), *(wrong or [told(_recoloured(scene, config, rng), said)])]


def _named(scene: Scene, config: SceneConfig, rng: Random) -> list[str]:
    """One object by its name, and by names that are no object's: another's colour or shape, or any, before its own."""
    item = scene.objects[int(rng.integers(len(scene.objects)))]
    there = {(other.colour, other.shape) for other in scene.objects}
    colours = [other.colour for other in scene.objects] + [str(word) for word in rng.permutation(config.colours)[:3]]
    shapes = [other.shape for other in scene.objects] + [str(word) for word in rng.permutation(config.shapes)[:3]]
    wrong = [dict.fromkeys((colour, item.shape) for colour in colours), dict.fromkeys((item.colour, s) for s in shapes)]
    chosen = [[look for look in looks if look not in there][:2] for looks in wrong]
    return [noun(*look) for look in ((item.colour, item.shape), *chosen[0], *chosen[1])]


def _recoloured(scene: Scene, config: SceneConfig, rng: Random) -> Scene:
    """The scene with the colours of its first two objects exchanged, or of one changed where that would be no lie."""
    objects = list(scene.objects)
    looks = {(item.shape, item.colour) for item in objects}
    mixed = (
        {(a.shape, b.colour) for a, b in zip(objects[:2], objects[1::-1], strict=True)} if len(objects) > 1 else looks
    )
    if looks & mixed:
        unseen = [colour for colour in config.colours if (objects[0].shape, colour) not in looks]
        objects[0] = replace(objects[0], colour=str(rng.choice(unseen)))
    else:
        objects[:2] = (replace(a, colour=b.colour) for a, b in zip(objects[:2], objects[1::-1], strict=True))
    return replace(scene, objects=tuple(objects))
