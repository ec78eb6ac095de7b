"""What is told of rows is what one would count by hand."""

from __future__ import annotations

import json
import statistics
from dataclasses import dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import explore
from harness.explore import describe, keep, merged, path_of, set_digest, shared
from harness.photos import Photo
from harness.rows import ChoiceRow, QuestionRow, Row, StoryRow, TruthRow


@dataclass(frozen=True)
class Named:
    """A picture that must not be opened."""

    name: str


def row(number: int, label: str = "on", text: str | None = "a cup on a table", picture: str = "", **more) -> Row:
    return Row(id=f"r{number}", label=label, text=text, image=Named(picture) if picture else None, **more)


def choice(number: int, gold: int = 0, picture: str = "p") -> ChoiceRow:
    captions = ("a cup on a table", "a cup under a table")
    told = {"captions": captions, "options": ("on", "under"), "gold": gold}
    return ChoiceRow(id=f"c{number}", label=captions[gold], group="g", image=Named(picture), **told)


facts = st.tuples(st.sampled_from("abc"), st.sampled_from(["x", "x y", "x y z"]), st.sampled_from(["", "p", "q"]))
rows_of = st.lists(facts, min_size=1).map(lambda told: [row(i, *fact) for i, fact in enumerate(told)])


@given(rows_of)
def test_counts_are_those_of_a_direct_count(rows):
    told = describe(rows)
    labels = [r.label for r in rows]
    assert dict(told["labels"]) == {label: labels.count(label) for label in set(labels)}
    assert told["balance"] == max(map(labels.count, labels)) / len(rows)
    assert told["rows"] == len(rows)
    assert told["captions"] == len({r.text for r in rows})
    pictures = {r.image.name for r in rows if r.image}
    assert told["pictures"] == (len(pictures) or None)
    pairs = [(r.text, r.image.name if r.image else None) for r in rows]
    assert told["duplicates"] == sum(pair in pairs[:i] for i, pair in enumerate(pairs))
    assert told["words"][2] == statistics.median(len(r.text.split()) for r in rows)
    assert told["characters"][0] == min(len(r.text) for r in rows)
    assert told["characters"][-1] == max(len(r.text) for r in rows)


@given(rows_of, st.randoms())
def test_examples_do_not_depend_on_the_order_of_rows(rows, random):
    shuffled = random.sample(rows, len(rows))
    assert describe(rows)["examples"] == describe(shuffled)["examples"]


@given(rows_of, rows_of)
def test_what_two_sets_share_is_what_a_direct_count_gives(first, second):
    found = shared(first, second)
    assert found["caption"] == sum(r.text in {f.text for f in first} for r in second) / len(second)
    known = {f.image.name for f in first if f.image}
    if known and any(r.image for r in second):
        assert found["picture"] == sum(bool(r.image) and r.image.name in known for r in second) / len(second)
    else:
        assert found["picture"] is None
    assert found["objects"] is None


def test_a_set_shares_all_with_itself():
    rows = [row(1, picture="p", subject="cup", object="table"), row(2, picture="q", subject="table", object="cup")]
    assert shared(rows, rows) == {"picture": 1.0, "caption": 1.0, "objects": 1.0}


def test_subject_and_object_are_a_pair_in_either_order():
    ahead, back = row(1, subject="cup", object="table"), row(2, subject="table", object="cup")
    assert describe([ahead, back])["objects"] == 1
    assert shared([ahead], [back])["objects"] == 1.0
    assert set_digest([ahead]) != set_digest([replace(ahead, subject="table", object="cup")])


def test_half_a_pair_is_none():
    assert describe([row(1, subject="cup")])["objects"] is None
    assert shared([row(1, subject="cup")], [row(2, subject="cup")])["objects"] is None


def test_truth_is_balanced_or_not():
    truths = [TruthRow(id=str(i), label="on", text="t", truth=i < 3) for i in range(4)]
    assert describe(truths)["truth"] == 0.75
    assert describe([row(1)])["truth"] is None


def test_places_of_the_true_caption_are_counted():
    assert describe([choice(1, 1), choice(2, 1, "q")])["gold"] == [0, 2]
    assert describe([row(1)])["gold"] is None


def test_a_question_tells_its_answers():
    told = {"question": "Is it?", "answers": ("yes", "no"), "options": ("a", "b"), "gold": 1}
    asked = QuestionRow(id="q", label="on", group="g", image=Named("p"), **told)
    (example,) = describe([asked])["examples"]
    assert example["captions"] == ["Is it?"]
    assert example["answers"] == ["yes", "no"]
    assert example["gold"] == 1


def test_rows_without_texts_have_no_lengths():
    told = describe([row(1, text=None, picture="p")])
    assert told["words"] is told["characters"] is told["captions"] is None


def test_a_description_stays_small():
    rows = [row(i, f"label {i}" * 500, "word " * 20_000) for i in range(200)]
    told = describe(rows)
    assert len(told["labels"]) == explore.LABELS
    assert told["label_count"] == 200
    assert len(json.dumps(told)) < 40_000


@pytest.mark.parametrize(
    "change",
    [{"label": "in"}, {"text": "other"}, {"id": "r9"}, {"image": Named("p")}, {"subject": "cup"}, {"group": "g"}],
)
def test_the_digest_is_of_all_that_is_described(change):
    assert set_digest([replace(row(1), **change)]) != set_digest([row(1)])
    assert set_digest([row(1)]) == set_digest([row(1)])


ASKED = {"question": "Is it?", "answers": ("yes", "no"), "options": ("a", "b"), "gold": 1}
TOLD = {"prompt": "Where is it?", "answers": ("a", "b"), "options": ("on", "in"), "right": (0,)}
KINDS = {
    "choice": choice(1),
    "question": QuestionRow(id="q", label="on", group="g", image=Named("p"), **ASKED),
    "story": StoryRow(id="s", label="on", text="a cup", **TOLD),
}


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("choice", {"options": ("on", "below")}),
        ("choice", {"gold": 1}),
        ("choice", {"set": "s"}),
        ("question", {"question": "Is it so?"}),
        ("question", {"answers": ("ja", "nein")}),
        ("question", {"options": ("b", "a")}),
        ("story", {"prompt": "Where?"}),
        ("story", {"answers": ("b", "a")}),
        ("story", {"options": ("on", "under")}),
        ("story", {"right": (1,)}),
        ("story", {"slices": ("k=1",)}),
    ],
)
def test_the_digest_is_of_what_is_asked_and_what_is_right(kind, change):
    assert set_digest([replace(KINDS[kind], **change)]) != set_digest([KINDS[kind]])
    assert set_digest([replace(KINDS[kind])]) == set_digest([KINDS[kind]])


def test_where_a_photo_lies_does_not_count():
    first, second = (replace(row(1), image=Photo("1.png", (folder,), "")) for folder in ("a", "b"))
    assert set_digest([first]) == set_digest([second])


def test_sets_are_gathered_by_suite_once(tmp_path):
    for name in ("one", "two"):
        keep(tmp_path, name, [row(1, name)])
    cells = [("s", [{"set": "one", "shared": None}, {"set": "two", "shared": {"caption": 1.0}}])] * 2
    found = merged(tmp_path, [*cells, ("t", [{"set": "one", "shared": None}]), ("skipped", ())])
    assert found["suites"] == {"s": cells[0][1], "t": [{"set": "one", "shared": None}]}
    assert {name: told["labels"] for name, told in found["sets"].items()} == {"one": [["one", 1]], "two": [["two", 1]]}


def test_a_description_that_was_deleted_is_left_out(tmp_path):
    keep(tmp_path, "one", [row(1)])
    path_of(tmp_path, "one").unlink()
    assert merged(tmp_path, [("s", [{"set": "one", "shared": None}])])["sets"] == {}
