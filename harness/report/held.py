"""Held and said: what a probe decodes of drawn scenes, beside what the same model says when it is asked the same.

Position survives in almost any vision tower, so a probe may decode what the model's own choices do not show. That is a
result about the model. Both are put in units above guessing: 0 is chance or the floor, whichever is higher, 1 is all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from harness.calibration.variants import VARIANTS
from harness.measure.baselines import ABOVE
from harness.measure.intervals import mean_interval
from harness.relations import AXES
from harness.report.numbers import CLOSE, Number, numbers
from harness.report.probes import BASELINE
from harness.report.tables import Board
from harness.runs import Run

METRICS = ("macro_f1", "accuracy")
PARTS = {"all": "all", "group=vertical": "vertical ones", "group=horizontal": "horizontal ones"}
NOT_SAID, BOTH, NOT_HELD, NEITHER = "held, not said", "held and said", "said, not held", "neither"
IN_CAPTION, UNKNOWN, UNTRAINED = "the caption says it", "no interval", "no more than random weights"
Table = Any  # rows of one suite × model: row, group, gold, predicted, correct, scores


@dataclass(frozen=True, slots=True)
class Counterpart:
    """What a probe is asked (`held`) and what the model is (`said`), by the first of `suites` that was measured.

    `metric` is that of the answers. Some are counted from their rows: those whose true relation is one of `golds`, or
    right where the relation said lies on the true one's axis (`by_axis`); `chance` is then theirs.
    """

    held: str
    said: str
    suites: tuple[str, ...] = ("scene-choice", "scene-letters")
    metric: str = "accuracy"
    golds: frozenset[str] = frozenset()
    by_axis: bool = False
    chance: float | None = None
    in_caption: bool = False  # the relation's word stands in what the probe is shown


_PLACE = Counterpart(
    held="on which of four sides one shape lies, of its picture",
    said="on which of four sides one shape lies, among four captions",
    suites=("scene-layouts",),
    golds=frozenset({"on the left", "on the right", "at the top", "at the bottom"}),
    chance=1 / 4,
)
_AXIS = Counterpart(
    held="on which of two axes two shapes lie, of their picture",
    said="the axis of the caption chosen among four",
    by_axis=True,
    chance=1 / 2,
)
_ANSWER = Counterpart(
    held="which of four relations two shapes are in, of the last token of picture and question",
    said="the same question, answered in words",
    suites=("scene-layers-chat",),
    metric="answer_accuracy",
)
_CAPTION = Counterpart(
    held="which of four relations a caption says",
    said="which of four relations two shapes are in, among four captions",
    in_caption=True,
)
COUNTERPARTS: Mapping[str, Counterpart] = {
    "scene-layers-image": _PLACE,
    "scene-layers-image-token": _PLACE,
    "scene-layers-image-axis": _AXIS,
    "scene-layers-chat-image": _AXIS,
    "scene-layers-chat": _ANSWER,
    "scene-layers-chat-text": replace(
        _ANSWER, held="which of four relations two shapes are in, of the question's tokens after the picture"
    ),
    "scene-layers-color": replace(
        _ANSWER,
        held="what color a shape has, of the last token of picture and question",
        suites=("scene-layers-color",),
    ),
    "scene-layers-text": _CAPTION,
    "scene-relations": _CAPTION,
}


@dataclass(frozen=True, slots=True)
class Line:
    """One model, one probe, one part of its rows; `selectivity` and `untrained` are the probe's, where it has them."""

    model: str
    knows: str  # what a calibration model was made to know
    probe: str
    asked: Counterpart
    part: str
    held: Number
    said: Number
    selectivity: Number | None
    untrained: Number | None
    mark: str

    @property
    def units(self) -> tuple[float, float, float]:
        """Held, said, and held less said, in units above guessing."""
        held, said = above_guessing(self.held), above_guessing(self.said)
        assert held is not None
        assert said is not None
        return held, said, held - said


@dataclass(frozen=True, slots=True)
class Held:
    """The whole section; `not_said` names the models of which a probe decodes what their choices do not show."""

    lines: tuple[Line, ...]
    not_said: tuple[str, ...]

    @property
    def asked(self) -> tuple[tuple[str, Counterpart], ...]:
        """What each probe that is shown is asked, and the models beside it."""
        return tuple({line.probe: line.asked for line in self.lines}.items())

    @property
    def matrix(self) -> tuple[tuple[str, tuple[Line | None, ...]], ...]:
        """Each model, and what it holds and says over all rows, in the order of `asked`."""
        found = {(line.model, line.probe): line for line in self.lines if line.part == PARTS["all"]}
        models = dict.fromkeys(line.model for line in self.lines)
        return tuple((model, tuple(found.get((model, probe)) for probe, _ in self.asked)) for model in models)


def section(run: Run, board: Board) -> Held | None:
    """What the page says of it; None where no model was both probed and asked the same."""
    found = {(n.suite, n.model, n.metric, n.slice): n for n in reversed(numbers(run))}
    specs = {spec["name"]: spec for spec in run.info.get("models") or () if "name" in spec}
    answers = _answers(run)
    probes = [h for h in board.heads if h.suite in COUNTERPARTS and h.metric in METRICS]
    models = [standing.model for band in board.bands for standing in band.standings]
    lines = [
        line
        for model in models
        for head in probes
        if not (COUNTERPARTS[head.suite].in_caption and _sees_pictures_alone(specs.get(model, {})))
        for part in PARTS
        if (line := _line(answers, found, (head.suite, model, head.metric), part))
    ]
    not_said = dict.fromkeys(line.model for line in lines if line.mark == NOT_SAID)
    return Held(tuple(lines), tuple(not_said)) if lines else None


def above_guessing(number: Number) -> float | None:
    """(value - base) / (1 - base), where base is the higher one of chance and floor; None where it has neither."""
    return number.above_guessing(number.value)


def _answers(run: Run) -> dict[tuple[str, str], Table]:
    """The rows that were answered, by suite and model, of the suites that a probe stands beside."""
    suites = {name for of in COUNTERPARTS.values() for name in of.suites}
    rows = run.rows[run.rows["suite"].isin(suites)].dropna(subset="correct")
    return dict(iter(rows.groupby(["suite", "model"], observed=True)))


def _line(
    answers: Mapping[tuple[str, str], Table],
    found: Mapping[tuple[str, str, str, str], Number],
    probe: tuple[str, str, str],
    part: str,
) -> Line | None:
    suite, model, _ = probe
    of, held = COUNTERPARTS[suite], found.get((*probe, part))
    asked = (found.get((by, model, of.metric, "all")) for by in of.suites)
    whole = next((number for number in asked if number), None)
    said = _said(answers.get((whole.suite, model)), of, whole, part) if held and whole else None
    untrained = found.get((*probe, f"{BASELINE}random weights"))
    if not held or not said or above_guessing(held) is None or above_guessing(said) is None:
        return None
    return Line(
        model=model,
        knows=VARIANTS[model].knows if model in VARIANTS else "",
        probe=suite,
        asked=of,
        part=PARTS[part],
        held=held,
        said=said,
        selectivity=found.get((suite, model, "selectivity", part)),
        untrained=untrained if part == "all" else None,
        mark=IN_CAPTION if of.in_caption else _mark(held, said, untrained),
    )


def _said(rows: Table | None, of: Counterpart, whole: Number, part: str) -> Number | None:
    """The answers' own number where it is of the same rows, else one counted from them; None where there is no row."""
    if part == "all" and not of.golds and not of.by_axis:
        return whole
    if rows is None:
        return None
    if of.metric.startswith("answer_"):  # beside what the probe said of the same rows
        rows = rows[rows["row"].str.endswith(" answer")]
    if of.golds:
        rows = rows[rows["gold"].isin(of.golds)]
    if part != "all":
        rows = rows[_axes(rows["gold"]) == part.removeprefix("group=")]
    if not len(rows):
        return None
    earned = (_earned(rows) if of.by_axis else rows["correct"]).to_numpy(float)
    low, high = mean_interval(earned, rows["group"].tolist())
    chance = whole.chance if of.chance is None else of.chance
    return replace(
        whole, slice=part, value=float(earned.mean()), low=low, high=high, n=len(rows), chance=chance, floor=None
    )


def _axes(relations: Any) -> Any:
    """The axis of each relation; none of one that lies on no axis."""
    return relations.astype(object).map(AXES)


def _earned(rows: Table) -> Any:
    """1 where the relation said lies on the true one's axis; a tie of captions earns what guessing does."""
    right = (_axes(rows["predicted"]) == _axes(rows["gold"])).astype(float)
    tied = (rows["scores"].str.len() > 0) / 2  # an answer without scores is one that could not be read
    return right.where(rows["predicted"].notna(), tied)


def _sees_pictures_alone(spec: Mapping[str, Any]) -> bool:
    """Whether the model has no captions to read, and so does not know which of two shapes is meant."""
    return (spec.get("options") or {}).get("side") == "image"


def _mark(held: Number, said: Number, untrained: Number | None) -> str:
    holds, says = _beats(held), _beats(said)
    if holds is None or says is None:
        return UNKNOWN
    if holds and untrained and ABOVE not in untrained.note:  # a limit may be noted before it
        return UNTRAINED
    return {(True, False): NOT_SAID, (True, True): BOTH, (False, True): NOT_HELD, (False, False): NEITHER}[holds, says]


def _beats(number: Number) -> bool | None:
    """Whether the whole interval lies above guessing; None where there is no interval."""
    return None if number.low is None or number.base is None else number.low > number.base + CLOSE
