"""Prior correction: what a model says of a caption before it has seen the picture, taken off its scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from harness.rows import ChoiceRow, Scores, digest

REFERENCES = 32  # pictures over which a caption's prior is averaged


def reference_rows(rows: Sequence[ChoiceRow], count: int = REFERENCES) -> list[ChoiceRow]:
    """Rows that ask every caption of `rows` of each of `count` of their pictures; `gold` means nothing in them."""
    captions = tuple(sorted({caption for row in rows for caption in row.captions}))
    chosen = sorted(rows, key=lambda row: digest("reference", row.id))[:count]
    return [replace(row, captions=captions, options=captions, gold=0, pair="", set="") for row in chosen]


def marginalised(scores: Scores[ChoiceRow], references: Scores[ChoiceRow]) -> Scores[ChoiceRow]:
    """Each caption's score less its mean over the reference pictures.

    `references` are scores of `reference_rows`. Removes a preference for a caption that no picture
    calls for (the language prior: Lin et al. 2024, arXiv 2306.01879, with the mean for the
    marginal and scores for log-probabilities).
    """
    captions = references.rows[0].captions
    prior = dict(zip(captions, np.asarray(references.values).mean(axis=0).tolist(), strict=True))
    values = np.array(scores.values, dtype=np.float64)
    for line, row in zip(values, scores.rows, strict=True):
        line[: len(row.captions)] -= [prior[caption] for caption in row.captions]
    return replace(scores, values=values)
