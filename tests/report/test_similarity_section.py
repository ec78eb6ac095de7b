"""The similarity section: what the page is told, and that it draws in a real browser and reads without script."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from report_samples import HOSTILE, MakeRun, sample_cells
from scipy.cluster.hierarchy import average, leaves_list
from scipy.spatial.distance import squareform
from test_report_browser import CHROMIUM, browser, overflow, visit  # noqa: F401 - browser is a fixture

from harness import across
from harness.across import write_comparisons
from harness.measure import oddity
from harness.measure.similarity import similarity
from harness.report import render
from harness.report.similarity import Matrix, section
from harness.report.space_charts import dendrogram
from harness.rows import Row, Scores
from harness.runs import read_run
from harness.shards import Cell, arrays_path, read_arrays

LABELS = ("above", "below", "left of", HOSTILE[0])
MODELS = ("clip-b32", "minilm", "mpnet")
SUITE = "vsr-similarity"


def cells() -> list[Cell]:
    common = np.random.default_rng(0).normal(size=(40, 5))
    rows = tuple(Row(id=f"{i:03d}", label=LABELS[i % 4], text=f"text {i}") for i in range(40))
    found = []
    for k, model in enumerate(MODELS):
        x = common + np.random.default_rng(k + 1).normal(size=common.shape)
        findings = similarity(Scores(rows, x, tuple(row.id for row in rows)))
        found.append(Cell(suite=SUITE, model=model, status="passed", findings=findings))
    return found


@pytest.fixture(scope="module")
def run(make_once: MakeRun) -> Iterator[Path]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(oddity, "DRAWS", 100)
        patch.setattr(across, "DRAWS", 200)
        folder = make_once([*cells(), *sample_cells()])
        write_comparisons(folder)
        yield folder


@pytest.fixture(scope="module")
def page(run: Path) -> Path:
    return render(run)


def only(run: Path) -> Matrix:
    [matrix] = section(read_run(run))
    return matrix


def test_the_matrix_is_symmetric_and_holds_every_pair(run: Path) -> None:
    matrix = only(run)
    assert (matrix.suite, matrix.n, matrix.models) == (SUITE, 40, matrix.tree.order)
    assert set(matrix.models) == set(MODELS)
    for i in range(3):
        assert matrix.rows[i][i] is None
        for j in range(3):
            assert matrix.rows[i][j] == matrix.rows[j][i]
    assert {(pair.a, pair.b) for pair in matrix.pairs} == {(a, b) for a in MODELS for b in MODELS if a < b}
    assert all(cell and cell.interval.startswith("[") for pair in matrix.pairs for cell in pair.cells)
    assert " to " in matrix.ceiling


def test_the_tree_is_that_of_scipy_and_every_line_meets_its_parent(run: Path) -> None:
    for model, space in zip(MODELS, only(run).spaces, strict=True):
        arrays, about = read_arrays(run, SUITE, model)
        merged = average(squareform(arrays["centroids"].astype(float), checks=False))
        assert space.tree.order == tuple(about["relations"][leaf] for leaf in leaves_list(merged))
        spec = dendrogram(space.tree)
        data = spec.get("data") or spec["layer"][0]["data"]
        lines = data["values"] if "values" in data else spec["datasets"][data["name"]]
        ends = sorted(line["x2"] for line in lines)
        assert ends == pytest.approx(sorted(np.repeat(merged[:, 2], 3)))
        assert len(space.points) == 40


def test_a_run_without_such_suites_has_no_section(sample_run: Path) -> None:
    assert section(read_run(sample_run)) == ()
    assert 'id="similarity"' not in render(sample_run).read_text()


def test_arrays_that_cannot_be_read_leave_the_page_standing(run: Path, tmp_path: Path) -> None:
    run = shutil.copytree(run, tmp_path / "torn")
    arrays_path(run, SUITE, "mpnet").write_bytes(b"torn")
    write_comparisons(run)
    matrix = only(run)
    assert [space.model for space in matrix.spaces] == ["clip-b32", "minilm"]
    assert any("mpnet: cannot read" in note for note in matrix.notes)
    assert "cannot read" in render(run).read_text()


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine")
@pytest.mark.parametrize("width", [1280, 390])
def test_drawings_are_drawn_when_they_are_unfolded_and_the_page_fits(browser: Any, page: Path, width: int) -> None:  # noqa: F811
    with visit(browser, page, width, "similarity") as tab:
        folded = tab.locator("#similarity details.drawings")
        assert folded.count() == 3
        assert tab.locator("#similarity .drawings .chart svg").count() == 0
        assert tab.locator("#similarity .beside-tree .chart svg .mark-rule.role-mark line").count() == 3 * 2
        folded.first.locator("summary").click()
        folded.first.locator("svg").nth(1).wait_for(timeout=30_000)
        assert folded.first.locator("svg .mark-symbol.role-mark path").count() == 40
        assert folded.first.locator("svg .mark-rule.role-mark line").count() >= 9
        assert "<script>alert(1)</script>" in (folded.first.locator("svg").nth(1).text_content() or "")
        assert overflow(tab) <= 0


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine")
def test_the_matrix_reads_without_script(browser: Any, page: Path) -> None:  # noqa: F811
    with visit(browser, page, java_script_enabled=False) as tab:
        row = tab.locator("#similarity table.matrix tbody tr", has_text="minilm").inner_text()
        assert row.count("[") == 2
        assert tab.get_by_role("link", name="Similarity", exact=True).get_attribute("href") == "#similarity"
