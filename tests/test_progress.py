"""The learner's record: what is written is read again, by two processes at once and after a crash."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from subprocess import PIPE

import pytest

from coursekit import progress
from tests.learner.events import latest

ROOT = Path(__file__).parents[2]
WRITER = """
import sys
from coursekit import progress
name, count = sys.argv[1], int(sys.argv[2])
for step in range(count):
    assert progress.record("hinted", f"01.{name}", step=step, padding="x" * 2000)
    if step == 0:
        print("started", flush=True)
        sys.stdin.readline()
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A learner's folder, and in it the current one."""
    (tmp_path / progress.MARKER).write_text("{}")
    monkeypatch.delenv(progress.FILE_VARIABLE, raising=False)
    monkeypatch.setattr(progress, "_memory", [])
    monkeypatch.chdir(tmp_path)
    return tmp_path


def start_writer(folder, name, count):
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", WRITER, name, str(count)]
    return subprocess.Popen(command, cwd=folder, env=environment, stdin=PIPE, stdout=PIPE, text=True)


def kinds(events):
    return [(event["kind"], event["id"]) for event in events]


def test_what_is_recorded_is_read_again(folder):
    assert progress.record("checked", "01.by-hand", right=False, mistake="forgot the ReLU")
    assert progress.record("hinted", "01.by-hand", step=1)
    assert progress.record("hinted", "01.by-hand", step=2)
    lines = [json.loads(line) for line in (folder / "progress.jsonl").read_text().splitlines()]
    assert progress.events() == lines
    assert kinds(lines) == [
        ("opened", "01"),
        ("checked", "01.by-hand"),
        ("hinted", "01.by-hand"),
        ("hinted", "01.by-hand"),
    ]
    assert latest("hinted", "01.by-hand")["step"] == 2
    assert latest("checked", "01.by-hand")["mistake"] == "forgot the ReLU"
    assert latest("checked", "01.one-scale") is None
    assert lines[0]["at"].endswith("+00:00")


def test_each_lesson_is_opened_once(folder):
    for id in ("01.a", "02.a", "01.b", "02.b"):
        progress.record("hinted", id, step=1)
    opened = [event["id"] for event in progress.events() if event["kind"] == "opened"]
    assert opened == ["01", "02"]


def test_words_in_any_script_come_back(folder):
    progress.record("predicted", "01.words", answer='Augen 👀 "目"\nund mehr')
    assert latest("predicted", "01.words")["answer"] == 'Augen 👀 "目"\nund mehr'


# ---- where it is kept


def test_found_from_a_folder_inside(folder, monkeypatch):
    inside = folder / "photos" / "mine"
    inside.mkdir(parents=True)
    monkeypatch.chdir(inside)
    assert progress.progress_file() == folder / "progress.jsonl"


def test_current_folder_where_there_is_no_learners_folder(folder):
    (folder / progress.MARKER).unlink()
    assert progress.progress_file() == folder / "progress.jsonl"


def test_checkout_is_left_clean(folder, monkeypatch):
    (folder / progress.MARKER).unlink()
    (folder / "pyproject.toml").write_text('[project]\nname = "inside-convnet"\n')
    (folder / "notebooks").mkdir()
    monkeypatch.chdir(folder / "notebooks")
    assert progress.progress_file() is None
    assert not progress.record("hinted", "01.by-hand", step=1)
    assert latest("hinted", "01.by-hand")["step"] == 1
    assert not list(folder.rglob("progress*"))


def test_another_project_is_no_checkout(folder):
    (folder / progress.MARKER).unlink()
    for text in ('[project]\nname = "mine"\n', "project = 3\n", "not toml ["):
        (folder / "pyproject.toml").write_text(text)
        assert progress.progress_file() == folder / "progress.jsonl"


def test_learners_folder_inside_a_checkout_counts(folder, monkeypatch):
    (folder / "pyproject.toml").write_text('[project]\nname = "inside-convnet"\n')
    assert progress.progress_file() == folder / "progress.jsonl"


def test_variable_names_another_file(folder, monkeypatch):
    monkeypatch.setenv(progress.FILE_VARIABLE, str(folder / "other.jsonl"))
    assert progress.record("hinted", "01.by-hand", step=1)
    assert (folder / "other.jsonl").is_file()
    assert not (folder / "progress.jsonl").exists()


def test_where_nothing_can_be_written_memory_keeps_it(folder):
    (folder / "progress.jsonl").mkdir()  # cannot be opened as a file, by root neither
    assert not progress.record("hinted", "01.by-hand", step=1)
    assert not progress.record("hinted", "01.by-hand", step=2)
    assert kinds(progress.events()) == [("opened", "01"), ("hinted", "01.by-hand"), ("hinted", "01.by-hand")]


@pytest.mark.skipif(sys.platform == "win32", reason="file sizes cannot be limited on Windows")
def test_full_disk_in_the_middle_of_a_line(folder):
    progress.record("hinted", "01.a", step=1)
    size = (folder / "progress.jsonl").stat().st_size
    code = f"""
import resource
from coursekit import progress
resource.setrlimit(resource.RLIMIT_FSIZE, ({size + 20}, {size + 20}))
assert not progress.record("hinted", "01.b", step=2)
assert progress.events()[-1]["step"] == 2
"""
    subprocess.run([sys.executable, "-c", code], cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=True)
    assert (folder / "progress.jsonl").stat().st_size == size + 20
    assert progress.record("hinted", "01.c", step=3)
    assert kinds(progress.events()) == [("opened", "01"), ("hinted", "01.a"), ("hinted", "01.c")]


# ---- damage


@pytest.mark.parametrize("keep", [0, 1, 10, 40, -2, -1])
def test_torn_last_line_costs_itself_only(folder, keep):
    progress.record("hinted", "01.a", step=1)
    whole = (folder / "progress.jsonl").read_bytes()
    progress.record("hinted", "01.b", step=1)
    line = (folder / "progress.jsonl").read_bytes()[len(whole) :]
    (folder / "progress.jsonl").write_bytes(whole + line[:keep])
    progress.record("hinted", "01.c", step=1)
    ids = [event["id"] for event in progress.events() if event["kind"] == "hinted"]
    assert ids == (["01.a", "01.b", "01.c"] if keep == -1 else ["01.a", "01.c"])  # only the line's end was lost


def test_strange_lines_are_skipped(folder):
    progress.record("hinted", "01.a", step=1)
    strange = [b"\xff\xfe\x00", b"[1, 2]", b'"text"', b"{}", b'{"kind": 3, "id": "01.a"}', b"[" * 100_000, b"\0" * 50]
    with open(folder / "progress.jsonl", "ab") as file:
        file.write(b"\n".join(strange) + b"\n")
    progress.record("hinted", "01.b", step=1)
    assert kinds(progress.events()) == [("opened", "01"), ("hinted", "01.a"), ("hinted", "01.b")]


def test_two_processes_at_once_lose_nothing(folder):
    writers = [start_writer(folder, name, 150) for name in ("a", "b")]
    for writer in writers:  # both are there before one goes on
        assert writer.stdout.readline() == "started\n"
    for writer in writers:
        writer.stdin.write("\n")
        writer.stdin.flush()
    assert [writer.wait(300) for writer in writers] == [0, 0]
    for writer in writers:
        writer.communicate()
    events = progress.events()
    for name in ("a", "b"):
        assert [event["step"] for event in events if event["id"] == f"01.{name}"] == list(range(150))
    assert [event["id"] for event in events if event["kind"] == "opened"] == ["01"]
    assert len((folder / "progress.jsonl").read_bytes().splitlines()) == 301
    ids = [event["id"] for event in events]
    assert ids != sorted(ids)  # both were at it


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL on Windows")
def test_killed_while_writing(folder):
    for life in range(5):
        writer = start_writer(folder, f"life{life}", 100_000)
        assert writer.stdout.readline() == "started\n"
        writer.stdin.write("\n")
        writer.stdin.flush()
        time.sleep(0.02 + 0.013 * life)
        writer.send_signal(signal.SIGKILL)
        assert writer.wait(60) == -signal.SIGKILL
        writer.communicate()
        assert progress.record("checked", f"01.after{life}", right=True)  # nobody holds the lock
    events = progress.events()
    for life in range(5):
        steps = [event["step"] for event in events if event["id"] == f"01.life{life}"]
        assert steps == list(range(len(steps)))
        assert len(steps) >= 1
    assert sum(event["kind"] == "checked" for event in events) == 5
