"""Predictions and the quiz: what is asked, kept, and said."""

import re

import pytest

from coursekit import progress
from coursekit.exercises import catalogue
from coursekit.exercises.model import Choice, Lesson, Question
from coursekit.learner import questions
from coursekit.learner.questions import predict, quiz
from coursekit.widgets import QuestionCards

pytestmark = pytest.mark.usefixtures("folder")

WHICH = """\
Which of the eight maps comes from the last layer?
  ( ) A
  ( ) B
  ( ) C
  ( ) D
  ( ) E
  ( ) F
  ( ) G
  ( ) H"""
ZEROS = """\
What share of the last block, fire9-concat, is exactly zero?
  a number from 0 to 100 %"""


def answer(cards, id, given):
    """Answer as the page does, and return what the page is told."""
    told = []
    cards.send = lambda message, buffers=None: told.append(message)
    cards._handle_custom_msg({"id": id, "answer": given}, [])
    (message,) = told
    assert message["id"] == id
    return message["refused"]


def predicted():
    return [(e["id"], e["answer"], e["skipped"]) for e in progress.events() if e["kind"] == "predicted"]


@pytest.fixture
def words(monkeypatch):
    """A lesson with a prediction in words, which lesson 01 has not."""
    asked = Question("01.words", "What will happen?", says="Nobody knows.")
    small = Question("01.small", "How many?", low=-1.0, high=1.0, unit="things")
    monkeypatch.setattr(catalogue, "lesson", lambda number: Lesson("01", predictions=(asked, small)))


# ---- predictions


def test_choice_is_asked_kept_and_shown_again():
    cards = predict("01.which-part")
    assert isinstance(cards, QuestionCards)
    assert repr(cards) == WHICH
    assert answer(cards, "01.which-part", 2) == ""
    assert predicted() == [("01.which-part", 2, False)]
    said = "\n  You said C. It comes back beside the result."
    assert repr(cards) == WHICH + said
    again = predict("01.which-part")  # as after a restart: all of it comes from the file
    assert repr(again) == WHICH + said
    assert (again._cards[0]["answer"], again._cards[0]["done"]) == (2, True)


def test_what_cannot_be_kept_is_said(folder):
    (folder / progress.NAME).mkdir()  # so that no file of that name can be written, not even by root
    unkept = "But it is forgotten when Python ends, because this folder cannot be written to."
    which, zeros, cards = predict("01.which-part"), predict("01.zeros"), quiz("01")
    for asked, id, given in [(which, "01.which-part", 2), (zeros, "01.zeros", None), (cards, "01.quiz.coarse", 1)]:
        with pytest.warns(UserWarning, match="cannot be written to"):
            answer(asked, id, given)
    assert repr(which).endswith(f"You said C. It comes back beside the result. {unkept}")
    assert repr(zeros).endswith(f"Skipped. {unkept}")
    assert repr(cards).endswith(f"1 of 4 answered, 1 right at the first answer. {unkept}")


def test_what_is_committed_stays():
    first, second = predict("01.which-part"), predict("01.which-part")
    answer(first, "01.which-part", 2)
    assert answer(second, "01.which-part", 4) == ""
    assert answer(first, "01.which-part", None) == ""
    assert predicted() == [("01.which-part", 2, False)]
    assert second._cards[0]["answer"] == 2  # the other notebook shows what was committed first


def test_skipping_is_recorded():
    cards = predict("01.zeros")
    assert answer(cards, "01.zeros", None) == ""
    assert predicted() == [("01.zeros", None, True)]
    assert repr(cards) == ZEROS + "\n  Skipped."
    assert answer(cards, "01.zeros", 50) == ""
    assert len(predicted()) == 1


@pytest.mark.parametrize(
    ("id", "given", "says"),
    [
        ("01.which-part", -1, "Choose one of the answers first."),
        ("01.which-part", 8, "Choose one of the answers first."),
        ("01.which-part", True, "Choose one of the answers first."),
        ("01.which-part", "E", "Choose one of the answers first."),
        ("01.zeros", "", "Give a number from 0 to 100."),
        ("01.zeros", 101, "Give a number from 0 to 100."),
        ("01.zeros", -0.1, "Give a number from 0 to 100."),
        ("01.zeros", float("nan"), "Give a number from 0 to 100."),
        ("01.zeros", False, "Give a number from 0 to 100."),
    ],
)
def test_what_is_no_answer_is_refused(id, given, says):
    cards = predict(id)
    assert answer(cards, id, given) == says
    assert progress.events() == []
    assert not cards._cards[0]["done"]


def test_no_words_are_no_answer(words):
    cards = predict("01.words")
    assert answer(cards, "01.words", "  ") == "Write a few words first."
    assert answer(cards, "01.words", " It <b>rains</b>. ") == ""
    assert predicted() == [("01.words", "It <b>rains</b>.", False)]
    assert repr(cards).endswith("  You said “It <b>rains</b>.”. It comes back beside the result.")
    assert len(questions._valid(catalogue.find("01.words", "predictions"), "x" * 9999)) == 500


def test_page_is_not_told_the_answer():
    for cards in (predict("01.which-part"), predict("01.zeros"), quiz("01")):
        state = str({name: value for name, value in cards.get_state().items() if name not in ("_esm", "_css")})
        html = cards._repr_mimebundle_()[0]["text/html"]
        for question in (*catalogue.lesson("01").predictions, *catalogue.lesson("01").quiz):
            for secret in (question.says, *(choice.says for choice in question.choices)):
                assert not secret or (secret not in state and secret not in html)
        assert "is_right" not in state


@pytest.mark.parametrize("line", ['"answer": 11, "skipped": false', '"answer": "E", "skipped": false', '"x": 1'])
def test_record_that_fits_no_question_any_more_is_left_aside(line, folder):
    (folder / "progress.jsonl").write_text(f'{{"kind": "predicted", "id": "01.which-part", {line}}}\n')
    assert repr(predict("01.which-part")) == WHICH
    assert predict("01.which-part", "E").head == "You made no prediction"


# ---- beside the result


def test_result_beside_a_choice():
    answer(predict("01.which-part"), "01.which-part", 2)
    note = predict("01.which-part", result="E")
    assert repr(note) == ("✗ You said C. Close: C comes from the last block, three layers earlier.\nIt is E.")
    assert note.is_right is False


def test_result_beside_the_right_choice():
    answer(predict("01.which-part"), "01.which-part", 4)
    note = predict("01.which-part", result="E")
    assert repr(note).startswith("✓ You said E. E is the channel")
    assert "\n" not in repr(note)
    assert note.is_right


@pytest.mark.parametrize(
    ("given", "result", "note"),
    [
        (2, "C", "✓ You said C. Your run gave C; the course's own run gave E."),
        (4, "C", "✗ You said E. Your run gave C; the course's own run gave E."),
        (4, "J", "✗ You said E. Your run gave J; the course's own run gave E."),
        (None, "C", "You skipped this prediction. Your run gave C; the course's own run gave E."),
    ],
)
def test_a_run_with_another_result_is_not_contradicted(given, result, note):
    answer(predict("01.which-part"), "01.which-part", given)
    shown = predict("01.which-part", result=result)
    assert repr(shown) == note
    assert shown.is_right is {"✓": True, "✗": False}.get(note[0])


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (95, "You said 95 %. It is 95.2 %. As good as exact."),
        (88.5, "You said 88.5 %. It is 95.2 %. Close: you were 6.7 too low."),
        (100, "You said 100 %. It is 95.2 %. Close: you were 4.8 too high."),
        (70, "You said 70 %. It is 95.2 %. Some way off: you were 25.2 too low."),
        (0, "You said 0 %. It is 95.2 %. Far off: you were 95.2 too low."),
    ],
)
def test_result_beside_a_number(given, says):
    answer(predict("01.zeros"), "01.zeros", given)
    note = predict("01.zeros", result=95.2)
    assert repr(note) == f"{says}\nAbout a half is what chance gives. What is above it the network has learnt."
    left = [float(place) for place in re.findall(r"left:([\d.]+)%;margin", note.drawing)]
    assert left == [given, 95.2]


def test_result_beside_words(words):
    answer(predict("01.words"), "01.words", "It <b>rains</b>")
    note = predict("01.words", result="it snowed")
    assert repr(note) == "You said “It <b>rains</b>”. The result: it snowed.\nNobody knows."
    assert "<b>" not in note._repr_html_()


def test_result_outside_the_scale(words):
    answer(predict("01.small"), "01.small", -0.5)
    note = predict("01.small", result=1234.56)
    assert repr(note) == "You said -0.5 things. It is 1235 things. Far off: you were 1235 too low."
    assert "left:100.0%" in note.drawing


@pytest.mark.parametrize(("skips", "head"), [(True, "You skipped this prediction"), (False, "You made no prediction")])
def test_result_without_an_answer(skips, head):
    if skips:
        for id in ("01.which-part", "01.zeros"):
            answer(predict(id), id, None)
    assert repr(predict("01.which-part", result="E")) == f"{head}. It is E."
    assert repr(predict("01.zeros", result=95.24)).startswith(f"{head}. It is 95.2 %.\nAbout a half is what")


def test_numpy_numbers_are_results():
    import numpy as np

    assert repr(predict("01.zeros", result=np.float32(50))).startswith("You made no prediction. It is 50 %.")
    assert predict("01.zeros", result=0).says[0] == "It is 0 %."


@pytest.mark.parametrize(
    ("id", "result", "error", "says"),
    [
        ("01.which-part", 4, TypeError, "The result of '01.which-part' is the text of a choice, not 4."),
        ("01.zeros", "many", TypeError, "The result of '01.zeros' is a number, not 'many'."),
        ("01.zeros", float("nan"), ValueError, "must be a finite number"),
        ("01.which", None, ValueError, "Did you mean '01.which-part'"),
        (1, None, TypeError, "An id is a string"),
    ],
)
def test_what_cannot_be_asked(id, result, error, says):
    with pytest.raises(error, match=re.escape(says)):
        predict(id, result)


# ---- quiz


def test_quiz_explains_every_answer_and_counts_the_first():
    cards = quiz("01")
    asked = catalogue.lesson("01").quiz
    assert 3 <= len(asked) <= 5
    assert [card["asks"] for card in cards._cards] == [question.asks for question in asked]
    assert cards._score == ""
    for question in asked:
        for number, choice in enumerate(question.choices):
            assert answer(cards, question.id, number) == ""
            card = next(card for card in cards._cards if card["id"] == question.id)
            assert (card["answer"], card["says"]) == (number, choice.says)
            assert (card["mark"], card["head"]) == (("✓", "Right.") if choice.is_right else ("✗", "Not this one."))
            assert not card["done"]  # it may be tried again
    first_right = sum(question.choices[0].is_right for question in asked)
    assert cards._score == f"4 of 4 answered, {first_right} right at the first answer."
    assert [event["choice"] for event in progress.events() if event["kind"] == "quiz"] == [0, 1, 2] * 4
    assert quiz("01")._cards == cards._cards  # as after a restart
    assert quiz("01")._score == cards._score


def test_quiz_score_grows():
    cards = quiz("01")
    answer(cards, "01.quiz.coarse", 1)
    assert cards._score == "1 of 4 answered, 1 right at the first answer."
    answer(cards, "01.quiz.scale", 0)
    answer(cards, "01.quiz.scale", 2)
    assert cards._score == "2 of 4 answered, 1 right at the first answer."


def test_quiz_as_text():
    text = repr(quiz("01"))
    assert text.startswith("1. A channel of a deep layer looks like a handful of grey squares.")
    assert text.count("( )") == 12
    assert "\n4. Which of these did the untrained network show as well?\n" in text


def test_quiz_refuses_what_is_no_choice():
    cards = quiz("01")
    assert answer(cards, "01.quiz.coarse", -1) == "Choose one of the answers first."
    assert answer(cards, "01.quiz.coarse", None) == "Choose one of the answers first."
    assert progress.events() == []


def test_unknown_quiz():
    with pytest.raises(ValueError, match="no exercises for lesson '1'"):
        quiz("1")


# ---- all lessons


@pytest.mark.parametrize("number", catalogue.LESSONS)
def test_every_question_can_be_answered(number):
    asked = catalogue.lesson(number)
    for question in (*asked.predictions, *asked.quiz):
        assert question.id.startswith(f"{number}.")
        if question.kind == "choice":
            assert sum(choice.is_right for choice in question.choices) == 1
            assert all(isinstance(choice, Choice) and choice.says for choice in question.choices)
    assert all(question.kind == "choice" for question in asked.quiz)


@pytest.mark.parametrize("ask", [lambda: predict("01.zeros"), lambda: predict("01.zeros", 95), lambda: quiz("01")])
def test_in_the_sandbox_everything_waits(ask, monkeypatch, folder):
    monkeypatch.setenv("COURSEKIT_SANDBOX", str(folder))
    assert repr(ask()) == "Later. This will be checked when it is graded."


def test_folder_that_cannot_be_written_to_is_said(folder):
    (folder / "progress.jsonl").mkdir()
    cards = predict("01.zeros")
    with pytest.warns(UserWarning, match=r"progress\.jsonl cannot be written to"):
        assert answer(cards, "01.zeros", 50) == ""
    assert cards._cards[0]["done"]
