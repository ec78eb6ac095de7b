"""Features of rows in files: vectors and caption scores beside the ids of the rows, in one of four formats.

`harness/families/precomputed.py` says what each array means. Nothing pickled is ever read.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.errors import ModelError
from harness.rows import NO_CAPTION

Matrix = NDArray[np.float32]
TEXT = ("ids", "captions")


@dataclass(frozen=True, slots=True)
class Features:
    """What one file holds: ids, vectors (ids, d) by name, and a score for each (id, caption)."""

    path: Path
    ids: Sequence[str]
    vectors: Mapping[str, Matrix]
    scores: Sequence[tuple[str, str, float]]


def read_features(source: Path, names: Sequence[str]) -> list[Features]:
    """The arrays of these names in a file, or in all files of a folder.

    Raises ModelError for a file that is damaged, of another format or shape, or not all there.
    """
    return [_read(file, names) for file in _files(source)]


def _files(source: Path) -> list[Path]:
    """The files to read, one for each list of ids; notes (.md, .txt) and hidden files may lie between them."""
    if source.is_file():
        files = [source]
    else:
        inside = sorted(file for file in source.rglob("*") if file.is_file() and file.suffix not in (".md", ".txt"))
        files = [f for f in inside if not any(word.startswith(".") for word in f.relative_to(source).parts)]
    if not files:
        raise ModelError(f"{source} holds no features: put files in it, {', '.join(READERS)}")
    for file in files:
        if file.suffix not in READERS:
            raise ModelError(f"{file} is of no known format; known: {', '.join(READERS)}")
        if file.suffix == ".npy" and (file == source or not _beside(file, "ids").is_file()):
            raise ModelError(f"{file} needs {_beside(file, 'ids').name} beside it, and their folder as source")
    return [file for file in files if file.suffix != ".npy" or file == _beside(file, "ids")]


def _beside(file: Path, name: str) -> Path:
    """NAME.ids.npy of NAME.texts.npy."""
    return file.with_name(f"{file.stem.rpartition('.')[0]}.{name}.npy")


def _read(path: Path, names: Sequence[str]) -> Features:
    wanted = ("ids", *names, *(("captions",) if "scores" in names else ()))
    try:
        return _checked(path, READERS[path.suffix](path, wanted))
    except Exception as error:  # a damaged file fails in every way
        pickled = "pickle" in str(error)
        why = "it is damaged, or holds pickled objects, which are never read" if pickled else error
        raise ModelError(f"{path} cannot be read: {why}; write it again, numbers as float32, text as str") from error


def _checked(path: Path, found: dict[str, Any]) -> Features:
    """Raises ValueError where arrays are missing, of another type, or do not go together."""
    ids, captions, scores = found.pop("ids", None), found.pop("captions", None), found.pop("scores", None)
    if not ids:
        raise ValueError("it has no ids of rows")
    if not isinstance(ids, list) or not all(isinstance(id_, str) for id_ in ids):
        raise ValueError(f"ids must be text, one for each row, not {str(ids)[:80]}")
    vectors = {name: _vectors(name, values, len(ids)) for name, values in found.items()}
    return Features(path, ids, vectors, [] if scores is None else _scores(ids, captions, scores))


def _vectors(name: str, values: Any, count: int) -> Matrix:
    if values.ndim != 2 or len(values) != count or values.dtype.kind not in "fiu":
        raise ValueError(f"{name} must be numbers of shape ({count}, d), not {values.dtype} of shape {values.shape}")
    with np.errstate(over="ignore"):  # what float32 cannot hold is Inf, and an error where it is asked for
        return np.asarray(values, np.float32)


def _scores(ids: list[str], captions: Any, scores: Any) -> list[tuple[str, str, float]]:
    if captions is None:
        raise ValueError("it has scores and no captions, the text that each is of")
    widths = _widths(scores)
    if len(widths) != len(ids) or -1 in widths or widths != _widths(captions):
        raise ValueError(f"scores and captions must be of one shape ({len(ids)}, captions)")
    lines = zip(ids, captions, scores, strict=True)
    told = [(i, text, score) for i, texts, line in lines for text, score in zip(texts, line, strict=True)]
    if not all(isinstance(score, float | int) for _, _, score in told):
        raise ValueError("scores must be numbers")
    held = [(i, text, float(score)) for i, text, score in told if score != NO_CAPTION]
    if not all(isinstance(text, str) for _, text, _ in held):
        raise ValueError("captions must be text")
    return held


def _widths(lists: Any) -> list[int]:
    """How long each row's list is; -1 for what is none."""
    return [len(line) if isinstance(line, list) else -1 for line in lists] if isinstance(lists, list) else []


# --- formats: the arrays of these names that a file has; text and scores as lists, vectors as arrays ----


def _npz(path: Path, names: Sequence[str]) -> dict[str, Any]:
    with np.load(path, allow_pickle=False) as held:
        return {name: _plain(name, held[name]) for name in names if name in held}


def _npy(path: Path, names: Sequence[str]) -> dict[str, Any]:
    files = {name: _beside(path, name) for name in names}
    return {name: _plain(name, np.load(file, allow_pickle=False)) for name, file in files.items() if file.is_file()}


def _safetensors(path: Path, names: Sequence[str]) -> dict[str, Any]:
    from safetensors import safe_open

    with safe_open(path, framework="numpy") as held:
        told = {name: json.loads(text) for name, text in (held.metadata() or {}).items() if name in TEXT}
        return told | {name: _plain(name, held.get_tensor(name)) for name in set(held.keys()).intersection(names)}


def _parquet(path: Path, names: Sequence[str]) -> dict[str, Any]:
    import pyarrow.parquet

    with pyarrow.parquet.ParquetFile(path) as file:
        table = file.read([name for name in names if name in file.schema_arrow.names])
    if not table.num_rows:
        raise ValueError("it has no rows")
    listed = (*TEXT, "scores")
    columns = dict(zip(table.column_names, table.columns, strict=True))
    return {name: c.to_pylist() if name in listed else _stacked(name, c) for name, c in columns.items()}


def _stacked(name: str, column: Any) -> Any:
    """A column of lists as (rows, d)."""
    import pyarrow.compute

    lengths = pyarrow.compute.list_value_length(column).unique().to_pylist()
    if len(lengths) != 1 or not lengths[0]:
        raise ValueError(f"{name} must be lists of one length, not of {lengths[:3]}")
    return pyarrow.compute.list_flatten(column).to_numpy().reshape(len(column), -1)


def _plain(name: str, array: Any) -> Any:
    return array.tolist() if name in (*TEXT, "scores") else array


READERS: dict[str, Callable[[Path, Sequence[str]], dict[str, Any]]] = {
    ".npz": _npz,
    ".npy": _npy,
    ".safetensors": _safetensors,
    ".parquet": _parquet,
}
