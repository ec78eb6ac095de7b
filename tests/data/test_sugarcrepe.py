"""SugarCrepe's files: all rows, the true caption gold, whatever numbers are missing."""

import json
import os
from pathlib import Path

import pytest

from harness import sugarcrepe
from harness.data import sugarcrepe as module
from harness.errors import ConfigError, DataError, DataUnavailable

real = pytest.mark.skipif(
    not (Path(os.environ.get("HARNESS_DATA_DIR") or "/nowhere") / "sugarcrepe").is_dir(),
    reason="SugarCrepe is not here: set HARNESS_DATA_DIR",
)


@real
@pytest.mark.parametrize(("part", "count"), [("replace_rel", 1406), ("swap_obj", 245)])
def test_the_published_files_are_read_whole(part, count):
    rows = sugarcrepe(part)
    raw = json.loads(module.FILES[part].locate().read_text())
    assert len(rows) == len({row.id for row in rows}) == count
    assert {(r.image.name, r.captions[r.gold], r.captions[1 - r.gold]) for r in rows} == {
        (e["filename"], e["caption"], e["negative_caption"]) for e in raw.values()
    }
    assert 0.4 < sum(row.gold for row in rows) / count < 0.6


@pytest.mark.parametrize("text", ["{", "[]", '{"0": {}}', '{"0": 3}', "{}"])
def test_a_damaged_file_is_one_error(tmp_path, monkeypatch, text):
    monkeypatch.setenv("HARNESS_DATA_DIR", str(tmp_path))
    (tmp_path / "sugarcrepe").mkdir()
    (tmp_path / "sugarcrepe" / "swap_obj.json").write_text(text)
    with pytest.raises(DataError, match="fetch it again"):
        sugarcrepe("swap_obj")


def test_what_is_not_there_is_said(tmp_path, monkeypatch):
    monkeypatch.setenv("HARNESS_DATA_DIR", str(tmp_path))
    with pytest.raises(DataUnavailable, match=r"put sugarcrepe/swap_obj\.json below --data-dir .*sugar-crepe"):
        sugarcrepe("swap_obj")
    with pytest.raises(ConfigError, match="Did you mean swap_obj"):
        sugarcrepe("swap_object")
