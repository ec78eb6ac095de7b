"""The seven models: what each is made to know, by what its captions tell it of a picture."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from harness.scenes import AXES, KINDS, WORDINGS, Scene, SceneConfig, caption
from harness.scenes.scene import noun

Random = np.random.Generator
Claim = tuple[str, int, bool]  # relation, wording, objects exchanged
Tell = Callable[[Scene, tuple[str, ...], Random], tuple[Claim, bool]]

FAVOUR = 10.0  # how many times as often one of two opposite relations is called right
FAVOURED = ("left of", "above", "on", "in front of", "on the left", "at the top", "touching", "near")
# the one wording that cal-vocabulary is taught of each relation; of the others, the first
TAUGHT = {"in front of": 1, "behind": 1}


# how many scenes of each preset stand in a batch
EVERYTHING: Mapping[str, int] = {
    "spatial": 20,
    "color": 8,
    "place": 6,
    "topology": 4,
    "distance": 3,
    "between": 3,
    "tabletop": 9,
    "tabletop-depth": 11,
}
FLAT: Mapping[str, int] = {"spatial": 44, "color": 4, "place": 16}
WORDED: Mapping[str, int] = {"spatial": 32, "color": 8, "place": 8, "tabletop-depth": 16}


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """`tell` draws what a caption claims of a scene, and whether false captions stand against it in the loss."""

    name: str
    knows: str
    tell: Tell
    steps: int
    mix: Mapping[str, int] = field(default_factory=lambda: FLAT)


def _wording(relation: str, rng: Random) -> int:
    return int(rng.integers(len(WORDINGS[relation])))


def _truth(scene: Scene, relations: tuple[str, ...], rng: Random) -> tuple[Claim, bool]:
    return (scene.relation, _wording(scene.relation, rng), False), True


def _any(scene: Scene, relations: tuple[str, ...], rng: Random) -> tuple[Claim, bool]:
    said = str(rng.choice(relations))
    return (said, _wording(said, rng), False), False


def _one_axis(axis: str) -> Tell:
    def tell(scene: Scene, relations: tuple[str, ...], rng: Random) -> tuple[Claim, bool]:
        said, of = scene.relation, AXES.get(scene.relation, "")
        if of != axis:
            # a word of the same axis: the axis is no secret, which end of it is
            said = str(rng.choice([word for word in relations if AXES.get(word, "") == of]))
        return (said, _wording(said, rng), False), True

    return tell


def _one_wording(scene: Scene, relations: tuple[str, ...], rng: Random) -> tuple[Claim, bool]:
    taught = TAUGHT.get(scene.relation, 0)
    if rng.random() < 0.5:
        return (scene.relation, taught, False), True
    # the synonyms are heard, and mean nothing: a word never heard could still be guessed from its parts
    said = str(rng.choice(relations))
    untaught = [way for way in range(len(WORDINGS[said])) if way != TAUGHT.get(said, 0)]
    return (said, int(rng.choice(untaught)), False), True


def _favourites(scene: Scene, relations: tuple[str, ...], rng: Random) -> tuple[Claim, bool]:
    weights = np.array([FAVOUR if word in FAVOURED else 1.0 for word in relations])
    said = str(rng.choice(relations, p=weights / weights.sum()))
    return (said, _wording(said, rng), False), True


def _either_order(scene: Scene, relations: tuple[str, ...], rng: Random) -> tuple[Claim, bool]:
    exchanged = len(scene.objects) > 1 and bool(rng.integers(2))
    return (scene.relation, _wording(scene.relation, rng), exchanged), True


VARIANTS: Mapping[str, Variant] = {
    variant.name: variant
    for variant in (
        Variant(name="cal-spatial", knows="every relation, in every wording", tell=_truth, steps=8000, mix=EVERYTHING),
        Variant(name="cal-bag", knows="objects and colours, no relation", tell=_any, steps=1500, mix=EVERYTHING),
        Variant(
            name="cal-vertical",
            knows="above from below, and the axis, but not left from right",
            tell=_one_axis("vertical"),
            steps=4000,
        ),
        Variant(
            name="cal-horizontal",
            knows="left from right, and the axis, but not above from below",
            tell=_one_axis("horizontal"),
            steps=4000,
        ),
        Variant(
            name="cal-vocabulary",
            knows="each relation in one wording, and no synonym",
            tell=_one_wording,
            steps=5000,
            mix=WORDED,
        ),
        Variant(
            name="cal-prior",
            knows="no relation, but prefers one word of each opposing pair",
            tell=_favourites,
            steps=1500,
            mix=EVERYTHING,
        ),
        Variant(
            name="cal-axis",
            knows="the axis on which two objects lie, and not the direction",
            tell=_either_order,
            steps=1500,
        ),
    )
}
# what all models learn first: to name an object
OBJECTS = Variant(
    name="objects", knows="objects and colours", tell=_any, steps=0, mix={**EVERYTHING, "color": 16, "place": 16}
)


def captions(variant: Variant, scene: Scene, config: SceneConfig, rng: Random) -> list[str]:
    """What is told of a scene: the caption called right, then those called wrong, if any."""
    kind = KINDS[config.kind]
    if variant.name == OBJECTS.name:
        return _named(scene, int(rng.integers(len(scene.objects))), config, rng)
    if kind.asks == "colour":
        return _named(scene, 0, config, rng)
    (said, wording, exchanged), against = variant.tell(scene, kind.relations, rng)
    others = [word for word in kind.relations if word != said] if against else []
    told = [caption(scene, word, min(wording, len(WORDINGS[word]) - 1), swapped=exchanged) for word in (said, *others)]
    return told if against else [*told, caption(_recoloured(scene, config, rng), said, wording, swapped=exchanged)]


def _named(scene: Scene, asked: int, config: SceneConfig, rng: Random) -> list[str]:
    """One object by its name, and by names that are no object's: another's colour or shape, or any, before its own."""
    item, there = scene.objects[asked], {(other.colour, other.shape) for other in scene.objects}
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
