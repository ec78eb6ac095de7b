"""Splits: what is tested was never trained on, in whatever kind of scene."""

from collections import Counter
from dataclasses import replace
from itertools import chain, combinations

import pytest
from scene_sets import FLAT_PRESETS, TABLE_PRESETS, grouped, looks, scenes_of

from harness.scenes import COLOURS, PRESETS, SPLITS, make_scenes, scene_rows, split_ids

FAMILIES = {"flat": FLAT_PRESETS, "tables": TABLE_PRESETS}


def pairs(scene):
    """Every two objects of a scene, without their order."""
    return [frozenset(pair) for pair in combinations(looks(scene), 2)]


def pairs_in(scenes, split):
    return set(chain.from_iterable(pairs(scene) for scene in scenes if scene.split == split))


def made(presets, seed=0):
    if seed == 0:
        return [scene for preset in presets for scene in scenes_of(preset)]
    return [scene for preset in presets for scene in make_scenes(replace(PRESETS[preset], seed=seed))]


@pytest.mark.parametrize("presets", FAMILIES.values(), ids=FAMILIES)
@pytest.mark.parametrize("seed", [0, 5])
def test_no_pair_held_out_is_shown_in_training_in_any_kind(presets, seed):
    """Not even as two of three objects."""
    scenes = made(presets, seed)
    of_two = [scene for scene in scenes if len(scene.objects) == 2]
    trained, judged = pairs_in(scenes, "train"), pairs_in(scenes, "train") | pairs_in(scenes, "val")
    assert len(trained) > 100
    assert not pairs_in(of_two, "test") & judged
    assert not pairs_in(of_two, "val") & trained


def test_every_tested_three_hold_a_pair_that_is_never_trained_on():
    trained = pairs_in(made(FLAT_PRESETS), "train")
    three = scenes_of("between")
    assert all(set(pairs(scene)) - trained for scene in three if scene.split != "train")
    # and the split is that of the pair furthest from training
    of_two = [scene for scene in made(FLAT_PRESETS) if len(scene.objects) == 2]
    split_of_pair = {pair: scene.split for scene in of_two for pair in pairs(scene)}
    known = [scene for scene in three if set(pairs(scene)) <= set(split_of_pair)]
    assert len(known) > 30
    for scene in known:
        assert scene.split == max((split_of_pair[pair] for pair in pairs(scene)), key=SPLITS.index)


@pytest.mark.parametrize("preset", PRESETS)
def test_objects_stand_in_one_split_in_whichever_order(preset):
    by_objects = grouped(scenes_of(preset), lambda scene: frozenset(looks(scene)))
    assert all(len({scene.split for scene in same}) == 1 for same in by_objects.values())


@pytest.mark.parametrize(
    ("preset", "shares"),
    [
        *((preset, (0.7, 0.1, 0.2)) for preset in PRESETS if preset != "between"),
        ("between", (0.7**3, 0.8**3 - 0.7**3, 1 - 0.8**3)),  # all of three pairs are trained on; none is tested
    ],
)
@pytest.mark.parametrize("seed", [0, 1])
def test_splits_have_their_shares(preset, shares, seed):
    counts = Counter(scene.split for scene in made((preset,), seed))
    for split, share in zip(SPLITS, shares, strict=True):
        assert counts[split] / PRESETS[preset].size == pytest.approx(share, abs=0.06)


@pytest.mark.parametrize("presets", FAMILIES.values(), ids=FAMILIES)
def test_a_pair_keeps_its_split_whatever_a_config_leaves_out(presets):
    whole = {frozenset(looks(scene)): scene.split for scene in made(presets)}
    met = 0
    for preset in presets:
        config = PRESETS[preset]
        fewer = replace(config, shapes=config.shapes[-2:], colours=tuple(COLOURS)[5:1:-1])
        larger = replace(config, size=2 * config.size)
        for scene in (*make_scenes(fewer), *make_scenes(larger)):
            if (objects := frozenset(looks(scene))) in whole:
                met += 1
                assert scene.split == whole[objects]
    assert met > 2000


@pytest.mark.parametrize("preset", PRESETS)
def test_a_longer_run_begins_with_the_shorter(preset):
    longer = make_scenes(replace(PRESETS[preset], size=PRESETS[preset].size + 12))
    assert tuple(longer[: PRESETS[preset].size]) == scenes_of(preset)


def test_another_seed_holds_out_other_pairs():
    one, other = ({pairs(scene)[0]: scene.split for scene in made(("spatial",), seed)} for seed in (0, 5))
    both = set(one) & set(other)
    assert len(both) > 100
    # by chance 0.7 * 0.7 + 0.1 * 0.1 + 0.2 * 0.2 of them stand in one split with both
    assert sum(one[pair] == other[pair] for pair in both) / len(both) == pytest.approx(0.54, abs=0.12)


@pytest.mark.parametrize("preset", PRESETS)
def test_splits_hold_every_scene_once_and_stay_balanced(preset):
    ids = split_ids(scenes_of(preset))
    assert tuple(ids) == SPLITS
    assert sorted(chain(*ids.values())) == [scene.id for scene in scenes_of(preset)]
    assert all(ids[scene.split].count(scene.id) == 1 for scene in scenes_of(preset)[::7])
    if preset != "color":  # whose sets of four are of different objects
        for split in SPLITS:
            assert len(set(Counter(row.label for row in scene_rows(preset, split)).values())) == 1
