"""Tells the students of a class apart in all that was handed in: folders around it, sections, names that are alike."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from coursekit.homework.submissions import files as listing, forms, names, patterns
from coursekit.homework.submissions.files import File
from coursekit.homework.submissions.forms import Owner

_COPY = re.compile(r" ?\(\d{1,3}\)$")  # a browser's second download
TRY = r"versi(?:on|ón|one|e)|versão|wersja|attempt|try|draft|v"
# Folders of a student's own; "s17" and "group 3" are not among them.
ONE_S_OWN = re.compile(rf"(?:{TRY}|lesson|homework|hw|week|part)[ _-]?\d{{1,3}}", re.IGNORECASE)
_COURSE = {  # what else lies in a course folder
    *("source", "release", "autograded", "feedback", "results", "notebooks", "gradebook.db", "nbgrader_config.py"),
    *("grades.csv", "log.csv", "due.json", "secret.txt", "hidden-cases.txt"),
}
TELL = "Say who is in the class (--students FILE), or whose each file is (--pattern)."


def owners_of(
    files: list[File], lesson: str, known: Sequence[str], pattern: str | None, notices: list[str]
) -> list[Owner | None]:
    """Return whose each file is; None for one that the instructor's pattern does not fit."""
    if pattern is not None:
        whole, within = ["/".join(file.whole) for file in files], ["/".join(file.parts) for file in files]
        return [Owner(student) if student else None for student in patterns.fitting(pattern, within, whole)]
    id_of = names.ids(known)
    tops: dict[tuple[str, bool], Owner] = {}
    owners: list[Owner] = []
    for file in files:
        top = file.parts[0], len(file.parts) > 1
        if top not in tops or top[0] in forms.NBGRADER:
            tops[top] = forms.by_top(file.parts, lesson, known, id_of)
        owners.append(tops[top])
    if known:
        _find_sections(files, owners, lesson, known, id_of, notices)
        owners = _without_strangers(owners, id_of, notices)
    return list(_apart(files, owners, lesson, id_of, notices))


def _find_sections(
    files: list[File], owners: list[Owner], lesson: str, known: Sequence[str], id_of: Callable, notices: list[str]
) -> None:
    """Put students of the class into ``owners`` for what lies in sections of it, and say what was found.

    Folders are sections if none beside them is a student's, and there are files of several of the class in one of
    them, or folders of the class in each. Otherwise a folder is a student's whose id is not known, as an auditor's is,
    and what is in it is named by that student. Who is in several sections, which may be several students, has files
    there that are refused: these are put into ``files``.
    """
    inside: dict[str, dict[int, str]] = {}
    for number, (file, owner) in enumerate(zip(files, owners, strict=True)):
        if owner.is_folder:
            inside.setdefault(file.parts[0], {})[number] = ""
    for top, numbers in inside.items():
        inside[top] = _below([(number, files[number].parts[1:]) for number in numbers], lesson, known, id_of)
    inside = {top: found for top, found in inside.items() if found}
    ids = {top: sorted(set(map(id_of, found.values()))) for top, found in inside.items()}
    has_students = any(
        not owner.is_folder and (id_of(owner.student) or owner.number or len(file.parts) > 1)
        for file, owner in zip(files, owners, strict=True)
    )
    are_folders = all(
        any(id_of((forms.by_lms(part, id_of) or Owner(part)).student) for part in file.parts[1:-1])
        for file, owner in zip(files, owners, strict=True)
        if owner.is_folder and listing.is_notebook(file.parts[-1])
    )
    if has_students or not (are_folders or any(len(some) > 1 for some in ids.values())):
        for top, some in ids.items():
            notices.append(
                f"{names.shown(top)} was taken for one student's, though it has names of the class in it"
                f" ({names.shown(', '.join(some[:5]))}). If these are theirs, lay their folders outermost."
            )
        return
    places: dict[str, list[str]] = {}
    for top, some in ids.items():
        notices.append(f"{names.shown(top)} was taken for a section of the class, with {len(some)} of it.")
        for one in some:
            places.setdefault(one, []).append(top)
    apart = set()
    for one, where in places.items():
        if len(where) > 1:
            # The same class, downloaded twice; or a folder for each lesson.
            is_copy = len({_COPY.sub("", top) for top in where}) == 1 or all(
                forms.lesson_named(top) or ONE_S_OWN.fullmatch(top) for top in where
            )
            what = "are taken together" if is_copy else "were not graded, since some may be another's"
            notices.append(
                f"{names.shown(one)} has files in several places, which {what}: {names.shown(', '.join(where[:5]))}."
            )
            apart |= set() if is_copy else {one}
    for number, (file, owner) in enumerate(zip(files, owners, strict=True)):
        if owner.is_folder and file.parts[0] in inside:
            name = inside[file.parts[0]].get(number)
            if name:
                owners[number] = Owner(name)
                if id_of(name) in apart:
                    listed = ", ".join(places[id_of(name)][:5])
                    why = f"There are files of this name in several places: {names.shown(listed)}. Which are theirs?"
                    files[number] = listing.refused(file.parts, why)
            else:
                owners[number] = owner._replace(is_known=False)  # a section's own list is no student


def _below(
    files: list[tuple[int, tuple[str, ...]]], lesson: str, known: Sequence[str], id_of: Callable
) -> dict[int, str]:
    """Return which files in a folder are whose of the class, by the outermost names in it that are of the class."""
    found: dict[int, str] = {}
    guessed: dict[int, str] = {}
    folders: dict[str, list[tuple[int, tuple[str, ...]]]] = {}
    for number, parts in files:
        if len(parts) > 1:
            folders.setdefault(parts[0], []).append((number, parts[1:]))
        elif listing.is_notebook(parts[0]):
            owner = forms.by_file_name(parts[0], lesson, known, id_of)
            if id_of(owner.student):
                (guessed if owner.otherwise else found)[number] = owner.student
    for name, within in folders.items():
        owner = forms.by_lms(name, id_of) or Owner(name)
        if id_of(owner.student):
            found |= {number: owner.student for number, _ in within}
    certain = set(map(id_of, found.values()))
    found |= {number: one for number, one in guessed.items() if one not in certain}
    if found:
        return found
    return {number: one for within in folders.values() for number, one in _below(within, lesson, known, id_of).items()}


def _without_strangers(owners: list[Owner], id_of: Callable, notices: list[str]) -> list[Owner]:
    """Return the owners; where an id only stands in a name, whoever has it as their name has no files but their own."""
    certain = {id_of(owner.student) for owner in owners if not owner.otherwise}
    others: dict[str, dict[str, None]] = {}
    places: dict[str, set[str]] = {}
    for owner in owners:
        if owner.otherwise:
            name = owner.otherwise.student
            others.setdefault(owner.student, {})[name] = None
            if owner.otherwise.is_known:
                places.setdefault(owner.student, set()).add(name)
    apart = [one for one in others if one in certain or len(places.get(one, ())) > 1]
    for one in apart:
        listed = ", ".join(map(names.shown, list(others[one])[:5]))
        notices.append(
            f"The id {names.shown(one)} stands in other names as well, which were kept apart: {listed}. {TELL}"
        )
    return [owner.otherwise if owner.otherwise and owner.student in apart else owner for owner in owners]


def _apart(files: list[File], owners: list[Owner], lesson: str, id_of: Callable, notices: list[str]) -> Iterable[Owner]:
    """Yield the owners; where names begin alike and go on differently, as homework_01_alice, each one's is its own."""
    rests: dict[names.Who, list[str]] = {}
    for file, owner in zip(files, owners, strict=True):
        is_flat = len(file.parts) == 1 and listing.is_notebook(file.parts[0])
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
        notices.append(
            f"{count} files begin with {names.shown(student)!r}, and were not taken for one student's. {TELL}"
        )
    for file, owner in zip(files, owners, strict=True):
        if len(file.parts) == 1 and (owner.student, owner.number) in doubtful:
            doubt = f"Whose it is was guessed: other names begin like {names.shown(file.parts[0])}."
            yield Owner(forms.stem_of(file.parts[0]), doubts=(doubt,), is_known=False)
        else:
            yield owner


def _plain(rest: str, lesson: str) -> str:
    """Return what follows a student's name in a file's, without what says nothing: the lesson's name, a version."""
    rest = forms.VERSION.sub("", rest).strip(" _-").casefold()
    return "" if rest == forms.title(lesson) else rest


def has_nbgrader_s_form(name: str, files: Iterable[File]) -> bool:
    """Say whether a folder is one of nbgrader's: submitted/STUDENT/ASSIGNMENT/ or inbound/STUDENT+ASSIGNMENT+TIME/."""
    inside = [file.parts for file in files if file.parts[0] == name]
    if name == "inbound":
        return any(len(parts) > 2 and forms.EXCHANGE.fullmatch(parts[1]) for parts in inside)
    return any(len(parts) > 3 for parts in inside)


def from_nbgrader(files: list[File], notices: list[str]) -> list[File]:
    """Return the files in nbgrader's folder, if there is one: what is beside is not handed in."""
    for name in forms.NBGRADER:
        if has_nbgrader_s_form(name, files):
            within = [file for file in files if file.parts[0] == name and len(file.parts) > 2]
            beside = [
                file
                for file in files
                if file.parts[0] not in _COURSE and (file.parts[0] != name or len(file.parts) < 3)
            ]
            for file in beside:
                what = names.shown("/".join(file.parts))
                notices.append(f"{what} is in none of nbgrader's folders, so it was left alone.")
            return within
    return files


def unwrapped(files: list[File], lesson: str, known: Sequence[str], notices: list[str]) -> list[File]:
    """Return the files without a folder that lies around everything, such as "Assignment 1"."""
    while files:
        inside, beside = [], []
        for file in files:
            is_stray = not file.problem and _is_stray(file.parts)
            (beside if is_stray or _is_bare(file, known) else inside).append(file)
        tops = {file.parts[0] for file in inside}
        if len(tops) != 1 or not all(len(file.parts) > 1 for file in inside):
            break
        (top,) = tops
        is_course = top in forms.NBGRADER and not has_nbgrader_s_form(top, inside)
        if not is_course and not _is_wrapper(top, [file.parts[1:] for file in inside], lesson, known):
            break
        for file in beside:
            what = "an empty folder" if file.problem else "no notebook"
            notices.append(f"{names.shown(file.parts[0])} is {what}, so it was left alone.")
        files = [replace(file, parts=file.parts[1:]) for file in inside]
    return files


def _is_stray(parts: tuple[str, ...]) -> bool:
    """Say whether a file is what an LMS, a system or an instructor lays beside a class: index.html, grades.csv."""
    is_handed_in = listing.is_notebook(parts[0]) or parts[0].lower().endswith(".zip")
    return len(parts) == 1 and not is_handed_in and not forms.by_lms(forms.stem_of(parts[0]))


def _is_bare(file: File, known: Sequence[str]) -> bool:
    """Say whether this is an outermost folder without anything in it that is no student's of the class."""
    is_empty = len(file.parts) == 2 and file.parts[1] == listing.NOTHING and bool(file.problem)
    return is_empty and not forms.by_lms(file.parts[0]) and not names.of_class([(file.parts[0], "")], known)


def _is_wrapper(top: str, inner: list[tuple[str, ...]], lesson: str, known: Sequence[str]) -> bool:
    """Say whether a folder with everything in it is no student's."""
    if top in forms.NBGRADER or forms.by_lms(top) or names.of_class([(top, "")], known):
        return False
    inner = [parts for parts in inner if not _is_stray(parts)] or inner
    first = {parts[0] for parts in inner}
    is_folder = len(first) == 1 and all(len(parts) > 1 for parts in inner)
    if is_folder and _is_wrapper(inner[0][0], [parts[1:] for parts in inner], lesson, known):
        return True
    if any(parts[0] in forms.NBGRADER and len(parts) > 1 for parts in inner):
        return True
    if any(forms.by_lms(name) or forms.CANVAS.fullmatch(name) for name in first):
        return True
    if known:
        id_of = names.ids(known)
        of_class = {id_of(forms.by_top(parts, lesson, known, id_of).student) for parts in inner} - {None}
        of_class |= {id_of(one) for one in _below(list(enumerate(inner)), lesson, known, id_of).values()}
        is_one_s = bool(names.as_whole_word(top, names.telling(known)))  # "ana (late)"
        if of_class and not (is_one_s and len(of_class) == 1):
            return True
        if is_one_s:
            return False
    folders = {parts[0] for parts in inner if len(parts) > 1 and listing.is_notebook(parts[-1])}
    people = {name for name in folders if not (forms.OF_A_LESSON.fullmatch(name) or ONE_S_OWN.fullmatch(name))}
    alone = [forms.by_file_name(parts[0], lesson, (), names.ids(())) for parts in inner if len(parts) == 1]
    people |= {owner.student for owner in alone if owner.is_known}
    return len(people) > 1
