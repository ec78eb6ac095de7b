"""Contrastive models through open_clip: LAION's and DataComp's CLIPs, NegCLIP, CoCa, RoBERTa-CLIP, Perception Encoder.

The source is a folder or repository with open_clip_config.json; where there is none, `architecture` names the one of
open_clip's configurations that a bare file of weights belongs to. Each model has its own tokenizer, preprocessing and
activation. GELU and QuickGELU make two models of the same weights: `quick_gelu` chooses, and must where there is no
configuration. Left out, open_clip_config.json decides, which the origin (commit, or digest of the folder) covers; so
either way the activation is part of the fingerprint.

Other options: `weights` is the name or pattern of the file to load; `text_config` the configuration of a text tower of
transformers, needed unless a config.json of it lies in the folder; `side`, `fusion` and `allow_bin` as in family dual.
Pictures for a bare file of weights are prepared as for OpenAI's CLIP.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from harness.errors import ConfigError, ModelError, ModelUnavailable
from harness.families import check_tokenizer
from harness.models import ModelSpec

if TYPE_CHECKING:
    from PIL.Image import Image

VERSION = 1
NEEDS_WEIGHTS = True
SCORES_BY_COSINE = True
OPTIONS: dict[str, tuple[object, ...] | None] = {
    "side": ("both", "text", "image"),
    "fusion": ("concat", "average"),
    "architecture": None,
    "quick_gelu": (True, False),
    "weights": None,
    "text_config": None,
    "allow_bin": None,
}
LIBRARIES = ("torch", "transformers", "open_clip_torch", "timm")
SIDES = {"text": {"EmbedsTexts"}, "image": {"EmbedsImages"}, "both": {"EmbedsTexts", "EmbedsImages", "ScoresCaptions"}}
TYPES = {"architecture": (str, "a name"), "weights": (str, "a name"), "text_config": (Mapping, "a mapping")}
CONFIG = "open_clip_config.json"
PICKLED = (".bin", ".pt", ".pth")


def capabilities(spec: ModelSpec) -> frozenset[str]:
    """By side; an activation that nothing would say, and settings that open_clip does not have, are refused."""
    for key in ("pooling", "attn_implementation", "trust_remote_code"):
        if getattr(spec, key):
            raise ConfigError(f"{spec.name}: family openclip has no `{key}`; leave it out")
    if "architecture" in spec.options and "quick_gelu" not in spec.options:
        raise ConfigError(
            f"{spec.name}: a bare file of weights does not say its activation; "
            "give options: {quick_gelu: true} or {quick_gelu: false}"
        )
    for option, (kind, meant) in TYPES.items():
        if option in spec.options and not isinstance(value := spec.options[option], kind):
            raise ConfigError(f"{spec.name}: option {option} must be {meant}, not {value!r}")
    if Path(named := spec.options.get("weights", "")).name != named:
        raise ConfigError(f"{spec.name}: option weights must be the name of a file in the folder, not {named!r}")
    return frozenset(SIDES[spec.options.get("side", "both")])


def load(spec: ModelSpec, path: Path | None, device: str) -> Any:
    """Load from the folder alone, every weight of the architecture from one file. Raises ModelError."""
    import torch

    open_clip = _open_clip(spec)
    assert path is not None
    architecture, pictures = _configuration(open_clip, spec, path)
    model = _network(open_clip, spec, path, architecture)
    _load_weights(open_clip, spec, model, _weights_file(spec, path))
    side = spec.options.get("side", "both")
    tokenizer = _tokenizer(spec, path, architecture["text_cfg"], model) if side != "image" else None
    transform = _transform(model, pictures) if side != "text" else None
    model = model.to(device=device, dtype=getattr(torch, spec.dtype)).eval()
    return TOWERS[side](model, tokenizer, transform, spec)


def _open_clip(spec: ModelSpec) -> Any:
    try:
        import open_clip
    except (ImportError, RuntimeError) as error:  # RuntimeError: a torchvision that was built for another torch
        raise ModelUnavailable(
            f'{spec.name}: open_clip cannot be imported ({error}): pip install "spatial-harness[openclip]", '
            "with a torchvision of the same build (CPU or CUDA) as torch"
        ) from error
    return open_clip


def _configuration(open_clip: Any, spec: ModelSpec, path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """What open_clip builds the network and prepares pictures from."""
    if name := spec.options.get("architecture"):
        known: dict[str, Any] | None = open_clip.get_model_config(name)
        if known is None:
            raise ModelError(f"{spec.name}: open_clip has no architecture {name!r}; open_clip.list_models() names them")
        return known, {}
    try:
        read = json.loads((path / CONFIG).read_text(encoding="utf-8"))
        return read["model_cfg"], read.get("preprocess_cfg", {})
    except FileNotFoundError:
        raise ModelError(
            f"{spec.name}: {path} has no {CONFIG}; for a bare file of weights give options: {{architecture: NAME}}"
        ) from None
    except (ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{spec.name}: {path / CONFIG} is not a configuration of open_clip: {error!r}") from error


def _network(open_clip: Any, spec: ModelSpec, path: Path, architecture: dict[str, Any]) -> Any:
    """The network with random weights; its own towers' pretrained weights are not asked for."""
    text = {**architecture["text_cfg"], "hf_model_pretrained": False}
    vision = {**architecture["vision_cfg"], "timm_model_pretrained": False}
    given = {**architecture, "text_cfg": text, "vision_cfg": vision}
    given["quick_gelu"] = spec.options.get("quick_gelu", architecture.get("quick_gelu", False))
    custom = given.pop("custom_text", False) or "hf_model_name" in text
    plain = open_clip.CustomTextCLIP if custom else open_clip.CLIP
    kind = open_clip.CoCa if "multimodal_cfg" in given else plain
    with tempfile.TemporaryDirectory() as scratch:
        if "hf_model_name" in text:
            text["hf_model_name"] = str(_text_tower(spec, path, text["hf_model_name"], Path(scratch)))
        return kind(**given)


def _text_tower(spec: ModelSpec, path: Path, name: str, scratch: Path) -> Path:
    """A folder with the config.json of a text tower, which open_clip would fetch by its name, unpinned."""
    if config := spec.options.get("text_config"):
        (scratch / "config.json").write_text(json.dumps(config))
        return scratch
    if (path / "config.json").is_file():
        return path
    raise ModelError(
        f"{spec.name}: the text tower is {name}, of which {path} has no config.json; "
        "put it there, or its content in options: {text_config: {model_type: …}}"
    )


def _weights_file(spec: ModelSpec, path: Path) -> Path:
    """The one file of weights; of several, the one that open_clip names so. Raises ModelError."""
    kinds = (".safetensors", *(PICKLED if spec.options.get("allow_bin") else ()))
    files = [file for file in path.glob(spec.options.get("weights", "*")) if file.suffix in kinds]
    if not files:
        raise ModelError(f"{spec.name}: {path} has no file of weights that the entry allows ({', '.join(kinds)})")

    def rank(file: Path) -> tuple[bool, bool]:  # transformers' weights may lie beside, and are others
        return not file.name.startswith("open_clip"), file.suffix in PICKLED

    best = [file for file in files if rank(file) == min(map(rank, files))]
    if len(best) > 1:
        names = ", ".join(sorted(file.name for file in best))
        raise ModelError(f"{spec.name}: {path} has several files of weights ({names}); name one in options: weights")
    return best[0]


def _load_weights(open_clip: Any, spec: ModelSpec, model: Any, file: Path) -> None:
    if spec.options.get("architecture"):
        _check_positions(spec, model, file)
    try:
        keys = open_clip.load_checkpoint(model, str(file), strict=False, weights_only=True)
    except (RuntimeError, ValueError, AttributeError) as error:
        first = " ".join(str(error).split("\n\t")[:2])  # of what may be a line for each weight
        raise ModelError(f"{spec.name}: {file} does not fit {type(model).__name__}: {first}") from error
    kind = type(model).__name__
    if lost := keys.missing_keys:
        raise ModelError(f"{spec.name}: {file} lacks {len(lost)} weights of {kind}: {lost[0]}, …")
    if more := keys.unexpected_keys:
        raise ModelError(f"{spec.name}: {file} has {len(more)} weights that are none of {kind}'s: {more[0]}, …")


def _check_positions(spec: ModelSpec, model: Any, file: Path) -> None:
    """Refuse positions of another picture size or text length, which open_clip stretches to fit without a word."""
    from open_clip.factory import load_state_dict

    held = load_state_dict(str(file), weights_only=True)
    for name, weights in model.state_dict().items():
        found = held.get(name, held.get(name.removeprefix("text.")))
        if name.endswith("positional_embedding") and found is not None and found.shape != weights.shape:
            raise ModelError(
                f"{spec.name}: {file} has {name} of shape {tuple(found.shape)}, and {spec.options['architecture']} "
                f"of {tuple(weights.shape)}: name the architecture that it was trained with"
            )


def _tokenizer(spec: ModelSpec, path: Path, text: dict[str, Any], model: Any) -> Any:
    """CLIP's own, or one of transformers whose files lie in the folder. Raises ModelError."""
    from open_clip.tokenizer import HFTokenizer, SimpleTokenizer

    given = {"context_length": text.get("context_length", 77), **(text.get("tokenizer_kwargs") or {})}
    if not text.get("hf_tokenizer_name"):
        return SimpleTokenizer(**given)
    tokenizer = HFTokenizer(str(path), tokenizer_mode=text.get("tokenizer_mode"), local_files_only=True, **given)
    check_tokenizer(spec, tokenizer.tokenizer, getattr(model, "text", model).vocab_size)
    return tokenizer


def _transform(model: Any, pictures: dict[str, Any]) -> Any:
    """What open_clip does to a picture when it does not train: resize by Pillow, crop, normalise."""
    from open_clip.transform import PreprocessCfg, image_transform_v2, merge_preprocess_dict

    given = merge_preprocess_dict(PreprocessCfg(), {**pictures, "size": model.visual.image_size})
    return image_transform_v2(PreprocessCfg(**given), is_train=False)


class _Towers:
    def __init__(self, model: Any, tokenizer: Any, transform: Any, spec: ModelSpec) -> None:
        self.model, self.tokenizer, self.transform, self.prompt = model, tokenizer, transform, spec.prompt
        weights = next(model.parameters())
        self.device, self.dtype = weights.device, weights.dtype

    def _unit(self, tower: Callable[[Any], Any], inputs: Any) -> NDArray[np.float32]:
        import torch

        with torch.inference_mode():
            vectors = tower(inputs.to(self.device)).float()
            return torch.nn.functional.normalize(vectors, dim=-1).cpu().numpy()


class TextTower(_Towers):
    """EmbedsTexts."""

    def token_counts(self, texts: Sequence[str]) -> list[int]:
        """All as long as the context, to which open_clip's tokenizers pad and truncate."""
        return [self.tokenizer.context_length] * len(texts)

    def embed_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return (texts, d), unit rows."""
        tokens = self.tokenizer([self.prompt + text for text in texts])  # (texts, context)
        return self._unit(self.model.encode_text, tokens)


class ImageTower(_Towers):
    """EmbedsImages."""

    def prepare_images(self, images: Sequence[Image]) -> Any:
        """Resize and normalise on the CPU, off the main thread."""
        import torch

        return torch.stack([self.transform(image) for image in images])  # (images, 3, height, width)

    def embed_images(self, images: Any) -> NDArray[np.float32]:
        """Return (images, d), unit rows; takes what `prepare_images` gave."""
        return self._unit(self.model.encode_image, images.to(self.dtype))


class Dual(TextTower, ImageTower):
    """EmbedsTexts, EmbedsImages."""


TOWERS = {"text": TextTower, "image": ImageTower, "both": Dual}
