"""Image-text matching on small random checkpoints: scores are those of transformers, however they are batched."""

from __future__ import annotations

import functools
import json
from pathlib import Path

import numpy as np
import pytest
from tiny_checkpoints import CAPTIONS, cut_short

from harness import matching, models
from harness.embed import score_captions
from harness.errors import ConfigError, ModelError
from harness.rows import ChoiceRow

CLOSE = {"atol": 1e-4, "rtol": 0}
NETWORKS = {
    "blip": "BlipForImageTextRetrieval",
    "blip_2": "Blip2ForImageTextRetrieval",
    "flava": "FlavaForPreTraining",
    "vilt": "ViltForImageAndTextRetrieval",
    "bridgetower": "BridgeTowerForImageAndTextRetrieval",
}
PROCESSORS = {"blip": "Blip", "blip_2": "Blip", "flava": "Flava", "vilt": "Vilt", "bridgetower": "BridgeTower"}
LONGEST = {"blip": 64, "blip_2": 64, "flava": 64, "vilt": 64, "bridgetower": 32}
SCORES = {"blip": ("itm", "itc", "sum"), "blip_2": ("itm", "itc", "sum"), "flava": ("itm", "itc")}
CASES = [(kind, score) for kind in NETWORKS for score in SCORES.get(kind, ("itm",))]


@functools.cache
def network(kind: str, path: Path):
    import transformers

    return getattr(transformers, NETWORKS[kind]).from_pretrained(path).eval()


@functools.cache
def inputs_of(kind: str, path: Path, picture, caption: str, longest: int) -> dict:
    import transformers

    tokenizer = transformers.AutoTokenizer.from_pretrained(path)
    processor = getattr(transformers, f"{PROCESSORS[kind]}ImageProcessorPil").from_pretrained(path)
    tokens = tokenizer(caption, return_tensors="pt", truncation=True, max_length=longest)
    return {
        "input_ids": tokens["input_ids"],
        "attention_mask": tokens["attention_mask"],
        **processor(images=[picture.pixels], return_tensors="pt"),
    }


def logits(kind: str, model, inputs: dict) -> np.ndarray:
    """No match, match: transformers' own forward pass on one picture and one caption."""
    if kind == "blip":
        return model(**inputs, use_itm_head=True).itm_score[0].numpy()
    if kind == "blip_2":
        return model(**inputs, use_image_text_matching_head=True).logits_per_image[0].numpy()
    if kind == "flava":
        return model(**inputs, return_loss=False).itm_logits[0].numpy()
    found = model(**inputs).logits[0].numpy()
    return np.array([0, found[0]]) if kind == "vilt" else found


def cosine(kind: str, model, inputs: dict) -> float:
    if kind == "blip":
        return float(model(**inputs, use_itm_head=False).itm_score)
    if kind == "blip_2":
        return float(model(**inputs, use_image_text_matching_head=False).logits_per_image)
    scaled = model(**inputs, return_loss=False).contrastive_logits_per_image
    return float(scaled / model.flava.logit_scale.exp())


def direct(kind: str, path: Path, picture, caption: str, score: str) -> float:
    import torch

    published = kind == "blip" and score == "sum"  # cut at 35 tokens, and the matching head's text opened by [ENC]
    model, inputs = network(kind, path), inputs_of(kind, path, picture, caption, 35 if published else LONGEST[kind])
    with torch.no_grad():
        if score == "itc":
            return cosine(kind, model, inputs)
        if published:
            opened = inputs["input_ids"].clone()
            opened[0, 0] = model.config.text_config.vocab_size - 1
            no, yes = logits(kind, model, {**inputs, "input_ids": opened})
        else:
            no, yes = logits(kind, model, inputs)
        return yes + cosine(kind, model, inputs) if score == "sum" else yes - no


@pytest.fixture(params=NETWORKS)
def kind(request) -> str:
    return request.param


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


@pytest.mark.parametrize(("kind", "score"), CASES)
def test_scores_are_those_of_transformers(load, checkpoint, rows, kind, score):
    path = checkpoint(kind)
    measured = score_captions(load("itm", path, options={"score": score}), rows[:7]).values
    expected = [[direct(kind, path, row.image, text, score) for text in row.captions] for row in rows[:7]]
    np.testing.assert_allclose(measured, expected, **CLOSE)
    assert np.ptp(measured) > 0.01


@pytest.mark.parametrize(("kind", "score"), CASES)
def test_the_size_of_batches_and_the_order_of_rows_change_nothing(load, checkpoint, rows, kind, score):
    path, options = checkpoint(kind), {"score": score}
    one = score_captions(load("itm", path, batch_size=1, options=options), rows).values
    sixteen = score_captions(load("itm", path, batch_size=16, options=options), rows).values
    longest_first = sorted(range(len(rows)), key=lambda i: -max(map(len, rows[i].captions)))
    turned = score_captions(load("itm", path, batch_size=16, options=options), [rows[i] for i in longest_first]).values
    np.testing.assert_allclose(sixteen, one, **CLOSE)
    np.testing.assert_allclose(turned, one[longest_first], **CLOSE)


@pytest.mark.parametrize(("kind", "score"), CASES)
def test_padding_changes_nothing(load, checkpoint, shown, kind, score):
    loaded, picture = load("itm", checkpoint(kind), options={"score": score}).loaded, shown[0].pixels
    alone = loaded.score_captions([picture], [[CAPTIONS[0]]])
    beside_a_long_one = loaded.score_captions([picture], [[CAPTIONS[0], CAPTIONS[-1]]])
    np.testing.assert_allclose(beside_a_long_one[:, :1], alone, **CLOSE)


@pytest.mark.parametrize(("kind", "score"), CASES)
def test_a_caption_longer_than_the_context_is_cut_at_it(load, checkpoint, shown, kind, score):
    path = checkpoint(kind)
    loaded, endless = load("itm", path, options={"score": score}).loaded, "the red cat " * 500
    scores = loaded.score_captions([shown[0].pixels], [[endless, endless + "and a dog", ""]])
    np.testing.assert_allclose(scores[0, 0], direct(kind, path, shown[0], endless, score), **CLOSE)
    np.testing.assert_allclose(scores[0, 1], scores[0, 0], **CLOSE)
    assert np.isfinite(scores).all()


def test_each_picture_is_encoded_once_whatever_the_number_of_its_captions(load, checkpoint, shown):
    for kind, tower in (("blip", "vision_model"), ("blip_2", "vision_model"), ("flava", "flava.image_model")):
        loaded, seen = load("itm", checkpoint(kind)).loaded, []
        loaded.model.get_submodule(tower).register_forward_hook(lambda *call, to=seen: to.append(len(call[2][0])))
        loaded.score_captions([picture.pixels for picture in shown[:2]], [CAPTIONS[:3], CAPTIONS[3:6]])
        assert seen == [2], kind


def test_vilt_sees_every_patch_though_its_config_has_a_limit(load, copy_of, checkpoint, rows):
    """Transformers draws the patches it leaves out at random."""
    path = copy_of("vilt")
    config = json.loads((path / "config.json").read_text())
    (path / "config.json").write_text(json.dumps(config | {"max_image_length": 2}))
    scores = [score_captions(load("itm", folder), rows).values for folder in (path, checkpoint("vilt"))]
    np.testing.assert_allclose(*scores, **CLOSE)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_an_entry_in_half_precision_is_near_the_exact_scores(load, checkpoint, rows, kind, dtype):
    half, exact = (score_captions(load("itm", checkpoint(kind), dtype=d), rows).values for d in (dtype, "float32"))
    assert half.dtype == np.float32
    assert np.corrcoef(half.ravel(), exact.ravel())[0, 1] > 0.97
    assert np.abs(half - exact).max() > 1e-5


def test_a_prompt_stands_before_every_caption(load, checkpoint, rows, kind):
    path = checkpoint(kind)
    prompted = score_captions(load("itm", path, prompt="the red "), rows[:2]).values
    expected = [[direct(kind, path, r.image, f"the red {text}", "itm") for text in r.captions] for r in rows[:2]]
    np.testing.assert_allclose(prompted, expected, **CLOSE)


def test_it_has_what_it_says(load, checkpoint, kind):
    model = load("itm", checkpoint(kind))
    assert model.capabilities == {"ScoresCaptions"}
    assert isinstance(model.loaded, models.ScoresCaptions)
    assert not isinstance(model.loaded, models.EmbedsTexts)


def test_a_checkpoint_of_another_architecture_is_refused(load, checkpoint):
    with pytest.raises(ModelError, match=r"itm has no matching head of a clip; known: blip, blip-2, flava, vilt, br"):
        load("itm", checkpoint("clip")).loaded  # noqa: B018


@pytest.mark.parametrize(
    ("kind", "score", "said"),
    [
        ("vilt", "itc", "vilt has no itc; known: itm"),
        ("bridgetower", "sum", "bridgetower has no sum; known: itm"),
        ("flava", "sum", "flava has no sum; known: itc, itm"),
    ],
)
def test_a_score_that_the_architecture_does_not_have_is_refused(load, checkpoint, kind, score, said):
    with pytest.raises(ModelError, match=f"tiny: option score: {said}"):
        load("itm", checkpoint(kind), options={"score": score}).loaded  # noqa: B018


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


def test_many_captions_of_a_picture_are_read_in_parts(load, checkpoint, shown, monkeypatch):
    loaded, picture = load("itm", checkpoint("blip")).loaded, shown[0].pixels
    whole = loaded.score_captions([picture], [CAPTIONS[:7]])
    monkeypatch.setattr(matching, "PAIRS", 3)
    np.testing.assert_allclose(loaded.score_captions([picture], [CAPTIONS[:7]]), whole, **CLOSE)
