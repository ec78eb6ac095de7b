"""Steering: a model that reads where the probe does turns, one that reads elsewhere does not, and nobody at no push."""

import numpy as np
import pytest

from harness.errors import ScoreError
from harness.measure.layer_probe import layer_probe
from harness.measure.prompts import prompt_questions
from harness.measure.steering import steering
from harness.rows import Row, Scores
from tests.fake_models import Held
from tests.measure.layer_samples import LABELS, layers_of, rows_of, states

WIDTH = 8


class Talker:
    """Says the label whose column in the state is largest; the state is that of layer 2, moved by the push."""

    def __init__(self, reads=range(4), deaf=False, garbled=False):
        self.reads, self.deaf, self.garbled, self.pushes = list(reads), deaf, garbled, []

    def ask(self, questions, held):
        def answer(layer, push):
            self.pushes.append((layer, push))
            moved = held + (0 if self.deaf else push)
            said = [LABELS[k].removesuffix(" of") for k in moved[:, self.reads].argmax(axis=1)]
            if self.garbled and np.linalg.norm(push) > 10:
                said = ["?"] * len(said)
            return Scores(tuple(questions), tuple(said), tuple(row.group for row in questions))

        return answer


@pytest.fixture(scope="module")
def probed():
    rows = rows_of()
    return layer_probe(layers_of(rows, states(rows, 9, 1, 6, 9)), count=9)


@pytest.fixture(scope="module")
def held():
    """Questions of rows that no probe has seen, and the states of a model that is mostly right about them."""
    rows = [
        Row(id=f"asked{i:02}", label=LABELS[i % 4], group=f"g{i // 4}", text="where?", image=Held(f"{i}.png"))
        for i in range(48)
    ]
    return prompt_questions(rows), states(rows, 3, seed=7)[0]


def steered(probed, held, talker, **options):
    questions, states = held
    ask = talker.ask(questions, states)
    return steering(probed, ask(0, np.zeros(WIDTH)), ask, **options)


def by_slice(findings, metric="turned"):
    return {result.slice: result for result in findings.results if result.metric == metric}


def test_answers_turn_where_the_model_reads_what_the_probe_reads(probed, held):
    found = steered(probed, held, Talker())
    turned, random = by_slice(found), by_slice(found, "turned_random")
    assert turned["alpha=0"].value == random["alpha=0"].value == 0
    assert turned["alpha=50"].value == 1.0
    assert turned["alpha=1"].value < turned["alpha=5"].value < 1
    assert by_slice(found, "turned_difference")["all"].low > 0.2
    assert random["alpha=50"].value < 0.5
    for name, result in turned.items():
        assert result.floor == random[name].value
        assert result.low <= result.value <= result.high
    assert set(turned) == {
        "all", *(f"alpha={a}" for a in (0, 1, 2, 5, 10, 20, 50)), *(f"relation={label}" for label in LABELS)
    }  # fmt: skip


def test_what_turns_is_counted_directly(probed, held):
    states = held[1]
    found = steered(probed, held, Talker(), alphas=(5.0,), draws=2)
    base = states[:, :4].argmax(axis=1)
    weights = probed.arrays["weights.2"].astype(float)
    turned = could = named = 0
    for k in range(4):
        moved = states + 5 * weights[:, k] / np.linalg.norm(weights[:, k])
        turned += ((moved[:, :4].argmax(axis=1) == k) & (base != k)).sum()
        named += (moved[:, :4].argmax(axis=1) == k).sum()
        could += (base != k).sum()
    whole = by_slice(found)["alpha=5"]
    assert (whole.value, whole.n) == (pytest.approx(turned / could), could)
    assert np.mean([o.correct for o in found.outcomes]) == pytest.approx(named / (4 * len(states)))


def test_what_turns_in_random_directions_is_counted_directly(probed, held):
    talker, states = Talker(), held[1]
    found = steered(probed, held, talker, alphas=(5.0,), draws=2)
    base = states[:, :4].argmax(axis=1)
    blind = [(states + push)[:, :4].argmax(axis=1) for _, push in talker.pushes[-2:]]
    turned = sum(((said == k) & (base != k)).sum() for said in blind for k in range(4))
    assert by_slice(found, "turned_random")["all"].value == pytest.approx(turned / (2 * 3 * len(states)))


def test_two_checkpoints_have_the_same_rows(probed, held):
    questions, states = held
    other = Talker().ask(questions, np.roll(states, 1, axis=1))
    first = steered(probed, held, Talker())
    second = steering(probed, other(0, np.zeros(WIDTH)), other)
    assert [(o.row, o.group, o.gold) for o in first.outcomes] == [(o.row, o.group, o.gold) for o in second.outcomes]
    assert len({o.row for o in first.outcomes}) == len(first.outcomes) == 6 * 4 * len(questions)
    assert [o.correct for o in first.outcomes] != [o.correct for o in second.outcomes]


@pytest.mark.parametrize("talker", [Talker(deaf=True), Talker(reads=(4, 5, 6, 7))], ids=["deaf", "reads elsewhere"])
def test_answers_do_not_turn_where_the_model_does_not_read(probed, held, talker):
    found = steered(probed, held, talker, alphas=(0.0, 2.0, 5.0))
    assert abs(by_slice(found, "turned_difference")["all"].value) < 0.1
    assert by_slice(found)["alpha=0"].value == 0


def test_the_push_is_the_unit_direction_times_alpha_at_a_layer_that_leaves_a_block(probed, held):
    """Of layers 0 to 3, 0 and 3 tell the label best; they cannot be pushed, or are another space's."""
    talker = Talker()
    found = steered(probed, held, talker, alphas=(0.0, 10.0), draws=2)
    pushes = talker.pushes[1:]  # the first asks without one
    assert {layer for layer, _ in pushes} == {2}
    assert [np.linalg.norm(push) for _, push in pushes] == pytest.approx([0, *[10] * 6], abs=1e-4)
    length = np.mean(np.linalg.norm(states(rows_of(), 9, 1, 6, 9)[2], axis=1))
    assert by_slice(found)["all"].note == f"pushed at layer 2, whose states have a mean length of {length:.3g}"


def test_a_model_that_breaks_down_turns_to_nothing_and_is_said_to(probed, held):
    found = steered(probed, held, Talker(garbled=True), alphas=(5.0, 20.0))
    assert by_slice(found)["alpha=20"].value == 0
    unparsable = by_slice(found, "unparsable")
    assert (unparsable["alpha=5"].value, unparsable["alpha=20"].value) == (0, 1)


def test_other_rows_than_were_asked_are_an_error(probed, held):
    questions, states = held
    before = Talker().ask(questions, states)(0, np.zeros(WIDTH))
    fewer = Talker().ask(questions[1:], states[1:])
    with pytest.raises(ScoreError, match="47 rows were answered with a push, not the 48 asked before"):
        steering(probed, before, fewer)
