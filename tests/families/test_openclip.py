"""Contrastive models through open_clip: vectors are those of open_clip itself, however they are batched.

Most of it runs where open_clip is installed; CI runs it in an environment of its own.
"""

from __future__ import annotations

import functools
import importlib.metadata
import json
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_checkpoints import CAPTIONS
from tiny_openclip import HERE

from harness import models
from harness.embed import embed_rows, score_captions
from harness.encode import embed_pictures, embed_texts
from harness.errors import ConfigError, ModelError, ModelUnavailable
from harness.families import check, openclip
from harness.models import ModelSpec
from harness.rows import ChoiceRow, Row

CLOSE = {"atol": 1e-4, "rtol": 0}
WEIGHTS = "open_clip_model.safetensors"
needs_open_clip = pytest.mark.skipif(not HERE, reason='open_clip is absent: pip install "spatial-harness[openclip]"')


@pytest.fixture(params=["openclip", "openclip_coca", "openclip_roberta"])
def kind(request) -> str:
    return request.param


@functools.cache
def own(path: Path, **kwargs: Any) -> tuple[Any, Any, Any]:
    """open_clip's own network, picture transform and tokenizer of a folder."""
    import open_clip

    model, transform = open_clip.create_model_from_pretrained(f"local-dir:{path}", **kwargs)
    return model.eval(), transform, open_clip.get_tokenizer(f"local-dir:{path}")


@pytest.fixture
def reference(checkpoint, tmp_path):
    """A checkpoint's folder as open_clip alone can load it: a text tower of transformers is named by its place."""

    def make(kind: str) -> Path:
        path = checkpoint(kind)
        if kind != "openclip_roberta":
            return path
        copied = Path(shutil.copytree(path, tmp_path / "reference", dirs_exist_ok=True))
        edit(copied, lambda config: config["model_cfg"]["text_cfg"].update(hf_model_name=str(copied)))
        return copied

    return make


def edit(path: Path, change) -> None:
    """Change a checkpoint's configuration."""
    file = path / "open_clip_config.json"
    config = json.loads(file.read_text())
    change(config)
    file.write_text(json.dumps(config))


def direct_texts(path: Path, texts, **kwargs) -> np.ndarray:
    """open_clip itself, one text at a time."""
    import torch

    model, _, tokenizer = own(path, **kwargs)
    with torch.no_grad():
        return np.concatenate([model.encode_text(tokenizer([text]), normalize=True).numpy() for text in texts])


def direct_images(path: Path, shown, **kwargs) -> np.ndarray:
    """open_clip itself, one picture at a time."""
    import torch

    model, transform, _ = own(path, **kwargs)
    with torch.no_grad():
        vectors = [model.encode_image(transform(picture.pixels)[None], normalize=True) for picture in shown]
    return torch.cat(vectors).numpy()


def images_of(model, shown) -> np.ndarray:
    vectors, failed = embed_pictures(model, shown)
    assert not failed
    return vectors


def choice(number: int, picture) -> ChoiceRow:
    return ChoiceRow(
        id=f"r{number}", label="x", group=picture.name, image=picture, gold=0, options=("x", "y", "z"),
        captions=tuple(CAPTIONS[(number + k) % len(CAPTIONS)] for k in (0, 5, 9)),
    )  # fmt: skip


# --- vectors ------------------------------------------------------------------------------------


@needs_open_clip
def test_vectors_are_those_of_open_clip(load, checkpoint, reference, kind, shown):
    model, path = load("openclip", checkpoint(kind)), reference(kind)
    texts, images = embed_texts(model, CAPTIONS), images_of(model, shown)
    np.testing.assert_allclose(texts, direct_texts(path, CAPTIONS), **CLOSE)
    np.testing.assert_allclose(images, direct_images(path, shown), **CLOSE)
    for values in (texts, images):
        assert values.dtype == np.float32
        np.testing.assert_allclose(np.linalg.norm(values, axis=1), 1, atol=1e-5)
        assert (values[:4] @ values[:4].T - 2 * np.eye(4)).max() < 0.9999  # and not all the same


@needs_open_clip
def test_the_score_of_a_caption_is_the_models_own_cosine(load, checkpoint, reference, kind, shown):
    rows, path = [choice(i, picture) for i, picture in enumerate(shown[:6])], reference(kind)
    images, texts = direct_images(path, shown[:6]), [direct_texts(path, row.captions) for row in rows]
    expected = [vectors @ image for vectors, image in zip(texts, images, strict=True)]
    np.testing.assert_allclose(score_captions(load("openclip", checkpoint(kind)), rows).values, expected, **CLOSE)


@needs_open_clip
def test_the_size_of_batches_and_the_order_of_rows_change_nothing(load, checkpoint, kind, shown):
    rows, path = [choice(i, picture) for i, picture in enumerate(shown)], checkpoint(kind)
    one = score_captions(load("openclip", path, batch_size=1), rows).values
    sixteen = score_captions(load("openclip", path, batch_size=16), rows).values
    longest_first = sorted(range(len(rows)), key=lambda i: -max(map(len, rows[i].captions)))
    turned = score_captions(load("openclip", path, batch_size=16), [rows[i] for i in longest_first]).values
    np.testing.assert_allclose(sixteen, one, **CLOSE)
    np.testing.assert_allclose(turned, one[longest_first], **CLOSE)


@needs_open_clip
def test_padding_changes_nothing(load, checkpoint, kind):
    loaded, short, long = load("openclip", checkpoint(kind)).loaded, CAPTIONS[0], CAPTIONS[-1]
    np.testing.assert_allclose(loaded.embed_texts([short, long])[:1], loaded.embed_texts([short]), **CLOSE)


@needs_open_clip
def test_texts_are_cut_at_the_context_and_counted_by_it(load, checkpoint, kind):
    loaded = load("openclip", checkpoint(kind)).loaded
    context = {"openclip_roberta": 32}.get(kind, 16)
    assert loaded.token_counts(["a", CAPTIONS[-1]]) == [context, context]
    beyond = "the cat " * 40
    np.testing.assert_allclose(loaded.embed_texts([beyond + "left"]), loaded.embed_texts([beyond + "right"]), **CLOSE)


@needs_open_clip
def test_the_prompt_stands_before_every_text(load, checkpoint, reference, kind):
    values = embed_texts(load("openclip", checkpoint(kind), prompt="red "), CAPTIONS[:5])
    expected = direct_texts(reference(kind), [f"red {text}" for text in CAPTIONS[:5]])
    np.testing.assert_allclose(values, expected, **CLOSE)


@needs_open_clip
def test_an_entry_in_bfloat16_runs_in_bfloat16_and_answers_in_float32(load, checkpoint, reference, kind, shown):
    import torch

    model, path = load("openclip", checkpoint(kind), dtype="bfloat16"), reference(kind)
    pairs = [
        (embed_texts(model, CAPTIONS), direct_texts(path, CAPTIONS)),
        (images_of(model, shown), direct_images(path, shown)),
    ]
    assert {weights.dtype for weights in model.loaded.model.parameters()} == {torch.bfloat16}
    for values, exact in pairs:
        assert values.dtype == np.float32
        assert np.median((values * exact).sum(axis=1)) > 0.98
        assert np.abs(values - exact).max() > 1e-5


@needs_open_clip
def test_pictures_are_prepared_as_the_configuration_says(load, copy_of, shown):
    path = copy_of("openclip")
    before = images_of(load("openclip", path), shown)
    for change in ({"mean": [0, 0, 0]}, {"std": [1, 1, 1]}, {"interpolation": "bicubic"}, {"resize_mode": "longest"}):
        edit(path, lambda config, change=change: config["preprocess_cfg"].update(change))
        after = images_of(load("openclip", path), shown)
        assert np.abs(after - before).max() > 1e-3, change
        own.cache_clear()
        np.testing.assert_allclose(after, direct_images(path, shown), **CLOSE)
        before = after


@needs_open_clip
def test_texts_are_cleaned_as_the_configuration_says(load, copy_of):
    path, texts = copy_of("openclip"), ["The cat, left-of IT!", "The_cat left"]
    before = embed_texts(load("openclip", path), texts)
    edit(path, lambda config: config["model_cfg"]["text_cfg"].update(tokenizer_kwargs={"clean": "canonicalize"}))
    after = embed_texts(load("openclip", path), texts)
    np.testing.assert_allclose(after, direct_texts(path, texts), **CLOSE)
    assert np.abs(after - before).max() > 1e-3


# --- the activation -----------------------------------------------------------------------------


@needs_open_clip
def test_gelu_and_quickgelu_are_two_models(load, checkpoint, shown):
    path = checkpoint("openclip")
    default, quick, plain = (
        load("openclip", path, options=options) for options in ({}, {"quick_gelu": True}, {"quick_gelu": False})
    )
    for ask, direct in (
        (lambda model: embed_texts(model, CAPTIONS), functools.partial(direct_texts, path, CAPTIONS)),
        (lambda model: images_of(model, shown), functools.partial(direct_images, path, shown)),
    ):
        np.testing.assert_array_equal(ask(default), ask(quick))  # the configuration says quick_gelu: true
        np.testing.assert_allclose(ask(plain), direct(quick_gelu=False), **CLOSE)
        assert np.abs(ask(plain) - ask(quick)).max() > 1e-3
    assert len({model.fingerprint for model in (default, quick, plain)}) == 3


@needs_open_clip
def test_the_activation_that_the_configuration_says_is_in_the_fingerprint(load, copy_of):
    path = copy_of("openclip")
    quick = load("openclip", path)
    before, vectors = quick.fingerprint, embed_texts(quick, CAPTIONS)
    edit(path, lambda config: config["model_cfg"].pop("quick_gelu"))
    plain = load("openclip", path)
    assert plain.fingerprint != before
    assert np.abs(embed_texts(plain, CAPTIONS) - vectors).max() > 1e-3


# --- a bare file of weights ---------------------------------------------------------------------


@pytest.fixture
def bare(copy_of, checkpoint, monkeypatch) -> Path:
    """A file of weights without a configuration, of an architecture that open_clip has; wrapped as training does."""
    import torch
    from open_clip import factory
    from safetensors.torch import load_file

    path = copy_of("openclip")
    config = json.loads((path / "open_clip_config.json").read_text())["model_cfg"]
    monkeypatch.setitem(factory._MODEL_CONFIGS, "ViT-tiny", config | {"quick_gelu": False})
    state = {f"module.{name}": weights for name, weights in load_file(path / WEIGHTS).items()}
    torch.save({"epoch": 5, "state_dict": state}, path / "epoch_5.pt")
    for name in ("open_clip_config.json", WEIGHTS):
        (path / name).unlink()
    return path


BARE = {"architecture": "ViT-tiny", "quick_gelu": True, "allow_bin": "the authors publish nothing else"}


@needs_open_clip
def test_a_bare_file_of_weights_loads_by_the_name_of_its_architecture(load, checkpoint, bare):
    values = embed_texts(load("openclip", bare, options=BARE), CAPTIONS)
    np.testing.assert_allclose(values, direct_texts(checkpoint("openclip"), CAPTIONS), **CLOSE)


@needs_open_clip
def test_a_bare_file_is_prepared_as_openais_clip(load, bare, shown):
    import open_clip

    loaded = load("openclip", bare, options=BARE).loaded
    transform = open_clip.image_transform(16, is_train=False)
    expected = [transform(picture.pixels).numpy() for picture in shown]
    np.testing.assert_array_equal(loaded.prepare_images([picture.pixels for picture in shown]).numpy(), expected)


@needs_open_clip
def test_positions_of_another_picture_size_are_refused_where_open_clip_would_stretch_them(load, bare, monkeypatch):
    from open_clip import factory

    config = json.loads(json.dumps(factory._MODEL_CONFIGS["ViT-tiny"]))
    config["vision_cfg"]["image_size"] = 32
    monkeypatch.setitem(factory._MODEL_CONFIGS, "ViT-tiny", config)
    with pytest.raises(
        ModelError, match=r"visual\.positional_embedding of shape \(5, 32\), and ViT-tiny of \(17, 32\)"
    ):
        load("openclip", bare, options=BARE).loaded  # noqa: B018


@needs_open_clip
def test_an_architecture_that_open_clip_has_not_is_said(load, bare):
    with pytest.raises(ModelError, match="open_clip has no architecture 'ViT-small'"):
        load("openclip", bare, options=BARE | {"architecture": "ViT-small"}).loaded  # noqa: B018


@needs_open_clip
def test_pickled_code_is_not_run(load, bare, copy_of, tmp_path):
    import torch

    repository = copy_of("openclip_coca")
    (repository / WEIGHTS).unlink()
    for path, name, options in (
        (bare, "epoch_5.pt", BARE),
        (repository, "open_clip_pytorch_model.bin", {"allow_bin": "to see that it is refused"}),
    ):
        torch.save({"state_dict": {"logit_scale": Touches(tmp_path / "ran")}}, path / name)
        with pytest.raises(ModelError, match="Weights only load failed"):
            load("openclip", path, options=options).loaded  # noqa: B018
    assert not (tmp_path / "ran").exists()


class Touches:
    """Makes a file where it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


# --- what a model can do ------------------------------------------------------------------------


@needs_open_clip
@pytest.mark.parametrize("side", ["both", "text", "image"])
def test_a_model_can_do_what_it_says(load, checkpoint, side):
    model = load("openclip", checkpoint("openclip"), options={"side": side})
    for name in ("EmbedsTexts", "EmbedsImages"):
        assert isinstance(model.loaded, getattr(models, name)) is (name in model.capabilities), name
    assert ("ScoresCaptions" in model.capabilities) is (side == "both")
    assert openclip.SCORES_BY_COSINE


@needs_open_clip
def test_both_sides_are_concatenated_or_averaged(load, checkpoint, shown):
    path = checkpoint("openclip")
    rows = [Row(id=f"{i}", label="on", text=t, image=p) for i, (t, p) in enumerate(zip(CAPTIONS, shown, strict=False))]
    texts, images = direct_texts(path, CAPTIONS), direct_images(path, shown[: len(CAPTIONS)])
    mean = (texts + images) / np.linalg.norm(texts + images, axis=1, keepdims=True)
    for fusion, expected in (("concat", np.hstack([texts, images]) / 2**0.5), ("average", mean)):
        values = embed_rows(load("openclip", path, options={"fusion": fusion}), rows).values
        np.testing.assert_allclose(values, expected, **CLOSE)


# --- files that are not as they should be -------------------------------------------------------


@needs_open_clip
@pytest.mark.parametrize("lost", ["visual.proj", "text_projection", "ln_final.bias"])
def test_weights_that_are_not_there_are_named(load, copy_of, lost):
    from safetensors.torch import load_file, save_file

    path = copy_of("openclip")
    save_file({name: v for name, v in load_file(path / WEIGHTS).items() if name != lost}, path / WEIGHTS)
    with pytest.raises(ModelError, match=f"lacks 1 weights of CLIP: {lost}"):
        load("openclip", path).loaded  # noqa: B018


@needs_open_clip
def test_weights_of_another_architecture_are_refused(load, copy_of, checkpoint):
    path = copy_of("openclip")
    edit(path, lambda config: config["model_cfg"].update(embed_dim=12))
    with pytest.raises(ModelError, match=r"does not fit CLIP: .*size mismatch"):
        load("openclip", path).loaded  # noqa: B018
    shutil.copy(checkpoint("openclip_coca") / WEIGHTS, path)
    edit(path, lambda config: config["model_cfg"].update(embed_dim=20))
    with pytest.raises(ModelError, match=r"lacks \d+ weights of CLIP|does not fit CLIP"):
        load("openclip", path).loaded  # noqa: B018


@needs_open_clip
def test_more_weights_than_the_architecture_has_are_refused(load, copy_of):
    import torch
    from safetensors.torch import load_file, save_file

    path = copy_of("openclip")
    save_file(load_file(path / WEIGHTS) | {"visual.extra": torch.zeros(1)}, path / WEIGHTS)
    with pytest.raises(ModelError, match=r"has 1 weights that are none of CLIP's: visual\.extra"):
        load("openclip", path).loaded  # noqa: B018


@needs_open_clip
def test_a_folder_of_transformers_is_refused(load, checkpoint):
    with pytest.raises(ModelError, match=r"has no open_clip_config\.json; for a bare file of weights"):
        load("openclip", checkpoint("clip")).loaded  # noqa: B018


@needs_open_clip
@pytest.mark.parametrize("text", ["{", "[]", '{"vision_cfg": {}}'])
def test_a_configuration_that_is_none_is_refused(load, copy_of, text):
    path = copy_of("openclip")
    (path / "open_clip_config.json").write_text(text)
    with pytest.raises(ModelError, match="is not a configuration of open_clip"):
        load("openclip", path).loaded  # noqa: B018


@needs_open_clip
def test_open_clips_weights_are_taken_where_transformers_lie_beside(load, copy_of, checkpoint):
    path = copy_of("openclip")
    (path / "open_clip_pytorch_model.bin").write_bytes(b"not weights")
    shutil.copy(checkpoint("clip") / "model.safetensors", path)
    for options in ({}, {"allow_bin": "to see which is taken"}, {"weights": WEIGHTS}):
        values = embed_texts(load("openclip", path, options=options), CAPTIONS)
        np.testing.assert_allclose(values, direct_texts(checkpoint("openclip"), CAPTIONS), **CLOSE)
    with pytest.raises(ModelError, match=r"lacks \d+ weights of CLIP"):
        load("openclip", path, options={"weights": "model.safetensors"}).loaded  # noqa: B018


@needs_open_clip
def test_pickled_weights_are_refused_unless_the_entry_says_why(load, copy_of, checkpoint):
    import torch
    from safetensors.torch import load_file

    path = copy_of("openclip")
    torch.save(load_file(path / WEIGHTS), path / "open_clip_pytorch_model.bin")
    (path / "side").mkdir()
    shutil.move(path / WEIGHTS, path / "side")  # safetensors in a side folder open no door
    with pytest.raises(ModelError, match="has no file of weights that the entry allows"):
        load("openclip", path).loaded  # noqa: B018
    values = embed_texts(load("openclip", path, options={"allow_bin": "none at this revision"}), CAPTIONS)
    np.testing.assert_allclose(values, direct_texts(checkpoint("openclip"), CAPTIONS), **CLOSE)


@needs_open_clip
def test_of_several_files_of_weights_one_has_to_be_named(load, copy_of, checkpoint):
    path = copy_of("openclip")
    shutil.copy(path / WEIGHTS, path / "open_clip_second.safetensors")
    with pytest.raises(ModelError, match=r"open_clip_model\.safetensors, open_clip_second.safetensors\); name one"):
        load("openclip", path).loaded  # noqa: B018
    assert load("openclip", path, options={"weights": "open_clip_s*"}).loaded


# --- a text tower of transformers ---------------------------------------------------------------


@needs_open_clip
def test_a_text_tower_whose_configuration_is_not_here_is_not_asked_of_the_hub(load, copy_of, checkpoint, reference):
    path = copy_of("openclip_roberta")
    config = json.loads((path / "config.json").read_text())
    (path / "config.json").unlink()
    with pytest.raises(ModelError, match=r"the text tower is roberta-base, of which .* has no config\.json"):
        load("openclip", path).loaded  # noqa: B018
    values = embed_texts(load("openclip", path, options={"text_config": config}), CAPTIONS)
    np.testing.assert_allclose(values, direct_texts(reference("openclip_roberta"), CAPTIONS), **CLOSE)


@needs_open_clip
def test_a_tokenizer_without_its_files_is_refused(load, copy_of):
    path = copy_of("openclip_roberta")
    for file in [*path.glob("tokenizer*"), *path.glob("vocab*"), *path.glob("merges*")]:
        file.unlink()
    with pytest.raises(ModelError, match="tiny"):
        load("openclip", path).loaded  # noqa: B018


# --- entries, and machines without open_clip ----------------------------------------------------


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({"pooling": "mean"}, "family openclip has no `pooling`"),
        ({"attn_implementation": "eager"}, "family openclip has no `attn_implementation`"),
        ({"options": {"side": "txt"}}, "option side: 'txt'.*Did you mean text"),
        ({"options": {"quick_gelu": "yes"}}, "option quick_gelu: 'yes'"),
        ({"options": {"architecture": "ViT-B-32"}}, "does not say its activation"),
        ({"options": {"architecture": 32, "quick_gelu": True}}, "option architecture must be a name"),
        ({"options": {"weights": "../x.safetensors"}}, "option weights must be the name of a file"),
        ({"options": {"text_config": "roberta"}}, "option text_config must be a mapping"),
    ],
)
def test_a_wrong_entry_is_one_error(entry, said):
    with pytest.raises(ConfigError, match=said):
        check(ModelSpec(name="tiny", family="openclip", source="./x", **entry))


def test_capabilities_are_known_without_open_clip():
    spec = ModelSpec(name="b32", family="openclip", source="org/name", options={"side": "text"})
    assert openclip.capabilities(spec) == {"EmbedsTexts"}


@pytest.mark.parametrize("error", [ImportError("no module"), RuntimeError("operator torchvision::nms does not exist")])
def test_open_clip_that_cannot_be_imported_is_unavailable_and_says_what_to_install(tmp_path, monkeypatch, error):
    class Broken:
        def find_spec(self, name, *_):
            if name == "open_clip":
                raise error

    monkeypatch.delitem(sys.modules, "open_clip", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Broken(), *sys.meta_path])
    spec = ModelSpec(name="tiny", family="openclip", source=str(tmp_path))
    with pytest.raises(
        ModelUnavailable, match=rf'tiny: .*{error}.*pip install "spatial-harness\[openclip\]".*same build'
    ):
        openclip.load(spec, tmp_path, "cpu")


def test_a_model_without_open_clip_is_skipped_before_its_weights_are_fetched(load, monkeypatch):
    known = importlib.metadata.version

    def version(name: str) -> str:
        if name == "open_clip_torch":
            raise importlib.metadata.PackageNotFoundError(name)
        return known(name)

    monkeypatch.setattr(importlib.metadata, "version", version)
    model = load("openclip", "org/name", revision="0" * 40)
    with pytest.raises(
        ModelUnavailable, match=r'open_clip_torch is not installed: pip install "spatial-harness\[openclip'
    ):
        embed_texts(model, CAPTIONS)
