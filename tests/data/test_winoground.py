"""Winoground's file in the authors' schema, generated: two rows an item, and the scores of scorers that are known."""

import json

import numpy as np
import pytest
from PIL import Image

from harness import browse, winoground, winoground_scores
from harness.data import winoground as module
from harness.embed import score_captions
from harness.encode import Model
from harness.errors import DataError, DataUnavailable
from harness.explore import set_digest
from harness.models import ModelSpec
from harness.rows import Scores
from harness.store import Store

COLOURS = {"red on blue": ("red", "blue"), "blue on red": ("blue", "red")}


def item(number, **changes):
    return {
        "id": number, "image_0": f"ex_{number}_img_0", "image_1": f"ex_{number}_img_1",
        "caption_0": f"{number} red on blue", "caption_1": f"{number} blue on red", "tag": "Noun",
        "secondary_tag": "", "num_main_preds": 1, "collapsed_tag": ("Object", "Relation", "Both")[number % 3],
    } | changes  # fmt: skip


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HARNESS_DATA_DIR", str(tmp_path))
    (tmp_path / "winoground" / "images").mkdir(parents=True)
    return tmp_path / "winoground"


def write(folder, monkeypatch, *items):
    monkeypatch.setattr(module, "COUNT", len(items))
    (folder / "examples.jsonl").write_text("\n".join(map(json.dumps, items)) + "\n")
    for one in items:
        for k, pair in enumerate(COLOURS.values()):
            picture = Image.new("RGB", (8, 8), pair[0])
            picture.paste(pair[1], (0, 4, 8, 8))
            picture.putpixel((0, 0), (one["id"], 0, 0))
            picture.save(folder / "images" / f"{one[f'image_{k}'].removesuffix('.png')}.png")


def test_an_item_is_two_rows_with_both_captions_in_one_order(folder, monkeypatch):
    write(folder, monkeypatch, *map(item, range(12)))
    rows = winoground()
    assert len(rows) == len({row.id for row in rows}) == 24
    for first, second in zip(rows[::2], rows[1::2], strict=True):
        assert (first.captions, first.set, first.group) == (second.captions, second.set, second.group)
        assert first.captions[first.gold].endswith("red on blue")
        assert second.captions[second.gold].endswith("blue on red")
        assert (first.image.name[-5], second.image.name[-5]) == ("0", "1")
    assert {row.gold for row in rows[::2]} == {0, 1}
    assert {row.label for row in rows} == {"Object", "Relation", "Both"}


def test_names_may_have_their_ending(folder, monkeypatch):
    write(folder, monkeypatch, item(0, image_0="a.png", image_1="b.png"))
    assert [row.image.name for row in winoground()] == ["a.png", "b.png"]


def test_no_picture_gets_into_a_run_folder(folder, monkeypatch, tmp_path):
    write(folder, monkeypatch, item(0))
    rows = winoground()
    name = set_digest(rows)
    browse.keep(tmp_path, name, rows, {})
    browse.merge(tmp_path, [name])
    asked, pictures = browse.read(tmp_path)
    assert len(asked) == 2
    assert asked["picture"].isna().all()
    assert pictures == {}
    assert [row.image.open().size for row in rows] == [(8, 8)] * 2


def test_one_who_sees_gets_all_and_controls_get_chance(folder, monkeypatch, tmp_path):
    write(folder, monkeypatch, *map(item, range(60)))
    rows = winoground()
    tops = ["red" if row.image.open().getpixel((4, 1))[0] > 200 else "blue" for row in rows]
    seen = [[caption.split()[1] == top for caption in row.captions] for row, top in zip(rows, tops, strict=True)]
    scores = Scores(tuple(rows), np.array(seen, float), tuple(row.group for row in rows))
    assert {r.value for r in winoground_scores(scores).results} == {1.0}
    for kind in ("constant", "random"):
        spec = ModelSpec(name=kind, family="controls", options={"kind": kind})
        for result in winoground_scores(score_captions(Model(spec, Store(tmp_path / "store")), rows)).results[:3]:
            assert result.low <= result.chance <= result.high


@pytest.mark.parametrize("line", ["{", "3", "[]", "{}", json.dumps({**item(0), "caption_0": 3}), ""])
def test_a_damaged_file_is_one_error(folder, line):
    (folder / "examples.jsonl").write_text(line)
    with pytest.raises(DataError, match="fetch it again"):
        winoground()


def test_what_is_missing_is_said_with_where_it_comes_from_and_goes(folder):
    with pytest.raises(DataUnavailable, match=r"put winoground/examples\.jsonl below .*b400e17.*winoground/images"):
        winoground()
