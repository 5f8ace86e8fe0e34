"""The catalogue: everything that the lessons ask, by lesson and by id.

A lesson's exercises are code, ``lessons/lesson_01.py``; its predictions and its quiz are plain data,
``lessons/lesson_01.toml``. That folder holds the right answers: the sandbox, in which submissions run, leaves it out.
"""

from __future__ import annotations

import functools
import importlib
import tomllib
from pathlib import Path
from typing import Any

from coursekit.exercises.model import Choice, Lesson, Question
from coursekit.validation import nearest

LESSONS = ("01", "02", "03", "04", "05", "06", "07", "08", "09", "10", "11", "12", "13")


@functools.cache
def lesson(number: str) -> Lesson:
    """Return what a lesson asks.

    Raises:
        ValueError: There is no such lesson, or nothing is asked in it.
    """
    if number not in LESSONS:
        raise ValueError(f"There are no exercises for lesson {number!r}. {nearest(number, LESSONS)}")
    exercises = importlib.import_module(f"coursekit.exercises.lessons.lesson_{number}").EXERCISES
    tables = tomllib.loads(Path(__file__).with_name("lessons").joinpath(f"lesson_{number}.toml").read_text("utf-8"))
    copied = {"instead": tables.pop("instead", {}), "folded": tuple(tables.pop("folded", ()))}
    questions = {kind: tuple(_question(**table) for table in of_kind) for kind, of_kind in tables.items()}
    return Lesson(number, exercises, **questions, **copied)


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


def _question(choices: list[dict] = (), **table: Any) -> Question:
    return Question(choices=tuple(Choice(**choice) for choice in choices), **table)
