"""What rows a suite x model asked: described once in the run folder, named in the cell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness import browse, explore
from harness.errors import RunError
from harness.explore import AnyRow


@dataclass
class Asked:
    """The sets of rows that the running suite has asked so far; `shares` remembers what two sets have in common.

    `thumbs` remembers what pictures look like.
    """

    sets: list[Sequence[AnyRow]] = field(default_factory=list)
    shares: dict[tuple[str, str], dict[str, float | None]] = field(default_factory=dict)
    thumbs: browse.Thumbs = field(default_factory=dict)

    def told(self, run: Path) -> list[dict[str, Any]]:
        """Describe the sets in the run folder; return what the cell keeps: each set, and what it shares with the first.

        Raises RunError when the disk refuses.
        """
        named = {explore.set_digest(rows): rows for rows in self.sets if rows}
        first = next(iter(named), "")
        try:
            for name, rows in named.items():
                browse.keep(run, name, rows, self.thumbs)
                explore.keep(run, name, rows)
        except OSError as error:
            raise RunError(f"cannot write into {run}: {error}; free space or give another --run-dir") from error
        return [{"set": name, "shared": None if name == first else self._shared(first, name, named)} for name in named]

    def _shared(self, first: str, second: str, named: dict[str, Sequence[AnyRow]]) -> dict[str, float | None]:
        if (first, second) not in self.shares:
            self.shares[first, second] = explore.shared(named[first], named[second])
        return self.shares[first, second]
