"""Published numbers as the project holds them: complete, typed rightly, and given to the right models alone."""

from __future__ import annotations

import re
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from harness import reference
from harness.models import read_models
from harness.reference import Checkpoint, Published, published, tables

ROOT = Path(reference.__file__).parents[2]
B32, L14 = "openai/clip-vit-base-patch32", "openai/clip-vit-large-patch14"
SOLE = ("a_individual", "b_individual", "coco_one", "coco_two", "gqa_one", "gqa_two")  # what `average` is the mean of


def value(suite: str, metric: str, model: str) -> float:
    [found] = [p for p in published(suite) if (p.metric, p.model) == (metric, model)]
    return found.value


@pytest.mark.parametrize("row", tables()["whatsup_table3"].rows, ids=lambda row: row["model"])
def test_the_mean_of_six_accuracies_is_the_average_that_is_printed(row):
    mean = sum(float(row[name]) for name in SOLE) / len(SOLE)
    # each number is rounded to 0.1; the printed mean was taken before
    assert mean == pytest.approx(float(row["average"]), abs=0.1)


@pytest.mark.parametrize(
    ("suite", "metric", "model", "expected"),
    [  # typed from the tables by hand
        ("whatsup-a-paper", "accuracy", "CLIP ViT-B/32", 0.303),
        ("whatsup-a-paper", "pair_accuracy", "BLIP-VQA", 0.442),
        ("whatsup-a-paper", "set_accuracy", "XVLM-COCO", 0.019),
        ("whatsup-a", "accuracy", "CLIP ViT-L/14", 0.265),
        ("whatsup-b", "accuracy", "Human", 1.0),
        ("whatsup-b", "pair_accuracy", "XVLM-Flickr30K", 0.172),
        ("whatsup-b", "set_accuracy", "XVLM-Flickr30K", 0.01),
        ("coco-spatial-one", "accuracy", "BLIP2-ITC", 0.556),
        ("coco-spatial-two", "accuracy", "XVLM-COCO", 0.736),
        ("gqa-spatial-one", "accuracy", "FLAVA", 0.522),
        ("gqa-spatial-two", "accuracy", "Human", 0.99),
        ("whatsup-a-prior-coco", "accuracy", "CLIP ViT-B/32", 0.294),
        ("whatsup-a-prior-coco", "pair_accuracy", "CoCa-Caption", 0.039),
        ("whatsup-b-behind", "accuracy", "in the background", 0.67),
        ("whatsup-analogies", "paper_accuracy", "preposition", 0.09),
        ("vsr-probe", "accuracy", "LXMERT", 0.701),
        ("vsr-probe-zeroshot", "accuracy", "human", 0.954),
        ("vsr-relations-paper", "macro_f1", "all-mpnet-base-v2", 0.7097),
        ("vsr-relations-paper", "macro_f1", "CLIP ViT-B/32 image (projected)", 0.4933),
    ],
)
def test_numbers_are_those_of_the_tables(suite, metric, model, expected):
    assert value(suite, metric, model) == expected


@pytest.mark.parametrize(
    ("name", "column", "count", "total"),
    [  # added up apart from this project
        ("whatsup_priors_table6", "a_individual", 12, 353.1),
        ("whatsup_priors_table6", "other_two", 12, 601.4),
        ("vsr_baselines", "random_accuracy", 5, 346.0),
        ("vsr_baselines", "zeroshot_accuracy", 5, 325.1),
        ("spatial_probing", "rsa_spearman", 3, 1.164),
        ("spatial_probing", "odd_one_out_accuracy", 3, 2.003),
        ("whatsup_vocabulary", "accuracy", 2, 119.0),
        ("whatsup_analogies", "analogy", 2, 70.0),
    ],
)
def test_columns_are_held_whole(name, column, count, total):
    numbers = [float(row[column]) for row in tables()[name].rows if row[column]]
    assert (len(numbers), sum(numbers)) == (count, pytest.approx(total))


def test_shares_of_captions_add_up_to_what_is_printed_for_all_together():
    shares = {row["phrase"]: float(row["percent_of_captions"]) for row in tables()["laion2b_prepositions_table4"].rows}
    whole, background = shares.pop("all of the above together"), shares.pop("background")
    assert (len(shares), background) == (12, 0.84)
    # a caption may hold two of them
    assert sum(shares.values()) == pytest.approx(whole, abs=0.0003)


def test_chance_is_published_as_the_suites_have_it():
    assert value("whatsup-a-paper", "accuracy", "Random") == 1 / 4
    assert value("whatsup-a-paper", "pair_accuracy", "Random") == pytest.approx(1 / 16, abs=0.0006)
    assert value("whatsup-a-paper", "set_accuracy", "Random") == pytest.approx(1 / 256, abs=0.0006)
    assert value("coco-spatial-one", "accuracy", "Random") == 1 / 2


def test_a_number_that_was_not_published_is_left_out():
    assert [p.metric for p in published("whatsup-a") if p.model == "Human"] == ["accuracy"]
    assert published("scene-choice") == ()


def test_every_number_is_cited_and_in_the_unit_of_its_metric():
    for suite in ("whatsup-a", "whatsup-b", "coco-spatial-two", "gqa-spatial-one", "vsr-relations-paper"):
        assert published(suite)
        for number in published(suite):
            assert re.fullmatch(
                r".+ \(20\d\d\), (arXiv \d{4}\.\d{5}|Spatial Reasoning Probing Study), .+", number.source
            )
            assert 0 <= number.value <= 1
            assert number.n > 0


def test_the_corrected_suite_says_what_it_corrects():
    assert "pillow" in published("whatsup-a")[0].note
    assert published("whatsup-a-paper")[0].note == ""


def test_every_name_in_the_file_stands_for_something():
    markers = "".join(path.read_text() for path in (ROOT / "suites").glob("test_*.py"))
    for table in tables().values():
        models = {row[table.facts.get("named_by", "model")] for row in table.rows if table.facts.get("suites")}
        assert {*table.facts.get("checkpoints", {}), *table.facts.get("remarks", {})} <= models, table.name
        assert set(table.facts.get("notes", {})) <= set(table.facts.get("suites", {})), table.name
        for suite, metrics in table.facts.get("suites", {}).items():
            assert f'@pytest.mark.suite("{suite}"' in markers
            assert {where["column"] for where in metrics.values()} <= set(table.rows[0]), suite


# --- which entry is which row -------------------------------------------------------------------


def rows_of(spec: dict[str, Any], suite: str = "whatsup-a-paper") -> set[str]:
    return {number.model for number in published(suite) if number.is_of(spec)}


def test_shipped_entries_are_the_rows_they_were_made_for():
    shipped = [asdict(spec) for spec in read_models(ROOT / "models.yaml")]
    choices = {(spec["name"], model) for spec in shipped for model in rows_of(spec)}
    assert {
        ("clip-vit-b32", "CLIP ViT-B/32"),
        ("clip-vit-l14", "CLIP ViT-L/14"),
        ("blip-base-coco-paper", "BLIP-COCO"),
        ("blip-base-flickr-paper", "BLIP-Flickr30K"),
        ("coca-vit-b32", "CoCa"),
        ("coca-vit-b32-caption", "CoCa-Caption"),
    } <= choices
    probes = {(spec["name"], model) for spec in shipped for model in rows_of(spec, "vsr-relations-paper")}
    assert {
        ("all-mpnet-base-v2", "all-mpnet-base-v2"),
        ("clip-vit-b32-text", "CLIP ViT-B/32 text (unprojected pooler output)"),
        ("clip-vit-b32", "CLIP ViT-B/32 text+image (projected; concatenated; renormalised)"),
        ("clip-vit-b32-image", "CLIP ViT-B/32 image (projected)"),
    } <= probes
    for found in (choices, probes):
        assert len({name for name, _ in found}) == len(found), "an entry is one row"
    known = {"controls", "calibration"}
    assert not [spec["name"] for spec in shipped if known & {spec["family"], *spec["tags"]} and rows_of(spec)]


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({}, {"CLIP ViT-B/32"}),
        ({"name": "anything", "revision": "f" * 40, "dtype": "float16", "batch_size": 8}, {"CLIP ViT-B/32"}),
        ({"options": {"side": "both", "output": "projected"}}, {"CLIP ViT-B/32"}),
        ({"options": {"allow_bin": "no safetensors"}}, {"CLIP ViT-B/32"}),
        ({"options": None}, {"CLIP ViT-B/32"}),
        ({"source": L14}, {"CLIP ViT-L/14"}),
        ({"source": "/models/clip"}, set()),
        ({"family": "openclip"}, set()),
        ({"options": {"side": "text"}}, set()),
        ({"options": {"output": "pooled"}}, set()),
        ({"options": {"of_another_version": 1}}, set()),
        ({"prompt": "a photo of "}, set()),
        ({"pooling": "mean"}, set()),
    ],
)
def test_the_same_checkpoint_asked_in_the_same_way_is_found_by_whatever_name(changes, found):
    assert rows_of({"name": "b32", "family": "dual", "source": B32, "options": {}, **changes}) == found


def test_an_option_without_the_published_default_has_to_be_given():
    text = Checkpoint("dual", B32, {"side": ("text",)})
    assert text.is_entry({"family": "dual", "source": B32, "options": {"side": "text"}})
    assert not text.is_entry({"family": "dual", "source": B32, "options": {}})


def test_a_row_without_a_checkpoint_is_nobodys():
    number = Published(suite="s", metric="accuracy", model="Human", value=1.0, n=1, source="somebody")
    assert not number.is_of({"family": "", "source": ""})
    assert not number.is_of({})
