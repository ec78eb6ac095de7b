"""Letters of the leaderboard: by rows, within a band and a suite, and none where nothing can be compared."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from report_samples import INFO, MakeRun
from scipy.stats import binomtest

from harness.report import render
from harness.report.ranks import NO_ROWS, OTHERS, REPEATED, SIGNED, Ranks, ordered, ranks
from harness.report.tables import board
from harness.results import Findings, Outcome, Result
from harness.runs import read_run
from harness.shards import Cell

N = 200
SKILLS = {"best": 0.9, "close": 0.88, "middle": 0.6, "worst": 0.3}
MODELS = [{"name": name, "family": "dual"} for name in SKILLS]


def answered(
    right: np.ndarray, metric: str = "accuracy", value: float | None = None, ids: list[str] | None = None
) -> Findings:
    names = ids or [f"r{i}" for i in range(len(right))]
    outcomes = tuple(
        Outcome(row=name, group=f"of {name}", slice="", gold="", predicted="", correct=float(credit))
        for name, credit in zip(names, right, strict=True)
    )
    level = float(np.mean(right)) if value is None else value
    return Findings((Result(metric=metric, value=level, n=len(right), low=level, high=level),), outcomes)


def answered_by_all() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(4)
    luck = rng.random(N)
    return {name: (0.7 * luck + 0.3 * rng.random(N) < skill).astype(float) for name, skill in SKILLS.items()}


def cell(model: str, findings: Findings, suite: str = "s") -> Cell:
    return Cell(suite=suite, model=model, status="passed", findings=findings)


def ranked(run: Path) -> Ranks:
    found = read_run(run)
    return ranks(found, board(found))


def shares(found: Ranks, a: str, b: str) -> bool:
    return bool(set(found.letters["s", a]) & set(found.letters["s", b]))


def test_models_share_a_letter_where_mcnemars_exact_test_tells_them_not_apart(make_run: MakeRun) -> None:
    right = answered_by_all()
    found = ranked(make_run([cell(name, answered(own)) for name, own in right.items()], models=MODELS))
    pairs = list(combinations(SKILLS, 2))
    turned = [[int(((right[a] - right[b]) == sign).sum()) for sign in (1, -1)] for a, b in pairs]
    p = np.array([binomtest(up, up + down).pvalue for up, down in turned])
    held, corrected = 0.0, {}
    for step, i in enumerate(np.argsort(p)):  # Holm, written out
        held = max(held, min(1.0, float(p[i]) * (len(p) - step)))
        corrected[pairs[i]] = held
    assert {pair: shares(found, *pair) for pair in pairs} == {pair: value > 0.05 for pair, value in corrected.items()}
    assert shares(found, "best", "close")
    assert found.letters["s", "best"] == "a"
    assert found.by_rows == frozenset()
    assert found.left_out == ()


def test_the_order_of_rows_changes_no_letter(make_run: MakeRun) -> None:
    right = answered_by_all()
    tame = ranked(make_run([cell(name, answered(own)) for name, own in right.items()], models=MODELS, name="tame"))
    ids = [f"r{i}" for i in range(N)]
    order = np.random.default_rng(1).permutation(N)
    cells = [cell(name, answered(own, ids=ids)) for name, own in right.items()]
    cells[2] = cell("middle", answered(right["middle"][order], ids=[ids[i] for i in order]))
    assert ranked(make_run(cells, models=MODELS)).letters == tame.letters


def test_a_headline_that_is_no_mean_over_rows_is_said(make_run: MakeRun) -> None:
    run = make_run(
        [cell(name, answered(own, "macro_f1", 0.5)) for name, own in answered_by_all().items()], models=MODELS
    )
    found = ranked(run)
    assert found.by_rows == {"s"}
    assert len(found.letters) == len(SKILLS)
    assert "letters: rows right" in render(run).read_text()


def test_a_headline_that_is_a_difference_has_no_letters_and_it_is_said(make_run: MakeRun) -> None:
    cells = [cell(name, answered(own, "difference", 0.4)) for name, own in answered_by_all().items()]
    run = make_run(cells, models=MODELS)
    found = ranked(run)
    assert not found.letters
    assert not found.by_rows
    assert [(it.suite, set(it.models), it.reason) for it in found.left_out] == [("s", set(SKILLS), SIGNED)]
    assert SIGNED in render(run).read_text()


def test_models_without_letter_are_named_with_the_reason(make_run: MakeRun) -> None:
    right = answered_by_all()
    bare = Findings((Result(metric="accuracy", value=0.5, n=N),), ())
    twice = answered(right["close"], ids=[f"r{i // 2}" for i in range(N)])
    cells = [
        cell("best", answered(right["best"])),
        cell("middle", answered(right["middle"])),
        cell("worst", answered(right["worst"][:150])),
        cell("close", twice),
        cell("empty", bare),
    ]
    run = make_run(cells, models=[*MODELS, {"name": "empty", "family": "dual"}])
    found = ranked(run)
    assert set(found.letters) == {("s", "best"), ("s", "middle")}
    assert {it.models: it.reason for it in found.left_out} == {
        ("worst",): OTHERS,
        ("close",): REPEATED,
        ("empty",): NO_ROWS,
    }
    assert NO_ROWS in render(run).read_text()


@pytest.mark.parametrize("tags", [["calibration"], ["control"]])
def test_bands_are_compared_apart_and_controls_not_at_all(make_run: MakeRun, tags: list[str]) -> None:
    right = answered_by_all()
    models = [*MODELS[:2], *({**model, "tags": tags} for model in MODELS[2:])]
    found = ranked(make_run([cell(name, answered(own)) for name, own in right.items()], models=models))
    firsts = {"best", "close"} | ({"middle"} if tags == ["calibration"] else set())
    assert {model for (_, model), letters in found.letters.items() if "a" in letters} == firsts


def test_models_stand_by_how_often_they_are_in_the_first_group(make_run: MakeRun) -> None:
    right = answered_by_all()
    low = {"best": "worst", "worst": "best"}  # on the first suite of the alphabet the best one knows nothing
    cells = [cell(name, answered(right[low.get(name, name)]), "a") for name in SKILLS]
    cells += [cell(name, answered(right[name]), suite) for suite in ("b", "c") for name in SKILLS]
    cells += [cell(name, answered(own, "macro_f1", 0.5), "d") for name, own in right.items()]
    run = make_run([*cells, cell("new", Findings((Result(metric="accuracy", value=1.0, n=9),), ()), "a")],
                   models=[*MODELS, {"name": "new", "family": "dual"}])  # fmt: skip
    found = read_run(run)
    before = board(found)
    told = ranks(found, before)
    assert told.firsts == {"best": (2, 3), "close": (3, 3), "middle": (0, 3), "worst": (1, 3)}
    (band,) = ordered(before, told).bands
    assert [s.model for s in band.standings] == ["close", "best", "worst", "middle", "new"]
    text = render(run).read_text()
    assert "in the first group on 2 of 3 suites" in text
    assert "Several orders are possible" in text
    assert text.index(">close</bdi></a><span") < text.index(">best</bdi></a><span")


def test_the_twenty_seventh_group_is_not_the_first() -> None:
    told = Ranks({("s", "m"): "a2b2", ("s", "n"): "za", ("t", "m"): "a"}, frozenset(), ())
    assert told.firsts == {"m": (1, 2), "n": (1, 1)}


def test_one_model_alone_has_no_letter(make_run: MakeRun) -> None:
    found = ranked(make_run([cell("best", answered(answered_by_all()["best"]))], models=MODELS))
    assert not found.letters
    assert not found.left_out


def test_limited_rows_tell_nothing_apart(make_run: MakeRun) -> None:
    run = make_run([cell(name, answered(own)) for name, own in answered_by_all().items()], models=MODELS, limit=200)
    assert not ranked(run).letters
    text = render(run).read_text()
    assert "No letters tell models apart" in text
    assert "in the first group" not in text
    assert "Models stand in the order of the first suite." in text


def test_letters_stand_beside_the_values(make_run: MakeRun) -> None:
    page = render(
        make_run([cell(name, answered(own)) for name, own in answered_by_all().items()], info=INFO, models=MODELS)
    )
    text = page.read_text()
    assert (
        text.count('<span class="letters">') == 2 * len(SKILLS) + 3
    )  # also in the suite's view, and those of the definitions
    assert "models of one band that share a letter are not told apart" in text
