"""Layer curves: the layer that holds the label is found, and no layer is where none does."""

import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score

from harness.errors import DataError, ScoreError
from harness.measure.layer_probe import layer_probe
from harness.measure.layer_task import task_of
from harness.measure.readout import Probe, saved_probe
from harness.rows import Row
from harness.shards import Cell, Shard
from tests.measure.layer_samples import LABELS, layers_of, rows_of, states


@pytest.fixture(scope="module")
def planted():
    rows = rows_of()
    return layers_of(rows, states(rows, 0, 1, 6, 0), pooling="mean", fingerprint="abc")


@pytest.fixture(scope="module")
def found(planted):
    return layer_probe(planted)


def by_slice(findings, metric="accuracy"):
    return {result.slice: result for result in findings.results if result.metric == metric}


def test_the_layer_that_holds_the_label_is_found(found):
    accuracy, p = by_slice(found), by_slice(found, "p_max_t")
    assert accuracy["all"].value > 0.95
    assert accuracy["all"].value == accuracy["layer=2"].value
    assert accuracy["layer=0"].low <= 0.25 <= accuracy["layer=0"].high
    assert 0.3 < accuracy["layer=1"].value < accuracy["layer=2"].value
    assert (
        accuracy["all"].note
        == "layer 2 of 0 to 3, chosen on validation rows; mean pooling; p = 0.000999 by max-T over layers"
    )
    assert p["layer=2"].value == pytest.approx(1 / 1001)
    assert p["layer=0"].value > 0.05
    assert found.about["layer"] == 2


def test_every_number_stands_with_its_chance_floor_and_rows(found, planted):
    accuracy, task = by_slice(found), task_of(planted)
    assert set(accuracy) == {
        "all", "group=horizontal", "group=vertical", *(f"relation={label}" for label in LABELS),
        *(f"layer={i}" for i in range(4)),
    }  # fmt: skip
    assert (accuracy["all"].n, accuracy["all"].chance, accuracy["all"].floor) == (len(task.test), 0.25, 0.25)
    assert accuracy["group=vertical"].n == accuracy["relation=above"].n + accuracy["relation=below"].n
    assert all(r.low <= r.value <= r.high for r in accuracy.values())
    selectivity = by_slice(found, "selectivity")
    assert selectivity["layer=2"].low > 0.4
    assert abs(selectivity["layer=0"].value) < 0.25


@pytest.mark.parametrize("metric", ["control_accuracy", "selectivity"])
def test_what_the_best_layer_learns_by_heart_stands_under_all(found, metric):
    results = by_slice(found, metric)
    assert results["all"] == replace(results["layer=2"], slice="all")
    assert results["all"].low < results["all"].value < results["all"].high


def test_decisions_are_scikit_learns_on_standardised_training_rows(found, planted):
    task, c = task_of(planted), found.about["c"][2]
    x, gold = task.read(2).astype(float), task.gold
    z = (x - x[task.train].mean(axis=0)) / x[task.train].std(axis=0) / np.sqrt(x.shape[1])
    lines = {outcome.row: outcome for outcome in found.outcomes}
    decisions = np.array([lines[task.rows[i].id].scores for i in task.test])
    for label in range(4):
        model = LogisticRegression(C=c, tol=1e-9, max_iter=10_000).fit(z[task.train], gold[task.train] == label)
        assert decisions[:, label] == pytest.approx(model.decision_function(z[task.test]), abs=5e-2)
    assert by_slice(found)["all"].value == pytest.approx((decisions.argmax(axis=1) == gold[task.test]).mean())
    f1 = [f1_score(gold[task.test] == k, decisions[:, k] > 0, average="macro") for k in range(4)]
    assert by_slice(found, "macro_f1")["layer=2"].value == pytest.approx(np.mean(f1))


def test_noise_in_every_layer_is_at_chance_and_has_no_small_p():
    rows = rows_of()
    noise = layer_probe(layers_of(rows, states(rows, 0, 0, 0, seed=4)), count=99)
    whole = by_slice(noise)["all"]
    assert whole.low <= 0.25 <= whole.high
    assert min(r.value for r in by_slice(noise, "p_max_t").values()) > 0.05


def test_a_layer_that_is_the_same_for_all_rows_is_at_chance():
    rows = rows_of()
    tiny = np.random.default_rng(0).normal(0, 1e-4, (240, 8))  # what a float16 makes of one number
    blind = layer_probe(layers_of(rows, [np.ones((240, 8)), np.ones((240, 8)) + tiny]), count=19)
    assert {r.value for r in by_slice(blind).values() if r.slice.startswith("layer=")} == {0.25}
    assert by_slice(blind, "p_max_t")["layer=0"].value == 1.0
    assert "the probe says one class alone: " in by_slice(blind)["all"].note


@settings(max_examples=3, deadline=None)
@given(st.randoms())
def test_the_order_of_rows_changes_nothing(planted, chance):
    order = chance.sample(range(240), 240)
    arrays = [planted.read(i)[order] for i in range(3)]
    mixed = layers_of([planted.rows[i] for i in order], arrays)
    one = layer_probe(layers_of(planted.rows, [planted.read(i) for i in range(3)]), count=19)
    other = layer_probe(mixed, count=19)
    assert one.results == other.results
    assert one.outcomes == other.outcomes
    assert one.about == other.about


def test_more_columns_than_rows_are_probed_alike():
    """The Gram matrix's axes: the same rows in a wider space, where they are rotated and stretched by nothing."""
    rows = rows_of(sets=50)
    [narrow] = states(rows, 3, width=90)
    wide = np.hstack([narrow, narrow, narrow])
    one, other = (layer_probe(layers_of(rows, [x]), count=19) for x in (narrow, wide))
    assert by_slice(one)["all"].value == by_slice(other)["all"].value
    scores = [np.array([o.scores for o in found.outcomes]) for found in (one, other)]
    assert scores[0] == pytest.approx(scores[1], abs=1e-2)


def test_a_saved_probe_decides_as_it_did(found, planted, tmp_path):
    Shard(tmp_path, "main").append(Cell(suite="scene-layers", model="m", status="passed", findings=found))
    task = task_of(planted)
    probe = saved_probe(tmp_path, "scene-layers", "m")
    assert (probe.about["layer"], probe.about["pooling"], probe.about["model"]) == (2, "mean", "abc")
    lines = {outcome.row: outcome for outcome in found.outcomes}
    wanted = [lines[task.rows[i].id] for i in task.test]
    assert probe.decide(task.read(2)[task.test]) == pytest.approx(np.array([o.scores for o in wanted]), abs=1e-4)
    assert probe.says(task.read(2)[task.test]) == [o.predicted for o in wanted]
    other = saved_probe(str(tmp_path), "scene-layers", "m", layer=1)
    assert other.decide(task.read(1)[task.test]) == pytest.approx(
        read(tmp_path)["decisions"][1], abs=1e-4
    )  # fmt: skip
    assert probe.about["rows"]["test"] == [task.rows[i].id for i in task.test]


def read(run):
    from harness.shards import read_arrays

    return read_arrays(run, "scene-layers", "m")[0]


def test_a_probe_that_is_not_there_or_reads_other_vectors_is_an_error(found, tmp_path):
    from harness.errors import RunError

    Shard(tmp_path, "main").append(Cell(suite="s", model="m", status="passed", findings=found))
    with pytest.raises(RunError, match=r"suite s for m in .* has probes of layers 0 to 3, none of layer 9"):
        saved_probe(tmp_path, "s", "m", layer=9)
    with pytest.raises(RunError, match="run suite t for m again"):
        saved_probe(tmp_path, "t", "m")
    with pytest.raises(ScoreError, match="the probe reads vectors of 8 numbers"):
        saved_probe(tmp_path, "s", "m").decide(np.ones((2, 5)))


def test_a_direction_has_unit_length_and_raises_its_label_most():
    probe = Probe(np.array([[3.0, 0.0], [4.0, 0.0]]), np.zeros(2), ("a", "b"), 1.0)
    assert probe.direction("a") == pytest.approx([0.6, 0.8])
    with pytest.raises(ScoreError, match="the probe of 'b' has no direction"):
        probe.direction("b")


def test_a_layer_that_tells_groups_apart_learns_the_control_task_and_is_not_selective():
    """Each group has a column of its own, and the label another: both can be read, one of them by heart."""
    rows = rows_of()
    own = np.eye(60)[np.repeat(np.arange(60), 4)]
    [label] = states(rows, 6)
    result = layer_probe(layers_of(rows, [label, np.hstack([label, 30 * own]), 30 * own]), count=19)
    control, selectivity = by_slice(result, "control_accuracy"), by_slice(result, "selectivity")
    assert control["layer=0"].low <= 0.25 <= control["layer=0"].high
    assert control["layer=1"].value > 0.9
    assert selectivity["layer=0"].low > 0.4
    assert selectivity["layer=1"].low < 0.1
    assert selectivity["layer=2"].high < -0.1
    for i in range(3):
        accuracy = by_slice(result)[f"layer={i}"].value
        assert selectivity[f"layer={i}"].value == pytest.approx(accuracy - control[f"layer={i}"].value)


def test_rows_that_are_groups_of_their_own_have_no_control_task():
    rows = rows_of()
    alone = layer_probe(layers_of(rows, states(rows, 6), groups=[row.id for row in rows]), count=19)
    assert not by_slice(alone, "selectivity")
    assert "no control task: every row is a group of its own" in by_slice(alone)["all"].note


def test_rare_labels_are_left_out_and_lost_pictures_counted():
    rows = rows_of()
    rare = [Row(id=f"rare{i}", label="rare", group=f"r{i}", text="x") for i in range(9)]
    lost = ((Row(id="lost", label="above", text="x"), "gone"),)
    whole = layer_probe(layers_of([*rows, *rare], states([*rows, *rare], 5), failed=lost), count=19)
    note = by_slice(whole)["all"].note
    assert "9 rows of rare labels left out; 1 of 250 pictures failed, the first: gone" in note
    assert [o.correct for o in whole.outcomes if o.row == "lost"] == [None]


def test_too_few_rows_and_what_is_no_number_are_errors():
    rows = rows_of(sets=9)
    with pytest.raises(DataError, match="0 labels have 50 of 36 rows, a probe needs two"):
        layer_probe(layers_of(rows, states(rows, 1)))
    rows = rows_of()
    [broken] = states(rows, 1)
    broken[7, 3] = np.nan
    with pytest.raises(ScoreError, match="NaN or Inf"):
        layer_probe(layers_of(rows, [broken]))


# --- baselines ------------------------------------------------------------------------------------


def test_random_weights_have_a_best_layer_of_their_own_on_the_same_rows():
    """Where the model's third layer holds the label, that of the others' is the second, and in it little of it."""
    rows = rows_of()
    layers, others = layers_of(rows, states(rows, 0, 0, 6)), states(rows, 0, 1.5, 0, seed=3)
    twin = layers_of(rows[::-1], [x[::-1] for x in others])
    found, alone = by_slice(layer_probe(layers, untrained=twin, count=19)), layer_probe(twin, count=19)
    beside, gap = found["baseline=random weights"], found["all"].value - by_slice(alone)["all"].value
    assert alone.about["layer"] == 1
    assert "random weights" not in found["all"].note
    assert replace(beside, note="") == replace(by_slice(alone)["all"], slice=beside.slice, floor=None, note="")
    assert re.fullmatch(
        rf"the probe lies above: \+{gap:.3f} \[\+0\.\d+, \+0\.\d+\]; layer 1, chosen on validation rows", beside.note
    )


def test_the_same_layers_do_not_lie_above_themselves(planted):
    told = by_slice(layer_probe(planted, untrained=planted, count=19))
    assert told["all"].note.endswith("; does not beat random weights")
    beside = told["baseline=random weights"]
    assert beside.note.startswith("the probe does not lie above: +0.000 [+0.000, +0.000]; layer 2")


def test_random_weights_of_other_rows_are_refused(planted):
    rows = rows_of(sets=59)
    with pytest.raises(DataError, match="the layers of random weights are of other rows"):
        layer_probe(planted, untrained=layers_of(rows, states(rows, 0, 1, 6, 0)))


def test_a_text_tower_that_knows_what_words_say_does_not_beat_them(planted):
    told = by_slice(layer_probe(replace(planted, sides=("text",)), count=19))
    words = told["baseline=bag of words"]
    assert (words.value, words.chance, words.n) == (1.0, 0.25, told["all"].n)
    assert words.note.startswith("the probe does not lie above: ")
    assert told["all"].note.endswith("; does not beat bag of words")


def test_a_text_tower_that_knows_what_words_do_not_say_beats_them(planted):
    mute = tuple(replace(row, text=row.text.removesuffix(row.label)) for row in planted.rows)
    told = by_slice(layer_probe(replace(planted, rows=mute, sides=("text",)), count=19))
    words = told["baseline=bag of words"]
    assert words.value == words.low == words.high == 0.25  # all four rows of a set have the same words
    assert words.note.startswith("the probe lies above: +")
    assert "bag of words" not in told["all"].note


def test_a_bag_of_words_is_the_probe_that_scikit_learn_fits(planted):
    """Words that tell the label half of the time; its C is one of four, and accuracy that of one of them."""
    rng = np.random.default_rng(2)
    said = [row.label if rng.random() < 0.5 else LABELS[rng.integers(4)] for row in planted.rows]
    rows = tuple(replace(row, text=f"it is {word.split()[0]}") for row, word in zip(planted.rows, said, strict=True))
    layers = replace(planted, rows=rows, sides=("text",))
    words, task = by_slice(layer_probe(layers, count=19))["baseline=bag of words"], task_of(layers)
    x = np.array([[name in row.text.split() for name in ("above", "below", "left", "right")] for row in task.rows])
    direct = LogisticRegression(C=10, tol=1e-9).fit(x[task.train], task.gold[task.train])
    assert 0.4 < words.value < 0.9
    assert words.value == pytest.approx(direct.score(x[task.test], task.gold[task.test]))


@pytest.mark.parametrize("sides", [(), ("image",), ("text", "image")])
def test_words_stand_beside_a_tower_that_reads_texts_alone(planted, sides):
    assert not [r for r in by_slice(layer_probe(replace(planted, sides=sides), count=9)) if r.startswith("baseline")]


def test_what_test_rows_share_with_training_rows_is_counted(planted):
    captions = layers_of(
        tuple(replace(row, text=f"caption {i % 5}") for i, row in enumerate(planted.rows)), [planted.read(2)]
    )
    assert by_slice(layer_probe(planted, count=19), "leak")["shared=caption"].value == 0
    assert by_slice(layer_probe(captions, count=19), "leak")["shared=caption"].value == 1
