"""The command ``coursekit lab``, and the JupyterLab that it starts."""

import http.client
import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from coursekit.cli import lab, main, parse
from tests.cli.lessons import FIRST, SECOND
from tests.ports import free_port

ROOT = Path(__file__).parents[2]


def coursekit(*arguments: object, cwd: Path) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "coursekit", *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=300)


def test_copy_only_copies_to_my_lessons(tmp_path):
    done = coursekit("lab", "--copy-only", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    lessons = sorted((ROOT / "notebooks").glob("*.ipynb"))
    assert done.stdout.splitlines()[0] == f"Your lessons are in {tmp_path.resolve() / 'my-lessons'}"
    assert done.stdout.splitlines()[1:] == [f"  {lesson.name}: copied" for lesson in lessons]
    assert [path.name for path in sorted((tmp_path / "my-lessons").glob("*.ipynb"))] == [p.name for p in lessons]


def test_errors_are_one_line(tmp_path):
    (tmp_path / "notes").write_text("mine")
    done = coursekit("lab", "notes", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr == "coursekit lab: notes is not a folder. Name a folder for your lessons.\n"


def test_unknown_command_and_help(tmp_path, capsys):
    assert coursekit("labs", cwd=tmp_path).returncode == 2
    assert coursekit("doctor", "--what", cwd=tmp_path).returncode == 2
    with pytest.raises(SystemExit) as stopped:
        main(["lab", "--help"])
    assert stopped.value.code == 0
    assert "What you changed is never overwritten" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "folder", "passed_on"),
    [
        ([], "my-lessons", []),
        (["there"], "there", []),
        (["--port", "8899"], "my-lessons", ["--port", "8899"]),
        (["there", "--no-browser", "--port=8899"], "there", ["--no-browser", "--port=8899"]),
        (["--no-browser", "--copy", "x"], "my-lessons", ["--no-browser", "--copy", "x"]),
        (["there", "--", "--no-browser"], "there", ["--no-browser"]),
        (["--", "--no-browser"], "my-lessons", ["--no-browser"]),
        (["--LabApp.collaborative=True", "-y"], "my-lessons", ["--LabApp.collaborative=True", "-y"]),
    ],
)
def test_what_is_not_ours_goes_to_jupyter(arguments, folder, passed_on):
    args, jupyter = parse(["lab", *arguments])
    assert args.folder == Path(folder)
    assert not args.copy_only
    assert jupyter == passed_on


def answer(folder: Path, id: str, at: str) -> None:
    with (folder / "progress.jsonl").open("a") as file:
        file.write(json.dumps({"at": at, "kind": "predicted", "id": id}) + "\n")


def save(lesson: Path, seconds: float) -> None:
    """Save a notebook as JupyterLab does, so many seconds after the lessons were delivered."""
    lesson.write_bytes(lesson.read_bytes() + b"\n")
    delivered = (lesson.parent / lab.MANIFEST).stat().st_mtime
    os.utime(lesson, (delivered + seconds, delivered + seconds))


def test_where_the_learner_is(source, mine):
    assert lab.last_worked_on(mine) is None
    lab.deliver(source, mine)
    assert lab.last_worked_on(mine) is None  # copied and never opened
    answer(mine, "02.what", "2026-01-02T03:04:05.000+00:00")
    assert lab.last_worked_on(mine) == SECOND
    answer(mine, "01.where", "2026-01-02T03:04:06.000+00:00")
    assert lab.last_worked_on(mine) == FIRST
    answer(mine, "09.not-there", "2026-01-02T03:04:07.000+00:00")
    answer(mine, "02.what", "yesterday")
    assert lab.last_worked_on(mine) == FIRST


def test_where_the_learner_is_who_only_reads(source, mine):
    lab.deliver(source, mine)
    answer(mine, "01.where", "2026-01-02T03:04:05.000+00:00")
    save(mine / SECOND, 60)
    assert lab.last_worked_on(mine) == SECOND
    answer(mine, "01.where", "2099-01-02T03:04:05.000+00:00")
    assert lab.last_worked_on(mine) == FIRST
    (mine / FIRST).unlink()
    assert lab.last_worked_on(mine) == SECOND


def test_lab_opens_where_the_learner_is(tmp_path, monkeypatch):
    opened = []
    monkeypatch.setattr(lab, "open_jupyterlab", lambda folder, lesson, arguments: opened.append(lesson[:2]) or 0)
    for answered, day in (("", 0), ("03.any", 2), ("01.any", 3)):
        if answered:
            answer(tmp_path / "mine", answered, f"2099-01-0{day}T00:00:00+00:00")
        assert main(["lab", str(tmp_path / "mine"), "--show-config"]) == 0
    assert opened == ["01", "03", "01"]
    answer(tmp_path / "mine", "02.any", "2099-01-04T00:00:00+00:00")
    done = coursekit("lab", "mine", "--show-config", cwd=tmp_path)  # JupyterLab says what it would do
    assert re.findall(r"default_url = '/lab/tree/(\d\d)_", done.stdout) == ["02"]


@pytest.mark.skipif(sys.platform != "linux", reason="how root gives up its rights is tried on Linux only")
def test_read_only_folder_is_said(tmp_path):
    (tmp_path / "mine").mkdir()
    as_anyone = ["setpriv", "--bounding-set=-dac_override", "--inh-caps=-all"] if os.geteuid() == 0 else []
    command = [*as_anyone, sys.executable, "-m", "coursekit", "lab", "mine", "--copy-only"]
    said = "cannot be written to. You can read the lessons and run them, but nothing that you do there is kept.\n"
    for mode in (0o755, 0o555):
        (tmp_path / "mine").chmod(mode)
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr
        assert done.stdout.endswith(said) == (mode == 0o555)
    (tmp_path / "mine").chmod(0o755)


def test_copy_only_is_ours():
    args, jupyter = parse(["lab", "there", "--port=1", "--copy-only", "-y"])
    assert (args.folder, args.copy_only, jupyter) == (Path("there"), True, ["--port=1", "-y"])


@pytest.fixture
def running_lab(source, mine):
    """Start JupyterLab as `coursekit lab` does, with a terminal as its input, and wait until it answers."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    lab.deliver(source, mine)
    code = "import sys; from pathlib import Path; from coursekit.cli import lab\n"
    code += "sys.exit(lab.open_jupyterlab(Path(sys.argv[1]), sys.argv[2], sys.argv[3:]))"
    options = ["--no-browser", f"--port={port}", "--ServerApp.port_retries=0", "--IdentityProvider.token=secret"]
    terminal, its_end = os.openpty()
    log = mine.with_name("jupyter.log")
    with log.open("wb") as written:
        process = subprocess.Popen(
            [sys.executable, "-c", code, str(mine), FIRST, *options],
            cwd=ROOT,
            stdin=its_end,
            stdout=written,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    os.close(its_end)
    try:
        for _ in range(1800):
            if process.poll() is not None or answers(url):
                break
            time.sleep(0.1)
        assert answers(url), log.read_text()
        yield process, url, log
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        os.close(terminal)


def get(url: str) -> tuple[str, str]:
    request = urllib.request.Request(url, headers={"Authorization": "token secret"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return answer.url, answer.read().decode()


def answers(url: str) -> bool:
    try:
        return bool(get(url))
    except (OSError, http.client.HTTPException):  # refused, reset, or too slow
        return False


needs_signals = pytest.mark.skipif(os.name != "posix", reason="Windows has no terminals and signals of this kind.")


@needs_signals
def test_jupyterlab_opens_at_the_lesson_without_looking_for_news(running_lab):
    process, url, _ = running_lab
    address, _ = get(url)
    assert address == f"{url}/lab/tree/{FIRST}"
    _, settings = get(f"{url}/lab/api/settings/@jupyterlab/apputils-extension:notification")
    defaults = json.loads(settings)["schema"]["properties"]
    assert (defaults["fetchNews"]["default"], defaults["checkForUpdates"]["default"]) == ("false", False)
    _, listing = get(f"{url}/api/contents/")
    assert sorted(entry["name"] for entry in json.loads(listing)["content"]) == [FIRST, SECOND]
    _, lesson = get(f"{url}/api/contents/{FIRST}")
    cells = json.loads(lesson)["content"]["cells"]
    assert [cell["metadata"].get("trusted") for cell in cells if cell["cell_type"] == "code"] == [True]
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=120) == 0
    assert not answers(url)


@needs_signals
def test_control_c_ends_it_cleanly(running_lab):
    process, url, log = running_lab

    def asked():
        return log.read_text().count("Shut down this Jupyter server (y/[n])?")

    def interrupt():
        """Do as a terminal does: interrupt everything that runs in it. Wait until it ends, or asks."""
        before, end = asked(), time.monotonic() + 120
        os.killpg(process.pid, signal.SIGINT)
        while process.poll() is None and asked() == before and time.monotonic() < end:
            time.sleep(0.1)

    interrupt()
    assert answers(url)  # Jupyter asks first
    assert asked() == 1
    for _ in range(5):  # who lets five seconds pass is asked again
        if process.poll() is None:
            interrupt()
    assert process.wait(timeout=1) == 0
    assert "Traceback" not in log.read_text()
    assert not answers(url)


def test_jupyterlab_s_exit_code_is_returned(mine):
    mine.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", "import sys; from pathlib import Path; from coursekit.cli import lab; "
         "sys.exit(lab.open_jupyterlab(Path(sys.argv[1]), 'x.ipynb', ['--port=not-a-number']))", str(mine)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
    )  # fmt: skip
    assert done.returncode == 1
    assert "not-a-number" in done.stderr
