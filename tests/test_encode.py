from __future__ import annotations

import importlib.metadata
import threading
import warnings
from dataclasses import replace

import numpy as np
import pytest
from fake_models import Fake, Family, Held, fake_model, vector_of, weights
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness import batches, encode
from harness.encode import embed_pictures, embed_texts
from harness.errors import ModelError, ModelUnavailable, ScoreError

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def fake(monkeypatch):
    """Install a fake with its own name for a test; its `family` counts loads."""

    def install(model=None, **names):
        model = model or Fake()
        model.family = Family(model).install(monkeypatch, **names)
        return model

    return install


def expected(texts):
    return np.stack([vector_of(text.encode()) for text in texts])


def of_pictures(pictures):
    return np.stack([vector_of(picture.pixels().tobytes()) for picture in pictures])


# --- texts --------------------------------------------------------------------------------------


def test_each_distinct_text_is_computed_once_and_every_row_gets_its_own(tmp_path, fake):
    asked = fake()
    model = fake_model(tmp_path)
    texts = ["a", "bb", "a", "ccc", "bb", "a"]
    values = embed_texts(model, texts)
    np.testing.assert_array_equal(values, expected(texts))
    assert values.dtype == np.float32
    assert sorted(text for batch in asked.texts for text in batch) == ["a", "bb", "ccc"]
    assert (model.stats["computed"], model.stats["store_hits"]) == (3, 0)


@given(st.permutations(["a", "bb", "ccc", "dddd", "a", "e" * 50, "é", ""]))
@settings(deadline=None, max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_batches_and_vectors_do_not_depend_on_the_order_of_rows(tmp_path_factory, fake, texts):
    asked = fake()
    values = embed_texts(fake_model(tmp_path_factory.mktemp("run"), batch_size=2), texts)
    np.testing.assert_array_equal(values, expected(texts))
    again = fake()
    embed_texts(fake_model(tmp_path_factory.mktemp("run"), batch_size=2), sorted(texts))
    assert asked.texts == again.texts


def test_a_second_model_over_the_store_computes_nothing_and_does_not_even_load(tmp_path, fake):
    first = fake()
    texts, pictures = ["a", "b"], [Held("1.png", 1), Held("2.png", 2)]
    model = fake_model(tmp_path)
    values, (images, _) = embed_texts(model, texts), embed_pictures(model, pictures)
    assert first.family.loads == 1
    second = fake()
    again = fake_model(tmp_path)
    np.testing.assert_array_equal(embed_texts(again, texts[::-1]), values[::-1])
    np.testing.assert_array_equal(embed_pictures(again, pictures)[0], images)
    assert (second.family.loads, second.texts, second.images) == (0, [], [])
    assert (again.stats["computed"], again.stats["store_hits"]) == (0, 4)


def test_only_new_texts_are_computed(tmp_path, fake):
    asked = fake()
    embed_texts(fake_model(tmp_path), ["a", "b"])
    model = fake_model(tmp_path)
    embed_texts(model, ["c", "b", "a"])
    assert [sorted(batch) for batch in asked.texts] == [["a", "b"], ["c"]]
    assert (model.stats["computed"], model.stats["store_hits"]) == (1, 2)


def test_the_families_own_counts_of_tokens_make_the_batches(tmp_path, fake):
    asked = fake()
    asked.token_counts = lambda texts: [batches.TOKENS // 4 if text.startswith("long") else 1 for text in texts]
    embed_texts(fake_model(tmp_path), ["long a", "long b", "long c", "long d", "long e", "x", "y"])
    assert [len(batch) for batch in asked.texts] == [4, 3]
    assert all(text.startswith("long") for text in asked.texts[0])


def test_no_batch_is_larger_than_the_entry_says(tmp_path, fake):
    asked = fake()
    embed_texts(fake_model(tmp_path, batch_size=3), [f"text {i}" for i in range(10)])
    embed_pictures(fake_model(tmp_path, batch_size=4), [Held(f"{i}", i) for i in range(10)])
    assert [len(batch) for batch in asked.texts] == [3, 3, 3, 1]
    assert asked.images == [4, 4, 2]


# --- memory -------------------------------------------------------------------------------------


@pytest.mark.parametrize("room", [1, 3, 7])
def test_a_batch_that_does_not_fit_is_halved_recorded_and_gives_the_same_vectors(tmp_path, fake, room):
    asked = fake(Fake(room=room))
    texts, pictures = [f"text {i:02}" for i in range(20)], [Held(f"{i}", i) for i in range(20)]
    model = fake_model(tmp_path)
    np.testing.assert_array_equal(embed_texts(model, texts), expected(texts))
    halved_texts = model.stats["batches_halved"]
    assert halved_texts == sum(len(batch) > room for batch in asked.texts) > 0
    vectors, failed = embed_pictures(model, pictures)
    np.testing.assert_array_equal(vectors, of_pictures(pictures))
    assert not failed
    assert model.stats["batches_halved"] - halved_texts == sum(size > room for size in asked.images) > 0


def test_pictures_of_a_halved_batch_are_not_mixed_up_with_broken_ones(tmp_path, fake):
    fake(Fake(room=2))
    pictures = [Held(f"{i}", i, broken="torn" if i % 3 == 0 else "") for i in range(11)]
    vectors, failed = embed_pictures(fake_model(tmp_path), pictures)
    assert failed == dict.fromkeys(range(0, 11, 3), "torn")
    np.testing.assert_array_equal(vectors, of_pictures([p for p in pictures if not p.broken]))


def test_a_single_text_that_does_not_fit_is_a_model_error(tmp_path, fake):
    fake(Fake(room=0))
    with pytest.raises(ModelError, match="out of memory on a single item"):
        embed_texts(fake_model(tmp_path), ["a", "b"])
    with pytest.raises(ModelError, match="out of memory on a single item"):
        embed_pictures(fake_model(tmp_path), [Held("1", 1)])


# --- wrong answers ------------------------------------------------------------------------------


def spoiled(value):
    def spoil(vectors):
        vectors[len(vectors) // 2, 1] = value
        return vectors

    return spoil


WRONG = {
    "NaN": (spoiled(np.nan), "NaN or Inf for 1 of"),
    "Inf": (spoiled(np.inf), "NaN or Inf for 1 of"),
    "-Inf": (spoiled(-np.inf), "NaN or Inf for 1 of"),
    "too few": (lambda vectors: vectors[:-1], r"shape \("),
    "flat": (lambda vectors: vectors[:, 0], r"shape \("),
    "deep": (lambda vectors: vectors[:, :, None], r"shape \("),
}


@pytest.mark.parametrize(("spoil", "message"), WRONG.values(), ids=WRONG)
def test_a_wrong_answer_is_a_score_error_and_nothing_of_it_is_stored(tmp_path, fake, spoil, message):
    fake(Fake(spoil=spoil))
    with pytest.raises(ScoreError, match=f"fake returned {message}"):
        embed_texts(fake_model(tmp_path), ["a", "b", "c"])
    with pytest.raises(ScoreError, match=f"fake returned {message}"):
        embed_pictures(fake_model(tmp_path), [Held("1", 1), Held("2", 2)])
    assert not list(tmp_path.rglob("store/**/*.safetensors"))


def test_what_was_done_before_an_error_is_stored(tmp_path, fake, monkeypatch):
    monkeypatch.setattr(encode, "FLUSH_S", -1.0)
    calls = []

    def third_fails(vectors):
        calls.append(len(vectors))
        if len(calls) == 3:
            raise ValueError("the power is gone")
        return vectors

    asked = fake(Fake(spoil=third_fails))
    texts = [f"text {i}" for i in range(8)]
    with pytest.raises(ValueError, match="power"):
        embed_texts(fake_model(tmp_path, batch_size=2), texts)
    assert calls == [2, 2, 2]
    heir = fake()
    model = fake_model(tmp_path, batch_size=2)
    np.testing.assert_array_equal(embed_texts(model, texts), expected(texts))
    done = {text for batch in asked.texts[:2] for text in batch}
    assert {text for batch in heir.texts for text in batch} == set(texts) - done
    assert (model.stats["computed"], model.stats["store_hits"]) == (4, 4)


def test_short_work_is_stored_in_one_piece(tmp_path, fake):
    fake()
    embed_texts(fake_model(tmp_path, batch_size=1), [f"text {i}" for i in range(30)])
    assert len(list(tmp_path.rglob("store/**/*.safetensors"))) == 1


# --- pictures -----------------------------------------------------------------------------------


def test_pictures_of_equal_pixels_are_computed_once_whatever_they_are_called(tmp_path, fake):
    asked = fake()
    pictures = [Held("a.png", 1), Held("b.png", 2), Held("copy of a.png", 1), Held("a.png", 1)]
    vectors, failed = embed_pictures(fake_model(tmp_path), pictures)
    np.testing.assert_array_equal(vectors, of_pictures(pictures))
    assert not failed
    assert asked.images == [2]


def test_what_pictures_showed_is_remembered_in_whatever_order_they_were_read(tmp_path, fake):
    fake()

    def read(*pictures):
        encode.read.clear()
        embed_pictures(fake_model(tmp_path), pictures)
        return encode.read_digest()

    whole = read(Held("a", 1), Held("b", 2))
    assert read(Held("b", 2), Held("a", 1), Held("a", 1)) == whole
    assert len({whole, read(Held("a", 1), Held("b", 3)), read(Held("a", 2), Held("b", 1)), read(Held("a", 1))}) == 4
    encode.read.clear()
    assert encode.read_digest() == ""


def test_a_picture_that_cannot_be_had_is_reported_and_never_a_zero_vector(tmp_path, fake):
    asked = fake()
    pictures = [Held("0", 0), Held("1", 1, lost="404"), Held("2", 2, broken="torn"), Held("3", 3)]
    for _ in range(2):  # the second time from the store
        vectors, failed = embed_pictures(fake_model(tmp_path), pictures)
        assert failed == {1: "404", 2: "torn"}
        np.testing.assert_array_equal(vectors, of_pictures([pictures[0], pictures[3]]))
    assert asked.images == [2]


def test_a_broken_picture_fails_every_row_that_shows_it(tmp_path, fake):
    fake()
    pictures = [Held("a", 1, broken="torn"), Held("b", 2), Held("a", 1, broken="torn")]
    vectors, failed = embed_pictures(fake_model(tmp_path), pictures)
    assert failed == {0: "torn", 2: "torn"}
    assert len(vectors) == 1


@pytest.mark.parametrize("how", ["lost", "broken"])
def test_when_every_picture_fails_there_are_no_vectors_and_every_reason(tmp_path, fake, how):
    fake()
    pictures = [Held(f"{i}", i, **{how: f"reason {i}"}) for i in range(3)]
    vectors, failed = embed_pictures(fake_model(tmp_path), pictures)
    assert len(vectors) == 0
    assert failed == {0: "reason 0", 1: "reason 1", 2: "reason 2"}


def test_a_picture_that_failed_is_tried_again_by_the_next_run(tmp_path, fake):
    fake()
    embed_pictures(fake_model(tmp_path), [Held("1", 1), Held("2", 2, broken="torn")])
    vectors, failed = embed_pictures(fake_model(tmp_path), [Held("1", 1), Held("2", 2)])
    assert not failed
    np.testing.assert_array_equal(vectors, of_pictures([Held("1", 1), Held("2", 2)]))


def test_pictures_are_opened_and_prepared_off_the_main_thread_and_embedded_on_it(tmp_path, fake):
    asked = fake()
    prepared = set()

    def prepare_images(images):
        prepared.add(threading.get_ident())
        return images

    asked.prepare_images = prepare_images
    pictures = [Held(f"{i}", i) for i in range(40)]
    embed_pictures(fake_model(tmp_path, batch_size=4), pictures)
    opened = {thread for picture in pictures for thread in picture.threads}
    assert threading.get_ident() not in opened | prepared
    assert opened
    assert prepared
    assert asked.threads == {threading.get_ident()}


def test_only_a_few_batches_of_pictures_are_held_at_once(tmp_path, fake):
    asked = fake()
    opened = []

    class Counted(Held):
        def open(self):
            opened.append(self.name)
            return super().open()

    ahead = []
    embed, pictures = asked.embed_images, [Counted(f"{i}", i) for i in range(60)]
    asked.embed_images = lambda images: (ahead.append(len(opened) - 2 * len(ahead)), embed(images))[1]
    embed_pictures(fake_model(tmp_path, batch_size=2), pictures)
    assert len(ahead) == 30
    assert max(ahead) <= 2 * (batches.AHEAD + 2)


def test_quiet_where_there_is_no_terminal(tmp_path, fake, capfd):
    fake()
    embed_texts(fake_model(tmp_path, batch_size=1), [f"{i}" for i in range(50)])
    assert capfd.readouterr() == ("", "")


# --- what a model is ----------------------------------------------------------------------------


def test_the_fingerprint_names_all_that_numbers_depend_on(tmp_path, fake, monkeypatch):
    fake()
    monkeypatch.delenv("HARNESS_MODEL_DIR", raising=False)

    def fingerprint(**entry):
        return fake_model(tmp_path, **entry).fingerprint

    same = fingerprint()
    for entry in (
        {"name": "other"},
        {"tags": ("new",)},
        {"batch_size": 7},
        {"vram_gb": 3.5},
        {"source": str(weights(tmp_path / "moved"))},
    ):
        assert fingerprint(**entry) == same, entry
    others = [
        fingerprint(**entry)
        for entry in (
            {"dtype": "bfloat16"},
            {"pooling": "cls"},
            {"prompt": "query: "},
            {"attn_implementation": "eager"},
            {"trust_remote_code": True},
            {"options": {"fusion": "average"}},
            {"options": {"fusion": "concat"}},
            {"source": str(weights(tmp_path / "trained", seed=1))},
            {"source": "org/name", "revision": COMMIT},
            {"source": "org/name", "revision": COMMIT[::-1]},
            {"source": "org/other", "revision": COMMIT},
        )
    ]
    assert len({same, *others}) == len(others) + 1


def test_the_fingerprint_changes_with_the_familys_version_and_name(tmp_path, fake, monkeypatch):
    fake()
    before = fake_model(tmp_path).fingerprint
    fake(VERSION=2)
    assert fake_model(tmp_path).fingerprint != before
    Family(Fake(), "fakes.other").install(monkeypatch)
    assert fake_model(tmp_path, family="fakes.other").fingerprint != before


def test_the_fingerprint_changes_with_a_librarys_major_version_alone(tmp_path, fake, monkeypatch):
    fake()

    def at(version):
        monkeypatch.setattr(importlib.metadata, "version", lambda name: version)
        return fake_model(tmp_path).fingerprint

    assert at("2.4.1") == at("2.13.0") != at("3.0.0")


def test_the_order_of_options_is_not_a_difference(tmp_path, fake):
    fake()
    first = fake_model(tmp_path, options={"fusion": "concat", "allow_bin": "old"})
    second = fake_model(tmp_path, options={"allow_bin": "old", "fusion": "concat"})
    assert first.fingerprint == second.fingerprint


def test_another_model_does_not_see_the_vectors_of_the_first(tmp_path, fake):
    asked = fake()
    embed_texts(fake_model(tmp_path), ["a"])
    embed_texts(fake_model(tmp_path, prompt="query: "), ["a"])
    assert len(asked.texts) == 2


def test_texts_and_pictures_of_one_model_do_not_share_a_space(tmp_path, fake):
    fake()
    model = fake_model(tmp_path)
    assert model.space("texts") != model.space("images")
    assert model.space("texts").split("/")[:2] == model.space("images").split("/")[:2]


@pytest.mark.parametrize("error", [OSError, ValueError, RuntimeError, ImportError, KeyError, TypeError, AttributeError])
def test_a_model_that_does_not_load_is_one_error_and_is_not_tried_again(tmp_path, fake, error):
    tries = []

    def load(spec, path, device):
        tries.append(path)
        raise error("half of the layers are missing")

    fake(load=load)
    model = fake_model(tmp_path)
    for _ in range(2):
        with pytest.raises(ModelError, match=f"fake does not load: {error.__name__}.*half of the layers"):
            embed_texts(model, ["a"])
    assert len(tries) == 1


def test_what_a_family_says_itself_about_loading_is_kept(tmp_path, fake):
    tries = []

    def load(spec, path, device):
        tries.append(path)
        raise ModelError("fake: this checkpoint has no text tower")

    fake(load=load)
    model = fake_model(tmp_path)
    for _ in range(2):
        with pytest.raises(ModelError, match=r"^fake: this checkpoint has no text tower$"):
            embed_texts(model, ["a"])
    assert len(tries) == 1


def test_a_model_whose_weights_are_not_here_is_unavailable_and_asks_for_no_device(tmp_path, fake):
    fake()
    model = fake_model(tmp_path, source=str(tmp_path / "nowhere"))
    model._device = lambda: pytest.fail("leased a device for nothing")
    with pytest.raises(ModelUnavailable, match="nowhere is not a folder"):
        embed_texts(model, ["a"])


def test_a_closed_model_loads_again_when_it_is_asked(tmp_path, fake):
    asked = fake()
    model = fake_model(tmp_path)
    embed_texts(model, ["a"])
    model.close()
    embed_texts(model, ["a"])
    assert asked.family.loads == 1
    embed_texts(model, ["b"])
    assert asked.family.loads == 2


def test_a_damaged_store_is_computed_again_with_a_warning(tmp_path, fake):
    asked = fake()
    values = embed_texts(fake_model(tmp_path), ["a", "b"])
    [shard] = tmp_path.rglob("store/**/*.safetensors")
    data = bytearray(shard.read_bytes())
    data[-1] ^= 1
    shard.write_bytes(data)
    with pytest.warns(UserWarning, match="damaged"):
        np.testing.assert_array_equal(embed_texts(fake_model(tmp_path), ["a", "b"]), values)
    assert len(asked.texts) == 2
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        embed_texts(fake_model(tmp_path), ["a", "b"])


def test_an_entry_is_not_changed_by_being_used(tmp_path, fake):
    fake()
    model = fake_model(tmp_path, options={"fusion": "concat"})
    before = replace(model.spec)
    embed_texts(model, ["a"])
    assert model.spec == before
