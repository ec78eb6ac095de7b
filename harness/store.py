"""Content-addressed arrays on disk: what was computed once for an input is not computed again.

    ROOT/<space>/<name>.safetensors      vectors (n, d) and, in the header, the digests of n inputs

A space is one representation of one model (its fingerprint). Shards are written under a temporary
name and renamed, so a killed write is invisible; each carries a checksum, so a damaged one is
noticed, put aside and recomputed. No pickles, and no locks for readers.
"""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from harness.errors import StoreError
from harness.rows import digest

Array = NDArray[np.generic]


class Store:
    """Arrays under one folder; safe to share between processes and machines."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._seen: dict[str, dict[str, tuple[Array, int]]] = {}  # space -> digest -> (vectors, line)
        self._shards: dict[str, set[str]] = {}

    @contextlib.contextmanager
    def lock(self, space: str) -> Iterator[None]:
        """Hold a space while computing what it lacks; the lock of a killed process is free."""
        from filelock import FileLock

        lock = FileLock(self.root / space / ".lock")
        with _disk(self.root):
            (self.root / space).mkdir(parents=True, exist_ok=True)
            lock.acquire()
        try:
            yield
        finally:
            lock.release()

    def missing(self, space: str, digests: Sequence[str]) -> list[int]:
        """Positions of the digests that the space does not hold."""
        self._refresh(space)
        held = self._seen.get(space, {})
        return [i for i, name in enumerate(digests) if name not in held]

    def get(self, space: str, digests: Sequence[str]) -> Array:
        """Return (digests, d); KeyError for one that is missing."""
        held = self._seen[space]
        return np.stack([vectors[line] for vectors, line in (held[name] for name in digests)])

    def put(self, space: str, digests: Sequence[str], vectors: Array) -> None:
        """Add one shard. Raises StoreError when the disk refuses; nothing half-written is left."""
        from safetensors.numpy import save

        vectors = np.ascontiguousarray(vectors)
        name = digest(*digests)[:32] + ".safetensors"
        names = json.dumps(list(digests))
        header = {"digests": names, "sha256": _checksum(names, vectors)}
        folder = self.root / space
        with _disk(folder):
            folder.mkdir(parents=True, exist_ok=True)
            handle, scratch = tempfile.mkstemp(dir=folder, suffix=".tmp")
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(save({"vectors": vectors}, metadata=header))
                os.chmod(scratch, 0o666 & ~_umask())  # mkstemp's files are for their owner alone
                os.replace(scratch, folder / name)
            except OSError:
                os.unlink(scratch)
                raise
        self._index(space, name, list(digests), vectors)

    def _refresh(self, space: str) -> None:
        known = self._shards.setdefault(space, set())
        for path in sorted((self.root / space).glob("*.safetensors")):
            if path.name not in known:
                self._read(space, path)

    def _read(self, space: str, path: Path) -> None:
        from safetensors import SafetensorError, safe_open

        try:
            with safe_open(path, framework="numpy") as file:
                header, vectors = file.metadata(), file.get_tensor("vectors")
            names = json.loads(header["digests"])
            if _checksum(header["digests"], vectors) != header["sha256"] or len(names) != len(vectors):
                raise ValueError("checksum differs")
        except FileNotFoundError:
            return  # put aside by another process
        except OSError as error:  # says nothing of the shard: it may be another user's, and whole
            raise StoreError(f"the store cannot read {path}: {error}; give another --store-dir") from error
        except (SafetensorError, ValueError, KeyError, TypeError) as error:
            warnings.warn(f"store: {path} is damaged ({error}); put aside and computed again", stacklevel=2)
            with contextlib.suppress(OSError):
                path.replace(path.with_suffix(".damaged"))
            return
        self._index(space, path.name, names, vectors)

    def _index(self, space: str, shard: str, names: Sequence[str], vectors: Array) -> None:
        self._shards.setdefault(space, set()).add(shard)
        self._seen.setdefault(space, {}).update({name: (vectors, line) for line, name in enumerate(names)})

    def through(
        self,
        space: str,
        digests: Sequence[str],
        compute: Callable[[list[int]], Iterator[tuple[list[int], Array]]],
    ) -> int:
        """Make the space hold every digest; return how many were computed now.

        `compute` takes positions that are missing and yields (positions, vectors) as they are
        done; each yield is on disk before the next is asked for. Two processes that want the same
        thing compute it once: the second waits, then reads.
        """
        if not self.missing(space, digests):
            return 0
        with self.lock(space):
            todo = self.missing(space, digests)
            for positions, vectors in compute(todo) if todo else ():
                self.put(space, [digests[i] for i in positions], vectors)
            return len(todo)


def _checksum(names: str, vectors: Array) -> str:
    """Digest of all that a shard says: whose the vectors are, their type and shape, and their bytes."""
    return digest(names, str(vectors.dtype), str(vectors.shape), vectors.tobytes())


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


@contextlib.contextmanager
def _disk(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StoreError(
            f"the store cannot write to {folder}: {error.strerror or error}; free space or give another --store-dir"
        ) from error
