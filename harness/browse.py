"""Rows to be looked at: what suites put before models, and small pictures of what they showed.

Each distinct set of rows is written once, into `shards/rows/DIGEST.parquet` of the run folder, by whichever process
asks it first. `merge` makes of them `asked.parquet`, a line a row of each set, and `pictures.parquet`, a line a
distinct thumbnail, named by a digest of its bytes.
"""

from __future__ import annotations

import io
from collections.abc import Hashable, Iterable, MutableMapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from harness.errors import RunError
from harness.explore import AnyRow, answer, captions
from harness.files import replacing
from harness.rows import Picture, StoryRow, TruthRow, digest

SIDE, QUALITY = 48, 32  # px on the longer side, and WebP's: about 380 bytes a photo, 160 a drawn scene
TRUTH = ("false", "true")  # what may be said of a text, in the order of `gold`
Thumbs = MutableMapping[Hashable, tuple[Any, bytes | None]]  # a picture and its thumbnail, by the picture
FILES = ("asked.parquet", "pictures.parquet")


def path_of(run: Path, name: str) -> Path:
    """Where a set of rows lies before runs are merged."""
    return run / "shards" / "rows" / f"{name}.parquet"


def keep(run: Path, name: str, rows: Sequence[AnyRow], thumbs: Thumbs) -> None:
    """Write rows and their thumbnails into the run folder, unless they are there; one process does, others wait.

    Pictures that were not at hand when the set was written are tried again. `thumbs` remembers those of other sets.
    Raises OSError.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq
    from filelock import FileLock

    path, pictures = path_of(run, name), [row.image for row in rows]
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_suffix(".lock")):  # of a killed process it is free
        before = _lacking(path)
        if before == pictures.count(None):
            return
        found = _draw(pictures, thumbs)
        if before is None or found.count(None) < before:
            lines = [_line(name, row, thumb) for row, thumb in zip(rows, found, strict=True)]
            with replacing(path) as scratch:
                pq.write_table(pa.Table.from_pylist(lines, _schema(thumb=True)), scratch)


def _lacking(path: Path) -> int | None:
    """How many rows of a set have no thumbnail; None where the set is not written, or damaged."""
    import pyarrow.parquet as pq

    try:
        return int(pq.read_table(path, columns=["picture"])["picture"].null_count) if path.exists() else None
    except ValueError:  # pyarrow's own
        return None


def merge(run: Path, names: Iterable[str]) -> None:
    """Gather the sets of these digests, in this order, set by set; sets that are not there are passed over.

    Nothing is written where none is there. Raises OSError, and RunError where a set is damaged.
    """
    import pyarrow.parquet as pq

    there = [path for path in (path_of(run, name) for name in names) if path.exists()]
    if not there:
        return

    known: set[str] = set()
    with (
        replacing(run / FILES[0]) as asked,
        replacing(run / FILES[1]) as pictures,
        pq.ParquetWriter(asked, _schema(), compression="zstd") as rows,
        pq.ParquetWriter(pictures, _thumbs(), compression="zstd") as thumbs,
    ):
        for path in there:
            table = _read(path)
            rows.write_table(table.drop_columns("thumb"))
            thumbs.write_table(_new(table, known))


def read(run: Path) -> tuple[Any, dict[str, bytes]] | None:
    """The rows as a pandas frame of asked.parquet's columns, and thumbnails by name; None where a run has neither.

    Raises RunError where they cannot be read.
    """
    import pyarrow.parquet as pq

    asked, pictures = (run / name for name in FILES)
    if not asked.exists():
        return None
    try:
        thumbs = pq.read_table(pictures, schema=_thumbs())
        frame = pq.read_table(asked, schema=_schema()).to_pandas(integer_object_nulls=True)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RunError(f"cannot read {asked} or {pictures}: {error}; `spatial-harness report {run}` again") from error
    return frame, dict(zip(thumbs["picture"].to_pylist(), thumbs["thumb"].to_pylist(), strict=True))


def thumbnail(image: Any, side: int = SIDE, quality: int = QUALITY) -> bytes:
    """A picture as a WebP of at most `side` pixels a side."""
    from PIL import Image

    small = image.copy()
    small.thumbnail((side, side), Image.Resampling.LANCZOS, reducing_gap=2.0)
    stream = io.BytesIO()
    small.save(stream, "WEBP", quality=quality)
    return stream.getvalue()


def _draw(pictures: Sequence[Picture | None], thumbs: Thumbs) -> list[bytes | None]:
    """Each picture's thumbnail; equal pictures are drawn once."""
    unlike = {_key(picture): picture for picture in pictures if picture is not None}
    new = {key: picture for key, picture in unlike.items() if key not in thumbs}
    with ThreadPoolExecutor(8) as pool:  # decoders let other threads run
        drawn = zip(new.items(), pool.map(_thumb, new.values()), strict=True)
        thumbs.update({key: (picture, thumb) for (key, picture), thumb in drawn if thumb})
    return [thumbs.get(_key(picture), (None, None))[1] for picture in pictures]


def _key(picture: Picture | None) -> Hashable:
    return picture if isinstance(picture, Hashable) else id(picture)  # which is kept, so that no other gets its number


def _thumb(picture: Picture) -> bytes | None:
    """None where the picture is not at hand: one that no model needed is neither fetched nor rendered for this."""
    try:
        preview = getattr(picture, "preview", None)
        return thumbnail(preview(SIDE) if preview else picture.open())
    except Exception:  # whatever is wrong with a picture, numbers that were measured are not lost for a thumbnail
        return None


def _line(name: str, row: AnyRow, thumb: bytes | None) -> dict[str, Any]:
    options = TRUTH if isinstance(row, TruthRow) else getattr(row, "options", ())
    return {
        "set": name,
        "row": row.id,
        "label": row.label,
        "captions": list(captions(row)),
        "options": list(options),
        "gold": row.right[0] if isinstance(row, StoryRow) and len(row.right) == 1 else answer(row),
        "picture": thumb and digest(thumb)[:16],
        "thumb": thumb,
    }


def _schema(thumb: bool = False) -> Any:
    import pyarrow as pa

    text, texts = pa.string(), pa.list_(pa.string())
    columns = [("set", text), ("row", text), ("label", text), ("captions", texts), ("options", texts)]
    columns += [("gold", pa.int32()), ("picture", text)]
    return pa.schema([*columns, ("thumb", pa.binary())] if thumb else columns)


def _thumbs() -> Any:
    import pyarrow as pa

    return pa.schema([("picture", pa.string()), ("thumb", pa.binary())])


def _read(path: Path) -> Any:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return pq.read_table(path, schema=_schema(thumb=True))
    except pa.ArrowException as error:
        raise RunError(f"{path} is damaged ({error}): delete it and run again with the same --run-dir") from error


def _new(table: Any, known: set[str]) -> Any:
    """The thumbnails of a set that no set before had; they are `known` from now on."""
    import pyarrow as pa

    held = zip(table["picture"].to_pylist(), table["thumb"].to_pylist(), strict=True)
    found = {name: thumb for name, thumb in held if name is not None and name not in known}
    known |= found.keys()
    return pa.table({"picture": list(found), "thumb": list(found.values())}, schema=_thumbs())
