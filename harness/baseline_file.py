"""The file of a baseline: Parquet with all else as JSON in its metadata, and a digest over both.

One line a row: suite, model, the row's and its group's 64-bit digest, and what the answer was worth. No text and no
picture stands in it but names of suites, models and data files. The JSON (`KEY`) has the format version, commit,
packages, limit, the models' settings, and for each cell its count of rows, the digests of the row sets and data files
that it asked, and its headline number.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.errors import RunError
from harness.files import replacing

if TYPE_CHECKING:
    from pandas import DataFrame

FORMAT = 1
KEY = b"spatial-harness baseline"
COLUMNS = ("suite", "model", "row", "group", "correct")


def read_file(path: Path) -> tuple[dict[str, Any], DataFrame]:
    """What a baseline file says and its rows, in the order they were written. Raises RunError for anything else."""
    about, rows = _read(path)
    _check(path, about, rows)
    return about, rows


def _read(path: Path) -> tuple[dict[str, Any], DataFrame]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with path.open("rb") as file:
            head = file.read(4)
        if not head:
            raise RunError(f"{path} is empty; write it again with `spatial-harness baseline`")
        if head != b"PAR1":
            raise RunError(f"{path} is neither a run folder nor a Parquet file")
        metadata = pq.read_metadata(path).metadata or {}
        if KEY not in metadata:
            raise RunError(f"{path} is a Parquet file and no baseline; `spatial-harness baseline` writes one")
        about = json.loads(metadata[KEY])
        if (version := about["format"]) != FORMAT:
            raise RunError(f"{path} has baseline format {version}; this version reads {FORMAT}: write it again")
        table = pq.read_table(path, columns=list(COLUMNS), read_dictionary=["suite", "model"])
        return about, table.to_pandas()
    except (OSError, ValueError, KeyError, TypeError, pa.ArrowException) as error:
        raise RunError(f"{path} is cut short or damaged ({first_line(error)}); get it again") from error


def _check(path: Path, about: Mapping[str, Any], rows: DataFrame) -> None:
    try:
        if twice := int(rows.duplicated(["suite", "model", "row"]).sum()):
            raise RunError(f"{path} has {twice} duplicated rows; write it again with `spatial-harness baseline`")
        counted = {key: int(size) for key, size in rows.groupby(["suite", "model"], observed=True).size().items()}
        for cell in about["cells"]:
            found = counted.pop((cell["suite"], cell["model"]), 0)
            if found != cell["rows"]:
                raise RunError(
                    f"{path} has {found} rows of {cell['suite']} x {cell['model']} instead of {cell['rows']}"
                )
        if len(rows) != about["rows"] or counted:
            raise RunError(f"{path} has {len(rows)} rows instead of the {about['rows']} that it says")
        if _content(about, rows) != about["digest"]:
            raise RunError(f"{path} was changed after it was written: its digest is another; get it again")
    except (KeyError, TypeError, ValueError) as error:
        raise RunError(f"{path} is damaged ({first_line(error)}); get it again") from error


def write_file(path: Path, about: Mapping[str, Any], rows: DataFrame) -> None:
    """Write a baseline whole or not at all; its folders are made. Raises RunError where the disk refuses."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    said = {**about, "rows": len(rows)}
    said["digest"] = _content(said, rows)
    kinds = (pa.string(), pa.string(), pa.uint64(), pa.uint64(), pa.float64())
    schema = pa.schema(list(zip(COLUMNS, kinds, strict=True)))
    table = pa.table({name: rows[name].to_numpy() for name in COLUMNS}, schema)
    # Arrow's own schema would hold the metadata a second time, and one dictionary of all rows' digests is smallest
    settings = {"compression": "zstd", "store_schema": False, "dictionary_pagesize_limit": 2**26}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as scratch, pq.ParquetWriter(scratch, schema, **settings) as writer:
            writer.write_table(table)
            writer.add_key_value_metadata({KEY: json.dumps(said, separators=(",", ":"))})
    except OSError as error:
        raise RunError(f"cannot write {path}: {error}") from error


def _content(about: Mapping[str, Any], rows: DataFrame) -> str:
    """Digest of all that a baseline says, in the order in which it says it."""
    import pandas as pd

    said = {name: value for name, value in about.items() if name != "digest"}
    sha = hashlib.sha256(json.dumps(said, sort_keys=True).encode())
    for name in ("suite", "model"):
        codes, names = pd.factorize(rows[name].astype(str), sort=True)
        sha.update(json.dumps(names.tolist()).encode() + codes.astype("<i8").tobytes())
    for column, kind in (("row", "<u8"), ("group", "<u8"), ("correct", "<f8")):
        sha.update(rows[column].to_numpy().astype(kind).tobytes())
    return sha.hexdigest()


def first_line(error: BaseException) -> str:
    """What an error says, in short."""
    return next(iter(str(error).splitlines()), type(error).__name__)
