"""The numbers of a run as tables for other programs: CSV for spreadsheets, LaTeX (booktabs) for papers."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import fields

from harness.report import tables
from harness.report.breakdowns import Breakdown
from harness.report.inline import visible
from harness.report.numbers import DASH, Number, bare, metric_label, numbers
from harness.runs import Run

COLUMNS = tuple(field.name for field in fields(Number))
FORMULA = tuple(
    "=+-@\t\n＝＋－＠'"
)  # how a spreadsheet's formula may begin; and the mark itself, so that it can be undone
LATEX = {
    **{sign: f"\\{sign}" for sign in "{}$&#%_"},
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "[": "{[}",  # after the end of a row, this and the next two would be its arguments
    "]": "{]}",
    "*": "{*}",
    '"': "{''}",
    "`": "{`}",
}


def stem(head: tables.Head) -> str:
    """How the files of a suite begin: unique, in harmless characters."""
    return head.anchor.removeprefix("suite-")


def tables_of(run: Run) -> Iterator[tuple[str, bytes]]:
    """The files of every table: (name, bytes)."""
    found, board = numbers(run), tables.board(run)
    limit = run.info.get("limit")
    yield "leaderboard.csv", _csv(_standings(board))
    yield "leaderboard.tex", _leaderboard(board, limit).encode()
    for section in tables.sections(run, board):
        name, mine = stem(section.head), [number for number in found if number.suite == section.head.suite]
        yield f"{name}_results.csv", _csv([COLUMNS, *([getattr(n, c) for c in COLUMNS] for n in mine)])
        if section.overall:
            yield f"{name}_models.tex", _models(section, limit).encode()
        for breakdown in section.breakdowns:
            yield f"{name}_by-{breakdown.by}.tex", _parts(section.head.suite, name, breakdown, limit).encode()


def harmless(text: str) -> str:
    """Text that no spreadsheet takes for a formula: ' before what begins like one, and before ' itself.

    Hidden characters are spelt out as on the page. Numbers never pass here, so a minus stays a minus.
    """
    shown = visible(text)
    return f"'{shown}" if shown.startswith(FORMULA) else shown


def latex(text: str) -> str:
    r"""Text as LaTeX prints it: special characters escaped, hidden ones spelt out, on one line; `{}` where empty."""
    flat = re.sub(r"\s+", " ", visible(text)).strip()
    return "".join(LATEX.get(sign, sign) for sign in flat) or "{}"


def _csv(rows: Sequence[Sequence[object]]) -> bytes:
    """Rows as UTF-8; a number as its shortest exact digits, None as nothing."""
    file = io.StringIO()
    csv.writer(file, lineterminator="\n").writerows(
        [harmless(cell) if isinstance(cell, str) else cell for cell in row] for row in rows
    )
    return file.getvalue().encode()


def _standings(board: tables.Board) -> list[Sequence[object]]:
    """One line each suite × model: its status, and the number of the leaderboard."""
    shown = [name for name in COLUMNS if name not in ("suite", "model")]
    lines: list[Sequence[object]] = [["suite", "model", "status", "reason", *shown]]
    for band in board.bands:
        for standing in band.standings:
            for head, place in zip(board.heads, standing.places, strict=True):
                facts = [getattr(place.number, name) if place.number else None for name in shown]
                lines.append([head.suite, standing.model, place.status, place.reason, *facts])
    return lines


def _leaderboard(board: tables.Board, limit: int | None) -> str:
    standings = [standing for band in board.bands for standing in band.standings]
    cells = [
        [_value(place.number) if place.number else latex(place.status) for place in standing.places]
        for standing in standings
    ]
    suites = [f"{latex(head.suite)} ({latex(head.label or DASH)})" for head in board.heads]
    caption = "Value [95 \\% interval] of each suite's headline metric."
    return _table(suites, [latex(s.model) for s in standings], cells, caption, "leaderboard", limit)


def _models(section: tables.Section, limit: int | None) -> str:
    facts = [
        [_value(n), str(n.n), *(_signed(bare(bound, n.metric)) for bound in (n.chance, n.floor))]
        for n in section.overall
    ]
    label = latex(metric_label(section.head.metric))
    caption = f"{latex(section.head.suite)}: {label}, value [95 \\% interval], with chance and floor."
    names = [latex(number.model) for number in section.overall]
    return _table([label, "n", "chance", "floor"], names, facts, caption, f"{stem(section.head)}-models", limit)


def _parts(suite: str, name: str, of: Breakdown, limit: int | None) -> str:
    cells = [[_value(part.cells[i].number) for part in of.parts] for i in range(len(of.models))]
    caption = f"{latex(suite)}: {latex(of.label)} by {of.by}, value [95 \\% interval]."
    parts = [f"{latex(part.name)} (n={part.n.replace(DASH, '--')})" for part in of.parts]
    return _table(parts, [latex(model) for model in of.models], cells, caption, f"{name}-by-{of.by}", limit)


def _value(number: Number | None) -> str:
    if number is None or number.value is None:
        return "--"
    interval = "" if number.low is None else f" {{\\scriptsize {_signed(number.interval)}}}"
    text = _signed(bare(number.value, number.metric))
    return f"({text}){interval}" if number.marks else f"{text}{interval}"


def _signed(digits: str) -> str:
    """Digits with a minus for a hyphen; LaTeX's dash for the page's."""
    return "--" if digits == DASH else digits.replace("-", "$-$")


def _table(
    columns: Sequence[str],
    names: Sequence[str],
    cells: Sequence[Sequence[str]],
    caption: str,
    label: str,
    limit: int | None,
) -> str:
    """A floating table of cells that are LaTeX already; the longer of the two lists goes down the page."""
    if len(columns) > max(len(names), 6):
        columns, names, cells = names, columns, list(zip(*cells, strict=True))
    caption += " (In brackets: the interval reaches chance or the floor.)"
    said = caption if limit is None else f"{caption} \\textbf{{-{{}}-limit {limit}: not comparable.}}"
    lines = [" & ".join([name, *line]) + r" \\" for name, line in zip(names, cells, strict=True)]
    return "\n".join(
        [
            r"% needs \usepackage{booktabs} and UTF-8 (names are as the run has them)",
            r"\begin{table}",
            r"\centering",
            rf"\caption{{{said}}}",
            rf"\label{{tab:{label}}}",
            rf"\begin{{tabular}}{{l{'r' * len(columns)}}}",
            r"\toprule",
            " & ".join(["", *columns]) + r" \\",
            r"\midrule",
            *lines,
            r"\bottomrule",
            r"\end{tabular}",
            r"\end{table}",
            "",
        ]
    )
