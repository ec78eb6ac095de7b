"""Data exploration: what the rows are that suites asked, before any model has seen them.

Each distinct set of rows is described once, in `shards/rows/DIGEST.json` of the run folder; a cell names the sets that
it asked and what each shares with its first one. `merged` gathers both for the page.
"""

from __future__ import annotations

import contextlib
import json
from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from harness.files import write_whole
from harness.rows import ChoiceRow, QuestionRow, Row, StoryRow, TruthRow, digest

AnyRow = Row | ChoiceRow | QuestionRow
LABELS, REPEATED, EXAMPLES = 60, 5, 5  # so many are told of
LONGEST = 300  # characters of a text are told
QUANTILES = (0.0, 0.25, 0.5, 0.75, 1.0)
SHARED = ("picture", "caption", "objects")
TEXTS = ("id", "label", "text", "question", "prompt", "captions", "answers", "options", "subject", "object")
ASKED = (*TEXTS, "group", "pair", "set", "category", "slices")


def set_digest(rows: Sequence[AnyRow]) -> str:
    """Digest of all that rows say: equal for equal rows in equal order, on every machine and for every model.

    Of a picture it takes the name alone. What it shows is not known to a model that reads texts only, or where the
    file is not at hand; a cell keeps the digest of the pictures that were read beside this one (`encode.read_digest`).
    """
    facts = [[*(getattr(row, name, None) for name in ASKED), picture(row), answer(row), _right(row)] for row in rows]
    return digest(json.dumps([type(rows[0]).__name__, *facts]))[:32]


def describe(rows: Sequence[AnyRow]) -> dict[str, Any]:
    """What is to be known of rows, as small plain JSON; numbers that a kind of rows does not have are None."""
    labels = Counter(row.label for row in rows).most_common()
    texts = [text for row in rows for text in captions(row)]
    seen = Counter((captions(row), picture(row)) for row in rows)
    return {
        "kind": _kind(rows[0]),
        "rows": len(rows),
        "groups": len({row.group for row in rows} - {""}) or None,
        "labels": [[_short(label), count] for label, count in labels[:LABELS]],
        "label_count": len(labels),
        "balance": labels[0][1] / len(rows),
        "truth": _share_true(rows),
        "gold": _gold_places(rows),
        "captions": len(set(texts)) or None,
        "words": _quantiles([len(text.split()) for text in texts]),
        "characters": _quantiles([len(text) for text in texts]),
        "pictures": len(_values(rows, "picture")) or None,
        "objects": len(_values(rows, "objects")) or None,
        "duplicates": len(rows) - len(seen),
        "repeated": [[_short(text), n] for text, n in Counter(texts).most_common(REPEATED) if n > 1],
        "examples": [_example(row) for row in sorted(rows, key=lambda row: digest("example", row.id))[:EXAMPLES]],
    }


def shared(first: Sequence[AnyRow], second: Sequence[AnyRow]) -> dict[str, float | None]:
    """The shares of the second's rows whose picture, any caption, or pair of objects stands in the first.

    None where either knows none: rows without pictures share no picture.
    """
    found: dict[str, float | None] = {}
    for what in SHARED:
        known, own = _values(first, what), [shown(row, what) for row in second]
        both = known and any(own)
        found[what] = sum(not known.isdisjoint(values) for values in own) / len(own) if both else None
    return found


def captions(row: AnyRow) -> tuple[str, ...]:
    """The texts that a row puts before a model."""
    if isinstance(row, ChoiceRow):
        return row.captions
    text = row.question if isinstance(row, QuestionRow) else row.text
    return () if text is None else (text,)


def picture(row: AnyRow) -> str | None:
    """What the row's picture is called, if it has one."""
    return None if row.image is None else row.image.name


def objects(row: AnyRow) -> tuple[str, ...] | None:
    """The pair of subject and object, in either order, where the data set tells both."""
    return tuple(sorted(_nouns(row))) if all(_nouns(row)) else None


def _nouns(row: AnyRow) -> tuple[str, str]:
    return getattr(row, "subject", ""), getattr(row, "object", "")


def shown(row: AnyRow, what: str) -> tuple[Hashable, ...]:
    """What a row has of one of SHARED: its picture, its captions or its pair of objects; () for none."""
    if what == "caption":
        return tuple(filter(None, captions(row)))
    value = picture(row) if what == "picture" else objects(row)
    return () if value is None else (value,)


def _values(rows: Sequence[AnyRow], what: str) -> set[Hashable]:
    return {value for row in rows for value in shown(row, what)}


def answer(row: AnyRow) -> int | None:
    """The true caption's place, or whether the caption is true."""
    gold = getattr(row, "gold", getattr(row, "truth", None))
    return None if gold is None else int(gold)


def _right(row: AnyRow) -> list[int]:
    return [int(place) for place in getattr(row, "right", ())]


def _kind(row: AnyRow) -> str:
    kinds = {ChoiceRow: "choice", QuestionRow: "answer", StoryRow: "story", TruthRow: "truth", Row: "label"}
    return next(name for kind, name in kinds.items() if isinstance(row, kind))


def _share_true(rows: Sequence[AnyRow]) -> float | None:
    known = [row.truth for row in rows if isinstance(row, TruthRow)]
    return sum(known) / len(known) if known else None


def _gold_places(rows: Sequence[AnyRow]) -> list[int] | None:
    """How many rows have the true caption or answer at each place."""
    places = Counter(row.gold for row in rows if isinstance(row, (ChoiceRow, QuestionRow)))
    return [places[i] for i in range(max(places) + 1)] if places else None


def _quantiles(lengths: Sequence[int]) -> list[float] | None:
    return [float(q) for q in np.quantile(lengths, QUANTILES)] if lengths else None


def _example(row: AnyRow) -> dict[str, Any]:
    name, gold = picture(row), answer(row)
    answers = row.answers if isinstance(row, (QuestionRow, StoryRow)) else ()
    return {
        "id": _short(row.id),
        "label": _short(row.label),
        "captions": [_short(text) for text in captions(row)],
        "answers": [_short(text) for text in answers],
        "gold": gold,
        "picture": None if name is None else _short(name),
    }


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else text[:LONGEST] + "…"


# --- in the run folder --------------------------------------------------------------------------


def path_of(run: Path, name: str) -> Path:
    """Where the description of a set of rows lies."""
    return run / "shards" / "rows" / f"{name}.json"


def keep(run: Path, name: str, rows: Sequence[AnyRow]) -> None:
    """Describe rows in the run folder, unless they are; processes that do so at once write the same. Raises OSError."""
    path = path_of(run, name)
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, json.dumps(describe(rows), allow_nan=False).encode())


def merged(run: Path, cells: Iterable[tuple[str, Sequence[Mapping[str, Any]]]]) -> dict[str, Any]:
    """`sets`: descriptions by digest; `suites`: for each suite, the sets that its cells asked, in their order."""
    suites: dict[str, dict[str, Mapping[str, Any]]] = {}
    for suite, asked in cells:
        for one in asked:
            suites.setdefault(suite, {}).setdefault(one["set"], one)
    sets: dict[str, Any] = {}
    for name in sorted({name for asked in suites.values() for name in asked}):
        with contextlib.suppress(OSError):  # deleted by hand: the next run with this folder asks the cell again
            sets[name] = json.loads(path_of(run, name).read_text())
    return {"sets": sets, "suites": {suite: list(asked.values()) for suite, asked in suites.items()}}
