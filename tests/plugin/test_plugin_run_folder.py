"""What a run leaves: the columns of the contract, the same whatever the number of workers."""

import pytest
from plugin_folder import Folder, control, pretend, said, text_suite

CHOICE = '''
    """Scenes: which caption
    is true of a picture?

    Chance 1/4.
    """

    import pytest
    from harness import caption_choice, scene_choices

    @pytest.mark.suite("scenes", needs="ScoresCaptions")
    def test_scenes(model, score_captions, record):
        record(caption_choice(score_captions(model, scene_choices("spatial", split="test")[:40])))
'''
KINDS = ("constant", "random", "position-biased")
FIELDS = ["suite", "model", "metric", "slice", "value", "low", "high", "n", "chance", "floor", "note"]
COLUMNS = ["suite", "model", "row", "group", "slice", "gold", "predicted", "correct", "scores"]
COLUMNS += ["pair", "set"]  # beyond the contract: what counts together, so that pair and set accuracy can be recomputed


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """One folder, three runs: alone, by two workers, alone again."""
    folder = Folder(tmp_path_factory.mktemp("runs"), [control(kind) for kind in KINDS], scenes=CHOICE)
    folder.write("test_texts.py", text_suite("texts", ["a cup", "a lamp", "a hat"]))
    for run, n in (("alone", 0), ("two", 2), ("again", 0)):
        done = folder.pytest("--run-dir", run, n=n)
        done.assert_outcomes(passed=5, skipped=1)
        assert done.ret == 0, said(done)
    return folder


def test_results_have_exactly_the_fields_of_the_contract(runs):
    lines = runs.results("alone")
    assert lines
    assert all(list(line) == FIELDS for line in lines)
    assert {(line["suite"], line["model"]) for line in lines} == {
        *(("scenes", kind) for kind in KINDS),
        *(("texts", kind) for kind in ("constant", "random")),
    }


def test_rows_have_exactly_the_columns_of_the_contract(runs):
    import pandas as pd

    rows = pd.read_parquet(runs.path / "alone" / "rows.parquet")
    assert list(rows.columns) == COLUMNS
    assert rows.groupby(["suite", "model"], observed=True).size().to_dict() == {("scenes", kind): 40 for kind in KINDS}
    assert all(len(scores) == 4 for scores in rows["scores"])


def test_every_number_can_be_recomputed_from_the_rows(runs):
    import pandas as pd

    rows = pd.read_parquet(runs.path / "alone" / "rows.parquet")
    means = rows.groupby("model", observed=True)["correct"].mean()
    seen = set()
    for line in runs.results("alone"):
        if line["suite"] != "scenes" or line["slice"] != "all":
            continue
        mine = rows[rows["model"] == line["model"]]
        if line["metric"] == "accuracy":
            value = means[line["model"]]
        else:
            units = mine.groupby(line["metric"].removesuffix("_accuracy"), observed=True)["correct"]
            whole = units.size() == units.size().max()
            value = units.prod()[whole].mean()
        seen.add(line["metric"])
        assert line["value"] == pytest.approx(value)
    assert seen == {"accuracy", "pair_accuracy", "set_accuracy"}


def test_run_json_tells_what_was_run_on_what(runs):
    info = runs.info("alone")
    assert info["format"] == 1
    assert info["command"].startswith("pytest ")
    assert "--run-dir alone" in info["command"]
    assert info["packages"]["pytest"] == pytest.__version__
    assert info["host"]["python"]
    assert set(info["git"]) == {"commit", "dirty"}
    assert info["started"] <= info["finished"]
    assert info["limit"] is None
    assert [model["name"] for model in info["models"]] == list(KINDS)
    assert len(info["cells"]) == 6
    assert info["questions"] == {"scenes": "Scenes: which caption is true of a picture?"}  # of texts nothing is said


def test_the_page_is_written(runs):
    page = (runs.path / "alone" / "index.html").read_text()
    assert all(kind in page for kind in KINDS)


@pytest.mark.parametrize("other", ["two", "again"])
def test_results_are_the_same_from_two_workers_and_from_a_rerun(runs, other):
    assert runs.results("alone") == runs.results(other)


def test_the_rows_are_the_same_from_two_workers(runs):
    import pandas as pd

    alone, two = (pd.read_parquet(runs.path / run / "rows.parquet") for run in ("alone", "two"))
    pd.testing.assert_frame_equal(alone, two)


def test_without_a_run_dir_the_run_lies_below_reports(folder):
    made = folder([control("constant")], texts=text_suite("texts", ["a"]))
    command = [word for word in made.command() if word not in ("--run-dir", "run")]
    assert made.run(command).ret == 0
    (run,) = (made.path / "reports").iterdir()
    assert run.name.endswith("-nocommit")
    assert (run / "index.html").is_file()


def test_a_second_run_with_the_same_run_dir_computes_nothing(folder):
    made = folder([pretend("a")], texts=text_suite("texts", ["one", "two"]))
    for store in ("store", "another"):
        done = made.pytest("--store-dir", store)
        done.assert_outcomes(passed=1)
        assert done.ret == 0, said(done)
    assert len(made.log("load")) == 1
    assert len(made.log("text")) == 2
    assert made.cells() == {("texts", "a"): ("passed", "")}


def test_a_second_run_with_the_same_store_loads_nothing(folder):
    made = folder([pretend("a")], texts=text_suite("texts", ["one", "two"]))
    for run in ("first", "second"):
        assert made.pytest("--run-dir", run).ret == 0
    assert len(made.log("load")) == 1
    assert made.results("first") == made.results("second")


def test_a_changed_suite_is_not_taken_from_the_run_folder(folder):
    made = folder([pretend("a")], texts=text_suite("texts", ["one", "two"]))
    assert made.pytest().ret == 0
    made.write("test_texts.py", text_suite("texts", ["one", "three", "four"]))
    assert made.pytest().ret == 0
    assert [line["n"] for line in made.results()] == [3]
    assert sorted(text for _, text in made.log("text")) == ["four", "one", "three", "two"]
