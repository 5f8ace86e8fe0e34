"""Runs a command that may do anything: reads what comes out as data, and ends it when its limits are reached."""

from __future__ import annotations

import contextlib
import enum
import glob
import json
import os
import queue
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, NamedTuple

import psutil

from coursekit.exercises import wire
from coursekit.homework.sandbox.limits import MOST_CASES, Limits

START_SECONDS = 60.0  # until the runner is ready
WRITABLE = ("/tmp", "/home/student", "/dev/shm")  # in the sandbox; each is memory of its own
MOST_MESSAGES = 50_000  # of one run; a runner sends a few for each cell and exercise
MOST_REFUSED = 1_000  # of those, that are no messages
_MOST_WAITING = 1_000  # messages that are read ahead
_SEND_BUFFER = "/proc/sys/net/core/wmem_default"
_GRACE = 3.0  # seconds between the limit of a cell, which interrupts it, and the end of one that ignores that


class Ended(enum.Enum):
    """How a run ended: by itself, or why not."""

    DONE = "done"
    DIED = "died"
    CELL_TIME = "cell time"
    WHOLE_TIME = "whole time"
    MEMORY = "memory"
    OUTPUT = "output"
    FILES = "files"
    STOPPED = "stopped"


@dataclass
class Run:
    """What came of running a submission once.

    Attributes:
        ended: How it ended.
        at: The cell's number or the exercise's id that was running last, None before the first.
        is_ready: Whether the runner came to the first cell.
        errors: {cell number: what it says}.
        answers: {exercise id: the last message about it, on what its writer could see}.
        hidden: {exercise id: the message about it on the hidden inputs}.
        refused: What came that was no message.
        says: The beginning of what the sandbox itself wrote to stderr.
        seconds: How long it took.
        waited: Of what a limit of time stopped, the share of that time in which it was ready to run, but had no
            processor; 0 if nothing was stopped so, or the system does not tell.
    """

    ended: Ended = Ended.DIED
    at: int | str | None = None
    is_ready: bool = False
    errors: dict[int, str] = field(default_factory=dict)
    answers: dict[str, dict] = field(default_factory=dict)
    hidden: dict[str, dict] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)
    says: str = ""
    seconds: float = 0.0
    waited: float = 0.0


def watch(
    arguments: list[str],
    environment: dict,
    folder: str | None,
    job: Path,
    limits: Limits,
    stop: threading.Event,
    *,
    in_cgroup: bool = False,
) -> Run:
    """Run a command with the job on its standard input, read what comes out, and end it if need be.

    Args:
        arguments: The command.
        environment: Its environment.
        folder: The folder that it runs in; None for the current one.
        job: The folder with job.json, and hidden.json if there are hidden inputs: that moves to seen/ once the runner
            asks for it.
        limits: What it may take.
        stop: Once set, the run ends.
        in_cgroup: Whether a cgroup around it counts what waits in sockets.
    """
    run, start = Run(), time.monotonic()
    with open(job / "job.json", "rb") as content:
        expected = _names(json.load(content))
        content.seek(0)
        process = subprocess.Popen(
            arguments,
            env=environment,
            cwd=folder,
            stdin=content,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is the grader's
        )
    lines: queue.Queue[bytes | None] = queue.Queue(_MOST_WAITING)
    noise: list[bytes] = []
    over = threading.Event()
    readers = [
        threading.Thread(target=_read_lines, args=(process.stdout, lines, limits.output, over), daemon=True),
        threading.Thread(target=_read_beginning, args=(process.stderr, noise), daemon=True),
    ]
    for reader in readers:
        reader.start()
    try:
        run.ended = _follow(run, process, lines, expected, job, limits, stop, start, in_cgroup)
    finally:
        over.set()
        _kill(process)
        for reader in readers:
            reader.join(timeout=5)
    if noise:
        run.says = wire.clean(noise[0].decode(errors="replace").strip().partition("\n")[0])
    run.seconds = time.monotonic() - start
    return run


def _names(job: dict) -> set[int | str]:
    """Return what a message may speak of: the numbers of the cells, and the ids of the exercises."""
    return {cell["number"] for cell in job["cells"]} | {exercise["id"] for exercise in job["exercises"]}


def _follow(
    run: Run,
    process: subprocess.Popen,
    lines: queue.Queue,
    expected: set[int | str],
    job: Path,
    limits: Limits,
    stop: threading.Event,
    start: float,
    in_cgroup: bool,
) -> Ended:
    """Read messages until the end, and return how it ended."""
    deadline, next_look = start + START_SECONDS, start
    delays: dict[str, _Delay] = {}  # of each thread, at the last look
    since, at_first = start, delays  # when what runs now began, and the delays then
    knows_hidden, count_refused = False, 0
    while True:
        now = time.monotonic()
        if stop.is_set():
            return Ended.STOPPED
        if now > start + limits.whole_seconds:
            run.waited = max(run.waited, _share_waited(process, {}, delays, start))
            return Ended.WHOLE_TIME
        if now > deadline:
            run.waited = max(run.waited, _share_waited(process, at_first, delays, since))
            return Ended.CELL_TIME
        if now > next_look:
            family = _family(process)
            waiting = 0 if in_cgroup else _in_sockets(family)
            if all(waiting + _memory(family, of) > limits.memory for of in (_touched, _share)):
                return Ended.MEMORY
            if _files(family) > limits.files:
                return Ended.FILES
            delays, next_look = _delays(family, delays), now + 0.25
        try:
            line = lines.get(timeout=0.1)
        except queue.Empty:
            continue
        if line is None:
            return Ended.DIED
        if line == b"":
            return Ended.OUTPUT
        try:
            message = wire.read_message(line)
            _refuse_other_names(message, expected)
        except wire.RefusedError as refused:
            if len(run.refused) < 10:
                run.refused.append(str(refused))
            count_refused += 1
            if count_refused > MOST_REFUSED:
                return Ended.OUTPUT
            continue
        if message.get("done") is True:
            return Ended.DONE
        begins, ends, exercise = message.get("begin"), message.get("end"), message.get("exercise")
        if begins is not None:
            since, at_first = now, delays
        elif _was_interrupted(message):
            run.waited = max(run.waited, _share_waited(process, at_first, delays, since))
        if message.get("ready") is True:
            if run.is_ready and not knows_hidden:  # all cells are run; or code says so, and no later text of it counts
                knows_hidden = _hand_over(job)
            run.is_ready = True
        elif type(begins) is int and not knows_hidden:  # or hidden inputs could say which cell is left out next
            run.at, deadline = begins, now + limits.cell_seconds + _GRACE
        elif type(begins) is str:
            run.at, deadline = begins, now + MOST_CASES * limits.case_seconds + _GRACE
        elif type(ends) is int and message.get("error") is not None and not knows_hidden:
            run.errors[ends] = wire.clean(message["error"])
        elif type(exercise) is str and knows_hidden:  # kept apart: no text of it is shown to the student
            run.hidden[exercise] = message
        elif type(exercise) is str:
            # What was there once and is gone at the end, as after %reset, counts as it was.
            run.answers[exercise] = run.answers.get(exercise, message) if "missing" in message else message


def _hand_over(job: Path) -> bool:
    """Lay the hidden inputs where the runner sees them; return whether there are any."""
    file = job / "hidden.json"
    if file.exists():
        os.replace(file, job / "seen" / "hidden.json")
        return True
    return False


def _refuse_other_names(message: dict, expected: set[int | str]) -> None:
    for key, kind in (("begin", (int, str)), ("end", int), ("exercise", str)):
        name = message.get(key)
        if name is not None and not (type(name) is not bool and isinstance(name, kind) and name in expected):
            raise wire.RefusedError(f"A message speaks of a cell or an exercise that is not in the job, by {key!r}.")


def _read_lines(stream: BinaryIO, lines: queue.Queue, most: int, over: threading.Event) -> None:
    """Put lines into the queue, b"" once there is too much, None at the end. What is too much is not kept.

    Args:
        stream: What is read.
        lines: Where it goes; it has room for a few.
        most: Bytes that are read.
        over: Once set, nobody takes anything out of the queue any more.
    """
    total, count, rest = 0, 0, bytearray()
    with stream:
        while chunk := stream.read1(1 << 16):
            total += len(chunk)
            count += chunk.count(b"\n")
            if total > most or count > MOST_MESSAGES:
                _put(lines, b"", over)
                return
            *whole, last = chunk.split(b"\n")
            for part in whole:
                if not _put(lines, bytes(rest + part) or b" ", over):
                    return
                rest.clear()
            rest += last
    _put(lines, None, over)


def _put(lines: queue.Queue, line: bytes | None, over: threading.Event) -> bool:
    """Put a line into the queue as soon as there is room; return False if the run is over before that."""
    while not over.is_set():
        try:
            lines.put(line, timeout=0.2)
            return True
        except queue.Full:
            continue
    return False


def _read_beginning(stream: BinaryIO, kept: list[bytes]) -> None:
    """Keep the first bytes and read on to the end, so that the writer is not held up."""
    with stream:
        while chunk := stream.read1(1 << 12):
            if not kept:
                kept.append(chunk)


def _family(process: subprocess.Popen) -> list[psutil.Process]:
    try:
        parent = psutil.Process(process.pid)
        return [parent, *parent.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _was_interrupted(message: dict) -> bool:
    """Tell whether the runner says that the time of a cell or a call was up. Nobody gains by saying so falsely."""
    error, answers = message.get("error"), message.get("answers")
    is_late = isinstance(answers, list) and any(isinstance(one, dict) and "late" in one for one in answers)
    return is_late or (isinstance(error, str) and error.startswith("TimeUp"))


class _Delay(NamedTuple):
    """How long a thread has waited for a processor, by the kernel's count.

    Attributes:
        seconds: For which it was ready to run while others ran, up to when it got a processor last.
        ran: How long it has run.
        seen: When a look first found that.
    """

    seconds: float
    ran: str
    seen: float


def _share_waited(
    process: subprocess.Popen, before: dict[str, _Delay], looked: dict[str, _Delay], since: float
) -> float:
    """Return which share of the time since then the thread that waited most for a processor has waited."""
    now, waited = time.monotonic(), [0.0]
    for thread, delay in _delays(_family(process), looked).items():
        at_first = before[thread].seconds if thread in before else 0.0
        # What waits still is not in the kernel's count before it has run.
        waited.append(delay.seconds - at_first + (now - max(delay.seen, since) if _is_ready(thread) else 0.0))
    return min(1.0, max(waited) / max(now - since, 0.1))


def _delays(family: list[psutil.Process], before: dict[str, _Delay]) -> dict[str, _Delay]:
    """Return {folder of a thread: its wait}, given what the look before found; nothing where there is no /proc."""
    now, delays = time.monotonic(), {}
    for one in family:
        for thread in glob.glob(f"/proc/{one.pid}/task/*"):
            try:
                with open(f"{thread}/schedstat") as content:
                    ran, waited, _ = content.read().split()
            except OSError:  # ended in the meantime
                continue
            has_run = thread not in before or before[thread].ran != ran
            delays[thread] = _Delay(int(waited) / 1e9, ran, now if has_run else before[thread].seen)
    return delays


def _is_ready(thread: str) -> bool:
    """Tell whether a thread would run if a processor were free."""
    try:
        with open(f"{thread}/stat") as content:
            return content.read().rpartition(")")[2].split()[0] == "R"
    except OSError:
        return False


def _memory(family: list[psutil.Process], of: Callable[[psutil.Process], int]) -> int:
    total = 0
    for one in family:
        try:
            total += of(one) + _page_tables(one)
        except psutil.Error:  # ended in the meantime
            continue
    return total


def _touched(one: psutil.Process) -> int:
    return one.memory_info().rss


def _share(one: psutil.Process) -> int:
    """Return a process's memory, what forks share divided among them. It takes longer to find out."""
    try:
        full = one.memory_full_info()
    except psutil.AccessDenied:  # a process can hide this; then all that it touches counts as its own
        return _touched(one)
    return getattr(full, "pss", full.uss)


def _page_tables(one: psutil.Process) -> int:
    """Return the memory in which the system keeps where a process's memory is; 0 where it does not tell.

    A process that only reads here and there of what it was promised has much of it, and hardly any other.
    """
    try:
        with open(f"/proc/{one.pid}/status", "rb") as status:
            found = re.search(rb"^VmPTE:\s*(\d+) kB$", status.read(), re.MULTILINE)
    except OSError:  # ended in the meantime, or no Linux
        return 0
    return int(found[1]) << 10 if found else 0


def _in_sockets(family: list[psutil.Process]) -> int:
    """Return what may wait in the buffers of all sockets: each has room for so much."""
    if not os.path.exists(_SEND_BUFFER):
        return 0
    found = set()  # forks share them
    for one in family:
        try:
            with os.scandir(f"/proc/{one.pid}/fd") as entries:
                for entry in entries:
                    with contextlib.suppress(OSError):  # closed in the meantime
                        target = os.readlink(entry.path)
                        found |= {target} if target.startswith("socket:") else set()
        except OSError:  # ended in the meantime, or another user's
            continue
    return len(found) * int(Path(_SEND_BUFFER).read_text()) if found else 0


def _files(family: list[psutil.Process]) -> int:
    """Return how many files lie in the places that a sandbox can write to; 0 without a sandbox."""
    outside = os.stat("/") if sys.platform == "linux" else None
    for one in reversed(family) if outside else ():
        root = f"/proc/{one.pid}/root"
        try:
            if not os.path.samestat(os.stat(root), outside):
                places = [os.statvfs(root + place) for place in WRITABLE]
                return sum(place.f_files - place.f_ffree for place in places)
        except OSError:  # it has ended, or the system does not show it
            continue
    return 0


def _kill(process: subprocess.Popen) -> None:
    """End it with all its descendants: those in a sandbox die with its first process, the bare ones one by one."""
    for one in reversed(_family(process)):
        try:
            one.kill()
        except psutil.Error:
            continue
    process.kill()
    process.wait()
