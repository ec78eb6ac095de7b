"""Image-text matching on small random checkpoints: scores are those of transformers, however they are batched."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tiny_checkpoints import CAPTIONS, cut_short

from harness import models
from harness.embed import score_captions
from harness.errors import ConfigError, ModelError
from harness.rows import ChoiceRow

CLOSE = {"atol": 1e-4, "rtol": 0}
SCORES = ("itm", "itc", "sum")


def direct(path: Path, picture, caption: str, score: str) -> float:
    """Transformers' own forward pass on one picture and one caption."""
    import torch
    from transformers import AutoTokenizer, BlipForImageTextRetrieval, BlipImageProcessorPil

    model, tokenizer = BlipForImageTextRetrieval.from_pretrained(path).eval(), AutoTokenizer.from_pretrained(path)
    tokens = tokenizer(caption, return_tensors="pt", truncation=True, max_length=64)
    inputs = {"input_ids": tokens["input_ids"], "attention_mask": tokens["attention_mask"]}
    inputs |= BlipImageProcessorPil.from_pretrained(path)(images=[picture.pixels], return_tensors="pt")
    with torch.no_grad():
        logits = model(**inputs, use_itm_head=True).itm_score[0]
        cosine = float(model(**inputs, use_itm_head=False).itm_score)
    odds = float(logits[1] - logits[0])
    return {"itm": odds, "itc": cosine, "sum": float(logits.softmax(0)[1]) + cosine}[score]


@pytest.fixture(scope="module")
def rows(shown) -> list[ChoiceRow]:
    """Pictures with three captions each, of all lengths."""
    return [
        ChoiceRow(
            id=f"r{i}", label="x", group=f"g{i}", image=picture, gold=0, options=("x", "y", "z"),
            captions=tuple(CAPTIONS[(i + k) % len(CAPTIONS)] for k in (0, 5, 9)),
        )
        for i, picture in enumerate(shown)
    ]  # fmt: skip


@pytest.mark.parametrize("score", SCORES)
def test_scores_are_those_of_transformers(load, checkpoint, rows, score):
    path = checkpoint("blip")
    measured = score_captions(load("itm", path, options={"score": score}), rows[:6]).values
    expected = [[direct(path, row.image, caption, score) for caption in row.captions] for row in rows[:6]]
    np.testing.assert_allclose(measured, expected, **CLOSE)
    assert np.ptp(measured) > 0.01


@pytest.mark.parametrize("score", SCORES)
def test_the_size_of_batches_and_the_order_of_rows_change_nothing(load, checkpoint, rows, score):
    path, options = checkpoint("blip"), {"score": score}
    one = score_captions(load("itm", path, batch_size=1, options=options), rows).values
    sixteen = score_captions(load("itm", path, batch_size=16, options=options), rows).values
    longest_first = sorted(range(len(rows)), key=lambda i: -max(map(len, rows[i].captions)))
    turned = score_captions(load("itm", path, batch_size=16, options=options), [rows[i] for i in longest_first]).values
    np.testing.assert_allclose(sixteen, one, **CLOSE)
    np.testing.assert_allclose(turned, one[longest_first], **CLOSE)


def test_padding_changes_nothing(load, checkpoint, shown):
    loaded, picture = load("itm", checkpoint("blip")).loaded, shown[0].pixels
    alone = loaded.score_captions([picture], [[CAPTIONS[0]]])
    beside_a_long_one = loaded.score_captions([picture], [[CAPTIONS[0], CAPTIONS[-1]]])
    np.testing.assert_allclose(beside_a_long_one[:, :1], alone, **CLOSE)


def test_a_prompt_stands_before_every_caption(load, checkpoint, rows):
    path = checkpoint("blip")
    prompted = score_captions(load("itm", path, prompt="the red "), rows[:2]).values
    expected = [[direct(path, row.image, f"the red {caption}", "itm") for caption in row.captions] for row in rows[:2]]
    np.testing.assert_allclose(prompted, expected, **CLOSE)


def test_it_has_what_it_says(load, checkpoint):
    model = load("itm", checkpoint("blip"))
    assert model.capabilities == {"ScoresCaptions"}
    assert isinstance(model.loaded, models.ScoresCaptions)
    assert not isinstance(model.loaded, models.EmbedsTexts)


def test_a_checkpoint_of_another_architecture_is_refused(load, checkpoint):
    with pytest.raises(ModelError, match=r"family itm loads BLIP with a matching head, and .* holds a clip"):
        load("itm", checkpoint("clip")).loaded  # noqa: B018


def test_weights_that_are_not_there_are_named(load, copy_of):
    from safetensors.torch import load_file, save_file

    path = copy_of("blip")
    weights = {k: v for k, v in load_file(path / "model.safetensors").items() if "itm_head" not in k}
    save_file(weights, path / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelError, match=r"lacks 2 weights of BlipForImageTextRetrieval: itm_head\.bias"):
        load("itm", path).loaded  # noqa: B018


def test_a_broken_download_is_said(load, checkpoint, tmp_path):
    with pytest.raises(ModelError, match="damaged or cut short"):
        load("itm", cut_short(checkpoint("blip"), tmp_path / "cut")).loaded  # noqa: B018


def test_a_tokenizer_without_its_files_is_refused(load, copy_of):
    path = copy_of("blip")
    for name in ("vocab.txt", "tokenizer.json", "special_tokens_map.json"):
        (path / name).unlink(missing_ok=True)
    with pytest.raises(ModelError, match="the tokenizer knows"):
        load("itm", path).loaded  # noqa: B018


@pytest.mark.parametrize(
    ("entry", "said"),
    [({"options": {"score": "both"}}, "option score: 'both'"), ({"pooling": "mean"}, "leave `pooling` out")],
)
def test_a_wrong_entry_is_one_error(load, checkpoint, entry, said):
    with pytest.raises(ConfigError, match=said):
        load("itm", checkpoint("blip"), **entry)
