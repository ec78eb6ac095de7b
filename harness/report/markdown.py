"""Text that stays text in GitHub's Markdown, and a document that ends whole below a size."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from harness.report.inline import visible

# What may begin markup, a formula, a mention, a link or a reference within a line; other signs cannot.
_MARKUP = re.compile(r"[!#$&*:<>@\[\\\]^_`{|}~]|(?<=www)\.", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Part:
    """A section: what stands above its lines, and lines with how many cells (suite × model) each tells of."""

    head: tuple[str, ...]
    lines: tuple[tuple[str, int], ...]


def plain(text: str, longest: int = 300) -> str:
    """The text in one line, at most `longest` characters of it, nothing in it read as Markdown, HTML or a mention."""
    line = " ".join(visible(text).split())
    cut = line if len(line) <= longest else line[: longest - 1] + "…"
    return _MARKUP.sub(lambda found: f"&#{ord(found[0])};", cut)


def name(text: str, longest: int = 80) -> str:
    """The name of a model, a suite or a file, as code: there GitHub looks for no user, issue or commit."""
    return f"<code>{plain(text, longest) or '(no name)'}</code>"


def table(*columns: str) -> tuple[str, str]:
    """The head of a table; columns that begin with ">" are of numbers."""
    rule = "|".join("---:" if column.startswith(">") else "---" for column in columns)
    return f"| {' | '.join(column.lstrip('>') for column in columns)} |", f"|{rule}|"


def row(*cells: str) -> str:
    """A line of a table; each cell is Markdown already."""
    return f"| {' | '.join(cells)} |"


def document(head: str, parts: Sequence[Part], limit: int) -> str:
    """Head and parts in at most `limit` bytes of UTF-8: the last lines of a part go first, and it says how many.

    Earlier parts are served first. Every part keeps its own head.
    """
    room = limit - _size(head) - sum(_size(*part.head, _left_out(part.lines)) for part in parts)
    written = [head]
    for part in parts:
        kept = 0
        for line, _ in part.lines:
            if (cost := _size(line)) > room:
                break
            room, kept = room - cost, kept + 1
        shown, lost = part.lines[:kept], part.lines[kept:]
        written += [*part.head, *(line for line, _ in shown), *([_left_out(lost)] if lost else [""])]
    return "\n".join(written) + "\n"


def _left_out(lines: Sequence[tuple[str, int]]) -> str:
    cells = sum(count for _, count in lines)
    return f"\n**Left out, for this summary has a limit of size: {cells:,} of these; the page has them all.**\n"


def _size(*lines: str) -> int:
    return sum(len(line.encode()) + 1 for line in lines)
