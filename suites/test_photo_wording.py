"""Photo wording: does the answer about a photo survive a paraphrase?

Rows: those of What'sUp, COCO- and GQA-spatial and of instance boxes, with each caption's relation in its synonyms
(harness/relations.py): accuracy over all and by phrase; the spread between the best and the worst wording, whose floor
is what luck alone gives; and how often two wordings of one row get the same answer. `whatsup-b-behind` is the
published change of words (Kamath, Hessel & Chang 2023, arXiv 2310.19785, sec. 4.2): "a cup behind a plate" against "a
plate behind a cup", then "a plate with a cup in the background" against its mirror; two OpenCLIP models got 52 % and
67 %. Chance 1/4 or 1/2, by the number of captions; where relations are not equally frequent, the floor is what the best
preference for words gets.
"""

import pytest

from harness import coco_boxes, coco_spatial, gqa_spatial, phrases, reworded, swapped, whatsup, wording_choice, wordings


@pytest.mark.suite("whatsup-a-wording", needs="ScoresCaptions")
def test_around_furniture(model, score_captions, record):
    rows = whatsup("a")
    record(wording_choice({way: score_captions(model, reworded(rows, way)) for way in wordings(rows)}, phrases))


@pytest.mark.suite("whatsup-b-wording", needs="ScoresCaptions")
def test_on_a_table(model, score_captions, record):
    rows = whatsup("b")
    record(wording_choice({way: score_captions(model, reworded(rows, way)) for way in wordings(rows)}, phrases))


@pytest.mark.suite("whatsup-b-behind", needs="ScoresCaptions")
def test_behind_and_in_the_background(model, score_captions, record):
    rows = swapped([row for row in whatsup("b") if row.label in ("in front of", "behind")])
    record(wording_choice({way: score_captions(model, reworded(rows, way)) for way in wordings(rows)}, phrases))


@pytest.mark.suite("coco-spatial-two-wording", needs="ScoresCaptions")
def test_two_objects(model, score_captions, record):
    rows = coco_spatial(objects=2)
    worded = {way: score_captions(model, reworded(rows, way)) for way in wordings(rows)}
    record(wording_choice(worded, phrases, balanced=False))


@pytest.mark.suite("gqa-spatial-two-wording", needs="ScoresCaptions")
def test_two_objects_of_visual_genome(model, score_captions, record):
    rows = gqa_spatial(objects=2)
    worded = {way: score_captions(model, reworded(rows, way)) for way in wordings(rows)}
    record(wording_choice(worded, phrases, balanced=False))


@pytest.mark.suite("coco-boxes-two-wording", needs="ScoresCaptions")
def test_two_objects_from_boxes(model, score_captions, record):
    rows = coco_boxes(objects=2)
    worded = {way: score_captions(model, reworded(rows, way)) for way in wordings(rows)}
    record(wording_choice(worded, phrases, balanced=False))
