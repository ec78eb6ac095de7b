"""Winoground's scores: the authors' definition where nothing is tied, and what guessing gets where all is."""

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import DataError, ScoreError
from harness.measure.matching import CHANCE, matching_credit, winoground_scores
from harness.rows import ChoiceRow, Scores

TAGS = ("Object", "Relation", "Both")


def rows(count):
    """Two rows an item, its captions in an order of its own."""
    found = []
    for i in range(count):
        options = ("caption_0", "caption_1") if i % 2 else ("caption_1", "caption_0")
        for k in range(2):
            found.append(
                ChoiceRow(
                    id=f"item {i:03d} image_{k}", label=TAGS[i % 3], group=f"item {i:03d}", image=f"p{i}{k}",
                    captions=tuple(f"{i} {o}" for o in options), options=options,
                    gold=options.index(f"caption_{k}"), set=f"item {i:03d}",
                )
            )  # fmt: skip
    return found


def scored(squares):
    """Scores of items given as (items, pictures, captions), the own caption on the diagonal."""
    asked = rows(len(squares))
    values = [[squares[i // 2][i % 2][int(option[-1])] for option in row.options] for i, row in enumerate(asked)]
    return Scores(tuple(asked), np.array(values, np.float32), tuple(row.group for row in asked))


def whole(findings):
    return {r.metric: r for r in findings.results if r.slice == "all"}


def authors(square):
    """The published definition: three conditions of strict comparisons."""
    (c0_i0, c1_i0), (c0_i1, c1_i1) = square
    text = c0_i0 > c1_i0 and c1_i1 > c0_i1
    image = c0_i0 > c0_i1 and c1_i1 > c1_i0
    return [text, image, text and image]


squares = st.lists(
    st.lists(st.lists(st.integers(0, 2), min_size=2, max_size=2), min_size=2, max_size=2), min_size=1, max_size=12
)


@given(squares)
def test_strict_scores_are_the_authors_definition(drawn):
    found = matching_credit(np.array(drawn, float), strict=True)
    assert found.tolist() == [list(map(float, authors(square))) for square in drawn]


@given(squares)
def test_without_ties_both_ways_of_counting_agree(drawn):
    values = np.array(drawn, float) + np.arange(4).reshape(2, 2) / 10
    assert matching_credit(values).tolist() == matching_credit(values, strict=True).tolist()


@settings(max_examples=15, deadline=None)
@given(squares)
def test_a_tie_is_worth_what_breaking_it_at_random_earns(drawn):
    """Against the strict definition after a random nudge of every score, many times over."""
    rng = np.random.default_rng(0)
    values = np.array(drawn, float)
    nudged = [matching_credit(values + rng.random(values.shape) / 10, strict=True) for _ in range(3000)]
    assert matching_credit(values) == pytest.approx(np.mean(nudged, axis=0), abs=0.04)


def test_a_constant_scorer_gets_what_guessing_gets_and_the_note_says_what_the_authors_give_it():
    found = whole(winoground_scores(scored(np.zeros((12, 2, 2)))))
    for metric, chance in CHANCE.items():
        assert found[metric].value == pytest.approx(chance)
        assert found[metric].chance == pytest.approx(chance)
        assert found[metric].note == "with ties counted as wrong, as published: 0.0%"


def test_a_guess_gets_chance():
    found = whole(winoground_scores(scored(np.random.default_rng(1).random((600, 2, 2)))))
    assert all(found[m].low <= chance <= found[m].high and found[m].note == "" for m, chance in CHANCE.items())


def test_an_oracle_gets_everything_and_a_preference_for_a_caption_no_text_score():
    oracle = winoground_scores(scored(np.tile(np.eye(2), (12, 1, 1))))
    assert {r.value for r in oracle.results} == {1.0}
    liked = np.tile([[1.0, 2.0], [1.1, 2.1]], (12, 1, 1))  # the second caption, whatever the picture
    found = whole(winoground_scores(scored(liked)))
    assert (found["text_score"].value, found["group_score"].value) == (0, 0)


def test_text_is_read_along_a_picture_and_image_along_a_caption():
    text_alone = [[0.2, 0.1], [0.8, 0.9]]
    found = whole(winoground_scores(scored([text_alone] * 6)))
    assert [found[m].value for m in CHANCE] == [1, 0, 0]
    found = whole(winoground_scores(scored(np.transpose([text_alone] * 6, (0, 2, 1)))))
    assert [found[m].value for m in CHANCE] == [0, 1, 0]


def test_tags_have_slices_of_their_own():
    values = np.zeros((6, 2, 2)) + [np.eye(2) if i % 3 == 1 else 1 - np.eye(2) for i in range(6)]
    found = {r.slice: r.value for r in winoground_scores(scored(values)).results if r.metric == "group_score"}
    assert found == {"all": pytest.approx(1 / 3), "tag=Both": 0, "tag=Object": 0, "tag=Relation": 1}


def test_the_order_of_rows_changes_nothing():
    scores = scored(np.random.default_rng(2).random((20, 2, 2)))
    order = random.Random(3).sample(range(40), 40)
    mixed = Scores(tuple(scores.rows[i] for i in order), scores.values[order], tuple(scores.groups[i] for i in order))
    assert winoground_scores(mixed) == winoground_scores(scores)


def test_an_item_without_one_of_its_pictures_is_left_out_and_counted():
    scores = scored(np.tile(np.eye(2), (6, 1, 1)))
    kept = Scores(scores.rows[1:], scores.values[1:], scores.groups[1:], ((scores.rows[0], "gone"),))
    found = whole(winoground_scores(kept))
    assert found["group_score"].n == 5
    assert found["group_score"].note == "1 of 12 pictures failed, the first: gone; 1 incomplete item left out"
    alone = Scores(scores.rows[:1], scores.values[:1], scores.groups[:1])
    with pytest.raises(DataError, match="no item has both"):
        winoground_scores(alone)


def test_what_is_no_number_and_captions_in_two_orders_are_errors():
    scores = scored(np.full((3, 2, 2), np.nan))
    with pytest.raises(ScoreError, match="NaN or Inf"):
        winoground_scores(scores)
    first, second = rows(1)
    turned = ChoiceRow(
        id=second.id, label=second.label, group=second.group, image=second.image, set=second.set,
        captions=second.captions[::-1], options=second.options[::-1], gold=second.gold,
    )  # fmt: skip
    with pytest.raises(DataError, match="different orders"):
        winoground_scores(Scores((first, turned), np.eye(2), ("g", "g")))
