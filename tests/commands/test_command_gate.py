"""`baseline`, `compare` and `report --baseline`."""

from __future__ import annotations

import html
import json
import re
from pathlib import Path

import pytest

from harness.__main__ import main
from harness.report.verdicts import BLIND, plain
from harness.results import Findings, Outcome, Result
from harness.runs import merge
from harness.shards import Cell, Shard, write_plan

HOSTILE = "<script>alert(1)</script>|a`b`\n| *x* [y](http://z) \u202e@me \x1b[31m"


def findings(right: int) -> Findings:
    rows = tuple(
        Outcome(row=f"r{i}", group=f"g{i}", slice="all", gold="a", predicted="b", correct=float(i < right))
        for i in range(60)
    )
    return Findings((Result(metric="accuracy", value=right / 60, n=60),), rows)


def folder(path: Path, right: dict[tuple[str, str], int | None], **info: object) -> Path:
    """A run of 60 rows a cell, so many of them right; None: the cell failed."""
    models = [{"name": model, "family": "dual"} for _, model in right]
    write_plan(path, {"models": models, "limit": None, "started": "2025-03-04T10:00:00+00:00", **info}, list(right))
    for (suite, model), count in right.items():
        lost = Cell(suite=suite, model=model, status="error", reason="it broke")
        Shard(path, "main").append(
            lost if count is None else Cell(suite=suite, model=model, status="passed", findings=findings(count))
        )
    merge(path)
    return path


@pytest.fixture
def runs(here: Path) -> list[str]:
    """Before and after: one model is worse, one broke, one is as it was."""
    before = folder(here / "before", {("s", "worse"): 50, ("s", "broken"): 50, ("s", "same"): 50, ("s", "never"): None})
    after = folder(here / "after", {("s", "worse"): 30, ("s", "broken"): None, ("s", "same"): 50})
    return [str(before), str(after)]


def test_a_baseline_is_written_and_says_what_is_in_it(runs, here, capsys):
    assert main(["baseline", runs[0], "-o", "kept/main.parquet"]) == 0
    told = capsys.readouterr().out.splitlines()
    assert told[0].startswith("kept/main.parquet: 180 rows of 3 cells, 0.0")
    assert told[1] == "not in it: 1 cells that were skipped, failed or did not finish (error)"
    assert (here / "kept" / "main.parquet").stat().st_size < 20_000


def test_a_run_that_had_regressed_can_be_the_next_baseline_and_that_is_said(runs, capsys):
    assert main(["report", runs[1], "--baseline", runs[0]]) == 0
    assert main(["baseline", runs[1], "-o", "b.parquet"]) == 0
    assert "among them 1 that had regressed from the baseline before" in capsys.readouterr().out
    assert main(["compare", "b.parquet", runs[1]]) == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["baseline", "none", "-o", "b.parquet"], "none is not a folder; give the folder of a run"),
        (["baseline", "limited", "-o", "b.parquet"], "limited was made with --limit 5 and is no baseline"),
        (["compare", "none", "before"], "there is no baseline none"),
        (["compare", "before", "before/rows.parquet"], "is a Parquet file and no baseline"),
        (["compare", "before", "after", "--min-effect", "nan"], "--min-effect is in points"),
        (["report", "after", "--baseline", "after"], "--baseline and RUN are both after"),
        (["report", "after", "--baseline", "none"], "there is no baseline none"),
    ],
)
def test_what_is_refused_is_one_line(runs, here, capsys, words, message):
    folder(here / "limited", {("s", "m"): 5}, limit=5)
    assert main(words) == 2
    told = capsys.readouterr()
    assert message in told.err
    assert told.err.count("\n") == 1


def test_a_regression_is_exit_code_1_and_a_lost_cell_only_where_it_is_strict(runs, here, capsys):
    assert main(["compare", *runs]) == 1
    folder(here / "mended", {("s", "worse"): 50, ("s", "same"): 50})
    assert main(["compare", runs[0], "mended"]) == 0
    assert main(["compare", runs[0], "mended", "--strict"]) == 1
    assert main(["compare", *runs, "--min-effect", "40"]) == 1  # one of its cells failed
    assert main(["compare", runs[0], "mended", "--min-effect", "40"]) == 0
    assert main(["compare", runs[0], runs[0], "--strict"]) == 0


def test_the_table_has_what_needs_reading_first(runs, capsys):
    main(["compare", *runs])
    told = capsys.readouterr().out.splitlines()
    assert told[0].split() == ["verdict", "suite", "model", "rows", "before", "after", "difference", "p", "(Holm)"]
    assert [line.split("  ")[0] for line in told[1:4]] == ["regressed", "not comparable", "unchanged"]
    assert "83.3 %  50.0 %  -33.3 [" in told[1]
    assert told[5].endswith(": 1 regressed, 1 unchanged (a drop of 15.8 points would have been seen), 1 not comparable")
    assert told[6].startswith("regressed: worse than the baseline: 83.3 % -> 50.0 %")
    assert told[8:] == ["not comparable: the baseline has it, and now it failed: it broke", "    s: broken"]


def test_json_is_what_the_run_folder_would_hold(runs, here, capsys):
    main(["compare", *runs, "--format", "json"])
    told = json.loads(capsys.readouterr().out)
    main(["report", runs[1], "--baseline", runs[0]])
    kept = json.loads((here / "after" / "gate.json").read_text())
    assert {**told, "judged": 0} == {**kept, "judged": 0}


def test_markdown_is_a_table(runs, capsys):
    main(["compare", *runs, "--format", "markdown"])
    told = capsys.readouterr().out.splitlines()
    table = [line for line in told if line.startswith("|")]
    assert {line.count(" | ") for line in table} == {7}
    assert table[1] == "| --- | --- | --- | --- | --- | --- | --- | --- |"
    code = "<code>the baseline has it, and now it failed&#58; it broke</code>"
    assert told[-1] == f"- <code>s</code> x <code>broken</code>: {code}"
    assert "| &#60;0.0001 |" in table[2]


@pytest.mark.parametrize("name", ["www.evil.example", "#12", "@user", "http://evil.example"])
def test_no_name_becomes_a_link_or_a_mention(here, capsys, name):
    before, after = folder(here / "a", {(name, name): 50}), folder(here / "b", {(name, name): None})
    main(["compare", str(before), str(after), "--format", "markdown"])
    told = capsys.readouterr().out
    assert name not in told
    outside = re.sub(r"<code>.*?</code>", "", told)
    assert not any(sign in html.unescape(outside) for sign in (name, "#", "@"))
    assert name in html.unescape(told)


def test_a_p_is_never_written_as_zero(runs, capsys):
    main(["compare", *runs])
    told = capsys.readouterr().out
    assert "  <0.0001" in told
    assert "0.0000" not in told


@pytest.mark.parametrize("form", ["text", "markdown"])
@pytest.mark.parametrize("after", [{("s", "renamed"): 50}, {("s", "m"): None}, {}])
def test_where_nothing_can_be_compared_the_code_is_1_and_that_is_said(here, capsys, after, form):
    sides = folder(here / "a", {("s", "m"): 50}), folder(here / "b", after)
    assert main(["compare", *map(str, sides), "--format", form]) == 1
    assert capsys.readouterr().out.splitlines()[-1].strip("*") == BLIND


def test_a_baseline_without_cells_blinds_nobody(here, capsys):
    sides = folder(here / "a", {("s", "m"): None}), folder(here / "b", {("s", "m"): 50})
    assert main(["compare", *map(str, sides)]) == 0
    assert BLIND not in capsys.readouterr().out


@pytest.mark.parametrize("form", ["text", "markdown"])
def test_hostile_names_stay_names(here, capsys, form):
    cells = {(HOSTILE, HOSTILE): 50, (HOSTILE, "m"): 50}
    before, after = folder(here / "a", cells), folder(here / "b", {**cells, (HOSTILE, "m"): None})
    main(["compare", str(before), str(after), "--format", form])
    told = capsys.readouterr().out
    assert "\\u202e" in html.unescape(told)
    assert not set("\u202e\x1b\t") & set(told)
    if form == "markdown":
        assert set(re.findall("<[^>]*>", told)) == {"<code>", "</code>"}
        table = [line for line in told.splitlines() if line.startswith("|")]
        assert len(table) == 4
        assert {line.replace("\\|", "").count("|") for line in table} == {9}


def test_escaped_text_is_read_back_by_who_undoes_it():
    assert plain("a\nb\tc\x00") == "a\\u000ab\\u0009c\\u0000"


def test_a_run_is_judged_later_and_the_page_keeps_it(runs, here, capsys):
    assert main(["report", runs[1], "--baseline", runs[0]]) == 0
    told = capsys.readouterr().out.splitlines()
    assert told[0].startswith("compared with ")
    assert told[-1].endswith("index.html")
    for _ in range(2):
        cells = {c["model"]: c["status"] for c in json.loads((here / "after" / "run.json").read_text())["cells"]}
        assert cells == {"worse": "regressed", "broken": "error", "same": "passed"}
        assert main(["report", runs[1]]) == 0
    assert main(["report", runs[1], "--baseline", runs[0], "--min-effect", "40"]) == 0
    assert "regressed" not in (here / "after" / "run.json").read_text()


def test_a_run_folder_without_shards_is_judged_too(runs, here):
    for path in (here / "after" / "shards").iterdir():
        path.unlink()
    assert main(["report", runs[1], "--baseline", runs[0]]) == 0
    cells = json.loads((here / "after" / "run.json").read_text())["cells"]
    assert [c["status"] for c in cells if c["model"] == "worse"] == ["regressed"]
