"""False captions are false: the geometry is the judge of every caption, read as a reader would."""

import re
from collections import Counter
from dataclasses import replace

import pytest
from scene_sets import ASKED, BEGINNING, CHOICES, choices_of, relations_of, scenes_of

from harness.errors import ConfigError
from harness.scenes import OPPOSITES, PRESETS, WORDINGS, scene_choices, truths

LEFT_OUT = {
    ("topology", "opposite"): {"inside"},
    ("topology", "negation"): {"inside"},
    ("topology", "swap"): {"touching", "apart from"},
}
NOUN = r"\ban? [a-z]+ [a-z]+"


def patterns():
    """Each wording as a pattern in which the objects' places are named."""
    for relation, ways in WORDINGS.items():
        for way in ways:
            named = re.sub(r"\{(\w)\}", lambda place: f"(?P<{place[1]}>{NOUN})", way).replace("{no}", "(?P<no>not )?")
            yield relation, re.compile(named)


PATTERNS = tuple(patterns())


def is_true(text, scene):
    """Is it so, in the scene's geometry, of the objects that the caption names where it names them?"""
    items = {f"{'an' if item.colour == 'orange' else 'a'} {item.colour} {item.shape}": item for item in scene.objects}
    if text in items:
        return True
    if re.fullmatch(NOUN, text):
        return False
    verdicts = set()
    for relation, pattern in PATTERNS:
        if said := pattern.fullmatch(text):
            named = said.groupdict()
            order = tuple(items[named[place]] for place in "abc" if place in named)
            assert len(set(order)) == len(scene.objects)
            verdicts.add((relation in truths(replace(scene, objects=order))) != bool(named["no"]))
    (verdict,) = verdicts
    return verdict


@pytest.mark.parametrize(("preset", "against"), CHOICES)
def test_the_gold_caption_is_true_and_no_other(preset, against):
    scenes = {scene.id: scene for scene in scenes_of(preset)}
    ways = min(len(WORDINGS[relation]) for relation in relations_of(preset)) if preset != "color" else 1
    for wording in range(ways):
        rows = scene_choices(BEGINNING[preset], against=against, wording=wording)
        assert len(rows) >= 80
        for row in rows:
            assert len(set(row.captions)) == len(row.captions) >= 2
            assert [is_true(text, scenes[row.id]) for text in row.captions] == [
                place == row.gold for place in range(len(row.captions))
            ]


@pytest.mark.parametrize(("preset", "against"), [each for each in CHOICES if each[0] != "color"])
def test_every_relation_with_such_a_false_caption_is_asked(preset, against):
    relations = set(relations_of(preset)) - LEFT_OUT.get((preset, against), set())
    assert Counter(row.label for row in choices_of(preset, against)) == dict.fromkeys(
        relations, PRESETS[preset].size // len(relations_of(preset))
    )


@pytest.mark.parametrize(
    ("preset", "against"),
    [
        (preset, against)
        for preset in ASKED
        for against in ("opposite", "swap", "negation")
        if against not in ASKED[preset]
    ],
)
def test_a_kind_without_such_false_captions_says_so(preset, against):
    kind = PRESETS[preset].kind
    with pytest.raises(ConfigError, match=rf"{kind} scenes has a false caption by '{against}'; use 'all'"):
        scene_choices(preset, against=against)


def test_unknown_distractors_and_wordings_are_named():
    with pytest.raises(ConfigError, match=r"unknown distractors 'swaps'; known: all, .*Did you mean swap\?"):
        scene_choices("spatial", against="swaps")
    with pytest.raises(ConfigError, match="wording 2 of 'on': there are 2"):
        scene_choices("tabletop", wording=2)
    with pytest.raises(ConfigError, match="wording 1: a colour is claimed in one way only"):
        scene_choices("color", wording=1)


@pytest.mark.parametrize("wording", [0, 1, 2])
def test_a_wording_is_that_of_every_caption(wording):
    phrase = {relation: WORDINGS[relation][wording] for relation in relations_of("spatial")}
    for row in scene_choices("spatial", "val", wording=wording):
        for option, text in zip(row.options, row.captions, strict=True):
            first, second = re.findall(NOUN, text)
            assert text == phrase[option].format(a=first, b=second, no="")


@pytest.mark.parametrize(("preset", "against"), CHOICES)
def test_options_name_what_captions_claim(preset, against):
    known = {"swap": {"as is", "swapped"}, "negation": {"claimed", "denied"}}
    for row in choices_of(preset, against):
        if against == "opposite":
            assert set(row.options) == {row.label, OPPOSITES[row.label]}
        elif against == "all":
            words = PRESETS[preset].colours if preset == "color" else relations_of(preset)
            assert sorted(row.options) == sorted(words)
            assert row.options[row.gold] == row.label
        else:
            assert set(row.options) == known[against]
