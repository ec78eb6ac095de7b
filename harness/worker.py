"""The far end of family `process`, run by another environment's interpreter: it answers for the user's worker file.

A message is its length (8 bytes, little-endian) and as many bytes of one safetensors blob, whose metadata hold JSON
under `message`; docs/process.md describes what is asked and answered. This file runs where the harness is not
installed: it imports the standard library and numpy alone, and keeps to Python 3.8.
"""

from __future__ import annotations

import importlib.util
import json
import os
import queue
import sys
import threading
import traceback
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import BinaryIO

PROTOCOL = 1
LONGEST = 2**40  # bytes of a message; text taken for a length is far more
DTYPES = {"F32": "<f4", "U8": "|u1"}  # safetensors' names of what is exchanged, and numpy's
ASKED = {"embed_texts": "EmbedsTexts", "embed_images": "EmbedsImages", "score_captions": "ScoresCaptions"}


# --- messages -----------------------------------------------------------------------------------


def pack(message: Mapping[str, Any], arrays: Mapping[str, Any]) -> bytes:
    """One safetensors blob of float32 and uint8 arrays, with the message in its metadata."""
    header: dict[str, Any] = {"__metadata__": {"message": json.dumps(message)}}
    parts, end = [], 0
    for name, array in arrays.items():
        kind = "U8" if array.dtype == np.uint8 else "F32"
        parts.append(np.ascontiguousarray(array, DTYPES[kind]).tobytes())
        header[name] = {"dtype": kind, "shape": list(array.shape), "data_offsets": [end, end + len(parts[-1])]}
        end += len(parts[-1])
    head = json.dumps(header).encode()
    head += b" " * (-len(head) % 8)
    return b"".join([len(head).to_bytes(8, "little"), head, *parts])


def unpack(blob: bytes) -> tuple[dict[str, Any], dict[str, Any]]:
    """The message of a blob, and its arrays by name. Raises ValueError where it is none."""
    try:
        start = 8 + int.from_bytes(blob[:8], "little")
        header = json.loads(blob[8:start].decode())
        message = json.loads(header.pop("__metadata__")["message"])
        arrays = {name: _array(blob, start, told) for name, told in header.items()}
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{type(error).__name__}: {error}") from error
    if not isinstance(message, dict):
        raise ValueError(f"not a mapping but {message!r}")
    return message, arrays


def _array(blob: bytes, start: int, told: Mapping[str, Any]) -> Any:
    begin, end = told["data_offsets"]
    flat = np.frombuffer(blob[start + begin : start + end], DTYPES[told["dtype"]])
    return flat.reshape(told["shape"]).copy()  # what lies in bytes cannot be written to


def send(stream: BinaryIO, message: Mapping[str, Any], arrays: Mapping[str, Any]) -> None:
    """Write one message. Raises OSError when nobody reads any more."""
    blob = pack(message, arrays)
    stream.write(len(blob).to_bytes(8, "little"))
    stream.write(blob)
    stream.flush()


def receive(stream: BinaryIO) -> tuple[dict[str, Any], dict[str, Any]]:
    """Read one message and its arrays. Raises EOFError when nobody writes any more, ValueError where it is none."""
    length = int.from_bytes(_exactly(stream, 8), "little")
    if length > LONGEST:
        raise ValueError(f"its length would be {length} bytes")
    return unpack(_exactly(stream, length))


def _exactly(stream: BinaryIO, count: int) -> bytes:
    data = stream.read(count)
    if len(data) < count:
        raise EOFError
    return data


# --- the worker ---------------------------------------------------------------------------------


def serve() -> None:
    """Answer one request after the other; the process ends with the pipe on which they come."""
    asked, answers = _own_pipes()
    requests: queue.Queue[Any] = queue.Queue()
    threading.Thread(target=_listen, args=(asked, requests), daemon=True).start()
    model: Any = None
    while True:
        request, arrays = requests.get()
        said, values = {}, {}
        try:
            if request["ask"] == "load":
                model = _load(request)
                able = [name for method, name in ASKED.items() if hasattr(model, method)]
                said = {"protocol": PROTOCOL, "capabilities": able}
            else:
                values = {"values": np.asarray(_answer(model, request, arrays), np.float32)}
        except Exception as error:  # the user's code may raise anything; the next request may succeed
            traceback.print_exc()
            said = {"error": _words(error)}
        if "error" in said:  # here, where the error no longer holds what had been computed
            _empty_cache()
        send(answers, said, values)


def _own_pipes() -> tuple[BinaryIO, BinaryIO]:
    """The pipes to the harness for nobody else: what libraries print goes to stderr, and there is nothing to read."""
    asked, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)
    return asked, answers


def _listen(asked: BinaryIO, requests: queue.Queue[Any]) -> None:
    try:
        while True:
            requests.put(receive(asked))
    finally:  # the harness is gone, and nobody waits for the answer that is being computed
        os._exit(0)


def _load(request: Mapping[str, Any]) -> Any:
    """What the worker file's `load` returns; modules that lie beside the file can be imported."""
    file = os.path.join(request["folder"], request["worker"])
    sys.path.insert(0, os.path.dirname(file))
    name = os.path.splitext(os.path.basename(file))[0]
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise ImportError(f"{file} is not a Python file")
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.load(request["folder"], request["device"], request["dtype"], request["settings"])


def _answer(model: Any, request: Mapping[str, Any], arrays: Mapping[str, Any]) -> Any:
    images = [arrays[str(i)] for i in range(len(arrays))]  # (h, w, 3) uint8 each
    if request["ask"] == "embed_texts":
        return model.embed_texts(request["texts"])
    if request["ask"] == "embed_images":
        return model.embed_images(images)
    return model.score_captions(images, request["captions"])


def _words(error: Exception) -> str:
    # numpy puts it otherwise, and the harness knows by these words that fewer items at once may fit
    sign = "out of memory: " if isinstance(error, MemoryError) else ""
    place = traceback.extract_tb(error.__traceback__)[-1]
    return f"{sign}{type(error).__name__}: {error} ({os.path.basename(place.filename)}, line {place.lineno})"


def _empty_cache() -> None:
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        torch.cuda.empty_cache()


if __name__ == "__main__":
    serve()
