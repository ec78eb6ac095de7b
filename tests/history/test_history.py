from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from history_samples import MODELS, cell, right, run, verdicts
from scipy.stats import bootstrap

from harness.baseline import read_baseline, write_baseline
from harness.errors import RunError
from harness.gate import judge
from harness.history import read_history
from harness.measure.intervals import mean_interval


def test_runs_stand_in_the_order_of_their_start_and_a_drop_is_marked_once(tmp_path: Path):
    for day, share in [(3, 0.7), (1, 0.9), (2, 0.9), (4, 0.7)]:
        run(tmp_path, day, cell(right(share)))
    history = read_history(tmp_path)
    assert [moment.path.name for moment in history.runs] == ["day-01", "day-02", "day-03", "day-04"]
    points = history.cells["s", "m"]
    assert verdicts(points) == ["", "unchanged", "regressed", "unchanged"]
    assert [point.value for point in points] == [0.9, 0.9, 0.7, 0.7]
    [(moment, key, point)] = history.steps("regressed", "improved")
    assert (moment.path.name, key, point.step.difference) == ("day-03", ("s", "m"), -0.2)
    assert point.step.low < -0.2 < point.step.high < 0


def test_steps_are_what_the_gate_says_of_the_two_runs(tmp_path: Path):
    rng = np.random.default_rng(1)
    before = {(s, m): rng.random(300) < 0.8 for s in ("s", "t", "u") for m in ("m", "n")}
    drop = dict(zip(before, (0.0, 0.02, 0.05, 0.08, 0.15, 0.3), strict=True))
    after = {key: np.where(rng.random(300) < drop[key], False, answers) for key, answers in before.items()}
    paths = [
        run(tmp_path, day, *(cell(answers.astype(float).tolist(), *key) for key, answers in side.items()))
        for day, side in ((1, before), (2, after))
    ]
    found = {key: points[1].step for key, points in read_history(tmp_path).cells.items()}
    said = {(v.suite, v.model): v for v in judge(*map(read_baseline, paths))}
    assert {step.verdict for step in found.values()} == {"regressed", "unchanged"}
    for key, step in found.items():
        gate = said[key]
        assert (step.verdict, step.before, step.after) == (gate.verdict, gate.before, gate.after)
        assert (step.p_holm, step.difference) == pytest.approx((gate.p_holm, gate.difference))
        if step.verdict == "regressed":
            assert (step.low, step.high) == pytest.approx((gate.low, gate.high))


def test_cells_that_have_not_changed_make_no_other_less_significant(tmp_path: Path):
    slight = [0.0] * 14 + [1.0] * 386  # seven groups, all one way
    same = [cell(right(0.8), f"t{i}") for i in range(11)]
    paths = [run(tmp_path, day, cell(one), *same) for day, one in ((1, [1.0] * 400), (2, slight))]
    step = read_history(tmp_path).cells["s", "m"][1].step
    said = next(v for v in judge(*map(read_baseline, paths)) if v.suite == "s")
    assert (step.verdict, step.p_holm) == (said.verdict, said.p_holm) == ("regressed", said.p)


def test_a_cell_is_compared_with_the_latest_run_that_measured_it(tmp_path: Path):
    run(tmp_path, 1, cell(right(0.9)), cell(right(0.5), "t"))
    run(tmp_path, 2, cell(None), cell(right(0.5), "t"))
    run(tmp_path, 3, cell(right(0.6)), cell(right(0.5), "t"))
    history = read_history(tmp_path)
    assert [point.run for point in history.cells["s", "m"]] == [0, 2]
    assert verdicts(history.cells["s", "m"]) == ["", "regressed"]
    assert verdicts(history.cells["t", "m"]) == ["", "unchanged", "unchanged"]


@pytest.mark.parametrize(
    ("second", "why"),
    [
        ({"cells": cell(right(0.5, rows=300))}, "different rows"),
        ({"cells": cell(right(0.5), asked="d2")}, "another data revision"),
        ({"models": [{**MODELS[0], "prompt": "a photo of {}"}]}, "another prompt"),
    ],
)
def test_what_cannot_be_compared_begins_a_new_stretch_and_says_why(tmp_path: Path, second, why: str):
    run(tmp_path, 1, cell(right(0.9)))
    changed = second.pop("cells", cell(right(0.5)))
    for day in (2, 3):
        run(tmp_path, day, changed, **second)
    points = read_history(tmp_path).cells["s", "m"]
    assert verdicts(points) == ["", "not comparable", "unchanged"]
    assert why in points[1].step.reason


def test_intervals_are_those_of_each_cell_by_itself(tmp_path: Path):
    run(tmp_path, 1, cell(right(0.8)), cell(right(0.3, seed=1), "t"), cell(right(0.5, rows=20), "few"))
    run(tmp_path, 2, cell(right(0.7)), cell(right(0.3, seed=1), "t"), cell(right(0.5, rows=20), "few"))
    history = read_history(tmp_path)
    point = history.cells["t", "m"][0]
    earned, groups = np.array(right(0.3, seed=1)), np.arange(400) // 2
    assert point.value == pytest.approx(0.3)
    assert (point.low, point.high) == pytest.approx(mean_interval(earned, groups), abs=0.01)
    pairs = earned.reshape(-1, 2).mean(axis=1)
    told = bootstrap((pairs,), np.mean, n_resamples=2000, method="percentile", rng=0).confidence_interval
    assert (point.low, point.high) == pytest.approx((told.low, told.high), abs=0.01)
    assert (history.cells["few", "m"][0].low, history.cells["few", "m"][0].n) == (None, 20)


def test_baseline_files_are_runs_and_the_same_run_counts_once(tmp_path: Path):
    for day in (1, 2):
        run(tmp_path / "reports", day, cell(right(0.9)))
    kept = tmp_path / "baselines" / "old.parquet"
    write_baseline(read_baseline(run(tmp_path / "gone", 3, cell(right(0.6)))), kept)
    write_baseline(read_baseline(tmp_path / "reports" / "day-01"), tmp_path / "baselines" / "again.parquet")
    shutil.rmtree(tmp_path / "gone")
    history = read_history(tmp_path)
    assert len(history.runs) == 3
    assert verdicts(history.cells["s", "m"]) == ["", "unchanged", "regressed"]
    [(path, reason)] = history.passed_over.items()
    assert "the same run as" in reason
    assert {path.name, Path(reason.rsplit(" ", 1)[1]).name} == {"again.parquet", "day-01"}


def test_what_cannot_be_read_is_named_and_passed_over(tmp_path: Path):
    run(tmp_path, 1, cell(right(0.9)))
    run(tmp_path, 2, cell(right(0.9)), limit=50)
    (run(tmp_path, 3, cell(right(0.9))) / "rows.parquet").write_bytes(b"PAR1 no more")
    (run(tmp_path, 4, cell(right(0.9))) / "run.json").write_text("{")
    (run(tmp_path, 5, cell(right(0.9))) / "run.json").unlink()
    (tmp_path / "other.parquet").write_bytes(b"no table")
    (tmp_path / "notes.txt").write_text("not a run")
    history = read_history(tmp_path)
    assert [moment.path.name for moment in history.runs] == ["day-01"]
    said = {path.name: reason for path, reason in history.passed_over.items()}
    assert set(said) == {"day-02", "day-03", "day-04", "day-05", "other.parquet"}
    assert "--limit 50" in said["day-02"]
    assert "not a readable run folder" in said["day-03"]
    assert "not finished" in said["day-05"]
    assert "neither a run folder nor a Parquet file" in said["other.parquet"]


def test_a_folder_of_which_nothing_can_be_read_is_an_error(tmp_path: Path):
    with pytest.raises(RunError, match="no run folder and no baseline file"):
        read_history(tmp_path)
    (run(tmp_path, 1, cell(right(0.9))) / "run.json").write_text("{")
    with pytest.raises(RunError, match=r"has no run that can be read: .*day-01"):
        read_history(tmp_path)
    with pytest.raises(RunError, match="is not a folder"):
        read_history(tmp_path / "nowhere")


def test_zones_of_time_do_not_change_the_order(tmp_path: Path):
    run(tmp_path, 1, cell(right(0.9)), started="2025-03-01T23:30:00-05:00")
    run(tmp_path, 2, cell(right(0.9)), started="2025-03-02T01:00:00+00:00")
    assert [moment.path.name for moment in read_history(tmp_path).runs] == ["day-02", "day-01"]
