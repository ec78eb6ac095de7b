"""What was run, as plain text to keep or to send: command, environment, models and data.

The packages stand as pip takes them; all else but the command is a comment. Nothing can begin a line of its own that
the run folder did not: hidden characters and line breaks within a value are spelt out.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from harness.report.inline import visible

SHOWN = ("family", "source", "revision", "dtype", "pooling", "prompt", "options")  # of a model, where set


def recipe(info: Mapping[str, Any]) -> str:
    """The text of a run's run.json, whatever that holds."""
    return "\n".join(_lines(info)) + "\n"


def _lines(info: Mapping[str, Any]) -> Iterator[str]:
    yield "# command"
    yield _line(info.get("command") or "# not recorded")
    yield from ("", *(_line(f"# {name}: {_flat(told)}") for name, told in _circumstances(info)))
    yield from ("", "# packages")
    yield from (_line(f"{name}=={version}") for name, version in _mapping(info.get("packages")).items())
    yield from ("", "# models")
    specs = map(_mapping, info.get("models") or ())
    yield from (_line(f"# {spec.get('name')}: {_settings(spec, info)}") for spec in specs)
    yield from ("", "# data")
    yield from (_line(f"# {name}: {_flat(facts)}") for name, facts in _data(info.get("data")))


def _circumstances(info: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    git, host = _mapping(info.get("git")), _mapping(info.get("host"))
    missing = "not recorded"
    yield "commit", (git.get("commit") or missing) + (" with uncommitted changes" if git.get("dirty") else "")
    yield from ((name, info.get(name) or missing) for name in ("started", "finished"))
    yield from ((name, host.get(name) or missing) for name in ("python", "system"))
    yield "gpus", host.get("gpus") or "none"
    yield "limit", "none" if info.get("limit") is None else info["limit"]
    yield from ((f"seed of {name}", seed) for name, seed in _mapping(info.get("seeds")).items())


def _settings(spec: Mapping[str, Any], info: Mapping[str, Any]) -> str:
    told = [f"{name} {_flat(spec[name])}" for name in SHOWN if spec.get(name)]
    cells = (cell for cell in info.get("cells") or () if cell.get("model") == spec.get("name"))
    digests = dict.fromkeys(str(found) for cell in cells if (found := _mapping(cell.get("stats")).get("weights")))
    return ", ".join([*told, *(f"weights {digest}" for digest in digests)])


def _data(data: Any) -> list[tuple[str, Any]]:
    if isinstance(data, Mapping):
        return [(str(name), facts) for name, facts in data.items()]
    return [(str(_mapping(facts).get("name", i)), facts) for i, facts in enumerate(data or ())]


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _flat(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)


def _line(text: Any) -> str:
    """One line, whatever the text says."""
    return visible(str(text).replace("\n", "\\n").replace("\t", "\\t"))
