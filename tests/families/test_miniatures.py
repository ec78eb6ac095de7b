"""Every data set in small through every family, with broken and odd pictures and captions among its rows."""

from __future__ import annotations

import json
import sys

import miniatures
import numpy as np
import pytest
from miniatures import DATA, LOST, PICTURES
from safetensors.numpy import save_file
from tiny_openclip import HERE

from harness import caption_choice
from harness.embed import score_captions

FAMILIES = ("controls", "dual", "itm", "chat", "openclip", "process", "precomputed")


@pytest.fixture
def model_of(load, checkpoint, tmp_path):
    """A model of a family that scores captions: a tiny checkpoint, the example worker, a control, or features."""

    def make(family, rows):
        if family == "controls":
            return load("controls", options={"kind": "random"})
        if family == "process":
            options = {"python": sys.executable, "capabilities": ["ScoresCaptions"]}
            return load("process", miniatures.WORKER, options=options)
        if family == "precomputed":
            widest = max(len(row.captions) for row in rows)
            captions = [[*row.captions, *[""] * (widest - len(row.captions))] for row in rows]
            scores = np.random.default_rng(7).random((len(rows), widest)).astype(np.float32)
            text = {"ids": json.dumps([row.id for row in rows]), "captions": json.dumps(captions)}
            save_file({"scores": scores}, tmp_path / "held.safetensors", metadata=text)
            return load("precomputed", tmp_path / "held.safetensors", options={"holds": ["scores"]})
        if family == "openclip" and not HERE:
            pytest.skip('open_clip is absent: pip install "spatial-harness[openclip]"')
        kind = {"dual": "clip", "itm": "blip", "chat": "llava", "openclip": "openclip"}[family]
        return load(family, checkpoint(kind), batch_size=4)  # a long caption is not padded to in many rows

    return make


@pytest.mark.parametrize("data", DATA)
@pytest.mark.parametrize("family", FAMILIES)
def test_a_miniature_runs_end_to_end(model_of, tmp_path, monkeypatch, family, data):
    monkeypatch.setenv("HARNESS_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    rows = DATA[data](tmp_path / "data", monkeypatch)
    model = model_of(family, rows)
    scores = score_captions(model, rows)
    findings = caption_choice(scores)
    model.close()
    whole = next(r for r in findings.results if (r.metric, r.slice) == ("accuracy", "all"))
    lost = 0 if family == "precomputed" else len(LOST)  # which opens no picture
    assert whole.n == len(rows) - lost
    assert len(scores.failed) == lost
    assert (f"{lost} of {len(rows)} pictures failed" in whole.note) == bool(lost)
    assert np.isfinite(np.asarray(scores.values)).all()
    assert {outcome.row for outcome in findings.outcomes} == {row.id for row in rows}
    if data.startswith("whatsup"):
        together = next(r for r in findings.results if r.metric == "set_accuracy")
        assert "incomplete" in together.note


@pytest.mark.parametrize("family", ["dual", "itm", "chat"])
def test_a_picture_means_the_same_in_any_mode(model_of, tmp_path, monkeypatch, family):
    """Grey, with alpha or in CMYK, a picture is what its RGB conversion is."""
    from miniatures import _drawn, _png

    from harness.photos import Photo
    from harness.rows import ChoiceRow

    monkeypatch.setenv("HARNESS_DATA_DIR", str(tmp_path))
    plain = _drawn(1).convert("L").convert("RGB")
    (tmp_path / "grey.png").write_bytes(_png(plain.convert("L")))
    (tmp_path / "alpha.png").write_bytes(_png(plain.convert("RGBA")))
    (tmp_path / "plain.png").write_bytes(_png(plain))
    rows = [
        ChoiceRow(
            id=name,
            label="on",
            group=name,
            image=Photo(f"{name}.png", (".",), ""),
            captions=("the red cat", "the dog under it"),
            options=("l", "r"),
            gold=0,
        )
        for name in ("plain", "grey", "alpha")
    ]
    values = np.asarray(score_captions(model_of(family, rows), rows).values)
    # shown in an order of each row's own, so compared by caption
    np.testing.assert_allclose(values[1], values[0], atol=1e-5)
    np.testing.assert_allclose(values[2], values[0], atol=1e-5)


def test_every_kind_of_picture_is_among_the_first_rows():
    assert len(PICTURES) < miniatures.COUNT // 2  # else more would be lost than kept
    assert set(LOST) < set(PICTURES)
