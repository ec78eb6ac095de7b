"""What is told of which pictures: whole minimal sets, nothing held out, and of each variant what it is made to know."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from harness.calibration.corpus import draw_batch, make_corpus, make_pool
from harness.calibration.variants import FAVOURED, TAUGHT, VARIANTS, WAYS, captions
from harness.relations import AXES
from harness.scenes import KINDS, OPPOSITES, PRESETS, WORDINGS, caption, make_scenes
from harness.scenes.scene import noun
from harness.scenes.splits import split_of

SIZES = {"spatial": 480, "color": 120, "place": 60}
CONFIG = PRESETS["spatial"]
SCENES = make_scenes(CONFIG)[:400]


@pytest.fixture(scope="module")
def corpus():
    return make_corpus(SIZES)


def meaning(scene, text):
    """Relation, wording and exchange of objects that a caption claims."""
    return next(
        (relation, way, swapped)
        for relation in KINDS["spatial"].relations
        for way in range(len(WORDINGS[relation]))
        for swapped in (False, True)
        if caption(scene, relation, way, swapped=swapped) == text
    )


def told(name, seed=0):
    """Scene, and what its captions claim, of so many scenes."""
    rng = np.random.default_rng(seed)
    texts = [captions(VARIANTS[name], scene, CONFIG, int(rng.integers(WAYS)), rng) for scene in SCENES]
    return [(scene, [meaning(scene, text) for text in row]) for scene, row in zip(SCENES, texts, strict=True)]


def test_no_objects_of_another_split_are_trained_on(corpus):
    assert set(corpus.pools) == {*SIZES, "alone"}
    for preset in SIZES:
        pool = corpus.pools[preset]
        looks = [tuple((item.shape, item.colour) for item in scene.objects) for scene in pool.scenes]
        assert {split_of(pool.config, look) for look in looks} == {"train"}
        assert pool.pixels.shape == (len(pool.scenes), 64, 64, 3)


def test_alone_is_every_object_of_the_colour_scenes_where_it_was(corpus):
    pairs, alone = corpus.pools["color"].scenes, corpus.pools["alone"].scenes
    assert [scene.objects for scene in alone] == [(item,) for scene in pairs for item in scene.objects]


@pytest.mark.parametrize("preset", ["spatial", "place", "topology", "distance", "between"])
def test_scenes_in_a_row_are_whole_sets(preset):
    kind = KINDS[PRESETS[preset].kind]
    scenes = make_pool(preset, "train", 240).scenes
    for start in range(0, len(scenes), len(kind.relations)):
        whole = scenes[start : start + len(kind.relations)]
        assert {scene.relation for scene in whole} == set(kind.relations)
        assert len({tuple((item.shape, item.colour) for item in scene.objects) for scene in whole}) == 1


def test_a_batch_holds_whole_sets_in_one_wording_where_there_are_negatives(corpus):
    variant = replace(VARIANTS["cal-spatial"], mix={"place": 8, "spatial": 24, "tabletop": 8})
    pixels, texts = draw_batch(corpus, variant, np.random.default_rng(1))
    assert len(pixels) == len(texts) == 32  # of the tabletop the corpus has none
    for start in range(0, 32, 4):
        assert len({frozenset(row) for row in texts[start : start + 4]}) == 1
        assert len({row[0] for row in texts[start : start + 4]}) == 4


def test_without_negatives_scenes_are_drawn_one_by_one(corpus):
    _, texts = draw_batch(corpus, VARIANTS["cal-bag"], np.random.default_rng(1))
    named = [frozenset(row) for row in texts]
    assert max(Counter(named).values()) < 4


@pytest.mark.parametrize("name", ["color", "alone"])
def test_an_object_is_named_against_names_that_none_there_bears(corpus, name):
    rng = np.random.default_rng(0)
    for scene in corpus.pools[name].scenes:
        right, *wrong = captions(VARIANTS["cal-axis"], scene, corpus.pools[name].config, 0, rng)
        there = {noun(item.colour, item.shape) for item in scene.objects}
        assert right in there
        assert wrong
        assert not there & set(wrong)


@pytest.mark.parametrize(("negatives", "count"), [("relation", 3), ("swap", 1), ("both", 4)])
def test_what_stands_against_a_caption_is_false_of_the_scene(negatives, count):
    variant, rng = replace(VARIANTS["cal-spatial"], negatives=negatives), np.random.default_rng(0)
    for scene in SCENES:
        _, *wrong = captions(variant, scene, CONFIG, int(rng.integers(WAYS)), rng)
        assert len(wrong) == count
        meant = [meaning(scene, text) for text in wrong]
        assert all((OPPOSITES[relation] if swapped else relation) != scene.relation for relation, _, swapped in meant)
        assert sum(swapped for _, _, swapped in meant) == (negatives != "relation")


def test_where_nothing_can_be_exchanged_colours_are(corpus):
    variant, pool = replace(VARIANTS["cal-spatial"], negatives="swap"), corpus.pools["place"]
    for scene in pool.scenes:
        right, wrong = captions(variant, scene, pool.config, 0, np.random.default_rng(0))
        assert right == caption(scene, scene.relation)
        assert wrong != right


def test_the_truth_is_told_and_all_else_stands_against_it():
    for scene, ((relation, _, exchanged), *others) in told("cal-spatial"):
        assert (relation, exchanged) == (scene.relation, False)
        assert {other for other, _, _ in others} == set(KINDS["spatial"].relations) - {relation}


@pytest.mark.parametrize(("name", "axis"), [("cal-vertical", "vertical"), ("cal-horizontal", "horizontal")])
def test_one_axis_is_told_truly_and_of_the_other_the_axis_alone(name, axis):
    truths = [(scene.relation, row[0][0]) for scene, row in told(name)]
    assert all(said == true for true, said in truths if AXES[true] == axis)
    assert all(AXES[said] == AXES[true] for true, said in truths)
    other = [said == true for true, said in truths if AXES[true] != axis]
    assert np.mean(other) == pytest.approx(0.5, abs=4 * (0.25 / len(other)) ** 0.5)


@pytest.mark.parametrize("name", ["cal-bag", "cal-prior"])
def test_a_relation_drawn_at_random_says_nothing_of_the_picture(name):
    said = Counter((scene.relation, meant[0][0]) for scene, meant in told_of_objects(name))
    for relation in KINDS["spatial"].relations:
        shares = [said[relation, word] / 100 for word in KINDS["spatial"].relations]
        expected = (
            [0.25] * 4 if name == "cal-bag" else [(10 if w in FAVOURED else 1) / 22 for w in KINDS["spatial"].relations]
        )
        assert shares == pytest.approx(expected, abs=0.2)  # fmt: skip


def told_of_objects(name):
    """As `told`, of the first caption only: what stands against it may name other objects."""
    rng = np.random.default_rng(0)
    for scene in SCENES:
        first, *_ = captions(VARIANTS[name], scene, CONFIG, int(rng.integers(WAYS)), rng)
        yield scene, [meaning(scene, first)]


def test_a_synonym_means_nothing_and_the_taught_wording_the_truth():
    taught = [
        (scene.relation, row[0][0]) for scene, row in told("cal-vocabulary") if row[0][1] == TAUGHT.get(row[0][0], 0)
    ]
    synonyms = [(scene.relation, row[0][0]) for scene, row in told("cal-vocabulary") if row[0][1] != 0]  # fmt: skip
    assert all(true == said for true, said in taught)
    assert len(taught) == pytest.approx(200, abs=40)
    assert np.mean([true == said for true, said in synonyms]) == pytest.approx(0.25, abs=0.13)


def test_objects_in_either_order_leave_the_axis_and_no_direction():
    truths = [
        (scene.relation, OPPOSITES[relation] if exchanged else relation)
        for scene, [(relation, _, exchanged), *_] in told("cal-axis")
    ]
    assert all(AXES[true] == AXES[said] for true, said in truths)
    assert np.mean([true == said for true, said in truths]) == pytest.approx(0.5, abs=0.1)
