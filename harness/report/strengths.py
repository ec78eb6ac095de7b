"""Where a model stands out: what it clearly can and the others of its band cannot, and the reverse.

All is told in units of what can be had, (value - base) / (1 - base), where base is chance or the floor, whichever is
higher. The bar is guessing, or the median of the band's other models where that is higher and more than half of them
lie above guessing with their whole intervals. A strength is an interval that lies wholly above the bar and above what
any control reaches there, of a model that lies wholly above guessing over all rows of the suite, too; a weakness is one
that lies wholly below the bar. A probe that a bag of words or random weights equal, or that says one class alone, and
parts of few rows count on neither side; a relation is no strength where its opposite lies wholly below guessing: the
model leans to that answer. Of controls themselves nothing is said.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from harness.relations import OPPOSITES
from harness.report.numbers import CLOSE, DASH, DIFFERENCE, Number, written
from harness.report.tables import Head, Section

MOST = 10  # that a list holds
OF_ONE_SUITE = 3  # so that one suite's relations do not fill the list
WHOLE = "all rows"


@dataclass(frozen=True, slots=True)
class Finding:
    """One part of a suite; `gap` is how far the interval lies beyond the bar, in units of what can be had, signed.

    `able` of the `others` of the band lie above guessing with their whole intervals.
    """

    head: Head
    part: str
    number: Number
    bar: float
    gap: float
    able: int
    others: int

    @property
    def bar_text(self) -> str:
        """The bar in the metric's own unit."""
        base = self.number.base
        return DASH if base is None else written(base + self.bar * (1 - base), self.number.metric)


def findings(
    sections: Sequence[Section], bands: Sequence[Sequence[str]], controls: Collection[str] = ()
) -> dict[str, list[Finding]]:
    """All that stands out, by model of the bands, over whole suites and their relations."""
    found: dict[str, list[Finding]] = {}
    for section in sections:
        parts = dict(_parts(section, controls))
        for part, told in parts.items():
            opposite = parts.get(OPPOSITES.get(part, ""), {})
            shortcut = max((_units(told[m]) for m in controls if m in told), default=0.0)
            for band in bands:
                for finding in _of_band(section.head, part, [told[m] for m in band if m in told]):
                    model = finding.number.model
                    earned = _exceeds(finding.number, shortcut) and _exceeds(parts[WHOLE].get(model), 0.0)
                    if finding.gap < 0 or (earned and not _fails(opposite.get(model))):
                        found.setdefault(model, []).append(finding)
    return found


def clearest(found: Sequence[Finding], sign: int) -> tuple[Finding, ...]:
    """The strengths (`sign` 1) or weaknesses (-1) that lie furthest beyond the bar, few of any one suite."""
    ordered = sorted((f for f in found if f.gap * sign > 0), key=lambda f: -f.gap * sign)
    kept: list[Finding] = []
    for finding in ordered:
        of_one = sum(other.head == finding.head for other in kept)
        if of_one < OF_ONE_SUITE and len(kept) < MOST:
            kept.append(finding)
    return tuple(kept)


def _parts(section: Section, controls: Collection[str]) -> Iterator[tuple[str, dict[str, Number]]]:
    """A suite's headline and each of its relations, with the numbers that count, by model.

    Of controls every number counts: what a bag of words reaches is the shortcut itself.
    """
    headline = {number.model: number for number in reversed(section.overall) if number.metric == section.head.metric}
    barred = {model for model, number in headline.items() if number.noted} - set(controls)
    yield WHOLE, _counting(headline.values(), barred)
    for breakdown in section.breakdowns:
        if breakdown.by == "relation":
            for part in breakdown.parts:
                yield part.name, _counting([cell.number for cell in part.cells if cell.number and not cell.few], barred)


def _counting(told: Iterable[Number], barred: set[str]) -> dict[str, Number]:
    """Numbers with an interval and something to be compared with; of a difference, below 0 is no weakness."""
    return {
        number.model: number
        for number in told
        if number.model not in barred
        and number.metric != DIFFERENCE
        and None not in (number.value, number.low, number.high, number.base)
    }


def _of_band(head: Head, part: str, band: Sequence[Number]) -> Iterator[Finding]:
    """What there is to say of each model among its band; nothing where its interval holds the bar."""
    for number in band:
        others = [other for other in band if other is not number]
        able = sum(_bounds(other)[0] > CLOSE for other in others)
        bar = max(0.0, median(map(_units, others))) if 2 * able > len(others) else 0.0
        low, high = _bounds(number)
        gap = low - bar if low > bar + CLOSE else high - bar if high < bar - CLOSE else 0.0
        if gap:
            yield Finding(head, part, number, bar, gap, able, len(others))


def _exceeds(number: Number | None, units: float) -> bool:
    return number is not None and _bounds(number)[0] > units + CLOSE


def _fails(number: Number | None) -> bool:
    return number is not None and _bounds(number)[1] < -CLOSE


def _units(number: Number) -> float:
    units = number.above_guessing(number.value)
    assert units is not None  # as `_counting` made sure
    return units


def _bounds(number: Number) -> tuple[float, float]:
    low, high = number.above_guessing(number.low), number.above_guessing(number.high)
    assert low is not None
    assert high is not None
    return low, high
