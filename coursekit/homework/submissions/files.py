"""The files in a folder or a zip, whatever was put there. No link is followed, and nothing is unpacked to disk."""

from __future__ import annotations

import contextlib
import datetime
import os
import re
import shutil
import stat
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from coursekit.exercises.wire import RefusedError, clean

MOST_BYTES = 50_000_000  # of a notebook
MOST_FILES = 20_000
_MOST_LEVELS = 8


@dataclass(frozen=True)
class File:
    """A file: its path in parts, its time, how to read it, and why it cannot be, if that is known."""

    parts: tuple[str, ...]
    read: Callable[[], bytes]
    time: float | None
    problem: str = ""


def files_in(place: Path) -> Iterator[File]:
    """Return the files in a folder, or in a zip of one.

    Raises:
        ValueError: It is neither, or holds too many files.
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


def _in_folder(root: Path) -> Iterator[File]:
    waiting, count = [((), root)], 0
    while waiting:
        parts, folder = waiting.pop()
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError as error:
            yield refused(parts or (folder.name,), f"The folder cannot be read ({error.strerror}).")
            continue
        names = [entry.name for entry in entries if not entry.name.startswith(".")]
        if parts and not names:
            yield refused((*parts, "(nothing)"), "The folder is empty.")
        for entry in entries:
            count += 1
            if count > MOST_FILES:
                raise ValueError(f"There are more than {MOST_FILES} files in {root}. Is it the right folder?")
            here = (*parts, entry.name)
            if entry.name.startswith("."):  # .ipynb_checkpoints, .DS_Store
                continue
            if entry.is_symlink():
                yield refused(here, "This is a symbolic link, which is not followed.")
            elif entry.is_dir(follow_symlinks=False):
                if len(here) > _MOST_LEVELS:
                    yield refused(here, f"There are more than {_MOST_LEVELS} folders inside each other.")
                else:
                    waiting.append((here, Path(entry.path)))
            else:
                time = entry.stat(follow_symlinks=False).st_mtime
                yield File(here, lambda path=Path(entry.path): read_regular(path), time)


def _in_zip(place: Path) -> Iterator[File]:
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
            yield refused(kept, "Its path climbs out of the zip file.")
        elif "\0" in name:
            yield refused(kept, "There is a null byte in its name.")
        elif stat.S_ISLNK(member.external_attr >> 16):
            yield refused(kept, "This is a symbolic link, which is not followed.")
        elif number in undecodable:
            yield refused(kept, "There are characters in its name that are none.")
        else:
            time = datetime.datetime(*_possible(member.date_time)).timestamp()
            yield File(parts, lambda member=member: _unzipped(archive, member), time)


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
