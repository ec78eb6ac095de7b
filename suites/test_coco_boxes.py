"""COCO boxes: the questions of COCO-spatial on rows made here from instance boxes, which nobody has trained on.

Rows: photos with an object that is the only one of its class and large enough, whose place in the photo, or to
another such object, is clear from the centres of the boxes (harness/data/coco.py). Any file in COCO's
instances format can be put in place of COCO's own. Two opposite captions each; chance 1/2, and the floor
is what the best preference for words gets: more things lie at the bottom of photos than at the top.
"""

import pytest

from harness import caption_choice, coco_boxes


@pytest.mark.suite("coco-boxes-one", needs="ScoresCaptions")
def test_one_object(model, score_captions, record):
    scores = score_captions(model, coco_boxes(objects=1))
    record(caption_choice(scores, balanced=False))


@pytest.mark.suite("coco-boxes-two", needs="ScoresCaptions")
def test_two_objects(model, score_captions, record):
    scores = score_captions(model, coco_boxes(objects=2))
    record(caption_choice(scores, balanced=False))
