"""Rows: the items a suite asks about, and the scores a model gives them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from harness.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image


class Picture(Protocol):
    """A picture that is opened only when a model needs it.

    One that may have to be fetched or rendered can have `preview(side)` besides: pixels for a thumbnail, or
    PictureError where they would cost more than reading a file. Equal pictures show the same.
    """

    @property
    def name(self) -> str:
        """What the picture is called; rows with one name show one picture."""
        ...

    def key(self) -> str:
        """Digest of the content: equal keys, equal pixels. Raises PictureError."""
        ...

    def open(self) -> Image:
        """The pixels, in RGB. Raises PictureError."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A text, a picture or both, with a label to be read off a model's representation of them.

    `group` is the resampling unit where the data set knows one; left empty, rows that share a text
    or picture which the model sees are a group. `subject` and `object` are the words for what the label relates,
    as they stand in the text, where the data set tells them.
    """

    id: str
    label: str
    group: str = ""
    text: str | None = None
    image: Picture | None = None
    subject: str = ""
    object: str = ""

    def __post_init__(self) -> None:
        _check_text(self.id, id=(self.id,), label=(self.label,), text=(self.text or "",))


@dataclass(frozen=True, slots=True, kw_only=True)
class TruthRow(Row):
    """A text that is true of its picture or not; `label` is the relation it states, `category` that relation's kind."""

    truth: bool
    category: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoryRow(Row):
    """A question about a story in words, and the answers it may get; `label` names the right ones.

    `text`, question and story, is what an encoder reads, `prompt` what is said to a model that answers; the answers are
    listed after it. `options` says what each answer claims, `right` are the places of those that are right (several
    where the data set has several). Rows of one `category` are questions of one kind; `slices` are the parts of the
    data set that a row is in ("k=3"), and `group` is its story.
    """

    prompt: str
    answers: tuple[str, ...]
    options: tuple[str, ...]
    right: tuple[int, ...]
    category: str = ""
    slices: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        Row.__post_init__(self)
        _check_text(self.id, prompt=(self.prompt,), answers=self.answers, options=self.options)
        if not self.right or not set(self.right) <= set(range(len(self.answers))):
            raise DataError(f"row {self.id!r} has {len(self.answers)} answers, of which {self.right} are to be right")


@dataclass(frozen=True, slots=True, kw_only=True)
class ChoiceRow:
    """A picture and captions of which one is true.

    `group` is the resampling unit of intervals (rows of one picture share it);
    `options` names what each caption claims, for slices and confusions; `pair` and `set` name the
    rows that count together (What'sUp: opposite relations of two objects; all their relations).
    `category` is a wider class of labels, where the data set has one.
    """

    id: str
    label: str
    group: str
    image: Picture
    captions: tuple[str, ...]
    options: tuple[str, ...]
    gold: int
    pair: str = ""
    set: str = ""
    category: str = ""

    def __post_init__(self) -> None:
        _check_text(
            self.id,
            id=(self.id,),
            label=(self.label,),
            group=(self.group,),
            captions=self.captions,
            options=self.options,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionRow:
    """A question about a picture, and the answers it may get ("yes", "no"; "A", "B", …), of which one is right.

    `options` says what each answer claims, for slices and confusions; `set` names the rows of one question that is put
    in several ways.
    """

    id: str
    label: str
    group: str
    image: Picture
    question: str
    answers: tuple[str, ...]
    options: tuple[str, ...]
    gold: int
    set: str = ""
    category: str = ""

    def __post_init__(self) -> None:
        _check_text(self.id, id=(self.id,), label=(self.label,), question=(self.question,), options=self.options)


def _check_text(row: str, **texts: Sequence[str]) -> None:
    """Refuse half a character (JSON can spell one), which no tokenizer, digest or table can take."""
    for name, values in texts.items():
        try:
            "".join(values).encode()
        except UnicodeEncodeError as error:
            half = f"U+{ord(error.object[error.start]):04X}"
            raise DataError(f"{name} of row {row!r} holds half a character ({half}): correct the data") from None


NO_CAPTION = float("-inf")  # the score where a row has fewer captions than others
R = TypeVar("R", Row, TruthRow, StoryRow, ChoiceRow, QuestionRow)


@dataclass(frozen=True, slots=True)
class Scores(Generic[R]):
    """What one model says about rows, row by row, so that values cannot slip against rows.

    `values` is (rows, d) for embeddings, dense or scipy.sparse, and (rows, captions) for choices,
    NO_CAPTION where a row has fewer captions than the widest, and a tuple of texts for answers.
    `groups` names each row's group: rows that share a caption or picture the model saw.
    `failed` holds the rows whose picture could not be had, with the reason; they have no value.
    `sides` says what of a row the model saw, "text" and "image"; empty where that is not known.
    """

    rows: tuple[R, ...]
    values: Any
    groups: tuple[str, ...]
    failed: tuple[tuple[R, str], ...] = ()
    sides: tuple[str, ...] = ()

    @property
    def sees_texts(self) -> bool:
        """Whether the model saw a text of every row: taken to be so where its sides are not known."""
        return ("text" in self.sides or not self.sides) and all(getattr(row, "text", None) for row in self.rows)


@dataclass(frozen=True, slots=True)
class Layers(Generic[R]):
    """What each layer of one model holds of rows, read layer by layer so that memory holds one at a time.

    Layer 0 is what enters the first block, layer i what leaves block i; `count` is blocks + 1. `read(layer)` gives
    (rows, d) float32. Rows, groups, failed and sides as in `Scores`; `pooling` names how tokens were pooled, and
    `fingerprint` is the model's.
    """

    rows: tuple[R, ...]
    count: int
    read: Callable[[int], NDArray[np.float32]]
    groups: tuple[str, ...]
    failed: tuple[tuple[R, str], ...] = ()
    sides: tuple[str, ...] = ()
    pooling: str = ""
    fingerprint: str = ""


def digest(*parts: str | bytes) -> str:
    """SHA-256 over parts, each preceded by its length so that parts cannot run together."""
    sha = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        sha.update(len(data).to_bytes(8, "little") + data)
    return sha.hexdigest()


def sample(rows: Sequence[R], limit: int | None) -> list[R]:
    """At most `limit` rows, the same ones in whatever order the rows come; rows of one `set` as far as it goes."""
    if limit is None or len(rows) <= limit:
        return list(rows)
    places = {row.id: (digest(getattr(row, "set", "") or row.id), row.id) for row in rows}
    chosen = set(sorted(places, key=places.__getitem__)[:limit])
    return [row for row in rows if row.id in chosen]


def shared_groups(*sides: Sequence[str]) -> list[str]:
    """Name each row's group when rows that share a value on any side belong together.

    One side: the value itself. Several (caption and picture): connected components, so that
    neither a caption nor a picture can stand in two folds.
    """
    if len(sides) == 1:
        return list(sides[0])
    parent: dict[tuple[int, str], tuple[int, str]] = {}

    def root(node: tuple[int, str]) -> tuple[int, str]:
        parent.setdefault(node, node)
        while parent[node] != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    for values in zip(*sides, strict=True):
        first, *rest = [root((side, value)) for side, value in enumerate(values)]
        for other in rest:
            # the smaller name wins, so that the order of rows does not name the groups
            low, high = sorted((root(first), root(other)))
            parent[high] = low
    return [root((0, value))[1] for value in sides[0]]
