"""Runs a submission where it can do no harm: bubblewrap and prlimit on Linux, in a cgroup where there is one.

In the sandbox there is no network, no other process, and of the file system only what Python needs, read-only: the
system's libraries, this Python, the course's package without its answers, the network's weights and the job itself.
What is written goes to memory, up to a limit. One stream leads out, and it is read as data.
"""

from __future__ import annotations

import compileall
import math
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterable
from pathlib import Path

from coursekit.exercises.cases import SANDBOX_VARIABLE
from coursekit.exercises.wire import clean
from coursekit.homework.sandbox import cgroup, system_calls
from coursekit.homework.sandbox.limits import Limits
from coursekit.homework.sandbox.watching import START_SECONDS, Run, watch
from coursekit.networks.cache import cache_folder

_TOOLS = ("bwrap", "prlimit", "setpriv")
_HOME = "/home/student"
_RUNNER = "coursekit/homework/sandbox/runner.py"
# Without the folder of the right answers, and without the notebooks that an installed package carries.
_LEFT_OUT = ("lessons", "*.ipynb", "__pycache__")
# What programs need of /etc: where libraries lie, and fonts. Nothing that says whose machine this is.
_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
_SETTINGS = ("/etc/ld.so.cache", "/etc/alternatives", "/etc/fonts")
_HOW_TO_GET_IT = (
    "Grading runs what students wrote, so it needs a sandbox: Linux with bubblewrap 0.8 or newer (Debian, Ubuntu: "
    "apt-get install bubblewrap). On macOS, on Windows, and where the system forbids it, use the course's Dockerfile."
)


class SandboxMissing(RuntimeError):
    """There is no sandbox here; the message says how to get one."""


def prepare(folder: Path) -> None:
    """Put what all submissions need into ``folder``: the package without its answers, the weights, a list of fonts.

    Args:
        folder: An empty folder of the grader's.
    """
    package = Path(__file__).resolve().parents[2]
    shutil.copytree(package, folder / "course" / "coursekit", ignore=shutil.ignore_patterns(*_LEFT_OUT))
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
            done = subprocess.run(probe, capture_output=True, text=True, timeout=START_SECONDS, env={})
        except (OSError, subprocess.TimeoutExpired) as error:
            raise SandboxMissing(f"bubblewrap does not work here ({error}). {_HOW_TO_GET_IT}") from error
    if done.stdout != "works\n":
        first = clean(done.stderr.strip().partition("\n")[0]) or f"exit code {done.returncode}"
        raise SandboxMissing(f"bubblewrap does not work here ({first}). {_HOW_TO_GET_IT}")


def in_force(limits: Limits) -> str:
    """Say what stands around a submission on this machine, and what does not."""
    calls = (
        "calls that get the kernel's memory are refused"
        if system_calls.filter_program()
        else "calls that get the kernel's memory are NOT refused on this kind of processor"
    )
    group = "a cgroup around it" if cgroup.is_there() else "no cgroup, which takes systemd"
    return (
        f"In the sandbox: no network, {limits.memory / 2**30:g} GB of memory, {limits.files} files, "
        f"{limits.whole_seconds:g} seconds; {calls}; {group}."
    )


def command(
    prepared: Path, job: Path, limits: Limits, python: Iterable[str] = (), hidden: Iterable[Path] = ()
) -> list[str]:
    """Return the command that runs a job in a sandbox.

    Args:
        prepared: The folder that ``prepare`` filled.
        job: The folder with job.json, which goes to standard input, and seen/given.json. The sandbox's options are
            written into it.
        limits: What it may take.
        python: Python's arguments; left out, the runner with the job.
        hidden: Folders that must not be seen, even if they lie inside what Python needs.
    """
    is_root = os.geteuid() == 0
    has_filter = (prepared / "filter").stat().st_size > 0
    options = [
        *("--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try"),
        *([] if is_root else ["--unshare-user", "--disable-userns"]),
        *(["--seccomp", "9"] if has_filter else []),
        *("--die-with-parent", "--new-session", "--hostname", "sandbox", "--clearenv"),
    ]
    for name, value in _environment(Path("/course"), Path("/cache"), Path("/job"), _HOME).items():
        options += ["--setenv", name, value]
    for path, arguments in sorted(_mounts(prepared, job, limits, hidden).items(), key=lambda item: len(item[0].parts)):
        for parent in reversed(path.parents[:-1]):  # as root, bubblewrap would make them for root only
            options += ["--perms", "0755", "--dir", str(parent)]
        options += [*arguments, str(path)]
    options += ["--remount-ro", "/dev", "--remount-ro", "/", "--chdir", _HOME]
    # bubblewrap reads the filter from an open file, and its options too: its command line can be read in the sandbox,
    # and the grader's folders stand in them. The shell is at hand to open both.
    (job / "options").write_bytes(b"".join(os.fsencode(option) + b"\0" for option in options))
    opened = 'exec 8< "$0"; test -s "$1" && exec 9< "$1"; shift; exec "$@"'
    bwrap = ["sh", "-c", opened, str(job / "options"), str(prepared / "filter")]
    bwrap += [shutil.which("bwrap") or "bwrap", "--args", "8", "--"]
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
    started = [_executable(), "-P", "-s", *(python or [f"/course/{_RUNNER}"])]
    return [*cgroup.around(limits), *bwrap, *prlimit, *(setpriv if is_root else []), *started]


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
        sandbox = command(prepared, job, limits, hidden=hidden)
        return watch(sandbox, {}, None, job, limits, stop, in_cgroup=cgroup.is_there())
    bare = [_executable(), "-P", "-s", str(prepared / "course" / _RUNNER)]
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
        environment = {**os.environ, **_environment(prepared / "course", prepared / "cache", job / "seen", home)}
        environment["MPLCONFIGDIR"] = str(prepared / "matplotlib")
        return watch(bare, environment, home, job, limits, stop)


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
        SANDBOX_VARIABLE: str(job),
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
    package = Path(__file__).resolve().parents[2]
    checkout = [package.parent] if (package.parent / "pyproject.toml").exists() else []
    bound = [path for path, arguments in mounts.items() if arguments[0] == "--ro-bind"]
    for path in {package, *checkout, *(Path(folder).resolve() for folder in hidden)}:
        if path.is_dir() and any(path.is_relative_to(seen) for seen in bound):
            mounts[path] = ["--size", "4096", "--perms", "0555", "--tmpfs"]
    return mounts


def _executable() -> str:
    return str(Path(sys.prefix, "bin", "python")) if sys.platform == "linux" else sys.executable
