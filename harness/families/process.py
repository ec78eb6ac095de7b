"""A model of another Python environment: a worker process of that environment's interpreter, asked over pipes.

The entry's source is a folder with a worker file (option `worker`, default worker.py) and whatever it needs: all of it
is part of the fingerprint. The file has `load(folder, device, dtype, settings)`, which returns an object with any of
`embed_texts`, `embed_images`, `score_captions`; harness/worker.py, which needs Python 3.8 and numpy alone, calls them
there. Other options: `python` is the interpreter, `capabilities` what the worker can be asked, `settings` a mapping
handed to it, `start_timeout_s` and `timeout_s` how long it may take to load and to answer (600 each).

Each message is its length (8 bytes, little-endian) and one safetensors blob, with JSON in its metadata; no pickle.
docs/process.md describes the protocol. The process ends with its stdin, so it outlives the harness in no case.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

import numpy as np
from numpy.typing import NDArray

from harness import worker
from harness.errors import ConfigError, ModelError, ModelUnavailable
from harness.models import ModelSpec

if TYPE_CHECKING:
    from PIL.Image import Image

VERSION = 1
NEEDS_WEIGHTS = True
LIBRARIES = ()
DAY_S = 86_400
GRACE_S = 5.0  # for a process that was told to end
TAIL = 2000  # bytes of what a worker wrote that are shown when it fails
Matrix = NDArray[np.float32]


def _is_below(value: Any) -> bool:
    return isinstance(value, str) and ".." not in Path(value).parts and not Path(value).is_absolute() and value != ""


def _are_capabilities(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(word in worker.ASKED.values() for word in value)


def _is_json(value: Any) -> bool:
    with contextlib.suppress(TypeError, ValueError):
        return isinstance(value, dict) and bool(json.loads(json.dumps(value, allow_nan=False)) == value)
    return False


def _is_time(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= DAY_S


SECONDS = f"a number of seconds above 0 and at most {DAY_S}"
EXPECTED: dict[str, tuple[Any, Callable[[Any], bool], str]] = {  # option -> default, what it must be, in words
    "python": (None, lambda value: isinstance(value, str) and value != "", "the other environment's interpreter"),
    "worker": ("worker.py", _is_below, "a file below the source, without '..'"),
    "capabilities": (None, _are_capabilities, f"a list of any of {', '.join(worker.ASKED.values())}"),
    "settings": ({}, _is_json, "a mapping of words to plain values (quote dates)"),
    "start_timeout_s": (600, _is_time, SECONDS),
    "timeout_s": (600, _is_time, SECONDS),
}
OPTIONS: dict[str, tuple[object, ...] | None] = dict.fromkeys(EXPECTED)


def _options(spec: ModelSpec) -> dict[str, Any]:
    """An entry's options with the defaults of those it leaves out. Raises ConfigError for a wrong one."""
    options = {name: spec.options.get(name, default) for name, (default, _, _) in EXPECTED.items()}
    for name, (_, is_right, words) in EXPECTED.items():
        if not is_right(options[name]):
            given = f"not {options[name]!r}" if name in spec.options else "and is missing"
            raise ConfigError(f"{spec.name}: option {name} of family process must be {words}, {given}")
    return options


def capabilities(spec: ModelSpec) -> frozenset[str]:
    """What the entry says its worker can be asked; checked against the worker when it has loaded."""
    if spec.from_hub or spec.source.startswith("package:"):
        raise ConfigError(f"{spec.name}: family process runs code of its source, which must be a folder: ./{spec.name}")
    if spec.pooling or spec.attn_implementation:
        raise ConfigError(
            f"{spec.name}: family process hands on neither pooling nor attn_implementation; put them into "
            "options: {settings: …}, which its worker gets"
        )
    return frozenset(_options(spec)["capabilities"])


def load(spec: ModelSpec, path: Path | None, device: str) -> Worker:
    """Start the worker and let it load. Raises ModelUnavailable without its interpreter, ModelError."""
    options = _options(spec)
    found = shutil.which(os.path.expanduser(options["python"]))
    if found is None:
        raise ModelUnavailable(
            f"{spec.name}: there is no interpreter {options['python']}: make that environment, or correct option python"
        )
    folder = Path(path or spec.source).absolute()
    if not (folder / options["worker"]).is_file():
        raise ModelError(f"{spec.name}: {folder} has no {options['worker']}: put the worker there, or name its file")
    # a path of its own, not what it links to: that is how an interpreter knows its environment
    started = Worker(spec, os.path.abspath(found), folder, options["timeout_s"])
    asked = {"ask": "load", "protocol": worker.PROTOCOL, "folder": str(folder), "device": device, "dtype": spec.dtype}
    asked |= {"worker": options["worker"], "settings": options["settings"]}
    try:
        answer, _ = started.ask(asked, {}, options["start_timeout_s"])
        _check_hello(spec, answer)
    except BaseException:
        started.close()
        raise
    return started


def _check_hello(spec: ModelSpec, answer: Mapping[str, Any]) -> None:
    if answer.get("protocol") != worker.PROTOCOL:
        spoken = f"{answer.get('protocol')!r}, and this harness {worker.PROTOCOL}"
        raise ModelError(f"{spec.name}: its worker speaks protocol {spoken}; bring one up to the other")
    if lacking := sorted(set(spec.options["capabilities"]) - set(answer.get("capabilities", ()))):
        methods = [method for method, name in worker.ASKED.items() if name in lacking]
        raise ModelError(
            f"{spec.name}: the entry says {', '.join(lacking)}, and what its worker loads has no "
            f"{', '.join(methods)}; correct option capabilities or the worker"
        )


class Worker:
    """EmbedsTexts, EmbedsImages, ScoresCaptions: whichever the entry's capabilities say."""

    def __init__(self, spec: ModelSpec, python: str, folder: Path, timeout_s: float) -> None:
        self.name, self.prompt, self.timeout_s, self._failure = spec.name, spec.prompt, timeout_s, ""
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 - open as long as the process
        torch = sys.modules.get("torch")
        threads = {"OMP_NUM_THREADS": str(torch.get_num_threads())} if torch is not None else {}
        try:
            self._process = subprocess.Popen(
                # isolated: PYTHONPATH and the folder of the script belong to this environment, not to that
                [python, "-I", worker.__file__],
                cwd=folder,
                env=os.environ | threads,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._said,
                start_new_session=True,  # an interrupt is for the harness, which then ends the worker
            )
        except OSError as error:
            raise ModelError(f"{spec.name}: {python} cannot be run: {error.strerror}") from error
        self._to, self._from = cast(BinaryIO, self._process.stdin), cast(BinaryIO, self._process.stdout)

    def embed_texts(self, texts: Sequence[str]) -> Matrix:
        return _unit(self._values({"ask": "embed_texts", "texts": [self.prompt + text for text in texts]}, ()))

    def embed_images(self, images: Sequence[Image]) -> Matrix:
        return _unit(self._values({"ask": "embed_images"}, images))

    def score_captions(self, images: Sequence[Image], captions: Sequence[Sequence[str]]) -> Matrix:
        prompted = [[self.prompt + caption for caption in told] for told in captions]
        return self._values({"ask": "score_captions", "captions": prompted}, images)

    def _values(self, request: Mapping[str, Any], images: Sequence[Image]) -> Matrix:
        pixels = {str(i): np.asarray(image, np.uint8) for i, image in enumerate(images)}  # (h, w, 3) each
        values: Matrix | None = self.ask(request, pixels, self.timeout_s)[1].get("values")
        if values is None or values.dtype != np.float32:
            raise ModelError(f"{self.name}: its worker answered {request['ask']} without a float32 array `values`")
        return values

    def ask(
        self, request: Mapping[str, Any], arrays: Mapping[str, Any], seconds: float
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Send a request and wait for its answer; raises ModelError with the worker's own words.

        A worker that dies, keeps silent for `seconds` or writes something else is ended, and every later
        request gets the same error. One that answers with an error goes on.
        """
        if self._failure:
            raise ModelError(self._failure)
        before, started = os.fstat(self._said.fileno()).st_size, time.monotonic()
        timer = threading.Timer(seconds, self._kill)
        timer.daemon = True
        timer.start()
        try:
            worker.send(self._to, request, arrays)
            answer, values = worker.receive(self._from)
        except (OSError, EOFError, ValueError) as error:
            late = seconds if time.monotonic() - started >= seconds else 0
            raise ModelError(self._failed(request["ask"], late, error, before)) from error
        except BaseException:  # interrupted: the answer would be taken for that of the next request
            self.close(0)
            raise
        finally:
            timer.cancel()
        if "error" in answer:
            raise ModelError(f"{self.name}: its worker failed at {request['ask']}: {answer['error']}")
        return answer, values

    def _failed(self, ask: str, late: float, error: Exception, before: int) -> str:
        """Say what became of the worker and what it wrote since; end it if it has not ended."""
        code = None if isinstance(error, ValueError) else self._wait(GRACE_S)
        if late:
            option = "start_timeout_s" if ask == "load" else "timeout_s"
            what = f"did not answer {ask} within {late:g} s (option {option}) and was ended"
        elif code is not None:
            ending = f"signal {signal.Signals(-code).name}" if code < 0 else f"status {code}"
            what = f"ended with {ending} when it was asked for {ask}"
        else:
            what = (
                f"answered {ask} with no message of protocol {worker.PROTOCOL} ({str(error) or 'it closed the pipe'})"
            )
        self._said.seek(max(before, os.fstat(self._said.fileno()).st_size - TAIL))
        tail = self._said.read().decode(errors="replace").strip()
        self._failure = f"{self.name}: its worker {what}; " + (f"it wrote:\n{tail}" if tail else "it wrote nothing")
        self.close(0)
        return self._failure

    def close(self, grace_s: float = GRACE_S) -> None:
        """End the worker: by the end of its stdin or, where it does not heed that in time, by force."""
        self._failure = self._failure or f"{self.name}: its worker was closed"
        if not grace_s:
            self._kill()
        with contextlib.suppress(OSError):  # what a dead worker has not read cannot be written
            self._to.close()
        if self._wait(grace_s) is None:
            self._kill()
            self._process.wait()
        self._from.close()
        self._said.close()

    def _wait(self, seconds: float) -> int | None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self._process.wait(seconds)
        return None

    def _kill(self) -> None:
        """End the process and all that it started; one that has been waited for is left alone."""
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)


def _unit(values: Matrix) -> Matrix:
    """Rows of unit length; what is no matrix, and a row of zeros (then NaN), is the caller's to refuse."""
    with np.errstate(invalid="ignore"):
        return values / np.linalg.norm(values, axis=1, keepdims=True) if values.ndim == 2 else values
