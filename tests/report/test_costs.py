"""What a run cost: added up per column, without what is no cost."""

from __future__ import annotations

from typing import Any

from report_samples import sample_cells

from harness.report.costs import COLUMNS, rate, summary, table, total


def cell(suite: str = "s", model: str = "m", status: str = "passed", **stats: Any) -> dict[str, Any]:
    return {"suite": suite, "model": model, "status": status, "stats": stats}


def test_costs_are_added_up_and_of_peaks_the_highest_stands() -> None:
    cells = [cell(seconds=12.5, computed=10.0, peak_mb=800.0), cell(seconds=0.25, computed=5.0, peak_mb=812.4)]
    found = table(cells)
    assert found is not None
    assert found.columns == ("seconds", "rows encoded", "peak memory, MiB")
    assert found.total == ("12.8", "15", "812")  # the sum is rounded, not summed from what is rounded
    assert [line[3] for line in found.lines] == [("12.5", "10", "800"), ("0.2", "5", "812")]


def test_bookkeeping_is_no_cost() -> None:
    books = {"weights": "ab" * 32, "asked": {"rows": 3}, "data": ["vsr"], "rows": 17, "seconds": 1.0, "computed": True}
    found = table([cell(**books), cell(seconds=float("nan"))])
    assert found is not None
    assert found.columns == ("seconds",)


def test_what_was_skipped_cost_nothing() -> None:
    ran = [cell(seconds=1.0), cell(status="regressed", seconds=2.0), cell(status="error", seconds=3.0)]
    found = table([*ran, cell(status="skipped", seconds=0.0)])
    assert found is not None
    assert [line[2] for line in found.lines] == ["passed", "regressed", "error"]
    assert table([cell(status="skipped", seconds=0.0)]) is None


def test_rows_per_second_are_of_the_cells_that_encoded_rows() -> None:
    encoded, stored = cell(computed=300, encode_seconds=2.0), cell(computed=0, store_hits=900, encode_seconds=4.0)
    assert rate([encoded, stored]) == 150
    assert dict(summary([encoded, stored]))["rows per second"] == "150"


def test_where_all_came_from_the_store_the_speed_was_not_measured() -> None:
    stored = cell(computed=0, store_hits=900, encode_seconds=4.0)
    assert rate([stored]) is None
    assert dict(summary([stored]))["rows per second"] == "not measured: all came from the store"


def test_a_model_that_encodes_nothing_has_no_speed() -> None:
    assert [name for name, _ in summary([cell(seconds=1.0, peak_mb=5.0)])] == ["seconds", "peak memory, MiB"]


def test_the_samples_total_is_a_direct_sum() -> None:
    cells = [{"status": c.status, "suite": c.suite, "model": c.model, "stats": dict(c.stats)} for c in sample_cells()]
    for name in COLUMNS:
        told = [c.stats[name] for c in sample_cells() if name in c.stats]
        expected = (max(told) if name.startswith("peak") else sum(told)) if told else None
        assert total(cells, name) == expected
