"""Training: the loss falls, a seed gives the same weights, and a break changes nothing."""

import itertools

import numpy as np
import pytest
import torch
from PIL import Image

from harness.calibration.corpus import draw_batch, make_corpus
from harness.calibration.model import new_model, new_processor, new_tokenizer, vocabulary
from harness.calibration.train import Recipe, contrastive_loss, train
from harness.calibration.variants import VARIANTS
from harness.errors import StoreError

TINY = {"spatial": 240, "color": 120}
RECIPE = Recipe(steps=6, warmup=2)


@pytest.fixture(scope="module")
def corpus():
    return make_corpus(TINY)


@pytest.fixture(autouse=True)
def _one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def weights(training):
    return {name: value.clone() for name, value in training.model.state_dict().items()}


def finish(steps):
    for training in steps:
        last = training
    return last


def same(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def test_a_seed_gives_the_same_weights_bit_for_bit_and_another_seed_does_not(corpus, tmp_path):
    runs = [
        weights(finish(train(VARIANTS["cal-spatial"], Recipe(steps=4, seed=seed), corpus, tmp_path / name)))
        for name, seed in (("a", 0), ("b", 0), ("c", 1))
    ]
    assert same(runs[0], runs[1])
    assert not same(runs[0], runs[2])


def test_a_broken_off_training_goes_on_to_the_same_weights(corpus, tmp_path, monkeypatch):
    monkeypatch.setattr("harness.calibration.train.KEEP_EVERY", 2)
    whole = weights(finish(train(VARIANTS["cal-axis"], RECIPE, corpus, tmp_path / "whole")))
    for _ in itertools.islice(train(VARIANTS["cal-axis"], RECIPE, corpus, tmp_path / "broken"), 5):
        pass
    resumed = train(VARIANTS["cal-axis"], RECIPE, corpus, tmp_path / "broken")
    first = next(resumed)
    assert first.step == 5  # the fifth step was not kept: the fourth was
    assert same(weights(finish(resumed)), whole)
    done = list(train(VARIANTS["cal-axis"], RECIPE, corpus, tmp_path / "broken"))
    assert len(done) == 1
    assert same(weights(done[0]), whole)


def test_a_folder_that_cannot_be_written_is_said(corpus, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="free some space"):
        finish(train(VARIANTS["cal-bag"], RECIPE, corpus, tmp_path / "file" / "work"))


def test_the_loss_equals_a_plain_computation(corpus):
    torch.manual_seed(0)
    model, tokenizer = new_model().eval(), new_tokenizer()
    pixels, told = draw_batch(corpus, VARIANTS["cal-spatial"], np.random.default_rng(3))
    with torch.no_grad():
        measured = float(contrastive_loss(model, tokenizer, pixels, told))
        texts = [row[0] for row in told] + [text for row in told for text in row[1:]]
        values = new_processor()(images=[Image.fromarray(p) for p in pixels], return_tensors="pt").pixel_values
        tokens = tokenizer(texts, padding=True, return_tensors="pt")
        scores = model(**tokens, pixel_values=values).logits_per_image.double().numpy()
    losses, first = [], len(told)
    for k, row in enumerate(told):
        rivals = [j for j, text in enumerate(texts) if j == k or text != row[0]]
        losses.append(np.logaddexp.reduce(scores[k, rivals]) - scores[k, k])
        rivals = [j for j in range(len(told)) if j == k or told[j][0] != row[0]]
        losses.append(np.logaddexp.reduce(scores[rivals, k]) - scores[k, k])
        own = [k, *range(first, first + len(row) - 1)]
        losses.append(2 * (np.logaddexp.reduce(scores[k, own]) - scores[k, k]))
        first += len(row) - 1
    assert measured == pytest.approx(sum(losses) / 2 / len(told), abs=1e-4)


def test_every_word_of_every_caption_is_in_the_vocabulary(corpus):
    tokenizer, words = new_tokenizer(), set(vocabulary())
    rng = np.random.default_rng(0)
    for variant in VARIANTS.values():
        _, told = draw_batch(corpus, variant, rng)
        for text in itertools.chain.from_iterable(told):
            assert set(text.split()) <= words
            assert tokenizer.unk_token_id not in tokenizer(text)["input_ids"]


@pytest.mark.slow
def test_a_few_dozen_steps_lower_the_loss(tmp_path):
    corpus = make_corpus({"spatial": 1200, "color": 400})
    recipe = Recipe(steps=60, warmup=10, learning_rate=1e-3)
    losses = [training.loss for training in train(VARIANTS["cal-spatial"], recipe, corpus, tmp_path)]
    assert np.mean(losses[-10:]) < np.mean(losses[:5]) - 0.3
