"""Compares plain answers with the right ones and with the usual wrong ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from coursekit.exercises.differences import kind_differs, same, what_differs
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


def compare(exercise: Exercise, cases: list[dict], answers: list[Any], visible: int | None = None) -> Verdict:
    """Compare plain answers, one for each case, with the right ones and then with the usual wrong ones.

    Args:
        exercise: The exercise.
        cases: What was given.
        answers: Plain values, one per case: numbers, strings, arrays, None.
        visible: How many of the cases, from the first on, their writer has seen. What differs is told of those only.

    Returns:
        Right only if every answer is. A mistake is named only if it explains every answer.
    """
    rights = [exercise.right(case) for case in cases]
    for right in (exercise.right, *exercise.also_right):  # one of them, in all cases
        if _agree(answers, [right(case) for case in cases], exercise.tolerance):
            return Verdict(True, "That is right.")
    for mistake in exercise.mistakes:
        # A wrong way that happens to give the right answer in every case tells nothing.
        if _agree(answers, [mistake.answer(case) for case in cases], exercise.tolerance):
            return Verdict(False, mistake.says, mistake.name)
    told = slice(visible)
    if exercise.is_function:
        says = what_differs(answers[told], rights[told], exercise.tolerance)
        says = says or "It is right on the case that stands in the notebook, and wrong on others."
    else:  # what differs would be the answer
        says = kind_differs(answers[told], rights[told])
        if not says:
            says = "That is not it." if exercise.about is None else exercise.about(cases[0], answers[0])
    return Verdict(False, f"{says} hint(...) helps on.")


def is_right(exercise: Exercise, case: dict, answer: Any) -> bool:
    """Say whether an answer to one case is right, in any of the ways that are."""
    ways = (exercise.right, *exercise.also_right)
    return any(same(answer, right(case), exercise.tolerance) for right in ways)


def _agree(answers: list[Any], others: list[Any], tolerance: float) -> bool:
    return all(same(answer, other, tolerance) for answer, other in zip(answers, others, strict=True))
