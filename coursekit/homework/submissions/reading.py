"""Reads a notebook that was handed in, in a process of its own with a time limit."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from coursekit.exercises.refused import RefusedError
from coursekit.homework.submissions.cells import Cell

READ_SECONDS = 20.0  # a notebook of the largest size takes 3

_READER = Path(__file__).with_name("reader.py")
_PACKAGE = Path(__file__).resolve().parents[3]


def read_apart(content: bytes, seconds: float = READ_SECONDS) -> tuple[Cell, ...]:
    """Return the cells of a notebook as ``read_cells`` does, with the outputs that a safe copy keeps.

    Raises:
        RefusedError: It is no notebook, or reading it took too long or too much memory.
    """
    environment = {**os.environ, "PYTHONPATH": str(_PACKAGE), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-P", "-s", str(_READER)]
    try:
        done = subprocess.run(command, input=content, capture_output=True, timeout=seconds, env=environment)
    except subprocess.TimeoutExpired:
        raise RefusedError(f"The notebook could not be read within {seconds:g} seconds.") from None
    try:
        table = json.loads(done.stdout)
    except ValueError:  # it ended in the middle: no memory, or a fault in a library
        raise RefusedError(f"The notebook could not be read (exit code {done.returncode}).") from None
    if "refused" in table:
        raise RefusedError(table["refused"])
    return tuple(Cell(kind, source, frozenset(answers), tuple(kept)) for kind, source, answers, kept in table["cells"])
