"""The rows that a reader looks up are the rows that were asked, with a thumbnail of each picture that is at hand."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from harness import browse
from harness.browse import FILES, QUALITY, SIDE, keep, merge, path_of, read
from harness.data.aro import Crop
from harness.errors import PictureError, RunError
from harness.explore import set_digest
from harness.hub_data import Embedded
from harness.photos import Photo
from harness.plugin.asked import Asked as SuiteAsked
from harness.rows import ChoiceRow, QuestionRow, Row, StoryRow, TruthRow
from harness.scenes import find_config, scene_choices


@dataclass(frozen=True)
class Plain:
    """A picture of one colour that counts how often it is opened."""

    name: str
    colour: tuple[int, int, int] = (200, 30, 30)
    opened: list[str] = field(default_factory=list, compare=False)

    def key(self) -> str:
        raise AssertionError("a key may cost a download")

    def open(self) -> Image.Image:
        self.opened.append(self.name)
        if self.name == "broken":
            raise PictureError("broken is not a readable picture")
        return Image.new("RGB", (300, 150), self.colour)


def choices(*pictures: Plain, **more) -> list[ChoiceRow]:
    told = {"label": "on", "group": "g", "captions": ("on it", "under it"), "options": ("on", "under"), "gold": 1}
    return [ChoiceRow(id=f"c{i}", image=picture, **{**told, **more}) for i, picture in enumerate(pictures)]


def kept(run, *sets, thumbs=None):
    """The run's rows and thumbnails once the sets were written and merged."""
    for rows in sets:
        keep(run, set_digest(rows), rows, {} if thumbs is None else thumbs)
    merge(run, sorted(map(set_digest, sets)))
    return read(run)


def test_every_kind_of_row_comes_back_as_it_was_asked(tmp_path):
    red = Plain("red")
    words = {"id": "s", "label": "left", "text": "Where?", "prompt": "Say.", "answers": ("l", "r", "x")}
    rows = {
        ("on it", "under it"): choices(red)[0],
        ("a cup on a table",): TruthRow(id="t", label="on", text="a cup on a table", image=red, truth=False),
        ("A or B?",): QuestionRow(id="q", label="on", group="", image=red, question="A or B?", answers=("A", "B"),
                                  options=("on", "under"), gold=0),
        ("Where?",): StoryRow(**words, options=("left", "right", "none"), right=(2,)),
        ("Where? ",): replace(StoryRow(**words, options=("left", "right", "none"), right=(0, 2)), text="Where? "),
        (): Row(id="p", label="red", image=red),
    }  # fmt: skip
    frame, thumbs = kept(tmp_path, *([row] for row in rows.values()))
    assert len(frame) == len(rows)
    assert list(frame["set"]) == sorted(frame["set"])
    told = {tuple(line.captions): line for line in frame.itertuples()}
    assert {captions: (line.row, line.label) for captions, line in told.items()} == {
        captions: (row.id, row.label) for captions, row in rows.items()
    }
    named = {captions: (list(line.options), line.gold) for captions, line in told.items()}
    assert named == {
        ("on it", "under it"): (["on", "under"], 1),
        ("a cup on a table",): (["false", "true"], 0),
        ("A or B?",): (["on", "under"], 0),
        ("Where?",): (["left", "right", "none"], 2),
        ("Where? ",): (["left", "right", "none"], None),
        (): ([], None),
    }
    assert set(frame.picture.dropna()) == set(thumbs)
    assert len(thumbs) == 1


def test_a_thumbnail_is_small_and_shows_the_picture(tmp_path):
    frame, thumbs = kept(tmp_path, choices(Plain("red")))
    image = Image.open(io.BytesIO(thumbs[frame.picture[0]]))
    assert image.format == "WEBP"
    assert image.size == (SIDE, SIDE // 2)
    assert np.abs(np.asarray(image.convert("RGB"), int) - (200, 30, 30)).max() < 10


def test_one_picture_is_opened_once_for_all_sets_and_kept_once(tmp_path):
    red, again, blue = Plain("red"), Plain("red"), Plain("blue", (0, 0, 200))
    thumbs: browse.Thumbs = {}
    sets = choices(red, red, blue), choices(again, label="under")
    frame, held = kept(tmp_path, *sets, thumbs=thumbs)
    assert (red.opened, again.opened, blue.opened) == (["red"], [], ["blue"])
    assert len(held) == frame.picture.nunique() == 2


def test_pictures_that_python_cannot_hash_are_told_apart(tmp_path):
    class Mutable(Plain):
        __hash__ = None  # type: ignore[assignment]

    frame, held = kept(tmp_path, choices(Mutable("red"), Mutable("blue", (0, 0, 200))))
    assert len(held) == frame.picture.nunique() == 2


def test_a_set_that_is_there_is_not_written_again(tmp_path):
    red = Plain("red")
    rows = choices(red)
    kept(tmp_path, rows)
    before = path_of(tmp_path, set_digest(rows)).stat().st_mtime_ns
    kept(tmp_path, rows)
    assert red.opened == ["red"]
    assert path_of(tmp_path, set_digest(rows)).stat().st_mtime_ns == before


def test_a_picture_that_cannot_be_opened_has_no_thumbnail_and_its_row_stays(tmp_path):
    frame, thumbs = kept(tmp_path, choices(Plain("broken"), Plain("red")))
    assert list(frame.picture.isna()) == [True, False]
    assert len(thumbs) == 1


def test_a_photo_is_not_downloaded_for_a_thumbnail_and_gets_one_once_it_is_there(tmp_path, monkeypatch):
    monkeypatch.setenv("HARNESS_DATA_DIR", str(tmp_path))
    monkeypatch.setattr(Photo, "_download", lambda *_: pytest.fail("downloaded"))
    rows = choices(Photo("a.jpg", ("photos",), "https://example.org/a.jpg"))
    frame, _ = kept(tmp_path / "run", rows)
    assert frame.picture.isna().all()
    (tmp_path / "photos").mkdir()
    Image.new("RGB", (640, 480), (0, 0, 200)).save(tmp_path / "photos" / "a.jpg")
    frame, thumbs = kept(tmp_path / "run", rows)
    assert Image.open(io.BytesIO(thumbs[frame.picture[0]])).size == (SIDE, SIDE * 3 // 4)


def test_drawn_scenes_are_drawn_again_and_rendered_ones_only_read(tmp_path, monkeypatch):
    monkeypatch.setenv("HARNESS_STORE_DIR", str(tmp_path / "store"))
    pytest.importorskip("mitsuba")
    monkeypatch.setattr("harness.scenes.render.render", lambda *_: pytest.fail("rendered"))
    drawn, solid = (scene_choices(find_config(name))[:2] for name in ("spatial", "tabletop"))
    frame, thumbs = kept(tmp_path, drawn, solid)
    assert frame.picture.isna().sum() == len(solid)
    assert len(thumbs) == len({row.image.name for row in drawn})


def test_a_thumbnail_takes_about_the_bytes_that_were_counted_on():
    noise = np.random.default_rng(0).normal(128, 40, (12, 16, 3)).clip(0, 255).astype(np.uint8)
    photo = Image.fromarray(noise).resize((640, 480), Image.Resampling.BICUBIC)
    assert 100 < len(browse.thumbnail(photo)) < 1200
    assert len(browse.thumbnail(photo, 40, QUALITY)) < len(browse.thumbnail(photo))


def test_a_run_without_rows_has_none_and_gets_no_files(tmp_path):
    merge(tmp_path, ["0" * 32])
    assert read(tmp_path) is None
    assert not any((tmp_path / name).exists() for name in FILES)


def test_a_torn_set_is_written_again_and_refused_where_it_is_not(tmp_path):
    rows = choices(Plain("red"))
    path = path_of(tmp_path, set_digest(rows))
    path.parent.mkdir(parents=True)
    path.write_bytes(b"PAR1 cut short")
    with pytest.raises(RunError, match=r"is damaged .*delete it and run again with the same --run-dir"):
        merge(tmp_path, [set_digest(rows)])
    assert sorted(p.name for p in tmp_path.iterdir()) == ["shards"]
    frame, _ = kept(tmp_path, rows)
    assert len(frame) == 1


@pytest.mark.parametrize("name", FILES)
def test_damaged_files_are_an_error_that_says_what_to_do(tmp_path, name):
    kept(tmp_path, choices(Plain("red")))
    (tmp_path / name).write_bytes(b"PAR1 cut short")
    with pytest.raises(RunError, match=r"cannot read .*asked\.parquet.*spatial-harness report"):
        read(tmp_path)


def test_a_full_disk_leaves_nothing_half_written(tmp_path, monkeypatch):
    def full(table, path):
        path.write_bytes(b"PAR1")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pq, "write_table", full)
    rows = choices(Plain("red"))
    with pytest.raises(OSError, match="No space"):
        keep(tmp_path, set_digest(rows), rows, {})
    assert [path.suffix for path in (tmp_path / "shards" / "rows").iterdir()] in ([".lock"], [])


def test_of_processes_that_ask_a_set_at_once_one_draws_it(tmp_path):
    red, blue = Plain("red"), Plain("blue", (0, 0, 200))
    rows = choices(red, blue)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: keep(tmp_path, set_digest(rows), rows, {}), range(8)))
    assert (red.opened, blue.opened) == (["red"], ["blue"])
    frame, _ = kept(tmp_path, rows)
    assert len(frame) == 2


def test_a_worker_that_cannot_write_says_what_to_do(tmp_path):
    (tmp_path / "shards").write_text("a file where a folder should be")
    with pytest.raises(RunError, match=r"cannot write into .*: .*; free space or give another --run-dir"):
        SuiteAsked(sets=[choices(Plain("red"))]).told(tmp_path)


def test_a_worker_draws_a_picture_once_for_all_suites(tmp_path):
    red, worker = Plain("red"), SuiteAsked()
    for label in ("on", "under"):
        worker.sets[:] = [choices(red, label=label)]
        assert len(worker.told(tmp_path)) == 1
    assert red.opened == ["red"]


def test_a_part_of_a_photo_is_what_its_thumbnail_shows(tmp_path, monkeypatch):
    monkeypatch.setenv("HARNESS_DATA_DIR", str(tmp_path))
    monkeypatch.setattr(Photo, "_download", lambda *_: pytest.fail("downloaded"))
    photo = Photo("a.png", ("photos",), "https://example.org/a.png")
    rows = choices(Crop(photo, (0, 0, 100, 50)))
    assert kept(tmp_path / "run", rows)[0].picture.isna().all()
    whole = Image.new("RGB", (200, 100), (0, 0, 200))
    whole.paste((200, 30, 30), (0, 0, 100, 50))
    (tmp_path / "photos").mkdir()
    whole.save(tmp_path / "photos" / "a.png")
    frame, thumbs = kept(tmp_path / "run", rows)
    shown = np.asarray(Image.open(io.BytesIO(thumbs[frame.picture[0]])).convert("RGB"), int)
    assert np.abs(shown - (200, 30, 30)).max() < 10


def test_pictures_of_two_tables_are_not_taken_for_each_other():
    first, second = (Embedded("", 0, None, table) for table in ("a@1 train image", "b@1 train image"))
    assert first != second
    assert first == Embedded("", 0, object(), "a@1 train image")
