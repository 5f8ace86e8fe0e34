"""A cgroup around a sandbox: what the kernel then counts that nobody else does. Most of it takes a running systemd."""

import os
import re
import threading
import time
from pathlib import Path

import psutil
import pytest

from coursekit.homework import sandbox
from coursekit.homework.sandbox import Ended, Limits, cgroup
from tests.homework.handed_in import write_job


@pytest.fixture
def forget():
    cgroup.is_there.cache_clear()
    yield
    cgroup.is_there.cache_clear()


@pytest.mark.usefixtures("needs_sandbox")
@pytest.mark.parametrize("does", ["exit 1", "exec sleep 60", 'while test "$1" != --; do shift; done; shift; "$@"'])
def test_only_what_holds_counts(tmp_path, monkeypatch, forget, does):
    """A systemd-run that fails, one that gives no answer, and one that sets no limits."""
    (tmp_path / "systemd-run").write_text(f"#!/bin/sh\n{does}\n")
    (tmp_path / "systemd-run").chmod(0o755)
    monkeypatch.setattr(cgroup, "_TRIAL_SECONDS", 2.0)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    assert not cgroup.is_there()
    assert cgroup.around(Limits()) == []
    assert sandbox.in_force(Limits()).endswith("; no cgroup, which takes systemd.")


def test_limits_stand_in_the_cgroup(needs_cgroup, prepared, tmp_path):
    assert sandbox.in_force(Limits()).endswith("; a cgroup around it.")
    limits = Limits(memory=1 << 30, disk=64 << 20, processes=100)
    most = (1 << 30) + (128 << 20) + (512 << 20)
    with _Begun(prepared, tmp_path, limits, "import time; time.sleep(25)") as run:
        said = {file: (run.folder / file).read_text().strip() for file in ("memory.max", "pids.max", "cpu.weight")}
        assert said == {"memory.max": str(most), "pids.max": "100", "cpu.weight": "100"}
        assert b"XDG" not in Path(f"/proc/{psutil.Process(run.inside).ppid()}/environ").read_bytes()
    assert run.result.ended is Ended.STOPPED
    assert _comes_true(lambda: not run.folder.exists())


def test_memory_that_no_process_has_is_bounded(needs_cgroup, prepared, tmp_path):
    """Full buffers of sockets, of many processes: half a megabyte and more for each pair."""
    source = """
import os, socket, time
time.sleep(3)  # until its cgroup is looked at
for _ in range(40):
    if not os.fork():
        kept = []
        for _ in range(480):
            pair = socket.socketpair()
            for one in pair:
                one.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
                one.setblocking(False)
                try:
                    while True:
                        one.send(bytes(100_000))
                except BlockingIOError:
                    pass
            kept.append(pair)
        time.sleep(60)
time.sleep(25)
"""
    limits, taken = Limits(memory=1 << 30, disk=16 << 20), [0]
    with _Begun(prepared, tmp_path, limits, source) as run:
        most = int((run.folder / "memory.max").read_text())
        while not run.has_ended():
            try:
                taken.append(int((run.folder / "memory.current").read_text()))
            except OSError:  # it is gone
                break
            time.sleep(0.05)
    assert 0.9 * most < max(taken) <= most
    assert run.result.ended is not Ended.MEMORY  # which would be the grader's own count


def test_a_neighbour_of_many_processes_gets_no_more_than_its_share(needs_cgroup, prepared, tmp_path):
    """On one processor: what counts one thing after the other, beside one that does so in 24 processes."""
    counts = "from time import monotonic\nend, x = monotonic() + 8, 0\nwhile monotonic() < end: x += 1"
    many = f"import os\nfor _ in range(24):\n    if not os.fork():\n        os.setsid()\n        break\n{counts}"
    all_of_them, counted = os.sched_getaffinity(0), []
    os.sched_setaffinity(0, {min(all_of_them)})
    try:
        for i, neighbour in enumerate((counts, many)):
            runs = [_Begun(prepared, tmp_path / f"{i}{j}", Limits(), one) for j, one in enumerate((counts, neighbour))]
            for run in runs:
                run.thread.join()
            counted.append(runs[0].result.answers["x"]["answers"][0]["value"])
    finally:
        os.sched_setaffinity(0, all_of_them)
    beside_one, beside_many = map(float, counted)
    assert beside_many > beside_one / 3


class _Begun:
    """A run in a thread: its ``result`` at the end, and meanwhile its cgroup's ``folder``."""

    def __init__(self, prepared, folder, limits, source):
        self.stop, self.result, self.limits = threading.Event(), None, limits
        self.thread = threading.Thread(target=self._run, args=(prepared, write_job(folder / "job", source)))
        self.thread.start()

    def _run(self, prepared, job):
        self.result = sandbox.run(prepared, job, self.limits, self.stop)

    def __enter__(self):
        assert _comes_true(self._find)
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join()

    def has_ended(self):
        return not self.thread.is_alive()

    def _find(self):
        for one in psutil.Process().children(recursive=True):
            try:
                words = one.cmdline()
                if "python" in words[0] and words[-1].endswith("runner.py"):
                    where = Path(f"/proc/{one.pid}/cgroup").read_text()
                    self.inside = one.pid
                    self.folder = Path("/sys/fs/cgroup", re.search(r"^0::/(.*)$", where, re.MULTILINE)[1])
                    return True
            except (psutil.Error, OSError, IndexError):
                continue
        return False


def _comes_true(condition, seconds=60):
    end = time.monotonic() + seconds
    while not (found := condition()) and time.monotonic() < end:
        time.sleep(0.05)
    return found
