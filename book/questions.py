"""What the pages ask: predictions and quizzes, as the page's own half of the question widget needs them."""

from __future__ import annotations

from typing import Any

from coursekit.exercises.model import Lesson, Question
from coursekit.learner.questions import MOST_CHARACTERS


def questions(lesson: Lesson) -> dict[str, dict]:
    """Return a lesson's questions by their ids, with what there is to say to each answer."""
    return {question.id: _question(question) for question in (*lesson.predictions, *lesson.quiz)}


def _question(question: Question) -> dict[str, Any]:
    said: dict[str, Any] = {"id": question.id, "asks": question.asks, "kind": question.kind}
    said["choices"] = [choice.text for choice in question.choices]
    if question.kind == "choice":
        said["says"] = [choice.says for choice in question.choices]
        said["right"] = [choice.is_right for choice in question.choices]
    else:
        said["remark"] = question.says
    if question.kind == "number":
        said |= {"low": question.low, "high": question.high, "unit": question.unit}
    if question.kind == "words":
        said["most"] = MOST_CHARACTERS
    return said
