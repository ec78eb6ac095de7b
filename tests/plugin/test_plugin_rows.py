"""What rows suites asked reaches the run folder, whoever ran them, and stays there when a run goes on."""

from __future__ import annotations

import json

import pytest
from PIL import Image
from plugin_folder import Folder, pretend, said

from harness import browse
from harness.baseline import of_run
from harness.gate import judge
from harness.runs import read_run

SUITES = """
    import pytest
    from harness import Findings, Result, Row

    def rows(*texts):
        return [Row(id=f"{i} {text}", label=text[0], text=text) for i, text in enumerate(texts)]

    def found(scores):
        return Findings((Result(metric="accuracy", value=0.5, n=len(scores.rows), chance=0.25),), ())

    @pytest.mark.suite("split", needs="EmbedsTexts")
    def test_split(model, embed_rows, record):
        embed_rows(model, rows("a cup", "a hat", "b cup", "a hat"))
        embed_rows(model, rows("a cup", "a hat", "b cup", "a hat"))
        record(found(embed_rows(model, rows("a cup", "a dog"))))

    @pytest.mark.suite("whole", needs="EmbedsTexts")
    def test_whole(model, embed_rows, record):
        record(found(embed_rows(model, rows("a cup", "a hat", "b cup", "a hat"))))
"""
MODELS = ("one", "two")


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = Folder(tmp_path_factory.mktemp("rows"), [pretend(name) for name in MODELS], rows=SUITES)
    for run, n in (("alone", 0), ("workers", 2)):
        done = folder.pytest("--run-dir", run, n=n)
        assert done.ret == 0, said(done)
    return folder


def datasets(folder: Folder, run: str = "alone") -> dict:
    return json.loads((folder.path / run / "datasets.json").read_text())


def test_each_set_is_told_once_whatever_the_number_of_workers(runs):
    told = datasets(runs)
    assert told == datasets(runs, "workers")
    assert len(told["sets"]) == 2
    (whole,) = told["suites"]["whole"]
    first, second = told["suites"]["split"]
    assert first == whole
    assert first["shared"] is None
    assert second["shared"] == {"picture": None, "caption": 0.5, "objects": None}
    assert told["sets"][first["set"]]["labels"] == [["a", 3], ["b", 1]]
    assert told["sets"][first["set"]]["duplicates"] == 1


def test_the_page_and_run_json_hold_no_second_copy(runs):
    assert all("rows" not in cell["stats"] for cell in runs.info("alone")["cells"])


def test_a_resumed_run_still_has_the_rows_of_cells_it_did_not_run(runs):
    before = datasets(runs)
    loads = len(runs.log("load"))
    done = runs.pytest("--run-dir", "alone")
    assert done.ret == 0, said(done)
    assert len(runs.log("load")) == loads
    assert datasets(runs) == before


def test_a_description_that_was_lost_is_written_again(runs):
    before = datasets(runs)
    lost = runs.path / "alone" / "shards" / "rows" / f"{before['suites']['split'][1]['set']}.json"
    lost.unlink()
    done = runs.pytest("--run-dir", "alone")
    assert done.ret == 0, said(done)
    assert datasets(runs) == before


def test_a_limit_holds_for_the_rows_that_are_told(runs):
    done = runs.pytest("--run-dir", "limited", "--limit", "2")
    assert done.ret == 0, said(done)
    assert {told["rows"] for told in datasets(runs, "limited")["sets"].values()} == {2}
    assert set(browse.read(runs.path / "limited")[0].groupby("set").size()) == {2}


def test_rows_can_be_looked_up_whatever_the_number_of_workers(runs):
    alone, _ = browse.read(runs.path / "alone")
    several, _ = browse.read(runs.path / "workers")
    assert alone.to_json() == several.to_json()
    (whole,) = datasets(runs)["suites"]["whole"]
    rows = alone[alone["set"] == whole["set"]]
    assert list(rows.row) == ["0 a cup", "1 a hat", "2 b cup", "3 a hat"]
    assert [list(texts) for texts in rows.captions] == [["a cup"], ["a hat"], ["b cup"], ["a hat"]]


def test_rows_that_were_lost_are_written_again(runs):
    before, _ = browse.read(runs.path / "alone")
    browse.path_of(runs.path / "alone", before["set"][0]).unlink()
    done = runs.pytest("--run-dir", "alone")
    assert done.ret == 0, said(done)
    after, _ = browse.read(runs.path / "alone")
    assert after.to_json() == before.to_json()


PHOTOS = """
    import pytest
    from harness import ChoiceRow, Findings, Result, caption_choice
    from harness.photos import Photo

    @pytest.mark.suite("photos", needs="ScoresCaptions")
    def test_photos(model, score_captions, record):
        photo = Photo("1.png", ("photos",), "")
        told = {"captions": ("a", "bb"), "options": ("x", "y"), "gold": 0}
        record(caption_choice(score_captions(model, [ChoiceRow(id="1", label="x", group="1", image=photo, **told)])))
"""


def test_a_photo_that_shows_something_else_is_another_data_revision(tmp_path):
    folder = Folder(tmp_path, [pretend("looks", options={"can": "ScoresCaptions"})], photos=PHOTOS)
    for run, side, data in (("first", 8, "here"), ("moved", 8, "there"), ("changed", 9, "here")):
        (tmp_path / data / "photos").mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (side, side)).save(tmp_path / data / "photos" / "1.png")
        done = folder.pytest("--run-dir", run, "--data-dir", data)
        assert done.ret == 0, said(done)
    first, moved, changed = (of_run(read_run(tmp_path / run)) for run in ("first", "moved", "changed"))
    assert [verdict.verdict for verdict in judge(first, moved)] == ["unchanged"]
    (found,) = judge(first, changed)
    assert found.reason == "another data revision: pictures of the same names show something else"
