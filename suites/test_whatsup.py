"""What'sUp: which of four captions, differing only in the preposition, is true of the photo?

Kamath, Hessel & Chang (2023), arXiv 2310.19785. A: 412 photos of objects on, under, left and right of furniture; B:
408 pictures of objects in front of, behind, left and right of each other on a table. Every pair stands in all
four relations. Chance 1/4; a pair or set counts only if all of it is right (chance 1/16, 1/256).
"""

import pytest

from harness import answer_choice, caption_choice, letter_questions, whatsup


@pytest.mark.suite("whatsup-a", needs="ScoresCaptions")
def test_around_furniture(model, score_captions, record):
    record(caption_choice(score_captions(model, whatsup("a"))))


@pytest.mark.suite("whatsup-b", needs="ScoresCaptions")
def test_on_a_table(model, score_captions, record):
    record(caption_choice(score_captions(model, whatsup("b"))))


@pytest.mark.suite("whatsup-a-paper", needs="ScoresCaptions")
def test_as_published(model, score_captions, record):
    """A with two pictures of a pillow labelled as the authors have them: the wrong way round."""
    record(caption_choice(score_captions(model, whatsup("a", corrected=False))))


@pytest.mark.suite("whatsup-a-letters", needs="AnswersQuestions")
def test_around_furniture_by_letters(model, answer_questions, record):
    """The captions under letters, in every rotation, so that a bias to a letter is measured and earns nothing."""
    record(answer_choice(answer_questions(model, letter_questions(whatsup("a")))))


@pytest.mark.suite("whatsup-b-letters", needs="AnswersQuestions")
def test_on_a_table_by_letters(model, answer_questions, record):
    record(answer_choice(answer_questions(model, letter_questions(whatsup("b")))))
