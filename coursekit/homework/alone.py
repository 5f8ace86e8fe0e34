"""One grader at a time in a course folder."""

from __future__ import annotations

import errno
import importlib.util
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tqdm.auto import tqdm

LOCK = ".coursekit-lock"  # stays where it is: what counts is who holds it


class BusyError(OSError):
    """Another command is at work in the folder."""


@contextmanager
def alone(to: Path) -> Iterator[None]:
    """Hold a course folder for oneself. The system lets go of it when the process ends, however that happens.

    Args:
        to: The course folder, made if it does not exist.

    Raises:
        BusyError: Somebody else holds it.
    """
    to.mkdir(parents=True, exist_ok=True)
    handle = os.open(to / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        _lock(handle, to)
        yield
    finally:
        os.close(handle)


def _lock(handle: int, to: Path) -> None:
    try:
        if importlib.util.find_spec("fcntl"):
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        else:  # Windows
            import msvcrt

            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
    except OSError as error:
        if error.errno in (errno.EWOULDBLOCK, errno.EACCES, errno.EDEADLK):
            raise BusyError(
                f"Another coursekit homework is at work in {to}. Wait until it has ended, then start this again."
            ) from None
        tqdm.write(f"{to} cannot be held for one grader ({error.strerror}): start no second one in it.")
