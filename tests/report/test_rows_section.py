"""What the browser over rows unpacks is what the run folder holds; what does not fit is left out and said."""

from __future__ import annotations

import base64
import gzip
import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from report_samples import HOSTILE, MakeRun
from rows_samples import MODELS, RELATIONS, answered, asked, choice_run, hostile_rows, rows
from test_report_page import outline

from harness.report import render
from harness.report import rows as module
from harness.report.matching import NOTHING, Asked, Named, by_set, match
from harness.report.packing import MISSING, pack, table
from harness.report.rows import Browser
from harness.report.tables import board
from harness.runs import Run, read_run
from harness.shards import Cell


def section(run: Run) -> Browser | None:
    return module.section(run, board(run))


def unpacked(data: bytes) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """A pack's header, and its columns by name."""
    raw = gzip.decompress(data)
    end = 4 + int.from_bytes(raw[:4], "little")
    head = json.loads(raw[4:end])
    return head, {
        name: np.frombuffer(raw, f"<u{size}", length, end + start).astype(int)
        for name, (size, start, length) in head["arrays"].items()
    }


def opened(shown: Browser, suite: int = 0) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    return unpacked(base64.b64decode(shown.suites[suite].data))


def several(head: Any, of: Any, counts: str, places: str, words: str) -> list[list[str]]:
    ends = np.cumsum(of[counts])
    return [[head[words][p] for p in of[places][e - n : e]] for e, n in zip(ends, of[counts], strict=True)]


def lines_of(shown: Browser, suite: int = 0) -> pd.DataFrame:
    """All that a pack says, as lines of rows.parquet: each model's answer, credit and scores of each row."""
    head, of = opened(shown, suite)
    names = [one["name"] for one in json.loads(shown.index)["models"]]
    starts, total = np.cumsum(of["width"]) - of["width"], int(of["width"].sum())
    codes = (of["low"] + 256 * of["high"]).reshape(len(head["models"]), total)
    lines = []
    for m, model in enumerate(head["models"]):
        low, step = head["scales"][m]
        for i, row in enumerate(head["ids"]):
            place, own = m * len(head["ids"]) + i, codes[m, starts[i] : starts[i] + of["width"][i]]
            said, earned = of["predicted"][place], head["credits"][of["credit"][place]]
            lines.append(
                {"model": names[model], "row": head["raw"].get(str(i), row), "gold": head["answers"][of["gold"][i]],
                 "predicted": head["answers"][said - 1] if said else None, "correct": earned,
                 "scores": [None if c == MISSING else low + c * step for c in own], "step": step}
            )  # fmt: skip
    return pd.DataFrame(lines)


@pytest.fixture
def choices(make_run: MakeRun, tmp_path: Path) -> Callable[..., Path]:
    def make(counts: dict[str, int], **more: Any) -> Path:
        return choice_run(make_run, tmp_path, counts, **more)

    return make


def test_every_prediction_credit_and_score_comes_back(choices):
    run = read_run(choices({"one": 60, "two": 5}))
    shown = section(run)
    for i, suite in enumerate(("one", "two")):
        mine, theirs = lines_of(shown, i), run.rows[run.rows["suite"] == suite]
        assert len(mine) == len(theirs)
        both = mine.merge(theirs, on=["model", "row"], suffixes=("", "_kept"), validate="one_to_one")
        assert len(both) == len(mine)
        assert (both["gold"] == both["gold_kept"].astype(str)).all()
        assert both["predicted"].fillna("–").tolist() == both["predicted_kept"].astype(object).fillna("–").tolist()
        assert np.allclose(both["correct"].astype(float), both["correct_kept"], equal_nan=True)
        for line in both.itertuples():
            wanted = list(line.scores_kept)
            if len(wanted):
                assert np.abs(np.array(line.scores) - wanted).max() <= line.step * 0.5001
                assert line.step <= 10 / 1023
            else:
                assert set(line.scores) == {None}


def test_texts_gold_and_pictures_are_those_that_were_asked(choices):
    shown = section(read_run(choices({"one": 9})))
    head, of = opened(shown)
    by_id = {row.id: row for row in rows(9, "one")}
    captions = several(head, of, "captions", "caption", "texts")
    options = several(head, of, "options", "option", "answers")
    thumbs = shown.suites[0].thumbs.split(",")
    assert len(thumbs) == 5
    assert head["named"]
    for i, id_ in enumerate(head["ids"]):
        row = by_id[id_]
        assert captions[i] == list(row.captions)
        assert options[i] == list(row.options)
        assert of["place"][i] - 1 == row.gold
        assert head["relations"][of["relation"][i]] == row.label
        image = Image.open(io.BytesIO(base64.b64decode(thumbs[of["picture"][i] - 1]))).convert("RGB")
        assert np.abs(np.asarray(image, int) - row.image.colour).max() < 20


def test_models_stand_in_the_order_of_the_leaderboard_and_controls_are_known(choices):
    index = json.loads(section(read_run(choices({"one": 30}))).index)
    assert [one["name"] for one in index["models"]] == list(MODELS)
    assert [one["control"] for one in index["models"]] == [False, False, False, True]


def test_a_picture_of_two_suites_is_in_the_page_once(make_run, tmp_path):
    own = rows(6)
    cells = [
        Cell(suite=s, model="good", status="passed", findings=answered(own, 1, 0), stats=asked(tmp_path / "run", own))
        for s in "ab"
    ]
    shown = section(read_run(make_run(cells)))
    assert [len(one.thumbs.split(",")) if one.thumbs else 0 for one in shown.suites] == [3, 0]
    assert json.loads(shown.index)["blocks"] == [3, 0]
    assert opened(shown, 1)[1]["picture"].tolist() == [1, 1, 2, 2, 3, 3]


def test_rows_of_probes_have_the_labels_as_options_where_scores_bear_that_out():
    def frame(order: tuple[str, ...]) -> pd.DataFrame:
        lines = [
            {"model": "m", "row": f"r{i}", "slice": "all", "gold": gold, "predicted": gold, "correct": 1.0,
             "scores": np.float32([gold == name for name in order])}
            for i, gold in enumerate(("b", "a", "c", "a"))
        ]  # fmt: skip
        return pd.DataFrame(lines)

    named, other = (table(frame(order), ["m"], {}) for order in (("a", "b", "c"), ("c", "b", "a")))
    assert named.named
    assert {one.options for one in named.asked} == {("a", "b", "c")}
    assert not other.named
    assert {one.options for one in other.asked} == {()}
    assert named.relations == ("b", "a", "c", "a")


def test_a_row_of_one_name_asked_twice_is_two_rows():
    lines = [
        {"model": "m", "row": "r", "slice": "all", "gold": g, "predicted": p, "correct": c, "scores": np.float32([])}
        for g, p, c in (("a", "a", 1.0), ("b", None, None))
    ]
    found = table(pd.DataFrame(lines), ["m"], {})
    assert [row.gold for row in found.rows] == ["a", "b"]
    assert found.credit[0, 0] == 1
    assert np.isnan(found.credit[0, 1])


# --- which row an outcome is about --------------------------------------------------------------

ON = Asked(label="on", captions=("on it", "under it"), options=("on", "under"), gold=0, picture="p")


def test_an_outcome_is_matched_by_its_id():
    assert match([Named("r1", "on", 2), Named("r2", "on", 2)], {"s": {"r1": ON}}) == [ON, NOTHING]


def test_what_stands_before_or_behind_an_id_may_be_more_than_the_id():
    sets = {"s": {"r 1": ON}}
    for name in ("r 1", "colour: r 1", "r 1 wording 0"):
        assert match([Named(name, "on", 2)], sets) == [ON]


@pytest.mark.parametrize(("gold", "width"), [("under", 2), ("on", 3)])
def test_a_longer_name_counts_only_where_answer_and_options_agree(gold, width):
    wrong = [Named("part: r1", gold, width), Named("part: r2", "on", 2)]
    assert match(wrong, {"s": {"r1": ON, "r2": ON}}) == [NOTHING, NOTHING]
    assert match([Named("other: r2", "on", 2), *wrong], {"s": {"r1": ON, "r2": ON}}) == [ON, NOTHING, NOTHING]


def test_of_several_sets_the_one_that_has_all_rows_of_a_part_is_theirs():
    other = replace(ON, captions=("a", "b"))
    sets = {"whole": {"r1": ON, "r2": ON}, "half": {"r1": other}}
    assert match([Named("part: r1", "on", 2), Named("part: r2", "on", 2)], sets) == [ON, ON]


def test_where_several_sets_remain_only_what_they_agree_on_is_shown():
    sets = {"a": {"r1": ON}, "b": {"r1": replace(ON, captions=("it is on", "it is under"))}}
    assert match([Named("r1", "on", 2)], sets) == [replace(ON, captions=())]


def test_an_outcome_about_several_rows_is_matched_with_none():
    sets = {"s": {name: Asked(label="below", captions=(name,)) for name in ("s-1", "s-2", "s-3")}}
    assert match([Named("0: s-1 s-2 s-3", "above", 3)], sets) == [NOTHING]


def test_rows_of_one_id_in_a_set_have_in_common_what_they_share():
    lines = [
        {"set": "s", "row": "r", "label": "on", "captions": [text], "options": [], "gold": None, "picture": "p"}
        for text in ("a", "b")
    ]
    assert by_set(pd.DataFrame(lines)) == {"s": {"r": Asked(label="on", picture="p")}}


def test_outcomes_that_match_no_row_are_listed_with_what_they_say(make_run, tmp_path):
    own, found = rows(6), answered(rows(6, "other"), 0.5, 1)
    stats = asked(tmp_path / "run", own)
    run = read_run(make_run([Cell(suite="a", model="good", status="passed", findings=found, stats=stats)]))
    head, of = opened(section(run))
    assert sorted(head["ids"]) == [f"other-{i:03d}" for i in range(6)]
    assert not of["captions"].any()
    assert not of["picture"].any()
    assert set(head["answers"]) >= set(RELATIONS)


# --- budgets ------------------------------------------------------------------------------------


def test_thumbnails_over_the_budget_are_made_smaller_then_left_out(choices, monkeypatch):
    run = read_run(choices({"one": 60}))
    whole = len(section(run).suites[0].thumbs)
    assert section(run).left_out == ()
    monkeypatch.setattr(module, "THUMB_BUDGET", whole - 1)
    smaller = section(run)
    assert len(smaller.suites[0].thumbs) < whole
    assert len(smaller.suites[0].thumbs.split(",")) == 30
    assert "30 pictures would be too large" in smaller.left_out[0]
    monkeypatch.setattr(module, "THUMB_BUDGET", whole // 4)
    least = section(run)
    kept = least.suites[0].thumbs.split(",")
    assert 0 < len(kept) < 30
    assert f"{30 - len(kept)} of them are left out" in least.left_out[0]
    assert len(least.suites[0].thumbs) <= whole // 4
    assert np.count_nonzero(opened(least)[1]["picture"]) == 2 * len(kept)


def test_scores_then_rows_over_the_budget_are_left_out_and_it_is_said(choices, monkeypatch):
    run = read_run(choices({"large": 60, "small": 8}))
    sizes = [len(one.data) for one in section(run).suites]
    monkeypatch.setattr(module, "DATA_BUDGET", sum(sizes) - 8)
    bare = section(run)
    assert opened(bare, 0)[1]["low"].size == 0
    assert opened(bare, 1)[1]["low"].size > 0
    assert bare.left_out == ("Scores are left out of large: the page would be too large; rows.parquet has scores.",)
    monkeypatch.setattr(module, "DATA_BUDGET", 2000)
    few = section(run)
    counts = [len(opened(few, i)[0]["ids"]) for i in range(2)]
    assert 0 < counts[0] < 60
    assert "of 68 rows are shown, drawn from each suite" in few.left_out[1]
    mine = lines_of(few).merge(run.rows, on=["model", "row", "gold"], how="left", suffixes=("", "_kept"))
    assert np.allclose(mine["correct"].astype(float), mine["correct_kept"], equal_nan=True)


def test_a_suite_can_be_packed_without_scores_and_the_rest_stays(choices):
    run = read_run(choices({"one": 20}))
    found = table(run.rows, MODELS, {})
    whole, bare = (unpacked(pack(found, range(4), {}, with_scores=keep)) for keep in (True, False))
    for name in ("credit", "predicted", "gold", "relation"):
        assert whole[1][name].tolist() == bare[1][name].tolist()
    assert not bare[1]["width"].any()


# --- the page -----------------------------------------------------------------------------------


def test_an_older_run_has_no_browser_and_the_page_no_view(choices):
    run = choices({"one": 4})
    assert 'id="rows"' in render(run).read_text()
    (run / "asked.parquet").unlink()
    assert section(read_run(run)) is None
    assert 'id="rows"' not in render(run).read_text()


def test_without_script_the_rows_that_most_models_fail_are_told(choices):
    run = choices({"one": 60})
    page = outline(run)
    told = read_run(run).rows.query("model != 'blind'")
    wrong = (told["correct"] == 0).groupby(told["row"]).sum()
    hardest = section(read_run(run)).suites[0].hardest
    assert len(hardest) == 5
    assert [wrong[row.id] for row in hardest] == sorted(wrong, reverse=True)[:5]
    for row in hardest:
        assert row.id in page.text
        assert row.text == f"cup {int(row.id[-3:])} {row.gold} it"
        assert row.text in page.text


def test_hostile_texts_reach_the_script_as_text_with_what_is_hidden_made_visible(make_run, tmp_path):
    own = hostile_rows()
    stats = asked(tmp_path / "run", own)
    cells = [
        Cell(suite=HOSTILE[2], model=name, status="passed", findings=answered(own, 0.5, 1), stats=stats)
        for name in HOSTILE[:5]
    ]
    run = make_run(cells)
    page = outline(run)
    assert "alert(1)" in page.text
    shown = section(read_run(run))
    head, _ = opened(shown)
    text = json.dumps([head["ids"], head["texts"], head["answers"], head["relations"]], ensure_ascii=False)
    assert "\\\\u202e" in text
    assert not {"\u202e", "\u2028", "\x7f", "\0"} & set("".join(head["texts"] + head["ids"] + head["answers"]))
    assert "<" not in shown.index
    assert {*head["raw"].values()} == {
        row.id for row in own if {"\u202e", "\0", "\u2028"} & set(row.id) or len(row.id) > 1500
    }
    page_text = render(run).read_text()
    assert page_text.count("<script>alert(1)") == 0
