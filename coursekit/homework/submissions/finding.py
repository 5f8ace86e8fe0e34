"""Finds what was handed in, and whose it is.

Understood are, in a folder or in a zip of it:

- a folder for each student: ``alice/anything.ipynb``
- files named after student and lesson: ``alice_01_intermediate_activations.ipynb``
- what Canvas exports: ``doejane_LATE_12345_67890_name.ipynb``
- what Moodle exports: ``Jane Doe_12345_assignsubmission_file_/name.ipynb``, or the same as one file name
- any of this inside a folder around all of it: ``Assignment 1/alice/anything.ipynb``
- nbgrader's layout ``submitted/alice/01/name.ipynb`` and its exchange ``inbound/alice+01+2026-01-31 12:00:00 UTC``

If the ids of the class are known, they come first: a name that is one but for capitals or accents is that student's, at
any depth: ``Section A/alice/anything.ipynb``. Nothing is dropped: what cannot be read, and what seems odd, is listed
with its reason; what looks like several students' under one name is kept apart or refused. Links are never followed,
and nothing is unpacked to disk.
"""

from __future__ import annotations

import contextlib
import datetime
import itertools
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

from coursekit.exercises import notebooks
from coursekit.exercises.catalogue import LESSONS
from coursekit.homework.submissions import files as listing, names, patterns
from coursekit.homework.submissions.files import File, files_in, refused

_LATE_BIT = "(?:_LATE)?"
# Canvas's numbers never begin with 0, and its names have letters: 2026_01_0042_01_x.ipynb is an id and a lesson.
_CANVAS = re.compile(
    rf"(?P<student>(?=[^_]*[^\W\d_])[^_]+){_LATE_BIT}_(?P<number>[1-9]\d*)_[1-9]\d*_(?P<rest>.+)", re.DOTALL
)
_MOODLE = re.compile(r"(?P<student>.+)_(?P<number>\d+)_assignsubmission_[a-z]+(?:_.*)?", re.DOTALL)
_EXCHANGE = re.compile(r"(?P<student>[^+]+)\+(?P<assignment>[^+]+)\+\d{4}-\d\d-\d\d.*")
_VERSION = re.compile(r"(?:-| ?\()(\d{1,3})\)?$")  # "name-1", Canvas's second version; "name (1)", a browser's
_OF_A_LESSON = re.compile(r"(\d\d)(?:[_-](.*))?", re.DOTALL)
_DATE = re.compile(  # what follows on a day: 31-01-2026, 12_January
    r"\d|(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?"
    r"|nov(?:ember)?|dec(?:ember)?)(?![a-z])",
    re.IGNORECASE,
)
_NBGRADER = ("submitted", "inbound")  # its course folder, and its exchange
_COURSE = {  # what else lies in a course folder
    *("source", "release", "autograded", "feedback", "results", "notebooks", "gradebook.db", "nbgrader_config.py"),
    *("grades.csv", "log.csv", "due.json", "secret.txt", "hidden-cases.txt"),
}
_YEARS = range(1970, 2200)  # a time beyond is none
_MOST_NOTICES = 20  # of one student
_MOST_FILES = 20  # of one student, of which one is graded
_TELL = "Say who is in the class (--students FILE), or whose each file is (--pattern)."


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


class _Owner(NamedTuple):
    """Whose a file is.

    Attributes:
        student: Their name.
        number: Theirs in the LMS, or "".
        doubts: What is doubtful about that.
        is_known: Whether the name follows a known pattern.
        rest: What follows it in the file's name, None where that is not how it was found.
        part: Which part of the path it is; None if it is only the first folder, which may be anything.
    """

    student: str
    number: str = ""
    doubts: tuple[str, ...] = ()
    is_known: bool = True
    rest: str | None = None
    part: int | None = 0


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
        inside = [replace(file, parts=(place.name, *file.parts)) for file in files]
        files = inside if _has_nbgrader_s_form(place.name, inside) else files
    notices: list[str] = []
    files = _from_nbgrader(_unwrapped(files, lesson, known, notices), notices)
    times = {file.parts[:-1]: file for file in files if _is_stamp(file.parts)}
    files = [file for file in files if file.parts[-1] != "timestamp.txt"]
    owners = _owners(files, lesson, known, pattern, notices)
    counts = Counter((owner.student, owner.number) for owner in owners if owner)
    students: dict[names.Who, list[tuple[File, _Owner]]] = {}
    for file, owner in zip(files, owners, strict=True):
        if owner is None:
            notices.append(f"{_printable(file)} does not fit the pattern, so it was left alone.")
            continue
        who = owner.student, owner.number
        if counts[who] > listing.MOST_FILES:
            students[who] = [(listing.too_many((owner.student, "(too many)")), owner)]
        elif other := _other_lesson(file.parts, lesson):
            notices.append(f"{_printable(file)} is for assignment {other}, so it was left alone.")
        elif file.parts[-1].lower().endswith(".ipynb") or file.problem:
            students.setdefault(who, []).append((file, owner))
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


def _owners(
    files: list[File], lesson: str, known: Sequence[str], pattern: str | None, notices: list[str]
) -> list[_Owner | None]:
    """Return whose each file is; None for one that the instructor's pattern does not fit."""
    if pattern is not None:
        students = patterns.students(pattern, ["/".join(file.parts) for file in files])
        return [_Owner(student) if student else None for student in students]
    id_of = names.ids(known)
    owners = [_whose(file.parts, lesson, known, id_of) for file in files]
    _tell_of_other_places(files, owners, id_of, notices)
    return list(_apart(files, owners, lesson, known, id_of, notices))


def _tell_of_other_places(files: list[File], owners: list[_Owner], id_of: Callable, notices: list[str]) -> None:
    """Say it where a student's files lie in several places, as in "Section A" and in "late"."""
    places: dict[str, dict[tuple[str, ...], None]] = {}
    for file, owner in zip(files, owners, strict=True):
        if id_of(owner.student) and owner.part is not None and file.parts[0] not in _NBGRADER:
            places.setdefault(owner.student, {})[file.parts[: owner.part]] = None
    for one, where in places.items():
        if len(where) > 1:
            listed = ", ".join(_shown("/".join(place)) or "the outermost folder" for place in list(where)[:5])
            notices.append(f"{_shown(one)} has files in several places, which are taken together: {listed}.")


def _apart(
    files: list[File], owners: list[_Owner], lesson: str, known: Sequence[str], id_of: Callable, notices: list[str]
) -> Iterable[_Owner]:
    """Yield the owners; where names begin alike and go on differently, as homework_01_alice, each one's is its own."""
    rests: dict[names.Who, list[str]] = {}
    for file, owner in zip(files, owners, strict=True):
        is_flat = len(file.parts) == 1 and file.parts[0].lower().endswith(".ipynb")
        if is_flat and owner.rest is not None and not id_of(owner.student):
            rests.setdefault((owner.student, owner.number), []).append(owner.rest)
    doubtful = {
        who
        for who, all_of_one in rests.items()
        # Canvas's have numbers that differ, and versions of the same name.
        if (max(Counter(all_of_one).values()) > 1 if who[1] else len({_plain(r, lesson) for r in all_of_one}) > 1)
    }
    for student, number in sorted(doubtful):
        count = len(rests[student, number])
        notices.append(f"{count} files begin with {_shown(student)!r}, and were not taken for one student's. {_TELL}")
    for file, owner in zip(files, owners, strict=True):
        if len(file.parts) == 1 and (owner.student, owner.number) in doubtful:
            stem = _stem(file.parts[0])
            word = names.as_whole_word(stem, known)
            doubt = f"Whose it is was guessed: other names begin like {_shown(file.parts[0])}."
            yield _Owner(word) if word else _Owner(stem, doubts=(doubt,), is_known=False)
        else:
            yield owner


def _plain(rest: str, lesson: str) -> str:
    """Return what follows a student's name in a file's, without what says nothing: the lesson's name, a version."""
    rest = _VERSION.sub("", rest).strip(" _-").casefold()
    return "" if rest == notebooks.lesson_file(lesson).stem.partition("_")[2] else rest


def _has_nbgrader_s_form(name: str, files: Iterable[File]) -> bool:
    """Say whether a folder is one of nbgrader's: submitted/STUDENT/ASSIGNMENT/ or inbound/STUDENT+ASSIGNMENT+TIME/."""
    inside = [file.parts for file in files if file.parts[0] == name]
    if name == "inbound":
        return any(len(parts) > 2 and _EXCHANGE.fullmatch(parts[1]) for parts in inside)
    return any(len(parts) > 3 for parts in inside)


def _from_nbgrader(files: list[File], notices: list[str]) -> list[File]:
    """Return the files in nbgrader's folder, if there is one: what is beside is not handed in."""
    for name in _NBGRADER:
        if _has_nbgrader_s_form(name, files):
            within = [file for file in files if file.parts[0] == name and len(file.parts) > 2]
            beside = [
                file
                for file in files
                if file.parts[0] not in _COURSE and (file.parts[0] != name or len(file.parts) < 3)
            ]
            notices += [
                f"{_printable(file)} is in none of nbgrader's folders, so it was left alone." for file in beside
            ]
            return within
    return files


def _unwrapped(files: list[File], lesson: str, known: Sequence[str], notices: list[str]) -> list[File]:
    """Return the files without a folder that lies around everything, such as "Assignment 1"."""
    while files:
        inside = [file for file in files if file.problem or not _is_stray(file.parts)]
        tops = {file.parts[0] for file in inside}
        if len(tops) != 1 or not all(len(file.parts) > 1 for file in inside):
            break
        (top,) = tops
        is_course = top in _NBGRADER and not _has_nbgrader_s_form(top, inside)
        if not is_course and not _is_wrapper(top, [file.parts[1:] for file in inside], lesson, known):
            break
        stray = [file for file in files if len(file.parts) == 1]
        notices += [f"{_printable(file)} is no notebook, so it was left alone." for file in stray]
        files = [replace(file, parts=file.parts[1:]) for file in inside]
    return files


def _is_stray(parts: tuple[str, ...]) -> bool:
    """Say whether a file is what an LMS, a system or an instructor lays beside a class: index.html, grades.csv."""
    return len(parts) == 1 and not parts[0].lower().endswith((".ipynb", ".zip")) and not _MOODLE.fullmatch(parts[0])


def _is_wrapper(top: str, inner: list[tuple[str, ...]], lesson: str, known: Sequence[str]) -> bool:
    """Say whether a folder with everything in it is no student's."""
    if top in _NBGRADER or _EXCHANGE.fullmatch(top) or _MOODLE.fullmatch(top) or names.of_class([(top, "")], known):
        return False
    inner = [parts for parts in inner if not _is_stray(parts)] or inner
    first = {parts[0] for parts in inner}
    is_folder = len(first) == 1 and all(len(parts) > 1 for parts in inner)
    if is_folder and _is_wrapper(inner[0][0], [parts[1:] for parts in inner], lesson, known):
        return True
    if any(parts[0] in _NBGRADER and len(parts) > 1 for parts in inner):
        return True
    if any(_EXCHANGE.fullmatch(name) or _MOODLE.fullmatch(name) or _CANVAS.fullmatch(name) for name in first):
        return True
    id_of = names.ids(known)
    if known and any(id_of(_whose(parts, lesson, known, id_of).student) for parts in inner):
        return True
    folders = {parts[0] for parts in inner if len(parts) > 1 and parts[-1].lower().endswith(".ipynb")}
    people = {name for name in folders if not _OF_A_LESSON.fullmatch(name)}
    alone = [_by_file_name(parts[0], lesson, (), names.ids(())) for parts in inner if len(parts) == 1]
    people |= {owner.student for owner in alone if owner.is_known}
    return len(people) > 1


def _whose(parts: tuple[str, ...], lesson: str, known: Sequence[str], id_of: Callable[[str], str | None]) -> _Owner:
    """Return whose a file is, by its path.

    Args:
        parts: Of the path.
        lesson: Which may stand in the name.
        known: The ids of the class.
        id_of: Returns the id that a name is, or None.
    """
    if parts[0] in _NBGRADER and len(parts) > 2:
        exchange = _EXCHANGE.fullmatch(parts[1])
        return _Owner(exchange["student"] if exchange else parts[1])
    for i, part in enumerate(parts[:-1]):
        if exchange := _EXCHANGE.fullmatch(part):
            return _Owner(exchange["student"], part=i)
        if moodle := _MOODLE.fullmatch(part):
            return _Owner(moodle["student"], moodle["number"], part=i)
        if id_of(part):
            return _Owner(part, part=i)
    if len(parts) == 1:
        return _by_file_name(parts[0], lesson, known, id_of)
    if known and parts[-1].lower().endswith(".ipynb"):
        owner = _by_file_name(parts[-1], lesson, known, id_of)
        if id_of(owner.student):
            return owner._replace(part=len(parts) - 1)
    return _Owner(parts[0], part=None)


def _by_file_name(name: str, lesson: str, known: Sequence[str], id_of: Callable[[str], str | None]) -> _Owner:
    if exchange := _EXCHANGE.fullmatch(name):
        return _Owner(exchange["student"])
    if moodle := _MOODLE.fullmatch(name.removesuffix(".ipynb")):
        return _Owner(moodle["student"], moodle["number"])
    stem = _stem(name)
    owner = _by_pattern(stem, lesson)
    begins = names.at_the_beginning(stem, known)
    if begins and not (owner and len(owner.student) >= len(begins)):  # an id may look like what stands behind one
        return _Owner(begins)
    if owner and (owner.number or id_of(owner.student)):
        return owner
    if word := names.as_whole_word(owner.rest if owner else stem, known):  # homework_01_alice
        return _Owner(word)
    if owner:
        return owner
    doubt = f"Whose it is was guessed: nothing in the name {_shown(name)} says where the student's ends."
    return _Owner(stem, doubts=(doubt,), is_known=False)


def _by_pattern(stem: str, lesson: str) -> _Owner | None:
    if canvas := _CANVAS.fullmatch(stem):
        return _Owner(canvas["student"], canvas["number"], rest=canvas["rest"])
    for behind in (r"(?![_-]?\d)", ""):  # the number of the lesson is rather not one inside of an id: 2026-01-0042
        form = rf"(?P<student>.+?)[_-]{re.escape(lesson)}{behind}(?P<rest>[_-].*| ?\(\d+\))?"
        if ours := re.fullmatch(form, stem, re.DOTALL):
            return _Owner(ours["student"], rest=ours["rest"] or "")
    return None


def _stem(name: str) -> str:
    return re.sub(r"\.[A-Za-z0-9]+$", "", name)


def _other_lesson(parts: tuple[str, ...], lesson: str) -> str | None:
    """Return the number of another lesson, if a folder below the student's is named after it."""
    inner = parts[1:] if parts[0] in _NBGRADER else parts
    exchange = _EXCHANGE.fullmatch(inner[0])
    named = [exchange["assignment"]] if exchange else list(inner[1:-1])
    numbers = [number for name in named if (number := _lesson_named(name))]
    return numbers[0] if numbers and lesson not in numbers else None


def _lesson_named(name: str) -> str | None:
    """Return the number of the lesson that a folder or file is named after; a date is none."""
    found = _OF_A_LESSON.fullmatch(name)
    return found[1] if found and found[1] in LESSONS and not _DATE.match(found[2] or "") else None


def _looks_like_several(files: list[tuple[File, _Owner]], lesson: str) -> str:
    """Return what looks like several students' in a folder that was taken for one's; "" if nothing does."""
    paths = [file.parts for file, owner in files if owner.part is None and not file.problem]
    folders = sorted({parts[1:-1] for parts in paths}, key=len)
    if any(_lesson_named(folder[0]) == lesson for folder in folders if folder):  # a student's own order
        return ""
    split = [(a, b) for a, b in itertools.pairwise(folders) if b[: len(a)] != a]
    people = {owner.student for parts in paths if len(parts) == 2 and (owner := _by_pattern(_stem(parts[1]), lesson))}
    if not split and len(people - {parts[0] for parts in paths}) < 2:
        return ""
    listed = sorted({"/".join(folder) for pair in split for folder in pair} or people)
    what = "folders with notebooks" if split else "students' names"
    return f"There are several {what} in it ({_shown(', '.join(listed))}), so it may be several students'. {_TELL}"


def _chosen(
    name: str, given: str, files: list[tuple[File, _Owner]], times: dict, lesson: str, is_in_class: bool
) -> Submission:
    """Return a student's files, the newest first; those that cannot be read come last."""
    if not files:
        files = [(refused((given,), "There is no notebook among what was handed in."), _Owner(given))]
    elif not is_in_class and (why := _looks_like_several(files, lesson)):
        files = [(refused((given,), why), _Owner(given))]
    ranked = sorted(files, key=lambda pair: _rank(pair[0], times, lesson), reverse=True)
    notices = list(ranked[0][1].doubts)
    if name != given:
        what = "is taken for" if is_in_class else "is kept as"
        notices.append(f"The student's name {_shown(given)} {what} {name!r}.")
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
    version = _VERSION.search(file.parts[-1].rpartition(".")[0])
    number = int(version[1]) if version else 0
    time = when.timestamp() if when else 0.0
    return (not file.problem, time, is_for_lesson, number, file.parts)


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
