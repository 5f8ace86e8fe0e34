"""A cgroup around a sandbox: what the kernel then counts that nobody else does. Most of it takes a running systemd."""

import json
import os
import re
import threading
import time
from pathlib import Path

import psutil
import pytest

from coursekit.homework import sandbox
from coursekit.homework.sandbox import Ended, Limits, cgroup
from tests.homework.handed_in import needs_sandbox  # noqa: F401

pytestmark = pytest.mark.usefixtures("needs_sandbox")
needs_cgroup = pytest.mark.skipif("not cgroup.is_there()", reason="systemd makes no cgroups here")


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    folder = tmp_path_factory.mktemp("grading")
    for path in (folder, *folder.parents[:2]):
        path.chmod(0o755)
    (folder / "prepared").mkdir()
    sandbox.prepare(folder / "prepared")
    return folder / "prepared"


@pytest.fixture
def forget():
    cgroup.is_there.cache_clear()
    yield
    cgroup.is_there.cache_clear()


def _job(folder, source):
    job = {"cells": [{"number": 0, "source": source, "answers": []}], "variation": None}
    job |= {"exercises": [{"id": "x", "answer": "x", "cases": None}], "cell_seconds": 60, "case_seconds": 10}
    (folder / "seen").mkdir(parents=True)
    (folder / "seen" / "given.json").write_text("{}")
    (folder / "job.json").write_text(json.dumps(job))
    return folder


@pytest.mark.parametrize("does", ["exit 1", "shift 6; exec sleep 60", 'while test "$1" != --; do shift; done; "$@"'])
def test_only_what_holds_counts(tmp_path, monkeypatch, forget, does):
    """A systemd-run that fails, one that gives no answer, and one that sets no limits."""
    (tmp_path / "systemd-run").write_text(f"#!/bin/sh\n{does}\n")
    (tmp_path / "systemd-run").chmod(0o755)
    monkeypatch.setattr(cgroup, "_SECONDS", 2.0)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    assert not cgroup.is_there()
    assert cgroup.around(Limits()) == []
    assert sandbox.in_force(Limits()).endswith("; no cgroup, which takes systemd.")


@needs_cgroup
def test_limits_stand_in_the_cgroup(prepared, tmp_path):
    assert sandbox.in_force(Limits()).endswith("; a cgroup around it.")
    limits, stop = Limits(memory=1 << 30, disk=64 << 20, processes=100), threading.Event()
    job = _job(tmp_path / "job", "import time; time.sleep(50)")
    runs = []
    thread = threading.Thread(target=lambda: runs.append(sandbox.run(prepared, job, limits, stop)))
    thread.start()
    try:
        found = _inside(psutil.Process(), "runner.py")
        name = re.search(r"^0::(.*)$", Path(f"/proc/{found}/cgroup").read_text(), re.MULTILINE)[1]
        of = Path("/sys/fs/cgroup") / name.lstrip("/")
        said = {file: (of / file).read_text().strip() for file in ("memory.max", "memory.swap.max", "pids.max")}
        assert said == {
            "memory.max": str((1 << 30) + (128 << 20) + (512 << 20)),
            "memory.swap.max": "0",
            "pids.max": "100",
        }
        environment = Path(f"/proc/{psutil.Process(found).ppid()}/environ").read_bytes()
        assert b"XDG" not in environment
    finally:
        stop.set()
        thread.join()
    assert runs[0].ended is Ended.STOPPED
    assert _gone(of)


@needs_cgroup
def test_memory_that_no_process_has_is_bounded(prepared, tmp_path):
    """Full buffers of sockets, of many processes: half a megabyte and more for each pair."""
    source = """
        import os, socket, time
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
        time.sleep(50)
        x = 1
    """
    limits, lowest, end = (
        Limits(memory=256 << 20, disk=16 << 20),
        [psutil.virtual_memory().available],
        threading.Event(),
    )
    before = lowest[0]

    def look():
        while not end.wait(0.2):
            lowest.append(psutil.virtual_memory().available)

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        lines = [line[8:] for line in source.splitlines()]
        run = sandbox.run(prepared, _job(tmp_path / "job", "\n".join(lines)), limits, threading.Event())
    finally:
        end.set()
        watcher.join()
    print(run, f"{(before - min(lowest)) / 2**20:.0f} MB at most")
    assert before - min(lowest) < 1100 << 20


@needs_cgroup
def test_a_neighbour_of_many_processes_gets_no_more_than_its_share(prepared, tmp_path):
    """On one processor: what counts one thing after the other, beside one that does so in 24 processes."""
    counts = "import time\nend, x = time.time() + 8, 0\nwhile time.time() < end: x += 1"
    many = f"import os\nfor _ in range(24):\n    if not os.fork():\n        os.setsid()\n        break\n{counts}"
    ones, before = os.sched_getaffinity(0), []
    os.sched_setaffinity(0, {min(ones)})
    try:
        for i, neighbours in enumerate([(counts,), (many,)]):
            done = [None, None]
            threads = []
            for j, source in enumerate((counts, *neighbours)):
                job = _job(tmp_path / f"job{i}{j}", source)
                threads.append(threading.Thread(target=_keep, args=(done, j, prepared, job)))
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            before.append(done[0].answers["x"]["answers"][0]["value"])
    finally:
        os.sched_setaffinity(0, ones)
    beside_one, beside_many = (float(json.loads(json.dumps(value))) for value in before)
    print(beside_one, beside_many)
    assert beside_many > beside_one / 2


def _keep(done, place, prepared, job):
    done[place] = sandbox.run(prepared, job, Limits(), threading.Event())


def _inside(process, word, seconds=60):
    """Return the number of the process in the sandbox, as seen from outside."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for one in process.children(recursive=True):
            try:
                if one.cmdline() and word in " ".join(one.cmdline()) and "python" in one.cmdline()[0]:
                    return one.pid
            except psutil.Error:
                continue
        time.sleep(0.1)
    raise AssertionError("The runner did not start.")


def _gone(folder, seconds=20):
    end = time.monotonic() + seconds
    while folder.exists() and time.monotonic() < end:
        time.sleep(0.1)
    return not folder.exists()
