"""All about one model: where it stands out, its suites, what it is, and what it cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.report import costs
from harness.report.provenance import Node, node
from harness.report.strengths import Finding, clearest, findings
from harness.report.tables import CONTROLS, Board, Head, Place, Section, Standing
from harness.runs import Run

# of an entry of models.yaml: always told, and told where set
ALWAYS = ("family", "source", "revision", "dtype", "prompt", "options", "tags")
WHERE_SET = ("pooling", "batch_size", "attn_implementation", "trust_remote_code", "vram_gb")


@dataclass(frozen=True, slots=True)
class NotRun:
    """Suites without numbers for one and the same reason."""

    status: str
    reason: str
    suites: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Profile:
    """One model's view; of a control nothing stands out.

    `lines` are the suites that it has a number or an error in, `peers` the others of its band.
    """

    standing: Standing
    band: str
    control: bool
    peers: int
    strengths: tuple[Finding, ...]
    weaknesses: tuple[Finding, ...]
    lines: tuple[tuple[Head, Place], ...]
    not_run: tuple[NotRun, ...]
    facts: tuple[tuple[str, Node], ...]
    cost: tuple[tuple[str, str], ...]


def sections(run: Run, shown: Board, suites: Sequence[Section]) -> list[Profile]:
    """A profile of each model, in the order of the leaderboard."""
    names = {band.title: [standing.model for standing in band.standings] for band in shown.bands}
    controls = names.pop(CONTROLS, [])
    found = findings(suites, list(names.values()), controls)
    specs = {spec["name"]: spec for spec in run.info.get("models") or () if "name" in spec}
    cells: dict[str, list[Mapping[str, Any]]] = {}
    for cell in run.info["cells"]:
        cells.setdefault(cell["model"], []).append(cell)
    return [
        Profile(
            standing=standing,
            band=band.title,
            control=band.title == CONTROLS,
            peers=len(band.standings) - 1,
            strengths=clearest(found.get(standing.model, ()), 1),
            weaknesses=clearest(found.get(standing.model, ()), -1),
            lines=_lines(shown.heads, standing),
            not_run=_not_run(cells[standing.model]),
            facts=_facts(specs.get(standing.model, {}), cells[standing.model]),
            cost=tuple(costs.summary(cells[standing.model])),
        )
        for band in shown.bands
        for standing in band.standings
    ]


def _lines(heads: Sequence[Head], standing: Standing) -> tuple[tuple[Head, Place], ...]:
    told = ((head, place) for head, place in zip(heads, standing.places, strict=True))
    return tuple((head, place) for head, place in told if place.number or place.status in costs.RAN)


def _not_run(cells: Sequence[Mapping[str, Any]]) -> tuple[NotRun, ...]:
    """What was skipped or failed, errors first, gathered by reason."""
    groups: dict[tuple[str, str], list[str]] = {}
    for cell in cells:
        if cell["status"] in ("error", "skipped"):
            why = cell["status"], cell.get("reason") or "no reason was recorded"
            groups.setdefault(why, []).append(cell["suite"])
    ordered = sorted(groups.items(), key=lambda item: item[0][0])
    return tuple(NotRun(status, reason, tuple(suites)) for (status, reason), suites in ordered)


def _facts(spec: Mapping[str, Any], cells: Sequence[Mapping[str, Any]]) -> tuple[tuple[str, Node], ...]:
    """The entry of models.yaml as it was run, and the digest of the weights that were found."""
    names = [*ALWAYS, *(name for name in WHERE_SET if spec.get(name))]
    digests = dict.fromkeys(str(found) for cell in cells if (found := (cell.get("stats") or {}).get("weights")))
    return (*((name, node(spec.get(name))) for name in names), ("weights digest", node(list(digests))))
