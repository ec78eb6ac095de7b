"""Wording: every relation said in several ways, each of them of one relation alone."""

from itertools import combinations

import pytest

from harness.errors import ConfigError
from harness.relations import AXES, SYMMETRIC, phrases
from harness.scenes import KINDS, OPPOSITES, WORDINGS, Scene, SceneObject, caption

OBJECTS = (
    SceneObject("circle", "red", 0.2, 0.2, 0.2),
    SceneObject("square", "orange", 0.5, 0.5, 0.2),
    SceneObject("star", "blue", 0.8, 0.8, 0.2),
)
SAID = {
    "left of": "a red circle to the left of an orange square",
    "right of": "a red circle to the right of an orange square",
    "above": "a red circle above an orange square",
    "below": "a red circle below an orange square",
    "on": "a red circle on an orange square",
    "under": "a red circle under an orange square",
    "in front of": "a red circle in front of an orange square",
    "behind": "a red circle behind an orange square",
    "on the left": "a red circle on the left",
    "on the right": "a red circle on the right",
    "at the top": "a red circle at the top",
    "at the bottom": "a red circle at the bottom",
    "inside": "a red circle inside an orange square",
    "touching": "a red circle touching an orange square",
    "apart from": "a red circle apart from an orange square",
    "near": "a red circle near an orange square",
    "far from": "a red circle far from an orange square",
    "first between": "a red circle between an orange square and a blue star",
    "second between": "an orange square between a red circle and a blue star",
    "third between": "a blue star between a red circle and an orange square",
}
ALONE = {relation for kind in KINDS.values() if kind.objects == 1 for relation in kind.relations}
OF_THREE = {relation for kind in KINDS.values() if kind.objects == 3 for relation in kind.relations}


def scene_for(relation):
    count = 1 if relation in ALONE else 3 if relation in OF_THREE else 2
    return Scene(id="s", objects=OBJECTS[:count], relation="", split="test")


def said(relation, **how):
    """All wordings of a relation."""
    return [caption(scene_for(relation), relation, way, **how) for way in range(len(WORDINGS[relation]))]


def test_the_first_wording_is_the_plain_one():
    assert {relation: said(relation)[0] for relation in WORDINGS} == SAID


def test_every_relation_that_is_asked_has_words_and_every_word_is_asked():
    assert {relation for kind in KINDS.values() for relation in kind.relations} == set(WORDINGS)


@pytest.mark.parametrize("relation", WORDINGS)
def test_a_relation_is_said_in_at_least_two_ways(relation):
    assert len(set(said(relation))) == len(said(relation)) >= 2


def test_no_two_relations_are_said_in_one_way():
    for one, other in combinations(WORDINGS, 2):
        if scene_for(one).objects == scene_for(other).objects:
            assert not set(said(one)) & set(said(other))
        assert not set(WORDINGS[one]) & set(WORDINGS[other])


@pytest.mark.parametrize("relation", WORDINGS)
def test_words_are_lower_case_letters(relation):
    for how in ({}, {"negated": True}):
        for text in said(relation, **how):
            assert all(word.isascii() and word.isalpha() and word.islower() for word in text.split(" "))


@pytest.mark.parametrize("relation", WORDINGS)
def test_a_denial_says_not_and_nothing_else(relation):
    for claim, denial in zip(said(relation), said(relation, negated=True), strict=True):
        assert denial.split().count("not") == 1
        assert claim.split() == [word for word in denial.split() if word != "not"]
        # of the relation, not of an object: "not" does not stand first, nor within "a red circle"
        before = denial.split()[: denial.split().index("not")]
        assert len(before) >= 3
        assert before[-1] in ("circle", "square", "star")


def test_not_stands_before_the_relation():
    assert caption(scene_for("on"), "on", negated=True) == "a red circle not on an orange square"
    assert caption(scene_for("behind"), "behind", 1, negated=True) == (
        "an orange square with a red circle not in the background"
    )


@pytest.mark.parametrize("relation", sorted(set(WORDINGS) - ALONE))
def test_a_swap_exchanges_the_first_two_objects(relation):
    for plain, swapped in zip(said(relation), said(relation, swapped=True), strict=True):
        for_now = plain.replace("a red circle", "X").replace("an orange square", "Y")
        assert swapped == for_now.replace("X", "an orange square").replace("Y", "a red circle")
        assert swapped != plain


@pytest.mark.parametrize("relation", sorted(ALONE))
def test_one_object_cannot_be_exchanged(relation):
    with pytest.raises(ConfigError, match=f"'{relation}' is said of one object: there is no other"):
        caption(scene_for(relation), relation, swapped=True)


@pytest.mark.parametrize("relation", WORDINGS)
@pytest.mark.parametrize("wording", [-1, 3])
def test_a_missing_wording_is_named_with_those_there_are(relation, wording):
    known = len(WORDINGS[relation])
    with pytest.raises(ConfigError, match=rf"wording {wording} of '{relation}': there are {known}, from 0: \('"):
        caption(scene_for(relation), relation, wording)


def test_an_unknown_relation_is_named():
    with pytest.raises(ConfigError, match="unknown relation 'beside'; known: left of, right of"):
        caption(scene_for("on"), "beside")


def test_phrases_leave_the_objects_out():
    assert phrases("left of") == ("to the left of", "left of", "on the left side of")
    assert phrases("behind") == ("behind", "with … in the background")
    assert phrases("at the top") == ("at the top", "in the upper part")
    assert phrases("second between") == ("between", "in the middle of")


def test_opposites_are_mutual_and_on_one_axis():
    for one, other in OPPOSITES.items():
        assert one != other
        assert OPPOSITES[other] == one
        assert AXES.get(one) == AXES.get(other)
        assert (one in SYMMETRIC) == (other in SYMMETRIC)


def test_every_relation_with_a_direction_has_an_axis():
    assert set(OPPOSITES) - SYMMETRIC <= set(AXES)
    assert not SYMMETRIC & set(AXES)
