"""Each command-line option, in this process and through workers."""

import os
import sys

import pytest
from plugin_folder import Folder, control, pretend, said, text_suite, told

TEXTS = text_suite("texts", ["one", "two", "three", "four"])
both = pytest.mark.parametrize("n", [0, 2], ids=["alone", "two"])
MODELS = [
    pretend("small", tags=["mine", "text"]),
    pretend("large", tags=["mine"]),
    pretend("other", tags=["text"]),
]


def models_of(made: Folder, run: str = "run") -> set[str]:
    return {model for _, model in made.cells(run)}


@pytest.mark.parametrize(
    ("wanted", "chosen"),
    [
        ("small", {"small"}),
        ("small,other", {"small", "other"}),
        ("tag:mine", {"small", "large"}),
        ("tag:mine, other", {"small", "large", "other"}),
    ],
)
def test_models_chooses_by_name_and_tag(inside, wanted, chosen):
    _, done = inside(MODELS, "--models", wanted, "--collect-only", "-q", texts=TEXTS)
    assert {line.partition("[")[2].rstrip("]") for line in done.outlines if "::" in line} == chosen


def test_models_chooses_through_workers(folder):
    made = folder(MODELS, texts=TEXTS)
    assert made.pytest("--models", "tag:mine", n=2).ret == 0
    assert models_of(made) == {"small", "large"}


@both
def test_models_that_select_nothing_are_an_error_that_names_the_nearest(inside, n):
    made, done = inside(MODELS, "--models", "smal", "-n", str(n), texts=TEXTS, more=TEXTS)
    assert done.ret != 0
    assert told(done, "--models 'smal' selects no model; known: ") == 1
    assert told(done, "Did you mean small?") == 1
    assert not (made.path / "run").exists()


def test_models_file_is_read_from_where_the_command_was_given(folder):
    made = folder(None, texts=TEXTS)
    made.write("elsewhere/list.yaml", "- {name: constant, family: controls, options: {kind: constant}}\n")
    done = made.pytest("--models-file", "elsewhere/list.yaml", n=2)
    assert done.ret == 0, said(done)
    assert models_of(made) == {"constant"}


def test_a_models_file_that_is_not_there_is_an_error(inside):
    _, done = inside(None, "--models-file", "nowhere.yaml", texts=TEXTS)
    assert done.ret != 0
    assert told(done, "nowhere.yaml: No such file or directory; give --models-file FILE") == 1


ENVIRONMENT = """
    import os

    def test_environment():
        assert os.environ["HARNESS_DATA_DIR"] == {data!r}
        assert os.environ["HARNESS_MODEL_DIR"] == {models!r}
"""


@pytest.mark.parametrize("before", [None, "/before"])
def test_folders_are_published_and_the_environment_restored(pytester, monkeypatch, clean_environment, before):
    for name in ("HARNESS_DATA_DIR", "HARNESS_MODEL_DIR"):
        monkeypatch.delenv(name, raising=False)
        if before:
            monkeypatch.setenv(name, before)
    text = ENVIRONMENT.format(data=str(pytester.path / "data"), models=str(pytester.path / "models"))
    pytester.makepyfile(text)
    (pytester.path / "models.yaml").write_text("[]")  # options are there where a list of models is
    done = pytester.runpytest_inprocess("-p", "harness.plugin", "--data-dir", "data", "--model-dir", "models")
    done.assert_outcomes(passed=1)
    assert os.environ.get("HARNESS_DATA_DIR") == before
    assert os.environ.get("HARNESS_MODEL_DIR") == before


def test_folders_reach_the_workers(folder):
    made = folder()
    made.write("test_it.py", ENVIRONMENT.format(data=str(made.path / "data"), models=str(made.path / "models")))
    made.write("models.yaml", "[]")  # options are there where a list of models is
    made.pytest("--data-dir", "data", "--model-dir", "models", n=2).assert_outcomes(passed=1)


def test_a_run_leaves_the_environment_as_it_was(folder):
    made = folder([control("constant")], texts=TEXTS)
    made.write(
        "twice.py",
        """
        import os, pytest, sys
        before = dict(os.environ)
        words = ["-p", "xdist", "-p", "harness.plugin", "--run-dir", "run", "--store-dir", "store"]
        code = pytest.main(words)
        print("changed:", {name for name in {*before, *os.environ} if before.get(name) != os.environ.get(name)})
        sys.exit(code)
        """,
    )
    done = made.run([sys.executable, "twice.py"])
    assert done.ret == 0, said(done)
    assert done.outlines[-1] == "changed: set()"


def test_model_dir_is_asked_before_the_hub(folder):
    made = folder([pretend("mirrored") | {"source": "org/name", "revision": "0" * 40}], texts=TEXTS)
    (made.path / "mirror" / "org").mkdir(parents=True)
    (made.path / "weights").rename(made.path / "mirror" / "org" / "name")
    done = made.pytest("--model-dir", "mirror", n=2)
    assert done.ret == 0, said(done)
    assert models_of(made) == {"mirrored"}


def test_model_dir_can_be_given_by_the_environment(folder):
    made = folder([pretend("mirrored") | {"source": "org/name", "revision": "0" * 40}], texts=TEXTS)
    (made.path / "mirror" / "org").mkdir(parents=True)
    (made.path / "weights").rename(made.path / "mirror" / "org" / "name")
    assert made.pytest(env={"HARNESS_MODEL_DIR": str(made.path / "mirror")}).ret == 0


VSR = """
    import pytest
    from harness import vsr

    @pytest.mark.suite("vsr", needs="EmbedsTexts")
    def test_vsr(model, record):
        vsr("random", "dev")
"""


def test_data_dir_is_where_rows_come_from(folder):
    made = folder([pretend("small")], vsr=VSR)
    made.write("data/vsr/random/dev.jsonl", "")
    done = made.pytest("--data-dir", "data", n=2)
    assert done.ret == 1
    status, reason = made.cells()["vsr", "small"]
    assert status == "error"
    assert str(made.path / "data" / "vsr" / "random" / "dev.jsonl") in reason


@both
def test_store_dir_and_run_dir_are_where_vectors_and_results_lie(folder, n):
    made = folder([pretend("small")], texts=TEXTS)
    assert made.pytest("--store-dir", "vectors", "--run-dir", made.path / "deep" / "run", n=n).ret == 0
    assert list((made.path / "vectors").rglob("*.safetensors"))
    assert models_of(made, "deep/run") == {"small"}
    assert not (made.path / "cache").exists()
    assert not (made.path / "reports").exists()


def test_store_dir_can_be_given_by_the_environment(folder):
    made = folder([pretend("small")], texts=TEXTS)
    command = [word for word in made.command() if word not in ("--store-dir", "store")]
    assert made.run(command, {"HARNESS_STORE_DIR": str(made.path / "vectors")}).ret == 0
    assert list((made.path / "vectors").rglob("*.safetensors"))


@both
def test_limit_is_stamped_wherever_a_number_stands(folder, n):
    made = folder([pretend("small")], texts=TEXTS)
    assert made.pytest("--limit", "3", n=n).ret == 0
    assert [line["n"] for line in made.results()] == [3]
    assert [line["note"] for line in made.results()] == ["--limit 3: not comparable"]
    assert made.info()["limit"] == 3
    assert "not comparable" in (made.path / "run" / "index.html").read_text()


def test_a_limited_cell_is_not_taken_for_a_whole_one(folder):
    made = folder([pretend("small")], texts=TEXTS)
    assert made.pytest("--limit", "3").ret == 0
    assert made.pytest().ret == 0
    assert [(line["n"], line["note"]) for line in made.results()] == [(4, "")]
    assert len(made.log("text")) == 4  # three of them came from the store


@pytest.mark.parametrize("bad", ["0", "-1"])
def test_a_limit_below_one_is_an_error(inside, bad):
    _, done = inside([control("constant")], "--limit", bad, texts=TEXTS)
    assert done.ret != 0
    assert told(done, f"--limit must be at least 1, not {bad}") == 1


def test_a_limit_that_is_no_number_is_an_error(inside):
    _, done = inside([control("constant")], "--limit", "few", texts=TEXTS)
    assert done.ret == pytest.ExitCode.USAGE_ERROR
    assert "--limit" in said(done)


def test_k_chooses_among_suites_and_models(folder):
    made = folder(MODELS, texts=TEXTS, more=text_suite("more", ["one"]))
    assert made.pytest("-k", "more and small", n=2).ret == 0
    assert set(made.cells()) == {("more", "small")}


@both
def test_lf_runs_what_failed_last(folder, n):
    models = [pretend("good"), pretend("bad", options={"trouble": "nan"})]
    made = folder(models, texts=TEXTS)
    assert made.pytest("--run-dir", "first").ret == 1
    done = made.pytest("--run-dir", "second", "--lf", n=n)
    assert done.ret == 1
    assert models_of(made, "second") == {"bad"}
