"""The committed models are what they were made to be, read through the harness's own path."""

import functools
import json
from pathlib import Path

import pytest

from harness.calibration.cards import FACTS, card
from harness.calibration.exam import EXPECTED, QUESTIONS, examine, misread
from harness.calibration.variants import VARIANTS
from harness.embed import score_captions
from harness.encode import Model
from harness.models import read_models
from harness.store import Store

ROOT = Path(__file__).parents[2]
WEIGHTS = ROOT / "harness" / "calibration" / "weights"
pytestmark = pytest.mark.skipif(not WEIGHTS.is_dir(), reason="no calibration model is committed yet")


@pytest.fixture(scope="module")
def exam(tmp_path_factory):
    """What a committed model got, by metric and question."""
    entries = {spec.name: spec for spec in read_models(ROOT / "models.yaml")}
    store = Store(tmp_path_factory.mktemp("store"))

    @functools.cache
    def measured(name):
        model = Model(entries[name], store)
        findings, _ = examine(name, lambda rows: score_captions(model, rows))
        return findings.results

    return measured


def accuracy(results, question, metric="accuracy"):
    return next(r for r in results if (r.metric, r.slice) == (metric, f"question={question}"))


@pytest.mark.parametrize("name", EXPECTED)
def test_a_model_is_read_as_it_was_made(exam, name):
    assert misread(name, exam(name)) == []


def test_the_model_that_knows_all_knows_whole_sets(exam):
    results = exam("cal-spatial")
    for question in ("direction", "stacked or beside", "in front or beside"):
        whole = accuracy(results, question, "set_accuracy")
        assert whole.value > 100 * whole.chance


def test_the_taught_wording_is_worth_thirty_points(exam):
    results = exam("cal-vocabulary")
    assert accuracy(results, "in taught words").value - accuracy(results, "in synonyms").value >= 0.3


def test_a_prior_is_seen_and_taken_off(exam):
    results = exam("cal-prior")
    assert accuracy(results, "favoured word").low > 0.75
    corrected = accuracy(results, "favoured, corrected")
    assert corrected.low <= 0.5 <= corrected.high


@pytest.mark.parametrize("name", VARIANTS)
def test_a_card_gives_the_numbers_that_are_measured(exam, name):
    facts = json.loads((WEIGHTS / name / FACTS).read_text(encoding="utf-8"))
    results = exam(name)
    assert [line["question"] for line in facts["measured"]] == list(QUESTIONS)
    for line in facts["measured"]:
        found = accuracy(results, line["question"])
        # a picture rendered, or a product summed, on another machine may move a row or two
        assert line["value"] == pytest.approx(found.value, abs=0.01)
        assert line["n"] == found.n
    assert (WEIGHTS / name / "README.md").read_text(encoding="utf-8") == card(facts)
