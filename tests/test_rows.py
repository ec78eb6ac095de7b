from __future__ import annotations

import random
import subprocess
import sys
from collections import Counter, defaultdict
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import DataError
from harness.rows import ChoiceRow, Row, digest, sample, shared_groups

NAMES = st.text(alphabet="abcdef", min_size=1, max_size=2)


def rows(count: int) -> list[Row]:
    return [Row(id=f"row-{i}", label="on") for i in range(count)]


def components(*sides: list[str]) -> set[frozenset[int]]:
    """Brute force: spread each row's own number through everything it shares until nothing changes."""
    count = len(sides[0])
    group = list(range(count))
    changed = True
    while changed:
        changed = False
        for a in range(count):
            for b in range(count):
                if group[a] > group[b] and any(side[a] == side[b] for side in sides):
                    group[a], changed = group[b], True
    found = defaultdict(set)
    for i, name in enumerate(group):
        found[name].add(i)
    return {frozenset(members) for members in found.values()}


def partition(groups: list[str]) -> set[frozenset[int]]:
    found = defaultdict(set)
    for i, name in enumerate(groups):
        found[name].add(i)
    return {frozenset(members) for members in found.values()}


@given(st.lists(st.tuples(NAMES, NAMES), max_size=14))
def test_groups_of_captions_and_pictures_are_the_connected_components(pairs):
    captions, pictures = [a for a, _ in pairs], [b for _, b in pairs]
    assert partition(shared_groups(captions, pictures)) == components(captions, pictures)


@given(st.lists(st.tuples(NAMES, NAMES, NAMES), max_size=10))
def test_groups_of_three_sides_are_the_connected_components(triples):
    sides = [list(side) for side in zip(*triples, strict=True)] or [[], [], []]
    assert partition(shared_groups(*sides)) == components(*sides)


@given(st.lists(st.tuples(NAMES, NAMES), max_size=14), st.randoms())
def test_a_rows_group_has_the_same_name_in_whatever_order_rows_come(pairs, chance):
    def named(order):
        captions, pictures = [pairs[i][0] for i in order], [pairs[i][1] for i in order]
        return dict(zip(order, shared_groups(captions, pictures), strict=True))

    order = list(range(len(pairs)))
    shuffled = order[:]
    chance.shuffle(shuffled)
    assert named(shuffled) == named(order)


def test_a_caption_and_a_picture_of_the_same_name_are_not_the_same_thing():
    assert partition(shared_groups(["x", "y"], ["y", "z"])) == {frozenset({0}), frozenset({1})}


def test_one_side_groups_by_its_own_values_and_sides_of_unequal_length_are_refused():
    assert shared_groups(["b", "a", "b"]) == ["b", "a", "b"]
    with pytest.raises(ValueError, match="shorter"):
        shared_groups(["a", "b"], ["c"])


def test_a_long_chain_of_shared_captions_and_pictures_is_one_group():
    captions = [f"c{(i + 1) // 2}" for i in range(5000)]
    pictures = [f"p{i // 2}" for i in range(5000)]
    assert len(set(shared_groups(captions, pictures))) == 1


@given(st.integers(0, 30), st.integers(0, 40), st.randoms())
def test_a_sample_is_the_same_rows_in_whatever_order_they_come(count, limit, chance):
    everything = rows(count)
    shuffled = everything[:]
    chance.shuffle(shuffled)
    picked = sample(shuffled, limit)
    assert {row.id for row in picked} == {row.id for row in sample(everything, limit)}
    assert len(picked) == min(count, limit)
    assert [row for row in shuffled if row in picked] == picked, "the rows' own order is kept"


def test_a_sample_without_limit_is_everything():
    assert sample(rows(3), None) == rows(3)


def test_a_larger_sample_holds_the_smaller_one():
    small, large = sample(rows(100), 10), sample(rows(100), 30)
    assert {row.id for row in small} < {row.id for row in large}


def test_a_sample_keeps_rows_together_that_count_together():
    options = ("a", "b")
    asked = [
        ChoiceRow(
            id=f"{i}", label="a", group="g", image=None, captions=options, options=options, gold=0, set=f"s{i % 25}"
        )
        for i in range(100)
    ]
    assert Counter(Counter(row.set for row in sample(asked, 20)).values()) == {4: 5}
    assert len(sample(asked, 18)) == 18


def test_a_sample_is_spread_over_the_rows_rather_than_their_beginning():
    ids = [int(row.id.removeprefix("row-")) for row in sample(rows(1000), 100)]
    assert 350 < sum(ids) / len(ids) < 650


@given(st.lists(st.text(max_size=4), max_size=4), st.lists(st.text(max_size=4), max_size=4))
def test_two_different_lists_of_parts_have_different_digests(first, second):
    assert (digest(*first) == digest(*second)) is (first == second)


def test_parts_do_not_run_together():
    assert len({digest("ab", "c"), digest("a", "bc"), digest("abc"), digest("abc", ""), digest("", "abc")}) == 5


def test_text_and_its_bytes_have_one_digest_in_every_process():
    assert digest("über") == digest("über".encode())
    code = "from harness.rows import digest; print(digest('a', 'b'))"
    env = {"PYTHONHASHSEED": str(random.randrange(1000)), "PYTHONPATH": str(Path(__file__).parents[1])}
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env, check=True)
    assert other.stdout.strip() == digest("a", "b")


@pytest.mark.parametrize("field", ["id", "label", "text"])
def test_a_row_with_half_a_character_is_refused_by_name(field):
    values = {"id": "row-1", "label": "on", "text": "a cat"} | {field: "x\ud800"}
    with pytest.raises(DataError, match=rf"{field} of row .*\(U\+D800"):
        Row(**values)


@pytest.mark.parametrize("field", ["id", "label", "group", "captions", "options"])
def test_a_choice_with_half_a_character_is_refused_by_name(field):
    values = {"id": "row-1", "label": "on", "group": "g", "captions": ("a", "b"), "options": ("on", "in")}
    values[field] = "x\udfff" if isinstance(values[field], str) else ("fine", "x\udfff")
    with pytest.raises(DataError, match=rf"{field} of row .*\(U\+DFFF"):
        ChoiceRow(**values, image=None, gold=0)
