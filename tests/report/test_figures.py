"""Figures and tables apart from the page: their size, what they say, and that no name does harm."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from probe_samples import layered
from report_samples import HOSTILE, MakeRun, grouped, probe, sample_cells
from test_similarity_section import cells as compared

from harness import across
from harness.__main__ import main
from harness.across import write_comparisons
from harness.errors import RunError
from harness.measure import oddity
from harness.report import write_figures
from harness.report.export import FORMULA, LATEX, harmless, latex, tables_of
from harness.report.figures import DPI, figures
from harness.report.inline import visible
from harness.report.numbers import bare
from harness.report.paper import ONE, TWO
from harness.results import Findings, Result
from harness.runs import read_run
from harness.shards import Cell

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def few(make_run: MakeRun) -> Path:
    """One suite with everything that is drawn."""
    results = [*layered(0.8, layers=4, best=2).results, *probe(0.6, ("on", "in")).results[1:]]
    found = Findings(tuple(results), (), {"weights": np.zeros((2, 2), np.float32)}, {"layer": 2})
    return make_run([Cell(suite="scene layers", model=m, status="passed", findings=found) for m in ("a", "b")])


def test_every_figure_is_an_svg_of_its_own_and_a_png_of_the_size_asked(few: Path, tmp_path: Path) -> None:
    folder = write_figures(few, tmp_path / "new" / "figures")
    names = {path.stem for path in folder.glob("*.svg")}
    assert names == {f"scene-layers_{of}" for of in ("models", "by-relation", "axes", "layer-1-1")}
    for path in folder.glob("*.svg"):
        svg = ElementTree.fromstring(path.read_bytes())
        assert svg.attrib["width"] == f"{ONE}pt"
        tags = {element.tag.removeprefix(SVG) for element in svg.iter()}
        assert not tags & {"script", "image", "style", "foreignObject", "use", "a"}
        assert not [
            v for e in svg.iter() for k, v in e.attrib.items() if "href" in k or k.startswith("on") or "url(" in v
        ]
        assert "currentColor" not in path.read_text()
        with Image.open(path.with_suffix(".png")) as png:
            height = float(svg.attrib["height"].removesuffix("pt"))
            assert png.size == pytest.approx((ONE * DPI / 72, height * DPI / 72), abs=1)
            assert png.info["dpi"] == pytest.approx((DPI, DPI), abs=0.1)
            assert png.convert("RGB").getpixel((0, 0)) == (255, 255, 255)


def test_a_heatmap_of_many_columns_is_two_columns_wide_and_its_values_are_the_runs(make_run: MakeRun) -> None:
    cells = [Cell(suite="s", model=f"m{i}", status="passed", findings=probe(0.5 + i / 50)) for i in range(7)]
    run = read_run(make_run(cells))
    spec = dict(figures(run))["s_by-relation"]
    assert spec["width"] == TWO
    (values,) = spec["datasets"].values() if "datasets" in spec else [spec["layer"][0]["data"]["values"]]
    found = run.results[run.results["slice"].str.startswith("relation=")]
    assert sorted(v["text"].strip("()") for v in values) == sorted(bare(v, "macro_f1") for v in found["value"])


def test_similarity_has_a_matrix_and_a_tree(make_run: MakeRun, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(oddity, "DRAWS", 50)
    monkeypatch.setattr(across, "DRAWS", 50)
    run = make_run(compared())
    write_comparisons(run)
    names = [name for name, _ in figures(read_run(run))]
    assert names[-2:] == ["vsr-similarity_similarity", "vsr-similarity_similarity-tree"]


def test_a_limited_run_says_so_in_every_figure_and_table(make_run: MakeRun, tmp_path: Path) -> None:
    cells = sample_cells()[:5]
    for name, limit in (("limited", 50), ("full", None)):
        run = make_run(cells, name=name, limit=limit)
        assert all(("not comparable" in json.dumps(spec)) == (limit is not None) for _, spec in figures(read_run(run)))
    tables = [data for name, data in tables_of(read_run(tmp_path / "limited")) if name.endswith(".tex")]
    assert len(tables) == 3
    assert all(b"limit 50: not comparable" in table for table in tables)


def test_tables_hold_the_numbers_of_the_run_exactly(sample_run: Path) -> None:
    lines = [json.loads(line) for line in (sample_run / "results.jsonl").read_text().splitlines()]
    files = {name: data for name, data in tables_of(read_run(sample_run)) if name.endswith("_results.csv")}
    assert len(files) == 3
    for data in files.values():
        rows = list(csv.DictReader(io.StringIO(data.decode(), newline="")))
        mine = [line for line in lines if line["suite"] == rows[0]["suite"]]
        assert [{name: "" if v is None else str(v) for name, v in line.items()} for line in mine] == rows


def test_the_leaderboard_as_a_table_has_every_cell_and_its_status(sample_run: Path) -> None:
    run = read_run(sample_run)
    data = dict(tables_of(run))["leaderboard.csv"].decode()
    rows = {(row["suite"], row["model"]): row for row in csv.DictReader(io.StringIO(data, newline=""))}
    for cell in run.info["cells"]:
        assert (rows[cell["suite"], cell["model"]]["status"]) == cell["status"]
    for line in run.results.query("slice == 'all'").to_dict("records"):
        assert float(rows[line["suite"], line["model"]]["value"]) == line["value"]


def test_latex_tables_write_the_numbers_of_the_run(sample_run: Path) -> None:
    table = dict(tables_of(read_run(sample_run)))["scene-choice_models.tex"].decode()
    head, *lines = rows_of(table)
    assert head == ["", "accuracy, %", "n", "chance", "floor"]
    assert lines[0] == ["clip-b32/image", "41.0 {\\scriptsize [36.5, 45.5]}", "400", "25.0", "--"]
    assert lines[1][1] == "(26.0) {\\scriptsize [21.5, 30.5]}"


def test_hostile_names_make_harmless_files_and_tables_that_read_back(make_run: MakeRun, tmp_path: Path) -> None:
    cells = [
        Cell(suite=HOSTILE[1], model=HOSTILE[0], status="passed", findings=grouped(HOSTILE[5])),
        Cell(suite=HOSTILE[10], model="=cmd()", status="passed", findings=probe(0.6, HOSTILE[11:14])),
        Cell(suite="A B", model="-1", status="passed", findings=probe(0.5, ())),
        Cell(suite="a-b", model="-1", status="passed", findings=probe(0.5, ())),
    ]
    folder = write_figures(make_run(cells, info={}), tmp_path / "figures")
    files = list(folder.iterdir())
    assert all(re.fullmatch(r"[a-z0-9-]+(_[a-z0-9-]+)?\.(svg|png|csv|tex)", path.name) for path in files)
    suites = {cell.suite for cell in cells}
    held = {}
    for path in folder.glob("*_results.csv"):
        with path.open(newline="") as file:
            held[path] = list(csv.DictReader(file))
    assert {row["suite"] for rows in held.values() for row in rows} == {harmless(suite) for suite in suites}
    for path in folder.glob("*.svg"):
        svg = ElementTree.fromstring(path.read_bytes())
        assert not {"script", "img", "b"} & {element.tag.removeprefix(SVG) for element in svg.iter()}
    for path in folder.glob("*.tex"):
        widths = {len(row) for row in rows_of(path.read_text())}
        assert len(widths) == 1


# --- LaTeX and CSV ----------------------------------------------------------------------------------


def rows_of(table: str) -> list[list[str]]:
    """The rows of a table by a strict reading: what LaTeX would take for its own ends the test."""
    body = (
        table[table.index(r"\toprule") : table.index(r"\bottomrule")].replace(r"\toprule", "").replace(r"\midrule", "")
    )
    lines = [line for line in body.split("\n") if line]
    assert all(line.endswith(r" \\") for line in lines)
    return [[unescaped(cell.strip()) for cell in re.split(r"(?<!\\)&", line[:-3])] for line in lines]


def unescaped(cell: str) -> str:
    """What LaTeX prints of a cell; size switches stay. Fails on any special character that is not escaped."""
    token = re.compile(r"\{\\scriptsize [^{}]*\}|\\text\w+\{\}|\\[{}$&#%_]|\{[^{}\\]{1,2}\}|\$-\$|\{\}|[^\\{}$&#%_~^]")
    back = {escaped: sign for sign, escaped in LATEX.items()} | {"{}": "", "$-$": "-"}
    found = token.findall(cell)
    assert "".join(found) == cell, cell
    return "".join(back.get(piece, piece) for piece in found)


@given(st.text())
def test_any_text_comes_back_from_latex_on_one_line(text: str) -> None:
    assert unescaped(latex(text)) == re.sub(r"\s+", " ", visible(text)).strip()


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("50 % & more_of #1", r"50 \% \& more\_of \#1"),
        (r"C:\new{x}^2~$", r"C:\textbackslash{}new\{x\}\textasciicircum{}2\textasciitilde{}\$"),
        ("[0.5] * <b>|", r"{[}0.5{]} {*} \textless{}b\textgreater{}\textbar{}"),
        ("two\n\nlines\t!", "two lines !"),
        ("", "{}"),
    ],
)
def test_latex_escapes_are_the_known_ones(text: str, printed: str) -> None:
    assert latex(text) == printed


@given(st.text())
def test_no_text_is_a_formula_and_each_comes_back_from_csv(text: str) -> None:
    file = io.StringIO()
    csv.writer(file, lineterminator="\n").writerow([harmless(text), -1.5])
    ((name, value),) = csv.reader(io.StringIO(file.getvalue(), newline=""))
    assert not name.startswith(("=", "+", "-", "@", "\t", "\n"))
    assert value == "-1.5"
    shown = visible(text)
    assert (name[1:] if shown.startswith(FORMULA) else name) == shown


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "'=1"])
def test_what_a_spreadsheet_would_compute_is_marked(text: str) -> None:
    assert harmless(text) == f"'{text}"


def test_hostile_text_stays_one_cell() -> None:
    assert [unescaped(latex(text)) for text in HOSTILE] == [re.sub(r"\s+", " ", visible(t)).strip() for t in HOSTILE]


# --- the command --------------------------------------------------------------------------------------


def test_the_command_writes_page_and_figures(make_run: MakeRun, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    run = make_run(
        [Cell(suite="s", model="m", status="passed", findings=Findings((Result(metric="x", value=1, n=1),), ()))]
    )
    assert main(["report", str(run), "--figures", str(tmp_path / "out")]) == 0
    assert capsys.readouterr().out.split() == [str(run / "index.html"), str(tmp_path / "out")]
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "leaderboard.csv",
        "leaderboard.tex",
        "s_models.png",
        "s_models.svg",
        "s_models.tex",
        "s_results.csv",
    }


def test_a_file_in_place_of_the_folder_is_refused(few: Path, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("mine")
    for folder in (tmp_path / "taken", tmp_path / "taken" / "below"):
        with pytest.raises(RunError, match="give"):
            write_figures(few, folder)
    assert (tmp_path / "taken").read_text() == "mine"


def test_a_run_without_numbers_has_a_leaderboard_and_no_figure(make_run: MakeRun, tmp_path: Path) -> None:
    run = make_run([cell for cell in sample_cells() if cell.findings is None])
    assert {path.suffix for path in write_figures(run, tmp_path / "out").iterdir()} == {".csv", ".tex"}
