"""Where a model stands out: by a rule that is recomputed here, and never where it guesses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from probe_samples import FLOOR
from report_samples import MakeRun

from harness.report import tables
from harness.report.strengths import MOST, OF_ONE_SUITE, Finding, clearest, findings
from harness.results import Findings, Result
from harness.runs import read_run
from harness.shards import Cell

CHANCE = 0.25
Values = Mapping[str, Mapping[str, float]]  # relation -> model -> value


def cells_of(values: Values, suite: str = "choice", by: float = 0.05, note: str = "") -> list[Cell]:
    models = dict.fromkeys(model for told in values.values() for model in told)
    return [
        Cell(
            suite=suite,
            model=model,
            status="passed",
            findings=Findings(
                tuple(
                    Result(
                        metric="accuracy",
                        value=told[model],
                        low=max(0.0, told[model] - by),
                        high=min(1.0, told[model] + by),
                        n=100,
                        slice="all" if relation == "all" else f"relation={relation}",
                        chance=CHANCE,
                        note=note if relation == "all" else "",
                    )
                    for relation, told in values.items()
                    if model in told
                ),
                (),
            ),
        )
        for model in models
    ]


def found_in(make_run: MakeRun, *cells: Cell, name: str = "run") -> dict[str, list[Finding]]:
    models = [{"name": cell.model, "tags": ["control"] if cell.model.startswith("c") else []} for cell in cells]
    run = read_run(make_run(cells, info={"models": models}, name=name))
    board = tables.board(run)
    names = {band.title: [s.model for s in band.standings] for band in board.bands}
    controls = names.pop(tables.CONTROLS, [])
    return findings(tables.sections(run, board), list(names.values()), controls)


def told(found: Mapping[str, list[Finding]], model: str, sign: int = 1) -> list[str]:
    return [finding.part for finding in clearest(found.get(model, []), sign)]


def test_what_one_can_and_the_others_cannot_is_a_strength(make_run: MakeRun) -> None:
    values = {"left of": {"a": 0.8, "b": 0.26, "d": 0.24}, "above": {"a": 0.9, "b": 0.9, "d": 0.9}}
    found = found_in(make_run, *cells_of({"all": {"a": 0.5, "b": 0.5, "d": 0.5}, **values}))
    assert told(found, "a") == ["left of"]
    assert found["a"][0].bar_text == "25.0\N{NO-BREAK SPACE}%"
    assert (found["a"][0].able, found["a"][0].others) == (0, 2)
    assert found["a"][0].gap == pytest.approx((0.75 - CHANCE) / (1 - CHANCE))
    assert told(found, "b") == told(found, "b", -1) == []  # guessing, and so does one of the two others


def test_what_the_others_can_and_one_cannot_is_a_weakness(make_run: MakeRun) -> None:
    found = found_in(make_run, *cells_of({"all": {"a": 0.26, "b": 0.8, "d": 0.9}}))
    assert told(found, "a", -1) == ["all rows"]
    assert found["a"][0].bar_text == "85.0\N{NO-BREAK SPACE}%"


def test_a_model_alone_is_compared_with_guessing(make_run: MakeRun) -> None:
    found = found_in(make_run, *cells_of({"all": {"a": 0.8}, "above": {"a": 0.1}, "below": {"a": 0.27}}))
    assert told(found, "a") == ["all rows"]
    assert told(found, "a", -1) == ["above"]


def test_bands_are_not_compared_with_each_other(make_run: MakeRun) -> None:
    found = found_in(make_run, *cells_of({"all": {"a": 0.8, "c1": 0.6, "c2": 0.6}}))
    assert found["a"][0].others == 0
    assert told(found, "a") == ["all rows"]


def test_what_a_control_reaches_as_well_is_no_strength_and_of_controls_nothing_is_said(make_run: MakeRun) -> None:
    values = {"all": {"a": 0.8, "c1": 0.78, "c2": 0.3}, "above": {"a": 0.9, "c1": 0.3, "c2": 0.86}}
    assert found_in(make_run, *cells_of(values)) == {}
    noted = cells_of({"all": {"c1": 0.9}}, note="does not beat bag of words")  # it is the bag of words
    assert found_in(make_run, *cells_of({"all": {"a": 0.9}}), *noted, name="noted") == {}
    weak = found_in(make_run, *cells_of({"all": {"a": 0.8, "c1": 0.3}, "above": {"a": 0.1, "c1": 0.0}}), name="weak")
    assert (told(weak, "a"), told(weak, "a", -1)) == (["all rows"], ["above"])
    assert set(weak) == {"a"}


def test_a_part_of_a_suite_at_chance_is_no_strength(make_run: MakeRun) -> None:
    found = found_in(make_run, *cells_of({"all": {"a": 0.28}, "above": {"a": 0.9}, "far": {"a": 0.1}}))
    assert told(found, "a") == []
    assert told(found, "a", -1) == ["far"]


def test_a_part_of_few_rows_says_nothing(make_run: MakeRun) -> None:
    few = cells_of({"all": {"a": 0.9}, "above": {"a": 0.95}, "far": {"a": 0.05}})
    parts = [replace(r, n=29 if r.slice != "all" else r.n) for r in few[0].findings.results]
    found = found_in(make_run, replace(few[0], findings=Findings(tuple(parts), ())))
    assert [finding.part for finding in found["a"]] == ["all rows"]


def test_a_leaning_to_one_answer_is_no_strength(make_run: MakeRun) -> None:
    found = found_in(make_run, *cells_of({"all": {"a": 0.5}, "left of": {"a": 1.0}, "right of": {"a": 0.0}}))
    assert told(found, "a") == ["all rows"]
    assert told(found, "a", -1) == ["right of"]


def test_a_probe_that_a_bag_of_words_equals_counts_on_neither_side(make_run: MakeRun) -> None:
    words = cells_of({"all": {"a": 0.99}, "above": {"a": 0.99}}, note="does not beat bag of words")
    rest = cells_of({"all": {"b": 0.9}, "above": {"b": 0.9}})
    found = found_in(make_run, *words, *rest)
    assert told(found, "a") == []
    assert {finding.others for finding in found["b"]} == {0}


def test_a_number_without_interval_or_base_says_nothing(make_run: MakeRun) -> None:
    bare = Findings((Result(metric="accuracy", value=0.9, n=5, chance=0.5), Result(metric="x", value=9.0, n=5)), ())
    unbased = Findings((Result(metric="f", value=0.9, n=5, low=0.8, high=1.0),), ())
    cells = [Cell(suite=s, model="a", status="passed", findings=f) for s, f in (("s", bare), ("t", unbased))]
    assert found_in(make_run, *cells) == {}


def test_the_floor_is_the_base_where_it_is_higher(make_run: MakeRun) -> None:
    result = Result(metric="macro_f1", value=0.52, low=0.48, high=0.55, n=9, chance=0.3, floor=FLOOR)
    assert found_in(make_run, Cell(suite="s", model="a", status="passed", findings=Findings((result,), ()))) == {}


def test_the_lists_are_short_and_no_suite_fills_them(make_run: MakeRun) -> None:
    cells = [
        cell
        for s in range(6)
        for cell in cells_of({"all": {"a": 0.9}, **{f"r{i}": {"a": 0.9} for i in range(9)}}, suite=f"s{s}")
    ]
    kept = clearest(found_in(make_run, *cells)["a"], 1)
    assert len(kept) == MOST
    assert max(sum(f.head == g.head for g in kept) for f in kept) == OF_ONE_SUITE


shares = st.floats(0, 1).map(lambda x: round(x, 3))


@given(values=st.lists(st.tuples(shares, shares, shares), min_size=2, max_size=6), by=st.sampled_from([0.01, 0.1, 0.3]))
def test_the_rule_agrees_with_a_direct_computation(values: list[tuple[float, float, float]], by: float) -> None:
    numbers = [[number(f"m{i}", v, by) for i, v in enumerate(row)] for row in values]
    head = tables.Head("s", "suite-s", "accuracy", "accuracy, %")
    for row, told_values in zip(numbers, values, strict=True):
        section = tables.Section(head, tuple(row), None, None, None, None, (), None, (), ())
        found = findings([section], [[n.model for n in row]])
        units = (np.array(told_values) - CHANCE) / (1 - CHANCE)
        low = (np.maximum(np.array(told_values) - by, 0) - CHANCE) / (1 - CHANCE)
        high = (np.minimum(np.array(told_values) + by, 1) - CHANCE) / (1 - CHANCE)
        for i, n in enumerate(row):
            rest = np.delete(np.arange(3), i)
            half = (low[rest] > 1e-9).mean() > 0.5
            bar = max(0.0, float(np.median(units[rest]))) if half else 0.0
            gap = max(low[i] - bar, 0.0) + min(high[i] - bar, 0.0)
            assert sum(f.gap for f in found.get(n.model, [])) == pytest.approx(gap, abs=1e-8)
        turned = findings([section], [[n.model for n in reversed(row)]])
        assert turned == {model: found[model] for model in turned}
        assert len(turned) == len(found)


def number(model: str, value: float, by: float) -> tables.Number:
    low, high = max(0.0, value - by), min(1.0, value + by)
    facts = {"suite": "s", "metric": "accuracy", "slice": "all", "n": 9, "chance": CHANCE, "floor": None, "note": ""}
    return tables.Number(model=model, value=value, low=low, high=high, **facts)  # type: ignore[arg-type]
