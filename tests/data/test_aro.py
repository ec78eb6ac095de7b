"""ARO's VG-Relation on small files in the authors' schema."""

import json

import pytest
from PIL import Image

from harness import aro_relation, caption_choice
from harness.data import aro as module
from harness.embed import score_captions
from harness.encode import Model
from harness.errors import DataError, DataUnavailable, PictureError
from harness.models import ModelSpec
from harness.store import Store

ENTRY = {
    "image_id": "7", "image_path": "7.jpg", "bbox_x": 10, "bbox_y": 5, "bbox_w": 20, "bbox_h": 15,
    "relation_name": "eating", "true_caption": "the horse is eating the grass",
    "false_caption": "the grass is eating the horse",
}  # fmt: skip


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HARNESS_DATA_DIR", str(tmp_path))
    (tmp_path / "aro" / "images").mkdir(parents=True)
    return tmp_path / "aro"


def write(folder, monkeypatch, *entries):
    monkeypatch.setattr(module, "COUNT", len(entries))
    (folder / "visual_genome_relation.json").write_text(json.dumps(entries))


def test_a_row_is_its_captions_and_a_part_of_a_photo(folder, monkeypatch):
    write(folder, monkeypatch, ENTRY, {**ENTRY, "relation_name": "on"})
    picture = Image.new("RGB", (40, 30), "white")
    picture.paste("red", (10, 5, 30, 20))
    picture.save(folder / "images" / "7.jpg", quality=95)
    first, second = aro_relation()
    assert (first.label, second.label) == ("eating", "on")
    assert first.captions[first.gold] == ENTRY["true_caption"]
    assert first.captions[1 - first.gold] == ENTRY["false_caption"]
    assert first.group == second.group == "7.jpg"
    part = first.image.open()
    assert part.size == (20, 15)
    assert part.getpixel((10, 7))[0] > 200
    assert part.getpixel((10, 7))[1] < 60


def test_parts_of_one_photo_are_pictures_of_their_own(folder, monkeypatch):
    write(folder, monkeypatch, ENTRY, {**ENTRY, "bbox_x": 0})
    Image.new("RGB", (40, 30)).save(folder / "images" / "7.jpg")
    first, second = (row.image for row in aro_relation())
    assert first.name != second.name
    assert first.key() != second.key()


def test_a_box_may_pass_the_edge_by_a_pixel(folder, monkeypatch):
    write(folder, monkeypatch, {**ENTRY, "bbox_w": 31})
    Image.new("RGB", (40, 30), "white").save(folder / "images" / "7.jpg")
    part = aro_relation()[0].image.open()
    assert part.size == (31, 15)
    assert (part.getpixel((29, 0))[0] > 200, part.getpixel((30, 0))) == (True, (0, 0, 0))


@pytest.mark.parametrize("box", [{"bbox_w": 33}, {"bbox_h": 28}, {"bbox_x": -3}, {"bbox_w": 0}])
def test_a_box_outside_its_photo_is_a_picture_that_cannot_be_had(folder, monkeypatch, box):
    write(folder, monkeypatch, {**ENTRY, **box}, ENTRY, ENTRY)
    Image.new("RGB", (40, 30)).save(folder / "images" / "7.jpg")
    rows = aro_relation()
    with pytest.raises(PictureError, match="and no part"):
        rows[0].image.open()
    spec = ModelSpec(name="position-biased", family="controls", options={"kind": "position-biased"})
    whole = caption_choice(score_captions(Model(spec, Store(folder / "store")), rows)).results[0]
    assert (whole.n, whole.note.split(",")[0]) == (2, "1 of 3 pictures failed")


@pytest.mark.parametrize("text", ["{", "3", "[3]", "[{}]", "[]", json.dumps([{**ENTRY, "bbox_x": "left"}])])
def test_a_damaged_file_is_one_error(folder, text):
    (folder / "visual_genome_relation.json").write_text(text)
    with pytest.raises(DataError, match="fetch it again"):
        aro_relation()


def test_what_is_missing_is_said_with_where_it_comes_from_and_goes(folder):
    with pytest.raises(DataUnavailable, match=r"put aro/visual_genome_relation\.json below .*are-bows"):
        aro_relation()
