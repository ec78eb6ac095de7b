"""Winoground: which of two captions, of the same words in another order, goes with which of two pictures?

Thrush et al. (2022), arXiv 2204.03162: 400 items. Text score: each picture prefers its own caption; image score: each
caption prefers its own picture; group score: both. Chance 1/4, 1/4 and 1/6. A tie is worth its share of the
orders in which it could be broken; where there are ties, the note has the value with all of them counted as wrong, as
the authors do. The image score compares one caption's scores of two pictures: of a model that chooses among captions it
says something only if its scores are not normalised within a picture. The files are the user's own.
"""

import pytest

from harness import winoground, winoground_scores


@pytest.mark.suite("winoground", needs="ScoresCaptions")
def test_matching(model, score_captions, record):
    record(winoground_scores(score_captions(model, winoground())))
