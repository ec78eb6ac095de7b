"""Data sets read from the hub's tables: small Parquet files of the same schemas, read by the library itself."""

from __future__ import annotations

import errno
from pathlib import Path

import datasets
import numpy as np
import pytest
from hub_tables import ALL, COUNT, DataSet, FakeTables, aro, sugarcrepe_swap, texts_of, winoground_items

from harness import caption_choice, sources
from harness.embed import score_captions
from harness.encode import Model
from harness.errors import DataError, DataUnavailable, PictureError, StoreError
from harness.hub_data import Embedded
from harness.models import ModelSpec
from harness.photos import Photo
from harness.sources import file_digest
from harness.store import Store


@pytest.fixture(params=ALL)
def data_set(request, monkeypatch) -> DataSet:
    found = ALL[request.param]()
    if found.table.texts:
        monkeypatch.setattr("hub_tables.sugarcrepe_module.ABSENT", {"swap_obj": 3})
        found.shrink(monkeypatch, texts=texts_of(found))
    else:
        found.shrink(monkeypatch)
    return found


def without_pictures(rows):
    return [(r.id, r.label, r.group, r.captions, r.options, r.gold, r.set, r.image.name) for r in rows]


def test_the_hubs_rows_are_those_of_the_authors_file(hub: FakeTables, data_set, tmp_path: Path):
    data_set.write(tmp_path / "data")
    local = data_set.read()
    (tmp_path / "data" / data_set.table.local).unlink()
    hub.put(data_set.table, data_set.entries, data_set.features)
    rows = data_set.read()
    assert without_pictures(rows) == without_pictures(local)
    for row, same in zip(rows, local, strict=True):
        assert row.image.key() == same.image.key()
        assert np.array_equal(np.asarray(row.image.open()), np.asarray(same.image.open()))
    assert len({row.id for row in rows}) == len(rows)


def test_a_local_file_wins_and_the_hub_is_not_asked(hub: FakeTables, data_set, tmp_path: Path):
    hub.put(data_set.table, data_set.entries, data_set.features)
    data_set.write(tmp_path / "data")
    pictures = [getattr(row.image, "photo", row.image) for row in data_set.read()]
    assert all(isinstance(picture, Photo) for picture in pictures)
    assert hub.asked == []


def test_what_was_read_is_on_record_file_by_file(hub: FakeTables, data_set):
    files = hub.put(data_set.table, data_set.entries, data_set.features)
    data_set.read()
    assert [facts["file"] for facts in sources.used.values()] == list(map(str, files))
    for facts in sources.used.values():
        assert facts["sha256"] == file_digest(Path(facts["file"]))
        assert facts["source"] == f"{data_set.table.repo}@{data_set.table.revision}"
        assert (facts["rows"], facts["as_pinned"]) == (COUNT, True)


def test_texts_that_are_not_the_authors_are_on_record(hub: FakeTables, monkeypatch):
    data_set = sugarcrepe_swap()
    data_set.shrink(monkeypatch)
    hub.put(data_set.table, data_set.entries, data_set.features)
    assert len(data_set.read()) == COUNT
    assert not any(facts["as_pinned"] for facts in sources.used.values())


def test_a_table_of_another_length_is_an_error(hub: FakeTables, data_set):
    hub.put(data_set.table, data_set.entries[:-1], data_set.features)
    with pytest.raises(DataError, match=rf"has {len(data_set.entries) - 1} rows, not {len(data_set.entries)}: put"):
        data_set.read()


def test_a_part_of_another_length_is_an_error(hub: FakeTables, monkeypatch):
    data_set = sugarcrepe_swap()
    data_set.shrink(monkeypatch)
    fewer = [{**entry, "Negative_type": "add_att"} if i == 2 else entry for i, entry in enumerate(data_set.entries)]
    hub.put(data_set.table, fewer, data_set.features)
    with pytest.raises(DataError, match=f"has {COUNT - 1} rows, not {COUNT}"):
        data_set.read()


def test_a_table_of_another_schema_is_an_error(hub: FakeTables, data_set):
    lacking, texts = data_set.table.columns[0], data_set.table.pictures[0]
    features = datasets.Features({name: kind for name, kind in data_set.features.items() if name != lacking})
    entries = [{name: entry[name] for name in features} for entry in data_set.entries]
    hub.put(data_set.table, entries, features)
    with pytest.raises(DataError, match=f"has no column {lacking}: put {data_set.table.local}"):
        data_set.read()
    features = datasets.Features({**data_set.features, texts: datasets.Value("string")})
    hub.put(data_set.table, [{**entry, texts: "a link"} for entry in data_set.entries], features)
    with pytest.raises(DataError, match=f"has no pictures in {texts}"):
        data_set.read()


def test_a_photo_without_a_name_has_no_group(hub: FakeTables, monkeypatch):
    data_set = aro()
    data_set.shrink(monkeypatch)
    nameless = [{**entry, "image": {**entry["image"], "path": None}} for entry in data_set.entries]
    hub.put(data_set.table, nameless, data_set.features)
    with pytest.raises(DataError, match="row 0 does not name its photo"):
        data_set.read()


def test_pictures_without_names_are_called_by_their_item(hub: FakeTables, monkeypatch):
    data_set = winoground_items()
    data_set.shrink(monkeypatch)
    pictures = [{name: {**entry[name], "path": None} for name in ("image_0", "image_1")} for entry in data_set.entries]
    hub.put(data_set.table, [e | p for e, p in zip(data_set.entries, pictures, strict=True)], data_set.features)
    assert [row.image.name for row in data_set.read()][:2] == ["winoground 000 image_0", "winoground 000 image_1"]


# --- what cannot be had -------------------------------------------------------------------------


def test_without_the_hub_the_reason_names_the_file_and_its_place(hub: FakeTables, data_set, monkeypatch):
    monkeypatch.setattr(sources, "hub_problem", lambda: "the hub cannot be reached (no route)")
    with pytest.raises(DataUnavailable, match=rf"no route\); or put {data_set.table.local} below --data-dir"):
        data_set.read()


def test_what_was_fetched_before_is_read_without_the_hub(hub: FakeTables, data_set, monkeypatch):
    hub.put(data_set.table, data_set.entries, data_set.features)
    hub.cached = True
    monkeypatch.setattr(sources, "hub_problem", lambda: "the hub cannot be reached (no route)")
    assert {row.image.open().mode for row in data_set.read()} == {"RGB"}


def test_terms_that_are_not_accepted_are_told(hub: FakeTables, data_set):
    hub.gated = True
    with pytest.raises(DataUnavailable, match=rf"gated: accept its terms .*hf auth login.*put {data_set.table.local}"):
        data_set.read()


def test_a_table_of_which_a_file_is_missing_cannot_be_had(hub: FakeTables, data_set):
    hub.put(data_set.table, data_set.entries, data_set.features)[1].unlink()
    with pytest.raises(DataUnavailable, match=f"not all files of {data_set.table.repo}'s split"):
        data_set.read()


def test_a_damaged_file_is_an_error_that_names_it(hub: FakeTables, data_set):
    path = hub.put(data_set.table, data_set.entries, data_set.features, files=1)[0]
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(DataError, match=rf"{path.name} is no Parquet .*fetch it again"):
        data_set.read()


def test_a_full_disk_is_no_fault_of_the_data(hub: FakeTables, data_set, monkeypatch):
    def full(*_args, **_kwargs):
        raise datasets.exceptions.DatasetGenerationError("failed") from OSError(errno.ENOSPC, "No space left")

    hub.put(data_set.table, data_set.entries, data_set.features)
    monkeypatch.setattr(datasets, "load_dataset", full)
    with pytest.raises(StoreError, match="No space left; free space or set XDG_CACHE_HOME"):
        data_set.read()


def test_a_damaged_picture_is_counted_and_the_others_are_asked(hub: FakeTables, data_set, tmp_path: Path):
    column = data_set.table.pictures[0]
    broken = [dict(entry) for entry in data_set.entries]
    broken[2][column] = {**broken[2][column], "bytes": b"\xff\xd8\xff cut short"}
    broken[3][column] = {**broken[3][column], "bytes": b""}
    hub.put(data_set.table, broken, data_set.features)
    rows = data_set.read()
    spec = ModelSpec(name="position-biased", family="controls", options={"kind": "position-biased"})
    whole = caption_choice(score_captions(Model(spec, Store(tmp_path / "store")), rows)).results[0]
    assert whole.n == len(rows) - 2
    assert f"2 of {len(rows)} pictures failed" in whole.note


def test_a_picture_that_is_missing_says_which(hub: FakeTables, monkeypatch):
    import pyarrow

    column = pyarrow.chunked_array([pyarrow.array([None, {"bytes": None, "path": "a.png"}])])
    for number in range(2):
        with pytest.raises(PictureError, match=rf"a\.png has no bytes in row {number} of its table"):
            Embedded("a.png", number, column).open()
