"""The command and environment as plain text: complete, and a line is never more than it says."""

from __future__ import annotations

from typing import Any

import pytest
from packaging.requirements import Requirement
from report_samples import HALF, HOSTILE, INFO, hostile_info

from harness.report.recipe import recipe

HOSTED: dict[str, Any] = {**INFO, "host": {"python": "3.11.7", "system": "Linux", "gpus": ["H100, 81559 MiB, 570.1"]}}


def test_all_that_a_run_depends_on_stands_in_it() -> None:
    cells = [{"model": "mpnet", "stats": {"weights": "d" * 64}}, {"model": "mpnet", "stats": {"weights": ""}}]
    text = recipe({**HOSTED, "limit": 7, "cells": cells})
    for piece in (
        "\npytest suites -n auto --models 'tag:bundled'\n",
        "0123456789abcdef0123456789abcdef01234567 with uncommitted changes",
        "# python: 3.11.7\n",
        "H100, 81559 MiB, 570.1",
        "\ntorch==2.9.0\n",
        f"# mpnet: family sentence, source org/mpnet, revision {'a' * 40}, weights {'d' * 64}\n",
        "c" * 64,
        "# limit: 7\n",
        "# seed of folds: 42\n",
    ):
        assert piece in text, piece


def test_all_but_the_command_is_what_pip_reads() -> None:
    lines = recipe(HOSTED).splitlines()
    bare = [line for line in lines if line and not line.startswith("#")]
    assert bare.pop(0) == INFO["command"]
    assert [str(Requirement(line)) for line in bare] == [f"{k}=={v}" for k, v in INFO["packages"].items()]


@pytest.mark.parametrize("bad", [*HOSTILE, HALF, "a\nrm -rf ~", "a\r\nb", "a\u2028b", "a\x85b", "a\tb"])
def test_no_value_begins_a_line_of_its_own(bad: str) -> None:
    info = {**HOSTED, "command": f"pytest {bad}", "models": [{"name": bad, "source": bad}], "data": {bad: {bad: bad}}}
    info |= {"seeds": {bad: bad}, "git": {"commit": bad}, "packages": {"numpy": bad}}
    lines = recipe(info).splitlines()
    plain = recipe({**info, **recipe_of("x")}).splitlines()
    assert len(lines) == len(plain)
    assert [line[:2] for line in lines] == [line[:2] for line in plain]


def recipe_of(name: str) -> dict[str, Any]:
    return {"command": "pytest", "models": [{"name": name}], "data": {name: {}}, "seeds": {name: 0}}


def test_whatever_run_json_holds_makes_a_text() -> None:
    assert "not recorded" in recipe({})
    assert "GPUs" not in recipe(hostile_info())
    assert recipe({"host": [], "git": None, "models": [3], "data": [{"name": "vsr"}], "seeds": 7, "packages": []})
