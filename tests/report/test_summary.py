from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from report_samples import INFO, MakeRun, choice, hostile_cells, hostile_info, probe
from test_markdown import cells_of

from harness.comparable import FAILED as FAILED_NOW
from harness.gate import Gate, Verdict
from harness.report.summary import LIMIT, badge, summary
from harness.results import Findings
from harness.runs import Run, read_run
from harness.shards import Cell

BASELINE = {"path": "baselines/main.parquet", "commit": "c" * 40, "started": "2025-03-01T02:00:00+00:00"}


def verdict(word: str, model: str = "minilm", **more) -> Verdict:
    numbers = {"before": 0.7, "after": 0.6, "difference": -0.1, "low": -0.13, "high": -0.07, "p": 1e-6, "p_holm": 1e-5}
    known = {} if word == "not comparable" else {**numbers, "n": 1200, "groups": 600, "to_wrong": ("r1", "r2")}
    return Verdict(**{"suite": "scene-choice", "model": model, "verdict": word, **known, **more})


def gate(*words: str, strict: bool = False) -> Gate:
    failed = {"reason": f"{FAILED_NOW}: it died"}
    verdicts = tuple(
        verdict(word, f"m{i}", suite="s", **(failed if i >= 3 and word == "not comparable" else {}))
        for i, word in enumerate(words)
    )
    return Gate(baseline=BASELINE, verdicts=verdicts, strict=strict)


@pytest.fixture
def run(sample_run: Path) -> Run:
    return read_run(sample_run)


def test_what_was_run_stands_first_and_every_cell_has_its_place(run: Run):
    text = summary(run, None)
    assert "6 models on 3 suites, 2025-03-04 10:12 UTC".replace(":", "&#58;") in text
    assert "commit 0123456789ab" in text
    for status, count in Counter(cell["status"] for cell in run.info["cells"]).items():
        assert f"**{count}** {status}" in text
    order = [text.index(title) for title in ("### Failed", "### Leaderboard", "### Skipped")]
    assert order == sorted(order)
    assert "ScoreError&#58; 3 of 400 scores are NaN" in text
    assert "| <code>vsr-relations</code> | <code>mpnet</code> | macro&#95;f1 | **0.710** | [0.680, 0.740] |" in text
    assert "Compared with no baseline" in text


def test_regressions_stand_before_all_else(run: Run):
    odd = verdict("not comparable", reason="another prompt: '' -> 'a <photo>'")
    judged = Gate(
        baseline=BASELINE, verdicts=(verdict("improved", "up"), odd, verdict("regressed"), verdict("unchanged", "same"))
    )
    text = summary(run, judged)
    assert "Compared with no baseline" not in text
    assert "**1** regressed, **1** not comparable, **1** improved, **1** unchanged" in text
    line = "| 70.0 | 60.0 | -10.0 | [-13.0, -7.0] | &#60;0.0001 | 1,200 |"
    line = f"| **regressed** | <code>scene-choice</code> | <code>minilm</code> {line}"
    assert text.index(line) < text.index("| improved |") < text.index("another prompt") < text.index("### Leaderboard")
    assert "a drop of more than 1 point." in text
    assert "<code>same</code>" not in text
    assert "a <photo>" not in text


def test_what_was_measured_since_is_named(make_run: MakeRun):
    run = read_run(make_run([Cell(suite="s", model=f"m{i}", status="passed", findings=probe(0.6)) for i in range(3)]))
    assert "not compared" not in summary(run, gate(*["unchanged"] * 3))
    told = summary(run, gate("unchanged", "unchanged"))
    assert "**1 not compared**: measured since, without the baseline: <code>s</code> x <code>m2</code>." in told


def test_a_limited_run_is_stamped(make_run: MakeRun):
    limited = read_run(make_run([Cell(suite="s", model="m", status="passed", findings=probe(0.6))], limit=50))
    assert "--limit 50&#58;" not in summary(limited, None)
    assert "> **--limit 50: these numbers are not comparable.**" in summary(limited, None)


def huge_run() -> Run:
    """3,600 numbers and 100 failures, as a run folder would give them."""
    places = [(f"suite {s} <ü> {'x' * 50}", f"model {m} {'日' * 60}") for s in range(60) for m in range(60)]
    number = {"metric": "accuracy", "slice": "all", "value": 0.5, "n": 400, "low": 0.4, "high": 0.6, "chance": 0.25}
    results = pd.DataFrame([{"suite": s, "model": m, **number, "floor": None, "note": ""} for s, m in places])
    cells = [{"suite": s, "model": m, "status": "passed", "reason": ""} for s, m in places]
    reasons = [f"{s} " + "é|" * 200 for s in range(100)]
    cells += [{"suite": "failing", "model": "bad", "status": "error", "reason": reason} for reason in reasons]
    return Run(Path("huge"), {**INFO, "command": "pytest " + "x " * 9000, "cells": cells}, results, None)


def test_a_huge_run_stays_below_githubs_limit_and_says_what_it_left_out():
    assert LIMIT < 1_048_576
    words = [("regressed", "improved", "not comparable")[i % 3] for i in range(900)]
    text = summary(huge_run(), gate(*words))
    assert 0.9 * LIMIT < len(text.encode()) <= LIMIT
    assert text.count("| **regressed** |") == 300
    assert "### Failed" in text
    [note] = [line for line in text.splitlines() if "Left out" in line]
    shown = sum(line.startswith("| <code>suite") and "accuracy" in line for line in text.splitlines())
    assert f"{3600 - shown:,} of these" in note
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    assert all(line.endswith(" |") for line in rows)


def test_hostile_names_stay_text(make_run: MakeRun):
    cells = hostile_cells()
    judged = Gate(
        baseline={**BASELINE, "path": "</code><script>"},
        verdicts=tuple(replace(verdict("regressed", c.model), suite=c.suite, reason=c.reason) for c in cells),
    )
    text = summary(read_run(make_run(cells, info=hostile_info())), judged)
    children = [child for token in cells_of(text) for child in token.children or []]
    assert {child.content for child in children if child.type == "html_inline"} == {"<code>", "</code>"}
    allowed = {"text", "html_inline", "softbreak", "strong_open", "strong_close"}
    assert {child.type for child in children} <= allowed
    assert "<script" not in text.replace("<code>", "")


# --- badge --------------------------------------------------------------------------------------

# the schema of shields.io/badges/endpoint-badge: what is required, and the colours that have names
REQUIRED = {"schemaVersion": int, "label": str, "message": str}
COLORS = {"brightgreen", "green", "yellowgreen", "yellow", "orange", "red", "blue", "lightgrey"}
PASSED = [Cell(suite="s", model=f"m{i}", status="passed", findings=Findings(choice(0.4).results, ())) for i in range(3)]
FAILED = Cell(suite="s", model="bad", status="error", reason="it died")
SAME = ["unchanged"] * 3
SKIPPED = Cell(suite="s", model="gone", status="skipped", reason="no weights")


@pytest.mark.parametrize(
    ("cells", "judged", "message", "color"),
    [
        (PASSED, gate(*SAME), "no regression", "brightgreen"),
        ([*PASSED, SKIPPED], gate("unchanged", "improved", "unchanged"), "no regression, 1 improved", "brightgreen"),
        (PASSED, gate("not comparable", "unchanged", "unchanged"), "no regression, 1 not comparable", "yellow"),
        (PASSED, gate("unchanged", "unchanged"), "no regression, 1 not compared", "yellow"),
        (PASSED, gate("unchanged", "not comparable"), "no regression, 1 not comparable, 1 not compared", "yellow"),
        ([*PASSED, FAILED], gate(*SAME, "not comparable", strict=True), "failed: 1", "red"),
        (PASSED, gate("unchanged", "not comparable", strict=True), "1 not comparable", "red"),
        (PASSED, gate("unchanged", "regressed", "regressed"), "2 regressed", "red"),
        ([*PASSED, FAILED], gate("unchanged"), "failed: 1", "red"),
        ([*PASSED, FAILED], gate("regressed"), "1 regressed, failed: 1", "red"),
        ([*PASSED, FAILED], None, "failed: 1", "red"),
        (PASSED, None, "nothing compared", "lightgrey"),
        (PASSED, gate(), "nothing compared", "lightgrey"),
        (PASSED, gate("not comparable"), "nothing compared", "lightgrey"),
        ([SKIPPED], gate("not comparable"), "nothing measured", "red"),
        ([SKIPPED], None, "nothing measured", "red"),
    ],
)
def test_the_badge_is_green_only_where_all_was_compared_and_nothing_failed(
    make_run: MakeRun, cells, judged, message, color
):
    found = badge(read_run(make_run(cells)), judged)
    assert (found["message"], found["color"]) == (message, color)
    assert found.get("isError", False) == (color == "red")
    assert all(isinstance(found[key], kind) for key, kind in REQUIRED.items())
    assert found["schemaVersion"] == 1
    assert found["color"] in COLORS
    assert json.loads(json.dumps(found)) == found


def test_the_badge_of_a_limited_run_is_grey(make_run: MakeRun):
    found = badge(read_run(make_run(PASSED, limit=20)), gate("unchanged"))
    assert found["color"] == "lightgrey"
    assert "--limit" in found["message"]
