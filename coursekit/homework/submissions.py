"""Finds what was handed in, whose it is, and what is in it.

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

import base64
import binascii
import contextlib
import datetime
import json
import os
import re
import shutil
import stat
import struct
import tempfile
import unicodedata
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO
from zoneinfo import ZoneInfo

from coursekit.homework import exercises, notebooks
from coursekit.homework.answers import RefusedError, clean

MOST_BYTES = 50_000_000  # of a notebook
MOST_FILES = 20_000
MOST_CELLS = 2_000
MOST_TEXT = 20_000  # characters of an answer that a person reads
_MOST_LEVELS = 8
_LATE_BIT = "(?:_LATE)?"
_CANVAS = re.compile(rf"(?P<student>[^_]+){_LATE_BIT}_(?P<number>\d+)_\d+_.+")
_MOODLE = re.compile(r"(?P<student>.+)_(?P<number>\d+)_assignsubmission_\w+?_?(?P<rest>_.*)?")
_EXCHANGE = re.compile(r"(?P<student>[^+]+)\+(?P<assignment>[^+]+)\+\d{4}-\d\d-\d\d.*")
_MARK = re.compile(r"<!--\s*(exercise\s+\S+|(BEGIN|END)\s+SOLUTION)\s*-->", re.IGNORECASE)
_UNFINISHED = re.compile(r"#\s*YOUR CODE HERE\s*\n\s*(raise NotImplementedError\(\)|pass\b)")


@dataclass
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
    notices: list[str] = field(default_factory=list)


@dataclass
class Cell:
    """A cell of a submission: "code" or "markdown", its text, and the exercises it answers."""

    kind: str
    source: str
    answers: set[str]
    raw: dict


@dataclass
class _File:
    parts: tuple[str, ...]
    read: Callable[[], bytes]
    time: float | None
    problem: str = ""


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
    files = list(_in_folder(place) if place.is_dir() else _in_zip(place))
    for name in ("submitted", "inbound"):  # nbgrader's course folder, or its exchange: what is beside is not handed in
        files = [file for file in files if file.parts[0] == name and len(file.parts) > 1] or files
    times = {file.parts[:-1]: file for file in files if file.parts[-1] == "timestamp.txt"}
    notices: list[str] = []
    students: dict[tuple[str, str], list[tuple[_File, list[str]]]] = {}
    for file in files:
        if file.parts[-1] == "timestamp.txt":
            continue
        student, number, doubts, is_known = _whose(file.parts, lesson)
        if other := _other_lesson(file.parts, lesson):
            notices.append(f"{_printable(file)} is for assignment {other}, so it was left alone.")
        elif file.parts[-1].lower().endswith(".ipynb") or file.problem:
            students.setdefault((student, number), []).append((file, doubts))
        elif is_known:
            students.setdefault((student, number), [])
            notices.append(f"{_printable(file)} is no notebook.")
        else:
            notices.append(f"{_printable(file)} is no notebook, so it was left alone.")
    names = _safe_names(list(students))
    found = [_chosen(names[who], who, students[who], times, lesson) for who in students]
    return sorted(found, key=lambda one: one.student.casefold()), notices


def read_regular(path: Path, most: int = MOST_BYTES) -> bytes:
    """Return the bytes of a plain file.

    Raises:
        RefusedError: It is a link, no plain file, too large, or cannot be read.
    """
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    if path.is_symlink():
        raise RefusedError("The file is a symbolic link, which is not followed.")
    try:
        with open(os.open(path, flags), "rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise RefusedError("This is no plain file.")
            if status.st_size > most:
                raise RefusedError(_too_large(status.st_size, most))
            return file.read(most)
    except (OSError, ValueError) as error:
        if isinstance(error, RefusedError):
            raise
        raise RefusedError(
            f"The file cannot be read ({clean(getattr(error, 'strerror', '')) or 'bad name'})."
        ) from None


def read_cells(content: bytes) -> list[Cell]:
    """Return the cells of a notebook, of any version of the format.

    Raises:
        RefusedError: It is no notebook.
    """
    try:
        notebook = json.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError, MemoryError):
        raise RefusedError("The file is not a notebook: it is not JSON.") from None
    if isinstance(notebook, dict) and isinstance(notebook.get("nbformat"), int) and notebook["nbformat"] < 4:
        notebook = _converted(content)
    cells = notebook.get("cells") if isinstance(notebook, dict) else None
    if not isinstance(cells, list):
        raise RefusedError("The file is not a notebook: it has no cells.")
    if len(cells) > MOST_CELLS:
        raise RefusedError(f"The notebook has {len(cells)} cells; {MOST_CELLS} are the most.")
    return [_cell(raw) for raw in cells if isinstance(raw, dict)]


def answers_to(cells: list[Cell], exercise: exercises.Exercise) -> list[int]:
    """Return the positions of the cells that answer an exercise, finished ones only if there are any."""
    kind = "markdown" if exercise.is_read_by_a_person else "code"
    found = [i for i, cell in enumerate(cells) if cell.kind == kind and exercise.id in cell.answers]
    return [i for i in found if not _is_unfinished(cells[i])] or found


def text_of(cell: Cell, posed: str = "") -> str:
    """Return what a student wrote into a text cell.

    Args:
        cell: The student's.
        posed: What stood in it before: its lines don't count.
    """
    text = _MARK.sub("", cell.source).replace(notebooks.TEXT_STUB, "")
    before = {line.strip() for line in _MARK.sub("", posed).splitlines()} - {""}
    lines = [line for line in text.splitlines() if line.strip() not in before]
    return "\n".join(lines).strip()[:MOST_TEXT]


def safe_copy(cells: list[Cell]) -> dict:
    """Return a notebook of the text, the code, printed output and PNGs, and of no other output or metadata.

    Text stays as the student wrote it, tags included: whoever shows it must see to that.
    """
    return {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {},
        "cells": [_safe_cell(i, c) for i, c in enumerate(cells)],
    }


# ---- files


def _in_folder(root: Path) -> Iterator[_File]:
    waiting, count = [((), root)], 0
    while waiting:
        parts, folder = waiting.pop()
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError as error:
            yield _refused(parts or (folder.name,), f"The folder cannot be read ({error.strerror}).")
            continue
        names = [entry.name for entry in entries if not entry.name.startswith(".")]
        if parts and not names:
            yield _refused((*parts, "(nothing)"), "The folder is empty.")
        for entry in entries:
            count += 1
            if count > MOST_FILES:
                raise ValueError(f"There are more than {MOST_FILES} files in {root}. Is it the right folder?")
            here = (*parts, entry.name)
            if entry.name.startswith("."):  # .ipynb_checkpoints, .DS_Store
                continue
            if entry.is_symlink():
                yield _refused(here, "This is a symbolic link, which is not followed.")
            elif entry.is_dir(follow_symlinks=False):
                if len(here) > _MOST_LEVELS:
                    yield _refused(here, f"There are more than {_MOST_LEVELS} folders inside each other.")
                else:
                    waiting.append((here, Path(entry.path)))
            else:
                time = entry.stat(follow_symlinks=False).st_mtime
                yield _File(here, lambda path=Path(entry.path): read_regular(path), time)


def _in_zip(place: Path) -> Iterator[_File]:
    archive, undecodable = _opened_zip(place)
    members = archive.infolist()
    if len(members) > MOST_FILES:
        raise ValueError(f"There are {len(members)} files in {place}; {MOST_FILES} are the most.")
    for number, member in enumerate(members):
        name = _name_in_zip(member)
        parts = tuple(part for part in name.split("/") if part not in ("", "."))
        if member.is_dir() or not parts or parts[0] == "__MACOSX" or parts[-1].startswith("."):
            continue
        if len(parts) > 1 and parts[0] == place.stem:  # a folder was zipped, not what is in it
            parts = parts[1:]
        kept = tuple(part for part in parts if part != "..") or ("(no name)",)
        if name.startswith("/") or ".." in parts or re.match(r"[A-Za-z]:", name):
            yield _refused(kept, "Its path climbs out of the zip file.")
        elif "\0" in name:
            yield _refused(kept, "There is a null byte in its name.")
        elif stat.S_ISLNK(member.external_attr >> 16):
            yield _refused(kept, "This is a symbolic link, which is not followed.")
        elif number in undecodable:
            yield _refused(kept, "There are characters in its name that are none.")
        else:
            time = datetime.datetime(*_possible(member.date_time)).timestamp()
            yield _File(parts, lambda member=member: _unzipped(archive, member), time)


def _opened_zip(place: Path) -> tuple[zipfile.ZipFile, set[int]]:
    """Open a zip, also one in which a name is not the UTF-8 that it says it is; return the numbers of such members."""
    try:
        return zipfile.ZipFile(place), set()
    except UnicodeDecodeError:  # for zipfile that is the end of the whole archive
        copy = tempfile.TemporaryFile()  # noqa: SIM115
        with open(place, "rb") as original:
            shutil.copyfileobj(original, copy)
        undecodable = _mark_undecodable(copy)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise ValueError(f"{place} is neither a folder nor a zip file that can be read.") from error
    try:
        return zipfile.ZipFile(copy), undecodable
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        raise ValueError(f"{place} is neither a folder nor a zip file that can be read.") from error


def _mark_undecodable(archive: BinaryIO) -> set[int]:
    """Take the mark "UTF-8" from names in the zip's directory that are not; return the numbers of such members."""
    tail = archive.seek(max(0, archive.seek(0, os.SEEK_END) - (1 << 16) - 22))
    end = archive.read().rfind(b"PK\5\6")
    archive.seek(tail + end + 12)
    size, start = struct.unpack("<II", archive.read(8))
    archive.seek(start)
    directory = bytearray(archive.read(size))
    found, at, number = set(), 0, 0
    while directory[at : at + 4] == b"PK\1\2" and at + 46 <= len(directory):
        name, extra, comment = struct.unpack_from("<HHH", directory, at + 28)
        try:
            directory[at + 46 : at + 46 + name].decode()
        except UnicodeDecodeError:
            directory[at + 9] &= ~8
            found.add(number)
        at, number = at + 46 + name + extra + comment, number + 1
    archive.seek(start)
    archive.write(directory)
    return found


def _name_in_zip(member: zipfile.ZipInfo) -> str:
    name = member.orig_filename
    if not member.flag_bits & 0x800:  # not marked as UTF-8, but macOS writes just that
        with contextlib.suppress(UnicodeError):
            name = name.encode("cp437").decode()
    return name.replace("\\", "/")


def _unzipped(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    if member.file_size > MOST_BYTES:
        raise RefusedError(_too_large(member.file_size, MOST_BYTES))
    try:
        with archive.open(member) as file:
            content = file.read(MOST_BYTES + 1)  # the size that the zip tells may be a lie
    except (zipfile.BadZipFile, OSError, EOFError, ValueError, RuntimeError, NotImplementedError, zlib.error) as error:
        raise RefusedError(f"The zip file is damaged here ({type(error).__name__}).") from None
    if len(content) > MOST_BYTES:
        raise RefusedError(_too_large(len(content), MOST_BYTES))
    return content


def _refused(parts: tuple[str, ...], problem: str) -> _File:
    def read() -> bytes:
        raise RefusedError(problem)

    return _File(parts, read, None, problem)


def _too_large(size: int, most: int) -> str:
    return f"The file is too large: {size / 1e6:.0f} MB, and {most / 1e6:.0f} MB is the most."


def _possible(date_time: tuple) -> tuple:
    try:
        datetime.datetime(*date_time)
    except ValueError:
        return (1980, 1, 1, 0, 0, 0)
    return date_time


# ---- whose they are


def _whose(parts: tuple[str, ...], lesson: str) -> tuple[str, str, list[str], bool]:
    """Return student, number in the LMS or "", doubts, and whether the name follows a known pattern."""
    if parts[0] in ("submitted", "inbound") and len(parts) > 1:
        parts = parts[1:]
    if exchange := _EXCHANGE.fullmatch(parts[0]):
        return exchange["student"], "", [], True
    moodle = _MOODLE.fullmatch(parts[0].removesuffix(".ipynb"))
    if moodle:
        return moodle["student"], moodle["number"], [], True
    if len(parts) > 1:
        return parts[0], "", [], True
    stem = re.sub(r"\.[A-Za-z0-9]+$", "", parts[0])
    canvas = _CANVAS.fullmatch(stem)
    if canvas:
        return canvas["student"], canvas["number"], [], True
    ours = re.fullmatch(rf"(?P<student>.+?)[_-]{re.escape(lesson)}(?:[_-].*)?", stem)
    if ours:
        return ours["student"], "", [], True
    return (
        stem,
        "",
        [f"Whose it is was guessed: nothing in the name {_shown(parts[0])} says where the student's ends."],
        False,
    )


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
    name: str, who: tuple[str, str], files: list[tuple[_File, list[str]]], times: dict, lesson: str
) -> Submission:
    """Return the newest of a student's files; those that can be read come before those that can't."""
    if not files:
        problem = _refused((who[0],), "There is no notebook among what was handed in.")
        files = [(problem, [])]
    ranked = sorted(files, key=lambda pair: _rank(pair[0], times, lesson), reverse=True)
    file, notices = ranked[0][0], list(ranked[0][1])
    if name != who[0]:
        notices.append(f"The student's name {_shown(who[0])} is kept as {name!r}.")
    for other, _ in ranked[1:]:
        notices.append(
            f"{_printable(other)} was not graded: {other.problem or 'there is a newer or better fitting file'}"
        )
    when = _submitted_at(file, times)
    return Submission(name, _printable(file), when.isoformat() if when else None, file.read, notices)


def _rank(file: _File, times: dict, lesson: str) -> tuple:
    is_for_lesson = any(re.search(rf"(^|[_+-]){re.escape(lesson)}([_.+-]|$)", part) for part in file.parts)
    when = _submitted_at(file, times)
    return (not file.problem, is_for_lesson, when.timestamp() if when else 0.0, file.parts)


def _submitted_at(file: _File, times: dict) -> datetime.datetime | None:
    """Return nbgrader's time, "2026-01-31 12:00:00.000000 Europe/Paris" in a file of its own, or else the file's."""
    if stamp := times.get(file.parts[:-1]):
        with contextlib.suppress(ValueError, KeyError, OSError):  # damaged: then the file's own
            moment, _, zone = stamp.read().decode().strip().rpartition(" ")
            return datetime.datetime.fromisoformat(moment).replace(tzinfo=ZoneInfo(zone))
    with contextlib.suppress(ValueError, OverflowError, OSError):  # a file can claim any time
        return None if file.time is None else datetime.datetime.fromtimestamp(int(file.time), datetime.UTC)
    return None


def _printable(file: _File) -> str:
    return _shown("/".join(file.parts))


def _shown(name: str) -> str:
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in name)[:200]


# ---- what is in them


def _converted(content: bytes) -> dict:
    import nbformat

    try:
        return nbformat.reads(content.decode("utf-8-sig"), as_version=4)
    except Exception as error:  # whatever is in it, it must not end the others' grading
        raise RefusedError(
            f"The notebook is of an old format and cannot be converted ({type(error).__name__})."
        ) from None


def _cell(raw: dict) -> Cell:
    kind = "code" if raw.get("cell_type") == "code" else "markdown"
    source = notebooks.cell_source(raw)
    answers = set()
    if not notebooks.checked_id(raw):
        named = notebooks.exercise_id(raw)
        answers = {named} if named else set()
        answers |= set(exercises.exercise_ids_in(source)) if kind == "code" else set()
    return Cell(kind, source, answers, raw)


def _is_unfinished(cell: Cell) -> bool:
    if cell.kind == "markdown":
        return notebooks.TEXT_STUB in cell.source or not text_of(cell)
    return _UNFINISHED.search(cell.source) is not None


def _safe_cell(number: int, cell: Cell) -> dict:
    made: dict[str, Any] = {"id": f"cell-{number}", "cell_type": cell.kind, "source": _encodable(cell.source)}
    made["metadata"] = {"coursekit": {"exercise": min(cell.answers)}} if cell.answers else {}
    if cell.kind == "code":
        outputs = cell.raw.get("outputs")
        made["outputs"] = (
            [safe for out in outputs[:100] if (safe := _safe_output(out))] if isinstance(outputs, list) else []
        )
        made["execution_count"] = None
    return made


def _safe_output(output: Any) -> dict | None:
    if not isinstance(output, dict):
        return None
    data = output.get("data") if isinstance(output.get("data"), dict) else {}
    text = _joined(output.get("text")) or _joined(data.get("text/plain"))
    picture = _joined(data.get("image/png"), 10_000_000)
    if picture and _is_png(picture):
        kept = {"text/plain": text, "image/png": picture}
        return {"output_type": "display_data", "metadata": {}, "data": kept}
    return {"output_type": "stream", "name": "stdout", "text": text} if text else None


def _joined(value: Any, most: int = MOST_TEXT) -> str:
    value = "".join(part for part in value if isinstance(part, str)) if isinstance(value, list) else value
    return _encodable(value[:most]) if isinstance(value, str) else ""


def _is_png(picture: str) -> bool:
    try:
        return base64.b64decode("".join(picture.split()), validate=True).startswith(b"\x89PNG\r\n\x1a\n")
    except (binascii.Error, ValueError):
        return False


def _encodable(text: str) -> str:
    """Return text without lone surrogates, which no file could hold."""
    return text.encode(errors="replace").decode()
