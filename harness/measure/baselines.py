"""What a probe gets from the rows' own words, without any model; and from a model that has learnt nothing."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from harness.errors import DataError
from harness.measure.folds import FOLDS, grouped_folds, in_order
from harness.measure.intervals import mean_interval
from harness.measure.linear import Floats, Problem, Recipe, held_out, problem
from harness.measure.tables import Bools, Scale, majority
from harness.results import Result
from harness.rows import Row, Scores

BAG, RANDOM = "bag of words", "random weights"
ABOVE = "the probe lies above"
WORD = r"\b\w+\b"


def baseline_results(
    scores: Scores[Row], said: Bools, scale: Scale, recipe: Recipe, untrained: Bools | None
) -> list[Result]:
    """`macro_f1` of each baseline that these rows have, its distance from the probe's `said` (rows, labels) in a note.

    Probes of words choose C as the recipe says, and have its folds; columns stay as they are.
    """
    found = {"majority": majority(scale.y)}
    for name, texts in texts_of(scores).items():
        found[name] = _probed(tuple(texts), tuple(row.label for row in scores.rows), scores.groups, recipe.c)
    if untrained is not None:
        found[RANDOM] = untrained
    return [_result(name, other, said, scale) for name, other in found.items()]


def words_result(scores: Scores[Row], said: Bools, scale: Scale, recipe: Recipe) -> Result:
    """What a bag of words gets alone, as `baseline_results` has it among others."""
    texts = tuple(texts_of(scores)[BAG])
    return _result(BAG, _probed(texts, tuple(row.label for row in scores.rows), scores.groups, recipe.c), said, scale)


def does_not_beat(results: Sequence[Result], name: str = BAG) -> bool:
    """Whether the named baseline is there and the probe does not lie above it."""
    return any(r.slice == f"baseline={name}" and not r.note.startswith(ABOVE) for r in results)


def unbeaten(results: Sequence[Result]) -> list[str]:
    """What the note of a probe's first result says of shortcuts that reach as much, one part each."""
    return [f"does not beat {name}" for name in (BAG, RANDOM) if does_not_beat(results, name)]


def beside(results: Sequence[Result], baseline: Result) -> list[Result]:
    """A probe's results and its baseline of words; the first one's note says so where the probe does not lie above."""
    notes = [results[0].note, *unbeaten([baseline])]
    return [replace(results[0], note="; ".join(filter(None, notes))), *results[1:], baseline]


def paired(headline: Result, earned: Floats, other: Floats, groups: Sequence[str]) -> Result:
    """What a bag of words earned on the headline's rows, `other` (rows,), where the probe has `earned` (rows,)."""
    (low, high), (below, above) = mean_interval(other, groups), mean_interval(earned - other, groups)
    gap = replace(headline, value=float((earned - other).mean()), low=below, high=above)
    return compared(BAG, replace(headline, value=float(other.mean()), low=low, high=high), gap)


def compared(name: str, value: Result, gap: Result) -> Result:
    """What a baseline got, with `gap`, the paired difference of the probe from it, in its note."""
    low = gap.value if gap.low is None else gap.low
    words = ABOVE if (low or 0) > 0 else "the probe does not lie above"
    interval = "" if gap.low is None else f" [{gap.low:+.3f}, {gap.high:+.3f}]"
    return replace(value, slice=f"baseline={name}", note=f"{words}: {gap.value:+.3f}{interval}")


def bag_of_words(texts: Sequence[str], among: slice = slice(None)) -> Floats:
    """Which words of the texts `among` stand in each text, in no order: (texts, words), 0 or 1."""
    from sklearn.feature_extraction.text import CountVectorizer

    words = CountVectorizer(binary=True, dtype=np.float64, token_pattern=WORD).fit(texts[among])
    return np.asarray(words.transform(texts).toarray())


def _result(name: str, other: Bools, said: Bools, scale: Scale) -> Result:
    [value] = scale.f1_results(other, parts=["all"])
    [gap] = scale.differences("difference", said, scale.y, other, parts=["all"])
    return compared(name, value, gap)


def texts_of(scores: Scores[Row]) -> dict[str, list[str]]:
    """The texts of each baseline: the caption, what is left of it without subject and object, and these alone.

    Of captions that the model did not see, its subject and object alone: they are what the picture shows.
    """
    rows, found = scores.rows, dict[str, list[str]]()
    seen = scores.sees_texts
    if seen:
        found[BAG] = [row.text or "" for row in rows]
    if all(row.subject and row.object for row in rows):
        if seen:
            found["relation words"] = [_without(row) for row in rows]
        found["objects"] = [f"{row.subject} {row.object}" for row in rows]
    return found


def _without(row: Row) -> str:
    nouns = sorted((row.subject, row.object), key=len, reverse=True)
    return re.sub("|".join(rf"\b{re.escape(noun)}\b" for noun in nouns), " ", row.text or "", flags=re.IGNORECASE)


@lru_cache(maxsize=8)  # all models of a run are asked about the same few sets of rows
def _probed(texts: tuple[str, ...], labels: tuple[str, ...], groups: tuple[str, ...], c: float | None) -> Bools:
    """What a probe of words says: (rows, labels)."""
    found = words(texts, labels, groups)
    return held_out(found, task_folds(found), Recipe(c=c)).decisions > 0


def words(texts: Sequence[str], labels: Sequence[str], groups: Sequence[str]) -> Problem:
    """The problem of reading labels off the words of texts, each present or not and in no order; rows stay in order."""
    rows = tuple(Row(id=f"{i:09}", label=label) for i, label in enumerate(labels))
    return problem(Scores(rows, bag_of_words(texts), tuple(groups)))


def task_folds(found: Problem) -> list[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """The folds in which a task is measured: no group stands on both sides."""
    return grouped_folds(FOLDS, found.labels, found.groups, np.arange(len(found.labels)))


def untrained_said(scores: Scores[Row], untrained: Scores[Row], recipe: Recipe) -> Bools:
    """What the same probe says of the vectors of random weights. Raises DataError where they are of other rows."""
    other = in_order(untrained)
    if [row.id for row in other.rows] != [row.id for row in scores.rows]:
        raise DataError("the vectors of random weights are of other rows: embed the same rows by both models")
    found = problem(replace(other, groups=scores.groups))
    return held_out(found, task_folds(found), recipe).decisions > 0
