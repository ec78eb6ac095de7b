"""Proof that models load offline: each is loaded and asked, in a process that cannot reach a network.

Run as `python -m harness.commands.prove MODELS_FILE NAME…`; prints one line of JSON per model.
"""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any

from harness import devices
from harness.embed import embed_rows, score_captions
from harness.encode import Model
from harness.errors import HarnessError
from harness.models import ModelSpec, read_models, select_models
from harness.scenes import SceneConfig, scene_choices, scene_rows
from harness.store import Store

SCENES = SceneConfig(name="proof", size=4)


def prove(file: Path, names: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield each model's name and why it does not load offline, "" where it does."""
    left = list(names)
    while left:
        with tempfile.TemporaryFile("w+", errors="replace") as said:
            process = _start(file, left, said)
            assert process.stdout is not None
            for name, why in map(json.loads, process.stdout):
                left.remove(name)
                yield name, why
            process.wait()
            if left:  # the model that was being loaded took the process with it
                said.seek(0)
                last = (said.read().strip().splitlines() or ["it said nothing"])[-1]
                yield left.pop(0), f"loading it ended the process with code {process.returncode}: {last}"


def _start(file: Path, names: Sequence[str], said: IO[str]) -> subprocess.Popen[str]:
    environment = os.environ | {
        "HF_HUB_OFFLINE": "1",
        "PYTHONPATH": os.pathsep.join(p or os.getcwd() for p in sys.path),
    }
    environment.pop("HARNESS_HUB_STATE", None)
    command = [sys.executable, "-m", __name__, str(file), *names]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=said, text=True, env=environment)


def _main(file: str, *names: str) -> None:
    sys.addaudithook(_refuse_network)
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print is no answer
    specs = {spec.name: spec for spec in select_models(read_models(Path(file)), ",".join(names))}
    lease = functools.cache(devices.lease)
    for name in names:
        print(json.dumps([name, _attempt(specs[name], lease)]), file=answers, flush=True)


def _refuse_network(event: str, arguments: tuple[Any, ...]) -> None:
    if event in {"socket.connect", "socket.getaddrinfo", "socket.sendto"}:
        raise OSError("it asked for the network, which is closed to prove that it loads offline")


def _attempt(spec: ModelSpec, lease: Any) -> str:
    """Ask the model for what suites ask for; return why it failed, or ""."""
    with tempfile.TemporaryDirectory() as scratch:
        model = Model(spec, Store(Path(scratch)), lease)
        try:
            if getattr(model.family, "BY_ROW", False):
                model.loaded  # noqa: B018 - reads its files; of the rows below they hold nothing
                return ""
            if {"EmbedsTexts", "EmbedsImages"} & model.capabilities:
                embed_rows(model, scene_rows(SCENES)[:1])
            if "ScoresCaptions" in model.capabilities:
                score_captions(model, scene_choices(SCENES)[:1])
        except HarnessError as error:
            return str(error)
        except Exception as error:  # a family may raise anything; the next model is still to be tried
            return f"{type(error).__name__}: {error}"
        finally:
            model.close()
    return ""


if __name__ == "__main__":
    _main(*sys.argv[1:])
