"""Predictions, committed before the result is shown, and the quiz at the end of a lesson."""

from __future__ import annotations

import math
from dataclasses import replace
from html import escape
from typing import TYPE_CHECKING, Any

from coursekit import progress
from coursekit.exercises import catalogue
from coursekit.exercises.cases import in_sandbox
from coursekit.exercises.model import Question
from coursekit.learner.notes import LATER, Note
from coursekit.learner.start_page import keep

if TYPE_CHECKING:
    from coursekit.widgets import QuestionCards

MOST_CHARACTERS = 500  # of an answer in words
_UNKEPT = "But it is forgotten when Python ends, because this folder cannot be written to."


def predict(question_id: str, result: Any = None) -> QuestionCards | Note:
    """Ask for a prediction; or, given the result, show it beside what was predicted.

    What is committed cannot be changed any more. It is kept in the learner's folder, and so survives a restart.

    Args:
        question_id: Such as "01.which-part".
        result: What came out in this run: a number, the text of a choice, or a sentence. ``...`` stands for the choice
            that came out in the course's own run, so that the lesson's text does not tell it. None asks.

    Returns:
        The question, to be answered in the page; or with ``result`` a note.

    Raises:
        ValueError: There is no such prediction (the nearest are named), or the result is no finite number.
        TypeError: The id is no string, or the result is no number where one was asked for, no text where a choice was.
    """
    if in_sandbox():
        return LATER
    question = catalogue.find(question_id, "predictions")
    if result is ... and question.kind == "choice":
        result = _registered(question)
    if result is not None:
        return _beside(question, result)

    def read() -> dict:
        return {"cards": [_prediction_card(question, _first_answer("predicted", question))]}

    def take(_: str, answer: Any) -> None:
        if _first_answer("predicted", question) is None:  # another notebook may have been first
            answer = None if answer is None else _valid(question, answer)
            keep("predicted", question.id, answer=answer, skipped=answer is None)

    return _cards(f"Prediction: {question.asks}", read, take, "prediction")


def quiz(number: str) -> QuestionCards | Note:
    """Ask the questions of a lesson's quiz. Each answer is explained; the first one to each question counts.

    Args:
        number: The lesson's, such as "01".

    Raises:
        ValueError: There is no such lesson.
    """
    if in_sandbox():
        return LATER
    questions = {question.id: question for question in catalogue.lesson(number).quiz}

    def read() -> dict:
        answers = {id: _answers("quiz", question) for id, question in questions.items()}
        right = sum(bool(given) and questions[id].choices[given[0]].is_right for id, given in answers.items())
        answered = sum(map(bool, answers.values()))
        score = f"{answered} of {len(questions)} answered, {right} right at the first answer." if answered else ""
        if any(event["kind"] == "quiz" and not progress.is_kept(event) for event in progress.events()):
            score += f" {_UNKEPT}"
        return {"cards": [_quiz_card(questions[id], given) for id, given in answers.items()], "score": score}

    def take(id: str, answer: Any) -> None:
        keep("quiz", id, choice=_valid(questions[id], answer))

    return _cards(f"Quiz of lesson {int(number)}", read, take, "quiz")


def _cards(title: str, read: Any, take: Any, asks: str) -> QuestionCards:
    from coursekit.widgets import QuestionCards  # only here: it loads ipywidgets

    return QuestionCards(title, read, take, asks)


# ---- what is on record


def _answers(kind: str, question: Question) -> list[Any]:
    """Return what was answered, in order, as far as it answers this question."""
    key = "choice" if kind == "quiz" else "answer"
    events = [event for event in progress.events() if event["kind"] == kind and event["id"] == question.id]
    return [event[key] for event in events if key in event and _fits(question, event[key])]


def _first_answer(kind: str, question: Question) -> dict | None:
    """Return the first event that answers or skips a question, or None."""
    for event in progress.events():
        is_ours = event["kind"] == kind and event["id"] == question.id
        if is_ours and (event.get("skipped") is True or _fits(question, event.get("answer"))):
            return event
    return None


def _fits(question: Question, answer: Any) -> bool:
    try:
        _valid(question, answer)
    except ValueError:
        return False
    return True


def _valid(question: Question, answer: Any) -> Any:
    """Return an answer as it is recorded: the choice's number, a number, or words.

    Raises:
        ValueError: It does not answer the question.
    """
    if question.kind == "choice":
        if type(answer) is int and 0 <= answer < len(question.choices):
            return answer
        raise ValueError("Choose one of the answers first.")
    if question.kind == "number":
        if type(answer) in (int, float) and question.low <= answer <= question.high:
            return answer
        raise ValueError(f"Give a number from {_number(question.low)} to {_number(question.high)}.")
    if isinstance(answer, str) and answer.strip():
        return answer.strip()[:MOST_CHARACTERS]
    raise ValueError("Write a few words first.")


# ---- what is shown


def _card(question: Question) -> dict:
    """Return what the page needs to ask a question, and nothing of its answer."""
    choices = [choice.text for choice in question.choices]
    numbers = {"low": question.low, "high": question.high, "unit": question.unit} if question.kind == "number" else {}
    most = {"most": MOST_CHARACTERS} if question.kind == "words" else {}
    return {"id": question.id, "asks": question.asks, "kind": question.kind, "choices": choices, **numbers, **most}


def _prediction_card(question: Question, event: dict | None) -> dict:
    card = {**_card(question), "button": "Commit", "skip": "Skip", "answer": None, "done": event is not None}
    if event is None:
        return {**card, **_says()}
    unkept = "" if progress.is_kept(event) else _UNKEPT
    if event.get("skipped"):
        return {**card, **_says("Skipped.", unkept)}
    said = f"You said {_said(question, event['answer'])}."
    comes_back = f"It comes back beside the result. {unkept}".strip()
    return {**card, "answer": event["answer"], **_says(said, comes_back)}


def _quiz_card(question: Question, given: list[int]) -> dict:
    card = {**_card(question), "button": "Answer", "skip": "", "answer": None, "done": False}
    if not given:
        return {**card, **_says()}
    choice = question.choices[given[-1]]
    says = _says("Right.", choice.says, "✓") if choice.is_right else _says("Not this one.", choice.says, "✗")
    return {**card, "answer": given[-1], **says}


def _says(head: str = "", says: str = "", mark: str = "") -> dict:
    return {"mark": mark, "head": head, "says": says}


def _beside(question: Question, result: Any) -> Note:
    """Return the result beside what was predicted, and for a page without Python what it is of."""
    shown = _result(question, result)
    kept = float(f"{float(result):.6g}") if question.kind == "number" else result  # further digits differ by machine
    arguments = {"id": question.id, "result": kept}
    return replace(_compared(question, result, shown), about={"kind": "Result", "arguments": arguments})


def _compared(question: Question, result: Any, shown: str) -> Note:
    event = _first_answer("predicted", question)
    answer = None if event is None or event.get("skipped") else event["answer"]
    came = f"The result: {shown}" if question.kind == "words" else f"It is {shown}"
    if question.kind == "choice" and result != _registered(question):  # trained with another seed, say
        came = f"Your run gave {shown.removesuffix('.')}; the course's own run gave {_registered(question)}."
    remarks = (question.says,) if question.says else ()
    drawing = _scale(question, answer, float(result)) if question.kind == "number" else ""
    if answer is None:
        head = "You made no prediction" if event is None else "You skipped this prediction"
        return Note(head, (came, *remarks), drawing=drawing)
    head = f"You said {_said(question, answer)}"
    if question.kind == "choice":
        choice = question.choices[answer]
        is_right = choice.text == result
        if result != _registered(question):  # what the choices say is about the course's run
            return Note(head, (came,), "✓" if is_right else "✗", is_right=is_right)
        return Note(
            head, (choice.says,) if is_right else (choice.says, came), "✓" if is_right else "✗", is_right=is_right
        )
    if question.kind == "number":
        came += " " + _distance(question, answer, float(result))
    return Note(head, (came, *remarks), drawing=drawing)


def _result(question: Question, result: Any) -> str:
    """Return a result in words, with a full stop."""
    if question.kind == "number":
        try:
            value = float(result)
        except (TypeError, ValueError):
            raise TypeError(f"The result of {question.id!r} is a number, not {result!r}.") from None
        if not math.isfinite(value):
            raise ValueError(f"The result of {question.id!r} must be a finite number, not {value}.")
        return f"{_with_unit(question, value)}."
    if question.kind == "choice" and not isinstance(result, str):
        raise TypeError(f"The result of {question.id!r} is the text of a choice, not {result!r}.")
    text = str(result).strip()
    return text if text.endswith((".", "!", "?")) else text + "."


def _registered(question: Question) -> str:
    """Return the text of the right choice: what the course's own run gave."""
    return next(choice.text for choice in question.choices if choice.is_right)


def _said(question: Question, answer: Any) -> str:
    if question.kind == "choice":
        return question.choices[answer].text
    return _with_unit(question, answer) if question.kind == "number" else f"“{answer}”"


def _distance(question: Question, answer: float, result: float) -> str:
    """Say how far off a number was, in the words one would use."""
    gap = abs(answer - result)
    share = gap / (question.high - question.low)
    if share <= 0.02:
        return "As good as exact."
    word = "Close" if share <= 0.1 else "Some way off" if share <= 0.3 else "Far off"
    return f"{word}: you were {_number(gap)} too {'low' if answer < result else 'high'}."


def _with_unit(question: Question, value: float) -> str:
    return f"{_number(value)} {question.unit}".strip()


def _number(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def _scale(question: Question, answer: float | None, result: float) -> str:
    """Draw both numbers on a line. The sentence above it says the same."""

    def at(value: float) -> float:
        return 100 * min(max((float(value) - question.low) / (question.high - question.low), 0), 1)

    top = 0 if answer is None else 20  # room for a label above the line

    def pin(value: float, label: str, colour: str, label_top: int) -> str:
        place = at(value)  # the label is shifted by as much of its width, so that it ends within the line
        return (
            f'<span style="background:{colour};border-radius:50%;height:12px;left:{place:.1f}%;margin-left:-6px;'
            f'position:absolute;top:{top + 6}px;width:12px"></span>'
            f'<span style="font-size:.85em;left:{place:.1f}%;position:absolute;top:{label_top}px;'
            f'transform:translateX(-{place:.0f}%);white-space:nowrap">{escape(label)}</span>'
        )

    pins = pin(result, f"result {_with_unit(question, result)}", "#009E73", top + 22)
    if answer is not None:
        pins = pin(answer, f"you {_with_unit(question, answer)}", "#E69F00", 0) + pins
    line = f'<span style="background:#80808080;height:2px;left:0;position:absolute;right:0;top:{top + 11}px"></span>'
    return (
        f'<div aria-hidden="true" style="height:{top + 42}px;line-height:1.4;margin:.5em 6px 0;max-width:30em;'
        f'position:relative">{line}{pins}</div>'
    )
