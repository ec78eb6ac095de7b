"""Which asked row an outcome is about: an outcome names a row, a suite may have asked several of that name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, NamedTuple


class Named(NamedTuple):
    """What an outcome says of its row: how many options were scored, 0 where that is not known."""

    row: str
    gold: str
    width: int


@dataclass(frozen=True, slots=True)
class Asked:
    """What a row put before a model, as far as that is known; `gold` is the place of the right option."""

    label: str = ""
    captions: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    gold: int | None = None
    picture: str | None = None

    def fits(self, named: Named) -> bool:
        """Whether an outcome can be about this row: of the same right answer, and of as many options."""
        known = self.options[self.gold] if self.options and self.gold is not None else self.label
        return known == named.gold and (not self.options or named.width in (0, len(self.options)))


NOTHING = Asked()
Sets = Mapping[str, Mapping[str, Asked]]  # of each set of rows, what its row of an id is
Form = tuple[str, str]  # what stands before and behind an asked row's id in the name of an outcome's row


def by_set(frame: Any) -> dict[str, dict[str, Asked]]:
    """The rows of asked.parquet; of rows of one id in a set, what they have in common."""
    sets: dict[str, dict[str, Asked]] = {}
    for line in frame.itertuples(index=False):
        options = tuple(line.options)
        gold = None if line.gold is None or not 0 <= line.gold < len(options) else int(line.gold)
        found = Asked(line.label, tuple(line.captions), options, gold, line.picture)
        own = sets.setdefault(line.set, {})
        own[line.row] = common([own[line.row], found]) if line.row in own else found
    return sets


def match(rows: Sequence[Named], sets: Sets) -> list[Asked]:
    """For each outcome's row the asked one, NOTHING where none is known.

    An outcome's row may bear an asked row's id, or that and more: "colour: color-00011", "spatial-00044 wording 1".
    Rows whose names have more in one way are a part of the suite; a set can be theirs if it has all of them. Such names
    count only where every row of the part has the right answer and as many options as the asked row. Where several
    sets remain, what their rows have in common is shown, and nothing else.
    """
    split = [_split(named.row, sets) for named in rows]
    parts: dict[Form, list[int]] = {}
    for i, (form, _) in enumerate(split):
        if form is not None:
            parts.setdefault(form, []).append(i)
    found = [NOTHING] * len(rows)
    for form, index in parts.items():
        names = [(rows[i], split[i][1]) for i in index]
        candidates = _candidates(names, sets, certain=form == ("", ""))
        for i, (named, id_) in zip(index, names, strict=True):
            here = [own[id_] for own in candidates if id_ in own]
            found[i] = common([asked for asked in here if asked.fits(named)] or here)
    return found


def common(rows: Sequence[Asked]) -> Asked:
    """What rows agree on."""
    if not rows:
        return NOTHING
    agreed = {f.name: getattr(rows[0], f.name) for f in fields(Asked)}
    return Asked(**{name: value for name, value in agreed.items() if all(getattr(r, name) == value for r in rows)})


def _split(name: str, sets: Sets) -> tuple[Form | None, str]:
    """What stands around an asked row's id in a name, and the id; None where there is none in it."""
    if _known(name, sets):
        return ("", ""), name
    before, mark, rest = name.partition(": ")
    if mark and _known(rest, sets):
        return (before, ""), rest
    end = name.rfind(" ")
    while end > 0:
        if _known(name[:end], sets):
            return ("", name[end:]), name[:end]
        end = name.rfind(" ", 0, end)
    return None, name


def _known(id_: str, sets: Sets) -> bool:
    return any(id_ in own for own in sets.values())


def _candidates(names: Sequence[tuple[Named, str]], sets: Sets, certain: bool) -> list[Mapping[str, Asked]]:
    """The sets that a part's rows can be of: that have all, and of those the ones whose rows fit; else, any."""
    whole = [own for own in sets.values() if all(id_ in own for _, id_ in names)]
    fitting = [own for own in whole if all(own[id_].fits(named) for named, id_ in names)]
    return fitting or ((whole or _having(names, sets.values())) if certain else [])


def _having(names: Sequence[tuple[Named, str]], sets: Iterable[Mapping[str, Asked]]) -> list[Mapping[str, Asked]]:
    return [own for own in sets if any(id_ in own for _, id_ in names)]
