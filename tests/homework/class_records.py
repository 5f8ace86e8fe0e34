"""Records of grading, written by hand: a small class as it comes out of the sandbox."""

import functools
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from coursekit.exercises.catalogue import lesson
from coursekit.homework import gradebook
from coursekit.homework.record import Record, Result, to_json
from coursekit.homework.submissions import read_cells, safe_copy
from tests.homework.small_lesson import cell, small_lesson

POINTS = {"01.strongest-channel": 2, "01.by-hand": 3, "01.one-scale": 2}


@functools.cache
def _empty_gradebook() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        with gradebook.open_gradebook(Path(folder)):
            pass
        return Path(folder, "gradebook.db").read_bytes()


def new_course(folder: Path) -> Path:
    """Make a course folder with an empty gradebook, which takes nbgrader seconds to make; return the folder."""
    folder.mkdir()
    (folder / "gradebook.db").write_bytes(_empty_gradebook())
    return folder


def record(
    to: Path,
    student: str,
    points: dict[str, float],
    text: str = "Cover the mouth.",
    change: Callable[[dict, list], None] | None = None,
    **changes: Any,
) -> Record:
    """Return a record as grading hands it on, with its safe copy and its file in TO/results.

    ``change`` gets the submitted cells, by id and in order, before the copy is made.
    """
    exercises = {}
    for exercise in lesson("01").exercises:
        is_read = exercise.is_read_by_a_person
        have = None if is_read else points.get(exercise.id, 0)
        right = have == exercise.points
        exercises[exercise.id] = Result(
            points=have,
            max=exercise.points,
            says="A person will read this." if is_read else "That is right." if right else "One too many.",
            mistake="" if is_read or right else "counted from 1",
            needs_person=is_read,
            text=text if is_read else "",
        )
    notebook = small_lesson()
    cell(notebook, "evidence").source = f"<!-- exercise 01.evidence -->\n{text}"
    if change:
        change({one.id: one for one in notebook.cells}, notebook.cells)
    (to / "notebooks").mkdir(parents=True, exist_ok=True)
    copy = safe_copy(read_cells(json.dumps(notebook).encode()))
    (to / "notebooks" / f"{student}.ipynb").write_text(json.dumps(copy))
    fields = {
        "student": student,
        "assignment": "01",
        "file": f"{student}.ipynb",
        "sha256": "0" * 64,
        "submitted_at": "2026-11-20T10:00:00+01:00",
        "seconds": 1.5,
        "log": ("found by its name",),
        "exercises": exercises,
        "notebook": f"notebooks/{student}.ipynb",
        **changes,
    }
    made = Record(**fields)
    (to / "results").mkdir(exist_ok=True)
    (to / "results" / f"{student}.json").write_text(to_json(made))
    return made


def ungraded(to: Path, student: str, reason: str, **changes: Any) -> Record:
    """Return the record of a submission that could not be graded."""
    gone = {"reason": reason, "exercises": {}, "notebook": None}
    return record(to, student, {}, **{**gone, **changes})
