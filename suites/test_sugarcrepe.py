"""SugarCrepe: is the caption with the right relation, or the right order of objects, preferred to a false one?

Hsieh et al. (2023), arXiv 2306.14610: photos of COCO's val2017, their caption, and one in which the relation is
replaced (1,406) or two objects are swapped (245), filtered so that it reads as well as the true one. Chance 1/2.
"""

import pytest

from harness import caption_choice, sugarcrepe


@pytest.mark.suite("sugarcrepe-replace-rel", needs="ScoresCaptions")
def test_replaced_relation(model, score_captions, record):
    record(caption_choice(score_captions(model, sugarcrepe("replace_rel"))))


@pytest.mark.suite("sugarcrepe-swap-obj", needs="ScoresCaptions")
def test_swapped_objects(model, score_captions, record):
    record(caption_choice(score_captions(model, sugarcrepe("swap_obj"))))
