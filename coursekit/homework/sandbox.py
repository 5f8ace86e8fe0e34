"""Runs a submission where it can do no harm: bubblewrap and prlimit on Linux.

In the sandbox there is no network, no other process, and of the file system only what Python needs, read-only: the
system's libraries, this Python, the course's package without its answers, the network's weights and the job itself.
What is written goes to memory, up to a limit. One stream leads out, and answers.py reads it as data.
"""

from __future__ import annotations

import compileall
import math
import os
import queue
import secrets
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import psutil

from coursekit.homework import answers, system_calls
from coursekit.networks.cache import cache_folder

_GRACE = 3.0  # seconds between the limit of a cell, which interrupts it, and the end of one that ignores that
_START = 60.0  # seconds until the runner is ready
_TOOLS = ("bwrap", "prlimit", "setpriv")
_HOME = "/home/student"
MOST_CASES = 6  # on which a function is tried, one after the other
# What programs need of /etc: where libraries lie, and fonts. Nothing that says whose machine this is.
_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
_SETTINGS = ("/etc/ld.so.cache", "/etc/alternatives", "/etc/fonts")
_HOW_TO_GET_IT = (
    "Grading runs what students wrote, so it needs a sandbox: Linux with bubblewrap 0.8 or newer (Debian, Ubuntu: "
    "apt-get install bubblewrap). On macOS, on Windows, and where the system forbids it, use the course's Dockerfile."
)


class SandboxMissing(RuntimeError):
    """There is no sandbox here; the message says how to get one."""


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
    file_size: int = 128 << 20
    output: int = 100_000_000
    processes: int = 256 + 8 * (os.cpu_count() or 1)
    open_files: int = 1024


@dataclass
class Run:
    """What came of running a submission once.

    Attributes:
        ended: "done", or why not: "died", "cell time", "whole time", "memory", "output", "stopped".
        at: The cell's number or the exercise's id that was running last, None before the first.
        is_ready: Whether the runner came to the first cell.
        errors: {cell number: what it says}.
        answers: {exercise id: the last message about it}.
        refused: What came that was no message.
        says: The beginning of what the sandbox itself wrote to stderr.
        seconds: How long it took.
    """

    ended: str = "died"
    at: int | str | None = None
    is_ready: bool = False
    errors: dict[int, str] = field(default_factory=dict)
    answers: dict[str, dict] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)
    says: str = ""
    seconds: float = 0.0


def prepare(folder: Path) -> None:
    """Put what all submissions need into ``folder``: the package without its answers, the weights, a list of fonts.

    Args:
        folder: An empty folder of the grader's.
    """
    package = Path(__file__).resolve().parents[1]
    left_out = shutil.ignore_patterns("lesson_*.py", "__pycache__", "lessons", "*.ipynb")
    shutil.copytree(package, folder / "course" / "coursekit", ignore=left_out)
    compileall.compile_dir(folder / "course", quiet=2)
    (folder / "filter").write_bytes(system_calls.filter_program())
    (folder / "cache").mkdir()
    for weights in _weights():
        shutil.copy(weights, folder / "cache")
    fonts = {**os.environ, "MPLCONFIGDIR": str(folder / "matplotlib")}  # the list of fonts takes a second to make
    subprocess.run([sys.executable, "-c", "import matplotlib.font_manager"], env=fonts, check=True, capture_output=True)
    for path in [folder, *folder.rglob("*")]:  # readable to the sandbox's own user
        path.chmod(0o755 if path.is_dir() else 0o644)


def _weights() -> list[Path]:
    found = list(cache_folder().glob("squeezenet-*.npz"))
    if not found:
        from coursekit.networks import squeezenet

        squeezenet()  # converts them into the cache
        found = list(cache_folder().glob("squeezenet-*.npz"))
    return found


def check() -> None:
    """Start a sandbox with nothing in it.

    Raises:
        SandboxMissing: It is not installed, or the system forbids it.
    """
    missing = [tool for tool in _TOOLS if shutil.which(tool) is None]
    if missing or sys.platform != "linux":
        what = "This is not Linux" if sys.platform != "linux" else f"{' and '.join(missing)} cannot be found"
        raise SandboxMissing(f"{what}. {_HOW_TO_GET_IT}")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        for name in ("course", "cache", "matplotlib", "job/seen"):
            (path / name).mkdir(parents=True)
        (path / "filter").write_bytes(system_calls.filter_program())
        path.chmod(0o755)
        probe = command(path, path / "job", Limits(), ["-c", "print('works')"])
        try:
            done = subprocess.run(probe, capture_output=True, text=True, timeout=_START, env={})
        except (OSError, subprocess.TimeoutExpired) as error:
            raise SandboxMissing(f"bubblewrap does not work here ({error}). {_HOW_TO_GET_IT}") from error
    if done.stdout != "works\n":
        first = answers.clean(done.stderr.strip().partition("\n")[0]) or f"exit code {done.returncode}"
        raise SandboxMissing(f"bubblewrap does not work here ({first}). {_HOW_TO_GET_IT}")


def command(
    prepared: Path, job: Path, limits: Limits, python: Iterable[str] = (), hidden: Iterable[Path] = ()
) -> list[str]:
    """Return the command that runs a job in a sandbox.

    Args:
        prepared: The folder that ``prepare`` filled.
        job: The folder with job.json, which goes to standard input, and seen/given.json.
        limits: What it may take.
        python: Python's arguments; left out, the runner with the job.
        hidden: Folders that must not be seen, even if they lie inside what Python needs.
    """
    is_root = os.geteuid() == 0
    has_filter = (prepared / "filter").stat().st_size > 0
    # bubblewrap reads the filter from an open file, for which the shell is at hand.
    bwrap = [
        *(["sh", "-c", 'exec 9< "$0" && exec "$@"', str(prepared / "filter")] if has_filter else []),
        *(
            shutil.which("bwrap") or "bwrap",
            "--unshare-ipc",
            "--unshare-pid",
            "--unshare-net",
            "--unshare-uts",
            "--unshare-cgroup-try",
        ),
        *([] if is_root else ["--unshare-user", "--disable-userns"]),
        *(["--seccomp", "9"] if has_filter else []),
        *("--die-with-parent", "--new-session", "--hostname", "sandbox", "--clearenv"),
    ]
    for name, value in _environment(Path("/course"), Path("/cache"), Path("/job"), _HOME).items():
        bwrap += ["--setenv", name, value]
    for path, arguments in sorted(_mounts(prepared, job, limits, hidden).items(), key=lambda item: len(item[0].parts)):
        for parent in reversed(path.parents[:-1]):  # as root, bubblewrap would make them for root only
            bwrap += ["--perms", "0755", "--dir", str(parent)]
        bwrap += [*arguments, str(path)]
    bwrap += ["--remount-ro", "/dev", "--remount-ro", "/", "--chdir", _HOME, "--"]
    prlimit = [
        "prlimit",
        f"--as={limits.address_space}",
        f"--cpu={math.ceil(limits.whole_seconds * (os.cpu_count() or 1)) + 10}",
        f"--nproc={limits.processes}",
        f"--fsize={limits.file_size}",
        f"--nofile={limits.open_files}",
        "--core=0",
    ]
    # Root has no limit of processes, and could undo the others. Each sandbox has a user of its own, so that one
    # student's processes are not counted as another's; the numbers are among those that Debian leaves free.
    user = str(40000 + secrets.randbelow(20000))
    setpriv = ["setpriv", "--reuid", user, "--regid", user, "--clear-groups", "--no-new-privs", "--bounding-set=-all"]
    runner = ["/course/coursekit/homework/runner.py"]
    return [*bwrap, *prlimit, *(setpriv if is_root else []), _executable(), "-P", "-s", *(python or runner)]


def run(
    prepared: Path,
    job: Path,
    limits: Limits,
    stop: threading.Event,
    hidden: Iterable[Path] = (),
    no_sandbox: bool = False,
) -> Run:
    """Run a job to its end, which comes within ``limits`` whatever the submission does.

    Args:
        prepared: The folder that ``prepare`` filled.
        job: The folder with job.json, which goes to standard input, and seen/given.json.
        limits: What it may take.
        stop: Once set, the run ends.
        hidden: Folders that must not be seen.
        no_sandbox: Run it bare. Then nothing protects this machine or the other students.
    """
    if not no_sandbox:
        return _watch(command(prepared, job, limits, hidden=hidden), {}, None, job, limits, stop)
    bare = [_executable(), "-P", "-s", str(prepared / "course/coursekit/homework/runner.py")]
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
        environment = {**os.environ, **_environment(prepared / "course", prepared / "cache", job / "seen", home)}
        environment["MPLCONFIGDIR"] = str(prepared / "matplotlib")
        return _watch(bare, environment, home, job, limits, stop)


def _environment(course: Path, cache: Path, job: Path, home: str) -> dict[str, str]:
    return {
        "PATH": os.pathsep.join([str(Path(sys.prefix, "bin")), "/usr/bin", "/bin"]),
        "HOME": home,
        "USER": "student",
        "LOGNAME": "student",
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "PYTHONPATH": str(course),
        "PYTHONDONTWRITEBYTECODE": "1",
        "COURSEKIT_CACHE": str(cache),
        "COURSEKIT_SANDBOX": str(job),
        "MPLBACKEND": "agg",
        "MPLCONFIGDIR": "/matplotlib",
        "IPYTHONDIR": str(Path(home, ".ipython")),
        "PIP_NO_INDEX": "1",  # so that `!pip install` fails at once, instead of trying for half a minute
    }


def _mounts(prepared: Path, job: Path, limits: Limits, hidden: Iterable[Path]) -> dict[Path, list[str]]:
    """Return {path in the sandbox: bubblewrap's arguments before it}."""
    writable = ["--perms", "1777", "--size", str(limits.disk), "--tmpfs"]
    mounts = {
        Path("/proc"): ["--proc"],
        Path("/dev"): ["--dev"],
        Path("/dev/shm"): ["--perms", "1777", "--size", str(16 << 20), "--tmpfs"],
        Path("/tmp"): writable,
        Path(_HOME): writable,
        Path("/job"): ["--ro-bind", str(job / "seen")],
    }
    for name in ("course", "cache", "matplotlib"):
        mounts[Path("/", name)] = ["--ro-bind", str(prepared / name)]
    for name in (*_SYSTEM, *_SETTINGS):
        path = Path(name)
        if path.is_symlink():  # /bin is /usr/bin today
            mounts[path] = ["--symlink", os.readlink(path)]
        elif path.exists():
            mounts[path] = ["--ro-bind", name]
    for prefix in {sys.prefix, sys.base_prefix}:
        for path in {Path(prefix), Path(prefix).resolve()}:
            if not any(path.is_relative_to(system) for system in _SYSTEM):
                mounts[path] = ["--ro-bind", str(path.resolve())]
    # The package as it is installed has the answers in it; so has a checkout around it.
    package = Path(__file__).resolve().parents[1]
    checkout = [package.parent] if (package.parent / "pyproject.toml").exists() else []
    bound = [path for path, arguments in mounts.items() if arguments[0] == "--ro-bind"]
    for path in {package, *checkout, *(Path(folder).resolve() for folder in hidden)}:
        if path.is_dir() and any(path.is_relative_to(seen) for seen in bound):
            mounts[path] = ["--size", "4096", "--perms", "0555", "--tmpfs"]
    return mounts


def _executable() -> str:
    return str(Path(sys.prefix, "bin", "python")) if sys.platform == "linux" else sys.executable


def _watch(
    arguments: list[str], environment: dict, folder: str | None, job: Path, limits: Limits, stop: threading.Event
) -> Run:
    run, start = Run(), time.monotonic()
    with open(job / "job.json", "rb") as content:
        process = subprocess.Popen(
            arguments,
            env=environment,
            cwd=folder,
            stdin=content,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is the grader's
        )
    lines: queue.Queue[bytes | None] = queue.Queue()
    noise: list[bytes] = []
    readers = [
        threading.Thread(target=_read_lines, args=(process.stdout, lines, limits.output), daemon=True),
        threading.Thread(target=_read_beginning, args=(process.stderr, noise), daemon=True),
    ]
    for reader in readers:
        reader.start()
    try:
        run.ended = _follow(run, process, lines, limits, stop, start)
    finally:
        _kill(process)
        for reader in readers:
            reader.join(timeout=5)
    if noise:
        run.says = answers.clean(noise[0].decode(errors="replace").strip().partition("\n")[0])
    run.seconds = time.monotonic() - start
    return run


def _follow(
    run: Run, process: subprocess.Popen, lines: queue.Queue, limits: Limits, stop: threading.Event, start: float
) -> str:
    """Read messages until the end, and return what ended it."""
    deadline, next_look = start + _START, start
    while True:
        now = time.monotonic()
        if stop.is_set():
            return "stopped"
        if now > start + limits.whole_seconds:
            return "whole time"
        if now > deadline:
            return "cell time"
        if now > next_look:
            if all(_memory(process, of) > limits.memory for of in (_touched, _share)):
                return "memory"
            next_look = now + 0.25
        try:
            line = lines.get(timeout=0.1)
        except queue.Empty:
            continue
        if line is None:
            return "died"
        if line == b"":
            return "output"
        try:
            message = answers.read_message(line)
        except answers.RefusedError as refused:
            if len(run.refused) < 10:
                run.refused.append(str(refused))
            continue
        if message.get("done") is True:
            return "done"
        begins, ends, exercise = message.get("begin"), message.get("end"), message.get("exercise")
        if message.get("ready") is True:
            run.is_ready = True
        elif type(begins) is int:
            run.at, deadline = begins, now + limits.cell_seconds + _GRACE
        elif type(begins) is str:
            run.at, deadline = begins, now + MOST_CASES * limits.case_seconds + _GRACE
        elif type(ends) is int and message.get("error") is not None and len(run.errors) < 1000:
            run.errors[ends] = answers.clean(message["error"])
        elif type(exercise) is str and len(run.answers) < 100:
            # What was there once and is gone at the end, as after %reset, counts as it was.
            run.answers[exercise] = run.answers.get(exercise, message) if "missing" in message else message


def _read_lines(stream: BinaryIO, lines: queue.Queue, most: int) -> None:
    """Put lines into the queue, b"" once there is too much, None at the end. What is too much is not kept."""
    total, rest = 0, []
    with stream:
        while chunk := stream.read1(1 << 16):
            total += len(chunk)
            if total > most:
                lines.put(b"")
                return
            *whole, last = chunk.split(b"\n")
            for part in whole:
                lines.put(b"".join([*rest, part]) or b" ")
                rest = []
            rest.append(last)
    lines.put(None)


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


def _memory(process: subprocess.Popen, of: Callable[[psutil.Process], int]) -> int:
    total = 0
    for one in _family(process):
        try:
            total += of(one)
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


def _kill(process: subprocess.Popen) -> None:
    """End it with all its descendants: those in a sandbox die with its first process, the bare ones one by one."""
    for one in reversed(_family(process)):
        try:
            one.kill()
        except psutil.Error:
            continue
    process.kill()
    process.wait()
