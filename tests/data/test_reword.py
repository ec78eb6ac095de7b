"""Captions in other words: only the relation changes, and the truth never does."""

import pytest

from harness import negated, phrases, reworded, scene_choices, swapped, wording_choice, wordings
from harness.embed import score_captions
from harness.encode import Model
from harness.errors import ConfigError, DataError
from harness.models import read_models
from harness.relations import OPPOSITES, PHRASES, WORDINGS
from harness.rows import ChoiceRow
from harness.store import Store

SAID = {
    "left of": "to the left of", "right of": "to the right of", "on": "on", "under": "under",
    "in front of": "in front of", "behind": "behind",
}  # fmt: skip


def row(label, relations, template="A mug {} a table", id_="r", image="p"):
    captions = tuple(template.format(SAID.get(relation, relation)) for relation in relations)
    return ChoiceRow(
        id=id_, label=label, group="mug table", image=image, captions=captions, options=tuple(relations),
        gold=relations.index(label), pair="mug table", set="mug table",
    )  # fmt: skip


A, B = ("on", "under", "left of", "right of"), ("in front of", "behind", "left of", "right of")


@pytest.mark.parametrize("preset", ["spatial", "place", "tabletop", "tabletop-depth"])
def test_rows_of_scenes_become_what_scenes_themselves_say(preset):
    plain = scene_choices(preset, "test")
    assert len(wordings(plain)) == (3 if preset == "spatial" else 2)
    for way in wordings(plain):
        assert reworded(plain, way) == scene_choices(preset, "test", wording=way)


def test_every_caption_of_a_row_is_put_in_its_own_synonym():
    [told] = reworded([row("on", A)], 1)
    assert told.captions == (
        "A mug on top of a table", "A mug underneath a table", "A mug left of a table", "A mug right of a table"
    )  # fmt: skip
    assert (told.id, told.gold, told.options, told.set) == ("r", 0, A, "mug table")
    [told] = reworded([row("behind", B)], 1)
    assert told.captions[:2] == ("A table with a mug in the foreground", "A table with a mug in the background")


@pytest.mark.parametrize(
    ("caption", "way", "becomes"),
    [
        ("A photo of a dining table to the left of a cat.", 2, "A photo of a dining table on the left side of a cat."),
        ("A photo of a bus to the behind of a man", 0, "A photo of a bus behind a man"),
        ("A photo of a bus to the behind of a man", 1, "A photo of a man with a bus in the background"),
        ("A photo of a bear on the left.", 1, "A photo of a bear at the left edge."),
        ("A photo of a bag on the top", 0, "A photo of a bag at the top"),
        ("a hot dog on a plate below a man", 1, "a hot dog on a plate beneath a man"),
    ],
)
def test_a_caption_is_taken_apart_at_its_last_relation(caption, way, becomes):
    other = caption.replace("left", "right").replace("behind", "front")
    asked = ChoiceRow(id="r", label="x", group="g", image="p", captions=(caption, other), options=("x", "y"), gold=0)
    assert reworded([asked], way)[0].captions[0] == becomes


@pytest.mark.parametrize(
    "caption",
    ["A mug beside a table", "A mug on", "on a table", "", "A mug at the top of a table", "A bag on top of a box"],
)
def test_a_row_that_says_no_known_relation_is_left_as_it_is(caption):
    asked = ChoiceRow(
        id="r", label="x", group="g", image="p", captions=("A mug under a table", caption), options=("x", "y"), gold=0
    )
    assert [reworded([asked], way) for way in range(2)] == [[asked], [asked]]


def test_a_sentence_is_never_turned_round():
    asked = ChoiceRow(
        id="r", label="behind", group="g", image="p", gold=0, options=("behind", "in front of"),
        captions=("The cat is behind the dog.", "The cat is in front of the dog."),
    )  # fmt: skip
    assert reworded([asked], 1) == [asked]
    assert swapped([asked]) == negated([asked]) == []


def test_a_wording_that_is_not_there_and_rows_without_any_are_errors():
    with pytest.raises(ConfigError, match="wording 2 of 'on': there are 2"):
        reworded([row("on", A)], 2)
    with pytest.raises(DataError, match="none of 1 rows says a relation"):
        wordings([row("near", ("near", "far from"))])


@pytest.mark.parametrize("label", B)
def test_exchanged_objects_claim_the_same_of_both_pictures_of_a_pair(label):
    [asked] = swapped([row(label, B)])
    claimed = min(label, OPPOSITES[label])
    said = {"as is": f"A mug {SAID[claimed]} a table", "swapped": f"A table {SAID[claimed]} a mug"}
    assert dict(zip(asked.options, asked.captions, strict=True)) == said
    assert asked.options[asked.gold] == ("as is" if label == claimed else "swapped")
    assert (asked.label, asked.pair, asked.set) == (claimed, "mug table", "")


@pytest.mark.parametrize("label", [*A, *B])
def test_a_denial_is_true_of_the_opposite_picture(label):
    [asked] = negated([row(label, A if label in A else B)])
    claimed = min(label, OPPOSITES[label])
    said = {"claimed": f"A mug {SAID[claimed]} a table", "denied": f"A mug not {SAID[claimed]} a table"}
    assert dict(zip(asked.options, asked.captions, strict=True)) == said
    assert asked.options[asked.gold] == ("claimed" if label == claimed else "denied")


def test_what_has_no_converse_is_not_exchanged():
    assert swapped([row("on", A), row("under", A)]) == []


def test_the_published_change_of_words():
    asked = swapped([row("behind", B, "A cup {} a plate"), row("in front of", B, "A cup {} a plate", "s")])
    plain, background = ([set(one.captions) for one in reworded(asked, way)] for way in range(2))
    assert plain == [{"A cup behind a plate", "A plate behind a cup"}] * 2
    assert background == [{"A plate with a cup in the background", "A cup with a plate in the background"}] * 2
    assert [one.options[one.gold] for one in asked] == ["as is", "swapped"]


def test_every_phrase_names_a_relation_with_words_or_is_known_to_have_none():
    assert set(PHRASES.values()) - set(WORDINGS) == {"on top of"}


@pytest.mark.parametrize(("name", "knows_one"), [("cal-vocabulary", True), ("cal-spatial", False)])
def test_a_model_of_one_wording_is_found_on_rows_that_are_reworded(name, knows_one, tmp_path):
    from pathlib import Path

    import harness
    from harness.devices import Device

    spec = next(s for s in read_models(Path(harness.__file__).parents[1] / "models.yaml") if s.name == name)
    model, rows = Model(spec, Store(tmp_path), device=lambda: Device("cpu", "cpu")), scene_choices("spatial", "test")
    worded = {way: score_captions(model, reworded(rows, way)) for way in wordings(rows)}
    found = {r.metric if r.slice == "all" else r.slice: r for r in wording_choice(worded, phrases).results}
    assert found["wording=above"].value > 0.9
    if knows_one:
        assert found["spread"].low > 0.4
        assert found["wording=higher than"].value < 0.5
    else:
        assert found["spread"].value < 0.05
        assert found["consistency"].value > 0.9
