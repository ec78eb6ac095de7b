"""The browser over rows: what each suite asked, what every model said, and small pictures, packed for the page.

A page must stay small enough to be opened: thumbnails are made smaller, scores are left out of the suites that have
most, and rows at last, until all fits; what was left out is said.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from markupsafe import Markup

from harness import browse
from harness.report import tables
from harness.report.inline import blob, island
from harness.report.matching import by_set
from harness.report.packing import Table, pack, short, table
from harness.rows import digest
from harness.runs import Run

DATA_BUDGET, THUMB_BUDGET = 7_000_000, 11_000_000  # characters of base64 in the page
SMALLER = ((browse.SIDE, 20), (40, 20))  # px and quality to which thumbnails are brought where they must be
HARDEST, LONGEST = 5, 200  # rows of a suite in the table for readers without script, and characters of their texts


@dataclass(frozen=True, slots=True)
class Failed:
    """A row on which most models fail, in words; `right` says how many do not."""

    id: str
    relation: str
    text: str
    gold: str
    right: str


@dataclass(frozen=True, slots=True)
class Listed:
    """One suite in the browser: its rows as bytes, its own part of the thumbnails, and its hardest rows."""

    suite: str
    data: Markup
    thumbs: Markup
    hardest: tuple[Failed, ...]


@dataclass(frozen=True, slots=True)
class Browser:
    """What the view shows; `index` tells the script which suites and models there are, and where thumbnails lie."""

    index: Markup
    suites: tuple[Listed, ...]
    left_out: tuple[str, ...]


def section(run: Run, shown: tables.Board) -> Browser | None:
    """What the browser shows, models as on the board; None where the run kept no rows.

    Raises RunError where they cannot be read.
    """
    kept = browse.read(run.path)
    if kept is None:
        return None
    asked, thumbs = by_set(kept[0]), kept[1]
    models = {s.model: band.title == tables.CONTROLS for band in shown.bands for s in band.standings}
    sets = {suite: [one["set"] for one in of] for suite, of in run.datasets.get("suites", {}).items()}
    found = {
        str(suite): table(part, _present(part, models), {n: asked[n] for n in sets.get(suite, ()) if n in asked})
        for suite, part in run.rows.groupby("suite", observed=True)
        if len(part)
    }
    return _browser(found, models, thumbs) if found else None


def _present(part: Any, models: Mapping[str, bool]) -> list[str]:
    here = set(part["model"].unique())
    return [name for name in models if name in here]


def _browser(found: Mapping[str, Table], models: Mapping[str, bool], thumbs: Mapping[str, bytes]) -> Browser:
    shown, missing = _fitting(_wanted(found, thumbs))
    blocks, places = _blocks(found, shown)
    number = {name: i for i, name in enumerate(models)}
    packs, left_out = _packs(found, number, places)
    index = {
        "models": [{"name": short(name), "control": control} for name, control in models.items()],
        "suites": [{"suite": suite, "name": short(suite)} for suite in found],
        "blocks": [len(block) for block in blocks],
    }
    listed = tuple(
        Listed(suite, blob(packs[suite]), Markup(",").join(map(blob, block)), _hardest(one, models))
        for (suite, one), block in zip(found.items(), blocks, strict=True)
    )
    return Browser(island(index), listed, tuple([missing] if missing else []) + left_out)


# --- thumbnails ---------------------------------------------------------------------------------


def _wanted(found: Mapping[str, Table], thumbs: Mapping[str, bytes]) -> dict[str, bytes]:
    names = dict.fromkeys(one.picture for of in found.values() for one in of.asked if one.picture)
    return {name: thumbs[name] for name in names if name in thumbs}


def _fitting(thumbs: Mapping[str, bytes]) -> tuple[dict[str, bytes], str]:
    """The thumbnails within the budget, made smaller or left out where they must be; and what to say of it."""
    found, said = dict(thumbs), ""
    for side, quality in SMALLER:
        if _length(found) > THUMB_BUDGET:
            said = f"Thumbnails of {len(thumbs):,} pictures would be too large: they have at most {side} pixels a side."
            found = _smaller(thumbs, side, quality)
    sizes = np.cumsum([_length({name: found[name]}) for name in sorted(found)])
    kept = set(sorted(found)[: int((sizes <= THUMB_BUDGET).sum())])  # names are digests: spread over all suites
    if lost := len(found) - len(kept):
        said += f" {lost:,} of them are left out of this page."
    return {name: data for name, data in found.items() if name in kept}, said


def _smaller(thumbs: Mapping[str, bytes], side: int, quality: int) -> dict[str, bytes]:
    from PIL import Image

    def again(data: bytes) -> bytes:
        return browse.thumbnail(Image.open(io.BytesIO(data)), side, quality)

    with ThreadPoolExecutor(8) as pool:
        return dict(zip(thumbs, pool.map(again, thumbs.values()), strict=True))


def _length(thumbs: Mapping[str, bytes]) -> int:
    return sum(4 * -(-len(data) // 3) + 1 for data in thumbs.values())


def _blocks(found: Mapping[str, Table], thumbs: Mapping[str, bytes]) -> tuple[list[list[bytes]], dict[str, int]]:
    """For each suite the thumbnails that none before it has, and the number of each in all of them."""
    blocks: list[list[bytes]] = []
    places: dict[str, int] = {}
    for of in found.values():
        new = [name for name in dict.fromkeys(one.picture for one in of.asked) if name in thumbs and name not in places]
        places |= {name: len(places) + i for i, name in enumerate(filter(None, new))}
        blocks.append([thumbs[name] for name in new if name])
    return blocks, places


# --- what models said ---------------------------------------------------------------------------


def _packs(
    found: Mapping[str, Table], number: Mapping[str, int], places: Mapping[str, int]
) -> tuple[dict[str, bytes], tuple[str, ...]]:
    """Each suite's bytes, within the budget in all, and what had to be left out for it."""

    def packed(one: Table, with_scores: bool = True) -> bytes:
        return pack(one, [number[name] for name in one.models], places, with_scores)

    packs = {suite: packed(one) for suite, one in found.items()}
    bare: list[str] = []
    for suite in sorted(found, key=lambda suite: -found[suite].scores.size):
        if _base64(packs) <= DATA_BUDGET:
            break
        packs[suite] = packed(found[suite], with_scores=False)
        bare.append(suite)
    said = [f"Scores are left out of {_listed(bare)}: {_elsewhere('scores')}"] if bare else []
    if (size := _base64(packs)) > DATA_BUDGET:
        share = DATA_BUDGET / size
        for suite, one in found.items():
            packs[suite] = packed(one.kept(_drawn(one, share)), with_scores=False)
        total = sum(len(one.rows) for one in found.values())
        said.append(f"About {share:.0%} of {total:,} rows are shown, drawn from each suite: {_elsewhere('all')}")
    return packs, tuple(said)


def _elsewhere(what: str) -> str:
    """Where a reader finds what the page has no room for."""
    return f"the page would be too large; rows.parquet has {what}."


def _base64(packs: Mapping[str, bytes]) -> int:
    return sum(4 * -(-len(data) // 3) for data in packs.values())


def _drawn(one: Table, share: float) -> list[int]:
    """So many of the rows, the same ones each time, in their order."""
    count = int(len(one.rows) * share)
    return sorted(sorted(range(len(one.rows)), key=lambda i: digest(one.rows[i].row))[:count])


def _listed(suites: Sequence[str]) -> str:
    return ", ".join(map(short, suites))


def _hardest(one: Table, models: Mapping[str, bool]) -> tuple[Failed, ...]:
    """The rows on which most models fail, controls apart unless there is nothing else."""
    models_here = [i for i, name in enumerate(one.models) if not models[name]] or list(range(len(one.models)))
    credit = one.credit[models_here]
    asked = (~np.isnan(credit)).sum(axis=0)
    wrong = (credit == 0).sum(axis=0)
    order = [i for i in np.lexsort((np.arange(len(asked)), -wrong)) if wrong[i]][:HARDEST]
    return tuple(_failed(one, i, f"{int(asked[i] - wrong[i])} of {int(asked[i])}") for i in order)


def _failed(one: Table, i: int, right: str) -> Failed:
    asked = one.asked[i]
    true = len(asked.captions) == len(asked.options) and asked.gold is not None
    text = asked.captions[asked.gold] if true and asked.gold is not None else " / ".join(asked.captions)
    cut = text if len(text) <= LONGEST else text[:LONGEST] + "…"
    return Failed(one.rows[i].row, one.relations[i], cut, one.rows[i].gold, right)
