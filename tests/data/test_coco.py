"""Rows made from boxes: only what is clear, said as it is."""

import json
import os
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import coco_boxes
from harness.data.coco import Clear
from harness.errors import ConfigError, DataError, DataUnavailable
from harness.relations import AXES

real = pytest.mark.skipif(
    not (Path(os.environ.get("HARNESS_DATA_DIR") or "/nowhere") / "coco128").is_dir(),
    reason="coco128 is not here: set HARNESS_DATA_DIR",
)
NAMES = ["dog", "cat", "apple"]


def write(folder, *boxes, **extra):
    """One photo of 100 x 100 px with (name, x, y, w, h) boxes, in COCO's format."""
    annotations = [
        {"image_id": 7, "category_id": NAMES.index(name), "bbox": box, "iscrowd": 0} | extra for name, *box in boxes
    ]
    file = {
        "images": [{"id": 7, "file_name": "7.jpg", "width": 100, "height": 100}],
        "categories": [{"id": i, "name": name} for i, name in enumerate(NAMES)],
        "annotations": annotations,
    }
    (folder / "instances.json").write_text(json.dumps(file))
    return folder / "instances.json"


@pytest.mark.parametrize(
    ("box", "relation"),
    [
        ((0, 40, 20, 20), "on the left"),
        ((80, 40, 20, 20), "on the right"),
        ((40, 0, 20, 20), "at the top"),
        ((40, 80, 20, 20), "at the bottom"),
    ],
)
def test_one_object_lies_where_its_centre_is(tmp_path, box, relation):
    [row] = coco_boxes(1, write(tmp_path, ("apple", *box)))
    assert row.captions[row.gold] == f"A photo of an apple {relation}."
    assert row.label == row.options[row.gold] == relation
    assert len(row.captions) == 2
    assert len({AXES[option] for option in row.options}) == 1


@pytest.mark.parametrize(
    ("second", "of_the_first"),
    [
        ((70, 30, 20, 20), "left of"),
        ((0, 30, 20, 20), "right of"),
        ((30, 70, 20, 20), "above"),
        ((30, 0, 20, 20), "below"),
    ],
)
def test_two_objects_lie_as_their_centres_do_whichever_is_named_first(tmp_path, second, of_the_first):
    [row] = coco_boxes(2, write(tmp_path, ("dog", 30, 30, 20, 20), ("cat", *second)))
    mirror = {"left of": "right of", "right of": "left of", "above": "below", "below": "above"}
    first = row.captions[row.gold].split()[4]
    assert row.label == (of_the_first if first == "dog" else mirror[of_the_first])
    assert row.id.startswith("7.jpg ")


@pytest.mark.parametrize(
    "boxes",
    [
        [("dog", 40, 40, 20, 20)],  # in the middle
        [("dog", 35, 40, 20, 20)],  # less than the margin away
        [("dog", 0, 0, 20, 20)],  # as far up as left
        [("dog", 0, 45, 10, 10)],  # too small
        [("dog", 0, 40, 20, 20), ("dog", 60, 40, 20, 20)],  # not the only one
    ],
)
def test_what_is_not_clear_makes_no_row(tmp_path, boxes):
    assert coco_boxes(1, write(tmp_path, *boxes)) == []


def test_a_crowd_is_no_single_object_and_margins_are_options(tmp_path):
    assert coco_boxes(1, write(tmp_path, ("dog", 0, 40, 20, 20), iscrowd=1)) == []
    path = write(tmp_path, ("dog", 35, 40, 20, 20))
    assert len(coco_boxes(1, path, Clear(margin=0.04))) == 1


@given(st.integers(0, 80), st.integers(0, 80), st.integers(0, 80), st.integers(0, 80))
def test_two_objects_get_one_row_at_most_and_a_true_one(tmp_path_factory, ax, ay, bx, by):
    folder = tmp_path_factory.mktemp("boxes")
    for row in coco_boxes(2, write(folder, ("dog", ax, ay, 20, 20), ("cat", bx, by, 20, 20))):
        x, y = {"dog": (ax - bx, ay - by), "cat": (bx - ax, by - ay)}[row.captions[row.gold].split()[4]]
        assert {"left of": -x, "right of": x, "above": -y, "below": y}[row.label] >= 10


@pytest.mark.parametrize("text", ["{", "[]", '{"images": []}', '{"images": [{}], "categories": [], "annotations": []}'])
def test_a_damaged_file_is_one_error(tmp_path, text):
    (tmp_path / "instances.json").write_text(text)
    with pytest.raises(DataError, match="is no file of COCO's instances"):
        coco_boxes(1, tmp_path / "instances.json")


def test_what_cannot_be_had_or_asked_is_said(tmp_path, monkeypatch):
    monkeypatch.delenv("HARNESS_DATA_DIR", raising=False)
    with pytest.raises(DataUnavailable, match=r"put coco/annotations/instances_val2017\.json below --data-dir"):
        coco_boxes(1)
    with pytest.raises(DataUnavailable, match="cannot read"):
        coco_boxes(1, tmp_path / "nothing.json")
    with pytest.raises(ConfigError, match="1 object or 2, not 3"):
        coco_boxes(3, tmp_path)


@real
def test_real_boxes_give_enough_rows_and_photos_that_open():
    one, two = coco_boxes(1), coco_boxes(2)
    assert len(one) >= 60
    assert len(two) >= 40
    counts = Counter(row.label for row in two)
    # which object is named first is drawn, so opposite relations are about as frequent
    assert abs(counts["left of"] - counts["right of"]) <= 3 * (counts["left of"] + counts["right of"]) ** 0.5
    assert all(row.image.locate(fetch=False).is_file() for row in one + two)
    assert len({row.id for row in one + two}) == len(one + two)
