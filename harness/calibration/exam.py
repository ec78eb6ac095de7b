"""The exam: what is asked of the calibration models, and what each must answer to be read rightly."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from harness.calibration.variants import FAVOURED, TAUGHT
from harness.errors import ConfigError
from harness.measure.choice import caption_choice
from harness.measure.prior import marginalised, reference_rows
from harness.models import nearest
from harness.relations import AXES
from harness.results import Findings, Outcome, Result
from harness.rows import ChoiceRow, Scores
from harness.scenes import scene_choices

Rows = Callable[[], list[ChoiceRow]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Rows on which a model's accuracy says whether it knows one thing; `suite` is the suite that asks it."""

    suite: str
    rows: Rows
    corrected: bool = False  # scores less the caption's prior


# of the half width of a 95 % interval, for 99.7 %: of thirty answers at chance, one or two would miss 95 % by luck
WIDER = 1.5


@dataclass(frozen=True, slots=True)
class Expected:
    """A reading that is right: a value within these bounds, or (None) an interval that holds `near` or else chance."""

    at_least: float | None = None
    at_most: float | None = None
    near: float | None = None

    def met(self, result: Result) -> bool:
        """Is the measured value what the model was made to show?"""
        if self.at_least is not None or self.at_most is not None:
            low, high = (self.at_least or 0.0), (1.0 if self.at_most is None else self.at_most)
            return result.value is not None and low <= result.value <= high
        aim = result.chance if self.near is None else self.near
        if result.value is None or result.low is None or result.high is None or aim is None:
            return False
        low, high = (result.value + WIDER * (bound - result.value) for bound in (result.low, result.high))
        return low <= aim <= high

    def __str__(self) -> str:
        if self.at_least is not None:
            return f"≥ {self.at_least:.0%}"
        if self.at_most is not None:
            return f"≤ {self.at_most:.0%}"
        return "chance" if self.near is None else f"{self.near:.0%}"


def _axis(preset: str, axis: str, wording: int = 0) -> Rows:
    """Rows of opposite relations on one axis: two captions, chance one half."""
    return lambda: [row for row in scene_choices(preset, "test", "opposite", wording) if AXES.get(row.label) == axis]


def _favoured() -> list[ChoiceRow]:
    """Opposite relations with the favoured word of the pair for gold: accuracy is then the share of its picks."""
    rows = scene_choices("spatial", "test", "opposite")
    return [replace(row, gold=next(k for k, option in enumerate(row.options) if option in FAVOURED)) for row in rows]


def _depth(taught: bool) -> Rows:
    """In front of or behind, in the wording that cal-vocabulary is taught or in the other."""
    return _axis("tabletop-depth", "depth", TAUGHT["behind"] if taught else 1 - TAUGHT["behind"])


def _taught() -> list[ChoiceRow]:
    return scene_choices("spatial", "test", wording=0) + _depth(taught=True)()


def _synonyms() -> list[ChoiceRow]:
    """The same pictures, their captions in the words that cal-vocabulary was never taught."""
    return scene_choices("spatial", "test", wording=2) + _depth(taught=False)()


def _layouts() -> list[ChoiceRow]:
    return [row for kind in ("place", "topology", "distance", "between") for row in scene_choices(kind, "test")]


QUESTIONS: Mapping[str, Question] = {
    "colour": Question(suite="scene-color", rows=lambda: scene_choices("color", "test")),
    "direction": Question(suite="scene-choice", rows=lambda: scene_choices("spatial", "test")),
    "above or below": Question(suite="scene-axes", rows=_axis("spatial", "vertical")),
    "left or right": Question(suite="scene-axes", rows=_axis("spatial", "horizontal")),
    "who is where": Question(suite="scene-swap", rows=lambda: scene_choices("spatial", "test", "swap")),
    "stacked or beside": Question(suite="scene-tabletop", rows=lambda: scene_choices("tabletop", "test")),
    "in front or beside": Question(suite="scene-tabletop", rows=lambda: scene_choices("tabletop-depth", "test")),
    "other layouts": Question(suite="scene-layouts", rows=_layouts),
    "in taught words": Question(suite="scene-wording", rows=_taught),
    "in synonyms": Question(suite="scene-wording", rows=_synonyms),
    "favoured word": Question(suite="scene-prior", rows=_favoured),
    "favoured, corrected": Question(suite="scene-prior", rows=_favoured, corrected=True),
}

KNOWN, CHANCE, HALF, PARTLY = Expected(at_least=0.9), Expected(), Expected(near=0.5), Expected(at_least=0.65)
# all tell which colours a picture has (one half), and not always which of two shapes bears which
COLOURS = Expected(at_least=0.45)
IGNORANT: Mapping[str, Expected] = {
    "colour": COLOURS,
    "direction": CHANCE,
    "above or below": CHANCE,
    "left or right": CHANCE,
    "who is where": CHANCE,
    "stacked or beside": CHANCE,
    "in front or beside": CHANCE,
    "other layouts": CHANCE,
    "in taught words": CHANCE,
    "in synonyms": CHANCE,
}

# what a right reading is, by model and question; where nothing is said, the making does not decide the answer
EXPECTED: Mapping[str, Mapping[str, Expected]] = {
    "cal-spatial": {
        "colour": COLOURS,
        "direction": Expected(at_least=0.95),
        "above or below": Expected(at_least=0.95),
        "left or right": Expected(at_least=0.95),
        "who is where": KNOWN,
        "stacked or beside": Expected(at_least=0.85),
        "in front or beside": Expected(at_least=0.85),
        "other layouts": Expected(at_least=0.8),
        "in taught words": KNOWN,
        "in synonyms": KNOWN,
        "favoured word": HALF,
        "favoured, corrected": HALF,
    },
    "cal-bag": IGNORANT,
    # the axis of two objects is no secret to these two: they know one end from the other on one of two axes,
    # which at its best is three right answers in four
    "cal-vertical": {
        "colour": COLOURS,
        "direction": PARTLY,
        "above or below": KNOWN,
        "left or right": CHANCE,
        "who is where": PARTLY,
    },
    "cal-horizontal": {
        "colour": COLOURS,
        "direction": PARTLY,
        "above or below": CHANCE,
        "left or right": KNOWN,
        "who is where": PARTLY,
    },
    # near chance, and not at it: "on the left side of" shares a word with what is taught
    "cal-vocabulary": {
        "colour": COLOURS,
        "direction": KNOWN,
        "above or below": KNOWN,
        "left or right": KNOWN,
        "who is where": KNOWN,
        "in taught words": KNOWN,
        "in synonyms": Expected(at_most=0.4),
    },
    "cal-prior": {**IGNORANT, "favoured word": KNOWN, "favoured, corrected": HALF},
    "cal-axis": {
        "colour": COLOURS,
        "direction": HALF,
        "above or below": CHANCE,
        "left or right": CHANCE,
        "who is where": CHANCE,
    },
}


def examine(name: str, scored: Callable[[list[ChoiceRow]], Scores[ChoiceRow]]) -> tuple[Findings, list[str]]:
    """Every question's accuracy, in slices `question=…`, and what was read otherwise than the model was made.

    `scored` gives a model's scores of rows. Raises ConfigError where `name` is no calibration model.
    """
    if name not in EXPECTED:
        raise ConfigError(
            f"nothing says what {name!r}, tagged calibration, was made to know; {nearest(name, EXPECTED)}"
        )
    results: list[Result] = []
    outcomes: list[Outcome] = []
    for question, asked in QUESTIONS.items():
        rows = asked.rows()
        scores = scored(rows)
        if asked.corrected:
            scores = marginalised(scores, scored(reference_rows(rows)))
        found = caption_choice(scores)
        results += [replace(r, slice=f"question={question}") for r in found.results if r.slice == "all"]
        outcomes += [replace(o, row=f"{question}: {o.row}", slice=f"question={question}") for o in found.outcomes]
    return Findings(tuple(results), tuple(outcomes)), misread(name, results)


def misread(name: str, results: Iterable[Result]) -> list[str]:
    """What of a calibration model's results is not as it was made, in words."""
    by_slice = {result.slice: result for result in results if result.metric == "accuracy"}
    wrong = []
    for question, expected in EXPECTED[name].items():
        result = by_slice[f"question={question}"]
        if not expected.met(result):
            wrong.append(f"{question}: {result.value:.3f} [{result.low:.3f}, {result.high:.3f}], made to be {expected}")
    return wrong
