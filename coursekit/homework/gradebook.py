"""nbgrader's gradebook and folders, and the grades as a table.

Grades are kept where nbgrader 0.9 keeps them, written through its own interface: formgrader shows them, a person reads
the free text there, and ``nbgrader export`` has the same totals. nbgrader runs nothing and compares nothing here.
"""

from __future__ import annotations

import datetime
import html
import importlib.util
import os
import re
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

from coursekit import distribution
from coursekit.exercises import notebooks
from coursekit.exercises.catalogue import lesson
from coursekit.exercises.model import Exercise
from coursekit.files import is_full, write_whole
from coursekit.homework import submissions
from coursekit.homework.metadata import solution_grade_id, with_metadata
from coursekit.homework.record import Record, Result
from coursekit.homework.submissions import names

_PLAIN_NAME = r"[\w@+-](?:[\w .@+'’-]*[\w@+'’-])?"  # one folder, on every system; no dot or space at either end
_MOST_BYTES = 200  # of a student's id: with what stands around it in a file's name there may be 255


@dataclass(frozen=True)
class Score:
    """What the gradebook says about one exercise of one student.

    Attributes:
        points: None as long as neither the program nor a person has given any.
        is_manual: A person gave them.
        needs_person: A person has still to look.
        comment: What the person wrote, or "".
    """

    points: float | None
    is_manual: bool
    needs_person: bool
    comment: str


class GradebookError(OSError):
    """The gradebook cannot be read or written now. What was graded is kept beside it."""


def require_nbgrader() -> None:
    """Say how to get nbgrader where it is missing.

    Raises:
        ModuleNotFoundError: nbgrader is not installed.
    """
    if importlib.util.find_spec("nbgrader") is None:
        how = distribution.install("homework")
        raise ModuleNotFoundError(f"Homework needs nbgrader, which is not installed: {how}")


def is_plain_name(student: str) -> bool:
    """Say whether a student's id can name a folder, on every system."""
    letters = "".join(c for c in student if not names.is_mark(c))  # vowels of many scripts are marks
    is_short = len(student) <= 128 and len(student.encode(errors="replace")) <= _MOST_BYTES
    return is_short and re.fullmatch(_PLAIN_NAME, letters) is not None


def register(notebook: Any, number: str, name: str, to: Path) -> Any:
    """Register an assignment in the gradebook as ``nbgrader generate_assignment`` does; return the released notebook.

    Args:
        notebook: The lesson, with its solutions.
        number: The lesson's number, which names the assignment: "01".
        name: The notebook's file name without its ending, which names it in the gradebook.
        to: The course folder, with the gradebook.

    Raises:
        ValueError: There are submissions of a version that had other exercises.
    """
    from nbgrader.preprocessors import CheckCellMetadata, ClearOutput, ComputeChecksums, LockCells, SaveCells

    asked = lesson(number)
    notebook = notebooks.cut_solutions(with_metadata(notebook, asked))
    notebook = notebooks.cut_results(notebook, asked.instead, asked.folded)
    resources = {"nbgrader": {"assignment": number, "notebook": name, "db_url": _url(to)}}
    with open_gradebook(to) as gradebook:
        gradebook.update_or_create_assignment(number)
    try:
        for step in (LockCells, ClearOutput, CheckCellMetadata, ComputeChecksums, SaveCells):
            notebook, resources = step().preprocess(notebook, resources)
    except RuntimeError as error:
        raise ValueError(
            f"The gradebook in {to} has submissions of another version of lesson {number}, with other exercises. "
            "Use a new folder for the new version."
        ) from error
    return notebook


def write(records: Sequence[Record], to: str | Path) -> list[Record]:
    """Bring the gradebook, nbgrader's folder autograded/, grades.csv and log.csv up to date.

    What a person gave in formgrader stays. Where the submission is another one since, a person is asked to look again.

    Args:
        records: What came of grading, one for each submission.
        to: The course folder.

    Returns:
        The same; one that could not be entered has the reason.

    Raises:
        GradebookError: The gradebook is locked, or cannot be written at all.
    """
    from coursekit.homework import tables

    require_nbgrader()
    to, entered = Path(to), {}
    for number in sorted({record.assignment for record in records}):
        file = notebooks.lesson_file(number)
        released = register(_read(file), number, file.stem, to)
        with open_gradebook(to) as gradebook:
            for record in records:
                if record.assignment == number:
                    entered[record.student, number] = _entered(gradebook, record, released, file.name, to)
    tables.write(entered.values(), to)
    return [entered[record.student, record.assignment] for record in records]


def _entered(gradebook: Any, record: Record, released: Any, name: str, to: Path) -> Record:
    """Enter one record; return it, with a reason if that failed, so that the others' are entered all the same."""
    from sqlalchemy.exc import OperationalError

    number = record.assignment
    try:
        content = notebooks.to_bytes(_for_formgrader(record, released, number, to))
        place = to / "autograded" / student_name(record) / number / name
        is_new = not place.is_file() or place.read_bytes() != content
        _enter(gradebook, record, number, is_new)
        if is_new:
            place.parent.mkdir(parents=True, exist_ok=True)
            write_whole(place, content)
    except OperationalError:  # not about this student
        raise
    except Exception as error:
        if is_full(error):
            raise
        gradebook.db.rollback()
        return replace(record, reason=record.reason or f"It could not be entered ({type(error).__name__}: {error}).")
    return record


def scores(number: str, to: str | Path) -> dict[str, dict[str, Score]]:
    """Return what the gradebook says: {student: {exercise id: score}}."""
    found = {}
    with open_gradebook(Path(to)) as gradebook:
        for submission in gradebook.assignment_submissions(number):
            found[submission.student.id] = student = {}
            for notebook in submission.notebooks:
                comments = {comment.name: comment.manual_comment or "" for comment in notebook.comments}
                grades = {grade.name: grade for grade in notebook.grades}
                for exercise in lesson(number).exercises:
                    if grade := grades.get(notebooks.grade_id(exercise.id)):
                        has_points = grade.manual_score is not None or grade.auto_score is not None
                        student[exercise.id] = Score(
                            float(grade.score) if has_points else None,
                            grade.manual_score is not None,
                            bool(grade.needs_manual_grade),
                            comments.get(solution_grade_id(exercise), ""),
                        )
    return found


def student_name(record: Record) -> str:
    """Return the student's id as nbgrader has it, which is also the name of a folder."""
    student = record.student
    return student if is_plain_name(student) else quote(student, safe="", errors="replace").replace(".", "%2E")[:128]


def is_complete(record: Record, given: dict[str, Score]) -> bool:
    """Say whether there is a total to speak of: the program graded, or a person gave points for every exercise."""
    return record.is_graded or (bool(given) and all(score.points is not None for score in given.values()))


def _url(to: Path) -> str:
    return f"sqlite:///{(to / 'gradebook.db').resolve()}"


@contextmanager
def open_gradebook(to: Path) -> Iterator[Any]:
    """Open nbgrader's gradebook in a course folder, made if it does not exist."""
    from sqlalchemy.exc import DatabaseError, SAWarning

    to.mkdir(parents=True, exist_ok=True)
    try:
        with _opened(to) as gradebook, warnings.catch_warnings():
            warnings.simplefilter("ignore", SAWarning)  # nbgrader adds submissions in an order that it remarks on
            yield gradebook
    except DatabaseError as error:
        raise GradebookError(
            f"The gradebook {to / 'gradebook.db'} cannot be used now ({error.orig}). If formgrader or another program "
            "is writing to it, wait and start this again: what was graded is kept."
        ) from error


def _opened(to: Path) -> Any:
    from nbgrader.api import Gradebook

    # A new gradebook asks the command alembic for its version: it stands beside this Python, on PATH or not.
    path = os.environ.get("PATH", "")
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), path])
    try:
        return Gradebook(_url(to))
    finally:
        os.environ["PATH"] = path


def _enter(gradebook: Any, record: Record, number: str, is_new: bool) -> None:
    """Enter one submission; ``is_new`` when it is not the one that was entered before."""
    student = student_name(record)
    gradebook.update_or_create_student(student)
    when = {"timestamp": _utc(record.submitted_at)} if record.submitted_at else {}
    submission = gradebook.update_or_create_submission(number, student, **when)
    (notebook,) = submission.notebooks
    grades = {grade.name: grade for grade in notebook.grades}
    comments = {comment.name: comment for comment in notebook.comments}
    for exercise in lesson(number).exercises:
        found = _found(record, exercise)
        grade = grades[notebooks.grade_id(exercise.id)]
        grade.auto_score = found.points
        is_asked = exercise.is_read_by_a_person and record.is_graded and found.points is None
        comments[solution_grade_id(exercise)].auto_comment = None if is_asked else found.says
        if grade.manual_score is None:
            grade.needs_manual_grade = found.points is None or found.needs_person
        elif is_new:
            grade.needs_manual_grade = True
    gradebook.db.commit()


def _found(record: Record, exercise: Exercise) -> Result:
    """Return what the record says about an exercise; nothing, for one that could not be graded."""
    nothing = Result(None, exercise.points, record.reason, needs_person=True)
    return record.exercises.get(exercise.id, nothing) if record.is_graded else nothing


def _utc(text: str) -> datetime.datetime:
    """Return a time as nbgrader keeps it: UTC, without saying so."""
    time = datetime.datetime.fromisoformat(text)
    return time.astimezone(datetime.UTC).replace(tzinfo=None) if time.tzinfo else time


def _read(file: Path) -> Any:
    import nbformat

    return nbformat.read(file, as_version=4)


# What a person sees in formgrader: a page of nbgrader's that renders HTML, scripts included. So nothing of a student's
# goes there but code, the outputs of the safe copy, and plain text.


def _for_formgrader(record: Record, released: Any, number: str, to: Path) -> Any:
    """Return the submission with nbgrader's metadata, the scores below the answers, and nothing that could run."""
    import nbformat

    submitted = submissions.read_cells((to / record.notebook).read_bytes()) if record.notebook else ()
    answered: dict[int | None, list[Exercise]] = {}
    for exercise in lesson(number).exercises:
        places = submissions.answers_to(submitted, exercise)  # the last one is what grading says as well
        answered.setdefault(places[-1] if places else None, []).append(exercise)
    text_of_the_lesson = {cell.source for cell in released.cells if cell.cell_type == "markdown"}
    checks = {cell.source for cell in released.cells if notebooks.checked_id(cell)}

    cells = [] if record.is_graded else [_text_cell(f"Not graded: {record.reason}")]
    for i, cell in enumerate(submitted):
        if i in answered:
            first, *others = answered[i]
            cells += _graded_cells(record, released, first, cell)
            for exercise in others:
                cells += _graded_cells(record, released, exercise, None)
        elif cell.kind == "markdown":
            is_ours = cell.source in text_of_the_lesson
            cells.append(_cell("markdown", cell.source) if is_ours else _text_cell(cell.source))
        elif cell.source not in checks:  # the checks come back with the scores
            cells.append(_cell("code", cell.source, cell.outputs))
    for exercise in answered.get(None, []):
        cells.append(_text_cell(f"No cell for {exercise.id} was found in the submission."))
        cells += _graded_cells(record, released, exercise, None)
    for i, cell in enumerate(cells):
        cell["id"] = f"cell-{i}"
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    content = {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}
    return nbformat.from_dict(content)


def _graded_cells(record: Record, released: Any, exercise: Exercise, cell: submissions.Cell | None) -> list[dict]:
    """Return the cell with a student's answer, and behind code the check with the score."""
    found = _found(record, exercise)
    marks = {
        one.metadata.nbgrader.grade_id: {"nbgrader": dict(one.metadata.nbgrader)}
        for one in released.cells
        if "nbgrader" in one.metadata
    }
    mark = marks[solution_grade_id(exercise)]
    if exercise.is_read_by_a_person:
        return [{**_text_cell((found.text or submissions.text_of(cell)) if cell else ""), "metadata": mark}]
    answer = _cell("code", cell.source, cell.outputs) if cell else _cell("code", "")
    points = "No points yet" if found.points is None else f"{found.points:g} of {exercise.points:g} points"
    mistake = f" (It looks like: {found.mistake}.)" if found.mistake else ""
    said = {"output_type": "stream", "name": "stdout", "text": f"{points}. {found.says}{mistake}\n"}
    check = next(one for one in released.cells if notebooks.checked_id(one) == exercise.id)
    score = {**_cell("code", check.source, [said]), "metadata": marks[notebooks.grade_id(exercise.id)]}
    return [{**answer, "metadata": mark}, score]


def _cell(cell_type: str, source: str, outputs: Sequence[dict] = ()) -> dict:
    cell = {"cell_type": cell_type, "metadata": {}, "source": source}
    return cell if cell_type == "markdown" else {**cell, "execution_count": None, "outputs": list(outputs)}


def _text_cell(text: str) -> dict:
    """Return what somebody wrote as a cell that shows it as it is: no HTML, no formulas, no links."""
    harmless = re.sub(r"[\\$`\r]", lambda found: f"&#{ord(found[0])};", html.escape(text))
    return _cell("markdown", f'<pre style="white-space: pre-wrap; font-family: inherit">{harmless}</pre>')
