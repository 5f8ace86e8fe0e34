"""The cells of a lesson: which exercise one belongs to, and the same lesson without its solutions.

An exercise stands in a lesson as a cell that begins with ``# exercise 01.by-hand`` and holds its solution between
``### BEGIN SOLUTION`` and ``### END SOLUTION``, and a cell ``check("01.by-hand", ...)``. One that a person reads is a
markdown cell that begins with ``<!-- exercise 01.evidence -->``; its solution stands between
``<!-- BEGIN SOLUTION -->`` and ``<!-- END SOLUTION -->``.

nbgrader is not needed here. Its ids may hold no dot, so the exercise 01.by-hand is 01-by-hand to nbgrader.
"""

from __future__ import annotations

import copy
import os
import re
import secrets
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the command line starts without NumPy and nbformat, to say that they are missing
    from nbformat import NotebookNode

    from coursekit.homework.exercises import Exercise, Lesson

STUB_MARK = "# YOUR CODE HERE"
TEXT_STUB = "*Your answer here*"

_ID = r"\d\d\.[a-z0-9-]+"
_MARKER = {
    "code": re.compile(rf"^[ \t]*#[ \t]*exercise[ \t]+({_ID})[ \t]*$", re.MULTILINE),
    "markdown": re.compile(rf"<!--\s*exercise\s+({_ID})\s*-->"),
}
_CHECK = re.compile(rf"""^check\(\s*["']({_ID})["']""", re.MULTILINE)
_GRADE_ID = re.compile(r"(\d\d)-([a-z0-9-]+?)(?:_solution)?")
# Written a little differently, a marker still is one: overlooked, it would give the solution away.
_REGION = {
    "code": re.compile(r"^([ \t]*)#+[ \t]*(BEGIN|END)[ \t]+SOLUTION\b.*$\n?", re.MULTILINE | re.IGNORECASE),
    "markdown": re.compile(r"()<!--\s*(BEGIN|END)\s+SOLUTION\s*-->", re.IGNORECASE),
}


def lessons_folder() -> Path:
    """Return the folder of the lessons: inside an installed package, or beside the package in a checkout.

    Raises:
        FileNotFoundError: There is none.
    """
    package = Path(__file__).resolve().parents[1]
    for place in (package / "lessons", package.parent / "notebooks"):
        if any(place.glob("*.ipynb")):
            return place
    raise FileNotFoundError(
        f"The lessons are neither in {package / 'lessons'} nor in {package.parent / 'notebooks'}. "
        "Install coursekit again, or get the course's folder again."
    )


def lesson_file(number: str) -> Path:
    """Return the notebook of a lesson, such as "01".

    Raises:
        FileNotFoundError: There is none.
    """
    found = sorted(lessons_folder().glob(f"{number}_*.ipynb"))
    if not found:
        raise FileNotFoundError(f"There is no notebook for lesson {number} in {lessons_folder()}.")
    return found[0]


def exercise_id(cell: dict) -> str | None:
    """Return the id of the exercise that a cell belongs to, whatever the cell's position, or None.

    Looked up, in this order, in the metadata that ``coursekit homework release`` writes, in the cell's first marker,
    and in nbgrader's ``grade_id``. The cell may be anybody's: nothing in it is trusted to be of the right type.
    """
    metadata = _dict(cell.get("metadata"))
    named = _dict(metadata.get("coursekit")).get("exercise")
    if isinstance(named, str) and re.fullmatch(_ID, named):
        return named
    marker = _MARKER.get(str(cell.get("cell_type")))
    if marker and (found := marker.search(cell_source(cell))):
        return found[1]
    named = _dict(metadata.get("nbgrader")).get("grade_id")
    found = _GRADE_ID.fullmatch(named) if isinstance(named, str) else None
    return f"{found[1]}.{found[2]}" if found else None


def checked_id(cell: dict) -> str | None:
    """Return the id in a cell that calls ``check("01.by-hand", ...)``, or None."""
    found = _CHECK.search(cell_source(cell)) if cell.get("cell_type") == "code" else None
    return found[1] if found else None


def grade_id(exercise: str) -> str:
    """Return nbgrader's id of the cell that carries an exercise's points: "01-by-hand"."""
    return exercise.replace(".", "-")


def solution_grade_id(exercise: Exercise) -> str:
    """Return nbgrader's id of the cell that the student writes in."""
    return grade_id(exercise.id) + ("" if exercise.is_read_by_a_person else "_solution")


def cut_solutions(notebook: NotebookNode) -> NotebookNode:
    """Return a copy of a notebook without its solutions.

    A region in code becomes ``# YOUR CODE HERE``, as far indented as its marker, and below it, in a function,
    ``raise NotImplementedError()``, as nbgrader has it; outside of one ``pass``, so that "Run All Cells" goes on. One
    in markdown becomes "*Your answer here*". Such cells, and the checks of exercises, lose their outputs.

    Args:
        notebook: The instructor's, nbformat 4.

    Raises:
        ValueError: A region has no begin, no end, or begins twice.
    """
    notebook = copy.deepcopy(notebook)
    for i, cell in enumerate(notebook.cells):
        source = _cut(cell, i)
        if source != cell.source or checked_id(cell):
            cell.source = source
            if cell.cell_type == "code":
                cell.outputs, cell.execution_count = [], None
    return notebook


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
            graded.metadata["nbgrader"] = _nbgrader(grade_id(exercise.id), grade=True, locked=True)
        graded.metadata["nbgrader"]["points"] = exercise.points
    return notebook


def cell_source(cell: dict) -> str:
    """Return a cell's source as one string, also as it stands in the file: a list of lines."""
    source = cell.get("source", "")
    if isinstance(source, list):
        source = "".join(line for line in source if isinstance(line, str))
    return source if isinstance(source, str) else ""


def to_bytes(notebook: NotebookNode) -> bytes:
    """Return a notebook as it is written into a file."""
    import nbformat

    return (nbformat.writes(notebook).rstrip("\n") + "\n").encode(errors="replace")


def write_whole(target: Path, content: bytes, mode: int | None = None) -> None:
    """Write a file whole or not at all; ``mode`` holds from its first byte."""
    part = target.with_name(f".{target.name}.{secrets.token_hex(8)}.part")
    try:
        with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666 if mode is None else mode), "wb") as file:
            file.write(content)
        os.replace(part, target)
    finally:
        part.unlink(missing_ok=True)


def _cut(cell: NotebookNode, position: int) -> str:
    region = _REGION.get(cell.cell_type)
    if region is None:
        return cell.source
    kept, end, inside = [], 0, False
    for marker in region.finditer(cell.source):
        begins = marker[2].upper() == "BEGIN"
        if begins == inside:
            fault = "begins a solution inside a solution" if begins else "ends a solution that never began"
            raise ValueError(f"{_name(cell, position)} {fault}.")
        if begins:
            kept.append(cell.source[end : marker.start()] + _stub(cell, marker))
        end, inside = marker.end(), begins
    if inside:
        raise ValueError(f"{_name(cell, position)} begins a solution that never ends.")
    cut = "".join([*kept, cell.source[end:]])
    return cut.removesuffix("\n") if kept and not cell.source.endswith("\n") else cut


def _stub(cell: NotebookNode, marker: re.Match) -> str:
    if cell.cell_type == "markdown":
        return TEXT_STUB
    return f"{marker[1]}{STUB_MARK}\n{marker[1]}{'raise NotImplementedError()' if marker[1] else 'pass'}\n"


def _name(cell: NotebookNode, position: int) -> str:
    first = cell.source.strip().partition("\n")[0][:60]
    return f"Cell {position} ({cell.get('id', 'without an id')}: {first!r})"


def _one(notebook: NotebookNode, exercise: Exercise, cell_type: str, is_check: bool) -> NotebookNode:
    """Return the one cell in which an exercise is answered, or checked."""
    found = [
        cell
        for cell in notebook.cells
        if cell.cell_type == cell_type
        and (checked_id(cell) == exercise.id if is_check else exercise_id(cell) == exercise.id and not checked_id(cell))
    ]
    if len(found) != 1:
        what = f'cell that begins check("{exercise.id}"' if is_check else f"{cell_type} cell marked {exercise.id}"
        raise ValueError(f"The lesson should have one {what}, but it has {len(found) or 'none'}.")
    return found[0]


def _nbgrader(name: str, *, grade: bool = False, solution: bool = False, locked: bool = False) -> dict:
    marks = {"grade": grade, "solution": solution, "locked": locked, "task": False}
    return {"schema_version": 3, "grade_id": name, **marks}


def _dict(value: object) -> dict:
    return value if isinstance(value, dict) else {}
