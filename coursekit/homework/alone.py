"""One grader at a time in a course folder; and a temporary folder that does not outlive a killed grader for long."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tqdm.auto import tqdm

from coursekit.files import lock

LOCK = ".coursekit-lock"  # stays where it is: what counts is who holds it
_PREFIX = "coursekit-grading-"


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


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """Make a folder that is deleted at the end; delete those of earlier graders, which were killed before that."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        if _is_left(folder):
            shutil.rmtree(folder, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=_PREFIX) as folder, alone(Path(folder)):
        yield Path(folder)


def _is_left(folder: Path) -> bool:
    """Say whether a folder is this user's, and the grader that made it has ended."""
    try:
        about = folder.lstat()
        is_mine = stat.S_ISDIR(about.st_mode) and about.st_uid == getattr(os, "getuid", int)()  # 0 on Windows
        if not is_mine or time.time() - about.st_mtime < 60:  # a new one may not be held yet
            return False
        handle = os.open(folder / LOCK, os.O_RDWR)
    except OSError:
        return False
    try:
        lock(handle, wait=False)
    except OSError:
        return False
    finally:
        os.close(handle)
    return True
