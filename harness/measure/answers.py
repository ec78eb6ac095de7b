"""Answers in words: which letter, yes or no; what cannot be read as an answer is wrong, and counted."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from string import ascii_uppercase

import numpy as np
from numpy.typing import NDArray

from harness.errors import DataError
from harness.measure.choice import accuracies
from harness.measure.intervals import bootstrap, group_sums, mean_interval
from harness.results import Findings, Outcome, Result
from harness.rows import ChoiceRow, QuestionRow, Scores

GOES_ON = "or|and|is|was|fits|matches|describes|best|because"  # what may follow an "A" that is a letter


def letter_questions(rows: Sequence[ChoiceRow]) -> list[QuestionRow]:
    """Each row's captions under letters, in all rotations: every caption stands once under every letter.

    Who always says one letter is right once in as many times as there are captions. Raises DataError for rows of more
    captions than there are letters.
    """
    return [_lettered(row, turn) for row in rows for turn in range(len(row.captions))]


def _lettered(row: ChoiceRow, turn: int) -> QuestionRow:
    count = len(row.captions)
    if count > len(ascii_uppercase):
        raise DataError(f"row {row.id} has {count} captions: more than there are letters")
    order = [(place + turn) % count for place in range(count)]
    lines = [f"{letter}. {row.captions[k]}" for letter, k in zip(ascii_uppercase, order, strict=False)]
    asked = ["Which caption is true of this picture?", *lines, "Answer with the letter alone."]
    return QuestionRow(
        id=f"{row.id} rotation {turn}",
        label=row.label,
        group=row.group,
        image=row.image,
        question="\n".join(asked),
        answers=tuple(ascii_uppercase[:count]),
        options=tuple(row.options[k] for k in order),
        gold=order.index(row.gold),
        set=row.id,
    )


def read_answer(text: str, answers: Sequence[str]) -> int | None:
    """Which of the answers a text gives; None where it gives none, or several.

    Letters and words count where they stand by themselves, words in upper or lower case too, and by the first word if
    that is one of them; not an "A" or "I" that begins a phrase ("A mug", "I think").
    """
    for i, answer in enumerate(answers):
        if len(answer) > 1 and re.match(rf"\W*{re.escape(answer)}\b", text, re.IGNORECASE):
            return i
    found = {i for i, answer in enumerate(answers) if _says(answer, text)}
    return found.pop() if len(found) == 1 else None


def _says(answer: str, text: str) -> bool:
    alone = rf"(?<!\w){re.escape(answer)}(?!\w)"
    if len(answer) > 1:
        return bool(re.search(alone, text, re.IGNORECASE))
    if answer not in "AI":
        return bool(re.search(alone, text))
    named = rf"(?:[Oo]ption|[Cc]aption|[Aa]nswer|[Ll]etter) {answer}(?!\w)"
    return bool(re.search(rf"{named}|{alone}(?! (?!(?:{GOES_ON})\b)\w)", text))


def answer_choice(scores: Scores[QuestionRow]) -> Findings:
    """Accuracy of answers over all rows and per relation; `unparsable`, the share that cannot be read, which is wrong.

    `preference` is how far the answers that are given are from those that are right, as the total variation distance
    between their shares (0 to 1): by letters a bias to a position, by yes and no one to agreeing. The floor of
    accuracy is what the answer earns that is right most often.
    """
    rows = scores.rows
    read = [read_answer(text, row.answers) for row, text in zip(rows, scores.values, strict=True)]
    earned = np.array([float(said == row.gold) for row, said in zip(rows, read, strict=True)])
    results = accuracies(scores, earned, [1 / len(row.answers) for row in rows])
    floor = max(Counter(row.answers[row.gold] for row in rows).values()) / len(rows)
    whole = next(result for result in results if result.slice == "all")
    results[results.index(whole)] = replace(whole, floor=floor)
    beside = [_unparsable(scores, read), _preference(scores, read)]
    outcomes = [
        Outcome(
            row=row.id,
            group=row.group,
            slice=f"relation={row.label}",
            gold=row.options[row.gold],
            predicted=None if said is None else row.options[said],
            correct=float(right),
        )
        for row, said, right in zip(rows, read, earned, strict=True)
    ]
    outcomes += [
        Outcome(
            row=r.id, group=r.group, slice=f"relation={r.label}", gold=r.options[r.gold], predicted=None, correct=None
        )
        for r, _ in scores.failed
    ]
    return Findings((*results, *beside), tuple(sorted(outcomes, key=lambda o: o.row)))


def _unparsable(scores: Scores[QuestionRow], read: Sequence[int | None]) -> Result:
    lost = np.array([float(said is None) for said in read])
    low, high = mean_interval(lost, scores.groups)
    first = next((text for text, said in zip(scores.values, read, strict=True) if said is None), "")
    return Result(
        metric="unparsable",
        value=float(lost.mean()),
        low=low,
        high=high,
        n=len(lost),
        note=f"the first: {first[:80]!r}" if lost.any() else "",
    )


def _preference(scores: Scores[QuestionRow], read: Sequence[int | None]) -> Result:
    names = sorted({answer for row in scores.rows for answer in row.answers})
    excess = np.zeros((len(read), len(names) + 1))
    for line, row, said in zip(excess, scores.rows, read, strict=True):
        if said is not None:
            line[names.index(row.answers[said])] += 1
            line[names.index(row.answers[row.gold])] -= 1
            line[-1] = 1
    sums = group_sums(excess, scores.groups)

    def distance(drawn: NDArray[np.float64]) -> NDArray[np.float64]:
        with np.errstate(invalid="ignore"):  # a draw without an answer that can be read says nothing
            return np.asarray(np.abs(drawn[..., :-1]).sum(axis=-1) / drawn[..., -1] / 2)

    several = len(sums) > 1 and excess[:, -1].any()
    low, high = bootstrap(sums, distance) if several else (None, None)
    value = float(distance(sums.sum(axis=0))) if excess[:, -1].any() else None
    return Result(
        metric="preference",
        value=value,
        low=None if low is None else float(low),
        high=None if high is None else float(high),
        n=int(excess[:, -1].sum()),
        floor=0.0,
    )
