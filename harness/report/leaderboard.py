"""What stands around the leaderboard's numbers: heads that say what a column shares, notes, and what to filter by."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from harness.report.inline import visible
from harness.report.numbers import Number
from harness.report.tables import Board, Head, Section
from harness.runs import Run


@dataclass(frozen=True, slots=True)
class Column:
    """A suite's column; `chance` and `floor` are what all its numbers share, empty where they differ."""

    head: Head
    target: str  # the view that tells more
    chance: str
    floor: str


@dataclass(frozen=True, slots=True)
class Around:
    """`reasons` why cells have no number, numbered as they stand; `tags` and `families` are those of the models.

    Why a cell regressed is told by the comparison.
    """

    columns: tuple[Column, ...]
    reasons: Mapping[str, int]
    families: tuple[str, ...]
    tags: tuple[str, ...]
    tagged: Mapping[str, tuple[str, ...]]


def around(run: Run, board: Board, sections: Collection[Section]) -> Around:
    """All that the leaderboard says besides its numbers."""
    standings = [standing for band in board.bands for standing in band.standings]
    told = {section.head.anchor for section in sections}
    columns = [
        _column(head, [s.places[i].number for s in standings], head.anchor in told)
        for i, head in enumerate(board.heads)
    ]
    found = (p.reason for s in standings for p in s.places if p.reason and p.status not in ("passed", "regressed"))
    tagged = {
        s["name"]: tuple(visible(str(tag)) for tag in s.get("tags") or ())
        for s in run.info.get("models") or ()
        if "name" in s
    }
    return Around(
        tuple(columns),
        {reason: i for i, reason in enumerate(dict.fromkeys(found), 1)},
        _sorted(s.family for s in standings),
        _sorted(tag for s in standings for tag in tagged.get(s.model, ())),
        tagged,
    )


def _column(head: Head, found: Sequence[Number | None], told: bool) -> Column:
    mine = [number for number in found if number and number.metric == head.metric]
    target = head.anchor if told else "not-run"
    return Column(head, target, _shared(n.chance_text for n in mine), _shared(n.floor_text for n in mine))


def _shared(texts: Iterable[str]) -> str:
    distinct = set(texts)
    return distinct.pop() if len(distinct) == 1 else ""


def _sorted(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({name for name in names if name}))
