"""Model x inputs x store -> vectors: each distinct text and picture is computed once per model.

A `Model` is loaded when something is asked that the store does not hold. Texts are computed in
batches of like length, pictures are decoded while the model is busy, and what is done is stored every
few seconds, so that a killed run goes on where it stopped.
"""

from __future__ import annotations

import functools
import gc
import importlib.metadata
import json
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from harness import batches, devices, families, sources
from harness.errors import HarnessError, ModelError, PictureError, ScoreError, StoreError, Unavailable
from harness.models import ModelSpec
from harness.rows import Picture, digest
from harness.store import LayerStore, Store
from harness.threads import cpu_threads

FLUSH_S = 2.0  # what a killed run may have to compute again
LONGEST = 100_000  # characters of a text, more than any context holds: tokenizing a file's mistake takes minutes
Matrix = NDArray[np.float32]
Compute = Callable[[list[int]], Iterator[tuple[list[int], Any]]]  # positions that lack -> positions and values, as done
read: set[tuple[str, str]] = set()  # names and content keys of pictures that this process's models asked for


class Model:
    """One entry of models.yaml, loaded on first need.

    With `extraction`, the command that would compute what the store lacks, nothing is: the lack is an error.
    """

    def __init__(
        self, spec: ModelSpec, store: Store, device: Callable[[], devices.Device] = devices.lease, extraction: str = ""
    ) -> None:
        self.spec, self.store, self.stats = spec, store, defaultdict[str, float](float)
        self.layers = LayerStore(store.root)
        self.family = families.family_of(spec)
        self.capabilities = self.family.capabilities(spec)
        self.extraction, self._device, self._failure = extraction, device, ""

    @functools.cached_property
    def origin(self) -> str:
        """What the weights are: the hub's commit, or a digest of local files."""
        if locate := getattr(self.family, "locate", None):
            return sources.weights_digest(locate(self.spec))
        return sources.origin(self.spec) if self.family.NEEDS_WEIGHTS else ""

    @functools.cached_property
    def fingerprint(self) -> str:
        """Digest of all that this model's numbers depend on, but for the inputs."""
        spec = self.spec
        families.check_libraries(spec)
        settings: list[object] = [spec.family, self.family.VERSION, self.origin, spec.dtype, spec.pooling]
        settings += [
            spec.prompt,
            spec.attn_implementation,
            spec.trust_remote_code,
            sorted(map(str, spec.options.items())),
        ]
        if "." in spec.family and (file := getattr(self.family, "__file__", None)):
            settings.append(sources.file_digest(Path(file)))  # an outsider's module changes while it is written
        if spec.dtype != "float32":  # whose rounding is the device's
            settings.append("gpu" if devices.visible_gpus() else "cpu")
        majors = {name: importlib.metadata.version(name).split(".")[0] for name in self.family.LIBRARIES}
        return digest(json.dumps([settings, majors], sort_keys=True))

    @functools.cached_property
    def loaded(self) -> Any:
        """The family's model, with weights. Raises ModelUnavailable, ModelError or, if it must not be, StoreError."""
        if self.extraction and self.family.NEEDS_WEIGHTS:
            raise StoreError(
                f"{self.spec.name} has to be loaded for this; without --skip-extraction: {self.extraction}"
            )
        if self._failure:
            raise ModelError(self._failure)
        spec, started = self.spec, time.monotonic()
        path = sources.locate_model(spec) if self.family.NEEDS_WEIGHTS else None
        name = "cpu"
        if path is not None:
            device = self._device()
            devices.prepare(device, cpu_threads())
            name = device.name
        try:
            model = self.family.load(spec, path, name)
        except Unavailable:
            raise
        except Exception as error:  # loading runs other people's code, which fails in every way
            own = isinstance(error, HarnessError)
            self._failure = str(error) if own else f"{spec.name} does not load: {type(error).__name__}: {error}"
            raise ModelError(self._failure) from error
        self.stats["load_seconds"] += time.monotonic() - started
        return model

    @property
    def token_budget(self) -> int:
        """A GPU is filled by more tokens at once than a core's cache holds."""
        return batches.TOKENS * (8 if sys.modules.get("torch") and sys.modules["torch"].cuda.is_available() else 1)

    def space(self, representation: str) -> str:
        """The store's folder for one representation of this model."""
        return f"{self.fingerprint[:2]}/{self.fingerprint[2:40]}/{representation}"

    def close(self) -> None:
        """Forget the weights and give their memory back."""
        getattr(self.__dict__.pop("loaded", None), "close", lambda: None)()  # another process has to be told
        gc.collect()
        torch = sys.modules.get("torch")
        if torch is not None and torch.cuda.is_available():
            torch.cuda.empty_cache()


# --- texts and pictures -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Asked:
    """Inputs of which each distinct one is computed once: the key of each position, and how to compute `unique` keys.

    Positions whose picture cannot be had have no key. `broken`, by place in `unique`, is filled while computing, or by
    `sound`, which of some places says those that could be computed.
    """

    names: Mapping[int, str]
    unique: list[str]
    compute: Compute
    failed: Mapping[int, str] = field(default_factory=dict)
    broken: dict[int, str] = field(default_factory=dict)
    sound: Callable[[list[int]], list[int]] = list

    def failures(self) -> dict[int, str]:
        """Why each position failed; to be asked when all was computed."""
        why = {self.unique[i]: reason for i, reason in self.broken.items()}
        return {**self.failed, **{i: why[name] for i, name in self.names.items() if name in why}}


def embed_texts(model: Model, texts: Sequence[str]) -> Any:
    """Return (texts, d) float32; sparse where the family's are."""
    if not model.family.NEEDS_WEIGHTS:  # nothing to load, nothing worth storing
        return model.loaded.embed_texts(list(texts))

    def tokenized(many: Sequence[tuple[str, ...]]) -> Any:
        return getattr(model.loaded, "tokenized", list)([text[:LONGEST] for (text,) in many])

    def ask(tokens: Any) -> Any:
        return getattr(model.loaded, "embed_tokens", model.loaded.embed_texts)(tokens)

    return said(model, "texts", of_texts(model, "texts", [(text,) for text in texts], ask, tokenized))[0]


def of_texts(
    model: Model,
    what: str,
    texts: Sequence[tuple[str, ...]],
    ask: Callable[[Any], Any],
    prepare: Callable[[Sequence[tuple[str, ...]]], Any] = list,
) -> Asked:
    """Texts, each a tuple of equally many, in batches of like first texts: what `prepare` makes of them `ask` gets.

    They are prepared off the main thread.
    """
    digests = [digest(*text) for text in texts]
    # in order of digest, so that batches do not depend on the order of rows
    unique = dict(sorted(zip(digests, texts, strict=True)))
    names, distinct = list(unique), list(unique.values())

    def compute(todo: list[int]) -> Iterator[tuple[list[int], Matrix]]:
        first = [distinct[i][0][:LONGEST] for i in todo]
        counts = getattr(model.loaded, "token_counts", lambda many: [len(text) for text in many])(first)
        plan = batches.plan(counts, model.token_budget, model.spec.batch_size)

        def opened(batch: Sequence[int]) -> tuple[list[int], Any]:
            done = [todo[i] for i in batch]
            return done, prepare([distinct[i] for i in done])

        def run(prepared: tuple[list[int], Any]) -> tuple[list[int], Any]:
            return prepared[0], ask(prepared[1])

        # in one thread: tokenizers are set anew for each call
        yield from computed(model, batches.ahead(plan, opened, run, threads=1), len(todo), what)

    return Asked(dict(enumerate(digests)), names, compute)


def embed_pictures(model: Model, pictures: Sequence[Picture]) -> tuple[Matrix, dict[int, str]]:
    """Return the vectors (pictures that did not fail, d) float32, and why each position failed."""

    def ask(prepared: Any, beside: Sequence[Any]) -> Any:
        return model.loaded.embed_images(prepared)

    def prepare(images: list[Any], beside: Sequence[Any]) -> Any:
        return getattr(model.loaded, "prepare_images", list)(images)

    asked = of_pictures(model, "images", pictures, [()] * len(pictures), ask, prepare)
    return said(model, "images", asked)


def of_pictures(
    model: Model,
    what: str,
    pictures: Sequence[Picture],
    beside: Sequence[tuple[str, ...]],
    ask: Callable[[Any, list[tuple[str, ...]]], Any],
    prepare: Callable[[list[Any], list[tuple[str, ...]]], Any] = lambda images, beside: images,
) -> Asked:
    """Pictures, each with texts `beside` it: what `prepare` makes of opened ones, off the main thread, `ask` gets."""
    keys, failed = _keys(pictures)
    names = {i: digest(key, *beside[i]) if beside[i] else key for i, key in keys.items()}
    first = {name: i for i, name in sorted(names.items(), reverse=True)}  # name -> where it first stands
    unique = sorted(first, key=lambda name: first[name])
    broken: dict[int, str] = {}

    def compute(todo: Sequence[int]) -> Iterator[tuple[list[int], Matrix]]:
        plan = batches.plan([1] * len(todo), batches.PICTURES, model.spec.batch_size)

        def opened(batch: Sequence[int]) -> tuple[list[int], Any, list[tuple[str, ...]]]:
            done, images = open_pictures([(todo[i], pictures[first[unique[todo[i]]]]) for i in batch], broken)
            texts = [beside[first[unique[i]]] for i in done]
            return done, prepare(images, texts) if images else None, texts

        def run(prepared: tuple[list[int], Any, list[tuple[str, ...]]]) -> tuple[list[int], Any]:
            done, images, texts = prepared
            return done, ask(images, texts) if done else None

        yield from computed(model, batches.ahead(plan, opened, run), len(todo), what)

    def sound(todo: list[int]) -> list[int]:
        return [i for i in todo if open_pictures([(i, pictures[first[unique[i]]])], broken)[0]]

    return Asked(names, unique, compute, failed, broken, sound)


def said(model: Model, representation: str, asked: Asked) -> tuple[Matrix, dict[int, str]]:
    """What the model says, through the store: (positions that did not fail, d) float32, and why others did."""
    unique = asked.unique
    if model.family.NEEDS_WEIGHTS:
        through_store(model, model.store, representation, asked)
        held = [name for i, name in enumerate(unique) if i not in asked.broken]
        values = dict(zip(held, model.store.get(model.space(representation), held) if held else (), strict=True))
    else:
        parts = asked.compute(list(range(len(unique))))
        values = {unique[i]: v for done, part in parts for i, v in zip(done, part, strict=True)}
    failed = asked.failures()
    kept = [values[name] for i, name in sorted(asked.names.items()) if i not in failed]
    return (np.stack(kept) if kept else np.zeros((0, 1), np.float32)), failed


def _keys(pictures: Sequence[Picture]) -> tuple[dict[int, str], dict[int, str]]:
    """Each position's content key or, where the picture cannot be had, the reason; asked in parallel."""

    def ask(picture: Picture) -> tuple[str, str]:
        try:
            return picture.key(), ""
        except PictureError as error:
            return "", str(error)

    with ThreadPoolExecutor(16) as pool:  # pictures may have to be downloaded
        asked = dict(enumerate(pool.map(ask, pictures)))
    keys = {i: key for i, (key, why) in asked.items() if not why}
    read.update((pictures[i].name, key) for i, key in keys.items())
    return keys, {i: why for i, (_, why) in asked.items() if why}


def read_digest() -> str:
    """Digest of which pictures were read since `read` was cleared, and of what they show; "" where none was.

    The store has asked for their content keys by then, so no file is read for it; where one lies does not count.
    """
    return digest(json.dumps(sorted(read)))[:32] if read else ""


def open_pictures(pictures: Iterable[tuple[int, Picture]], broken: dict[int, str]) -> tuple[list[int], list[Any]]:
    """The positions that could be opened, and their pixels; reasons of the others go to `broken`."""
    done, images = [], []
    for i, picture in pictures:
        try:
            images.append(picture.open())
            done.append(i)
        except PictureError as error:
            broken[i] = str(error)
    return done, images


def computed(model: Model, jobs: Iterable[batches.Job], total: int, what: str) -> Iterator[tuple[list[int], Matrix]]:
    """Run the jobs; yield positions and vectors every FLUSH_S seconds, checked."""
    from tqdm import tqdm

    positions: list[int] = []
    parts: list[Matrix] = []
    flushed = time.monotonic()
    halved: list[int] = []
    with tqdm(total=total, desc=f"{model.spec.name} {what}", disable=None, leave=False, delay=2) as bar:
        for batch, run in jobs:
            for done, vectors in batches.halving(batch, run, halved):
                if done:
                    positions += done
                    parts.append(_checked(model, vectors, len(done)))
            bar.update(len(batch))
            if parts and time.monotonic() - flushed > FLUSH_S:
                yield positions, np.concatenate(parts)
                positions, parts, flushed = [], [], time.monotonic()
    model.stats["batches_halved"] += len(halved)
    if parts:
        yield positions, np.concatenate(parts)


def _checked(model: Model, values: Any, rows: int) -> Matrix:
    values = np.asarray(values, np.float32)
    if values.ndim != 2 or len(values) != rows:
        raise ScoreError(f"{model.spec.name} returned shape {values.shape} for {rows} rows, expected ({rows}, …)")
    if bad := int((~np.isfinite(values)).any(axis=1).sum()):
        raise ScoreError(f"{model.spec.name} returned NaN or Inf for {bad} of {rows} rows; try dtype: float32")
    return cast(Matrix, values)


def through_store(model: Model, store: Store, representation: str, asked: Asked) -> None:
    """Make a store hold what the model says of all that is asked. Raises StoreError, also where it must not compute."""
    started, loading = time.monotonic(), model.stats["load_seconds"]
    space = model.space(representation)
    if model.extraction:
        _check_held(model, store, representation, asked)
    computed = 0 if model.extraction else store.through(space, asked.unique, asked.compute)
    loading = model.stats["load_seconds"] - loading  # the model loads when the store lacks something
    model.stats["encode_seconds"] += time.monotonic() - started - loading
    model.stats["computed"] += computed
    model.stats["store_hits"] += len(asked.unique) - computed


def _check_held(model: Model, store: Store, representation: str, asked: Asked) -> None:
    lacking = {asked.unique[i] for i in asked.sound(store.missing(model.space(representation), asked.unique))}
    if lacking:
        rows = sum(name in lacking for name in asked.names.values())
        found = f"lacks {representation} of {model.spec.name} for {rows} of {len(asked.names)} rows (or their captions)"
        raise StoreError(f"the store {found}, and --skip-extraction computes none; to compute them: {model.extraction}")
