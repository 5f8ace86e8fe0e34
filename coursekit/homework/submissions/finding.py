"""Finds what was handed in, and whose it is.

Understood are, in a folder or in a zip of it:

- a folder for each student: ``alice/anything.ipynb``
- files named after student and lesson: ``alice_01_intermediate_activations.ipynb``
- what Canvas exports: ``doejane_LATE_12345_67890_name.ipynb``
- what Moodle exports: ``Jane Doe_12345_assignsubmission_file_/name.ipynb``, or the same as one file name
- any of this inside a folder around all of it: ``Assignment 1/alice/anything.ipynb``
- Blackboard's files ``Homework 1_alice_attempt_2026-01-31-12-00-00_name.ipynb``
- Brightspace's folders ``12345-67890 - Jane Doe - Jan 31, 2026 1159 PM``, or the same before a file's name
- nbgrader's layout ``submitted/alice/01/name.ipynb`` and its exchange ``inbound/alice+01+2026-01-31 12:00:00 UTC``

If the ids of the class are known, they come first: a name that is one but for capitals or accents is that student's,
also in sections of the class: ``Section A/alice/anything.ipynb``. What lies in a student's folder never is another's,
whatever its name: students choose these names. Nothing is dropped: what cannot be read, and what seems odd, is listed
with its reason; what looks like several students' under one name is kept apart or refused. Links are never followed,
and nothing is unpacked to disk.
"""

from __future__ import annotations

import contextlib
import datetime
import itertools
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from zoneinfo import ZoneInfo

from coursekit.homework.submissions import files as listing, forms, names, owning, patterns
from coursekit.homework.submissions.files import File, files_in, refused
from coursekit.homework.submissions.forms import Owner

_TRIED = re.compile(rf"(?:{owning.TRY})[ _-]?(\d{{1,3}})", re.IGNORECASE)
_YEARS = range(1970, 2200)  # a time beyond is none
_MOST_NOTICES = 20  # of one student
_MOST_FILES = 20  # of one student, of which one is graded


@dataclass(frozen=True)
class Submission:
    """What one student handed in.

    Attributes:
        student: A name that is safe as a file name.
        file: The file's path inside the submissions, printable.
        submitted_at: ISO 8601, or None.
        read: Returns the file's bytes, or raises RefusedError with the reason.
        notices: What seemed odd: sentences for the log.
        others: The student's other files that can be read, the newest first: see ``taking``.
    """

    student: str
    file: str
    submitted_at: str | None
    read: Callable[[], bytes]
    notices: tuple[str, ...] = ()
    others: tuple[Submission, ...] = ()


def find(
    place: Path, lesson: str, known: Sequence[str] = (), pattern: str | None = None
) -> tuple[list[Submission], list[str]]:
    """Return the submissions in a folder or zip, by student, and what there is to say of files that are none.

    Args:
        place: A folder, or a zip of one.
        lesson: "01". Where a student's files are for several lessons, those of others are left alone.
        known: The ids of the class, which are looked for first.
        pattern: A regular expression of the instructor's with a group ``student``, tried on each path from its
            beginning, with and without folders around the class, whichever fits more files; instead of what is
            understood otherwise.

    Raises:
        FileNotFoundError: There is nothing at ``place``.
        ValueError: It is neither a folder nor a readable zip, or the pattern is none.
    """
    if pattern is not None:
        patterns.check(pattern)
    if not place.exists():
        raise FileNotFoundError(f"There are no submissions at {place}.")
    files = [file if file.whole else replace(file, whole=file.parts) for file in files_in(place)]
    if place.is_dir() and place.name in forms.NBGRADER:
        inside = [replace(file, parts=(place.name, *file.parts)) for file in files]
        files = inside if owning.has_nbgrader_s_form(place.name, inside) else files
    notices: list[str] = []
    files = owning.from_nbgrader(owning.unwrapped(files, lesson, known, notices), notices)
    times = {file.parts[:-1]: file for file in files if _is_stamp(file.parts)}
    files = [file for file in files if file.parts[-1] != "timestamp.txt"]
    owners = owning.owners_of(files, lesson, known, pattern, notices)
    counts = Counter((owner.student, owner.number) for owner in owners if owner)
    students: dict[names.Who, list[tuple[File, Owner]]] = {}
    zips: dict[names.Who, str] = {}
    for file, owner in zip(files, owners, strict=True):
        if owner is None:
            notices.append(f"{_printable(file)} does not fit the pattern, so it was left alone.")
            continue
        who = owner.student, owner.number
        if counts[who] > listing.MOST_FILES:
            students[who] = [(listing.too_many((owner.student, "(too many)")), owner)]
        elif other := forms.other_lesson(file.parts, lesson) or (
            None if owner.is_known else forms.lesson_of_file(file.parts, lesson)
        ):
            notices.append(f"{_printable(file)} is for assignment {other}, so it was left alone.")
        elif listing.is_notebook(file.parts[-1]) or file.problem:
            students.setdefault(who, []).append((file, owner))
        else:
            is_zip = file.parts[-1].lower().endswith(".zip")
            if owner.is_known:
                students.setdefault(who, [])
            if owner.is_known and is_zip:
                zips.setdefault(who, file.parts[-1])
            notices.append(f"{_printable(file)} is no notebook{'' if owner.is_known else ', so it was left alone'}.")
            if is_zip:
                notices[-1] += " Unpack it, so that it is looked into."
    ids = names.of_class(students, known)
    kept = names.for_files(list(students), ids)
    handed_in: dict[str, list[names.Who]] = {}
    for who in students:
        handed_in.setdefault(kept[who], []).append(who)
    found = []
    for name, whose in handed_in.items():
        pairs = [pair for who in whose for pair in students[who]]
        packed = next((zips[who] for who in whose if who in zips), "")
        found.append(_chosen(name, whose[0][0], pairs, times, lesson, whose[0] in ids, packed))
    return sorted(found, key=lambda one: one.student.casefold()), notices


def _looks_like_several(files: list[tuple[File, Owner]], lesson: str) -> str:
    """Return what looks like several students' in a folder that was taken for one's; "" if nothing does."""
    paths = [file.parts for file, owner in files if owner.is_folder and not file.problem]
    folders = sorted({parts[1:-1] for parts in paths}, key=len)
    if any(forms.lesson_named(folder[0]) == lesson for folder in folders if folder):  # a student's own order
        return ""
    split = [(a, b) for a, b in itertools.pairwise(folders) if b[: len(a)] != a]
    if () in folders or len({tuple(map(_without_number, folder)) for folder in folders}) == 1:  # so are these
        split = []
    people = {
        owner.student
        for parts in paths
        if len(parts) == 2 and (owner := forms.by_pattern(forms.stem_of(parts[1]), lesson))
    }
    if not split and len(people - {parts[0] for parts in paths}) < 2:
        return ""
    listed = sorted({"/".join(folder) for pair in split for folder in pair} or people)
    what = "folders with notebooks" if split else "students' names"
    listed = names.shown(", ".join(listed))
    return f"There are several {what} in it ({listed}), so it may be several students'. {owning.TELL}"


def _without_number(folder: str) -> str:
    """Return a folder's name, without its number where that is a version's or a lesson's: "Version 2"."""
    return re.sub(r"\d+", "", folder) if owning.ONE_S_OWN.fullmatch(folder) else folder


def _chosen(
    name: str, given: str, files: list[tuple[File, Owner]], times: dict, lesson: str, is_in_class: bool, packed: str
) -> Submission:
    """Return a student's files, the newest first; those that cannot be read come last.

    Args:
        name: Of the student.
        given: The name that was found.
        files: Theirs, with whose each is.
        times: Of nbgrader's.
        lesson: Which is graded.
        is_in_class: Whether ``name`` is an id of the class.
        packed: The name of a zip that they handed in, or "".
    """
    if not files:
        why = "There is no notebook among what was handed in."
        why = f"There is only {names.shown(packed)}, which is not looked into: unpack it." if packed else why
        files = [(refused((given,), why), Owner(given))]
    elif not is_in_class and (why := _looks_like_several(files, lesson)):
        files = [(refused((given,), why), Owner(given))]
    ranked = sorted(files, key=lambda pair: _rank(pair[0], times, lesson), reverse=True)
    notices = list(ranked[0][1].doubts)
    if name != given:
        what = "is taken for" if is_in_class else "is kept as"
        notices.append(f"The student's name {names.shown(given)} {what} {name!r}.")
    refusals = [file for file, _ in ranked[1:] if file.problem]
    readable = [file for file, _ in ranked[1:] if not file.problem]
    notices += [f"{_printable(file)} was not graded: {file.problem}" for file in refusals[:_MOST_NOTICES]]
    if more := max(0, len(readable) + 1 - _MOST_FILES) + max(0, len(refusals) - _MOST_NOTICES):
        notices.append(f"{more} more files were not graded.")
    made = [_submission(name, file, times) for file in (ranked[0][0], *readable[: _MOST_FILES - 1])]
    return replace(made[0], notices=tuple(notices), others=tuple(made[1:]))


def _submission(name: str, file: File, times: dict) -> Submission:
    when = _submitted_at(file, times)
    return Submission(name, _printable(file), when.isoformat() if when else None, file.read)


def _rank(file: File, times: dict, lesson: str) -> tuple:
    is_for_lesson = any(re.search(rf"(^|[_+-]){re.escape(lesson)}([_.+-]|$)", part) for part in file.parts)
    when = _submitted_at(file, times)
    version = forms.VERSION.search(forms.stem_of(file.parts[-1]))
    number = int(version[1]) if version else 0
    time = when.timestamp() if when else 0.0
    tries = [int(tried[1]) for part in file.parts[1:-1] if (tried := _TRIED.fullmatch(part))]
    return (not file.problem, time, tries, is_for_lesson, number, file.parts)


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
    return names.shown("/".join(file.parts))
