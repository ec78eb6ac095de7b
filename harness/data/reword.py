"""Captions of any data set in other words: synonyms, objects exchanged, denials.

What is asked stays, and so does the picture; a caption is taken apart at the last phrase in it that says a relation
(harness/relations.py) and put together again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from harness.errors import ConfigError, DataError
from harness.relations import CONVERSES, OPPOSITES, PHRASE, PHRASES, WORDINGS, phrases
from harness.rows import ChoiceRow, digest

LEAD = re.compile(r"(?:an? (?:photo|picture|image) of )?", re.IGNORECASE)
SENTENCE = re.compile(r"\b(?:is|are|was|were|not)\b")  # "the cat is" can stand before a phrase, and nowhere else


@dataclass(frozen=True, slots=True)
class _Claim:
    """A caption in parts: "A photo of ", "a dog", "left of", "a cat", "."; of one object, `second` is empty."""

    lead: str
    capital: bool  # whether the first object began with one, as it began the caption
    first: str
    relation: str
    second: str
    end: str


def wordings(rows: Sequence[ChoiceRow]) -> range:
    """The wordings in which all of the rows can be put that say a known relation: 0 to the fewest of any relation.

    Raises DataError where no row does.
    """
    claims = [claim for row in rows for claim in map(_read, row.captions) if claim]
    if not claims:
        raise DataError(f"none of {len(rows)} rows says a relation in words that are known: nothing can be reworded")
    return range(min(len(WORDINGS[claim.relation]) for claim in claims))


def reworded(rows: Sequence[ChoiceRow], way: int) -> list[ChoiceRow]:
    """The rows with each caption's relation put as `WORDINGS` has it in place `way`.

    A row one of whose captions says no known relation, or cannot be put so, is left as it is in every wording.
    Raises ConfigError where a relation has no such wording.
    """
    return [_reworded(row, way) for row in rows]


def swapped(rows: Sequence[ChoiceRow]) -> list[ChoiceRow]:
    """The rows as a choice between a claim and the same with its two objects exchanged, one of which is true.

    Both pictures of a pair of opposite relations are asked about the same claim (of "behind", also where the picture
    shows "in front of"), which is the row's label: preferring an order earns one half. Rows of relations without a
    converse (a table under a mug is not on it) are left out.
    """
    return [asked for row in rows if (asked := _asked(row, CONVERSES, "as is", "swapped"))]


def negated(rows: Sequence[ChoiceRow]) -> list[ChoiceRow]:
    """The rows as a choice between a claim and its denial, one of which is true.

    Both pictures of a pair of opposite relations are asked about the same claim, which is the row's label: preferring
    yes or no earns one half. Rows of relations without an opposite are left out.
    """
    return [asked for row in rows if (asked := _asked(row, OPPOSITES, "claimed", "denied"))]


def _read(caption: str) -> _Claim | None:
    """The caption's parts; None where it says no relation that has wordings, or is of another form."""
    found = list(PHRASE.finditer(caption))
    relation = PHRASES[found[-1][0].lower()] if found else ""
    if relation not in WORDINGS:
        return None
    lead = LEAD.match(caption)
    begin = lead.end() if lead else 0
    first, rest = caption[begin : found[-1].start()].strip(), caption[found[-1].end() :].strip()
    second = rest.rstrip(".")
    if not first or bool(second) != ("{b}" in WORDINGS[relation][0]):
        return None
    capital = not begin and first[0].isupper()
    first = first[0].lower() + first[1:] if capital else first
    return _Claim(caption[:begin], capital, first, relation, second, rest[len(second) :])


def _say(claim: _Claim, way: int, denied: bool = False) -> str | None:
    """The caption that makes the claim; None where a sentence would have to be turned round."""
    ways = WORDINGS[claim.relation]
    if not 0 <= way < len(ways):
        raise ConfigError(
            f"wording {way} of {claim.relation!r}: there are {len(ways)}, from 0: {phrases(claim.relation)}"
        )
    if not ways[way].startswith("{a}") and SENTENCE.search(claim.first):
        return None
    text = ways[way].format(a=claim.first, b=claim.second, no="not " if denied else "")
    return claim.lead + (text[0].upper() + text[1:] if claim.capital else text) + claim.end


def _reworded(row: ChoiceRow, way: int) -> ChoiceRow:
    claims = [_read(caption) for caption in row.captions]
    if not all(claim and all(_say(claim, k) for k in range(len(WORDINGS[claim.relation]))) for claim in claims):
        return row
    return replace(row, captions=tuple(said for claim in claims if claim and (said := _say(claim, way))))


def _asked(row: ChoiceRow, others: Mapping[str, str], plain: str, altered: str) -> ChoiceRow | None:
    """The row as a choice between the claim of its pair and another caption; None where there is none."""
    claim = _read(row.captions[row.gold])
    if claim is None or claim.relation not in others or SENTENCE.search(claim.first):
        return None
    # one claim of both pictures of a pair, so that preferring an order, or yes, or no, earns half and no pair
    made = replace(claim, relation=min(claim.relation, others[claim.relation]))
    swap = altered == "swapped"
    turned = replace(made, first=claim.second, second=claim.first) if swap else made
    texts = {plain: _say(made, 0), altered: _say(turned, 0, denied=not swap)}
    options = tuple(sorted(texts, key=lambda option: digest(row.id, option)))
    gold = plain if made.relation == claim.relation else altered
    return replace(
        row,
        label=made.relation,
        captions=tuple(texts[option] or "" for option in options),
        options=options,
        gold=options.index(gold),
        set="",
    )
