"""The case of an exercise: what is given in it, which varies from student to student."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

from coursekit.exercises.catalogue import find
from coursekit.exercises.differences import same
from coursekit.exercises.model import Exercise
from coursekit.exercises.wire import read_case
from coursekit.validation import nearest

SANDBOX_VARIABLE = "COURSEKIT_SANDBOX"  # names the folder of what is given, while a submission is graded

_MOST_DRAWS = 200


def in_sandbox() -> bool:
    """Say whether a submission is being graded: there the answers are not at hand, and nothing is recorded."""
    return bool(os.environ.get(SANDBOX_VARIABLE))


def seed_of(variation: str | None, exercise_id: str) -> int:
    """Return the seed of a student's case: 0, the lesson's own, without a variation.

    The seeds of ``token/1`` to ``token/5``, the hidden cases on which a function is tried, have all five remainders of
    ``seed % 5``. So an exercise can have several kinds of cases, and each student gets every kind.

    Args:
        variation: The student's token, as ``homework release`` wrote it into the notebook.
        exercise_id: The exercise.
    """
    if not variation:
        return 0
    digest = hashlib.sha256(f"{variation}/{exercise_id}".encode()).digest()
    seed = 1 + int.from_bytes(digest[:6], "big")
    token, _, number = variation.rpartition("/")
    return seed + (int(number) - seed) % 5 if token and number.isdecimal() else seed


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
        return read_case(cases[exercise_id])
    return case_of(find(exercise_id), seed_of(variation, exercise_id))


def case_of(exercise: Exercise, seed: int) -> dict:
    """Return an exercise's case in which no usual mistake gives the right answer, but those that show in part.

    Args:
        exercise: One that a program marks, or one without a case.
        seed: 0 is the lesson's own case, which is taken as it is.

    Raises:
        RuntimeError: There is none among many cases: the exercise cannot tell its mistakes from what is right.
    """
    case = exercise.case(seed)
    if seed == 0 or exercise.is_read_by_a_person:
        return case
    for again in range(1, _MOST_DRAWS + 1):
        right = exercise.right(case)
        mistakes = (mistake for mistake in exercise.mistakes if not mistake.shows_in_part)
        if not any(same(mistake.answer(case), right, exercise.tolerance) for mistake in mistakes):
            return case
        case = exercise.case(seed + again * (5 << 48))  # seeds of tokens have 48 bits; the remainder by 5 stays
    raise RuntimeError(f"In {_MOST_DRAWS} cases of {exercise.id}, a usual mistake gave the right answer.")
