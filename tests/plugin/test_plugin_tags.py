"""A suite with a tag is about the models that bear it; what it measured before it failed is kept."""

import pytest
from plugin_folder import Folder, pretend, said, text_suite

EVERY = text_suite("every", ["one", "two"])
OURS = text_suite("ours", ["one", "two"]).replace('needs="EmbedsTexts"', 'needs="EmbedsTexts", tag="ours"')
STRICT = text_suite("strict", ["one", "two"]) + "    assert value > 1, 'the mean is below one'\n"
MODELS = [pretend("mine", tags=["ours"]), pretend("theirs")]


@pytest.fixture(scope="module", params=[0, 2], ids=["alone", "two"])
def done(request, tmp_path_factory):
    folder = Folder(tmp_path_factory.mktemp("tags"), MODELS, every=EVERY, ours=OURS, strict=STRICT)
    return folder, folder.pytest(n=request.param)


def test_a_tagged_suite_meets_the_models_that_bear_the_tag(done):
    folder, run = done
    assert set(folder.cells()) == {
        ("every", "mine"),
        ("every", "theirs"),
        ("ours", "mine"),
        ("strict", "mine"),
        ("strict", "theirs"),
    }, said(run)


def test_a_suites_own_assertion_fails_the_cell_and_keeps_its_numbers(done):
    folder, run = done
    status, reason = folder.cells()["strict", "mine"]
    assert (status, "the mean is below one" in reason) == ("error", True)
    assert run.ret == 1
    assert [(line["suite"], line["model"]) for line in folder.results() if line["suite"] == "strict"] == [
        ("strict", "mine"),
        ("strict", "theirs"),
    ]
