"""How one number is written, and when it is called no better than guessing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.report.numbers import DASH, Number

NUMBER = Number(
    suite="s",
    model="m",
    metric="accuracy",
    slice="all",
    value=0.4,
    low=0.35,
    high=0.45,
    n=100,
    chance=0.25,
    floor=None,
    note="",
)


def test_accuracy_is_written_in_percent() -> None:
    assert (NUMBER.text, NUMBER.interval, NUMBER.chance_text) == (
        "40.0\N{NO-BREAK SPACE}%",
        "[35.0, 45.0]",
        "25.0\N{NO-BREAK SPACE}%",
    )


def test_other_metrics_keep_their_unit() -> None:
    number = replace(NUMBER, metric="macro_f1", value=0.70968)
    assert (number.text, number.interval) == ("0.710", "[0.350, 0.450]")


def test_missing_numbers_are_dashes() -> None:
    number = replace(NUMBER, value=None, low=None, high=None, chance=None)
    assert {number.text, number.interval, number.chance_text, number.floor_text} == {DASH}
    assert number.marks == ()


@pytest.mark.parametrize(
    ("changes", "marks"),
    [
        ({}, ()),
        ({"low": 0.2}, ("at chance",)),
        ({"low": 0.1, "high": 0.2, "value": 0.15}, ("below chance",)),
        ({"floor": 0.4}, ("at floor",)),
        ({"low": None, "high": None, "floor": 0.4}, ("at floor",)),
        ({"low": 0.25 + 1e-12}, ("at chance",)),
        ({"low": 0.2, "floor": 0.3}, ("at chance", "at floor")),
        ({"metric": "difference", "chance": 0.0, "value": 0.1, "low": -0.1, "high": 0.3}, ("no difference",)),
        ({"metric": "difference", "chance": 0.0, "value": -0.2, "low": -0.3, "high": -0.1}, ()),
        ({"value": 0.0, "low": 0.0, "high": 0.0}, ("below chance",)),
    ],
)
def test_marks(changes: dict[str, float | None], marks: tuple[str, ...]) -> None:
    assert replace(NUMBER, **changes).marks == marks  # type: ignore[arg-type]
