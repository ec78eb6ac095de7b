"""What cannot be evaluated here is skipped, with its reason wherever results are shown."""

import html

import pytest
from plugin_folder import Folder, control, pretend, said, text_suite

TEXTS = text_suite("texts", ["one", "two"])
VSR = """
    import pytest
    from harness import vsr

    @pytest.mark.suite("vsr", needs=("EmbedsTexts", "EmbedsImages"))
    def test_vsr(model, record):
        vsr("random", "train")
"""
AUTHOR = """
    import pytest

    @pytest.mark.suite("author", needs="EmbedsTexts")
    def test_author(model, record):
        pytest.skip("the author of the suite says so")

    @pytest.mark.skip(reason="marked so")
    @pytest.mark.suite("marked", needs="EmbedsTexts")
    def test_marked(model, record):
        raise AssertionError
"""
MODELS = [
    pretend("good"),
    control("position-biased"),
    pretend("absent") | {"source": "./nowhere"},
    pretend("afar") | {"source": "org/name", "revision": "0" * 40},
    {"name": "unpacked", "family": "sentence", "source": "package:no-such-package"},
]
REASONS = {
    ("texts", "position-biased"): "position-biased has no EmbedsTexts",
    ("vsr", "position-biased"): "position-biased has no EmbedsTexts or EmbedsImages",
    ("texts", "absent"): "nowhere is not a folder: correct the entry's source, or put the model there",
    ("texts", "afar"): "org/name is not in the hub's cache, and HF_HUB_OFFLINE is set; "
    "or put it under --model-dir DIR/org/name",
    ("texts", "unpacked"): "package no-such-package is not installed",
    ("vsr", "good"): "cambridgeltl/vsr_random is not in the hub's cache, and HF_HUB_OFFLINE is set; "
    "or put vsr/random/train.jsonl below --data-dir",
    ("author", "good"): "the author of the suite says so",
    ("marked", "good"): "marked so",
}


@pytest.fixture(scope="module", params=[0, 2], ids=["alone", "two"])
def skipping(request, tmp_path_factory):
    folder = Folder(tmp_path_factory.mktemp("skipping"), MODELS, texts=TEXTS, vsr=VSR, author=AUTHOR)
    return folder, folder.pytest(n=request.param)


@pytest.mark.parametrize("cell", REASONS, ids="-".join)
def test_a_skipped_cell_has_its_reason_everywhere(skipping, cell):
    folder, done = skipping
    status, reason = folder.cells()[cell]
    assert status == "skipped"
    assert REASONS[cell] in reason
    summary = said(done).partition("= spatial-harness =")[2]
    below = summary.partition(f"skipped: {reason}\n")[2].partition("\nskipped: ")[0]
    suite, model = cell
    assert model in next(line for line in below.splitlines() if line.strip().startswith(f"{suite}:"))
    assert reason in html.unescape((folder.path / "run" / "index.html").read_text())


def test_skips_do_not_fail_a_run_in_which_something_was_evaluated(skipping):
    folder, done = skipping
    assert done.ret == 0
    assert folder.cells()["texts", "good"] == ("passed", "")
    done.assert_outcomes(passed=1, skipped=19)


@pytest.mark.parametrize("n", [0, 2], ids=["alone", "two"])
def test_a_run_in_which_everything_is_skipped_fails(folder, n):
    made = folder([control("position-biased")], texts=TEXTS, more=text_suite("more", ["one"]))
    done = made.pytest(n=n)
    assert done.ret == pytest.ExitCode.TESTS_FAILED
    assert "nothing was evaluated: every suite x model was skipped" in said(done)
    assert {status for status, _ in made.cells().values()} == {"skipped"}


def test_an_earlier_run_in_the_folder_does_not_hide_that_nothing_was_evaluated(folder):
    made = folder([control("position-biased"), control("constant")], texts=TEXTS)
    assert made.pytest().ret == 0
    assert made.pytest("--models", "position-biased").ret == pytest.ExitCode.TESTS_FAILED
