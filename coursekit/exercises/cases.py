"""The case of an exercise: what is given in it, which varies from student to student."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

from coursekit.exercises.catalogue import find
from coursekit.exercises.wire import read_value
from coursekit.validation import nearest

SANDBOX_VARIABLE = "COURSEKIT_SANDBOX"  # names the folder of what is given, while a submission is graded


def in_sandbox() -> bool:
    """Say whether a submission is being graded: there the answers are not at hand, and nothing is recorded."""
    return bool(os.environ.get(SANDBOX_VARIABLE))


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
        return {name: read_value(value) for name, value in cases[exercise_id].items()}
    return find(exercise_id).case(seed_of(variation, exercise_id))
