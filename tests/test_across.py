"""Models compared with each other, from a run folder to comparisons.jsonl and back."""

import numpy as np
import pytest

from harness import across
from harness.across import FILE, comparisons, read_comparisons, write_comparisons
from harness.errors import RunError
from harness.measure import oddity
from harness.measure.cka import cka
from harness.measure.rsa import noise_ceiling, rdm, rho_a, spearman
from harness.measure.similarity import similarity
from harness.rows import Row, Scores
from harness.runs import merge
from harness.shards import Cell, Shard, arrays_path, write_plan

LABELS = ("above", "below", "left of", "right of")
SUITE = "vsr-similarity"


@pytest.fixture(autouse=True)
def few_draws(monkeypatch):
    monkeypatch.setattr(oddity, "DRAWS", 100)
    monkeypatch.setattr(across, "DRAWS", 300)


def vectors(seed, rows=60, d=7, noise=1.0):
    """Models share a structure, and add noise of their own."""
    common = np.random.default_rng(0).normal(size=(rows, 5))
    rng = np.random.default_rng(seed)
    return common @ rng.normal(size=(5, d)) + noise * rng.normal(size=(rows, d))


def found(x, start=0, metric="cosine"):
    rows = tuple(Row(id=f"{start + i:03d}", label=LABELS[i % 4], text=f"text {i}") for i in range(len(x)))
    return similarity(Scores(rows, np.asarray(x), tuple(row.text for row in rows)), metric)


def run_folder(path, findings, limit=None, families=None):
    models = [{"name": name, "family": (families or {}).get(name, "sentence")} for name in findings]
    write_plan(path, {"models": models, "limit": limit}, [(SUITE, name) for name in findings])
    shard = Shard(path, "main")
    for name, own in findings.items():
        shard.append(Cell(suite=SUITE, model=name, status="passed", findings=own))
    merge(path)
    return path


def held(lines):
    return {(c.metric, c.a, c.b): c for c in lines}


def test_every_pair_is_compared_by_every_measure_with_intervals(tmp_path):
    models = {f"m{k}": vectors(k) for k in range(4)}
    lines = write_comparisons(run_folder(tmp_path, {name: found(x) for name, x in models.items()}))
    assert len(lines) == 6 * 3 + 2
    x = [one.astype(np.float32) for one in models.values()]
    rdms = np.stack([rdm(one) for one in x])
    by = held(lines)
    for metric, table in (("spearman", spearman(rdms)), ("rho_a", rho_a(rdms)), ("cka", cka(x))):
        one = by[metric, "m0", "m3"]
        assert one.value == pytest.approx(table[0, 3], abs=1e-6)
        assert one.low < one.value < one.high
        assert one.high - one.low < 0.5
        assert (one.n, one.note) == (60, "")
        assert one.p < 0.01
    low, high = noise_ceiling(rdms)
    assert by["noise_ceiling_low", "", ""].value == pytest.approx(low, abs=1e-6)
    assert by["noise_ceiling_high", "", ""].value == pytest.approx(high, abs=1e-6)


def test_what_is_written_is_read_back_and_said_again_alike(tmp_path):
    run = run_folder(tmp_path, {"a": found(vectors(1)), "b": found(vectors(2))})
    written = write_comparisons(run)
    assert read_comparisons(run) == written == comparisons(run)
    (run / FILE).write_text("{}\n")
    with pytest.raises(RunError, match="writes it again"):
        read_comparisons(run)
    (run / FILE).unlink()
    assert read_comparisons(run) == []


def test_intervals_cover_the_value_of_all_stimuli():
    """In 40 samples of 60 from 2,000 stimuli the interval of 95 % holds the value of all in most."""
    from harness.measure.rsa import bootstrap_ranks, stimulus_weights

    x, y = vectors(1, 1000, 7, 2.0), vectors(2, 1000, 7, 2.0)
    whole = spearman(np.stack([rdm(x), rdm(y)]))[0, 1]
    weights, held = stimulus_weights([f"{i:02d}" for i in range(60)], 300, 0), 0
    for seed in range(40):
        index = np.random.default_rng(seed).choice(1000, 60, replace=False)
        drawn = bootstrap_ranks(np.stack([rdm(x[index]), rdm(y[index])]), weights)[0][:, 0, 1]
        low, high = np.quantile(drawn, [0.025, 0.975])
        held += low <= whole <= high
    assert held >= 34


def test_other_rows_or_another_distance_are_not_compared(tmp_path):
    run = run_folder(
        tmp_path,
        {"a": found(vectors(1)), "b": found(vectors(2), start=5), "c": found(vectors(3), metric="euclidean")},
    )
    lines = comparisons(run)
    assert {(c.a, c.b, c.value) for c in lines} == {("a", "b", None), ("a", "c", None), ("b", "c", None)}
    assert all("not comparable" in c.note for c in lines)


def test_a_constant_model_resembles_nothing_and_controls_are_no_part_of_the_ceiling(tmp_path):
    models = {f"m{k}": found(vectors(k)) for k in range(3)} | {"constant": found(np.ones((60, 3)))}
    by = held(comparisons(run_folder(tmp_path, models, families={"constant": "controls"})))
    for metric, value in (("spearman", None), ("rho_a", 0), ("cka", None)):
        assert by[metric, "constant", "m1"].value == value
        assert "equally far apart" in by[metric, "constant", "m1"].note or metric == "rho_a"
    assert by["noise_ceiling_low", "", ""].value > 0.2
    assert "of 3 models" in by["noise_ceiling_low", "", ""].note


def test_a_limited_run_says_so_and_few_stimuli_have_no_interval(tmp_path):
    small = {name: found(vectors(k, rows=12)) for k, name in enumerate("ab")}
    for one in comparisons(run_folder(tmp_path, small, limit=12)):
        assert one.note.startswith("--limit 12: not comparable; no interval")
        assert (one.low, one.high, one.p) == (None, None, None)
        assert one.value is not None


def test_rows_that_share_a_group_have_no_interval(tmp_path):
    rows = tuple(Row(id=f"{i:03d}", label=LABELS[i % 4], text=f"text {i // 2}") for i in range(60))
    twice = {name: similarity(Scores(rows, vectors(k), tuple(row.text for row in rows))) for k, name in enumerate("ab")}
    for one in comparisons(run_folder(tmp_path, twice)):
        assert (one.low, one.high) == (None, None)
        assert "rows share a caption" in one.note


def test_arrays_that_cannot_be_read_are_said(tmp_path):
    run = run_folder(tmp_path, {"a": found(vectors(1)), "b": found(vectors(2)), "c": found(vectors(3))})
    arrays_path(run, SUITE, "b").write_bytes(b"torn")
    lines = comparisons(run)
    assert [c.note for c in lines if c.a == "b"] != []
    assert all("cannot read" in c.note for c in lines if c.a == "b")
    assert {(c.a, c.b) for c in lines if c.value is not None} == {("a", "c")}


def test_a_run_without_such_suites_compares_nothing(tmp_path):
    write_plan(tmp_path, {"models": [], "limit": None}, [])
    merge(tmp_path)
    assert write_comparisons(tmp_path) == []
    with pytest.raises(RunError, match="not a readable run folder"):
        comparisons(tmp_path / "nowhere")
