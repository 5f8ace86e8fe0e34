"""What comes out of a run, and what it takes, as the grader counts it: without a sandbox."""

import os
import subprocess
import sys
import threading
import time

import psutil
import pytest

from coursekit.homework.sandbox import Ended, Limits, watching
from tests.homework.handed_in import write_job

ENDLESS = "import os\ndata = {!r} * 20_000\nwhile True: os.write(1, data)"


def _watch(folder, code, **more):
    return watching.watch(
        [sys.executable, "-c", code], {}, None, write_job(folder / "job"), Limits(**more), threading.Event()
    )


@pytest.mark.parametrize("flood", [b"\n", b"{}\n", b'{"ready": true}\n', b"no message\n", b" "])
def test_a_flood_of_messages_is_ended(tmp_path, flood):
    before, start = psutil.Process().memory_info().rss, time.monotonic()
    run = _watch(tmp_path, ENDLESS.format(flood), output=10**8)
    assert run.ended is Ended.OUTPUT
    assert len(run.refused) <= 10
    assert time.monotonic() - start < 60
    assert psutil.Process().memory_info().rss - before < 400 << 20


def test_what_a_flood_was_is_read_no_further(tmp_path):
    """The thread that reads does not wait for ever for somebody to take what it has."""
    before = set(threading.enumerate())
    for code in (
        ENDLESS.format(b'{"ready": true}\n'),
        f"print('{{\"done\": true}}\\n' * {watching.MOST_MESSAGES - 1})",
    ):
        _watch(tmp_path / str(len(code)), code)
    assert set(threading.enumerate()) <= before


def test_as_many_messages_as_a_large_notebook_has_are_read(tmp_path):
    code = "for i in range(20_000): print('{\"ready\": true}')\nprint('{\"done\": true}')"
    assert _watch(tmp_path, code).ended is Ended.DONE


def test_a_message_in_many_pieces_is_one(tmp_path):
    code = "import os, time\nfor c in b'{\"done\": true}\\n': os.write(1, bytes([c])); time.sleep(0.01)"
    assert _watch(tmp_path, code).ended is Ended.DONE


@pytest.fixture
def started():
    """Start a line of Python, return its process once it has printed something, and end it after the test."""
    processes = []

    def start(code):
        process = subprocess.Popen(
            [sys.executable, "-c", f"{code}\nprint(flush=True)\ninput()"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        processes.append(process)
        process.stdout.readline()
        return psutil.Process(process.pid)

    yield start
    for process in processes:
        process.kill()
        process.communicate()


@pytest.mark.skipif(sys.platform != "linux", reason="Linux tells it in /proc")
def test_waiting_counts_while_it_lasts(started):
    """The kernel counts a wait when it is over: who has not run since is not who has not waited."""
    spin = "print(flush=True)\nwhile True: pass"
    alone = f"import os\nos.sched_setaffinity(0, {{{min(os.sched_getaffinity(0))}}})\n"
    waits = started(f"{alone}os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))\n{spin}")
    started(f"{alone}{spin}")  # as soon as it has, `waits` has a third of a hundredth of it

    def share_of_a_wait():
        """Return what is said of a fifth of a second in which it did not get the processor, or nothing if it did."""
        before, since = watching._delays([waits], {}), time.monotonic()
        end = since + 0.2
        looked = before
        while time.monotonic() < end:
            time.sleep(0.02)
            looked = watching._delays([waits], looked)
        at_first = {thread: delay._replace(ran="0") for thread, delay in before.items()}  # it has run since that look
        share = watching._share_waited(waits, at_first, looked, since)
        return share if looked == before else None

    shares = (share for _ in range(200) if (share := share_of_a_wait()) is not None)
    assert next(shares) > 0.8
    waits.suspend()
    time.sleep(0.5)
    looked = watching._delays([waits], {})
    assert watching._share_waited(waits, looked, looked, time.monotonic() - 1) < 0.2  # it is not ready


@pytest.mark.skipif(sys.platform != "linux", reason="Linux tells it in /proc")
def test_page_tables_are_memory(started):
    """A byte read in each 2 MB of what was never written: no memory, but 4 kB in which it is noted."""
    large = (
        "import mmap\nflags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x4000\n"
        "m = mmap.mmap(-1, 4 << 30, flags=flags, prot=mmap.PROT_READ | mmap.PROT_WRITE)\n"
        "import contextlib\nwith contextlib.suppress(OSError): m.madvise(15)\n"  # no huge pages, if there are any
        "for i in range(0, 4 << 30, 2 << 20): m[i]"
    )
    one, other = started(large), started("import mmap")
    for of in (watching._touched, watching._share):
        assert watching._memory([one], of) - watching._memory([other], of) > 7 << 20


@pytest.mark.skipif(sys.platform != "linux", reason="Linux tells it in /proc")
def test_what_may_wait_in_sockets_is_counted_once(started):
    code = "import os, socket\nmade = [socket.socketpair() for _ in range(100)]\nif os.fork() == 0: os.read(0, 1)"
    one = started(code)
    family = [one, *one.children()]
    with open(watching._SEND_BUFFER) as size:
        assert watching._in_sockets(family) == 200 * int(size.read())
