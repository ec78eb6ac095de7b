from __future__ import annotations

import contextlib
import errno
import io
import json
import math
import os
import subprocess
from dataclasses import replace
from unittest.mock import Mock

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from harness import runs
from harness.errors import RunError
from harness.results import Findings, Outcome, Result
from harness.runs import UNFINISHED, merge, read_run
from harness.shards import Cell, Shard, latest_cells, read_arrays, read_cells, read_plan, write_plan

NAN, INF = math.nan, math.inf


def found(value: float | None = 0.5, note: str = "") -> Findings:
    answered = Outcome(
        row="r1", group="g1", slice="relation=on", gold="on", predicted="in", correct=0.5, scores=(0.25, 1.0)
    )
    unanswered = Outcome(row="r2", group="g2", slice="relation=in", gold="in", predicted=None, correct=None)
    result = Result(metric="accuracy", value=value, n=2, low=0.25, high=0.75, chance=0.5, note=note)
    return Findings((result, replace(result, slice="relation=on", floor=0.1, low=None)), (answered, unanswered))


def cell(suite: str = "s", model: str = "m", **changes) -> Cell:
    values = {"suite": suite, "model": model, "status": "passed", "key": "k", "findings": found()}
    return Cell(**{**values, **changes})


def failed(suite: str = "s", model: str = "m", key: str = "k") -> Cell:
    return Cell(suite=suite, model=model, status="error", key=key, reason="it broke")


@pytest.fixture
def run(tmp_path):
    """A run folder that plans two suites for two models."""
    path = tmp_path / "run"
    write_plan(path, {"command": "pytest suites"}, [(suite, model) for suite in "st" for model in "mn"])
    return path


# --- findings -----------------------------------------------------------------------------------


def test_cells_come_back_as_they_were_written(tmp_path):
    shard = Shard(tmp_path, "gw0")
    whole = cell(stats={"seconds": 1.5, "data": {"vsr": {"sha256": "x"}}})
    skip = Cell(suite="s", model="n", status="skipped", reason="näh: no\nimages \u2028")
    shard.append(whole)
    shard.append(skip)
    assert read_cells(tmp_path) == {("s", "m"): whole, ("s", "n"): skip}


def test_a_run_folder_without_shards_has_no_cells(tmp_path):
    assert read_cells(tmp_path / "nothing") == {}


def test_processes_have_shards_of_their_own(tmp_path):
    first, second = Shard(tmp_path, "gw0"), Shard(tmp_path, "gw1")
    assert first.path != second.path
    assert str(os.getpid()) in first.path.name


def test_a_torn_last_line_is_a_cell_that_was_not_finished(tmp_path):
    shard = Shard(tmp_path, "gw0")
    shard.append(cell("s"))
    whole = shard.path.read_bytes()
    shard.append(cell("t"))
    both = shard.path.read_bytes()
    for size in range(len(whole), len(both)):
        shard.path.write_bytes(both[:size])
        assert set(read_cells(tmp_path)) == {("s", "m")}, size
    shard.path.write_bytes(both)
    assert set(read_cells(tmp_path)) == {("s", "m"), ("t", "m")}


def test_a_cell_appended_after_a_torn_line_is_not_torn_with_it(tmp_path):
    """In a container the next process may well have the same number."""
    shard = Shard(tmp_path, "gw0")
    shard.append(cell("s"))
    shard.path.write_bytes(shard.path.read_bytes() + b'{"suite": "t", "mod')
    shard.append(cell("u"))
    shard.append(cell("v"))
    assert set(read_cells(tmp_path)) == {("s", "m"), ("u", "m"), ("v", "m")}


@pytest.mark.parametrize(
    "line", [b"null", b"12", b"[]", b'{"suite": "t"}', b"{}", b"\xff\xfe", b'{"suite": "t", "x": 1}']
)
def test_a_line_that_is_no_cell_is_passed_over(tmp_path, line):
    shard = Shard(tmp_path, "gw0")
    shard.append(cell("s"))
    shard.path.write_bytes(line + b"\n" + shard.path.read_bytes())
    assert set(read_cells(tmp_path)) == {("s", "m")}


class Narrow(io.FileIO):
    """A file on a disk with room for a few bytes more."""

    left = 0

    def write(self, data) -> int:
        if not self.left:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        count = super().write(bytes(data)[: self.left])
        self.left -= count
        return count


def open_narrow(room: int):
    def opened(path, mode):
        raw = Narrow(path, mode.replace("b", ""))
        raw.left = room
        return io.BufferedRandom(raw) if "+" in mode else io.BufferedWriter(raw)

    return opened


@pytest.mark.parametrize("taken", [0, 1, 40])
def test_a_full_disk_leaves_the_shard_whole(tmp_path, monkeypatch, taken):
    shard = Shard(tmp_path, "gw0")
    shard.append(cell("s"))
    before = shard.path.read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(type(shard.path), "open", open_narrow(taken))
        with pytest.raises(RunError, match=r"cannot write .*No space left on device; free space or .*--run-dir"):
            shard.append(cell("t"))
    assert shard.path.read_bytes() == before
    shard.append(cell("u"))
    assert set(read_cells(tmp_path)) == {("s", "m"), ("u", "m")}


def test_a_disk_that_takes_no_new_file_is_the_same_error(tmp_path, monkeypatch):
    shard = Shard(tmp_path, "gw0")
    with monkeypatch.context() as patch:
        patch.setattr(type(shard.path), "open", Mock(side_effect=OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))))
        with pytest.raises(RunError, match="No space left on device"):
            shard.append(cell("t"))
    assert not shard.path.exists()


@pytest.fixture
def small_disk(tmp_path):
    """A real file system of 64 KiB."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        pytest.skip("mounting a small file system needs root")
    path = tmp_path / "disk"
    path.mkdir()
    with contextlib.suppress(FileNotFoundError):
        command = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(path)]
        mounted = subprocess.run(command, capture_output=True, text=True, check=False)
        if mounted.returncode == 0:
            yield path
            subprocess.run(["umount", "-l", str(path)], check=True)
            return
        pytest.skip(f"no small file system can be mounted here: {mounted.stderr.strip()}")
    pytest.skip("there is no mount command here")


def test_a_disk_that_really_is_full_leaves_a_run_that_can_be_read(small_disk):
    run = small_disk / "run"
    write_plan(run, {}, [("s", "m"), ("t", "m")])
    shard = Shard(run, "gw0")
    shard.append(cell("s"))
    long = replace(found(), outcomes=found().outcomes * 2000)
    with pytest.raises(RunError, match="No space left on device"):
        shard.append(cell("t", findings=long))
    assert set(read_cells(run)) == {("s", "m")}
    assert [c.status for c in merge(run)] == ["passed", "error"]
    assert len(read_run(run).results) == 2


def test_a_full_disk_at_the_merge_is_one_error_and_leaves_the_last_page(run, monkeypatch):
    Shard(run, "gw0").append(cell("s"))
    merge(run)
    before = {path.name: path.read_bytes() for path in run.iterdir() if path.is_file()}

    def full(self, data):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    Shard(run, "gw1").append(cell("t"))
    monkeypatch.setattr(type(run), "write_bytes", full)
    with pytest.raises(RunError, match=r"No space left on device; free space, then `spatial-harness report"):
        merge(run)
    assert {path.name: path.read_bytes() for path in run.iterdir() if path.is_file()} == before


# --- which state of a cell counts ---------------------------------------------------------------


def write(run, worker: str, *cells: Cell, at: float) -> None:
    shard = Shard(run, worker)
    for one in cells:
        shard.append(one)
    os.utime(shard.path, (at, at))


def test_a_pass_is_not_overwritten_by_a_later_error_of_the_same_key(tmp_path):
    write(tmp_path, "gw0", cell(), at=1)
    write(tmp_path, "gw1", failed(), at=2)
    assert read_cells(tmp_path)["s", "m"].status == "passed"


def test_an_error_of_another_key_makes_an_old_pass_void(tmp_path):
    write(tmp_path, "gw0", cell(key="old weights"), at=1)
    write(tmp_path, "gw1", failed(key="new weights"), at=2)
    assert read_cells(tmp_path)["s", "m"].status == "error"


def test_a_pass_overwrites_an_earlier_error_and_the_newest_pass_counts(tmp_path):
    write(tmp_path, "gw1", failed(), cell(findings=found(0.4)), at=1)
    write(tmp_path, "gw0", cell(findings=found(0.6)), at=2)
    assert read_cells(tmp_path)["s", "m"].findings.results[0].value == 0.6


def test_the_newest_shard_counts_whatever_its_name(tmp_path):
    write(tmp_path, "zz", Cell(suite="s", model="m", status="skipped", reason="old"), at=1)
    write(tmp_path, "aa", Cell(suite="s", model="m", status="skipped", reason="new"), at=2)
    assert read_cells(tmp_path)["s", "m"].reason == "new"


# --- merge --------------------------------------------------------------------------------------


def test_a_planned_cell_that_nobody_finished_is_an_error_and_never_left_out(run):
    Shard(run, "gw0").append(cell("s", "m"))
    cells = merge(run)
    assert [(c.suite, c.model, c.status) for c in cells] == [
        ("s", "m", "passed"),
        ("s", "n", "error"),
        ("t", "m", "error"),
        ("t", "n", "error"),
    ]
    assert {c.reason for c in cells[1:]} == {UNFINISHED}
    summary = json.loads((run / "run.json").read_text())["cells"]
    assert [c["status"] for c in summary] == ["passed", "error", "error", "error"]


def test_a_result_line_has_the_columns_of_the_contract_and_null_for_missing_numbers(run):
    Shard(run, "gw0").append(cell(findings=found(value=None)))
    merge(run)
    text = (run / "results.jsonl").read_text()
    assert "NaN" not in text
    first, second = map(json.loads, text.splitlines())
    assert list(first) == ["suite", "model", "metric", "slice", "value", "low", "high", "n", "chance", "floor", "note"]
    assert (first["value"], first["floor"], second["low"]) == (None, None, None)
    assert (first["slice"], second["slice"], second["floor"]) == ("all", "relation=on", 0.1)


def test_every_row_is_in_the_rows_file_with_null_for_missing_answers(run):
    Shard(run, "gw0").append(cell("s"))
    Shard(run, "gw0").append(Cell(suite="t", model="m", status="skipped", reason="no images"))
    merge(run)
    rows = pq.read_table(run / "rows.parquet").to_pylist()
    assert [list(row) for row in rows] == [
        ["suite", "model", "row", "group", "slice", "gold", "predicted", "correct", "scores", "pair", "set"]
    ] * 2
    assert rows[0]["scores"] == [0.25, 1.0]
    assert (rows[1]["predicted"], rows[1]["correct"], rows[1]["scores"]) == (None, None, [])


def test_merging_again_gives_the_same_files_and_later_cells_are_added(run):
    Shard(run, "gw0").append(cell("s"))
    merge(run, finished="now")
    before = {name: (run / name).read_bytes() for name in ("results.jsonl", "rows.parquet", "run.json")}
    merge(run, finished="now")
    assert {name: (run / name).read_bytes() for name in before} == before
    Shard(run, "gw1").append(cell("t"))
    merge(run, finished="now")
    assert len((run / "results.jsonl").read_text().splitlines()) == 4
    assert not list(run.glob("*.tmp"))


def test_the_order_of_cells_does_not_depend_on_who_finished_first(tmp_path):
    folders = []
    for name, order in (("a", "stuv"), ("b", "vuts")):
        run = tmp_path / name
        write_plan(run, {}, [])
        for suite in order:
            Shard(run, f"gw-{suite}").append(cell(suite))
        merge(run)
        folders.append(run)
    for file in ("results.jsonl", "rows.parquet", "run.json"):
        assert (folders[0] / file).read_bytes() == (folders[1] / file).read_bytes()


def test_facts_about_data_are_gathered_from_all_cells_and_not_repeated(run):
    Shard(run, "gw0").append(cell("s", stats={"seconds": 1.0, "data": {"vsr": {"sha256": "x"}}}))
    Shard(run, "gw1").append(cell("t", stats={"data": {"scenes": {"sha256": "y"}}}))
    merge(run, finished="now")
    info = json.loads((run / "run.json").read_text())
    assert set(info["data"]) == {"vsr", "scenes"}
    assert [c["stats"] for c in info["cells"] if c["status"] == "passed"] == [{"seconds": 1.0}, {}]
    assert (info["format"], info["command"], info["finished"]) == (runs.FORMAT, "pytest suites", "now")


def test_a_surrogate_in_a_reason_is_written_and_read_back(run):
    """File names that are not UTF-8 come into error messages in this way."""
    Shard(run, "gw0").append(Cell(suite="s", model="m", status="error", reason="cannot read caf\udce9.png"))
    merge(run)
    assert "\\udce9" in (run / "run.json").read_text()
    assert read_run(run).info["cells"][0]["reason"] == "cannot read caf\udce9.png"


# --- reading back -------------------------------------------------------------------------------


def test_a_plan_comes_back_as_it_was_written(run):
    info, cells = read_plan(run)
    assert info == {"command": "pytest suites"}
    assert cells == [("s", "m"), ("s", "n"), ("t", "m"), ("t", "n")]


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", '{"info": {}}', '{"info": {}, "cells": [1]}', '{"info": {}, "cells": 1}']
)
def test_a_damaged_plan_is_a_run_error(run, text):
    (run / "shards" / "plan.json").write_text(text)
    with pytest.raises(RunError, match="is not a run folder"):
        read_plan(run)


def test_a_folder_without_a_plan_is_a_run_error(tmp_path):
    with pytest.raises(RunError, match=r"is not a run folder: .*No such file"):
        merge(tmp_path)


def test_a_run_is_read_back_as_frames(run):
    Shard(run, "gw0").append(cell("s"))
    merge(run)
    back = read_run(run)
    assert list(back.results.columns) == [
        "suite", "model", "metric", "value", "n", "slice", "low", "high", "chance", "floor", "note",
    ]  # fmt: skip
    assert back.results["value"].tolist() == [0.5, 0.5]
    assert isinstance(back.rows, pd.DataFrame)
    assert back.rows["row"].tolist() == ["r1", "r2"]
    assert back.path == run


def test_a_run_in_which_nothing_passed_is_read_back(run):
    merge(run)
    back = read_run(run)
    assert (len(back.results), len(back.rows)) == (0, 0)


@pytest.fixture
def merged(run):
    Shard(run, "gw0").append(cell("s"))
    merge(run)
    return run


@pytest.mark.parametrize("name", ["run.json", "results.jsonl", "rows.parquet"])
def test_a_run_folder_that_lacks_a_file_is_a_run_error(merged, name):
    (merged / name).unlink()
    with pytest.raises(RunError, match="is not a readable run folder"):
        read_run(merged)


CUT = [(name, part) for name in ("run.json", "results.jsonl", "rows.parquet") for part in (0.0, 0.1, 0.5, 0.95)]


@pytest.mark.parametrize(
    ("name", "part"), [cut for cut in CUT if cut != ("results.jsonl", 0.0)]
)  # no results: no lines
def test_a_run_folder_with_a_truncated_file_is_a_run_error(merged, name, part):
    data = (merged / name).read_bytes()
    (merged / name).write_bytes(data[: int(part * len(data))])
    with pytest.raises(RunError, match="is not a readable run folder"):
        read_run(merged)


@pytest.mark.parametrize("text", ["[]", "null", "1"])
def test_a_run_json_of_another_kind_is_a_run_error(merged, text):
    (merged / "run.json").write_text(text)
    with pytest.raises(RunError):
        read_run(merged)


def test_bytes_that_are_no_text_are_a_run_error(merged):
    (merged / "run.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(RunError):
        read_run(merged)


@pytest.mark.parametrize("version", [runs.FORMAT + 1, 0, None, "1"])
def test_another_format_version_is_a_run_error_that_says_so(merged, version):
    info = json.loads((merged / "run.json").read_text())
    (merged / "run.json").write_text(json.dumps({**info, "format": version}))
    (merged / "rows.parquet").unlink()  # another version may have other files
    with pytest.raises(RunError, match=rf"has run format {version}; this version reads {runs.FORMAT}"):
        read_run(merged)


def test_rows_that_are_no_parquet_file_are_a_run_error(merged):
    with pa.OSFile(str(merged / "rows.parquet"), "wb") as file:
        file.write(b"PAR1" + b"x" * 100 + b"PAR1")
    with pytest.raises(RunError, match="is not a readable run folder"):
        read_run(merged)


def passing(name, **changes):
    findings = Findings((Result(metric="accuracy", value=0.5, n=4),), ())
    return Cell(suite="s", model=name, status="passed", key="k", findings=findings, **changes)


def test_a_run_that_goes_on_with_other_models_keeps_its_plan_models_and_limit(tmp_path):
    write_plan(tmp_path, {"models": [{"name": "a"}], "limit": 5, "questions": {"s": "old?", "t": "T?"}}, [("s", "a")])
    write_plan(tmp_path, {"models": [{"name": "b"}], "limit": None, "questions": {"s": "new?"}}, [("s", "b")])
    info, cells = read_plan(tmp_path)
    assert info["questions"] == {"s": "new?", "t": "T?"}
    assert [model["name"] for model in info["models"]] == ["a", "b"]
    assert info["limit"] == 5
    assert cells == [("s", "a"), ("s", "b")]
    assert latest_cells(tmp_path) == {("s", "b")}


def test_a_skip_never_replaces_a_number_and_an_error_of_other_settings_does(tmp_path):
    shard = Shard(tmp_path, "main")
    shard.append(passing("a"))
    shard.append(Cell(suite="s", model="a", status="skipped", reason="the mirror was not given"))
    assert read_cells(tmp_path)["s", "a"].status == "passed"
    shard.append(Cell(suite="s", model="a", status="error", reason="broken since"))
    assert read_cells(tmp_path)["s", "a"].status == "error"


def test_the_newest_cell_is_the_one_written_last_whatever_the_files_are_called(tmp_path):
    Shard(tmp_path, "zz").append(Cell(suite="s", model="a", status="error", reason="first"))
    Shard(tmp_path, "aa").append(passing("a"))
    for path in (tmp_path / "shards").iterdir():  # as a copied folder has them
        os.utime(path, (1, 1))
    assert read_cells(tmp_path)["s", "a"].status == "passed"


def test_arrays_come_back_as_they_were_written_with_what_is_known_of_them(tmp_path):
    weights = np.arange(6, dtype=np.float16).reshape(2, 3).T
    Shard(tmp_path, "w").append(
        cell("a/b c", findings=replace(found(), arrays={"weights": weights}, about={"layer": 3}))
    )
    arrays, about = read_arrays(tmp_path, "a/b c", "m")
    assert np.array_equal(arrays["weights"], weights)
    assert arrays["weights"].dtype == np.float16
    assert about == {"layer": 3}
    assert read_cells(tmp_path)["a/b c", "m"].findings == found()


def test_arrays_that_are_not_there_are_a_run_error_that_says_what_to_run(tmp_path):
    with pytest.raises(RunError, match="run suite s for m again"):
        read_arrays(tmp_path, "s", "m")
