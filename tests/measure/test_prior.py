"""Prior correction: a preference for a caption goes, what the picture says stays."""

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.measure.choice import caption_choice
from harness.measure.prior import marginalised, prior_choice, reference_rows
from harness.rows import ChoiceRow, Scores


@dataclass(frozen=True)
class Named:
    name: str


WORDS = ("left", "right", "above", "below")


def choices(count=40):
    return [
        ChoiceRow(
            id=f"r{i}",
            label=WORDS[i % 4],
            group=f"g{i // 4}",
            image=Named(f"p{i}"),
            captions=WORDS,
            options=WORDS,
            gold=i % 4,
        )
        for i in range(count)
    ]


def scored(rows, preference, seen):
    """Scores that add a caption's own preference to `seen` times whether it is true of the picture."""
    truth = {row.image: row.label for row in choices()}
    values = [[preference[c] + seen * (truth[row.image] == c) for c in row.captions] for row in rows]
    return Scores(tuple(rows), np.array(values, np.float32), tuple(row.group for row in rows))


@settings(deadline=None)
@given(st.lists(st.integers(-50, 50), min_size=4, max_size=4))
def test_a_preference_is_taken_off_and_knowledge_stays(bias):
    preference, rows = dict(zip(WORDS, bias, strict=True)), choices()
    references = reference_rows(rows, 40)  # every picture, so that each word is true of equally many
    corrected = marginalised(scored(rows, preference, 1), scored(references, preference, 1))
    assert caption_choice(corrected).results[0].value == 1


def test_a_preference_alone_is_brought_to_chance():
    preference, rows = dict(zip(WORDS, (3, 0, 2, 1), strict=True)), choices()
    raw = scored(rows, preference, 0)
    assert {o.predicted for o in caption_choice(raw).outcomes} == {"left"}
    corrected = caption_choice(marginalised(raw, scored(reference_rows(rows), preference, 0)))
    assert corrected.results[0].value == pytest.approx(0.25)


def test_references_ask_every_caption_of_pictures_that_the_rows_show():
    rows = choices()
    references = reference_rows(rows, 8)
    assert len(references) == len({row.image for row in references}) == 8
    assert {row.image for row in references} <= {row.image for row in rows}
    assert all(row.captions == tuple(sorted(WORDS)) for row in references)
    assert reference_rows(rows[::-1], 8) == references


def test_rows_with_fewer_captions_keep_their_width():
    rows = [
        *choices(4),
        ChoiceRow(id="s", label="left", group="g", image=Named("p9"), captions=WORDS[:2], options=WORDS[:2], gold=0),
    ]
    values = np.array([[1, 2, 3, 4]] * 4 + [[1, 2, -np.inf, -np.inf]])
    references = Scores(tuple(reference_rows(rows)), np.tile([1.0, 1.0, 1.0, 1.0], (5, 1)), ("g",) * 5)
    assert marginalised(Scores(tuple(rows), values, ("g",) * 5), references).values[-1].tolist() == [
        0,
        1,
        -np.inf,
        -np.inf,
    ]


def whole(findings):
    return {r.metric: r for r in findings.results if r.slice == "all"}


def test_a_preference_alone_is_found_and_taken_off():
    preference, rows = dict(zip(WORDS, (3, 0, 2, 1), strict=True)), choices()
    found = whole(prior_choice(scored(rows, preference, 0), scored(reference_rows(rows), preference, 0)))
    assert found["raw_preference"].value == pytest.approx(0.75)  # always one word of four
    assert found["raw_preference"].low > 0.5
    assert found["preference"].value == 0
    assert found["accuracy"].value == found["accuracy"].chance == 0.25
    assert found["raw_accuracy"].value == found["prior_accuracy"].value == 0.25


def test_what_the_picture_says_is_left_and_the_prior_sees_none_of_it():
    preference, rows = dict(zip(WORDS, (3, 0, 2, 1), strict=True)), choices()
    found = whole(prior_choice(scored(rows, preference, 1), scored(reference_rows(rows, 40), preference, 1)))
    assert (found["accuracy"].value, found["preference"].value) == (1, 0)
    assert found["raw_accuracy"].value < 0.6
    assert found["prior_accuracy"].value == 0.25


def test_a_prior_that_follows_the_gold_is_named():
    """All rows state one relation: blind preference for it is all it takes."""
    rows = [row for row in choices() if row.label == "left"]
    preference = dict(zip(WORDS, (3, 0, 2, 1), strict=True))
    found = whole(prior_choice(scored(rows, preference, 0), scored(reference_rows(rows), preference, 0)))
    assert found["prior_accuracy"].value == found["raw_accuracy"].value == 1
    assert found["accuracy"].value == 0.25


def test_a_constant_scorer_is_at_chance_and_prefers_nothing():
    rows, nothing = choices(), dict.fromkeys(WORDS, 0)
    found = whole(prior_choice(scored(rows, nothing, 0), scored(reference_rows(rows), nothing, 0)))
    assert {m: r.value for m, r in found.items()} == {
        "accuracy": 0.25,
        "raw_accuracy": 0.25,
        "prior_accuracy": 0.25,
        "preference": 0,
        "raw_preference": 0,
    }


def test_rows_with_fewer_captions_keep_none_where_they_have_none():
    rows = choices()
    short = ChoiceRow(id="s", label="left", group="g", image=Named("p0"), captions=WORDS[:2], options=WORDS[:2], gold=0)
    values = np.array([*np.zeros((len(rows), 4)), [1, 0, -np.inf, -np.inf]], np.float32)
    scores = Scores((*rows, short), values, (*(row.group for row in rows), "g"))
    references = reference_rows(scores.rows)
    asked = Scores(tuple(references), np.zeros((len(references), 4)), ("g",) * len(references))
    found, expected = whole(prior_choice(scores, asked)), (len(rows) / 4 + 1) / (len(rows) + 1)
    assert found["raw_accuracy"].value == found["accuracy"].value == pytest.approx(expected)


def in_sets():
    """The same four captions of two objects in each set of four pictures, as opposite relations ask them."""
    return [
        ChoiceRow(
            id=f"r{i}", label=WORDS[i % 4], group=f"g{i // 4}", image=Named(f"p{i}"), set=f"s{i // 4}", gold=i % 2,
            captions=WORDS[i % 4 // 2 * 2 :][:2], options=WORDS[i % 4 // 2 * 2 :][:2],
        )
        for i in range(40)
    ]  # fmt: skip


def test_captions_of_a_set_are_asked_of_its_own_pictures():
    rows = in_sets()
    references = reference_rows(rows)
    assert len(references) == len(rows)
    assert all(set(row.captions) == set(WORDS) for row in references)
    assert reference_rows(rows, 3) == references  # a set is whole whatever the count


def test_a_preference_that_grows_with_the_match_of_objects_is_taken_off():
    """As contrastive models have it: "left" is favoured the more, the better the objects fit the picture."""

    def scored_by_match(asked):
        # a caption of a set fits its own pictures best: here captions are the same, and the set stands for objects
        strength = {row.id: 1 + int(row.set[1:]) for row in asked}
        values = [[strength[r.id] * (c in ("left", "above")) for c in r.captions] for r in asked]
        return Scores(tuple(asked), np.array(values, float), tuple(r.group for r in asked))

    rows = in_sets()
    found = whole(prior_choice(scored_by_match(rows), scored_by_match(reference_rows(rows))))
    assert (found["raw_preference"].value, found["preference"].value) == (0.5, 0)
    assert found["accuracy"].value == 0.5


def test_priors_may_come_from_the_pictures_of_another_data_set():
    rows = in_sets()
    others = [
        ChoiceRow(
            id=f"o{i}", label="x", group="g", image=Named(f"photo{i % 6}"), captions=("a",), options=("a",), gold=0
        )
        for i in range(12)
    ]
    references = reference_rows(rows, 4, pictures=others)
    assert len({row.image.name for row in references}) == len(references) == 4
    assert all(set(row.captions) == set(WORDS) and not row.set for row in references)
    assert len(reference_rows(rows, 50, pictures=others)) == 6
    by_word = dict(zip(WORDS, (3.0, 0.0, 2.0, 0.0), strict=True))

    def asked(of, seen):
        values = [[by_word[c] + seen * (row.label == c) for c in row.captions] for row in of]
        return Scores(tuple(of), np.array(values), tuple(row.group for row in of))

    found = whole(prior_choice(asked(rows, 1), asked(references, 0)))
    assert (found["accuracy"].value, found["preference"].value) == (1, 0)
    assert found["raw_accuracy"].value == 0.5
