"""Reads one notebook from the standard input and writes its cells to the standard output. Started as a script.

A process of its own: what a notebook costs to read, whatever is in it, has an end, and is nobody else's time.
"""

import contextlib
import json
import os
import sys

from coursekit.exercises.refused import RefusedError
from coursekit.homework.submissions.cells import read_cells, safe_output

MEMORY = 1 << 30  # bytes that reading may take


def main() -> None:
    """Read, and say what was read or why not."""
    with contextlib.suppress(ImportError, ValueError, OSError):  # not on Windows, and not above a lower limit
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        seconds = int(sys.argv[1])
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
    try:
        cells = read_cells(sys.stdin.buffer.read())
        table = {"cells": [[c.kind, c.source, sorted(c.answers), _kept(c.outputs)] for c in cells]}
    except RefusedError as refused:
        table = {"refused": str(refused)}
    except MemoryError:
        table = {"refused": f"The notebook took more than {MEMORY >> 30} GB of memory to read."}
    sys.stdout.write(json.dumps(table))
    sys.stdout.flush()


def _kept(outputs: tuple) -> list:
    return [safe for output in outputs if (safe := safe_output(output))]


if __name__ == "__main__":
    main()
    os._exit(0)
