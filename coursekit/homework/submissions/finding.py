"""Finds what was handed in, and whose it is.

Understood are, in a folder or in a zip of it:

- a folder for each student: ``alice/anything.ipynb``
- files named after student and lesson: ``alice_01_intermediate_activations.ipynb``
- what Canvas exports: ``doejane_LATE_12345_67890_name.ipynb``
- what Moodle exports: ``Jane Doe_12345_assignsubmission_file_/name.ipynb``, or the same as one file name
- nbgrader's layout ``submitted/alice/01/name.ipynb`` and its exchange ``inbound/alice+01+2026-01-31 12:00:00 UTC``

Nothing is dropped: what cannot be read, and what seems odd, is listed with its reason. Links are never followed, and
nothing is unpacked to disk.
"""

from __future__ import annotations

import contextlib
import datetime
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

from coursekit.homework.submissions.files import File, files_in, refused

_LATE_BIT = "(?:_LATE)?"
_CANVAS = re.compile(rf"(?P<student>[^_]+){_LATE_BIT}_(?P<number>\d+)_\d+_.+")
_MOODLE = re.compile(r"(?P<student>.+)_(?P<number>\d+)_assignsubmission_\w+?_?(?P<rest>_.*)?")
_EXCHANGE = re.compile(r"(?P<student>[^+]+)\+(?P<assignment>[^+]+)\+\d{4}-\d\d-\d\d.*")


@dataclass(frozen=True)
class Submission:
    """What one student handed in.

    Attributes:
        student: A name that is safe as a file name.
        file: The file's path inside the submissions, printable.
        submitted_at: ISO 8601, or None.
        read: Returns the file's bytes, or raises RefusedError with the reason.
        notices: What seemed odd: sentences for the log.
    """

    student: str
    file: str
    submitted_at: str | None
    read: Callable[[], bytes]
    notices: tuple[str, ...] = ()


class _Owner(NamedTuple):
    """Whose a file is: the student's name, the number in the LMS; and whether the name follows a known pattern."""

    student: str
    number: str = ""
    doubts: tuple[str, ...] = ()
    is_known: bool = True


def find(place: Path, lesson: str) -> tuple[list[Submission], list[str]]:
    """Return the submissions in a folder or zip, by student, and what there is to say of files that are none.

    Args:
        place: A folder, or a zip of one.
        lesson: "01". Where a student's files are for several lessons, those of others are left alone.

    Raises:
        FileNotFoundError: There is nothing at ``place``.
        ValueError: It is neither a folder nor a readable zip, or holds too many files.
    """
    if not place.exists():
        raise FileNotFoundError(f"There are no submissions at {place}.")
    files = list(files_in(place))
    for name in ("submitted", "inbound"):  # nbgrader's course folder, or its exchange: what is beside is not handed in
        files = [file for file in files if file.parts[0] == name and len(file.parts) > 1] or files
    times = {file.parts[:-1]: file for file in files if file.parts[-1] == "timestamp.txt"}
    notices: list[str] = []
    students: dict[tuple[str, str], list[tuple[File, tuple[str, ...]]]] = {}
    for file in files:
        if file.parts[-1] == "timestamp.txt":
            continue
        owner = _whose(file.parts, lesson)
        who = owner.student, owner.number
        if other := _other_lesson(file.parts, lesson):
            notices.append(f"{_printable(file)} is for assignment {other}, so it was left alone.")
        elif file.parts[-1].lower().endswith(".ipynb") or file.problem:
            students.setdefault(who, []).append((file, owner.doubts))
        elif owner.is_known:
            students.setdefault(who, [])
            notices.append(f"{_printable(file)} is no notebook.")
        else:
            notices.append(f"{_printable(file)} is no notebook, so it was left alone.")
    names = _safe_names(list(students))
    found = [_chosen(names[who], who, students[who], times, lesson) for who in students]
    return sorted(found, key=lambda one: one.student.casefold()), notices


def _whose(parts: tuple[str, ...], lesson: str) -> _Owner:
    """Return whose a file is, by its path."""
    if parts[0] in ("submitted", "inbound") and len(parts) > 1:
        parts = parts[1:]
    if exchange := _EXCHANGE.fullmatch(parts[0]):
        return _Owner(exchange["student"])
    moodle = _MOODLE.fullmatch(parts[0].removesuffix(".ipynb"))
    if moodle:
        return _Owner(moodle["student"], moodle["number"])
    if len(parts) > 1:
        return _Owner(parts[0])
    stem = re.sub(r"\.[A-Za-z0-9]+$", "", parts[0])
    canvas = _CANVAS.fullmatch(stem)
    if canvas:
        return _Owner(canvas["student"], canvas["number"])
    ours = re.fullmatch(rf"(?P<student>.+?)[_-]{re.escape(lesson)}(?:[_-].*)?", stem)
    if ours:
        return _Owner(ours["student"])
    doubt = f"Whose it is was guessed: nothing in the name {_shown(parts[0])} says where the student's ends."
    return _Owner(stem, doubts=(doubt,), is_known=False)


def _other_lesson(parts: tuple[str, ...], lesson: str) -> str | None:
    """Return the number of another lesson, if a folder below the student's is named after it."""
    inner = parts[1:] if parts[0] in ("submitted", "inbound") else parts
    exchange = _EXCHANGE.fullmatch(inner[0])
    named = [exchange["assignment"]] if exchange else list(inner[1:-1])
    numbers = [found[1] for name in named if (found := re.fullmatch(r"(\d\d)(?:[_-].*)?", name))]
    return numbers[0] if numbers and lesson not in numbers else None


def _safe(name: str) -> str:
    """Return a name for one folder or file, on every system."""
    name = unicodedata.normalize("NFC", name)
    name = "".join(c if c.isalnum() or c in " ._-@+" else "_" for c in name)[:80].strip(" .")
    return name if any(c.isalnum() for c in name) else "student" + name


def _safe_names(students: list[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """Return a file name for each student: as short as it can be, and no two alike, whatever the file system."""
    names, taken = {}, set()
    alike = [_safe(student).casefold() for student, _ in students]
    for (student, number), folded in zip(students, alike, strict=True):
        name = _safe(student)
        if number and alike.count(folded) > 1:
            name = f"{name}-{number}"
        base, count = name, 1
        while name.casefold() in taken:
            count += 1
            name = f"{base}-{count}"
        taken.add(name.casefold())
        names[student, number] = name
    return names


def _chosen(
    name: str, who: tuple[str, str], files: list[tuple[File, tuple[str, ...]]], times: dict, lesson: str
) -> Submission:
    """Return the newest of a student's files; those that can be read come before those that can't."""
    if not files:
        problem = refused((who[0],), "There is no notebook among what was handed in.")
        files = [(problem, ())]
    ranked = sorted(files, key=lambda pair: _rank(pair[0], times, lesson), reverse=True)
    file, notices = ranked[0][0], list(ranked[0][1])
    if name != who[0]:
        notices.append(f"The student's name {_shown(who[0])} is kept as {name!r}.")
    for other, _ in ranked[1:]:
        notices.append(
            f"{_printable(other)} was not graded: {other.problem or 'there is a newer or better fitting file'}"
        )
    when = _submitted_at(file, times)
    return Submission(name, _printable(file), when.isoformat() if when else None, file.read, tuple(notices))


def _rank(file: File, times: dict, lesson: str) -> tuple:
    is_for_lesson = any(re.search(rf"(^|[_+-]){re.escape(lesson)}([_.+-]|$)", part) for part in file.parts)
    when = _submitted_at(file, times)
    return (not file.problem, is_for_lesson, when.timestamp() if when else 0.0, file.parts)


def _submitted_at(file: File, times: dict) -> datetime.datetime | None:
    """Return nbgrader's time, "2026-01-31 12:00:00.000000 Europe/Paris" in a file of its own, or else the file's."""
    if stamp := times.get(file.parts[:-1]):
        with contextlib.suppress(ValueError, KeyError, OSError):  # damaged: then the file's own
            moment, _, zone = stamp.read().decode().strip().rpartition(" ")
            return datetime.datetime.fromisoformat(moment).replace(tzinfo=ZoneInfo(zone))
    with contextlib.suppress(ValueError, OverflowError, OSError):  # a file can claim any time
        return None if file.time is None else datetime.datetime.fromtimestamp(int(file.time), datetime.UTC)
    return None


def _printable(file: File) -> str:
    return _shown("/".join(file.parts))


def _shown(name: str) -> str:
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in name)[:200]
