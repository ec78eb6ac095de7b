"""Photos: in the data folder, in the cache, or behind a link; verified when they arrive."""

from __future__ import annotations

import hashlib
import http.client
import io
import os
import tempfile
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import PictureError, StoreError
from harness.sources import TIMEOUT_S, cache_dir, data_dir

if TYPE_CHECKING:
    from PIL.Image import Image

_silent_hosts: set[str] = set()  # asked once: a machine without network must not wait for every photo
_answering_hosts: set[str] = set()  # one photo that times out does not make such a host silent


@dataclass(frozen=True, slots=True)
class Photo:
    """A photo by its file name: in the data folder, in the cache, or behind a link."""

    name: str
    folders: tuple[str, ...]  # where it may lie below the data folder
    link: str  # "" where there is none

    def key(self) -> str:
        """SHA-256 of the file. Raises PictureError."""
        return hashlib.sha256(self.locate().read_bytes()).hexdigest()

    def open(self) -> Image:
        """The pixels in RGB. Raises PictureError."""
        return decode(self.locate().read_bytes(), self.name)

    def preview(self, side: int) -> Image:
        """The pixels, perhaps fewer, but at least `side` a side; never downloaded. Raises PictureError."""
        return decode(self.locate(fetch=False).read_bytes(), self.name, side)

    def locate(self, fetch: bool = True) -> Path:
        """The file, downloaded into the cache if it must be and may be. Raises PictureError."""
        root = data_dir()
        for folder in self.folders if root else ():
            if root and (found := root / folder / self.name).is_file():
                return found
        if not self.link:
            raise PictureError(f"{self.name} is not below --data-dir: put it into {' or '.join(self.folders)} there")
        cached = cache_dir() / "photos" / digest_name(self.link)
        if not fetch and not cached.is_file():
            raise PictureError(f"{self.name} is neither below --data-dir nor in the cache")
        return cached if cached.is_file() else self._download(cached)

    def _download(self, target: Path) -> Path:
        host = urllib.parse.urlsplit(self.link).netloc
        try:
            if host in _silent_hosts:
                raise OSError(f"{host} did not answer before")
            with urllib.request.urlopen(self.link, timeout=TIMEOUT_S) as response:
                data = response.read()
        except urllib.error.HTTPError as error:
            raise PictureError(f"{self.link}: {error}") from error
        except (OSError, ValueError, http.client.HTTPException) as error:
            if host not in _answering_hosts:
                _silent_hosts.add(host)
            raise PictureError(f"{self.name} is not below --data-dir, and {self.link} gave: {error}") from error
        _answering_hosts.add(host)
        _silent_hosts.discard(host)
        decode(data, self.name)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=target.parent, delete=False) as file:
                file.write(data)
            os.replace(file.name, target)
        except OSError as error:  # no fault of the photo's: rows must not be dropped for it
            raise StoreError(
                f"cannot keep photos in {target.parent}: {error}; free space or set XDG_CACHE_HOME"
            ) from error
        return target


def digest_name(link: str) -> str:
    """A file name for what a link gives."""
    return hashlib.sha256(link.encode()).hexdigest()[:32] + Path(link).suffix


def decode(data: bytes, name: str, side: int = 0) -> Image:
    """Decode a picture to RGB; with `side`, a JPEG as small as is quick. Raises PictureError when it is damaged."""
    from PIL import Image, UnidentifiedImageError

    try:
        image = Image.open(io.BytesIO(data))
        if side:
            image.draft("RGB", (2 * side, 2 * side))  # scaled once more, it should not be coarse
        return image.convert("RGB")
    except UnidentifiedImageError:  # its own words hold a memory address, and notes must not differ between runs
        raise PictureError(f"{name} is not a readable picture: cannot identify its format") from None
    except Exception as error:  # decoders of damaged files raise all kinds, AVIF's a RuntimeError
        raise PictureError(f"{name} is not a readable picture: {error}") from error
