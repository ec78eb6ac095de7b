"""Prompts: the seed study's words, answers that are labels, and what is said beside what is held."""

import pytest

from harness.errors import DataError
from harness.measure.answers import read_answer
from harness.measure.layer_probe import layer_probe
from harness.measure.prompts import answers_beside, by_axis, color_prompts, prompt_questions, relation_prompts
from harness.rows import Row, Scores
from harness.shards import Cell, Shard, read_arrays
from tests.fake_models import Held
from tests.measure.layer_samples import layers_of, rows_of, states

ROW = Row(id="a", label="left of", group="g", text="a red circle …", subject="a red circle", object="the blue square")


def test_prompts_are_the_seed_studys_to_the_letter():
    assert [row.text for row in relation_prompts([ROW])] == [
        "Determine the spatial relationship of 'red circle' relative to 'blue square'. Choose ONE label from: "
        "[left of, right of, above, below]. Respond with ONLY the label. No explanation."
    ]
    color = Row(id="b", label="orange", text="an orange heart")
    assert [row.text for row in color_prompts([color])] == [
        "What is the color of the heart in the image? Respond with ONLY the color name. No explanation."
    ]


def test_other_relations_are_left_out_and_rows_without_names_refused():
    near = Row(id="n", label="near", subject="a cup", object="a plate")
    assert [row.id for row in relation_prompts([near, ROW])] == ["a"]
    with pytest.raises(DataError, match="none of 1 rows is left of, right of, above, below"):
        relation_prompts([near])
    with pytest.raises(DataError, match="row c names no subject or object"):
        relation_prompts([Row(id="c", label="above", text="x")])


def test_an_axis_takes_the_place_of_its_relations():
    rows = [Row(id=label, label=label) for label in ("left of", "under", "behind", "near")]
    assert [(row.id, row.label) for row in by_axis(rows)] == [
        ("left of", "horizontal"), ("under", "vertical"), ("behind", "depth")
    ]  # fmt: skip


def asked():
    rows = [
        Row(id=row.id, label=row.label, group=row.group, text="where?", image=Held(f"{row.id}.png"))
        for row in rows_of()
    ]
    return rows, {row.id: row for row in prompt_questions(rows)}


@pytest.mark.parametrize(
    ("said", "option"),
    [("left of", 2), ("Left", 2), ("Right of.", 3), ("ABOVE", 0), ("It is below.", 1), ("next to", None)],
)
def test_answers_are_read_with_or_without_their_preposition(said, option):
    _, questions = asked()
    assert questions["row0000"].options == ("above", "below", "left of", "right of")
    assert read_answer(said, questions["row0000"].answers) == option


def test_a_question_needs_a_picture():
    with pytest.raises(DataError, match="row a has no picture to ask about"):
        prompt_questions([ROW])


def test_what_is_said_stands_beside_what_is_held():
    """The probes are nearly always right; the model is where the relation is vertical, and mumbles elsewhere."""
    rows, _ = asked()
    probed = layer_probe(layers_of(rows, states(rows, 9)), count=9)
    tested = prompt_questions(rows, probed)
    assert sorted(row.id for row in tested) == sorted(probed.about["rows"]["test"])
    said = tuple(row.label if row.label in ("above", "below") else "hm" for row in tested)
    found = answers_beside(probed, Scores(tuple(tested), said, tuple(row.group for row in tested)))
    results = {(r.metric, r.slice): r for r in found.results}
    assert results["answer_accuracy", "all"].value == 0.5
    assert results["answer_accuracy", "relation=above"].value == 1.0
    assert results["answer_unparsable", "all"].value == 0.5
    unsaid, held = results["unsaid", "all"], probed.results[0].value
    assert unsaid.value == pytest.approx(held - 0.5)
    assert 0.3 < unsaid.low <= unsaid.value <= unsaid.high
    assert unsaid.n == len(tested) == len(found.outcomes)
    assert all(outcome.row.endswith(" answer") for outcome in found.outcomes)


def test_answers_are_kept_in_the_models_words(tmp_path):
    rows, _ = asked()
    probed = layer_probe(layers_of(rows, states(rows, 9)), count=9)
    tested = tuple(prompt_questions(rows, probed))
    said = tuple(f"It is {row.label}, I'd say – «{row.id}»" for row in tested)
    found = answers_beside(probed, Scores(tested, said, tuple(row.group for row in tested)))
    Shard(tmp_path, "main").append(Cell(suite="s", model="m", status="passed", findings=found))
    _, about = read_arrays(tmp_path, "s", "m")
    assert about == {"answers": {row.id: text for row, text in zip(tested, said, strict=True)}}


def test_answers_about_other_rows_are_refused():
    rows, questions = asked()
    probed = layer_probe(layers_of(rows, states(rows, 9)), count=9)
    other = [questions[i] for i in probed.about["rows"]["train"]]
    with pytest.raises(DataError, match="no row was both probed and answered"):
        answers_beside(probed, Scores(tuple(other), ("above",) * len(other), tuple(row.group for row in other)))
