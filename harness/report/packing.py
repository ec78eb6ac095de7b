"""What models said of a suite's rows, in columns that a browser can read, small: a header in JSON and arrays behind it.

    4 bytes: length of the header; the header; the arrays, little-endian, one behind the other; all of it gzipped

Texts stand once each, in the header, and columns hold their places. A score is a 10-bit step on its model's own scale.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.report.inline import visible
from harness.report.matching import Asked, Named, Sets, match

STEPS = 1023  # of a model's scores, from the lowest to the highest
MISSING = 0xFFFF  # a score that is not there
LONGEST = 1500  # characters of a text are shown
RELATION = "relation="
Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Table:
    """A suite's rows and what models said of them.

    `credit` (models, rows) is NaN where a model was not asked the row or its picture could not be had; `predicted`
    (models, rows) holds places in `answers`, -1 for none. Row i has `widths[i]` scores, and `scores` (models, those of
    all rows) is NaN where there is none; `named` says that they stand in the order of the row's options.
    """

    models: tuple[str, ...]
    rows: tuple[Named, ...]
    relations: tuple[str, ...]
    asked: tuple[Asked, ...]
    answers: tuple[str, ...]
    predicted: Ints
    credit: Floats
    widths: Ints
    scores: Floats
    named: bool

    @property
    def starts(self) -> Ints:
        """Where each row's scores begin."""
        return np.cumsum(self.widths) - self.widths

    def kept(self, index: Sequence[int]) -> Table:
        """The table of some of its rows."""
        widths = self.widths[list(index)]
        places = np.repeat(self.starts[list(index)] - (np.cumsum(widths) - widths), widths) + np.arange(widths.sum())
        return replace(
            self,
            rows=tuple(self.rows[i] for i in index),
            relations=tuple(self.relations[i] for i in index),
            asked=tuple(self.asked[i] for i in index),
            predicted=self.predicted[:, list(index)],
            credit=self.credit[:, list(index)],
            widths=widths,
            scores=self.scores[:, places],
        )


def table(frame: Any, models: Sequence[str], sets: Sets) -> Table:
    """The table of one suite's lines of rows.parquet, its models in the order given, its rows as they first come."""
    import pandas as pd

    # a suite may ask a row of one name twice
    again = frame.groupby(["model", "row"], observed=True, sort=False).cumcount()
    at, keys = pd.factorize(pd.MultiIndex.from_arrays([frame["row"], again]))
    place = {name: i for i, name in enumerate(models)}
    of = np.array([place[name] for name in frame["model"]], np.int64)
    first = frame.iloc[np.unique(at, return_index=True)[1]]
    lengths = frame["scores"].map(len).to_numpy(np.int64)
    widths = np.zeros(len(keys), np.int64)
    np.maximum.at(widths, at, lengths)
    rows = tuple(Named(*told) for told in zip(first["row"], first["gold"].astype(str), widths.tolist(), strict=True))
    relations = [_relation(*told) for told in zip(first["slice"].astype(str), first["gold"].astype(str), strict=True)]
    said = pd.Categorical(frame["predicted"])
    predicted, credit = np.full((len(models), len(rows)), -1), np.full((len(models), len(rows)), np.nan)
    predicted[of, at], credit[of, at] = said.codes, frame["correct"]
    scores = np.full((len(models), int(widths.sum())), np.nan)
    within = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    places = np.repeat((np.cumsum(widths) - widths)[at], lengths) + within
    scores[np.repeat(of, lengths), places] = np.concatenate([*frame["scores"], np.zeros(0)])
    found = Table(
        tuple(models), rows, tuple(relations), tuple(match(rows, sets)), tuple(map(str, said.categories)),
        predicted, credit, widths, scores, named=False,
    )  # fmt: skip
    return _named(found)


def _relation(part: str, gold: str) -> str:
    """What a row is of: its slice or, where the suite has none, its right answer."""
    return gold if part == "all" else part.removeprefix(RELATION)


def _named(found: Table) -> Table:
    """The table with what scores are of: rows' own options or, where they have none, the suite's labels, sorted.

    Where the highest score is not that of the option said to be chosen, scores stand in another order: it says so.
    """
    labels = tuple(sorted({row.gold for row in found.rows}))
    asked = tuple(
        replace(one, options=labels) if not one.options and row.width == len(labels) else one
        for one, row in zip(found.asked, found.rows, strict=True)
    )
    named = replace(found, asked=asked)
    agree = all(_agree(named, width) for width in set(found.widths.tolist()) - {0})
    return replace(named, named=True) if agree else found


def _agree(found: Table, width: int) -> bool:
    """Whether, in all rows of so many scores and options, the option that is said has the one highest score."""
    codes = {text: i for i, text in enumerate(found.answers)}
    index = [i for i, one in enumerate(found.asked) if found.widths[i] == width == len(one.options)]
    options = np.array([[codes.get(o, -2) for o in found.asked[i].options] for i in index]).reshape(-1, width)
    scores = found.scores[:, found.starts[index][:, None] + np.arange(width)]  # (models, rows, options)
    said = found.predicted[:, index]
    alone = (scores == scores.max(axis=-1, keepdims=True)).sum(axis=-1) == 1  # of NaN, none is
    known = (options[None] == said[:, :, None]).any(axis=-1)
    top = np.take_along_axis(np.broadcast_to(options, scores.shape), scores.argmax(axis=-1)[:, :, None], axis=-1)
    return bool((top[:, :, 0] == said)[alone & known].all())


# --- as bytes -----------------------------------------------------------------------------------


@dataclass(slots=True)
class Words:
    """Distinct texts by number, in the order in which they came."""

    places: dict[str, int] = field(default_factory=dict)

    def all(self, texts: Iterable[str]) -> list[int]:
        """The numbers of texts."""
        return [self.places.setdefault(text, len(self.places)) for text in texts]

    def shown(self) -> list[str]:
        """The texts as a reader sees them, in order of their numbers."""
        return [short(text) for text in self.places]


def pack(found: Table, models: Sequence[int], pictures: Mapping[str, int], with_scores: bool = True) -> bytes:
    """The table as bytes; `models` and `pictures` are the page's numbers of them."""
    answers, texts, relations = Words(), Words(), Words()
    answers.all(found.answers)
    values, credit = np.unique(found.credit, return_inverse=True)  # NaN comes last
    codes, low, step = _steps(found.scores if with_scores else found.scores[:, :0])
    arrays = {
        "relation": relations.all(found.relations),
        "gold": answers.all(row.gold for row in found.rows),
        "captions": [len(one.captions) for one in found.asked],
        "caption": texts.all(text for one in found.asked for text in one.captions),
        "options": [len(one.options) for one in found.asked],
        "option": answers.all(text for one in found.asked for text in one.options),
        "place": [0 if one.gold is None else one.gold + 1 for one in found.asked],
        "picture": [pictures.get(one.picture or "", -1) + 1 for one in found.asked],
        "credit": credit.ravel(),
        "predicted": found.predicted.ravel() + 1,
        "width": found.widths if with_scores else np.zeros(len(found.rows), np.int64),
        # high bytes by themselves: they repeat, low ones do not
        "low": codes & 0xFF,
        "high": codes >> 8,
    }
    header = {
        "models": list(models),
        "ids": [short(row.row) for row in found.rows],
        "raw": {i: row.row for i, row in enumerate(found.rows) if short(row.row) != row.row},
        "relations": relations.shown(),
        "answers": answers.shown(),
        "texts": texts.shown(),
        "credits": [None if np.isnan(value) else round(float(value), 4) for value in values],
        "named": found.named,
        "scales": np.stack([low, step], axis=1).tolist(),
    }
    return _packed(header, {name: np.asarray(array, np.int64) for name, array in arrays.items()})


def _steps(scores: Floats) -> tuple[Ints, Floats, Floats]:
    """Scores as steps from each model's lowest, MISSING where there is none; the lowest, and the size of a step."""
    here = np.isfinite(scores)
    low = np.min(scores, axis=1, where=here, initial=np.inf)
    low[~here.any(axis=1)] = 0
    step = (np.max(scores, axis=1, where=here, initial=-np.inf) - low) / STEPS
    step[~(step > 0)] = 1
    codes = np.rint((np.where(here, scores, low[:, None]) - low[:, None]) / step[:, None])
    return np.where(here, codes, MISSING).astype(np.int64).ravel(), low, step


def _packed(header: Mapping[str, Any], arrays: Mapping[str, Ints]) -> bytes:
    parts, told, end = [], {}, 0
    for name, values in arrays.items():
        size = next(size for size in (1, 2, 4) if values.max(initial=0) < 256**size)
        told[name] = [size, end, len(values)]
        parts.append(values.astype(f"<u{size}").tobytes())
        end += len(parts[-1])
    head = json.dumps({**header, "arrays": told}, allow_nan=False, separators=(",", ":")).encode()
    return gzip.compress(b"".join([len(head).to_bytes(4, "little"), head, *parts]), 6, mtime=0)


def short(text: str) -> str:
    """A text as the page shows it: hidden characters made visible, and only the start of a very long one."""
    return visible(text if len(text) <= LONGEST else text[:LONGEST] + "…")
