"""`calibrate --sweep` on two points of a few steps."""

from __future__ import annotations

import contextlib
import io
import json
import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from harness.__main__ import main  # noqa: E402
from harness.calibration import sweep as study  # noqa: E402
from harness.calibration import train as training  # noqa: E402
from harness.calibration.corpus import make_pool  # noqa: E402
from harness.calibration.sweep import Point  # noqa: E402
from harness.commands import sweep  # noqa: E402
from harness.runs import read_run  # noqa: E402
from harness.shards import read_cells  # noqa: E402

POINTS = (Point(0.0, True), Point(1.0, True), Point(1.0, False))
WORDS = ["calibrate", "--sweep", "--steps", "3", "--device", "cpu"]


@pytest.fixture(scope="module", autouse=True)
def tiny() -> Iterator[None]:
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(study, "POINTS", POINTS)
        patch.setattr(study, "SCENES", {"spatial": 240, "color": 120})
        patch.setattr(sweep, "make_pool", partial(make_pool, size=120))
        yield


@pytest.fixture(scope="module")
def whole(tiny: None, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A finished study, and what the command printed; measured once."""
    folder, told = tmp_path_factory.mktemp("study"), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(told):
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        patch.delenv("HARNESS_STORE_DIR", raising=False)
        assert main([*WORDS, "--out", str(folder / "made"), "--work", str(folder / "work")]) == 0
    return folder / "made", told.getvalue()


@pytest.fixture
def stop(monkeypatch: pytest.MonkeyPatch):
    """Ctrl-C in the last step of the second point."""

    def interrupted(self, advance=training.Training.advance):
        if self.variant.name == POINTS[1].variant.name and self.step == 2:
            raise KeyboardInterrupt
        advance(self)

    with monkeypatch.context() as patch:
        patch.setattr(training.Training, "advance", interrupted)
        yield patch


def values(folder: Path) -> dict[tuple[str, str], float]:
    whole = read_run(folder).results.query("slice == 'all' and metric == 'accuracy'")
    return {(r["suite"], r["model"]): r["value"] for r in whole.to_dict("records")}


def test_the_study_is_a_run_folder_with_a_page_and_a_file_to_ship(whole: tuple[Path, str]):
    made, told = whole
    run = read_run(made)
    assert set(values(made)) == {(suite, point.model) for suite in study.ASKED for point in POINTS}
    assert {cell["status"] for cell in run.info["cells"]} == {"passed"}
    assert "finished" in run.info
    assert run.info["sweep"]["threads"] == 1
    assert len(run.rows) == 2 * 3 * int(run.results["n"].max())
    assert told.strip().endswith(f"page: {made}/index.html")
    assert "Measured in this run with another recipe" in (made / "index.html").read_text()
    shipped = json.loads((made / "sweep.json").read_text())
    assert shipped == study.study(run)
    assert len(shipped["points"]) == 6
    assert not {"host", "git", "command"} & set(shipped)


def test_an_interrupted_study_keeps_its_points_and_goes_on(here: Path, stop, capsys, whole: tuple[Path, str]):
    assert main(WORDS) == 130
    assert capsys.readouterr().err.strip().splitlines()[-1].startswith("interrupted; the same command goes on")
    folder = here / "training-sweep"
    kept = read_cells(folder)
    assert {model for _, model in kept} == {POINTS[0].model}
    assert "finished" not in read_run(folder).info
    assert "not finished" in (folder / "index.html").read_text()
    assert not (folder / "sweep.json").exists()

    stop.undo()
    assert main(WORDS) == 0
    after = read_cells(folder)
    assert {model for _, model in after} == {point.model for point in POINTS}
    assert all(after[name].finished == cell.finished for name, cell in kept.items())
    assert values(folder) == values(whole[0])


def test_a_finished_study_is_not_measured_again(here: Path, monkeypatch, whole: tuple[Path, str]):
    made = shutil.copytree(whole[0], here / "training-sweep")
    before = {name: cell.finished for name, cell in read_cells(made).items()}
    (made / "index.html").unlink()
    monkeypatch.setattr(sweep, "make_corpus", None)
    assert main(WORDS) == 0
    assert {name: cell.finished for name, cell in read_cells(made).items()} == before
    assert (made / "index.html").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--steps", "0"], "--steps 0 is too few"),
        (["--out", "full"], "full is not empty and holds no sweep of this recipe and seed"),
        (["--out", "file"], "file is not a folder"),
        (["--out", "other"], "other is not empty and holds no sweep"),
    ],
)
def test_what_cannot_be_measured_is_one_error(here: Path, capsys, words, said):
    (here / "file").write_text("")
    (here / "full").mkdir()
    (here / "full" / "notes.txt").write_text("mine")
    (here / "other" / "shards").mkdir(parents=True)
    plan = json.dumps({"info": {"sweep": {"key": "another recipe's"}}, "cells": [], "latest": []})
    (here / "other" / "shards" / "plan.json").write_text(plan)
    assert main([*WORDS, *words]) == 2
    err = capsys.readouterr().err
    assert "spatial-harness: error: " in err
    assert said in err
    assert (here / "other" / "shards" / "plan.json").read_text() == plan
    assert [path.name for path in (here / "full").iterdir()] == ["notes.txt"]
