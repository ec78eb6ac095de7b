from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from harness.calibration import sweep, train  # noqa: E402
from harness.calibration.model import new_model, new_tokenizer  # noqa: E402
from harness.calibration.sweep import POINTS, Point, ask, is_current, measured, plan, recipe_key, study  # noqa: E402
from harness.calibration.train import Recipe  # noqa: E402
from harness.calibration.variants import WAYS, captions  # noqa: E402
from harness.errors import DataError  # noqa: E402
from harness.results import Findings, Result  # noqa: E402
from harness.runs import merge, read_run  # noqa: E402
from harness.scenes import KINDS, PRESETS, WORDINGS, caption, make_scenes, scene_choices  # noqa: E402
from harness.shards import Cell, Shard, write_plan  # noqa: E402

CONFIG = replace(PRESETS["spatial"], size=2000)
RELATIONS = KINDS["spatial"].relations
RECIPE = Recipe(steps=sweep.STEPS)


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def told(point: Point) -> list[list[str]]:
    rng = np.random.default_rng(0)
    return [captions(point.variant, scene, CONFIG, int(rng.integers(WAYS)), rng) for scene in make_scenes(CONFIG)]


def true_share(point: Point) -> float:
    """How many of the captions called right state the true relation, by any wording."""
    right = [
        texts[0] in {caption(scene, scene.relation, way) for way in range(len(WORDINGS[scene.relation]))}
        for texts, scene in zip(told(point), make_scenes(CONFIG), strict=True)
    ]
    return sum(right) / len(right)


def test_the_points_are_every_share_with_and_without_swapped_captions():
    assert Counter((point.truthful, point.negatives) for point in POINTS) == {
        (share, on): 1 for share in (0, 0.25, 0.5, 0.75, 1) for on in (True, False)
    }
    assert len({point.model for point in POINTS}) == len({point.variant.name for point in POINTS}) == 10


@pytest.mark.parametrize("point", POINTS, ids=lambda point: point.model)
def test_so_many_captions_are_true_and_of_the_rest_one_in_four_by_luck(point: Point):
    expected = point.truthful + (1 - point.truthful) / 4
    spread = 4 * (expected * (1 - expected) / CONFIG.size) ** 0.5
    assert true_share(point) == pytest.approx(expected, abs=spread + 1e-9)


@pytest.mark.parametrize("share", sweep.FRACTIONS)
def test_with_and_without_differ_in_what_stands_against_the_same_caption(share: float):
    """Beside one scene, from one seed: three other relations, or the same one of other objects."""
    scene = make_scenes(CONFIG)[0]
    for seed in range(20):
        with_, without = (
            captions(Point(share, on).variant, scene, CONFIG, seed % WAYS, np.random.default_rng(seed))
            for on in (True, False)
        )
        assert with_[0] == without[0]
        assert (len(with_), len(without) > 1) == (4, True)
        every = {relation: {caption(scene, relation, way) for way in range(3)} for relation in RELATIONS}
        said = [relation for text in with_ for relation in RELATIONS if text in every[relation]]
        assert sorted(said) == sorted(RELATIONS)
        assert not set(without[1:]) & set().union(*every.values())


def test_all_wordings_are_told():
    texts = {texts[0] for texts in told(Point(1.0, True))}
    for relation in RELATIONS:
        for way in range(len(WORDINGS[relation])):
            assert any(caption(scene, relation, way) in texts for scene in make_scenes(CONFIG))


def test_a_model_is_asked_both_questions_of_unseen_pictures():
    torch.manual_seed(0)
    model = new_model()
    found = ask(model, new_tokenizer())
    assert model.training
    whole = {suite: findings.results[0] for suite, findings in found.items()}
    four, pairs = (whole[suite] for suite in sweep.ASKED)
    assert (four.slice, four.metric, four.chance, pairs.chance) == ("all", "accuracy", 0.25, 0.5)
    assert four.n == pairs.n == len(scene_choices("spatial", "test"))
    for result in (four, pairs):
        assert result.value is not None
        assert None not in (result.low, result.high)
        assert result.low <= result.value <= result.high
        assert result.value == pytest.approx(result.chance, abs=0.15)


def test_the_key_changes_with_all_that_decides_what_is_learnt(monkeypatch):
    keys = [recipe_key(RECIPE), recipe_key(replace(RECIPE, seed=1)), recipe_key(replace(RECIPE, steps=999))]
    for module, name, value in (
        (train, "VERSION", -1),
        (sweep, "SCENES", {"spatial": 12, "color": 12}),
        (sweep, "MIX", dict.fromkeys(sweep.MIX, 1)),
        (sweep, "POINTS", POINTS[:3]),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(module, name, value)
            keys.append(recipe_key(RECIPE))
    assert len(set(keys)) == len(keys)
    assert recipe_key(RECIPE) == keys[0]
    assert is_current(plan(RECIPE))
    assert not is_current(plan(replace(RECIPE, seed=1)))


def test_a_study_is_what_its_run_folder_holds(tmp_path: Path):
    suite = next(iter(sweep.ASKED))
    known = Result(metric="accuracy", value=0.75, low=0.7, high=0.8, n=60, chance=0.25)
    results = (known, replace(known, slice="relation=above"), replace(known, metric="set_accuracy"))
    bare = replace(known, value=0.5, low=None, high=None)
    for point, found in ((POINTS[0], results), (POINTS[5], (bare,))):
        cell = Cell(
            suite=suite, model=point.model, status="passed", findings=Findings(found, ()), stats={"seconds": 9.0}
        )
        Shard(tmp_path, "w").append(cell)
    Shard(tmp_path, "w").append(Cell(suite="other", model=POINTS[0].model, status="passed", stats={"seconds": 99.0}))
    write_plan(tmp_path, {"sweep": plan(RECIPE)}, [])
    merge(tmp_path)
    found = study(read_run(tmp_path))
    assert found == json.loads(json.dumps(found, allow_nan=False))
    assert (found["seconds"], found["key"], found["recipe"]["steps"]) == (18.0, recipe_key(RECIPE), sweep.STEPS)
    first = {"model": "truthful-0.00+negatives", "truthful": 0.0, "negatives": True, "suite": suite}
    assert found["points"][1] == {**first, "value": 0.75, "low": 0.7, "high": 0.8, "n": 60, "chance": 0.25}
    assert (found["points"][0]["negatives"], found["points"][0]["low"]) == (False, None)
    assert len(found["points"]) == 2


def test_the_packaged_study_is_read_and_a_damaged_one_is_an_error(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(sweep.resources, "files", lambda package: tmp_path)
    assert measured() is None
    (tmp_path / "sweep.json").write_text('{"points": []}')
    assert measured() == {"points": []}
    (tmp_path / "sweep.json").write_text("{")
    with pytest.raises(DataError, match=r"sweep\.json of the package is damaged"):
        measured()


def test_a_study_that_comes_with_the_package_is_whole():
    facts = measured()
    if facts is None:
        pytest.skip("no study has been measured yet")
    assert is_current(facts)
    assert {(p["suite"], p["truthful"], p["negatives"]) for p in facts["points"]} == {
        (suite, point.truthful, point.negatives) for suite in sweep.ASKED for point in POINTS
    }
