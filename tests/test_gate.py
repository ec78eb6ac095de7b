from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from gate_samples import DATA, MODELS, answers, cell, folder, right, side
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from harness.baseline import Baseline, read_baseline, write_baseline
from harness.comparable import NEW
from harness.errors import ConfigError, RunError
from harness.gate import Gate, compare, judge, min_effect_of, read_verdicts, write_verdicts
from harness.runs import mark, merge
from harness.shards import Cell, Shard

EVEN = [float(i % 4 != 3) for i in range(400)]
WORSE = [0.0 if i % 5 == 0 else credit for i, credit in enumerate(EVEN)]  # 60 of them turn to wrong
quick = settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def two(tmp_path):
    """`two(before, after)`: the sides of a comparison, each given as cells."""
    return lambda before, after, **info: (side(tmp_path / "a", *before), side(tmp_path / "b", *after, **info))


def only(before: Baseline, after: Baseline, **how):
    found = judge(before, after, **how)
    assert len(found) == 1
    return found[0]


# --- verdicts -----------------------------------------------------------------------------------


def test_a_significant_drop_has_regressed(two):
    found = only(*two([cell(EVEN)], [cell(WORSE)]))
    lost = sum(a != b for a, b in zip(EVEN, WORSE, strict=True))
    assert found.verdict == "regressed"
    assert (found.before, found.after) == (np.mean(EVEN), np.mean(WORSE))
    assert found.difference == pytest.approx(-lost / 400)
    assert found.low < found.difference < found.high < 0
    assert (found.n, found.groups) == (400, 200)
    assert set(found.to_wrong) == {f"r{i}" for i in range(0, 400, 5) if EVEN[i]}
    assert found.to_right == ()
    assert found.reason.startswith("worse than the baseline: 75.0 % -> 60.0 %, difference -15.0 points [-1")
    assert found.reason.endswith("p < 0.0001 (Holm over 1)")


def test_a_significant_gain_has_improved(two):
    found = only(*two([cell(WORSE)], [cell(EVEN)]))
    assert found.verdict == "improved"
    assert found.reason.startswith("better than the baseline: 60.0 % -> 75.0 %, difference +15.0 points [+")
    assert len(found.to_right) == 60


def test_a_run_against_itself_is_unchanged_everywhere(two):
    cells = [cell(right(0.7, 60, seed), suite, model) for seed, (suite, model) in enumerate(["sm", "sn", "tm"])]
    found = judge(*two(cells, cells))
    assert [(v.verdict, v.p, v.p_holm, v.difference) for v in found] == [("unchanged", 1.0, 1.0, 0.0)] * 3
    assert all(0 < v.detectable <= 1 for v in found)


def test_p_is_that_of_the_exact_binomial_test_where_every_row_is_its_own_group(two):
    before, after = right(0.7, 100, 1), right(0.6, 100, 2)
    cells = [cell([1], findings=answers(one, size=1)) for one in (before, after)]
    worse, better = (sum(s * a > s * b for a, b in zip(before, after, strict=True)) for s in (1, -1))
    expected = binomtest(worse, worse + better).pvalue
    assert only(*two([cells[0]], [cells[1]])).p == pytest.approx(expected)


def test_a_drop_below_the_minimum_effect_is_unchanged_however_significant(two):
    sides = two([cell(EVEN)], [cell(WORSE)])
    assert only(*sides, min_effect=0.14).verdict == "regressed"
    assert only(*sides, min_effect=0.15).verdict == "unchanged"  # 60 rows of 400: exactly the minimum
    assert only(*sides, min_effect=0.17).detectable == 0.17


def test_a_drop_that_may_be_luck_is_unchanged_and_says_what_would_have_been_seen(two):
    found = only(*two([cell(right(0.8, 60))], [cell(right(0.75, 60, 1))]))
    assert found.verdict == "unchanged"
    assert found.reason.endswith(f"a drop of {100 * found.detectable:.1f} points would have been seen")


def test_the_correction_is_over_all_cells_that_could_be_significant(two):
    slight = [*[0.0] * 14, *EVEN[14:]]  # seven groups, all one way
    alone = only(*two([cell(EVEN)], [cell(slight)]))
    turned = [*EVEN[2:], *EVEN[:2]]  # as many one way as the other
    others = [cell(EVEN, f"o{i}") for i in range(9)]
    missing, same = [cell(EVEN, "missing")], [cell(EVEN, f"same{i}") for i in range(5)]
    after = [cell(slight), *(cell(turned, f"o{i}") for i in range(9)), *same]
    among = judge(*two([cell(EVEN), *others, *missing, *same], after))
    first = next(v for v in among if v.suite == "s")
    assert alone.verdict == "regressed"
    assert first.verdict == "unchanged"
    assert first.p == alone.p == alone.p_holm
    assert first.p_holm == pytest.approx(10 * first.p)
    assert first.detectable > alone.detectable
    assert "Holm over 10" in first.reason


def test_a_tie_counts_for_its_share(two):
    found = only(*two([cell([0.5] * 40)], [cell([0.25] * 40)]))
    assert found.difference == -0.25
    assert len(found.to_wrong) == 40


def test_ids_of_rows_are_digests_between_two_files(tmp_path, two):
    sides = two([cell(EVEN)], [cell(WORSE)])
    for name, one in zip("ab", sides, strict=True):
        write_baseline(one, tmp_path / f"{name}.parquet")
    found = only(*(read_baseline(tmp_path / f"{name}.parquet") for name in "ab"))
    whole = only(*sides)
    assert replace(found, to_wrong=()) == replace(whole, to_wrong=())
    assert len(found.to_wrong) == len(whole.to_wrong)
    assert all(len(row) == 16 and int(row, 16) >= 0 for row in found.to_wrong)


@quick
@given(st.randoms(use_true_random=False))
def test_the_order_of_rows_changes_no_verdict(tmp_path_factory, random):
    path = tmp_path_factory.mktemp("order")
    before, after = answers(right(0.7, 50, 1)), answers([credit / 3 for credit in right(0.7, 50, 2)])
    shuffled = [list(one.outcomes) for one in (before, after)]
    for outcomes in shuffled:
        random.shuffle(outcomes)
    mixed = [replace(one, outcomes=tuple(o)) for one, o in zip((before, after), shuffled, strict=True)]
    plain = judge(side(path / "a", cell([1], findings=before)), side(path / "b", cell([1], findings=after)))
    assert plain == judge(
        side(path / "c", cell([1], findings=mixed[0])), side(path / "d", cell([1], findings=mixed[1]))
    )


@quick
@given(st.permutations(list("abcd")))
def test_the_order_of_cells_changes_nothing(tmp_path_factory, order):
    path = tmp_path_factory.mktemp("order")
    cells = {suite: (cell(right(0.8, 40, i), suite), cell(right(0.5, 40, i), suite)) for i, suite in enumerate("abcd")}
    plain, mixed = (
        judge(
            side(path / f"{name}0", *(cells[s][0] for s in suites)),
            side(path / f"{name}1", *(cells[s][1] for s in suites)),
        )
        for name, suites in (("plain", "abcd"), ("mixed", order))
    )
    assert plain == mixed
    assert [v.suite for v in mixed] == list("abcd")


# --- what cannot be compared --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("after", "reason"),
    [
        (cell(EVEN[:390]), "different rows: 10 of the baseline's 400 are missing or unanswered, 0 are new"),
        (cell([*EVEN, 1, 1]), "different rows: 0 of the baseline's 400 are missing or unanswered, 2 are new"),
        (cell([None, *EVEN[1:]]), "different rows: 1 of the baseline's 400 are missing or unanswered, 0 are new"),
        (cell([1], findings=answers(EVEN, first=4)), "4 of the baseline's 400 are missing or unanswered, 4 are new"),
        (cell(EVEN, sets=["d2"]), "another data revision: rows of the same names have other texts"),
        (cell(EVEN, data={"vsr/test.jsonl": {"sha256": "b" * 64}}), "another data revision: vsr/test.jsonl"),
        (cell(EVEN, data={}), "another data revision: vsr/test.jsonl"),
        (cell(EVEN, pictures="p2"), "another data revision: pictures of the same names show something else"),
        (cell([1], findings=answers(EVEN, size=4)), "another data revision: 398 rows are in other groups"),
        (Cell(suite="s", model="m", status="error", reason="broken"), "the baseline has it, and now it failed: broken"),
        (Cell(suite="s", model="m", status="skipped", reason="no GPU"), "and now it was skipped: no GPU"),
        (cell([1], findings=replace(answers([1]), outcomes=())), "400 of the baseline's 400 are missing"),
    ],
)  # fmt: skip
def test_what_cannot_be_compared_is_said(two, after, reason):
    found = only(*two([cell(EVEN)], [after]))
    assert found.verdict == "not comparable"
    assert reason in found.reason
    assert found.p is found.difference is found.detectable is None


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"family": "sentence"}, "another family: 'dual' -> 'sentence'"),
        ({"prompt": "a photo of {}"}, "another prompt: '' -> 'a photo of {}'"),
        ({"pooling": "last"}, "another pooling: None -> 'last'"),
        ({"dtype": "float16"}, "another dtype: None -> 'float16'"),
        ({"options": {"side": "text"}}, "another options: {} -> {'side': 'text'}"),
        ({"family": "itm", "dtype": "bfloat16"}, "another family: 'dual' -> 'itm'; another dtype: None -> 'bfloat16'"),
    ],
)
def test_other_settings_are_named(two, change, reason):
    found = only(*two([cell(EVEN)], [cell(EVEN)], models=[{**MODELS[0], **change}]))
    assert (found.verdict, found.reason) == ("not comparable", reason)


def test_a_new_checkpoint_is_what_is_compared(two):
    change = {"source": "mine/new", "revision": "b" * 40, "batch_size": 8, "vram_gb": 9.0, "tags": ["new"]}
    change["options"] = {"weights": "new.pt", "allow_bin": "it has no other"}
    assert only(*two([cell(EVEN)], [cell(WORSE)], models=[{**MODELS[0], **change}])).verdict == "regressed"


def test_another_limit_is_not_comparable_and_the_same_one_is(tmp_path):
    sides = [side(tmp_path / str(i), cell(EVEN), limit=limit) for i, limit in enumerate([None, 400, 400, 20])]
    assert only(sides[0], sides[1]).reason == "another --limit: none -> 400"
    assert only(sides[1], sides[3]).reason == "another --limit: 400 -> 20"
    assert only(sides[1], sides[2]).verdict == "unchanged"


def test_a_baseline_that_does_not_say_what_its_pictures_showed_is_compared(two):
    assert only(*two([cell(EVEN, pictures="")], [cell(EVEN)])).verdict == "unchanged"


def test_all_reasons_are_said(two):
    after = cell(EVEN[1:], data={"vsr/test.jsonl": {"sha256": "b" * 64}})
    found = only(*two([cell(EVEN)], [after], limit=9, models=[{**MODELS[0], "dtype": "float16"}]))
    assert [part.partition(":")[0] for part in found.reason.split("; ")] == [
        "another --limit",
        "another dtype",
        "another data revision",
        "different rows",
    ]


def test_a_cell_that_was_not_asked_for_is_lost_and_a_new_one_is_not(two):
    lost, new = judge(*two([cell(EVEN, "a")], [cell(EVEN, "b")]))
    assert lost.reason == "the baseline has it, and this run was not asked for it"
    assert (new.suite, new.verdict, new.reason) == ("b", "not comparable", NEW)
    assert Gate(baseline={}, verdicts=(lost, new), strict=True).failing == (lost,)
    assert Gate(baseline={}, verdicts=(lost, new)).failing == ()


def test_what_was_not_measured_now_is_not_comparable_though_its_rows_are_there(two):
    before, after = two([cell(EVEN), cell(EVEN, "t")], [cell(EVEN), cell(EVEN, "t")])
    stale, fresh = judge(before, replace(after, stale={("s", "m"): "skipped: no GPU"}))
    assert (stale.verdict, stale.reason) == ("not comparable", "not measured now: skipped: no GPU")
    assert fresh.verdict == "unchanged"
    assert Gate(baseline={}, verdicts=(stale, fresh), strict=True).failing == (stale,)


def test_a_gate_is_blind_where_it_could_compare_no_cell_of_its_baseline(two):
    found = compare(*two([cell(EVEN)], [cell(EVEN, model="renamed")]))
    assert found.blind
    assert not replace(found, verdicts=()).blind
    assert not replace(found, verdicts=tuple(v for v in found.verdicts if v.reason == NEW)).blind


def test_a_cell_that_no_side_measured_is_not_spoken_of(two):
    failed = Cell(suite="s", model="m", status="error", reason="it broke")
    assert judge(*two([failed], [failed])) == []


def test_a_cell_that_failed_in_the_baseline_is_new(two):
    failed = Cell(suite="s", model="m", status="error", reason="it broke")
    assert only(*two([failed], [cell(EVEN)])).reason == NEW


def test_a_suite_without_rows_is_not_comparable(two):
    bare = cell([1], findings=replace(answers([1]), outcomes=()))
    assert only(*two([bare], [bare])).reason == "no rows: this suite has numbers alone"


def test_a_run_that_does_not_say_what_it_asked_is_not_comparable(tmp_path):
    old, new = (folder(tmp_path / name, cell(EVEN)) for name in "ab")
    info = json.loads((old / "run.json").read_text())
    del info["cells"][0]["asked"]
    (old / "run.json").write_text(json.dumps(info))
    assert "the baseline does not say what data it asked" in only(*map(read_baseline, (old, new))).reason
    assert "this run does not say what data it asked" in only(*map(read_baseline, (new, old))).reason


def test_a_minimum_effect_is_given_in_points():
    assert min_effect_of(1.5) == 0.015
    for points in (-1, 100, float("nan"), float("inf")):
        with pytest.raises(ConfigError, match="--min-effect is in points"):
            min_effect_of(points)


# --- gate.json and the statuses -----------------------------------------------------------------


@pytest.fixture
def judged(tmp_path) -> Path:
    """A run folder of three cells, one worse than in its baseline, with its verdicts."""
    before = side(tmp_path / "a", cell(EVEN), cell(EVEN, "t"))
    failed = Cell(suite="u", model="m", status="error", reason="it broke")
    run = folder(tmp_path / "b", cell(WORSE), cell(EVEN, "t"), failed)
    write_verdicts(run, compare(before, read_baseline(run), strict=True))
    mark(run)
    return run


def states(run: Path) -> dict[str, tuple[str, str]]:
    return {c["suite"]: (c["status"], c["verdict"]) for c in json.loads((run / "run.json").read_text())["cells"]}


def test_verdicts_come_back_as_they_were_written(judged, tmp_path):
    gate = read_verdicts(judged)
    again = compare(read_baseline(tmp_path / "a"), read_baseline(judged), strict=True)
    assert replace(again, judged=gate.judged) == gate
    assert [v.verdict for v in gate.verdicts] == ["regressed", "unchanged"]
    assert gate.baseline == {"path": str(tmp_path / "a"), "commit": "c" * 40, "started": "2025-03-04T10:00:00+00:00"}
    raw = json.loads((judged / "gate.json").read_text())
    assert (raw["format"], raw["alpha"], raw["min_effect"], raw["strict"]) == (1, 0.05, 0.01, True)
    assert raw["verdicts"] == json.loads(json.dumps([asdict(v) for v in gate.verdicts]))


def test_a_run_that_nobody_judged_has_no_verdicts(tmp_path):
    assert read_verdicts(tmp_path) is None


def test_what_regressed_has_that_status_with_the_reason(judged):
    assert states(judged) == {"s": ("regressed", "regressed"), "t": ("passed", "unchanged"), "u": ("error", None)}
    merged = merge(judged)
    assert [cell.status for cell in merged] == ["regressed", "passed", "error"]
    assert merged[0].reason.startswith("worse than the baseline: 75.0 % -> 60.0 %")
    assert states(judged) == {"s": ("regressed", "regressed"), "t": ("passed", "unchanged"), "u": ("error", None)}


def test_a_verdict_does_not_hold_of_a_cell_that_was_measured_since(judged):
    Shard(judged, "late").append(cell(EVEN, key="new"))
    assert merge(judged)[0].status == "passed"
    assert states(judged)["s"] == ("passed", None)
    assert [v.suite for v in read_verdicts(judged).verdicts] == ["t"]


def test_a_run_folder_says_itself_what_was_not_measured_now(judged, tmp_path):
    before, after = read_baseline(tmp_path / "a"), read_baseline(judged)
    write_verdicts(judged, compare(before, replace(after, stale={("s", "m"): "skipped: no GPU"})))
    for again in (mark, merge):
        again(judged)
        assert [v.verdict for v in judge(before, read_baseline(judged))] == ["not comparable", "unchanged"]
    assert states(judged)["s"] == ("passed", "not comparable")
    Shard(judged, "late").append(cell(WORSE, key="new"))
    merge(judged)
    assert [v.verdict for v in judge(before, read_baseline(judged))] == ["regressed", "unchanged"]


def test_a_later_judgement_takes_a_regression_back(judged):
    write_verdicts(judged, compare(read_baseline(judged), read_baseline(judged)))
    mark(judged)
    assert states(judged)["s"] == ("passed", "unchanged")
    assert json.loads((judged / "run.json").read_text())["cells"][0]["reason"] == ""


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "is damaged"),
        ('{"format": 2}', "has gate format 2; this version reads 1"),
        ('{"format": 1, "verdicts": 3}', "is damaged"),
    ],
)
def test_damaged_verdicts_are_refused(judged, content, message):
    (judged / "gate.json").write_text(content)
    with pytest.raises(RunError, match=message):
        read_verdicts(judged)
    assert merge(judged)[0].status == "passed"


def test_data_files_are_compared_by_what_they_hold_and_not_by_where_they_lie(two):
    moved = {name: {**facts, "file": "/elsewhere"} for name, facts in DATA.items()}
    assert only(*two([cell(EVEN)], [cell(EVEN, data=moved)])).verdict == "unchanged"
