"""Compares plain answers with the right ones and with the usual wrong ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from coursekit.exercises.model import Exercise


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
    mistake: str = ""


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
