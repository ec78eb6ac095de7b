"""What'sUp and its kin on small files in the authors' schema."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from harness import (
    caption_choice,
    coco_spatial,
    gqa_spatial,
    negated,
    phrases,
    reworded,
    swapped,
    whatsup,
    whatsup_table,
    wording_choice,
    wordings,
)
from harness.data import whatsup as module
from harness.embed import score_captions
from harness.encode import Model
from harness.errors import ConfigError, DataError, DataUnavailable, PictureError
from harness.models import ModelSpec
from harness.rows import Scores
from harness.store import Store

WORDS = {
    "a": {"on": "on", "under": "under", "left_of": "to the left of", "right_of": "to the right of"},
    "b": {"in-front_of": "in front of", "behind": "behind", "left_of": "to the left of", "right_of": "to the right of"},
}
THINGS = {"a": [("mug", "table"), ("pillow", "chair"), ("beer-bottle", "armchair")], "b": [("cup", "plate")] * 1}


def entries(part):
    """Every pair of objects in all four relations, the right caption first."""
    found = []
    for first, last in THINGS[part]:
        told = {way: f"A {first} {words} a {last}" for way, words in WORDS[part].items()}
        for way, right in told.items():
            wrong = [text for text in told.values() if text != right]
            path = f"data/controlled_x/{first}_{way}_{last}.jpeg"
            found.append({"image_path": path, "caption_options": [right, *wrong]})
    return found


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HARNESS_DATA_DIR", str(tmp_path))
    (tmp_path / "whatsup").mkdir()
    return tmp_path / "whatsup"


def write(folder, monkeypatch, part, found):
    monkeypatch.setitem(module.COUNTS, part, len(found))
    (folder / f"{module.NAMES[part]}.json").write_text(json.dumps(found))


@pytest.mark.parametrize(
    ("part", "relations"),
    [("a", {"on", "under", "left of", "right of"}), ("b", {"in front of", "behind", "left of", "right of"})],
)
def test_every_pair_of_objects_is_a_set_of_two_pairs(folder, monkeypatch, part, relations):
    write(folder, monkeypatch, part, entries(part))
    rows = whatsup(part)
    assert len(rows) == 4 * len(THINGS[part])
    for row in rows:
        assert (row.options[row.gold], set(row.options)) == (row.label, relations)
        assert row.captions[row.gold] == entries(part)[rows.index(row)]["caption_options"][0]
        assert row.set == row.group
        assert [other.label for other in rows if other.pair == row.pair and other is not row] != [row.label]
    assert all(sum(other.set == row.set for other in rows) == 4 for row in rows)
    assert all(sum(other.pair == row.pair for other in rows) == 2 for row in rows)
    assert len({row.gold for row in rows}) > 1  # the files have it first everywhere


@settings(deadline=None)  # the first example imports numpy.random, scipy and all
@given(st.lists(st.floats(-1, 1), min_size=48, max_size=48))
def test_accuracies_are_those_of_the_authors_definition(numbers):
    """Individual, pair and set accuracy of random scores against a plain reading of the authors' evaluation."""
    found, values = entries("a"), np.array(numbers, np.float32).reshape(12, 4)
    rows = [
        module._controlled("a", one["image_path"], one["caption_options"], corrected=False) for one in found
    ]  # rows without a file, so that each example is quick
    theirs = [
        [one["caption_options"].index(text) for text in row.captions] for one, row in zip(found, rows, strict=True)
    ]
    scores = Scores(tuple(rows), np.take_along_axis(values, np.array(theirs), 1), tuple(row.group for row in rows))
    measured = {r.metric: r.value for r in caption_choice(scores).results if r.slice == "all"}
    tied = (values == values.max(axis=1, keepdims=True)).sum(axis=1)
    earned = (values[:, 0] == values.max(axis=1)) / tied
    assert measured["accuracy"] == pytest.approx(earned.mean())
    pairs = [earned[k] * earned[k + 1] for k in range(0, 12, 2)]  # on/under, left/right of each objects
    sets = [earned[k : k + 4].prod() for k in range(0, 12, 4)]
    assert measured["pair_accuracy"] == pytest.approx(np.mean(pairs))
    assert measured["set_accuracy"] == pytest.approx(np.mean(sets))


def test_two_pillows_are_exchanged_unless_the_published_labels_are_wanted(folder, monkeypatch):
    write(folder, monkeypatch, "a", entries("a"))

    def shown(rows):
        return {row.label: row.image.name for row in rows if "pillow" in row.id}

    assert shown(whatsup("a", corrected=False))["left of"] == "pillow_left_of_chair.jpeg"
    corrected = shown(whatsup("a"))
    assert corrected["left of"] == "pillow_right_of_chair.jpeg"
    assert corrected["right of"] == "pillow_left_of_chair.jpeg"
    assert corrected["on"] == "pillow_on_chair.jpeg"


@pytest.mark.parametrize(("part", "mirrored"), [("a", 1 / 2), ("b", 1)])
def test_every_caption_can_be_put_in_other_words(folder, monkeypatch, part, mirrored):
    write(folder, monkeypatch, part, entries(part))
    rows = whatsup(part)
    assert wordings(rows) == range(2)
    plain, other = reworded(rows, 0), reworded(rows, 1)
    assert plain == rows
    assert not any(set(one.captions) & set(another.captions) for one, another in zip(plain, other, strict=True))
    assert len(negated(rows)) == len(rows)
    assert len(swapped(rows)) == mirrored * len(rows)
    spec = ModelSpec(name="random", family="controls", options={"kind": "random"})
    (folder / module.FOLDERS[part][0].split("/")[1]).mkdir()
    for i, row in enumerate(rows):
        picture = Image.new("RGB", (9, 9), (i, 0, 0))
        picture.save(folder / module.FOLDERS[part][0].split("/")[1] / row.image.name, "PNG")
    scored = {way: score_captions(Model(spec, Store(folder / "store")), reworded(rows, way)) for way in range(2)}
    found = {r.metric: r for r in wording_choice(scored, phrases).results if r.slice == "all"}
    assert (found["accuracy"].n, found["accuracy"].note) == (2 * len(rows), "")


def test_pictures_around_a_table_are_told_apart_by_what_lies_there_and_where(folder, monkeypatch):
    write(folder, monkeypatch, "a", entries("a"))
    rows = whatsup_table()
    assert {(row.group, row.label) for row in rows} == {
        ("mug table", relation) for relation in ("on", "under", "left of", "right of")
    }
    assert {row.image.name for row in rows} == {f"mug_{way}_table.jpeg" for way in WORDS["a"]}


ASKED = {
    "coco-one": (285, "a bear on the left.", "a bear on the right.", "000000000285.jpg"),
    "coco-two": ("000000285", "a cat above a dog.", "a cat below a dog.", "000000000285.jpg"),
    "gqa-one": ("2370250", "a bag at the top", "a bag at the bottom", "2370250.jpg"),
    "gqa-two": ("12", "a bus to the front of a man", "a bus to the behind of a man", "12.jpg"),
}


@pytest.mark.parametrize(
    ("part", "rows", "relations"),
    [
        ("coco-one", lambda: coco_spatial(1), ("on the left", "on the right")),
        ("coco-two", lambda: coco_spatial(2), ("above", "below")),
        ("gqa-one", lambda: gqa_spatial(1), ("at the top", "at the bottom")),
        ("gqa-two", lambda: gqa_spatial(2), ("in front of", "behind")),
    ],
)
def test_photos_are_found_by_their_number(folder, monkeypatch, part, rows, relations):
    number, right, wrong, name = ASKED[part]
    entry = [number, f"A photo of {right}", f"A photo of {wrong}"]
    write(folder, monkeypatch, part, [entry, entry])
    first, second = rows()
    assert first.id != second.id
    assert first.group == second.group == first.image.name == name
    assert first.captions[first.gold] == entry[1]
    assert (first.label, set(first.options)) == (relations[0], set(relations))


def test_a_caption_that_says_no_known_relation_is_told_apart_by_its_text(folder, monkeypatch):
    write(folder, monkeypatch, "coco-two", [[1, "A photo of a cat inside a box.", "A photo of a cat around a box."]])
    [row] = coco_spatial(2)
    assert (row.label, row.options) == ("other", row.captions)
    strange = [
        {"image_path": "data/c/mug_beside_table.jpeg", "caption_options": ["A mug beside a table", "b", "", "d"]}
    ]
    write(folder, monkeypatch, "a", strange)
    [row] = whatsup("a")
    assert (row.label, row.pair, row.set) == ("other", "", "")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "is not controlled_images_dataset"),
        ("{}", "has 0 rows"),
        ("[]", "has 0 rows, not 12"),
        ('[{"image_path": "x.jpeg"}]', "caption_options"),
        ('[{"image_path": "x.jpeg", "caption_options": ["a", "b"]}]', "unexpected entry"),
        ('[{"image_path": 3, "caption_options": ["a", "b", "c", "d"]}]', "unexpected entry"),
        ("[3]", "is not controlled_images_dataset"),
    ],
)
def test_a_damaged_file_is_one_error(folder, monkeypatch, text, said):
    monkeypatch.setitem(module.COUNTS, "a", 12)
    (folder / "controlled_images_dataset.json").write_text(text)
    with pytest.raises(DataError, match=said):
        whatsup("a")


def test_what_is_missing_is_said_with_where_it_comes_from_and_goes(folder):
    with pytest.raises(DataUnavailable, match=r"put whatsup/vg_qa_one_obj\.json below --data-dir .*whatsup_vlms"):
        gqa_spatial(1)
    with pytest.raises(ConfigError, match="no What'sUp 'c'"):
        whatsup("c")
    with pytest.raises(ConfigError, match="1 object or 2, not 3"):
        coco_spatial(3)


def test_a_photo_that_is_not_there_says_where_to_put_it(folder, monkeypatch):
    write(folder, monkeypatch, "a", entries("a"))
    with pytest.raises(PictureError, match="put it into whatsup/controlled_images or"):
        whatsup("a")[0].image.open()


def test_broken_pictures_are_counted_and_their_sets_left_out(folder, monkeypatch):
    """Missing, cut short, grey, RGBA, CMYK and one pixel: what can be opened is asked, the rest is told."""
    write(folder, monkeypatch, "a", entries("a"))
    pictures = folder / "controlled_images"
    pictures.mkdir()
    rows = whatsup("a")
    for i, row in enumerate(rows[1:]):
        mode = ("RGB", "L", "RGBA", "CMYK", "P")[i % 5]
        picture = Image.new(mode, (1, 1) if i == 6 else (40, 30))
        picture.save(pictures / row.image.name, "PNG" if mode in ("RGBA", "P") else "JPEG")
    cut = pictures / rows[6].image.name
    cut.write_bytes(cut.read_bytes()[:100])
    spec = ModelSpec(name="position-biased", family="controls", options={"kind": "position-biased"})
    results = caption_choice(score_captions(Model(spec, Store(folder / "store")), rows)).results
    whole = {r.metric: r for r in results if r.slice == "all"}
    assert whole["accuracy"].n == 10
    assert "2 of 12 pictures failed" in whole["accuracy"].note
    assert (whole["set_accuracy"].n, whole["set_accuracy"].note) == (1, "2 incomplete sets left out")
