"""Baselines: probes of words alone, and of random weights, beside the probe itself."""

from dataclasses import replace

import numpy as np
import pytest
from probed_rows import noise, oracle, repeated, scored
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score

from harness.errors import DataError
from harness.measure import baselines
from harness.measure.baselines import _probed, texts_of
from harness.measure.folds import grouped_folds
from harness.measure.probe import grouped_probe


@pytest.fixture(scope="module")
def rows():
    return repeated()


def by_baseline(findings):
    return {r.slice.removeprefix("baseline="): r for r in findings.results if r.slice.startswith("baseline=")}


def whole(findings):
    return next(r for r in findings.results if (r.metric, r.slice) == ("macro_f1", "all"))


def test_an_oracle_of_relations_does_not_beat_the_words_that_say_them(rows):
    findings = grouped_probe(scored(rows, oracle(rows)))
    found = by_baseline(findings)
    assert set(found) == {"majority", "bag of words", "relation words", "objects"}
    assert found["bag of words"].value == found["relation words"].value == pytest.approx(1)
    assert found["objects"].value < 0.7
    assert "does not beat bag of words" in whole(findings).note
    assert found["bag of words"].note.startswith("the probe does not lie above: ")
    assert found["objects"].note.startswith("the probe lies above: +")


def test_a_probe_alone_stands_beside_its_words_and_no_other_baseline(rows):
    scores = scored(rows, oracle(rows))
    alone, whole_of = grouped_probe(scores, alone=True), grouped_probe(scores)
    assert by_baseline(alone) == {"bag of words": by_baseline(whole_of)["bag of words"]}
    assert "does not beat bag of words" in whole(alone).note
    assert by_baseline(grouped_probe(replace(scores, sides=("image",)), alone=True)) == {}


def test_a_probe_that_random_weights_equal_is_marked(rows):
    mute = tuple(replace(row, text=f"a caption of {row.subject} and {row.object}") for row in rows)
    scores = scored(mute, oracle(rows))
    assert whole(grouped_probe(scores, untrained=scores)).note.endswith("does not beat random weights")
    assert "random weights" not in whole(grouped_probe(scores, untrained=scored(mute, noise(rows)))).note


def test_a_probe_that_beats_the_words_is_not_marked(rows):
    mute = tuple(replace(row, text=f"a caption of {row.subject} and {row.object}") for row in rows)
    findings = grouped_probe(scored(mute, oracle(rows)))
    assert "bag of words" not in whole(findings).note
    assert by_baseline(findings)["bag of words"].value < 0.7


def test_the_bag_of_words_is_scikit_learns_probe_of_its_counts(rows):
    texts = ["up a", "down a", "up b", "down b a"] * 40
    labels = ["above", "below", "above", "below"] * 39 + ["below"] * 4
    groups = tuple(f"g{i // 2}" for i in range(160))
    said = _probed(tuple(texts), tuple(labels), groups, 1.0)
    x = np.array([[word in text.split() for word in ("a", "b", "down", "up")] for text in texts], float)
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    expected = np.zeros(160, bool)
    for train, test in grouped_folds(5, labels, np.array(groups), np.arange(160)):
        model = LogisticRegression(C=1.0, tol=1e-9).fit(x[train], np.array(labels)[train] == "above")
        expected[test] = model.predict(x[test])
    assert said[:, 0].tolist() == expected.tolist()


def test_texts_without_subject_and_object_are_left_with_the_relation(rows):
    texts = texts_of(scored(rows[:1], np.ones((1, 1))))
    row = rows[0]
    assert texts["relation words"][0].split() == ["number", "0", *row.label.split()]
    assert texts["objects"] == [f"{row.subject} {row.object}"]


def test_a_name_within_another_is_removed_as_a_whole(rows):
    row = replace(rows[0], text="The Teddy Bear is left of the bear.", subject="teddy bear", object="bear")
    assert texts_of(scored((row,), np.ones((1, 1))))["relation words"][0].split() == [
        "The",
        "is",
        "left",
        "of",
        "the",
        ".",
    ]


def test_a_model_of_pictures_has_no_baseline_of_captions_that_it_does_not_see(rows):
    assert set(texts_of(scored(rows, noise(rows), ("image",)))) == {"objects"}
    findings = grouped_probe(scored(rows, noise(rows), ("image",)))
    assert "bag of words" not in whole(findings).note


def test_rows_without_subject_and_object_have_no_baseline_of_them(rows):
    bare = tuple(replace(row, subject="", object="") for row in rows)
    assert set(texts_of(scored(bare, noise(bare)))) == {"bag of words"}


def test_the_majority_says_the_most_frequent_label_of_all_rows(rows):
    result = by_baseline(grouped_probe(scored(rows, oracle(rows))))["majority"]
    y = np.array([[row.label == label for label in ("above", "below", "left of", "right of")] for row in rows])
    said = np.zeros_like(y)
    said[:, 0] = True
    scores = [f1_score(y[:, k], said[:, k], average="macro", zero_division=0) for k in range(4)]
    assert result.value == pytest.approx(np.mean(scores))


def test_random_weights_are_probed_on_the_same_rows_in_whatever_order(rows):
    untrained = scored(rows[::-1], noise(rows)[::-1])
    found = by_baseline(grouped_probe(scored(rows, oracle(rows)), untrained=untrained))["random weights"]
    assert found.value == whole(grouped_probe(scored(rows, noise(rows)))).value
    with pytest.raises(DataError, match="of other rows"):
        grouped_probe(scored(rows, oracle(rows)), untrained=scored(rows[1:], noise(rows)[1:]))


def test_words_are_probed_once_for_all_models(rows, monkeypatch):
    grouped_probe(scored(rows, oracle(rows)))
    monkeypatch.setattr(baselines, "held_out", None)  # a second fit would fail
    grouped_probe(scored(rows, noise(rows)))
