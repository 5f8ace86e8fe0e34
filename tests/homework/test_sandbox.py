"""The sandbox itself: what is seen in it, what ends it, and what is said where there is none."""

import errno
import os
import shutil
import socket
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import psutil
import pytest

from coursekit.homework import sandbox
from coursekit.homework.sandbox import Ended, Limits, SandboxMissing, bubblewrap
from tests.homework.handed_in import write_job

pytestmark = pytest.mark.usefixtures("needs_sandbox")


def _run(prepared, folder, *sources, **more):
    limits = more.pop("limits", Limits(cell_seconds=30, whole_seconds=120))
    return sandbox.run(
        prepared, write_job(folder / "job", *sources), limits, more.pop("stop", threading.Event()), **more
    )


def _answer(run):
    assert run.ended is Ended.DONE, run
    return run.answers["x"]["answers"][0]["value"]


def _python(prepared, folder, code, **more):
    """Run a line of Python in the sandbox and return what it prints."""
    (folder / "seen").mkdir(exist_ok=True)
    command = sandbox.command(prepared, folder, Limits(), ["-c", code], **more)
    return subprocess.run(command, capture_output=True, text=True, check=True, env={}).stdout.strip()


@pytest.mark.parametrize("no_sandbox", [False, True])
def test_a_job_runs_to_its_end(prepared, tmp_path, no_sandbox):
    run = _run(prepared, tmp_path, "a = 2", "1 / 0", "x = 20 * a", no_sandbox=no_sandbox)
    assert _answer(run) == 40
    assert run.errors == {1: "ZeroDivisionError: division by zero"}
    assert (run.is_ready, run.refused, run.says) == (True, [], "")


def test_a_message_about_what_is_not_in_the_job_is_refused(prepared, tmp_path):
    forged = [{"begin": 10**9}, {"begin": "y"}, {"begin": True}, {"end": 7, "error": "forged"}, {"exercise": "z"}]
    code = f"""
        import json, os
        for number in os.listdir("/proc/self/fd"):
            path = f"/proc/self/fd/{{number}}"
            if os.path.exists(path) and os.readlink(path).startswith("pipe"):
                for message in {forged!r}:
                    os.write(int(number), json.dumps(message).encode() + b"\\n")
        os.kill(os.getpid(), 9)
    """
    run = _run(prepared, tmp_path, "a = 2", textwrap.dedent(code))
    assert (run.ended, run.at, run.errors, run.answers) == (Ended.DIED, 1, {}, {})
    assert len(run.refused) == len(forged)


def test_what_is_seen(prepared, tmp_path):
    seen = set(_python(prepared, tmp_path, "import os; print(*os.listdir('/'))").split())
    roots = {Path(prefix).parts[1] for prefix in (sys.prefix, sys.base_prefix)}
    system = {"usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32"}
    assert seen <= {*system, *roots, *("etc", "proc", "dev", "tmp", "home", "job", "course", "cache", "matplotlib")}
    assert set(_python(prepared, tmp_path, "import os; print(*os.listdir('/etc'))").split()) <= {
        *("ld.so.cache", "alternatives", "fonts")
    }
    course = _python(prepared, tmp_path, "import coursekit; print(coursekit.__path__[0])")
    assert course == "/course/coursekit"
    assert (prepared / "course/coursekit/exercises/catalogue.py").is_file()
    assert not list((prepared / "course").rglob("*lesson*"))
    assert not list(prepared.rglob("*.ipynb"))


def test_no_command_line_names_the_grader_s_folders(prepared, tmp_path):
    code = "import glob; print(*(open(p, 'rb').read() for p in glob.glob('/proc/[0-9]*/cmdline')))"
    lines = _python(prepared, tmp_path, code)
    assert "bwrap" in lines  # the first process, whose options are not to be seen
    assert str(prepared) not in lines
    assert str(tmp_path) not in lines


def test_the_environment_is_empty_but_for_a_few(prepared, tmp_path, monkeypatch):
    monkeypatch.setenv("SECRET_OF_THE_HOST", "1")
    names = _python(prepared, tmp_path, "import os; print(*os.environ)").split()
    assert "SECRET_OF_THE_HOST" not in names
    assert set(names) - {"PWD", "LC_CTYPE"} == set(bubblewrap._environment(Path(), Path(), Path(), ""))


def test_hidden_folders_are_empty_even_inside_python(prepared, tmp_path):
    code = f"import os; print(len(os.listdir({sys.prefix + '/bin'!r})))"
    assert int(_python(prepared, tmp_path, code)) > 10
    inside = Path(sys.prefix, "share")
    assert inside.is_dir()
    listing = f"import os; print(os.listdir({str(inside)!r}))"
    assert _python(prepared, tmp_path, listing) != "[]"
    assert _python(prepared, tmp_path, listing, hidden=[inside]) == "[]"


def test_it_is_nobody_without_rights(prepared, tmp_path):
    status = _python(prepared, tmp_path, "print(open('/proc/self/status').read())")
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert int(fields["CapEff"], 16) == int(fields["CapPrm"], 16) == 0
    assert fields["NoNewPrivs"] == "1"
    assert "0" not in fields["Uid"].split()
    assert _python(prepared, tmp_path, "import socket; print(socket.gethostname())") == "sandbox"
    assert _python(prepared, tmp_path, "import socket; print([n for _, n in socket.if_nameindex()])") == "['lo']"


def test_limits_hold(prepared, tmp_path):
    code = "import resource as r; print(*(r.getrlimit(x)[1] for x in (r.RLIMIT_AS, r.RLIMIT_FSIZE, r.RLIMIT_NOFILE)))"
    limits = Limits()
    assert [int(n) for n in _python(prepared, tmp_path, code).split()] == [
        *(limits.address_space, limits.file_size, limits.open_files)
    ]
    size = "import os; s = os.statvfs('.'); print(s.f_frsize * s.f_blocks, os.getcwd())"
    assert _python(prepared, tmp_path, size) == f"{limits.disk} /home/student"


def test_calls_that_get_memory_or_reach_out_are_refused(prepared, tmp_path):
    code = """
        import ctypes, errno, fcntl, socket
        libc, said = ctypes.CDLL(None, use_errno=True), {}
        for name in ("semget", "msgget", "shmget"):
            made = getattr(libc, name)(0, 3, 0o600)
            said[name] = made if made >= 0 else errno.errorcode[ctypes.get_errno()]
        for family in (1, 2, 10, 38, 40):
            try:
                said[family] = socket.socket(family, socket.SOCK_DGRAM).close()
            except OSError as error:
                said[family] = errno.errorcode[error.errno]
        shared = open("/course/coursekit/__init__.py")  # all sandboxes read it
        for name in ("flock", "lockf"):
            try:
                said[name] = getattr(fcntl, name)(shared, fcntl.LOCK_SH)
            except OSError as error:
                said[name] = errno.errorcode[error.errno]
        print(said)
    """
    (tmp_path / "job").mkdir()
    assert _python(prepared, tmp_path / "job", textwrap.dedent(code)) == str(
        {
            **dict.fromkeys(("semget", "msgget", "shmget"), "EPERM"),
            **{1: None, 2: None, 10: _ipv6_here(), 38: "EAFNOSUPPORT", 40: "EAFNOSUPPORT"},
            **{"flock": "ENOSYS", "lockf": "ENOLCK"},
        }
    )


def _ipv6_here():
    try:
        return socket.socket(socket.AF_INET6, socket.SOCK_DGRAM).close()
    except OSError as error:
        return errno.errorcode[error.errno]


def test_it_says_what_is_in_force(monkeypatch):
    says = sandbox.in_force(Limits(whole_seconds=60, files=7))
    beginning = (
        "In the sandbox: no network, 4 GB of memory, 7 files, 60 seconds; calls that get the kernel's memory are "
    )
    assert says.removeprefix(beginning) in (
        "refused; a cgroup around it.",
        "refused; no cgroup, which takes systemd.",
    )
    monkeypatch.setattr("platform.machine", lambda: "riscv64")
    assert "are NOT refused on this kind of processor" in sandbox.in_force(Limits())


def test_files_have_a_limit(prepared, tmp_path):
    makes = "import os, time\nfor i in range({}): os.mkdir(f'/tmp/{{i}}')\ntime.sleep({})\nx = 1"
    limits = Limits(cell_seconds=60, whole_seconds=90, files=3000)
    run = _run(prepared, tmp_path, makes.format(2500, 1.5), limits=limits)
    assert _answer(run) == 1
    run = _run(prepared, tmp_path / "more", makes.format(3100, 50), limits=limits)  # it is stopped long before
    assert (run.ended, run.at) == (Ended.FILES, 0)


def test_a_model_can_be_kept_in_hdf5(prepared, tmp_path):
    """HDF5 locks its files; it has to do without."""
    source = "import h5py\nwith h5py.File('x.h5', 'w') as f: f['a'] = [1.0, 2.0]\nx = int(h5py.File('x.h5')['a'][1])"
    assert _answer(_run(prepared, tmp_path, source)) == 2


@pytest.mark.parametrize("no_sandbox", [False, True])
def test_the_whole_has_a_limit(prepared, tmp_path, no_sandbox):
    start = time.monotonic()
    run = _run(
        prepared,
        tmp_path,
        *["import time; time.sleep(2)"] * 60,
        limits=Limits(whole_seconds=4),
        no_sandbox=no_sandbox,
    )
    assert run.ended is Ended.WHOLE_TIME
    assert time.monotonic() - start < 60


def test_a_run_can_be_stopped(prepared, tmp_path):
    stop = threading.Event()
    threading.Timer(1.0, stop.set).start()
    start = time.monotonic()
    run = _run(prepared, tmp_path, "import time; time.sleep(3600)", stop=stop, limits=Limits())
    assert run.ended is Ended.STOPPED
    assert time.monotonic() - start < 60


def test_a_runner_that_does_not_start_says_why(prepared, tmp_path):
    broken = tmp_path / "broken"
    shutil.copytree(prepared, broken)
    (broken / "course" / "coursekit/homework/sandbox/runner.py").write_text("raise SystemExit('I am broken')")
    tmp_path.chmod(0o755)
    run = _run(broken, tmp_path, "x = 1")
    assert (run.ended, run.is_ready, run.says) == (Ended.DIED, False, "I am broken")


def test_the_sandbox_dies_with_the_grader(prepared, tmp_path):
    job = write_job(tmp_path / "job", "import time; time.sleep(3600)")
    code = f"""
        import threading
        from pathlib import Path
        from coursekit.homework import sandbox
        sandbox.run(Path({str(prepared)!r}), Path({str(job)!r}), sandbox.Limits(), threading.Event())
    """
    grader = subprocess.Popen([sys.executable, "-c", textwrap.dedent(code)])
    try:
        family = _wait_for(
            lambda: [p for p in psutil.Process(grader.pid).children(recursive=True) if "runner" in _line(p)]
        )
    finally:
        grader.kill()
        grader.wait()
    assert _wait_for(lambda: not any(p.is_running() and p.status() != psutil.STATUS_ZOMBIE for p in family))


def _line(process):
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def _wait_for(condition, seconds=120):
    deadline = time.monotonic() + seconds
    while not (found := condition()) and time.monotonic() < deadline:
        time.sleep(0.1)
    return found


def test_without_bubblewrap_it_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(
        SandboxMissing, match=r"bwrap and prlimit and setpriv cannot be found.*apt-get install bubblewrap"
    ):
        sandbox.check()


def test_where_the_system_forbids_it_it_says_so(tmp_path, monkeypatch):
    forbids = tmp_path / "bwrap"
    forbids.write_text("#!/bin/sh\necho 'bwrap: No permissions to create a new namespace' >&2\nexit 1\n")
    forbids.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    with pytest.raises(SandboxMissing, match=r"No permissions to create a new namespace.*Dockerfile"):
        sandbox.check()
