"""Prior correction: what a model says of a caption before it has seen the picture, taken off its scores."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from harness.measure.choice import caption_choice
from harness.measure.intervals import bootstrap, group_sums
from harness.results import Findings, Result
from harness.rows import NO_CAPTION, ChoiceRow, Scores, digest

REFERENCES = 32  # pictures over which a caption's prior is averaged where it belongs to no set


def reference_rows(
    rows: Sequence[ChoiceRow], count: int = REFERENCES, pictures: Sequence[ChoiceRow] = ()
) -> list[ChoiceRow]:
    """Rows that ask captions of the pictures over which their prior is averaged; `gold` means nothing in them.

    Captions of a minimal set are asked of the set's own pictures: a model's preference is stronger the better the
    objects match, and its mean over pictures of other objects is too small to take it off. Captions of no
    set are asked of `count` pictures of all. Where rows of another data set are given as `pictures`, all captions are
    asked of `count` pictures of theirs, as Kamath, Hessel & Chang do (2023, arXiv 2310.19785, sec. 4.1).
    """
    if pictures:
        captions = tuple(sorted({caption for row in rows for caption in row.captions}))
        drawn = _drawn(pictures, count)
        return [replace(row, captions=captions, options=captions, gold=0, pair="", set="") for row in drawn]
    sets: dict[str, list[ChoiceRow]] = defaultdict(list)
    for row in rows:
        sets[row.set].append(row)
    found = []
    for name, members in sets.items():
        captions = tuple(sorted({caption for row in members for caption in row.captions}))
        chosen = members if name else _drawn(members, count)
        found += [replace(row, captions=captions, options=captions, gold=0, pair="") for row in chosen]
    return found


def _drawn(rows: Sequence[ChoiceRow], count: int) -> list[ChoiceRow]:
    """Rows of `count` pictures, one of each."""
    shown = {row.image.name: row for row in sorted(rows, key=lambda row: row.id)}.values()
    return sorted(shown, key=lambda row: digest("reference", row.id))[:count]


def marginalised(scores: Scores[ChoiceRow], references: Scores[ChoiceRow]) -> Scores[ChoiceRow]:
    """Each caption's score less its mean over the reference pictures.

    `references` are scores of `reference_rows`. Removes a preference for a caption that no picture
    calls for (the language prior: Lin et al. 2024, arXiv 2306.01879, with the mean for the
    marginal and scores for log-probabilities).
    """
    return replace(scores, values=np.asarray(scores.values, np.float64) - _priors(scores, references))


def _priors(scores: Scores[ChoiceRow], references: Scores[ChoiceRow]) -> NDArray[np.float64]:
    """The mean over the reference pictures of each row's captions: (rows, captions), 0 where there is none."""
    asked: dict[tuple[str, str], list[float]] = defaultdict(list)
    for row, values in zip(references.rows, np.asarray(references.values, np.float64).tolist(), strict=True):
        for caption, value in zip(row.captions, values, strict=False):
            asked[row.set, caption].append(value)
    prior = {key: float(np.mean(sorted(values))) for key, values in asked.items()}
    found = np.zeros(np.shape(scores.values))
    for line, row in zip(found, scores.rows, strict=True):
        # of pictures of another data set, captions have one prior whatever their set
        keys = [(row.set if (row.set, caption) in prior else "", caption) for caption in row.captions]
        line[: len(row.captions)] = [prior[key] for key in keys]
    return found


def prior_choice(scores: Scores[ChoiceRow], references: Scores[ChoiceRow]) -> Findings:
    """Accuracy with the captions' prior taken off; beside it the raw one, and that of the prior alone.

    `references` are scores of `reference_rows`. `preference` and `raw_preference` say how far the options that are
    chosen are from those that are true, as the total variation distance between their shares (0 to 1): a model that
    always says "above" may be right as often as chance, and is far from it here. The prior alone sees no picture: it
    is right as often as the captions give their answers away.
    """
    corrected, priors = marginalised(scores, references), _priors(scores, references)
    alone = replace(scores, values=np.where(np.asarray(scores.values) == NO_CAPTION, NO_CAPTION, priors))
    found = caption_choice(corrected)
    beside = {"raw_accuracy": caption_choice(scores), "prior_accuracy": caption_choice(alone)}
    results = [replace(r, metric=name) for name, choice in beside.items() for r in choice.results if _is_whole(r)]
    whole = [result for result in found.results if _is_whole(result)]
    parts = [result for result in found.results if not _is_whole(result)]
    distances = [_preference("preference", corrected), _preference("raw_preference", scores)]
    return Findings((*whole, *results, *distances, *parts), found.outcomes)


def _is_whole(result: Result) -> bool:
    return (result.metric, result.slice) == ("accuracy", "all")


def _preference(metric: str, scores: Scores[ChoiceRow]) -> Result:
    """Distance between the shares of options chosen and of options true, with its interval over groups."""
    names = sorted({option for row in scores.rows for option in row.options})
    columns = {name: k for k, name in enumerate(names)}
    excess = np.zeros((len(scores.rows), len(names) + 1))
    for line, row, values in zip(excess, scores.rows, np.asarray(scores.values), strict=True):
        values = values[: len(row.captions)]
        top = values == values.max()
        for option, share in zip(row.options, top / top.sum(), strict=True):
            line[columns[option]] += share
        line[columns[row.options[row.gold]]] -= 1
        line[-1] = 1
    order = np.argsort([row.id for row in scores.rows], kind="stable")  # sums of floats depend on their order
    sums = group_sums(excess[order], [scores.groups[i] for i in order])
    low, high = bootstrap(sums, lambda drawn: np.abs(drawn[:, :-1]).sum(axis=1) / drawn[:, -1] / 2)
    value = np.abs(sums[:, :-1].sum(axis=0)).sum() / len(scores.rows) / 2
    several = len(sums) > 1
    return Result(
        metric=metric,
        value=float(value),
        low=float(low) if several else None,
        high=float(high) if several else None,
        n=len(scores.rows),
        floor=0.0,
    )
