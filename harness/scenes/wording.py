"""Wording: what a caption says that claims a relation, in each of the ways there are to say it."""

from __future__ import annotations

from harness.errors import ConfigError
from harness.relations import WORDINGS, phrases
from harness.scenes.scene import Scene, noun


def caption(scene: Scene, relation: str, wording: int = 0, *, swapped: bool = False, negated: bool = False) -> str:
    """The caption that claims this relation, true or not, of the scene's objects in their order.

    `wording` indexes WORDINGS[relation]; `swapped` exchanges the first two objects, `negated` denies
    the claim. Raises ConfigError where there is no such relation or wording, or nothing to exchange.
    """
    if relation not in WORDINGS:
        raise ConfigError(f"unknown relation {relation!r}; known: {', '.join(WORDINGS)}")
    ways = WORDINGS[relation]
    if not 0 <= wording < len(ways):
        raise ConfigError(f"wording {wording} of {relation!r}: there are {len(ways)}, from 0: {phrases(relation)}")
    nouns = [noun(item.colour, item.shape) for item in scene.objects]
    if swapped:
        if len(nouns) < 2:
            raise ConfigError(f"{relation!r} is said of one object: there is no other to exchange it with")
        nouns[:2] = nouns[1::-1]
    return ways[wording].format(no="not " if negated else "", **dict(zip("abc", nouns, strict=False)))
