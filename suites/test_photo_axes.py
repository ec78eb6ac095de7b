"""Photo axes: is above from below known better than left from right, in photos?

Rows: those of What'sUp A (on and under against left and right), of COCO-spatial and GQA-spatial, and of instance boxes.
The number is accuracy on vertical relations less that on horizontal ones; its interval draws photos, or pairs
of objects where all stand in all relations (What'sUp). A model that knows nothing, or both, gets 0; but where a word is
right more often than its opposite, a preference for it gets the floor, which differs by axis.
"""

import pytest

from harness import axis_contrast, coco_boxes, coco_spatial, gqa_spatial, whatsup


@pytest.mark.suite("whatsup-a-axes", needs="ScoresCaptions")
def test_around_furniture(model, score_captions, record):
    record(axis_contrast(score_captions(model, whatsup("a"))))


@pytest.mark.suite("coco-spatial-axes", needs="ScoresCaptions")
def test_coco(model, score_captions, record):
    record(axis_contrast(score_captions(model, coco_spatial(1) + coco_spatial(2)), balanced=False))


@pytest.mark.suite("gqa-spatial-axes", needs="ScoresCaptions")
def test_gqa(model, score_captions, record):
    record(axis_contrast(score_captions(model, gqa_spatial(1) + gqa_spatial(2)), balanced=False))


@pytest.mark.suite("coco-boxes-axes", needs="ScoresCaptions")
def test_boxes(model, score_captions, record):
    record(axis_contrast(score_captions(model, coco_boxes(1) + coco_boxes(2)), balanced=False))
