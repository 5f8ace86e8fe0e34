"""What an exercise, a prediction and a quiz question are.

An exercise is a few functions of its case: what is given, the right answer to it, and the wrong answers that people
give. That one description serves the instant check in a lesson, the grading outside the sandbox, and the variation
from student to student: another seed is another case.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Mistake:
    """A usual wrong answer.

    Attributes:
        name: Short: "counted from 1".
        says: What happened and how to see it, to the learner, without the right answer.
        answer: Computes the wrong answer from the case.
        shows_in_part: It is right in some cases, of which no student gets only such: ``cases.seed_of`` sees to that.
    """

    name: str
    says: str
    answer: Callable[[dict], Any]
    shows_in_part: bool = False


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
        also_right: Other answers that are right too; one of them, in all cases.
        mistakes: The first that fits names what went wrong.
        about: What a wrong value that is none of the mistakes comes to, in a sentence, and never what is right.
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
    also_right: tuple[Callable[[dict], Any], ...] = ()
    mistakes: tuple[Mistake, ...] = ()
    about: Callable[[dict, Any], str] | None = None
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
    """Everything that a lesson asks.

    Attributes:
        number: "01".
        exercises: At its end.
        predictions: Asked before a result is shown.
        quiz: At its end.
        instead: Words of its text that would tell a prediction's result, and what learners read instead.
        folded: Ids of its cells whose code would tell.
    """

    number: str
    exercises: tuple[Exercise, ...] = ()
    predictions: tuple[Question, ...] = ()
    quiz: tuple[Question, ...] = ()
    instead: Mapping[str, str] = field(default_factory=dict)
    folded: tuple[str, ...] = ()
