"""Files that are written whole or not at all, and files of which one process at a time has hold."""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


@contextmanager
def writing(target: Path, mode: int | None = None) -> Iterator[BinaryIO]:
    """Open a file to write, which takes the place of ``target`` at the end, if nothing was raised.

    Args:
        target: The file; its folder is there.
        mode: Its permissions, from its first byte on; by default what the system gives.
    """
    part = target.with_name(f".{target.name}.{secrets.token_hex(8)}.part")
    try:
        with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666 if mode is None else mode), "wb") as file:
            yield file
        os.replace(part, target)
    finally:
        part.unlink(missing_ok=True)


def write_whole(target: Path, content: bytes, mode: int | None = None) -> None:
    """Write a file whole or not at all; ``mode`` holds from its first byte."""
    with writing(target, mode) as file:
        file.write(content)


def lock(handle: int, wait: bool = True) -> None:
    """Lock an open file against other processes that lock it, until it is closed or this process dies.

    Args:
        handle: Its file descriptor.
        wait: Wait until no other process has it.

    Raises:
        BlockingIOError, PermissionError: Another process has it, and it is not waited for.
        OSError: The file system has no locks.
    """
    try:
        import fcntl
    except ImportError:  # Windows
        import msvcrt

        os.lseek(handle, 1 << 30, os.SEEK_SET)  # a byte far behind the end: the content itself stays readable
        msvcrt.locking(handle, msvcrt.LK_LOCK if wait else msvcrt.LK_NBLCK, 1)
    else:
        fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))


def is_full(error: BaseException) -> bool:
    """Say whether an error is of a disk on which nothing can be written any more, whatever the file."""
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EROFS, getattr(errno, "EDQUOT", None))
