"""What a submission may take."""

import os
from dataclasses import dataclass

MOST_CASES = 6  # on which a function is tried, one after the other


@dataclass(frozen=True)
class Limits:
    """What a submission may take.

    Attributes:
        cell_seconds: For one cell. It is interrupted, then the next one runs.
        case_seconds: For one call of a function that is an answer.
        whole_seconds: For one run of the notebook.
        memory: Bytes of memory, all processes together.
        address_space: Bytes that one process may ask for. TensorFlow asks for more than it uses.
        disk: Bytes of each of the two places that can be written to; they are in memory.
        files: Files and folders that it makes, all together. Empty ones take the kernel's memory, which no process has.
        file_size: Bytes of one file.
        output: Bytes that are read of what comes out.
        processes: Processes and threads.
        open_files: Of one process.
    """

    cell_seconds: float = 120
    case_seconds: float = 10
    whole_seconds: float = 900
    memory: int = 4 << 30
    address_space: int = 12 << 30
    disk: int = 256 << 20
    files: int = 20_000
    file_size: int = 128 << 20
    output: int = 100_000_000
    processes: int = 256 + 8 * (os.cpu_count() or 1)
    open_files: int = 1024
