"""Finds what was handed in, and whose it is.

Understood are, in a folder or in a zip of it:

- a folder for each student: ``alice/anything.ipynb``
- files named after student and lesson: ``alice_01_intermediate_activations.ipynb``
- what Canvas exports: ``doejane_LATE_12345_67890_name.ipynb``
- what Moodle exports: ``Jane Doe_12345_assignsubmission_file_/name.ipynb``, or the same as one file name
- any of this inside a folder around all of it: ``Assignment 1/alice/anything.ipynb``
- nbgrader's layout ``submitted/alice/01/name.ipynb`` and its exchange ``inbound/alice+01+2026-01-31 12:00:00 UTC``

If the ids of the class are known, they come first: a name that is one but for capitals or accents is that student's.
Nothing is dropped: what cannot be read, and what seems odd, is listed with its reason. Links are never followed, and
nothing is unpacked to disk.
"""

from __future__ import annotations

import contextlib
import datetime
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

from coursekit.homework.submissions import names, patterns
from coursekit.homework.submissions.files import File, files_in, refused

_LATE_BIT = "(?:_LATE)?"
_CANVAS = re.compile(rf"(?P<student>[^_]+){_LATE_BIT}_(?P<number>\d+)_\d+_.+")
_MOODLE = re.compile(r"(?P<student>.+)_(?P<number>\d+)_assignsubmission_[a-z]+(?:_.*)?", re.DOTALL)
_EXCHANGE = re.compile(r"(?P<student>[^+]+)\+(?P<assignment>[^+]+)\+\d{4}-\d\d-\d\d.*")
_VERSION = re.compile(r"(?:-| ?\()(\d{1,3})\)?$")  # "name-1", Canvas's second version; "name (1)", a browser's
_OF_A_LESSON = re.compile(r"\d\d(?:[_-].*)?")
_NBGRADER = ("submitted", "inbound")  # its course folder, and its exchange
_YEARS = range(1970, 2200)  # a time beyond is none
_MOST_NOTICES = 20  # of one student


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


def find(
    place: Path, lesson: str, known: Sequence[str] = (), pattern: str | None = None
) -> tuple[list[Submission], list[str]]:
    """Return the submissions in a folder or zip, by student, and what there is to say of files that are none.

    Args:
        place: A folder, or a zip of one.
        lesson: "01". Where a student's files are for several lessons, those of others are left alone.
        known: The ids of the class, which are looked for first.
        pattern: A regular expression of the instructor's with a group ``student``, tried on each path from its
            beginning, instead of what is understood otherwise.

    Raises:
        FileNotFoundError: There is nothing at ``place``.
        ValueError: It is neither a folder nor a readable zip, or the pattern is none.
    """
    if pattern is not None:
        patterns.check(pattern)
    if not place.exists():
        raise FileNotFoundError(f"There are no submissions at {place}.")
    files = list(files_in(place))
    if place.is_dir() and place.name in _NBGRADER:
        files = [replace(file, parts=(place.name, *file.parts)) for file in files]
    files = _unwrapped(files, lesson, known)
    for name in _NBGRADER:  # what is beside is not handed in
        files = [file for file in files if file.parts[0] == name and len(file.parts) > 1] or files
    times = {file.parts[:-1]: file for file in files if _is_stamp(file.parts)}
    files = [file for file in files if file.parts[-1] != "timestamp.txt"]
    notices: list[str] = []
    students: dict[names.Who, list[tuple[File, tuple[str, ...]]]] = {}
    for file, owner in zip(files, _owners(files, lesson, known, pattern), strict=True):
        if owner is None:
            notices.append(f"{_printable(file)} does not fit the pattern, so it was left alone.")
            continue
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
    ids = names.of_class(students, known)
    kept = names.for_files(list(students), ids)
    handed_in: dict[str, list[names.Who]] = {}
    for who in students:
        handed_in.setdefault(kept[who], []).append(who)
    found = [
        _chosen(name, whose[0][0], [pair for who in whose for pair in students[who]], times, lesson, whose[0] in ids)
        for name, whose in handed_in.items()
    ]
    return sorted(found, key=lambda one: one.student.casefold()), notices


def _owners(files: list[File], lesson: str, known: Sequence[str], pattern: str | None) -> list[_Owner | None]:
    """Return whose each file is; None for one that the instructor's pattern does not fit."""
    if pattern is None:
        return [_whose(file.parts, lesson, known) for file in files]
    students = patterns.students(pattern, ["/".join(file.parts) for file in files])
    return [_Owner(student) if student else None for student in students]


def _unwrapped(files: list[File], lesson: str, known: Sequence[str]) -> list[File]:
    """Return the files without a folder that lies around everything, such as "Assignment 1"."""
    while files and len({file.parts[0] for file in files}) == 1 and all(len(file.parts) > 1 for file in files):
        if not _is_wrapper(files[0].parts[0], [file.parts[1:] for file in files], lesson, known):
            break
        files = [replace(file, parts=file.parts[1:]) for file in files]
    return files


def _is_wrapper(top: str, inner: list[tuple[str, ...]], lesson: str, known: Sequence[str]) -> bool:
    """Say whether a folder with everything in it is no student's."""
    if top in _NBGRADER or _EXCHANGE.fullmatch(top) or _MOODLE.fullmatch(top) or names.of_class([(top, "")], known):
        return False
    first = {parts[0] for parts in inner}
    is_folder = len(first) == 1 and all(len(parts) > 1 for parts in inner)
    if is_folder and _is_wrapper(inner[0][0], [parts[1:] for parts in inner], lesson, known):
        return True
    if any(parts[0] in _NBGRADER and len(parts) > 1 for parts in inner):
        return True
    if any(_EXCHANGE.fullmatch(name) or _MOODLE.fullmatch(name) or _CANVAS.fullmatch(name) for name in first):
        return True
    if known and names.of_class({(_whose(parts, lesson, known).student, "") for parts in inner}, known):
        return True
    folders = {parts[0] for parts in inner if len(parts) > 1 and parts[-1].lower().endswith(".ipynb")}
    people = {name for name in folders if not _OF_A_LESSON.fullmatch(name)}
    people |= {owner.student for parts in inner if len(parts) == 1 and (owner := _whose(parts, lesson)).is_known}
    return len(people) > 1


def _whose(parts: tuple[str, ...], lesson: str, known: Sequence[str] = ()) -> _Owner:
    """Return whose a file is, by its path."""
    if parts[0] in _NBGRADER and len(parts) > 1:
        parts = parts[1:]
    if exchange := _EXCHANGE.fullmatch(parts[0]):
        return _Owner(exchange["student"])
    moodle = _MOODLE.fullmatch(parts[0].removesuffix(".ipynb"))
    if moodle:
        return _Owner(moodle["student"], moodle["number"])
    if len(parts) > 1:
        return _Owner(parts[0])
    stem = re.sub(r"\.[A-Za-z0-9]+$", "", parts[0])
    owner = _by_file_name(stem, lesson)
    begins = names.at_the_beginning(stem, known)
    if begins and not (owner and len(owner.student) >= len(begins)):  # an id may look like what stands behind one
        return _Owner(begins)
    if owner:
        return owner
    doubt = f"Whose it is was guessed: nothing in the name {_shown(parts[0])} says where the student's ends."
    return _Owner(stem, doubts=(doubt,), is_known=False)


def _by_file_name(stem: str, lesson: str) -> _Owner | None:
    if canvas := _CANVAS.fullmatch(stem):
        return _Owner(canvas["student"], canvas["number"])
    for behind in (r"(?![_-]?\d)", ""):  # the number of the lesson is rather not one inside of an id: 2026-01-0042
        if ours := re.fullmatch(rf"(?P<student>.+?)[_-]{re.escape(lesson)}{behind}(?:[_-].*)?", stem, re.DOTALL):
            return _Owner(ours["student"])
    return None


def _other_lesson(parts: tuple[str, ...], lesson: str) -> str | None:
    """Return the number of another lesson, if a folder below the student's is named after it."""
    inner = parts[1:] if parts[0] in ("submitted", "inbound") else parts
    exchange = _EXCHANGE.fullmatch(inner[0])
    named = [exchange["assignment"]] if exchange else list(inner[1:-1])
    numbers = [found[1] for name in named if (found := re.fullmatch(r"(\d\d)(?:[_-].*)?", name))]
    return numbers[0] if numbers and lesson not in numbers else None


def _chosen(
    name: str, given: str, files: list[tuple[File, tuple[str, ...]]], times: dict, lesson: str, is_in_class: bool
) -> Submission:
    """Return the newest of a student's files; those that can be read come before those that can't."""
    if not files:
        problem = refused((given,), "There is no notebook among what was handed in.")
        files = [(problem, ())]
    ranked = sorted(files, key=lambda pair: _rank(pair[0], times, lesson), reverse=True)
    file, notices = ranked[0][0], list(ranked[0][1])
    if name != given:
        what = "is taken for" if is_in_class else "is kept as"
        notices.append(f"The student's name {_shown(given)} {what} {name!r}.")
    for other, _ in ranked[1 : 1 + _MOST_NOTICES]:
        notices.append(
            f"{_printable(other)} was not graded: {other.problem or 'there is a newer or better fitting file'}"
        )
    if len(ranked) > 1 + _MOST_NOTICES:
        notices.append(f"{len(ranked) - 1 - _MOST_NOTICES} more files were not graded.")
    when = _submitted_at(file, times)
    return Submission(name, _printable(file), when.isoformat() if when else None, file.read, tuple(notices))


def _rank(file: File, times: dict, lesson: str) -> tuple:
    is_for_lesson = any(re.search(rf"(^|[_+-]){re.escape(lesson)}([_.+-]|$)", part) for part in file.parts)
    when = _submitted_at(file, times)
    version = _VERSION.search(file.parts[-1].rpartition(".")[0])
    number = int(version[1]) if version else 0
    return (not file.problem, is_for_lesson, when.timestamp() if when else 0.0, number, file.parts)


def _is_stamp(parts: tuple[str, ...]) -> bool:
    """Say whether this is nbgrader's file with a time. One elsewhere is the student's own, and does not count."""
    return parts[-1] == "timestamp.txt" and (parts[0], len(parts)) in (("submitted", 4), ("inbound", 3))


def _submitted_at(file: File, times: dict) -> datetime.datetime | None:
    """Return nbgrader's time, "2026-01-31 12:00:00.000000 Europe/Paris" in a file of its own, or else the file's."""
    if stamp := times.get(file.parts[:-1]):
        with contextlib.suppress(ValueError, KeyError, OSError):  # damaged: then the file's own
            moment, _, zone = stamp.read()[:200].decode().strip().rpartition(" ")
            time = datetime.datetime.fromisoformat(moment).replace(tzinfo=ZoneInfo(zone))
            if time.year in _YEARS:
                return time
    with contextlib.suppress(ValueError, OverflowError, OSError):  # a file can claim any time
        time = None if file.time is None else datetime.datetime.fromtimestamp(int(file.time), datetime.UTC)
        return time if time and time.year in _YEARS else None
    return None


def _printable(file: File) -> str:
    return _shown("/".join(file.parts))


def _shown(name: str) -> str:
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in name)[:200]
