"""Files that are there whole or not at all, whatever stops the process that writes them."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A file to write beside `path`, put in its place unless something is raised. Raises OSError."""
    scratch = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        yield scratch
        scratch.replace(path)
    finally:
        with contextlib.suppress(OSError):
            scratch.unlink()


def write_whole(path: Path, data: bytes) -> None:
    """Write all of `data`, or leave what was there. Raises OSError."""
    with replacing(path) as scratch:
        scratch.write_bytes(data)
