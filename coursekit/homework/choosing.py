"""Which lesson is graded, and who is in the class: as it was released, or as the files say."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from coursekit.exercises.catalogue import LESSONS
from coursekit.exercises.refused import RefusedError
from coursekit.homework import submissions
from coursekit.homework.submissions import Cell
from coursekit.homework.submissions.files import files_in, is_notebook

_LOOKED_AT = 20  # notebooks, to see which lesson they are of


def lessons_of(cells: Sequence[Cell]) -> set[str]:
    """Return the numbers of the lessons whose exercises a notebook answers."""
    return {name[:2] for cell in cells for name in cell.answers} & set(LESSONS)


def released(to: Path) -> list[str]:
    """Return the numbers of the lessons that were released into a course folder."""
    return sorted(folder.name for folder in (to / "release").glob("*/") if folder.name in LESSONS)


def class_of(to: Path, number: str) -> list[str]:
    """Return the ids of the students that a lesson was released for, each with a notebook of their own."""
    return sorted(folder.name for folder in (to / "release" / number).glob("*/") if any(folder.glob("*.ipynb")))


def is_same_for_all(to: Path, number: str) -> bool:
    """Say whether a lesson was released without variations: one notebook for the whole class."""
    return any((to / "release" / number).glob("*.ipynb")) and not class_of(to, number)


def which_lesson(place: Path, to: Path) -> str:
    """Return the number of the lesson that is to be graded.

    That is the one which was released into the course folder. Where none was, or several, the exercises in what was
    handed in say which it is.

    Raises:
        FileNotFoundError: There is nothing at ``place``.
        ValueError: It is not clear which.
    """
    have = released(to)
    if len(have) == 1:
        return have[0]
    if not place.exists():
        raise FileNotFoundError(f"There are no submissions at {place}.")
    said = _said_by_files(place)
    if len(said) == 1 and (not have or said <= set(have)):
        return said.pop()
    were = f"Lessons {', '.join(have)} were released" if have else "No lesson was released"
    are = f"the files are of {_listed(said)}" if said else "the files do not say of which lesson they are"
    raise ValueError(f"{were} in {to}, and {are}. Say which one to grade: --lesson {min(said or have or LESSONS)}")


def _listed(numbers: set[str]) -> str:
    return ("lessons " if len(numbers) > 1 else "lesson ") + ", ".join(sorted(numbers))


def _said_by_files(place: Path) -> set[str]:
    said: set[str] = set()
    notebooks = (file for file in files_in(place) if is_notebook(file.parts[-1]) and not file.problem)
    for _, file in zip(range(_LOOKED_AT), notebooks, strict=False):
        try:
            said |= lessons_of(submissions.read_apart(file.read()))
        except RefusedError:  # said later, when it is this student's turn
            continue
    return said
