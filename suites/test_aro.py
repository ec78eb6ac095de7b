"""ARO: which of two objects is the subject, the horse eating the grass or the grass eating the horse?

Yuksekgonul et al. (2023), arXiv 2210.01936, VG-Relation: 23,937 parts of photos of Visual Genome, each with its caption
and the one in which the two objects are exchanged. Relations are very unequal in number, so the macro accuracy, in
which each counts once, stands beside the accuracy over rows. Published macro accuracies leave out relations that
the authors' evaluation lists as symmetric ("near"), of which the other caption is true as well; here all relations
count, so the two do not compare. Photos are the groups. Chance 1/2.
"""

import pytest

from harness import aro_relation, caption_choice, macro_accuracy


@pytest.mark.suite("aro-relation", needs="ScoresCaptions")
def test_subject_and_object(model, score_captions, record):
    scores = score_captions(model, aro_relation())
    record(caption_choice(scores))
    record(macro_accuracy(scores))
