"""A lesson's cells as nbgrader marks them in their metadata."""

from __future__ import annotations

import copy

from nbformat import NotebookNode

from coursekit.exercises import notebooks
from coursekit.exercises.model import Exercise, Lesson


def solution_grade_id(exercise: Exercise) -> str:
    """Return nbgrader's id of the cell that the student writes in."""
    return notebooks.grade_id(exercise.id) + ("" if exercise.is_read_by_a_person else "_solution")


def with_metadata(notebook: NotebookNode, lesson: Lesson) -> NotebookNode:
    """Return a copy in which each exercise's cells carry its id, for us and for nbgrader.

    The student's code is nbgrader's "solution" cell; the check below it is the read-only cell that has the points; an
    answer that a person reads is both in one, graded by hand.

    Raises:
        ValueError: An exercise of the lesson has no cell, no check, or one of them twice.
    """
    notebook = copy.deepcopy(notebook)
    for exercise in lesson.exercises:
        text = exercise.is_read_by_a_person
        answer = _one(notebook, exercise, "markdown" if text else "code", is_check=False)
        answer.metadata["coursekit"] = {"exercise": exercise.id}
        answer.metadata["nbgrader"] = _nbgrader(solution_grade_id(exercise), solution=True, grade=text)
        graded = answer
        if not text:
            graded = _one(notebook, exercise, "code", is_check=True)
            graded.metadata["coursekit"] = {"exercise": exercise.id}
            graded.metadata["nbgrader"] = _nbgrader(notebooks.grade_id(exercise.id), grade=True, locked=True)
        graded.metadata["nbgrader"]["points"] = exercise.points
    return notebook


def _one(notebook: NotebookNode, exercise: Exercise, cell_type: str, is_check: bool) -> NotebookNode:
    """Return the one cell in which an exercise is answered, or checked."""
    found = [
        cell
        for cell in notebook.cells
        if cell.cell_type == cell_type
        and (
            notebooks.checked_id(cell) == exercise.id
            if is_check
            else notebooks.exercise_id(cell) == exercise.id and not notebooks.checked_id(cell)
        )
    ]
    if len(found) != 1:
        what = f'cell that begins check("{exercise.id}"' if is_check else f"{cell_type} cell marked {exercise.id}"
        raise ValueError(f"The lesson should have one {what}, but it has {len(found) or 'none'}.")
    return found[0]


def _nbgrader(name: str, *, grade: bool = False, solution: bool = False, locked: bool = False) -> dict:
    marks = {"grade": grade, "solution": solution, "locked": locked, "task": False}
    return {"schema_version": 3, "grade_id": name, **marks}
