"""Features made elsewhere: vectors or caption scores of rows, read from files by the rows' ids.

For what no other family loads: 3D-grounded features (LangSplat), a model behind an API, a job on a cluster. `source` is
a file, or a folder with all that lies in it; option `holds` lists which arrays are read:

    texts     (rows, d)         a vector for each row's text
    images    (rows, d)         a vector for each row's picture
    scores    (rows, captions)  how well each caption fits, higher is better

Each stands beside `ids` (rows,), and scores beside `captions`, of their own shape: the text that each is of. A row's id
is not enough, because suites ask other captions of the same row; with the text, the order of rows and captions means
nothing. Where a row has fewer captions than others its score is minus infinity, and the caption is not read.

    .npz          arrays of these names, text as unicode (never as pickled objects)
    .npy          the same arrays in files of their own: NAME.ids.npy, NAME.texts.npy, …
    .safetensors  numbers as tensors; ids and captions as JSON lists in the metadata
    .parquet      columns of these names, all but ids lists

Ids may stand twice, in one file or several, if the numbers are equal. Vectors are brought to unit length, as other
families' are; `fusion`, for rows with a text and a picture, is concat (default) or average.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.errors import ConfigError, DataError, DataUnavailable, ModelError, ModelUnavailable, ScoreError
from harness.features import Features, Matrix, read_features
from harness.models import ModelSpec, nearest
from harness.rows import NO_CAPTION, ChoiceRow, Row

VERSION = 1
NEEDS_WEIGHTS = False
BY_ROW = True
LIBRARIES = ()
OPTIONS: dict[str, tuple[object, ...] | None] = {"holds": None, "fusion": ("concat", "average")}
ASKED = {"texts": "EmbedsTexts", "images": "EmbedsImages", "scores": "ScoresCaptions"}
SIDES = {"text": "texts", "image": "images"}
UNUSED = ("revision", "pooling", "prompt", "attn_implementation")


def capabilities(spec: ModelSpec) -> frozenset[str]:
    """By what the entry says its files hold: they are not opened, and need not be here."""
    holds = spec.options.get("holds")
    if not isinstance(holds, list) or not holds:
        raise ConfigError(f"{spec.name}: what its files hold must be listed, as options: {{holds: [texts, scores]}}")
    for name in map(str, holds):
        if name not in ASKED:
            raise ConfigError(f"{spec.name}: option holds: {name!r}; {nearest(name, ASKED)}")
    if not spec.source or spec.from_hub or spec.source.startswith("package:"):
        raise ConfigError(f"{spec.name}: source must be a file or folder, ./…, not {spec.source!r}")
    if unused := [key for key in UNUSED if getattr(spec, key)]:
        raise ConfigError(f"{spec.name}: family precomputed computes nothing; leave `{unused[0]}` out")
    return frozenset(ASKED[name] for name in holds)


def locate(spec: ModelSpec) -> Path:
    """The file or folder. Raises ModelUnavailable where there is none."""
    path = Path(spec.source).expanduser()
    if not path.exists():
        raise ModelUnavailable(f"{path} does not exist: correct the entry's source, or put the features there")
    return path


def load(spec: ModelSpec, path: Path | None, device: str) -> Any:
    """Read the arrays that the entry lists. Raises ModelUnavailable, ModelError where they are damaged or not there."""
    source, holds = locate(spec), [name for name in ASKED if name in spec.options["holds"]]
    parts = read_features(source, holds)
    for name in holds:
        if not any(part.scores if name == "scores" else name in part.vectors for part in parts):
            raise ModelError(f"{spec.name}: nothing in {source} holds {name}; correct the entry's option holds")
    tables = {name: _table(name, [p for p in parts if name in p.vectors]) for name in holds if name != "scores"}
    if spec.options.get("fusion") == "average" and len({table.values.shape[1] for table in tables.values()}) > 1:
        raise ModelError(f"{spec.name}: texts and images of two widths cannot be averaged; use fusion: concat")
    return Precomputed(spec, tables, _scored(parts))


# --- what is held, by row -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Table:
    """Vectors (n, d), and the position of each id."""

    index: Mapping[str, int]
    values: Matrix


class Precomputed:
    """Vectors and caption scores of the rows that files hold."""

    def __init__(self, spec: ModelSpec, tables: Mapping[str, Table], scored: Mapping[tuple[str, str], float]) -> None:
        self.spec, self.tables, self.scored = spec, tables, scored

    def vectors(self, side: str, rows: Sequence[Row]) -> Matrix:
        """Return (rows, d) float32, unit rows; `side` is text or image.

        Raises DataUnavailable if most rows are not held, DataError if some are not, ScoreError for NaN, Inf and zero
        vectors.
        """
        table = self.tables[SIDES[side]]
        self._check_held(SIDES[side], [repr(row.id) for row in rows if row.id not in table.index], len(rows))
        values = table.values[[table.index[row.id] for row in rows]].astype(np.float64)  # (rows, d)
        norms = np.linalg.norm(values, axis=1, keepdims=True)
        self._check_numbers(SIDES[side], np.isfinite(norms[:, 0]) & (norms[:, 0] > 0), [row.id for row in rows])
        return np.asarray(values / norms, np.float32)

    def scores(self, rows: Sequence[ChoiceRow]) -> Matrix:
        """Return (rows, captions) float32 in the rows' own order of captions, NO_CAPTION where a row has fewer.

        Raises as `vectors` does; a row is held if all its captions are.
        """
        lacking = [[text for text in row.captions if (row.id, text) not in self.scored] for row in rows]
        named = [f"{row.id!r}, caption {gone[0][:80]!r}" for row, gone in zip(rows, lacking, strict=True) if gone]
        self._check_held("scores", named, len(rows))
        values = np.full((len(rows), max(len(row.captions) for row in rows)), NO_CAPTION, np.float32)
        fine = np.zeros(len(rows), bool)
        for i, row in enumerate(rows):
            line = [self.scored[row.id, text] for text in row.captions]
            with np.errstate(over="ignore"):  # what float32 cannot hold is Inf
                values[i, : len(line)] = line
            fine[i] = np.isfinite(values[i, : len(line)]).all()
        self._check_numbers("scores", fine, [row.id for row in rows])
        return values

    def _check_held(self, what: str, lacking: Sequence[str], total: int) -> None:
        if not lacking:
            return
        told = f"{total - len(lacking)} of the {total} rows of this suite; the first that is missing: {lacking[0]}"
        if 2 * len(lacking) > total:  # ids that two data sets share do not make the one the other
            raise DataUnavailable(f"{self.spec.name} holds {what} of {told}")
        raise DataError(
            f"{self.spec.name} holds {what} of {told}; add them to {self.spec.source}, or leave this suite out (-k)"
        )

    def _check_numbers(self, what: str, fine: NDArray[np.bool_], ids: Sequence[str]) -> None:
        if bad := [id_ for id_, good in zip(ids, fine, strict=True) if not good]:
            kind = "NaN or Inf" if what == "scores" else "NaN, Inf or nothing but zeros"
            raise ScoreError(
                f"{self.spec.name} has {kind} as {what} of {len(bad)} of {len(ids)} rows; the first: {bad[0]!r}"
            )


def _table(name: str, parts: Sequence[Features]) -> Table:
    """All files' vectors together. Raises ModelError for two widths, and for a row with two vectors."""
    widths = {part.vectors[name].shape[1]: part.path for part in parts}
    if len(widths) > 1:
        told = " and ".join(f"{width} columns in {path}" for width, path in list(widths.items())[:2])
        raise ModelError(f"{name} have {told}; vectors of one entry must have one width")
    values = np.concatenate([part.vectors[name] for part in parts])  # (n, d)
    index: dict[str, int] = {}
    for i, (path, id_) in enumerate((part.path, id_) for part in parts for id_ in part.ids):
        first = index.setdefault(id_, i)
        if first != i and not np.array_equal(values[first], values[i], equal_nan=True):
            raise ModelError(f"{name} of row {id_!r} stand twice and differ, the second time in {path}; keep one")
    return Table(index, values)


def _scored(parts: Sequence[Features]) -> dict[tuple[str, str], float]:
    """The score of each (id, caption). Raises ModelError where one has two."""
    scored: dict[tuple[str, str], float] = {}
    for part in parts:
        for id_, caption, score in part.scores:
            first = scored.setdefault((id_, caption), score)
            if first != score and not (math.isnan(first) and math.isnan(score)):
                told = f"row {id_!r}, caption {caption[:80]!r}"
                raise ModelError(f"scores of {told} stand twice and differ, the second time in {part.path}; keep one")
    return scored
