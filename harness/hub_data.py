"""Data sets that lie on the hub as Parquet with their pictures: pinned by revision, checked by count, opened lazily."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.errors import DataError, DataUnavailable, PictureError, StoreError, Unavailable
from harness.photos import decode
from harness.rows import digest
from harness.sources import DataFile, cache_dir, file_digest, from_hub, used

if TYPE_CHECKING:
    from PIL.Image import Image


@dataclass(frozen=True, slots=True)
class Embedded:
    """A picture whose encoded bytes lie in a table; `name` is the file that it was, "" where the table has none."""

    name: str
    number: int  # of its row
    column: Any = field(repr=False, compare=False)  # pyarrow's ChunkedArray of {bytes, path}, on disk
    table: str = ""  # where the column stands: pictures of two tables are not equal

    def key(self) -> str:
        """SHA-256 of the encoded bytes, as of a file. Raises PictureError."""
        return hashlib.sha256(self._bytes()).hexdigest()

    def open(self) -> Image:
        """The pixels in RGB. Raises PictureError."""
        return decode(self._bytes(), self.name)

    def preview(self, side: int) -> Image:
        """The pixels, perhaps fewer, but at least `side` a side. Raises PictureError."""
        return decode(self._bytes(), self.name, side)

    def _bytes(self) -> bytes:
        found = self.column[self.number].as_py() or {}
        if not found.get("bytes"):
            raise PictureError(f"{self.name} has no bytes in row {self.number} of its table")
        return bytes(found["bytes"])


@dataclass(frozen=True, slots=True)
class HubTable:
    """A data set's file in the data folder or, where there is none, a split of a Parquet repository with the pictures.

    `columns` are read when rows are made, `pictures` when a model needs them; the split has `count` rows. Of a split
    of several parts, `part` is the column and its value for this one. `texts` is the digest of what `columns` hold
    in the authors' file, where that is known.
    """

    file: DataFile
    repo: str
    revision: str
    split: str
    count: int
    columns: tuple[str, ...]
    pictures: tuple[str, ...]
    part: tuple[str, str] | None = None
    texts: str = ""
    gated: bool = False  # behind terms that each user accepts

    @property
    def local(self) -> str:
        """What is asked first, below the data folder."""
        return self.file.local

    def locate(self, fetch: bool = True) -> Path:
        """The file in the data folder or, where there is none, the folder of the hub's. Raises DataUnavailable."""
        try:
            return self.file.locate(fetch)
        except DataUnavailable as error:
            absent = str(error)
        try:
            folder = from_hub(self.repo, self.revision, [f"*{self.split}-*.parquet"], "dataset", fetch)
        except Unavailable as error:
            raise DataUnavailable(f"{error}; or {absent}") from None
        if not _whole(self._files(folder)):
            raise DataUnavailable(f"not all files of {self.repo}'s split {self.split} are in {folder}; or {absent}")
        return folder

    def read(self, folder: Path) -> list[dict[str, Any]]:
        """The rows of the hub's files by column, pictures as `Embedded`. Raises DataError, StoreError."""
        files = self._files(folder)
        table = _table(files)
        self._check(table)
        what = f"{self.repo}@{self.revision} {self.split}"
        values = {name: table.column(name).to_pylist() for name in self.columns}
        values |= {name: _embedded(table.column(name), f"{what} {name}") for name in self.pictures}
        rows = [dict(zip(values, row, strict=True)) for row in zip(*values.values(), strict=True)]
        if self.part:
            rows = [row for row in rows if row[self.part[0]] == self.part[1]]
        found = digest(*(str(row[name]) for row in rows for name in self.columns)) if self.texts else ""
        facts = {"source": f"{self.repo}@{self.revision}", "rows": len(rows), "as_pinned": found == self.texts}
        used.update({f"{self.local}, {f.name}": {"file": str(f), "sha256": file_digest(f), **facts} for f in files})
        return rows

    def _files(self, folder: Path) -> list[Path]:
        return sorted(folder.rglob(f"{self.split}-*.parquet"))

    def _check(self, table: Any) -> None:
        what, way_out = f"{self.repo}@{self.revision}", f"put {self.local} below --data-dir instead"
        if lacking := sorted({*self.columns, *self.pictures} - set(table.column_names)):
            raise DataError(f"{what} has no column {', '.join(lacking)}: {way_out}")
        if wrong := [name for name in self.pictures if not _holds_pictures(table.column(name).type)]:
            raise DataError(f"{what} has no pictures in {', '.join(wrong)}: {way_out}")
        if table.num_rows != self.count:
            raise DataError(f"{what} has {table.num_rows} rows, not {self.count}: {way_out}")


def _whole(files: Sequence[Path]) -> bool:
    """Whether no file is missing: their names say how many there are."""
    said = re.search(r"-of-(\d+)", files[0].name) if files else None
    return bool(files) and (said is None or int(said[1]) == len(files))


def _holds_pictures(type_: Any) -> bool:
    import pyarrow

    return bool(pyarrow.types.is_struct(type_)) and {"bytes", "path"} <= {part.name for part in type_}


def _embedded(column: Any, table: str) -> list[Embedded]:
    import pyarrow.compute

    paths = pyarrow.compute.struct_field(column, "path").to_pylist()  # the bytes stay where they are
    return [Embedded(Path(path or "").name, number, column, table) for number, path in enumerate(paths)]


def _table(files: Sequence[Path]) -> Any:
    """The files as one table of Arrow, mapped from disk. Raises DataError, StoreError."""
    from datasets import load_dataset
    from datasets.exceptions import DatasetsError

    folder, names = cache_dir() / "datasets", [str(file) for file in files]
    try:
        return load_dataset("parquet", data_files=names, split="train", cache_dir=str(folder)).data
    except (DatasetsError, ValueError, OSError) as error:
        cause = error.__cause__ or error
        if isinstance(cause, OSError) and cause.errno:  # pyarrow's own, of damaged files, have no number
            raise StoreError(f"cannot keep tables in {folder}: {cause}; free space or set XDG_CACHE_HOME") from error
        raise DataError(f"{names[0]} is no Parquet ({cause}): delete it and fetch it again") from error
