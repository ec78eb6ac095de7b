"""Words alone earn chance: scorers with a known answer, and rows that count together only if complete."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from scene_sets import ASKED, BEGINNING, CHOICES, RELATION_PRESETS, choices_of, grouped, held_out, relations_of

from harness import caption_choice
from harness.rows import Scores, digest
from harness.scenes import OPPOSITES, SceneConfig, scene_choices

PAIRED = [(preset, against) for preset, against in CHOICES if preset in RELATION_PRESETS and against != "swap"]


# --- what a model that does not look earns ------------------------------------------------------


def accuracy(rows, score):
    """Accuracy over all rows of a scorer of (row, option number)."""
    values = np.array([[score(row, place) for place in range(len(row.captions))] for row in rows], np.float32)
    found = caption_choice(Scores(tuple(rows), values, tuple(row.group for row in rows)))
    return next(result for result in found.results if (result.metric, result.slice) == ("accuracy", "all"))


@pytest.mark.parametrize(("preset", "against"), CHOICES)
def test_a_constant_scorer_earns_chance_and_an_oracle_all(preset, against):
    rows = held_out(preset, against)
    constant = accuracy(rows, lambda row, place: 0.5)
    assert constant.value == constant.chance == pytest.approx(1 / len(rows[0].captions))
    assert accuracy(rows, lambda row, place: place == row.gold).value == 1


@pytest.mark.parametrize(("preset", "against"), CHOICES)
def test_every_position_earns_chance(preset, against):
    rows = choices_of(preset, against)
    options = len(rows[0].captions)
    deviation = (len(rows) / options * (1 - 1 / options)) ** 0.5
    golds = Counter(row.gold for row in rows)
    assert all(abs(golds[place] - len(rows) / options) < 4 * deviation for place in range(options))
    some = held_out(preset, against)
    assert accuracy(some, lambda row, place: place == 0).value == pytest.approx(
        sum(row.gold == 0 for row in some) / len(some)
    )


@pytest.mark.parametrize(("preset", "against"), PAIRED)
def test_a_taste_in_captions_earns_exactly_chance(preset, against):
    """The captions of a set are the same with each of its pictures, and each is right once."""
    rows = held_out(preset, against)
    tasted = accuracy(rows, lambda row, place: int(digest(row.captions[place])[:6], 16))
    assert tasted.value == tasted.chance


@pytest.mark.parametrize("preset", ["spatial", "tabletop", "tabletop-depth"])
def test_a_taste_in_orders_earns_exactly_chance_and_no_pair(preset):
    rows = held_out(preset, "swap")
    assert accuracy(rows, lambda row, place: int(digest(row.captions[place])[:6], 16)).value == 0.5
    for pair in grouped(rows, lambda row: row.pair).values():
        assert len({frozenset(row.captions) for row in pair}) == 1
        assert len({row.captions[row.gold] for row in pair}) == len(pair) == 2


@pytest.mark.parametrize("preset", [preset for preset, ways in ASKED.items() if "negation" in ways])
def test_yes_to_everything_earns_half_and_so_does_no(preset):
    rows = held_out(preset, "negation")
    assert accuracy(rows, lambda row, place: " not " in row.captions[place]).value == 0.5
    assert accuracy(rows, lambda row, place: " not " not in row.captions[place]).value == 0.5


# --- pairs and sets -----------------------------------------------------------------------------


@pytest.mark.parametrize("preset", RELATION_PRESETS)
@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_sets_are_complete_within_a_split(preset, split):
    rows = scene_choices(BEGINNING[preset], split)
    sets = grouped(rows, lambda row: row.set)
    assert "" not in sets
    for members in sets.values():
        assert tuple(row.label for row in members) == relations_of(preset)
        assert len({row.group for row in members}) == 1
        assert len({frozenset(row.captions) for row in members}) == 1


@pytest.mark.parametrize(("preset", "against"), [each for each in CHOICES if each[0] != "color"])
def test_pairs_are_two_opposites_of_one_set(preset, against):
    pairs = grouped(held_out(preset, against), lambda row: row.pair)
    unpaired = {row.label for row in pairs.pop("", [])}
    assert not unpaired & set(OPPOSITES)
    assert bool(pairs) == (preset != "between" and (preset, against) != ("topology", "swap"))
    for one, other in pairs.values():
        assert one.label == OPPOSITES[other.label]
        assert one.set == other.set != ""


@pytest.mark.parametrize("preset", RELATION_PRESETS)
def test_a_scene_keeps_its_pair_and_set_whatever_is_asked_of_it(preset):
    whole = {row.id: (row.pair, row.set, row.group, row.label) for row in choices_of(preset)}
    for against in ASKED[preset]:
        for row in scene_choices(BEGINNING[preset], against=against, wording=1):
            assert (row.pair, row.set, row.group, row.label) == whole[row.id]


def test_two_configs_share_no_set():
    config = SceneConfig(name="mine", size=40)
    names = [{row.set for row in scene_choices(each)} for each in (config, replace(config, name="yours"))]
    assert not names[0] & names[1]
    assert len(names[0]) == 10


def test_colours_are_asked_one_picture_at_a_time():
    assert {(row.pair, row.set) for row in choices_of("color")} == {("", "")}
