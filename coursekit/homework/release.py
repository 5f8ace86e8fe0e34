"""An assignment for a class: the lesson without its solutions, for each student a variation, in nbgrader's folders."""

from __future__ import annotations

import copy
import csv
import hashlib
import hmac
import json
import os
import re
import secrets
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from coursekit import distribution
from coursekit.exercises import marks, notebooks
from coursekit.exercises.catalogue import lesson
from coursekit.files import write_whole
from coursekit.homework import gradebook
from coursekit.homework.alone import alone
from coursekit.homework.metadata import with_metadata

SECRET = "secret.txt"
MANIFEST = ".coursekit-release.json"  # the fingerprint of every file as it was written

# What can have happened to a file.
WRITTEN = "written"
SAME = "as it was"
UPDATED = "the lesson has changed, written anew"
KEPT = "you changed it, kept; to get the course's version, delete it and run this again"

_STUDENT_COLUMNS = ("student", "student_id", "id", "username", "user", "login")
_CONFIG = """\
# nbgrader's settings. Run nbgrader and JupyterLab in this folder, so that they find it.
c = get_config()
c.CourseDirectory.course_id = "coursekit"
"""
_PREFACE = f"""\
**Homework.** Write your answers where it says YOUR CODE HERE or *Your answer here*, save, and hand in this file.

It needs the course's package. Where it is missing: `{distribution.install("cpu")}`; in Colab, which has TensorFlow, \
`%pip install {distribution.NAME}` in a cell of its own, above everything. After that no network is needed."""


def release(
    number: str, to: str | Path, students: Sequence[str] = (), secret_file: str | Path | None = None
) -> dict[Path, str]:
    """Write the assignment of a lesson into a course folder.

    Files are laid out as nbgrader does: source/01/ has the lesson with its solutions, release/01/ what students get, or
    release/01/STUDENT/ for each of them, with another variation. The class secret behind the variations is made once.
    What lies there is replaced only if the lesson has changed and you have not changed it.

    Args:
        number: The lesson: "01".
        to: The course folder, made if it does not exist.
        students: Their ids.
        secret_file: The class secret, if it is not TO/secret.txt.

    Returns:
        What happened to each file.

    Raises:
        BusyError: Another command is at work in the course folder.
        ModuleNotFoundError: nbgrader is not installed.
        ValueError: There is no such lesson, or a student's id cannot name a folder.
    """
    gradebook.require_nbgrader()
    students = check_students(students)
    to = Path(to)
    lesson(number)
    with alone(to):
        return _release(number, to, students, secret_file)


def _release(number: str, to: Path, students: list[str], secret_file: str | Path | None) -> dict[Path, str]:
    source, homework = _read_lesson(number)
    name = notebooks.lesson_file(number).name
    homework = gradebook.register(homework, number, Path(name).stem, to)
    files = {to / "nbgrader_config.py": _CONFIG.encode(), to / "source" / number / name: notebooks.to_bytes(source)}
    place = to / "release" / number
    if students:
        secret = class_secret(to, secret_file)
        for student in students:
            files[place / student / name] = notebooks.to_bytes(with_variation(homework, variation(secret, student)))
    else:
        files[place / name] = notebooks.to_bytes(homework)
    return _write(files, to)


def variation(secret: str, student: str) -> str:
    """Return a student's token, which seeds what is given in the exercises: HMAC-SHA256(secret, id) as hex."""
    return hmac.new(secret.encode(), student.encode(), "sha256").hexdigest()


def class_secret(to: str | Path, secret_file: str | Path | None = None) -> str:
    """Return the class secret; made, once, if there is none. Only its owner can read the file.

    Args:
        to: The course folder.
        secret_file: Where it is instead of TO/secret.txt.

    Raises:
        ValueError: The file holds no secret.
    """
    file = Path(secret_file) if secret_file else Path(to) / SECRET
    file.parent.mkdir(parents=True, exist_ok=True)
    try:
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return read_secret(file)
    with open(handle, "w", encoding="utf-8") as new:
        new.write(secrets.token_hex(32) + "\n")
    return read_secret(file)


def read_secret(file: str | Path) -> str:
    """Return the class secret in a file.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It holds no secret.
    """
    secret = Path(file).read_text(encoding="utf-8").strip()
    if len(secret) < 16:
        raise ValueError(f"{file} holds no class secret: it should have 16 characters or more, and has {len(secret)}.")
    return secret


def read_students(file: str | Path) -> list[str]:
    """Return the students' ids in a file: one a line, or the column "student" of a table (CSV).

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It names nobody, a column is not there, or an id cannot name a folder.
    """
    file = Path(file)
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise ValueError(f"{file} is not in UTF-8 ({error.reason} at byte {error.start}). Save it as UTF-8.") from None
    if file.suffix.lower() == ".csv":
        separator = max(",;\t", key=lines[0].count) if lines else ","
        reader = csv.reader(lines, delimiter=separator, strict=True)  # an open quote would swallow who comes after it
        try:
            rows = [[field.strip() for field in row] for row in reader if any(row)]
        except csv.Error as error:
            raise ValueError(f"{file}, line {reader.line_num}, cannot be read as a table: {error}.") from None
        header = [field.lower() for field in rows[0]] if rows else []
        column = next((header.index(name) for name in _STUDENT_COLUMNS if name in header), None)
        if column is None:
            columns = ", ".join(map(repr, header))
            raise ValueError(
                f"{file} has no column 'student' with the students' ids. Its columns: {columns or 'none'}."
            )
        students = [row[column] for row in rows[1:] if len(row) > column]
    else:
        students = [line.strip() for line in lines]
    students = [student for student in students if student]
    if not students:
        raise ValueError(f"{file} names no students.")
    return check_students(students)


def check_students(students: Sequence[str]) -> list[str]:
    """Return the ids, each in Unicode's composed form, if each can name a folder of its own.

    Raises:
        ValueError: One cannot, or two are the same on a system that does not tell capital letters apart.
    """
    seen: dict[str, str] = {}
    for student in (unicodedata.normalize("NFC", student) for student in students):
        if not gradebook.is_plain_name(student):
            raise ValueError(
                f"The id {student!r} cannot name a folder. Letters, digits and . _ - + @ are fine, and spaces inside."
            )
        if other := seen.get(student.casefold()):
            raise ValueError(f"The ids {other!r} and {student!r} would name the same folder.")
        seen[student.casefold()] = student
    return list(seen.values())


def with_variation(notebook: Any, token: str) -> Any:
    """Return a copy of a released notebook that has a student's token; as it is, if nothing in it varies.

    Raises:
        ValueError: Something varies, and it has no cell ``variation = None``.
    """
    notebook = copy.deepcopy(notebook)
    if not any(cell.cell_type == "code" and re.search(r"\bvariation\b", cell.source) for cell in notebook.cells):
        return notebook
    cells = [cell for cell in notebook.cells if cell.cell_type == "code" and marks.has_no_variation(cell.source)]
    if len(cells) != 1:
        raise ValueError(f"The lesson should have one cell `variation = None`, but it has {len(cells) or 'none'}.")
    cells[0].source = marks.with_variation(cells[0].source, token)
    return notebook


def _read_lesson(number: str) -> tuple[Any, Any]:
    """Return the lesson with nbgrader's metadata, and the same with a preface for students."""
    import nbformat

    asked = lesson(number)
    source = with_metadata(nbformat.read(notebooks.lesson_file(number), as_version=4), asked)
    homework = copy.deepcopy(source)
    homework.cells.insert(0, nbformat.v4.new_markdown_cell(_PREFACE, id="homework-preface"))
    return source, homework


def _write(files: dict[Path, bytes], to: Path) -> dict[Path, str]:
    manifest = to / MANIFEST
    before = json.loads(manifest.read_bytes()) if manifest.exists() else {}
    written, outcomes = dict(before), {}
    for file, content in files.items():
        key, mark = file.relative_to(to).as_posix(), hashlib.sha256(content).hexdigest()
        theirs = hashlib.sha256(file.read_bytes()).hexdigest() if file.exists() else None
        if theirs == mark:
            outcomes[file] = SAME
        elif theirs is not None and theirs != before.get(key):
            outcomes[file] = KEPT
            continue
        else:
            outcomes[file] = WRITTEN if theirs is None else UPDATED
            file.parent.mkdir(parents=True, exist_ok=True)
            write_whole(file, content)
        written[key] = mark
    if written != before:
        write_whole(manifest, json.dumps(written, indent=1).encode())
    return outcomes
