"""What an exercise, a prediction and a quiz question are, and how an answer is compared.

An exercise is a few functions of its case: what is given, the right answer to it, and the wrong answers that people
give. That one description serves the instant check in a lesson, the grading outside the sandbox, and the variation
from student to student: another seed is another case.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from coursekit.homework.notes import SANDBOX_VARIABLE
from coursekit.homework.runner import decode
from coursekit.validation import nearest


@dataclass(frozen=True)
class Mistake:
    """A usual wrong answer.

    Attributes:
        name: Short: "counted from 1".
        says: What happened and how to see it, to the learner, without the right answer.
        answer: Computes the wrong answer from the case.
    """

    name: str
    says: str
    answer: Callable[[dict], Any]


@dataclass(frozen=True)
class Exercise:
    """One exercise.

    Attributes:
        id: Stable for ever: "01.strongest-channel".
        title: A few words.
        answer: Name of the variable or function that the learner's cell defines.
        points: What it is worth.
        hints: From a nudge to nearly the solution.
        solution: Code, shown on demand after three tries.
        case: Seed to what is given, {name: value}; arrays, numbers and strings only. Seed 0 is the lesson's own.
        right: The right answer to a case. None for an exercise that a person reads.
        mistakes: The first that fits names what went wrong.
        is_function: The answer is a function, called with the case's values by name.
        tolerance: How far numbers may be off, relative to the largest right one.
    """

    id: str
    title: str
    answer: str
    points: float
    hints: tuple[str, ...]
    solution: str
    case: Callable[[int], dict] = lambda seed: {}
    right: Callable[[dict], Any] | None = None
    mistakes: tuple[Mistake, ...] = ()
    is_function: bool = False
    tolerance: float = 1e-3

    @property
    def is_read_by_a_person(self) -> bool:
        """Whether no program can mark it."""
        return self.right is None


@dataclass(frozen=True)
class Choice:
    """One choice of a question, and what there is to say to who takes it."""

    text: str
    says: str
    is_right: bool = False


@dataclass(frozen=True)
class Question:
    """A prediction, or one question of a quiz.

    Attributes:
        id: Stable for ever: "01.which-part".
        asks: The question, in one or two sentences.
        choices: What can be chosen; empty for a number or for words.
        low: Smallest number.
        high: Largest number. None: the answer is a few words.
        unit: Stands behind the number.
        says: What there is to say to any number or words, once the result is known.
    """

    id: str
    asks: str
    choices: tuple[Choice, ...] = ()
    low: float = 0.0
    high: float | None = None
    unit: str = ""
    says: str = ""

    @property
    def kind(self) -> str:
        """The kind of answer: "choice", "number" or "words"."""
        return "choice" if self.choices else "words" if self.high is None else "number"


@dataclass(frozen=True)
class Lesson:
    """Everything that a lesson asks."""

    number: str
    exercises: tuple[Exercise, ...] = ()
    predictions: tuple[Question, ...] = ()
    quiz: tuple[Question, ...] = ()


@dataclass(frozen=True)
class Verdict:
    """What came of comparing an answer.

    Attributes:
        is_right: Whether it is right, in all cases.
        says: A sentence or two to the learner.
        mistake: Name of the usual mistake it looks like, or "".
    """

    is_right: bool
    says: str
    mistake: str = field(default="")


LESSONS = ("01", "02", "03", "04", "05")


def lesson(number: str) -> Lesson:
    """Return what a lesson asks.

    Raises:
        ValueError: There is no such lesson, or nothing is asked in it.
    """
    if number not in LESSONS:
        raise ValueError(f"There are no exercises for lesson {number!r}. {nearest(number, LESSONS)}")
    return importlib.import_module(f"coursekit.homework.lesson_{number}").LESSON


def find(asked_id: str, kind: str = "exercises") -> Any:
    """Return an exercise, prediction or quiz question by its id.

    Args:
        asked_id: Such as "01.strongest-channel".
        kind: "exercises", "predictions" or "quiz".

    Raises:
        TypeError: The id is no string.
        ValueError: There is none of that id (the nearest are named).
    """
    if not isinstance(asked_id, str):
        raise TypeError(f"An id is a string such as '01.strongest-channel', not {asked_id!r}.")
    everything = {one.id: one for number in LESSONS for one in getattr(lesson(number), kind)}
    if asked_id not in everything:
        raise ValueError(f"There is no id {asked_id!r} among the {kind}. {nearest(asked_id, everything)}")
    return everything[asked_id]


def seed_of(variation: str | None, exercise_id: str) -> int:
    """Return the seed of a student's case: 0, the lesson's own, without a variation.

    Args:
        variation: The student's token, as ``homework release`` wrote it into the notebook.
        exercise_id: The exercise.
    """
    if not variation:
        return 0
    digest = hashlib.sha256(f"{variation}/{exercise_id}".encode()).digest()
    return 1 + int.from_bytes(digest[:6], "big")


def given(exercise_id: str, variation: str | None = None) -> dict:
    """Return what is given in an exercise: {name: value}.

    Args:
        exercise_id: Such as "01.strongest-channel".
        variation: The student's token; None for the lesson's own case.
    """
    folder = os.environ.get(SANDBOX_VARIABLE)
    if folder:  # while a submission is graded, the case is the one it is graded for, and nothing else is at hand
        cases = json.loads(Path(folder, "given.json").read_text())
        if exercise_id not in cases:
            raise ValueError(f"There is no id {exercise_id!r} among the exercises. {nearest(exercise_id, cases)}")
        return {name: decode(value) for name, value in cases[exercise_id].items()}
    return find(exercise_id).case(seed_of(variation, exercise_id))


def same(answer: Any, right: Any, tolerance: float) -> bool:
    """Say whether two plain values (numbers, strings, arrays) are the same.

    Whole numbers and strings must be equal; other numbers may differ by ``tolerance`` of the largest right one.
    """
    if isinstance(right, str) or isinstance(answer, str):
        return isinstance(right, str) and isinstance(answer, str) and answer.strip() == right.strip()
    try:
        answer, right = np.asarray(answer), np.asarray(right)
    except (TypeError, ValueError):
        return False
    if answer.shape != right.shape or not all(
        np.issubdtype(a.dtype, np.number) or a.dtype == bool for a in (answer, right)
    ):
        return False
    if np.issubdtype(right.dtype, np.integer) or right.dtype == bool:
        return bool(np.array_equal(answer, right))
    margin = tolerance * max(float(np.abs(right).max(initial=0)), 1e-12)
    return bool(np.allclose(answer, right, rtol=0, atol=margin))  # NaN is never close


def compare(exercise: Exercise, cases: list[dict], answers: list[Any]) -> Verdict:
    """Compare plain answers, one for each case, with the right ones and then with the usual wrong ones.

    Args:
        exercise: The exercise.
        cases: What was given.
        answers: Plain values, one per case: numbers, strings, arrays, None.

    Returns:
        Right only if every answer is. A mistake is named only if it explains every answer.
    """
    rights = [exercise.right(case) for case in cases]
    if all(same(a, r, exercise.tolerance) for a, r in zip(answers, rights, strict=True)):
        return Verdict(True, "That is right.")
    for mistake in exercise.mistakes:
        wrongs = [mistake.answer(case) for case in cases]
        # A wrong way that happens to give the right answer in every case tells nothing.
        if all(same(a, w, exercise.tolerance) for a, w in zip(answers, wrongs, strict=True)):
            return Verdict(False, mistake.says, mistake.name)
    return Verdict(False, _what_differs(answers, rights))


def _what_differs(answers: list[Any], rights: list[Any]) -> str:
    """Say what kind of thing came and what was expected, without giving the answer away."""
    for answer, right in zip(answers, rights, strict=True):
        if answer is None:
            return "There is no answer yet."
        if np.ndim(answer) != np.ndim(right) or np.shape(answer) != np.shape(right):
            have, want = _in_words(answer), _in_words(right)
            if have != want:
                return f"Expected {want}, but this is {have}."
    return "That is not it, and it is none of the usual mistakes. hint(...) helps on."


def _in_words(value: Any) -> str:
    if isinstance(value, str):
        return "text"
    shape = np.shape(value)
    return f"an array of shape {shape}" if shape else "one number"


def exercise_ids_in(source: str) -> list[str]:
    """Return the exercise ids that a cell's marker lines name: ``# exercise 01.strongest-channel``."""
    return re.findall(r"^#\s*exercise\s+(\d\d\.[a-z0-9-]+)", source, flags=re.MULTILINE)
