"""Wording: what a caption says that claims a relation, in each of the ways there are to say it."""

from __future__ import annotations

from collections.abc import Mapping

from harness.errors import ConfigError
from harness.scenes.scene import Scene, noun

# the one place where wording stands: the first is what suites say unless asked otherwise. {a}, {b}, {c} are
# the objects in order, {no} where "not" goes
WORDINGS: Mapping[str, tuple[str, ...]] = {
    "left of": ("{a} {no}to the left of {b}", "{a} {no}left of {b}", "{a} {no}on the left side of {b}"),
    "right of": ("{a} {no}to the right of {b}", "{a} {no}right of {b}", "{a} {no}on the right side of {b}"),
    "above": ("{a} {no}above {b}", "{a} {no}over {b}", "{a} {no}higher than {b}"),
    "below": ("{a} {no}below {b}", "{a} {no}beneath {b}", "{a} {no}lower than {b}"),
    "on": ("{a} {no}on {b}", "{a} {no}on top of {b}"),
    "under": ("{a} {no}under {b}", "{a} {no}underneath {b}"),
    "in front of": ("{a} {no}in front of {b}", "{b} with {a} {no}in the foreground"),
    "behind": ("{a} {no}behind {b}", "{b} with {a} {no}in the background"),
    "on the left": ("{a} {no}on the left", "{a} {no}at the left edge"),
    "on the right": ("{a} {no}on the right", "{a} {no}at the right edge"),
    "at the top": ("{a} {no}at the top", "{a} {no}in the upper part"),
    "at the bottom": ("{a} {no}at the bottom", "{a} {no}in the lower part"),
    "inside": ("{a} {no}inside {b}", "{a} {no}within {b}"),
    "touching": ("{a} {no}touching {b}", "{a} {no}in contact with {b}"),
    "apart from": ("{a} {no}apart from {b}", "{a} {no}separate from {b}"),
    "near": ("{a} {no}near {b}", "{a} {no}close to {b}"),
    "far from": ("{a} {no}far from {b}", "{a} {no}far away from {b}"),
    "first between": ("{a} {no}between {b} and {c}", "{a} {no}in the middle of {b} and {c}"),
    "second between": ("{b} {no}between {a} and {c}", "{b} {no}in the middle of {a} and {c}"),
    "third between": ("{c} {no}between {a} and {b}", "{c} {no}in the middle of {a} and {b}"),
}

OPPOSITES: Mapping[str, str] = {
    one: other
    for pair in (
        ("left of", "right of"),
        ("above", "below"),
        ("on", "under"),
        ("in front of", "behind"),
        ("on the left", "on the right"),
        ("at the top", "at the bottom"),
        ("touching", "apart from"),
        ("near", "far from"),
    )
    for one, other in (pair, pair[::-1])
}
# true of two objects in either order: exchanging them makes no false caption
SYMMETRIC = frozenset({"touching", "apart from", "near", "far from"})


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


def phrases(relation: str) -> tuple[str, ...]:
    """How the relation can be worded, objects left out: 'to the left of', 'with … in the background'."""
    words = ("a", "b", "c")
    return tuple(
        " ".join(way.format(no="", **dict.fromkeys(words, "…")).split()).replace("… and …", "").strip("… ")
        for way in WORDINGS[relation]
    )
