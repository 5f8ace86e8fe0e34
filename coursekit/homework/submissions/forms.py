"""Whose a file is by its name, as an LMS, nbgrader or the student wrote it.

Only the outermost part of a path says that: what is inside of a student's folder is named by that student.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from coursekit.exercises import notebooks
from coursekit.exercises.catalogue import LESSONS
from coursekit.homework.submissions import files as listing, names

_LATE_BIT = "(?:_LATE)?"
# Canvas's numbers never begin with 0, and its names have letters: 2026_01_0042_01_x.ipynb is an id and a lesson.
CANVAS = re.compile(
    rf"(?P<student>(?=[^_]*[^\W\d_])[^_]+){_LATE_BIT}_(?P<number>[1-9]\d*)_[1-9]\d*_(?P<rest>.+)", re.DOTALL
)
# What stands behind these is the student's own, and may look the same again: the first fits.
_MOODLE = re.compile(r"(?P<student>.+?)_(?P<number>\d+)_assignsubmission_[a-z]+(?:_.*)?", re.DOTALL)
_BLACKBOARD = re.compile(r"(?P<student>.+?_.+?)_attempt_\d{4}-\d\d-\d\d-\d\d-\d\d-\d\d(?:[_.].*)?", re.DOTALL)
_BRIGHTSPACE = re.compile(r"(?P<number>\d+)-\d+ - (?P<student>.+?) - [^-]*(?<!\d)\d{4}(?!\d)[^-]*(?: - .*)?", re.DOTALL)
EXCHANGE = re.compile(r"(?P<student>[^+]+)\+(?P<assignment>[^+]+)\+\d{4}-\d\d-\d\d.*")
_OF_FOLDERS = (_MOODLE, _BRIGHTSPACE, _BLACKBOARD, EXCHANGE)
VERSION = re.compile(r"(?:-| ?\()(\d{1,3})\)?$")  # "name-1", Canvas's second version; "name (1)", a browser's
_WHEN = re.compile(  # a day, and a time behind it: no number of a lesson, and no part of an id as 2026-01-0042
    r"[ _-]*(?<!\d)\d{4}-(?:0\d|1[0-2])-(?:[0-2]\d|3[01])(?:[-T_ ]\d\d[-:.]\d\d(?:[-:.]\d\d)?)?(?!\d)"
)
OF_A_LESSON = re.compile(r"(\d\d)(?:[_-](.*))?", re.DOTALL)
_DATE = re.compile(  # what follows on a day: 31-01-2026, 12_January
    r"\d|(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?"
    r"|nov(?:ember)?|dec(?:ember)?)(?![a-z])",
    re.IGNORECASE,
)
NBGRADER = ("submitted", "inbound")  # its course folder, and its exchange


class Owner(NamedTuple):
    """Whose a file is.

    Attributes:
        student: Their name.
        number: Theirs in the LMS, or "".
        doubts: What is doubtful about that.
        is_known: Whether the name follows a known pattern.
        rest: What follows it in the file's name, None where that is not how it was found.
        is_folder: Whether it is only the first folder, which may be anything.
        otherwise: Whose it is if the student, whose id only stands somewhere in a name, cannot be meant.
    """

    student: str
    number: str = ""
    doubts: tuple[str, ...] = ()
    is_known: bool = True
    rest: str | None = None
    is_folder: bool = False
    otherwise: Owner | None = None


def by_top(parts: tuple[str, ...], lesson: str, known: Sequence[str], id_of: Callable[[str], str | None]) -> Owner:
    """Return whose a file is, by the outermost part of its path: those inside may be the student's own choice.

    Args:
        parts: Of the path.
        lesson: Which may stand in the name.
        known: The ids of the class.
        id_of: Returns the id that a name is, or None.
    """
    if parts[0] in NBGRADER and len(parts) > 2:
        exchange = EXCHANGE.fullmatch(parts[1])
        return Owner(exchange["student"] if exchange else parts[1])
    if len(parts) == 1:
        return by_file_name(parts[0], lesson, known, id_of)
    owner = by_lms(parts[0], id_of)
    if not owner and id_of(parts[0]):
        return Owner(parts[0])
    return _or_by_word(owner or Owner(parts[0], is_folder=True), known, id_of)


def by_lms(
    name: str, id_of: Callable[[str], str | None] = lambda name: None, forms: Sequence[re.Pattern] = _OF_FOLDERS
) -> Owner | None:
    """Return whose a folder or file is that an LMS or nbgrader named; None if it is not named so.

    What stands behind the LMS's words is the student's own and may look like another LMS's: the first counts.
    """
    found = [match for form in forms if (match := form.fullmatch(name))]
    if not found:
        return None
    first = min(found, key=lambda match: match.end("student"))
    student = first["student"]
    if first.re is _BLACKBOARD:  # the assignment, and the student's name, which may have "_" too
        words = student.split("_")
        ends = ("_".join(words[i:]) for i in range(1, len(words)))
        student = next(filter(id_of, ends), words[-1])
    more = first.groupdict()
    return Owner(student, more.get("number") or "", rest=more.get("rest"))


def _or_by_word(owner: Owner, known: Sequence[str], id_of: Callable[[str], str | None]) -> Owner:
    """Return an owner, or who of the class it is if one id stands in the name: "Group A-Jane Doe", "ana (late)"."""
    word = None if id_of(owner.student) else names.as_whole_word(owner.student, names.telling(known))
    if owner.number and word != names.at_the_end(owner.student, known):  # an LMS knows the name: "Ana Zed" is not "ana"
        word = None
    if not word:
        return owner
    return Owner(word, owner.number, (_guess(owner.student, word),), otherwise=owner)


def _guess(name: str, student: str) -> str:
    return f"Whose it is was guessed: the id {names.shown(student)} stands in the name {names.shown(name)}."


def by_file_name(name: str, lesson: str, known: Sequence[str], id_of: Callable[[str], str | None]) -> Owner:
    """Return whose a file is by its own name: see ``by_top``."""
    stem = stem_of(name)
    lms = by_lms(stem, id_of, (*_OF_FOLDERS, CANVAS))
    if lms and lms.rest is None:  # not Canvas's, which may also be an id: 2026_12_34_name
        return _or_by_word(lms, known, id_of)
    owner = lms or by_pattern(_without_days(stem), lesson)
    begins = names.at_the_beginning(stem, known)
    if begins and not (owner and len(owner.student) >= len(begins)):  # an id may look like what stands behind one
        return Owner(begins)
    if owner and (owner.number or id_of(owner.student)):
        return owner
    words = names.as_words(_telling(stem, lesson), names.telling(known))
    word = next(iter(words)) if len(words) == 1 else None
    if not owner:
        doubt = f"Whose it is was guessed: nothing in the name {names.shown(name)} says where the student's ends."
        owner = Owner(stem, doubts=(doubt,), is_known=False)
        return Owner(word, doubts=(_guess(name, word),), otherwise=owner) if word else owner
    if word and names.as_words(_telling(owner.rest or "", lesson), known):  # homework_01_alice
        return Owner(word, otherwise=owner)
    if word and names.at_the_end(owner.student, names.telling(known)) == word:  # homework_alice_01
        return Owner(word, doubts=(_guess(name, word),), otherwise=owner)
    if len(words) > 1:
        several = f"Whose it is was guessed: several ids of the class stand in the name {names.shown(name)}."
        return owner._replace(doubts=(several,))
    return owner  # alice_maria_01 is somebody else


def by_pattern(stem: str, lesson: str) -> Owner | None:
    """Return whose a file is that is named as Canvas names them, or after a student and the lesson."""
    if canvas := CANVAS.fullmatch(stem):
        return Owner(canvas["student"], canvas["number"], rest=canvas["rest"])
    for behind in (r"(?![_-]?\d)", ""):  # the number of the lesson is rather not one inside of an id: 2026-01-0042
        form = rf"(?P<student>.+?)[_-]{re.escape(lesson)}{behind}(?P<rest>[_-].*| ?\(\d+\))?"
        if ours := re.fullmatch(form, stem, re.DOTALL):
            return Owner(ours["student"], rest=ours["rest"] or "")
    return None


def other_lesson(parts: tuple[str, ...], lesson: str) -> str | None:
    """Return the number of another lesson, if a folder below the student's is named after it."""
    inner = parts[1:] if parts[0] in NBGRADER else parts
    exchange = EXCHANGE.fullmatch(inner[0])
    named = [exchange["assignment"]] if exchange else list(inner[1:-1])
    numbers = [number for name in named if (number := lesson_named(name))]
    return numbers[0] if numbers and lesson not in numbers else None


def lesson_of_file(parts: tuple[str, ...], lesson: str) -> str | None:
    """Return the number of another lesson, if a file without a folder is named after a student and that lesson."""
    stem = VERSION.sub("", stem_of(parts[0])).casefold()
    others = (
        (other for other in LESSONS if other != lesson) if len(parts) == 1 and listing.is_notebook(parts[0]) else ()
    )
    return next((other for other in others if re.search(rf".[_-]{other}[_-]{re.escape(title(other))}$", stem)), None)


def lesson_named(name: str) -> str | None:
    """Return the number of the lesson that a folder or file is named after; a date is none."""
    found = OF_A_LESSON.fullmatch(name)
    return found[1] if found and found[1] in LESSONS and not _DATE.match(found[2] or "") else None


def stem_of(name: str) -> str:
    """Return a file's name without its ending."""
    return re.sub(r"\.[A-Za-z0-9]+$", "", listing.NOTEBOOK.sub(".ipynb", name))


@functools.cache
def title(lesson: str) -> str:
    """Return what a lesson's notebook is called behind the number."""
    return notebooks.lesson_file(lesson).stem.partition("_")[2]


def _telling(stem: str, lesson: str) -> str:
    """Return what in a file's name can tell whose it is: no day, and not the lesson's name."""
    return re.sub(re.escape(title(lesson)), "", _without_days(stem), flags=re.IGNORECASE)


def _without_days(stem: str) -> str:
    return _WHEN.sub("", stem).lstrip(" _-") or stem
