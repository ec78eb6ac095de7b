from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from harness.calibration.cards import AGAINST, FACTS, TOLD, card, entry, read_facts, write_card
from harness.calibration.variants import VARIANTS
from harness.errors import DataError
from harness.models import read_models

MEASURED = {
    "question": "left or right",
    "suite": "scene-choice",
    "value": 0.5033,
    "low": 0.4611,
    "high": 0.5477,
    "n": 298,
    "chance": 0.5,
    "expected": "chance",
}
FOUND: dict[str, Any] = {
    "variant": "cal-vertical",
    "knows": "above from below",
    "negatives": "relation",
    "recipe": {"steps": 2400, "seed": 7, "learning_rate": 0.001},
    "scenes": [{"preset": "spatial", "trained_on": 16712, "in_a_batch": 96}],
    "versions": {"torch": "2.13.0", "transformers": "5.1.0"},
    "machine": "2 threads of x86_64",
    "threads": 2,
    "device": "cpu",
    "seconds": 630.0,
    "timed_steps": 1400,
    "validation": {"spatial": 0.7312, "color": 1.0},
}


def front_matter(text: str) -> dict[str, Any]:
    start, head, _ = text.split("---\n", 2)
    assert start == ""
    return yaml.safe_load(head)


def tables(text: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:1] == "|"]


def test_the_front_matter_is_what_the_hub_reads():
    from huggingface_hub import ModelCard

    data = ModelCard(card(FOUND)).data
    assert (data.license, data.library_name) == ("apache-2.0", "transformers")
    assert {"clip", "calibration"} <= set(data.tags)
    assert front_matter(card(FOUND)) == data.to_dict()


def test_a_card_says_what_it_knows_and_how_it_was_made():
    text = card(FOUND)
    for piece in (
        "# cal-vertical",
        "**above from below**",
        TOLD["cal-vertical"],
        AGAINST["relation"],
        "in 2,400 steps",
        "--seed 7 --steps 2400 --negatives relation",
        "1,400 steps took 10.5 minutes on 2 threads of x86_64",
    ):
        assert piece in text
    rows = tables(text)
    assert ["`spatial`", "16,712", "96"] in rows
    assert ["torch", "2.13.0"] in rows
    assert rows[-2:] == [["spatial", "73.1%"], ["color", "100.0%"]]


def test_what_the_exam_measured_is_a_table_with_its_bounds():
    text = card({**FOUND, "measured": [MEASURED, {**MEASURED, "question": "colour", "low": None}]})
    rows = tables(text.split("## Measured")[1])
    assert rows[2] == ["left or right", "`scene-choice`", "50.3%", "46.1% to 54.8%", "298", "50.0%", "chance"]
    assert rows[3][3] == "– to 54.8%"


def test_before_the_exam_nothing_is_said_to_be_measured():
    assert "Measured" not in card(FOUND)
    assert "Measured" not in card({**FOUND, "measured": []})


def test_a_model_that_was_taken_over_finished_has_no_time():
    text = card({**FOUND, "timed_steps": 0, "seconds": 0.2})
    assert "minutes" not in text
    assert "It was finished on 2 threads" in text


@pytest.mark.parametrize("name", VARIANTS)
def test_every_variant_has_a_card_that_says_how_its_captions_are_told(name):
    text = card({**FOUND, "variant": name})
    assert f"# {name}\n" in text
    assert TOLD[name] in text


def test_the_entry_in_the_card_is_one_of_models_yaml(tmp_path: Path):
    snippet = re.search(r"```yaml\n(.*?)```", card(FOUND), re.DOTALL)
    assert snippet is not None
    (tmp_path / "models.yaml").write_text(snippet[1])
    [spec] = read_models(tmp_path / "models.yaml")
    assert (spec.name, spec.family, spec.source) == ("cal-vertical", "dual", "./cal-vertical")
    assert not spec.from_hub
    assert snippet[1] == entry("cal-vertical", "./cal-vertical")


def test_a_folders_card_is_written_again_with_what_was_measured(tmp_path: Path):
    (tmp_path / FACTS).write_text(json.dumps(FOUND))
    assert write_card(tmp_path) == tmp_path / "README.md"
    assert (tmp_path / "README.md").read_text() == card(FOUND)
    (tmp_path / FACTS).write_text(json.dumps({**read_facts(tmp_path), "measured": [MEASURED]}))
    assert "left or right" in write_card(tmp_path).read_text()


@pytest.mark.parametrize("text", [None, "{", "[]", "{}", "3", '{"variant": "cal-bag"}', '{"variant": "other"}'])
def test_a_folder_without_its_facts_is_one_error(tmp_path: Path, text: str | None):
    if text is not None:
        (tmp_path / FACTS).write_text(text)
    with pytest.raises(DataError, match="calibration"):
        write_card(tmp_path)
    assert not (tmp_path / "README.md").exists()


@pytest.mark.parametrize("text", ["{", "[]", "{}", '"variant"'])
def test_facts_that_name_no_variant_are_no_facts(tmp_path: Path, text: str):
    (tmp_path / FACTS).write_text(text)
    with pytest.raises(DataError, match="holds no calibration model"):
        read_facts(tmp_path)
