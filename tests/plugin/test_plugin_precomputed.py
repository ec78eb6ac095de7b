"""Features made elsewhere in a run: suites whose rows the files hold are run, others skipped with the reason."""

import numpy as np
import pytest
from plugin_folder import said, text_suite

from harness import scene_choices, scene_rows

CHOICE = """
    import pytest
    from harness import caption_choice, scene_choices

    @pytest.mark.suite("choice", needs="ScoresCaptions")
    def test_choice(model, score_captions, record):
        record(caption_choice(score_captions(model, scene_choices("spatial", split="test"))))

    @pytest.mark.suite("denial", needs="ScoresCaptions")
    def test_denial(model, score_captions, record):
        record(caption_choice(score_captions(model, scene_choices("spatial", "test", "negation"))))
"""
PROBE = """
    import pytest
    from harness import grouped_probe, scene_rows

    @pytest.mark.suite("probe", needs=("EmbedsTexts", "EmbedsImages"))
    def test_probe(model, embed_rows, record):
        record(grouped_probe(embed_rows(model, scene_rows("spatial", split="test"))))
"""
ENTRY = {"name": "splat", "family": "precomputed", "source": "./features", "options": {"holds": ["images", "scores"]}}
SUITES = {"held_choice": CHOICE, "held_probe": PROBE}  # no module of these names is collected elsewhere


def put(made, rows=None, right=1.0) -> None:
    """An oracle's scores of the choice rows, and vectors of the probed rows' pictures that tell the relation."""
    rows = rows or scene_choices("spatial", split="test")
    probed = scene_rows("spatial", split="test")
    labels = sorted({row.label for row in probed})
    (made.path / "features").mkdir(exist_ok=True)
    np.savez(
        made.path / "features" / "choice.npz",
        ids=[row.id for row in rows],
        captions=[row.captions for row in rows],
        scores=[[right * (k == row.gold) for k in range(4)] for row in rows],
    )
    np.savez(
        made.path / "features" / "probe.npz",
        ids=[row.id for row in probed],
        images=np.eye(4)[[labels.index(row.label) for row in probed]],
    )


def value(made, suite: str, metric: str) -> float:
    [found] = [r for r in made.results() if (r["suite"], r["metric"], r["slice"]) == (suite, metric, "all")]
    return found["value"]


@pytest.mark.parametrize("n", [0, 2], ids=["alone", "two"])
def test_an_entry_runs_in_the_suites_whose_rows_its_files_hold(folder, n):
    made = folder([ENTRY], **SUITES)
    put(made)
    done = made.pytest(n=n)
    assert done.ret == 0, said(done)
    cells = made.cells()
    assert cells["choice", "splat"] == cells["probe", "splat"] == ("passed", "")
    assert (value(made, "choice", "accuracy"), value(made, "probe", "macro_f1")) == (1, 1)
    status, reason = cells["denial", "splat"]
    assert status == "skipped"
    first = scene_choices("spatial", "test", "negation")
    assert reason.startswith(
        f"splat holds scores of 0 of the {len(first)} rows of this suite; the first that is missing: '{first[0].id}'"
    )


def test_some_missing_rows_are_an_error_that_names_them(folder):
    made = folder([ENTRY], **SUITES)
    rows = scene_choices("spatial", split="test")
    put(made, rows[:-3])
    done = made.pytest()
    assert done.ret == pytest.ExitCode.TESTS_FAILED
    status, reason = made.cells()["choice", "splat"]
    assert status == "error"
    assert f"splat holds scores of {len(rows) - 3} of the {len(rows)} rows of this suite;" in reason
    assert f"the first that is missing: '{rows[-3].id}'" in reason


def test_a_run_that_goes_on_notices_that_the_files_have_changed(folder):
    made = folder([ENTRY], held_choice=CHOICE)
    put(made)
    made.pytest()
    assert value(made, "choice", "accuracy") == 1
    put(made, right=0.0)
    made.pytest()
    assert value(made, "choice", "accuracy") == 0.25


def test_features_that_are_not_here_are_skipped_with_the_reason_and_collecting_does_not_look_for_them(folder):
    made = folder([ENTRY, {"name": "constant", "family": "controls", "options": {"kind": "constant"}}], **SUITES)
    collected = made.pytest("--collect-only", "-q")
    assert collected.ret == 0
    assert "test_choice[splat]" in said(collected)
    assert made.pytest().ret == 0
    reason = "features does not exist: correct the entry's source, or put the features there"
    assert made.cells()["choice", "splat"] == ("skipped", reason)


def test_damaged_features_are_an_error_in_every_suite(folder):
    made = folder([ENTRY], texts=text_suite("texts", ["one"]), **SUITES)
    put(made)
    (made.path / "features" / "probe.npz").write_bytes(b"PK\x03\x04 and no more")
    assert made.pytest().ret == pytest.ExitCode.TESTS_FAILED
    cells = made.cells()
    for suite in ("choice", "denial", "probe"):
        assert cells[suite, "splat"][0] == "error"
        assert "features/probe.npz cannot be read: " in cells[suite, "splat"][1]
    assert cells["texts", "splat"] == ("skipped", "splat has no EmbedsTexts")


def test_an_entry_that_does_not_say_what_it_holds_stops_the_run_once(inside):
    _, done = inside([{**ENTRY, "options": {}}], **SUITES)
    assert done.ret == pytest.ExitCode.INTERRUPTED
    assert "splat: what its files hold must be listed, as options: {holds: [texts, scores]}" in said(done)
