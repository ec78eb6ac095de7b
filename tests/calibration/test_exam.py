"""The exam reads scorers of known knowledge as what they are, and tells one from another."""

import itertools

import numpy as np
import pytest

from harness.calibration.exam import EXPECTED, QUESTIONS, Expected, examine, misread
from harness.calibration.variants import TAUGHT, VARIANTS
from harness.errors import ConfigError
from harness.relations import AXES
from harness.results import Result
from harness.rows import Scores, digest
from harness.scenes import OPPOSITES, WORDINGS, caption
from harness.scenes.scene import noun


def claims(scene):
    """Every caption that can be made of a scene's objects, and what it claims: relation, wording, swapped."""
    found = {}
    for relation, ways in WORDINGS.items():
        for wording, swapped in itertools.product(range(len(ways)), (False, True)):
            if len(scene.objects) == 1 + ("{b}" in ways[0]) + ("{c}" in ways[0]) and not (
                swapped and "{b}" not in ways[0]
            ):
                found.setdefault(caption(scene, relation, wording, swapped=swapped), (relation, wording, swapped))
    return found


def noise(*parts):
    return int(digest(*parts)[:8], 16) / 2**32


def knows_direction(relation, wording, swapped, truth):
    said = OPPOSITES.get(relation, relation) if swapped else relation
    return said == truth


def axis_of(relation):
    return AXES.get(relation, "other")


def vertical(relation, wording, swapped, truth):
    if axis_of(truth) == "vertical":
        return knows_direction(relation, wording, swapped, truth)
    return axis_of(relation) == axis_of(truth)


def horizontal(relation, wording, swapped, truth):
    if axis_of(truth) == "horizontal":
        return knows_direction(relation, wording, swapped, truth)
    return axis_of(relation) == axis_of(truth)


KNOWLEDGE = {
    "cal-spatial": knows_direction,
    "cal-bag": lambda *claim: False,
    "cal-vertical": vertical,
    "cal-horizontal": horizontal,
    "cal-vocabulary": lambda relation, wording, swapped, truth: (
        wording == TAUGHT.get(relation, 0) and knows_direction(relation, wording, swapped, truth)
    ),
    "cal-prior": lambda *claim: False,
    "cal-axis": lambda relation, wording, swapped, truth: axis_of(relation) == axis_of(truth),
}


FAVOURITES = (" left ", " above ", " over ", " higher ")


def scorer(name):
    """Scores of a model that knows objects, colours and just that; the rest is noise of picture and caption."""
    knows = KNOWLEDGE[name]

    def score(rows):
        width = max(len(row.captions) for row in rows)
        values = np.full((len(rows), width), -np.inf)
        for line, row in zip(values, rows, strict=True):
            scene = row.image.scene
            said = claims(scene)
            first = noun(scene.objects[0].colour, scene.objects[0].shape)
            for k, text in enumerate(row.captions):
                known = knows(*said[text], scene.relation) if text in said else text == first
                favoured = name == "cal-prior" and any(word in text for word in FAVOURITES)
                line[k] = 3 * known + 5 * favoured + noise(scene.id, text)
        return Scores(tuple(rows), values, tuple(row.group for row in rows))

    return score


@pytest.mark.parametrize("name", EXPECTED)
def test_a_scorer_that_knows_just_what_a_model_was_made_to_know_is_read_as_that_model(name):
    findings, wrong = examine(name, scorer(name))
    unsure = [line for line in wrong if "made to be chance" in line or "%," in line]
    assert [line for line in wrong if line not in unsure] == []
    # 95 in 100 intervals hold what they should: one of a dozen may miss, by little
    assert len(unsure) <= 1, unsure
    assert {r.slice for r in findings.results} == {f"question={question}" for question in QUESTIONS}


@pytest.mark.parametrize(
    ("name", "other"), [(a, b) for a, b in itertools.permutations(EXPECTED, 2) if (a, b) != ("cal-bag", "cal-prior")]
)
def test_no_model_passes_for_another(name, other):
    assert measured(other) is not None
    assert misread(name, measured(other)) != []


CACHE = {}


def measured(name):
    if name not in CACHE:
        CACHE[name] = examine(name, scorer(name))[0].results
    return CACHE[name]


def test_every_variant_has_its_expectations_and_every_expectation_its_question():
    assert EXPECTED.keys() == VARIANTS.keys()
    for expected in EXPECTED.values():
        assert expected.keys() <= QUESTIONS.keys()
        assert "colour" in expected


def test_a_model_that_nobody_made_is_refused():
    with pytest.raises(ConfigError, match=r"cal-spacial.*Did you mean cal-spatial\?"):
        examine("cal-spacial", scorer("cal-bag"))


@pytest.mark.parametrize(
    ("expected", "value", "low", "high", "met"),
    [
        (Expected(at_least=0.9), 0.9, 0.8, 0.95, True),
        (Expected(at_least=0.9), 0.89, 0.8, 0.95, False),
        (Expected(at_most=0.4), 0.4, 0.3, 0.5, True),
        (Expected(at_most=0.4), 0.41, 0.3, 0.5, False),
        (Expected(), 0.3, 0.25, 0.35, True),
        (Expected(), 0.3, 0.262, 0.33, True),  # wider than 95 %: half as much again
        (Expected(), 0.3, 0.275, 0.33, False),
        (Expected(), 0.2, 0.15, 0.23, False),
        (Expected(near=0.5), 0.5, 0.45, 0.55, True),
        (Expected(near=0.5), 0.3, 0.2, 0.35, False),
        (Expected(), 0.25, None, None, False),
    ],
)
def test_a_reading_is_right_or_not(expected, value, low, high, met):
    result = Result(metric="accuracy", value=value, low=low, high=high, n=100, chance=0.25)
    assert expected.met(result) is met
