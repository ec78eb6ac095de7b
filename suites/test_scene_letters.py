"""Scene letters: which of four captions under letters is true of a drawn scene, said in the model's own words?

Rows: those of scene-choice, each asked in four rotations, so that every caption stands once under every letter and
always saying "A" earns 1/4. An answer that cannot be read is wrong, and `unparsable` is their share; `preference` is
how far the letters that are said are from those that are right. Chance 1/4.
"""

import pytest

from harness import answer_choice, letter_questions, scene_choices


@pytest.mark.suite("scene-letters", needs="AnswersQuestions")
def test_letters(model, answer_questions, record):
    record(answer_choice(answer_questions(model, letter_questions(scene_choices("spatial", "test")))))
