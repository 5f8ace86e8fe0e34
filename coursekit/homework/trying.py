"""Grades one notebook, to show an instructor what it gets and why. Nothing is kept."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

from coursekit.exercises.catalogue import LESSONS, lesson
from coursekit.homework import choosing, grading, submissions
from coursekit.homework.grading import Options
from coursekit.homework.record import Record
from coursekit.homework.submissions.files import is_notebook


def try_one(file: Path, to: Path | None, options: Options, student: str | None = None) -> Record:
    """Return the record of one notebook, graded as in the class.

    Args:
        file: The notebook, or a folder or zip of one student's.
        to: The course folder that it belongs to, which is only read.
        options: How to grade.
        student: Whose variation counts; None: that of the folder's name.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: There is more than one student's, or the lesson is not clear.
    """
    if not file.exists():
        raise FileNotFoundError(f"There is no submission at {file}.")
    with tempfile.TemporaryDirectory(prefix="coursekit-try-") as folder:
        out = Path(folder, "out")
        place = _alone(file, Path(folder, "in"), student) if is_notebook(file.name) else file
        number = options.lesson or choosing.which_lesson(place, to or out)
        known = options.students or (tuple(choosing.class_of(to, number)) if to else ())
        found, _ = submissions.find(place, number, known)
        if len(found) > 1:
            names = ", ".join(one.student for one in found[:5])
            raise ValueError(f"There is more than one student's in {file}: {names}. Name one file.")
        (record,) = grading.mark(place, out, replace(options, lesson=number, students=known), to)
    return record


def _alone(file: Path, place: Path, student: str | None) -> Path:
    """Copy a notebook into a folder of its student's, which is named after them; return the folder around that."""
    above = [part for part in file.resolve().parent.parts[1:] if part not in LESSONS]  # submitted/alice/01/x.ipynb
    target = place / (student or (above[-1] if above else "student"))
    target.mkdir(parents=True)
    shutil.copy(file, target, follow_symlinks=False)
    return place


def explained(record: Record) -> str:
    """Return in words what each exercise got and why, and what the log says."""
    lines = [f"{record.student}, lesson {record.assignment}, {record.seconds:.1f} s: {record.file}"]
    if record.reason:
        lines.append(f"NOT GRADED: {record.reason}")
    for exercise in lesson(record.assignment).exercises:
        if found := record.exercises.get(exercise.id):
            points = "to read" if found.points is None else f"{found.points:g} of {found.max:g}"
            lines += ["", f"{exercise.id}: {points}", f"  {found.says}"]
            lines += [f"  It looks like a usual mistake: {found.mistake}."] if found.mistake else []
            lines += [f"  | {line}" for line in found.text.splitlines()]
    if record.log:
        lines += ["", "Log", *(f"  {line}" for line in record.log)]
    return "\n".join("".join(c if c.isprintable() else " " for c in line) for line in lines)
