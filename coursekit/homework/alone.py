"""One grader at a time in a course folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tqdm.auto import tqdm

from coursekit.files import lock

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
        try:
            lock(handle, wait=False)
        except (BlockingIOError, PermissionError):
            raise BusyError(
                f"Another coursekit homework is at work in {to}. Wait until it has ended, then start this again."
            ) from None
        except OSError as error:
            tqdm.write(f"{to} cannot be held for one grader ({error.strerror}): start no second one in it.")
        yield
    finally:
        os.close(handle)
