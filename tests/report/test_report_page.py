"""The page as a file: its numbers are the run's numbers, whatever the run holds."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
from report_samples import HOSTILE, MakeRun, choice, hostile_cells, hostile_info, probe, sample_cells

from harness.errors import RunError
from harness.report import render
from harness.report.inline import visible
from harness.report.numbers import DASH, bare
from harness.results import Findings, Result
from harness.runs import read_run
from harness.shards import Cell


class Outline(HTMLParser):
    """Elements with attributes, and the text of table cells row by row."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.rows: list[list[str]] = []
        self.text = ""
        self._open = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag == "tr":
            self.rows.append([])
        self._open = tag in ("td", "th") or (self._open and tag in ("bdi", "span", "a", "code", "wbr"))
        if tag in ("td", "th") and self.rows:
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        self._open = self._open and tag not in ("td", "th")

    def handle_data(self, data: str) -> None:
        self.text += data
        if self._open and self.rows:
            self.rows[-1][-1] += f" {data.strip()}"


def outline(run: Path) -> Outline:
    return Outline(render(run).read_text())


def test_leaderboard_shows_the_numbers_of_the_run(sample_page: Path) -> None:
    rows = Outline(sample_page.read_text()).rows
    for record in read_run(sample_page.parent).results.query("slice == 'all'").to_dict("records"):
        row = next(row for row in rows if row and row[0].split()[0] == record["model"])
        cell = " ".join((*rows[0], *row))  # what a whole column shares stands in its head
        for name in ("value", "low", "high", "chance"):
            assert bare(record[name], record["metric"]) in cell


def test_every_result_stands_in_its_suites_tables(sample_page: Path) -> None:
    page = sample_page.read_text()
    for record in read_run(sample_page.parent).results.to_dict("records"):
        if record["value"] == record["value"]:
            assert f'data-order="{record["value"]}"' in page


def test_missing_numbers_are_dashes(make_run: MakeRun) -> None:
    found = Findings((Result(metric="accuracy", value=None, n=4),), ())
    page = outline(make_run([Cell(suite="s", model="m", status="passed", findings=found)]))
    assert [cell.strip() for cell in page.rows[3]][:6] == ["m", DASH, DASH, "4", DASH, DASH]
    assert not re.search(r"\b(nan|none|null|inf)\b", page.text.split("Provenance")[1].split("Cost")[0].lower())
    assert "NaN" not in "".join("".join(row) for row in page.rows)


def test_cells_at_chance_say_so_in_words(sample_page: Path) -> None:
    rows = Outline(sample_page.read_text()).rows
    assert "at chance" in " ".join(next(row for row in rows if row[0].split()[:1] == ["random"]))
    assert "at chance" not in " ".join(next(row for row in rows if row[0].split()[:1] == ["mpnet"]))


def test_controls_stand_apart_and_below(sample_page: Path) -> None:
    names = [row[0].split()[0] for row in Outline(sample_page.read_text()).rows[1:11] if row]
    assert names == [
        "Models",
        "clip-b32/image",
        "minilm",
        "mpnet",
        "clip-b32/text",
        "Controls:",
        "random",
        "No",
        "large",
        "model",
    ]


def test_models_of_the_first_suite_stand_by_value(make_run: MakeRun) -> None:
    levels = {"low": 0.55, "high": 0.7, "middle": 0.6}
    cells = [Cell(suite="s", model=name, status="passed", findings=probe(level)) for name, level in levels.items()]
    names = [row[0].strip() for row in outline(make_run(cells)).rows[1:4]]
    assert names == ["high", "middle", "low"]


def test_skipped_and_failed_cells_are_listed_with_reasons(sample_page: Path) -> None:
    text = Outline(sample_page.read_text()).text
    for cell in sample_cells():
        assert cell.reason in text


def test_failed_cells_show_no_numbers(make_run: MakeRun) -> None:
    cells = [
        Cell(suite="s", model="torn", status="error", reason="died", findings=probe(0.777)),
        Cell(suite="s", model="fine", status="passed", findings=probe(0.6)),
    ]
    page = render(make_run(cells)).read_text()
    assert "0.777" not in page
    assert "died" in page


def test_what_a_suite_asks_stands_with_its_name(sample_run: Path, make_run: MakeRun) -> None:
    assert 'class="question"' not in render(sample_run).read_text()
    asked = {"scene-choice": f"Which caption? {HOSTILE[0]}"}
    page = outline(make_run(sample_cells(), name="asked", questions=asked))
    shown = visible(asked["scene-choice"])
    assert shown in page.text
    assert [a["href"] for tag, a in page.tags if tag == "a" and a.get("title") == shown] == ["#suite-scene-choice"]
    assert [a for _, a in page.tags].count({"class": "question"}) == 1


def test_regressed_cells_show_number_and_reason(make_run: MakeRun) -> None:
    page = outline(
        make_run([Cell(suite="s", model="m", status="regressed", reason="3 points down", findings=probe(0.6))])
    )
    assert "0.600" in page.rows[1][1]
    assert "regressed" in page.rows[1][1]
    assert ("span", "3 points down") in [(tag, a.get("title")) for tag, a in page.tags]
    assert "why-1" not in [a.get("id") for _, a in page.tags]


def test_a_cell_with_another_metric_names_it(make_run: MakeRun) -> None:
    cells = [
        Cell(suite="s", model="a", status="passed", findings=probe(0.6)),
        Cell(suite="s", model="b", status="passed", findings=choice(0.4)),
    ]
    first, second = (" ".join(row) for row in outline(make_run(cells)).rows[1:3])
    assert "0.600" in first
    assert "accuracy" not in first
    assert "40.0" in second
    assert "accuracy" in second


def test_a_limited_run_says_so_and_a_full_one_does_not(make_run: MakeRun) -> None:
    assert "--limit 50: numbers are not comparable" in outline(make_run(sample_cells(), limit=50)).text
    assert "not comparable" not in outline(make_run(sample_cells(), name="full")).text


def test_a_run_without_numbers_has_a_page_without_charts(make_run: MakeRun) -> None:
    path = render(make_run([cell for cell in sample_cells() if cell.findings is None]))
    page = path.read_text()
    assert "vegaEmbed=" not in page
    assert "data-spec=" not in page
    assert "needs ScoresCaptions" in page
    assert path.stat().st_size < 100_000  # the drawing library alone has more


@pytest.mark.parametrize("cells", [[], sample_cells()], ids=["nothing", "sample"])
def test_run_json_may_hold_nothing_but_cells(make_run: MakeRun, cells: list[Cell]) -> None:
    assert "Leaderboard" in outline(make_run(cells, info={})).text


def test_provenance_shows_whatever_run_json_holds(make_run: MakeRun) -> None:
    text = outline(
        make_run(sample_cells(), gpu={"driver": ["570.1", {"deep": [{"deeper": 0.125}]}]}, nothing=None)
    ).text
    for piece in (
        "gpu-box",
        "transformers",
        "570.1",
        "deeper",
        "0.125",
        "nothing",
        "pytest suites -n auto",
        "with uncommitted changes",
    ):
        assert piece in text


def test_render_replaces_the_page_and_leaves_nothing_else(sample_run: Path) -> None:
    (sample_run / "index.html").write_text("old")
    before = set(sample_run.iterdir())
    assert render(sample_run) == sample_run / "index.html"
    assert set(sample_run.iterdir()) == before
    assert (sample_run / "index.html").read_text().startswith("<!doctype html>")


def test_the_same_run_gives_the_same_page(sample_run: Path) -> None:
    assert render(sample_run).read_bytes() == render(sample_run).read_bytes()


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="not a readable run folder"):
        render(tmp_path)


def test_policy_allows_the_pages_own_code_alone(sample_page: Path) -> None:
    page = sample_page.read_text()
    policy = next(a["content"] for t, a in Outline(page).tags if a.get("http-equiv") == "Content-Security-Policy") or ""
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    start = '<(?:script|style|script type="text/plain" id="vega")>'
    code = re.findall(f"{start}(.*?)</(?:script|style)>", page, re.DOTALL)
    assert len(code) == 4
    for piece in code:
        assert base64.b64encode(hashlib.sha256(piece.encode()).digest()).decode() in policy


def test_nothing_in_the_page_points_outside(sample_page: Path) -> None:
    for tag, attributes in Outline(sample_page.read_text()).tags:
        assert tag not in ("link", "iframe", "img", "object", "embed", "base", "form", "svg")
        assert "src" not in attributes
        assert (attributes.get("href") or "#").startswith("#")


def test_hostile_strings_are_text(make_run: MakeRun) -> None:
    page = render(make_run(hostile_cells(), info=hostile_info())).read_text()
    tame = {tag for tag, _ in outline(make_run(sample_cells(), name="tame")).tags}
    found = Outline(page)
    assert {tag for tag, _ in found.tags} <= tame | {"p", "details", "summary"}
    assert not [a for _, attributes in found.tags for a in attributes if a.startswith("on") or a == "style"]
    assert "{{7*7}}{% raw %}${7*7}" in found.text
    assert r"abc\u202egnp.exe" in found.text
    assert r"nul\u0000bel\u0007" in found.text
    assert r"half \ud800" in found.text
    assert not re.search("[\x00\u202e\u2028\u2029\r]", page)


def test_specs_come_back_as_they_went_in(make_run: MakeRun) -> None:
    page = render(make_run(hostile_cells(), info={})).read_text()
    islands = re.findall(r'<script type="application/json"[^>]*>(.*?)</script>', page, re.DOTALL)
    assert len(islands) > len(HOSTILE) - 2
    assert not re.search("[<>&]", "".join(islands))
    assert "<script>alert(1)</script>" in str([json.loads(text) for text in islands])


def test_the_page_needs_no_torch(sample_run: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from harness.report import render; render(Path(sys.argv[1]));"
        "assert not {'torch', 'transformers'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code, str(sample_run)], check=True, cwd=Path(__file__).parents[2])


def test_suites_in_which_nothing_was_asked_have_no_column_and_are_named(make_run: MakeRun) -> None:
    found = Findings((Result(metric="accuracy", value=0.5, n=4),), ())
    parted = Findings((Result(metric="accuracy", slice="x=1", value=0.5, n=4),), ())
    cells = [
        Cell(suite="measured", model="m", status="passed", findings=found),
        Cell(suite="without data", model="m", status="skipped", reason="put it below --data-dir"),
        Cell(suite="broken", model="m", status="error", reason="it broke"),
        Cell(suite="slices only", model="m", status="passed", findings=parted),
    ]
    page = outline(make_run(cells))
    assert [cell.split()[0] for cell in page.rows[0]] == ["model", "broken", "measured"]
    assert "Nothing was asked in 1 suite" in " ".join(page.text.split())
    assert "without data" in page.text.split("Nothing was asked")[1]
    assert page.text.count("slices only") >= 1  # its section is there
