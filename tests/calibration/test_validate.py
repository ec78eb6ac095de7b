from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from harness.calibration import validate  # noqa: E402
from harness.calibration.corpus import Pool, make_pool  # noqa: E402
from harness.calibration.model import new_model, new_tokenizer  # noqa: E402
from harness.calibration.validate import cosines, validation_accuracy  # noqa: E402
from harness.errors import ScoreError  # noqa: E402
from harness.scenes.questions import answer, claims  # noqa: E402

torch.set_num_threads(1)


@pytest.fixture(scope="module")
def pools() -> list[Pool]:
    return [make_pool("spatial", "val", 240), make_pool("color", "val", 120)]


@pytest.fixture
def tower(monkeypatch):
    """Put a picture's and a caption's vector in the hands of the test: functions of what is seen and said."""
    words: dict[str, int] = {}

    def patch(seen, said=None):
        def captions(model, tokenizer, texts):
            return torch.eye(5000)[[words.setdefault(text, len(words)) for text in texts]]

        monkeypatch.setattr(validate, "embed_pictures", lambda model, pixels: seen(pixels, words))
        monkeypatch.setattr(validate, "embed_captions", said or captions)

    return patch


def test_pictures_that_say_their_own_caption_are_all_right(pools, tower):
    """And every scene counts: with the wrong half of them the accuracy is the right half's."""
    for wrong in (0, 5):
        told = {
            len(pool.scenes): [claims(pool.config, s)[answer(pool.config, s)] for s in pool.scenes] for pool in pools
        }

        def seen(pixels, words, told=told, wrong=wrong):
            index = torch.tensor([words.setdefault(text, len(words)) for text in told[len(pixels)]])
            index[:wrong] = 4999  # no caption's
            return torch.eye(5000)[index]

        tower(seen)
        found = validation_accuracy(torch.nn.Linear(1, 1), None, pools)
        for pool in pools:
            chance = 1 / len(claims(pool.config, pool.scenes[0]))
            count = len(pool.scenes)
            assert found[pool.config.name] == pytest.approx((count - wrong + wrong * chance) / count)


def test_a_model_that_says_nothing_gets_chance_and_not_the_first_captions_share(pools, tower):
    tower(lambda pixels, words: torch.ones(len(pixels), 3), lambda model, tokenizer, texts: torch.ones(len(texts), 3))
    assert validation_accuracy(torch.nn.Linear(1, 1), None, pools) == pytest.approx({"spatial": 0.25, "color": 0.1})


def test_a_score_that_is_no_number_is_an_error(pools, tower):
    tower(lambda pixels, words: torch.full((len(pixels), 5000), torch.nan))
    with pytest.raises(ScoreError, match="NaN"):
        validation_accuracy(torch.nn.Linear(1, 1), None, pools)


def test_an_untrained_model_is_asked_without_gradients_and_goes_on_training(pools):
    torch.manual_seed(0)
    model, tokenizer = new_model(), new_tokenizer()
    modes: list[tuple[bool, bool]] = []

    def look(*_):
        modes.append((model.training, torch.is_inference_mode_enabled()))

    model.vision_model.register_forward_hook(look)
    model.train()
    found = validation_accuracy(model, tokenizer, pools)
    assert list(found) == ["spatial", "color"]
    assert found["spatial"] == pytest.approx(0.25, abs=0.25)
    assert modes == [(False, True)] * 2
    assert model.training
    model.eval()
    validation_accuracy(model, tokenizer, pools[1:])
    assert not model.training


def test_a_model_goes_on_training_after_an_error(pools, tower):
    tower(lambda pixels, words: torch.full((len(pixels), 5000), torch.inf))
    model = torch.nn.Linear(1, 1).train()
    with pytest.raises(ScoreError):
        validation_accuracy(model, None, pools)
    assert model.training


def test_cosines_are_those_of_each_picture_with_its_own_captions(pools):
    torch.manual_seed(0)
    model, tokenizer = new_model().eval(), new_tokenizer()
    told = [list(claims(pools[0].config, scene).values()) for scene in pools[0].scenes[:6]]
    with torch.inference_mode():
        together = cosines(model, tokenizer, pools[0].pixels[:6], told)
        alone = [cosines(model, tokenizer, pools[0].pixels[i : i + 1], told[i : i + 1])[0] for i in range(6)]
    assert together.shape == (6, 4)
    assert together.dtype == np.float32
    np.testing.assert_allclose(together, np.stack(alone), atol=1e-5)
    assert np.ptp(together) > 1e-3
