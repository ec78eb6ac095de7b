"""This run against a baseline, on the page: what the gate said, worst first, and which rows turned."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_samples import HOSTILE
from test_report_page import Outline

from harness.errors import RunError
from harness.gate import Gate, Verdict, write_verdicts
from harness.report import gate, render
from harness.report.numbers import DASH
from harness.report.page import _environment
from harness.runs import merge, read_run

WRONG = tuple(f"scene {i}/é" for i in range(40))
REGRESSED = Verdict(
    suite="vsr-relations", model="mpnet", verdict="regressed", reason="worse", before=0.7125, after=0.6875,
    difference=-0.025, low=-0.0401, high=-0.0099, p=0.00001, p_holm=0.00004, detectable=0.0213, n=1600, groups=1200,
    to_wrong=WRONG, to_right=("r1",),
)  # fmt: skip
UNCHANGED = replace(
    REGRESSED, model="minilm", verdict="unchanged", difference=0.001, low=-0.01, high=0.012, p_holm=0.4, to_wrong=()
)
LOST = Verdict(suite="a", model="random", verdict="not comparable", reason="another prompt: '' -> '<b>'")
BETTER = replace(REGRESSED, model="random", verdict="improved", difference=0.02, low=None, high=None, to_wrong=())


def gated(run: Path, verdicts: Sequence[Verdict] = (UNCHANGED, LOST, REGRESSED, BETTER), strict: bool = False) -> Path:
    baseline = {"path": "baselines/main.parquet", "commit": "f" * 40, "started": "2025-03-01T08:00:00+00:00"}
    write_verdicts(run, Gate(baseline=baseline, verdicts=tuple(verdicts), strict=strict))
    merge(run)
    return run


def shown(run: Path) -> gate.Compared:
    found = gate.section(read_run(run))
    assert found
    return found


def view(run: Path) -> str:
    return _environment().get_template("compare.html").render(gate=shown(run), rows=True)


def test_without_a_baseline_there_is_no_comparison(sample_run: Path) -> None:
    assert gate.section(read_run(sample_run)) is None
    assert 'id="compare"' not in render(sample_run).read_text()


def test_the_outcome_is_one_sentence_and_names_the_baseline(sample_run: Path) -> None:
    text = " ".join(Outline(view(gated(sample_run))).text.split())
    assert "Of 4 suites × models: 1 regressed, 1 improved, 1 unchanged, 1 not comparable." in text
    assert "Baseline: baselines/main.parquet, commit ffffffffffff, 2025-03-01 08:00 UTC." in text


def test_what_regressed_stands_first_and_what_is_not_comparable_last(sample_run: Path) -> None:
    lines = shown(gated(sample_run)).lines
    assert [line.verdict.verdict for line in lines] == ["regressed", "improved", "unchanged", "not comparable"]


def test_the_numbers_are_the_gates(sample_run: Path) -> None:
    rows = [[cell.strip() for cell in row] for row in Outline(view(gated(sample_run))).rows]
    first = next(row for row in rows if row and "regressed" in " ".join(row))
    assert [re.sub(r"\s+", " ", cell) for cell in first] == [
        *("vsr-relations", "mpnet", "▼ regressed", "71.2", "68.8", "−2.5 [−4.0, −1.0]", ""),
        *("<0.0001", "1,600", "2.1", "40", "1"),
    ]  # fmt: skip
    lost = next(row for row in rows if row and row[0] == "a")
    assert [cell for cell in lost[3:] if cell] == [DASH] * 8
    assert "another prompt" in lost[2]
    assert "<b>" in lost[2]


def test_a_whisker_lies_where_its_numbers_are() -> None:
    still = replace(UNCHANGED, difference=0.0, low=-0.01, high=0.01)
    told = Gate(baseline={}, verdicts=(REGRESSED, still, BETTER, LOST))
    regressed, improved, unchanged, lost = [line.whisker for line in gate._compared(told).lines]
    scale = (gate.REACH - gate.MARGIN) / gate.LEAST  # no end lies further than the least of scales
    assert regressed == gate.Whisker(
        *(pytest.approx(gate.REACH + scale * share, abs=0.06) for share in (-0.025, -0.0401, -0.0099))
    )
    assert improved == gate.Whisker(pytest.approx(gate.REACH + scale * 0.02, abs=0.06), None, None)
    assert unchanged is not None
    assert unchanged.at == gate.REACH
    assert lost is None


def test_no_drawing_leaves_its_frame() -> None:
    wide = replace(REGRESSED, difference=-0.9, low=-1.0, high=0.3)
    drawn = [line.whisker for line in gate._compared(Gate(baseline={}, verdicts=(wide, REGRESSED))).lines]
    for low, at, high in [(one.low or 0, one.at, one.high or 0) for one in drawn if one]:
        assert gate.MARGIN <= low <= at <= high <= 2 * gate.REACH - gate.MARGIN
    assert len(drawn) == 2


def test_rows_that_turned_are_counted_and_some_are_listed(sample_run: Path) -> None:
    found = shown(gated(sample_run))
    first = found.lines[0]
    assert (first.to_wrong.count, len(first.to_wrong.rows), first.to_wrong.left_out) == (40, gate.OF_ONE, 15)
    assert found.turned == 40 + 1 + 1 + 1
    assert found.listed == gate.OF_ONE + 3
    text = " ".join(Outline(view(sample_run)).text.split())
    assert (
        "43 in all, of which 28 stand here, shared out over what regressed, then over the rest; 15 are left out" in text
    )
    assert "and 15 more" in text


def test_the_page_lists_a_few_hundred_rows_at_most() -> None:
    verdicts = tuple(replace(REGRESSED, model=f"m{i}", to_right=WRONG) for i in range(40))
    found = gate._compared(Gate(baseline={}, verdicts=verdicts))
    assert found.listed == gate.LINKS == sum(len(x.to_wrong.rows) + len(x.to_right.rows) for x in found.lines)
    assert found.turned == 40 * 80
    assert all(line.listed for line in found.lines)
    assert found.lines[-1].to_wrong.count == 40


def test_links_are_shared_out_over_what_regressed_before_the_others() -> None:
    worse = [replace(REGRESSED, model=f"m{i}", to_right=WRONG) for i in range(7)]
    lines = gate._compared(Gate(baseline={}, verdicts=(*worse, replace(BETTER, to_right=WRONG)))).lines
    assert [len(line.to_wrong.rows) + len(line.to_right.rows) for line in lines[:7]] == pytest.approx(
        [300 / 7] * 7, abs=2
    )
    assert not lines[7].listed
    lines = gate._compared(Gate(baseline={}, verdicts=(*worse[:2], replace(BETTER, to_right=WRONG)))).lines
    assert [len(line.to_right.rows) for line in lines] == [gate.OF_ONE] * 3


@given(wants=st.lists(st.integers(0, 30)), left=st.integers(0, 400))
def test_what_is_dealt_is_all_there_is_and_nobody_gets_less_for_another_to_get_more(
    wants: list[int], left: int
) -> None:
    shares = gate._dealt(wants, left)
    assert sum(shares) == min(sum(wants), left)
    short = [share for share, want in zip(shares, wants, strict=True) if share < want]
    assert all(share <= want for share, want in zip(shares, wants, strict=True))
    assert not short or max(shares) - min(short) <= 1


def test_what_regressed_leads_from_the_leaderboard_to_the_comparison(sample_run: Path) -> None:
    text = render(gated(sample_run)).read_text()
    assert '<a class="failed" href="#compare">regressed</a>' in text
    assert "why-" in text  # of the cells that failed
    assert "<bdi>worse</bdi></li>" not in text
    assert "The interval is of one cell alone; the verdict is after Holm over all." in text


@pytest.mark.parametrize("bad", [*HOSTILE, "a/b?c#d %41", "half \ud800"])
def test_the_address_of_a_row_holds_no_markup_and_leads_back(bad: str) -> None:
    address = gate.address(bad, bad)
    assert re.fullmatch(r"#rows/[\w.!~*'()%-]*/[\w.!~*'()%-]*", address, re.ASCII)
    if "\ud800" not in bad:
        assert [unquote(part) for part in address.split("/")[1:]] == [bad, bad]


def test_a_row_that_was_asked_twice_has_one_address() -> None:
    assert gate.address("s", "r1 (asked again 1)") == gate.address("s", "r1")


def test_hostile_names_stay_text(sample_run: Path) -> None:
    verdicts = [replace(REGRESSED, suite=bad, model=bad, to_wrong=(bad,)) for bad in HOSTILE]
    verdicts += [Verdict(suite=bad, model="m", verdict="not comparable", reason=bad) for bad in HOSTILE]
    page = view(gated(sample_run, verdicts))
    assert {tag for tag, _ in Outline(page).tags} <= {
        *(
            "section",
            "h2",
            "h3",
            "h4",
            "p",
            "strong",
            "code",
            "label",
            "select",
            "option",
            "span",
            "div",
            "table",
            "thead",
        ),
        *("tbody", "tr", "th", "td", "bdi", "svg", "path", "circle", "a", "b", "details", "summary", "ul", "li"),
    }
    assert not re.search(r'\s(style|on\w+)="', page)


def test_a_verdict_that_nobody_knows_is_an_error(sample_run: Path) -> None:
    path = gated(sample_run) / "gate.json"
    told = json.loads(path.read_text())
    told["verdicts"][0]["verdict"] = "fine"
    path.write_text(json.dumps(told))
    with pytest.raises(RunError, match="unknown verdict 'fine'"):
        gate.section(read_run(sample_run))


def test_rows_are_links_only_where_the_page_can_open_them(sample_run: Path) -> None:
    page = _environment().get_template("compare.html").render(gate=shown(gated(sample_run)), rows=None)
    assert "#rows/" not in page
    assert "scene 0/é" in page
    assert 'href="#rows/vsr-relations/scene%200%2F%C3%A9"' in view(sample_run)


def test_the_comparison_is_a_view_of_the_page(sample_run: Path) -> None:
    assert 'id="compare"' in render(gated(sample_run)).read_text()


def test_strictness_is_said(sample_run: Path) -> None:
    assert "under --strict" in view(gated(sample_run, strict=True))
