from __future__ import annotations

import contextlib
import errno
import functools
import hashlib
import http.server
import io
import threading
import urllib.error
import urllib.request
from unittest.mock import Mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from harness import photos as module
from harness.errors import PictureError, StoreError
from harness.photos import Photo, decode


@pytest.fixture(autouse=True)
def nothing_from_outside(monkeypatch, tmp_path):
    """No folder or cache of this machine takes part, and no host is remembered."""
    monkeypatch.delenv("HARNESS_DATA_DIR", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(urllib.request, "urlopen", refuse)
    for hosts in (module._silent_hosts, module._answering_hosts):
        hosts.clear()


def refuse(*args, **kwargs):
    raise AssertionError(f"asked outside: {args} {kwargs}")


def encoded(kind: str = "PNG") -> bytes:
    pixels = np.random.default_rng(0).integers(0, 256, (12, 10, 3), dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, kind)
    return stream.getvalue()


@pytest.fixture
def photos(tmp_path, monkeypatch):
    """A server of the files in a folder, with the list of what was asked."""
    monkeypatch.setattr(urllib.request, "urlopen", functools.partial(URLOPEN))
    folder, asked = tmp_path / "served", []
    folder.mkdir()

    class Files(http.server.SimpleHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            super().do_GET()

        def log_message(self, *args): ...

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Files, directory=str(folder)))
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield folder, f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    server.server_close()


URLOPEN = urllib.request.build_opener(urllib.request.ProxyHandler({})).open


def test_a_photo_in_the_data_folder_is_not_downloaded(tmp_path, monkeypatch):
    (tmp_path / "coco" / "train2017").mkdir(parents=True)
    (tmp_path / "coco" / "train2017" / "1.png").write_bytes(encoded())
    monkeypatch.setenv("HARNESS_DATA_DIR", str(tmp_path))
    photo = Photo("1.png", ("train2017", "coco/train2017"), "http://nowhere.invalid/1.png")
    assert photo.open().size == (10, 12)
    assert photo.key() == hashlib.sha256(encoded()).hexdigest()


def test_a_photo_is_downloaded_once_and_kept(photos, tmp_path):
    folder, link, asked = photos
    (folder / "1.png").write_bytes(encoded())
    photo = Photo("1.png", ("coco",), f"{link}/1.png")
    assert photo.key() == photo.key()
    assert photo.open().mode == "RGB"
    assert asked == ["/1.png"]
    assert [path.suffix for path in (tmp_path / "cache" / "spatial-harness" / "photos").iterdir()] == [".png"]


@pytest.mark.parametrize("data", [b"", b"<html>try later</html>", encoded()[:60], encoded("JPEG")[:200]])
def test_a_download_that_is_no_picture_is_an_error_and_is_not_kept(photos, tmp_path, data):
    folder, link, _ = photos
    (folder / "1.png").write_bytes(data)
    with pytest.raises(PictureError, match=r"1.png is not a readable picture"):
        Photo("1.png", (), f"{link}/1.png").key()
    assert not list((tmp_path / "cache").rglob("*.png"))


def test_a_photo_that_the_host_lacks_does_not_silence_the_host(photos):
    folder, link, asked = photos
    with pytest.raises(PictureError, match=r"gone.png: .*404"):
        Photo("gone.png", (), f"{link}/gone.png").key()
    (folder / "1.png").write_bytes(encoded())
    assert Photo("1.png", (), f"{link}/1.png").key()
    assert len(asked) == 2


def test_a_host_that_does_not_answer_is_asked_once_for_all_photos(monkeypatch):
    asked = []

    def urlopen(link, timeout):
        asked.append(link)
        raise urllib.error.URLError("no route")

    monkeypatch.setattr(urllib.request, "urlopen", urlopen)
    for i in range(3):
        with pytest.raises(PictureError, match=rf"{i}.jpg is not below --data-dir"):
            Photo(f"{i}.jpg", (), f"http://silent.invalid/{i}.jpg").key()
    assert asked == ["http://silent.invalid/0.jpg"]


def test_a_full_disk_under_the_photo_cache_is_an_error_of_its_own(photos, monkeypatch):
    folder, link, _ = photos
    (folder / "1.png").write_bytes(encoded())

    def full(*args, **kwargs):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(module.tempfile, "NamedTemporaryFile", full)
    with pytest.raises(StoreError, match=r"cannot keep photos in .*No space left"):
        Photo("1.png", (), f"{link}/1.png").key()


@given(
    kind=st.sampled_from(["PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF"]),
    cut=st.integers(0, 400),
    flips=st.lists(st.tuples(st.integers(0, 10_000), st.integers(1, 255)), max_size=4),
)
@settings(deadline=None, max_examples=200)
@pytest.mark.filterwarnings("ignore")
def test_a_damaged_picture_is_a_picture_error_or_a_picture(kind, cut, flips):
    data = bytearray(encoded(kind))
    for place, change in flips:
        data[place % min(len(data), 200)] ^= change
    with contextlib.suppress(PictureError):  # any other exception fails the test
        assert decode(bytes(data[: len(data) - cut]), "1.img").mode == "RGB"


def test_a_decoder_that_fails_in_its_own_way_is_a_picture_error(monkeypatch):
    monkeypatch.setattr(Image, "open", Mock(side_effect=RuntimeError("Failed to decode frame 0")))
    with pytest.raises(PictureError, match=r"1.avif is not a readable picture: Failed to decode frame 0"):
        decode(b"", "1.avif")


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "LA", "CMYK", "I;16", "1"])
def test_pictures_of_every_kind_come_out_in_rgb(mode):
    stream = io.BytesIO()
    Image.new(mode, (4, 3)).save(stream, "TIFF")
    assert decode(stream.getvalue(), "1.tiff").mode == "RGB"


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_preview_is_large_enough_and_shows_the_same(kind, tmp_path, monkeypatch):
    monkeypatch.setenv("HARNESS_DATA_DIR", str(tmp_path))
    (tmp_path / "a").mkdir()
    Image.linear_gradient("L").resize((640, 480)).convert("RGB").save(tmp_path / "a" / "p", kind)
    photo = Photo("p", ("a",), "")
    small = photo.preview(48)
    assert min(small.size) >= 48
    assert (small.size == (640, 480)) == (kind != "JPEG")
    both = (np.asarray(image.resize((8, 8), Image.Resampling.BOX), float) for image in (small, photo.open()))
    assert np.abs(np.subtract(*both)).max() < 4
