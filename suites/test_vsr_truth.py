"""VSR truth: is what a caption says of the photo so?

Liu, Emerson & Collier (2023), arXiv 2205.00363: captions of COCO photos that state one of 66 relations, about half of
them falsely. Each stands against its denial ("is under" / "is not under"), of which one is true; and each true caption
against the opposite relation where there is one. Photos are the groups. Chance 1/2; the
floor is what the best preference for words gets, as more things are said to be "on" than "off". Models that answer
questions are also asked, yes or no; an answer that cannot be read is wrong.
"""

import pytest

from harness import answer_choice, caption_choice, vsr_choices, vsr_questions


@pytest.mark.suite("vsr-negation", needs="ScoresCaptions")
def test_against_the_denial(model, score_captions, record):
    scores = score_captions(model, vsr_choices("random", "test", "negation"))
    record(caption_choice(scores, balanced=False))


@pytest.mark.suite("vsr-negation-zeroshot", needs="ScoresCaptions")
def test_against_the_denial_of_unseen_things(model, score_captions, record):
    scores = score_captions(model, vsr_choices("zeroshot", "test", "negation"))
    record(caption_choice(scores, balanced=False))


@pytest.mark.suite("vsr-antonym", needs="ScoresCaptions")
def test_against_the_opposite(model, score_captions, record):
    scores = score_captions(model, vsr_choices("random", "test", "antonym"))
    record(caption_choice(scores, balanced=False))


@pytest.mark.suite("vsr-yes-no", needs="AnswersQuestions")
def test_asked_yes_or_no(model, answer_questions, record):
    record(answer_choice(answer_questions(model, vsr_questions("random", "test"))))


@pytest.mark.suite("vsr-yes-no-zeroshot", needs="AnswersQuestions")
def test_asked_of_unseen_things(model, answer_questions, record):
    record(answer_choice(answer_questions(model, vsr_questions("zeroshot", "test"))))
