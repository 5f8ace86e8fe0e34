"""The command ``coursekit lab``, and the JupyterLab that it starts."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from coursekit.cli import lab, main, parse
from tests.cli.lessons import FIRST, SECOND

ROOT = Path(__file__).parents[2]


def coursekit(*arguments: object, cwd: Path) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "coursekit", *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=60)


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


def test_copy_only_is_ours():
    args, jupyter = parse(["lab", "there", "--port=1", "--copy-only", "-y"])
    assert (args.folder, args.copy_only, jupyter) == (Path("there"), True, ["--port=1", "-y"])


@pytest.fixture
def running_lab(source, mine):
    """Start JupyterLab as `coursekit lab` does, with a terminal as its input, and wait until it answers."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    lab.deliver(source, mine)
    code = "import sys; from pathlib import Path; from coursekit.cli import lab\n"
    code += "sys.exit(lab.open_jupyterlab(Path(sys.argv[1]), sys.argv[2], sys.argv[3:]))"
    port = url.rpartition(":")[2]
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
        for _ in range(300):
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
    except urllib.error.URLError:
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
    assert process.wait(timeout=30) == 0
    assert not answers(url)


@needs_signals
def test_control_c_ends_it_cleanly(running_lab):
    process, url, log = running_lab
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to everything that runs in it
    for _ in range(100):
        if "Shut down this Jupyter server (y/[n])?" in log.read_text():
            break
        time.sleep(0.1)
    assert answers(url)  # Jupyter asks first
    os.killpg(process.pid, signal.SIGINT)
    assert process.wait(timeout=30) == 0
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
        timeout=60,
    )  # fmt: skip
    assert done.returncode == 1
    assert "not-a-number" in done.stderr
