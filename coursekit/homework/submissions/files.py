"""The files in a folder or a zip, whatever was put there. No link is followed, and nothing is unpacked to disk."""

from __future__ import annotations

import contextlib
import datetime
import itertools
import os
import re
import shutil
import stat
import struct
import tempfile
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from coursekit.exercises.refused import RefusedError, clean

MOST_BYTES = 50_000_000  # of a notebook
MOST_FILES = 20_000  # of one student
MOST_FILES_AT_ALL = 100_000  # before it is looked who has more than that
NOTEBOOK = re.compile(r"\.ipynb(?:\.(?:txt|json))?$", re.IGNORECASE)  # browsers save some under such names
NOTHING = "(nothing)"  # the name of what stands for an empty folder
_MOST_LEVELS = 8
_MOST_NAME = 255  # characters, and bytes on most systems
_SHORTENED = 60  # characters that are left of a longer name
_TOO_DEEP = f"There are more than {_MOST_LEVELS} folders inside each other."


@dataclass(frozen=True)
class File:
    """A file.

    Attributes:
        parts: Of its path, without folders around the class.
        read: How to read it.
        time: When it was changed, or None.
        problem: Why it cannot be read, if that is known.
        whole: Its path with those folders, where it is another.
    """

    parts: tuple[str, ...]
    read: Callable[[], bytes]
    time: float | None
    problem: str = ""
    whole: tuple[str, ...] = ()


def is_notebook(name: str) -> bool:
    """Say whether a file is a notebook by its name."""
    return bool(NOTEBOOK.search(name))


def files_in(place: Path) -> Iterable[File]:
    """Return the files in a folder, or in a zip of one.

    Raises:
        ValueError: It is neither.
    """
    return _in_folder(place) if place.is_dir() else _in_zip(place)


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


def _in_folder(root: Path) -> list[File]:
    waiting, count = [((), root)], _Count()
    found: list[File] = []
    while waiting:
        parts, folder = waiting.pop()
        if count.is_full(parts):
            continue
        try:
            with os.scandir(folder) as listing:
                entries = sorted(itertools.islice(listing, MOST_FILES_AT_ALL + 1), key=lambda entry: entry.name)
        except OSError as error:
            found.append(refused(parts or (folder.name,), f"The folder cannot be read ({error.strerror})."))
            continue
        entries = [entry for entry in entries if not _is_a_tool_s(entry.name)]
        if parts and not entries:
            found.append(refused((*parts, NOTHING), "The folder is empty."))
        for entry in entries:
            here = (*parts, entry.name)
            if not count.has_room(here):
                break
            if entry.is_symlink():
                found.append(refused(here, "This is a symbolic link, which is not followed."))
            elif entry.is_dir(follow_symlinks=False):
                if len(here) > _MOST_LEVELS:
                    found.append(refused(here, _TOO_DEEP))
                else:
                    waiting.append((here, Path(entry.path)))
            else:
                found.append(_plain_file(here, entry))
    return count.without_full(found)


def _is_a_tool_s(name: str) -> bool:
    """Say whether a system or an editor left something: .DS_Store, .ipynb_checkpoints, and what macOS puts in zips."""
    return name == "__MACOSX" or (name.startswith(".") and name != "..")


def _plain_file(parts: tuple[str, ...], entry: os.DirEntry) -> File:
    try:
        time = entry.stat(follow_symlinks=False).st_mtime
    except OSError as error:
        return refused(parts, f"The file cannot be read ({error.strerror}).")
    return File(parts, lambda path=Path(entry.path): read_regular(path), time)


class _Count:
    """Counts files, so that there is an end, and that whoever hands in too many costs nobody else anything.

    Once there are too many in all, the deepest folder with more than a student may have is full: the student's own,
    or one in it, however many folders lie around the class. What it holds is left out, and counts no longer.
    """

    def __init__(self) -> None:
        self._inside: Counter[tuple[str, ...]] = Counter()  # files in a folder and in those below it
        self._most = MOST_FILES_AT_ALL
        self._full: set[tuple[str, ...]] = set()

    def has_room(self, parts: tuple[str, ...]) -> bool:
        folders = _folders_of(parts)
        if not self._full.isdisjoint(folders):
            return False
        self._inside.update(folders)
        if self._inside[()] <= self._most:
            return True
        if not (full := self._deepest_large()):  # a large class, and nobody in it has many
            self._most += MOST_FILES_AT_ALL
            return True
        self._full.add(full)
        self._inside.subtract(dict.fromkeys(_folders_of((*full, "")), self._inside[full]))
        return full not in folders

    def is_full(self, folder: tuple[str, ...]) -> bool:
        return not self._full.isdisjoint(_folders_of((*folder, "")))

    def without_full(self, files: Sequence[File]) -> list[File]:
        """Return the files, with one that says why in the place of those in a folder that has too many."""
        kept = [file for file in files if not self.is_full(file.parts[:-1])] if self._full else list(files)
        return [*kept, *(too_many((*folder, "(too many)")) for folder in sorted(self._full))]

    def _deepest_large(self) -> tuple[str, ...]:
        """Return the deepest folder that has more than a student may have; () if there is none."""
        large = [folder for folder, count in self._inside.items() if count > MOST_FILES]
        return max(large, key=lambda folder: (len(folder), self._inside[folder]), default=())


def too_many(parts: tuple[str, ...]) -> File:
    """Return a file that stands for more files than one student may hand in."""
    return refused(parts, f"There are more than {MOST_FILES} files in the folder.")


def _folders_of(parts: tuple[str, ...]) -> list[tuple[str, ...]]:
    """Return the folders that a file lies in, from the outermost."""
    return [parts[:end] for end in range(len(parts))]


def _in_zip(place: Path) -> list[File]:
    archive, undecodable = _opened_zip(place)
    count = _Count()
    return count.without_full(list(_members(archive, place, undecodable, count)))


def _members(archive: zipfile.ZipFile, place: Path, undecodable: set[int], count: _Count) -> Iterator[File]:
    # A folder was zipped, not what is in it; browsers put a number behind the name of a second download.
    wrapper = re.sub(r"( ?\(\d{1,3}\)|-\d{1,3})$", "", place.stem)
    for number, member in enumerate(archive.infolist()):
        name = _name_in_zip(member)
        parts = tuple(part for part in name.split("/") if part not in ("", "."))
        if member.is_dir() or not parts or any(map(_is_a_tool_s, parts)):
            continue
        whole = parts
        if len(parts) > 1 and parts[0] in (place.stem, wrapper):
            parts = parts[1:]
        kept = tuple(part for part in parts if part != "..") or ("(no name)",)
        if problem := _problem_with(kept):
            kept = tuple(map(_shortened, kept[: _MOST_LEVELS + 1]))
        if not count.has_room(kept):
            continue
        if problem:
            yield refused(kept, problem)
        elif name.startswith("/") or ".." in parts or re.match(r"[A-Za-z]:", name):
            yield refused(kept, "Its path climbs out of the zip file.")
        elif "\0" in name:
            yield refused(kept, "There is a null byte in its name.")
        elif stat.S_ISLNK(member.external_attr >> 16):
            yield refused(kept, "This is a symbolic link, which is not followed.")
        elif number in undecodable:
            yield refused(kept, "There are characters in its name that are none.")
        else:
            time = datetime.datetime(*_possible(member.date_time)).timestamp()
            yield File(parts, lambda member=member: _unzipped(archive, member), time, whole=whole)


def _shortened(part: str) -> str:
    return part if len(part) <= _MOST_NAME else part[:_SHORTENED] + "…"


def _problem_with(parts: tuple[str, ...]) -> str:
    if len(parts) > _MOST_LEVELS + 1:
        return _TOO_DEEP
    if any(len(part) > _MOST_NAME for part in parts):
        return f"There is a name of more than {_MOST_NAME} characters in its path."
    return ""


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
    except Exception as error:  # each way of packing has errors of its own, and there may be no memory for it
        raise RefusedError(f"The zip file is damaged here ({type(error).__name__}).") from None
    if len(content) > MOST_BYTES:
        raise RefusedError(_too_large(len(content), MOST_BYTES))
    return content


def refused(parts: tuple[str, ...], problem: str) -> File:
    """Return a file that cannot be read, for a reason that is known."""

    def read() -> bytes:
        raise RefusedError(problem)

    return File(parts, read, None, problem)


def _too_large(size: int, most: int) -> str:
    return f"The file is too large: {size / 1e6:.0f} MB, and {most / 1e6:.0f} MB is the most."


def _possible(date_time: tuple) -> tuple:
    try:
        datetime.datetime(*date_time)
    except ValueError:
        return (1980, 1, 1, 0, 0, 0)
    return date_time
