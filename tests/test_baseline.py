from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from gate_samples import MODELS, answers, cell, folder, right, side

from harness.baseline import of_run, read_baseline, write_baseline
from harness.baseline_file import COLUMNS, KEY
from harness.errors import RunError
from harness.gate import judge
from harness.runs import merge, read_run
from harness.shards import Cell, Shard, write_plan


@pytest.fixture
def run(tmp_path):
    return folder(tmp_path / "run", cell(right(0.8)), cell(right(0.6, seed=1), model="n"), cell([1, 0, 0.5, None], "t"))


@pytest.fixture
def file(run, tmp_path):
    path = tmp_path / "kept" / "main.parquet"
    write_baseline(read_baseline(run), path)
    return path


def rewritten(path: Path, change=lambda rows: rows, **said) -> Path:
    """The file with other rows or other metadata, as a program that knows nothing of its digest would write it."""
    table = pq.read_table(path)
    about = {**json.loads(pq.read_metadata(path).metadata[KEY]), **said}
    rows = pa.Table.from_pandas(change(table.to_pandas()), preserve_index=False)
    pq.write_table(rows.replace_schema_metadata({KEY: json.dumps(about)}), path)
    return path


# --- what is kept -------------------------------------------------------------------------------


def test_a_file_says_what_its_run_folder_says(run, file):
    kept, whole = read_baseline(file), read_baseline(run)
    pd.testing.assert_frame_equal(kept.rows.astype({"suite": str, "model": str}), whole.rows)
    assert {key: {**f, "reason": ""} for key, f in whole.cells.items()} == kept.cells
    same = set(whole.about) - {"cells"}
    assert {name: kept.about[name] for name in same} == {name: whole.about[name] for name in same}


def test_it_holds_digests_and_answers_and_no_text_of_a_row(file):
    table = pq.read_table(file)
    assert table.column_names == list(COLUMNS)
    assert [str(table.schema.field(name).type) for name in ("row", "group", "correct")] == [
        "uint64",
        "uint64",
        "double",
    ]
    assert pq.ParquetFile(file).metadata.row_group(0).column(0).compression == "ZSTD"
    assert b"r17" not in file.read_bytes()
    assert b"/data/" not in file.read_bytes()


def test_a_cell_says_what_it_asked_and_came_to(file):
    facts = read_baseline(file).cells["t", "m"]
    assert facts == {
        "status": "passed",
        "reason": "",
        "rows": 3,
        "unanswered": 1,
        "sets": ["d1"],
        "data": {"vsr/test.jsonl": "a" * 64},
        "pictures": "p1",
        "metric": "accuracy",
        "value": 0.5,
    }


def test_models_say_how_they_are_asked_and_where_their_weights_came_from(file):
    unset = dict.fromkeys(("pooling", "dtype", "attn_implementation", "source", "revision"))
    asked = {"family": "dual", "prompt": "", "options": {}, "weights": "w" * 64}
    assert read_baseline(file).about["models"]["m"] == {**unset, **asked}


def test_real_ids_are_known_of_a_run_folder_alone(run, file):
    whole = read_baseline(run)
    assert {whole.ids[digest] for digest in whole.rows["row"]} >= {"r0", "r399"}
    assert read_baseline(file).ids == {}


def test_the_order_of_rows_and_cells_changes_no_byte(tmp_path):
    one, other = cell([1, 0, 1, 1]), cell([0, 1], model="n")
    files = [tmp_path / "a.parquet", tmp_path / "b.parquet"]
    for path, cells in zip(files, ([one, other], [other, one]), strict=True):
        write_baseline(side(tmp_path / path.stem, *cells), path)
    assert files[0].read_bytes() == files[1].read_bytes()


def test_failed_skipped_and_unfinished_cells_are_not_in_it(tmp_path):
    lost = [Cell(suite="e", model="m", status="error", reason="it broke"), Cell(suite="k", model="m", status="skipped")]
    run = folder(tmp_path / "run", cell([1, 0]), *lost, planned=[("u", "m")])
    assert {key: f["status"] for key, f in read_baseline(run).cells.items()} == {
        ("e", "m"): "error",
        ("k", "m"): "skipped",
        ("s", "m"): "passed",
        ("u", "m"): "error",
    }
    write_baseline(read_baseline(run), tmp_path / "b.parquet")
    assert set(read_baseline(tmp_path / "b.parquet").cells) == {("s", "m")}


def test_what_a_suite_asked_twice_under_one_id_is_two_rows(tmp_path):
    found = answers([1, 0, 1])
    again = cell([1], findings=replace(found, outcomes=(*found.outcomes, found.outcomes[1])))
    both = [side(tmp_path / name, again) for name in "ab"]
    assert len(both[0].rows) == 4
    assert set(both[0].ids.values()) == {"r0", "r1", "r2", "r1 (asked again 1)"}
    pd.testing.assert_frame_equal(both[0].rows, both[1].rows)


@pytest.mark.parametrize("part", ["slice", "group", "row"])
def test_rows_of_one_id_keep_their_partners_whatever_was_answered(tmp_path, part):
    """Told apart by their slice, their group, or by nothing but the order in which they were asked."""

    def asked(*worth: float | None) -> Cell:
        found = answers([1] * 30, size=1).outcomes
        both = [
            replace(o, correct=credit, **({part: f"{getattr(o, part)} {i}"} if part != "row" else {}))
            for o in found
            for i, credit in enumerate(worth)
        ]
        return cell([1], findings=replace(answers([1]), outcomes=tuple(both)))

    sides = [side(tmp_path / str(i), asked(*worth)) for i, worth in enumerate([(1, 0), (0, 1), (None, 1)])]
    said = [judge(sides[0], after)[0] for after in sides[1:]]
    assert len(said[0].to_wrong) == len(said[0].to_right) == 30
    assert said[1].reason == "different rows: 30 of the baseline's 60 are missing or unanswered, 0 are new"


def test_a_cell_says_how_its_model_was_asked_where_the_run_says_otherwise(tmp_path):
    """A later session in the folder may have been asked for another dtype of other suites."""
    asked = {"family": "dual", "prompt": "", "options": {}}
    run = folder(tmp_path / "run", *(cell([1, 0], s, stats={"settings": {**asked, "dtype": "float32"}}) for s in "st"))
    write_plan(run, {"models": [{"name": "m", **asked, "dtype": "float16"}], "limit": None}, [("t", "m")])
    Shard(run, "later").append(cell([1, 0], "t", stats={"settings": {**asked, "dtype": "float16"}}))
    merge(run)
    found = read_baseline(run)
    assert found.about["models"]["m"]["dtype"] == "float16"
    assert found.cells["s", "m"]["settings"]["dtype"] == "float32"
    assert "settings" not in found.cells["t", "m"]
    write_baseline(found, tmp_path / "b.parquet")
    first = side(
        tmp_path / "first", *(cell([1, 0], s, stats={}) for s in "st"), models=[{**MODELS[0], "dtype": "float32"}]
    )
    for after in (found, read_baseline(tmp_path / "b.parquet")):
        assert [v.verdict for v in judge(first, after)] == ["unchanged", "not comparable"]
        assert judge(first, after)[1].reason == "another dtype: 'float32' -> 'float16'"


def test_a_baseline_replaces_the_one_before_it_and_leaves_nothing_else(run, file):
    write_baseline(read_baseline(run), file)
    assert [path.name for path in file.parent.iterdir()] == ["main.parquet"]


# --- what is refused ----------------------------------------------------------------------------


def refusal(path: Path) -> str:
    with pytest.raises(RunError) as caught:
        read_baseline(path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_duplicated_rows_are_refused(file):
    assert "has 1 duplicated rows" in refusal(rewritten(file, lambda rows: pd.concat([rows, rows[:1]])))


def test_missing_rows_are_refused(file):
    assert "has 399 rows of s x m instead of 400" in refusal(
        rewritten(file, lambda rows: rows.drop(rows.index[rows["model"] == "m"][0]))
    )


def test_rows_of_a_cell_that_it_does_not_name_are_refused(file):
    more = pd.DataFrame([{"suite": "z", "model": "m", "row": 1, "group": 1, "correct": 1.0}])
    more = more.astype({"row": "uint64", "group": "uint64"})
    assert "has 804 rows instead of the 803 that it says" in refusal(
        rewritten(file, lambda rows: pd.concat([rows, more]))
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"change": lambda rows: rows.assign(correct=1.0)},
        {"change": lambda rows: rows.iloc[::-1]},
        {"change": lambda rows: rows.assign(group=rows["group"].iloc[::-1].to_numpy())},
        {"limit": 5},
        {"commit": "d" * 40},
    ],
)
def test_a_change_is_noticed(file, changes):
    assert "was changed after it was written" in refusal(rewritten(file, **changes))


def test_another_format_version_is_refused(file):
    assert "has baseline format 2; this version reads 1" in refusal(rewritten(file, format=2))


def test_a_truncated_file_is_refused_wherever_it_ends(file):
    whole = file.read_bytes()
    for size in (3, 4, 12, len(whole) // 2, len(whole) - 8, len(whole) - 1):
        file.write_bytes(whole[:size])
        assert "cut short or damaged" in refusal(file) or size < 4


def test_damaged_bytes_are_refused(file):
    whole = file.read_bytes()
    for place in range(0, len(whole), len(whole) // 40):
        file.write_bytes(whole[:place] + bytes([whole[place] ^ 255]) + whole[place + 1 :])
        try:
            read = read_baseline(file)
        except RunError:
            continue
        file.write_bytes(whole)  # bytes that say nothing of the baseline: page statistics, the writer's name
        pd.testing.assert_frame_equal(read.rows, read_baseline(file).rows)
        assert read.about == read_baseline(file).about


def test_metadata_that_lacks_something_is_refused(file):
    assert "is damaged" in refusal(rewritten(file, cells=[{"suite": "s"}]))
    assert "is damaged" in refusal(rewritten(file, rows="many"))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"suite,model\n", "is neither a run folder nor a Parquet file"),
        (b"PAR1 but for the rest", "cut short or damaged"),
    ],
)
def test_what_is_no_parquet_file_is_refused(tmp_path, content, message):
    path = tmp_path / "b.parquet"
    path.write_bytes(content)
    assert message in refusal(path)


def test_a_parquet_file_that_is_no_baseline_is_refused(run):
    assert "is a Parquet file and no baseline" in refusal(run / "rows.parquet")


def test_a_path_where_nothing_lies_is_refused(tmp_path):
    assert "there is no baseline" in refusal(tmp_path / "none.parquet")


def test_a_folder_that_is_no_run_folder_is_refused(tmp_path):
    assert "is not a readable run folder" in refusal(tmp_path)


def test_a_run_that_was_killed_is_to_be_merged_first(tmp_path):
    write_plan(tmp_path, {}, [("s", "m")])
    assert f"run `spatial-harness report {tmp_path}` first" in refusal(tmp_path)


def test_a_run_with_a_limit_is_no_file(tmp_path):
    limited = side(tmp_path / "run", cell([1, 0]), limit=2)
    assert limited.about["limit"] == 2
    with pytest.raises(RunError, match="was made with --limit 2 and is no baseline: run it without"):
        write_baseline(limited, tmp_path / "b.parquet")
    assert not (tmp_path / "b.parquet").exists()


def test_a_run_without_answers_is_no_file(tmp_path):
    failed = side(tmp_path / "run", Cell(suite="e", model="m", status="error", reason="it broke"))
    with pytest.raises(RunError, match="has no rows that were answered"):
        write_baseline(failed, tmp_path / "b.parquet")


def test_a_place_that_cannot_be_written_is_said(run, tmp_path):
    (tmp_path / "taken").write_text("")
    with pytest.raises(RunError, match="cannot write"):
        write_baseline(read_baseline(run), tmp_path / "taken" / "b.parquet")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda rows: pd.concat([rows, rows[:3]]), "rows are duplicated"),
        (lambda rows: rows[3:], "rows are missing"),
        (lambda rows: pd.concat([rows, rows[:1].assign(row="new")]), "rows are of another run"),
    ],
)
def test_a_run_folder_whose_rows_are_not_those_that_it_counted_is_refused(run, change, message):
    change(pd.read_parquet(run / "rows.parquet")).to_parquet(run / "rows.parquet")
    said = refusal(run)
    assert message in said
    assert f"`spatial-harness report {run}`" in said


def test_merging_again_keeps_what_a_cell_asked(run):
    Shard(run, "late").append(cell([1, 1], "u", sets=()))
    merge(run)
    cells = {(c["suite"], c["model"]): c for c in read_run(run).info["cells"]}
    asked = {"rows": 4, "repeated": 0, "sets": ["d1"], "data": {"vsr/test.jsonl": "a" * 64}, "pictures": "p1"}
    assert cells["t", "m"]["asked"] == asked
    assert cells["u", "m"]["asked"]["sets"] == []
    assert "asked" not in cells["t", "m"]["stats"]
    assert of_run(read_run(run)).cells["u", "m"]["rows"] == 2
