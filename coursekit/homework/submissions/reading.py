"""Reads a notebook that was handed in, in a process of its own with a time limit."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
from pathlib import Path

from coursekit.exercises.refused import RefusedError
from coursekit.homework.submissions.cells import Cell

READ_SECONDS = 20.0  # of the processor's time; one of the largest takes a few
_BUSY = 6  # times as long it may take on a machine that does other things too

_READER = Path(__file__).with_name("reader.py")
_PACKAGE = Path(__file__).resolve().parents[3]


def read_apart(content: bytes, seconds: float = READ_SECONDS) -> tuple[Cell, ...]:
    """Return the cells of a notebook as ``read_cells`` does, with the outputs that a safe copy keeps.

    Args:
        content: The file's.
        seconds: What reading may take: the processor's time where the system counts that, so that a busy machine
            refuses nobody.

    Raises:
        RefusedError: It is no notebook, or reading it took too long or too much memory.
    """
    environment = {**os.environ, "PYTHONPATH": str(_PACKAGE), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-P", "-s", str(_READER), str(math.ceil(seconds))]
    too_long = RefusedError(f"The notebook could not be read within {seconds:g} seconds.")
    try:
        done = subprocess.run(command, input=content, capture_output=True, timeout=_BUSY * seconds, env=environment)
    except subprocess.TimeoutExpired:
        raise too_long from None
    if done.returncode == -getattr(signal, "SIGXCPU", 0):
        raise too_long
    try:
        table = json.loads(done.stdout)
    except ValueError:  # it ended in the middle: no memory, or a fault in a library
        raise RefusedError(f"The notebook could not be read (exit code {done.returncode}).") from None
    if "refused" in table:
        raise RefusedError(table["refused"])
    return tuple(Cell(kind, source, frozenset(answers), tuple(kept)) for kind, source, answers, kept in table["cells"])
