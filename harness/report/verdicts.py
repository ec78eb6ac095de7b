"""What the gate said, for a terminal and for Markdown."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from harness.gate import VERDICTS, Gate, Verdict, lost
from harness.points import DASH, interval, p_value, points
from harness.report.inline import visible
from harness.report.markdown import name
from harness.report.markdown import plain as in_markdown

HEAD = ("verdict", "suite", "model", "rows", "before", "after", "difference", "p (Holm)")
ORDER = ("regressed", "not comparable", "improved", "unchanged")  # what needs reading first
BLIND = "nothing could be compared: whether a model became worse is not known"


def plain(text: str) -> str:
    """A name or reason on one line, hidden characters spelt out."""
    return visible(text).replace("\n", "\\u000a").replace("\t", "\\u0009")


def lines(gate: Gate, said: Sequence[str] = ("regressed", "not comparable")) -> list[str]:
    """What closes a run: counts, what could have been seen, and the cells of the `said` verdicts by their reasons."""
    told = [f"compared with {plain(_name(gate))}: {counted(gate)}"]
    for label in said:
        reasons: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
        for verdict in gate.verdicts:
            if verdict.verdict == label:
                reasons[verdict.reason][verdict.suite].append(verdict.model)
        for reason, suites in reasons.items():
            told.append(f"{label}: {plain(reason)}")
            told += [f"    {plain(suite)}: {plain(', '.join(models))}" for suite, models in suites.items()]
    return [*told, BLIND] if gate.blind else told


def counted(gate: Gate) -> str:
    """How many cells have which verdict, and which drops would have been seen in those that are unchanged."""
    found = {word: sum(v.verdict == word for v in gate.verdicts) for word in VERDICTS}
    parts = [f"{count} {word}{_seen(gate) if word == 'unchanged' else ''}" for word, count in found.items() if count]
    return ", ".join(parts) or "nothing to compare"


def text(gate: Gate) -> str:
    """The table of verdicts for a terminal, and below it why cells could not be compared."""
    table = [HEAD, *(tuple(map(plain, _cells(v))) for v in _ordered(gate))]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    shown = ["  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in table]
    return "\n".join([*shown, "", *lines(gate)])


def markdown(gate: Gate) -> str:
    """The same as a table of Markdown."""
    table = [HEAD, ("---",) * len(HEAD), *(_row(v) for v in _ordered(gate))]
    shown = ["| " + " | ".join(row) + " |" for row in table]
    reasons = [f"- {name(v.suite)} x {name(v.model)}: {name(v.reason, 300)}" for v in _ordered(gate) if lost(v)]
    head = f"Compared with {name(_name(gate), 300)}: {in_markdown(counted(gate))}"
    end = ["", f"**{BLIND}**"] if gate.blind else []
    return "\n".join([head, "", *shown, *([""] if reasons else []), *reasons, *end])


def _row(v: Verdict) -> tuple[str, ...]:
    word, suite, model, *numbers = _cells(v)
    return word, name(suite), name(model), *map(in_markdown, numbers)


def _name(gate: Gate) -> str:
    made = ", ".join(filter(None, [str(gate.baseline["commit"])[:12], str(gate.baseline["started"] or "")]))
    return f"{gate.baseline['path']}{f' ({made})' if made else ''}"


def _seen(gate: Gate) -> str:
    drops = [v.detectable for v in gate.verdicts if v.verdict == "unchanged" and v.detectable is not None]
    seen = [points(drop) for drop in sorted(drops) if drop < 1]
    blind = len(drops) - len(seen)
    span = (
        f"a drop of {seen[0]}{f' to {seen[-1]}' if seen[-1] != seen[0] else ''} points would have been seen"
        if seen
        else ""
    )
    few = f"{blind} of too few rows to see any" if blind else ""
    return f" ({'; '.join(filter(None, (span, few)))})"


def _ordered(gate: Gate) -> Sequence[Verdict]:
    return sorted(gate.verdicts, key=lambda v: (ORDER.index(v.verdict), v.suite, v.model))


def _cells(v: Verdict) -> Iterable[str]:
    if v.difference is None or v.before is None or v.after is None or v.p_holm is None:
        return (v.verdict, v.suite, v.model, *[DASH] * 5)
    ends = "" if v.low is None else f" {interval(v.low, v.high)}"
    share = (f"{points(v.before)} %", f"{points(v.after)} %", f"{points(v.difference, signed=True)}{ends}")
    return (v.verdict, v.suite, v.model, f"{v.n:,}", *share, p_value(v.p_holm))
