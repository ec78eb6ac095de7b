"""Which models of a band are told apart on a suite: letters beside values, in place of ranks 1, 2, 3.

Every two models are compared on the credit of the rows that both answered (`harness.measure.compare`), corrected over
the pairs of that suite and band. A suite whose headline is no mean of credit (macro-F1) is told apart by the share of
its rows that are right, and said to be. A difference is a finding on either side of 0 and no credit: it has no letters.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np

from harness.measure.compare import letters, pairwise
from harness.report.numbers import DIFFERENCE
from harness.report.tables import CALIBRATION, MODELS, Board, Standing
from harness.runs import Run

FIRST = re.compile(r"a(?!\d)")  # the letter a, which a2 is not
CLOSE = 1e-6  # a headline this close to the mean credit of its rows is that mean
NO_ROWS, REPEATED, OTHERS = "kept no rows", "has rows of one id twice", "was asked other rows than most"
SIGNED = "the headline is a difference, which rows that are right do not show"
Table = Any  # a frame of one suite × model: row, group, correct


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Models that have a number on a suite, and no letter."""

    suite: str
    models: tuple[str, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class Ranks:
    """Letters by (suite, model); `by_rows` are suites whose letters speak of rows and not of the headline number."""

    letters: Mapping[tuple[str, str], str]
    by_rows: frozenset[str]
    left_out: tuple[LeftOut, ...]

    @property
    def firsts(self) -> dict[str, tuple[int, int]]:
        """On how many suites a model is in the first group (letter a), of how many whose letters tell values apart."""
        found: dict[str, tuple[int, int]] = {}
        for (suite, model), own in self.letters.items():
            if suite not in self.by_rows:
                first, of = found.get(model, (0, 0))
                found[model] = first + bool(FIRST.search(own)), of + 1
        return found


def ordered(board: Board, told: Ranks) -> Board:
    """The board, each band by the share of suites on which a model is in the first group; the rest as it stood."""
    firsts = told.firsts

    def last(standing: Standing) -> float:
        first, of = firsts.get(standing.model, (-1, 1))  # after those that were compared
        return -first / of

    bands = (replace(band, standings=tuple(sorted(band.standings, key=last))) for band in board.bands)
    return replace(board, bands=tuple(bands))


def ranks(run: Run, board: Board) -> Ranks:
    """The letters of a run's leaderboard; none where rows were limited, and none for a band of one."""
    found: dict[tuple[str, str], str] = {}
    by_rows: set[str] = set()
    left_out: list[LeftOut] = []
    tables = _tables(run) if run.info.get("limit") is None else {}
    for i, head in enumerate(board.heads if tables else ()):
        for standings in _ranked(board):
            mine = [(s.model, s.places[i].number) for s in standings]
            values = {model: n.value for model, n in mine if n is not None and n.value is not None}
            own = {
                m: tables[head.suite, m] for m in sorted(values, key=lambda m: -values[m]) if (head.suite, m) in tables
            }
            told, reasons = ({}, dict.fromkeys(own, SIGNED)) if head.metric == DIFFERENCE else _compared(own)
            found |= {(head.suite, model): letter for model, letter in told.items()}
            if any(abs(values[model] - own[model]["correct"].mean()) > CLOSE for model in told):
                by_rows.add(head.suite)
            reasons |= {model: NO_ROWS for model in values if model not in own}
            if len(values) > 1:
                left_out += _gathered(head.suite, reasons)
    return Ranks(found, frozenset(by_rows), tuple(left_out))


def _ranked(board: Board) -> Iterator[Sequence[Standing]]:
    """Bands whose models are compared with each other; controls are not."""
    return (band.standings for band in board.bands if band.title in ("", MODELS, CALIBRATION))


def _tables(run: Run) -> dict[tuple[str, str], Table]:
    """Rows of every suite × model in the order of their ids; rows and groups as codes, which compare faster."""
    rows = run.rows[["suite", "model", "correct"]].assign(
        row=run.rows["row"].factorize()[0], group=run.rows["group"].factorize()[0]
    )
    ordered = rows.sort_values("row", kind="stable")
    return dict(iter(ordered.groupby(["suite", "model"], observed=True)))


def _compared(tables: Mapping[str, Table]) -> tuple[dict[str, str], dict[str, str]]:
    """Letters of models, best first, that were asked the same rows; and why others have none."""
    reasons = {model: REPEATED for model, rows in tables.items() if rows["row"].duplicated().any()}
    ids = {model: rows["row"].to_numpy().tobytes() for model, rows in tables.items() if model not in reasons}
    usual = Counter(ids.values()).most_common(1)  # of equally many, that of the best model
    reasons |= {model: OTHERS for model, own in ids.items() if own != usual[0][0]}
    names = [model for model in tables if model not in reasons]
    if len(names) < 2:
        return {}, reasons
    correct = np.column_stack([tables[model]["correct"].to_numpy(np.float64) for model in names])
    groups = cast(Sequence[str], tables[names[0]]["group"].to_numpy())  # codes tell groups apart as well as names
    return dict(zip(names, letters(pairwise(correct, groups)), strict=True)), reasons


def _gathered(suite: str, reasons: Mapping[str, str]) -> list[LeftOut]:
    return [
        LeftOut(suite, tuple(model for model, of in reasons.items() if of == reason), reason)
        for reason in dict.fromkeys(reasons.values())
    ]
