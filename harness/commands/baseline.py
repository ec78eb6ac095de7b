"""`baseline RUN -o FILE`: keep what a run came to row by row, small enough to commit."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from harness.baseline import MEASURED, read_baseline, write_baseline
from harness.errors import RunError


def run(*, folder: Path, out: Path) -> int:
    """Write the baseline, and say what is in it and what is not. Raises RunError."""
    if not folder.is_dir():
        raise RunError(f"{folder} is not a folder; give the folder of a run, such as one below reports/")
    found = read_baseline(folder)
    write_baseline(found, out)
    states = Counter(facts["status"] for facts in found.cells.values())
    kept = sum(states[word] for word in MEASURED)
    rows = sum(facts["rows"] for facts in found.cells.values() if facts["status"] in MEASURED)
    print(f"{out}: {rows:,} rows of {kept:,} cells, {out.stat().st_size / 1e6:.2f} MB")
    for word, count in sorted(states.items()):
        if word not in MEASURED:
            print(f"not in it: {count:,} cells that were skipped, failed or did not finish ({word})")
    if states["regressed"]:
        print(f"among them {states['regressed']:,} that had regressed from the baseline before")
    return 0
