"""The table of a learner's progress, on the command line and on the start page."""

import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from coursekit import progress
from coursekit.cli import main
from coursekit.learner import start_page
from coursekit.learner.checking import check, hint

ROOT = Path(__file__).parents[2]


def write_notebook(path, text):
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(text)]), path)


@pytest.fixture
def lessons(folder):
    write_notebook(folder / "01_intermediate_activations.ipynb", "# 1 · What does a picture | turn into?\n\nText.")
    write_notebook(folder / "14_another_lesson.ipynb", "No heading here.")
    write_notebook(folder / "scratch.ipynb", "# Mine")
    return folder


def right(layer):
    return (layer - layer.min()) / (layer.max() - layer.min())


def test_nothing_yet(lessons):
    first, second = start_page.summary(lessons, progress.events())
    assert first == (
        "01_intermediate_activations.ipynb",
        "What does a picture | turn into?",
        "",
        (0, 3),
        (0, 3),  # the fourth exercise is a text
        (0, 4),
        0,
        0,
    )
    assert second == ("14_another_lesson.ipynb", "Another lesson", "", None, None, None, 0, 0)


def test_everything_counts_once(lessons):
    for _ in range(2):
        progress.record("predicted", "01.which-part", answer=4, skipped=False)
        progress.record("checked", "01.by-hand", right=True, mistake="")
        progress.record("checked", "01.one-scale", right=False, mistake="")
        progress.record("hinted", "01.one-scale", step=1)
        progress.record("hinted", "01.one-scale", step=2)
        progress.record("solution", "01.by-hand")
    progress.record("predicted", "01.zeros", answer=None, skipped=True)
    progress.record("quiz", "01.quiz.coarse", choice=1)  # right
    progress.record("quiz", "01.quiz.scale", choice=0)
    progress.record("quiz", "01.quiz.scale", choice=2)  # right, but not at first
    progress.record("quiz", "01.quiz.control", choice="x")  # not of ours
    progress.record("checked", "01.no-longer-asked", right=True)
    lesson, _ = start_page.summary(lessons, progress.events())
    assert lesson[3:] == ((1, 3), (1, 3), (1, 4), 2, 1)
    assert re.fullmatch(r"20\d\d-\d\d-\d\d", lesson.opened)


def test_start_page_follows_every_event(lessons):
    check("01.one-scale", lambda layer: layer)
    assert "■" not in (lessons / "start.md").read_text(encoding="utf-8")
    check("01.one-scale", right)
    page = (lessons / "start.md").read_text(encoding="utf-8")
    row = next(line for line in page.splitlines() if line.startswith("| 1"))
    assert "[What does a picture \\| turn into?](01_intermediate_activations.ipynb)" in row
    assert "| ■□□\N{NO-BREAK SPACE}1\N{NO-BREAK SPACE}of\N{NO-BREAK SPACE}3 |" in row
    hint("01.one-scale")
    assert "| 1\N{NO-BREAK SPACE}hint |" in (lessons / "start.md").read_text(encoding="utf-8")
    assert (lessons / "start.md").read_text(encoding="utf-8") != page
    assert {file.name for file in lessons.iterdir()} == {
        *(".coursekit.json", "progress.jsonl", "start.md", "scratch.ipynb"),
        *("01_intermediate_activations.ipynb", "14_another_lesson.ipynb"),
    }


def test_start_page_is_not_written_again_without_need(lessons):
    start_page.write_start_page(lessons)
    os.utime(lessons / "start.md", ns=(0, 0))
    start_page.write_start_page(lessons)
    assert (lessons / "start.md").stat().st_mtime_ns == 0


def test_no_start_page_outside_a_learners_folder(lessons):
    (lessons / ".coursekit.json").unlink()
    check("01.one-scale", right)
    assert not (lessons / "start.md").exists()
    assert (lessons / "progress.jsonl").is_file()


@pytest.mark.skipif(sys.platform != "linux", reason="how root gives up its rights is tried on Linux only")
def test_read_only_folder(lessons):
    code = """
from coursekit.learner.checking import check, hint
assert check("01.one-scale", lambda layer: (layer - layer.min()) / (layer.max() - layer.min())).is_right
print(hint("01.by-hand"))
print(hint("01.by-hand"))
"""
    # Root may write everywhere, unless it gives up the right to.
    as_anyone = ["setpriv", "--bounding-set=-dac_override", "--inh-caps=-all"] if os.geteuid() == 0 else []
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    lessons.chmod(stat.S_IRUSR | stat.S_IXUSR)
    try:
        command = [*as_anyone, sys.executable, "-c", code]
        done = subprocess.run(command, cwd=lessons, env=environment, capture_output=True, text=True)
    finally:
        lessons.chmod(stat.S_IRWXU)
    assert done.returncode == 0, done.stderr
    assert re.findall(r"Hint . of 3", done.stdout) == ["Hint 1 of 3", "Hint 2 of 3"]
    assert "progress.jsonl cannot be written to, so what you do is forgotten when Python ends." in done.stderr
    assert not {"start.md", "progress.jsonl"} & {file.name for file in lessons.iterdir()}


def test_page_that_cannot_be_replaced_is_an_error(lessons):
    (lessons / "start.md").mkdir()
    with pytest.raises(OSError, match=r"start\.md"):
        start_page.write_start_page(lessons)


def test_damaged_lesson_has_its_file_for_a_title(lessons):
    (lessons / "01_intermediate_activations.ipynb").write_text("{")
    assert start_page.summary(lessons, [])[0].title == "Intermediate activations"


def test_command(lessons, capsys):
    check("01.one-scale", right)
    assert main(["progress"]) == 0
    here = capsys.readouterr().out
    lines = here.splitlines()
    assert lines[0].split() == ["Lesson", "Opened", "Predictions", "Exercises", "Quiz", "Help"]
    assert lines[1].startswith("01 What does a picture | turn into?  20")
    assert "■□□ 1 of 3" in lines[1]
    assert lines[2].startswith("14 Another lesson")
    assert lines[1].index("□□□ 0 of 3") == lines[0].index("Predictions")
    assert main(["progress", str(lessons)]) == 0
    assert capsys.readouterr().out == here


def test_command_finds_nothing(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["progress"]) == 1
    assert "There is no folder my-lessons" in capsys.readouterr().err
    assert main(["progress", str(tmp_path)]) == 1
    assert "There are no lessons in" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["progress", "--port=1"])


def test_lab_writes_the_start_page(tmp_path):
    assert main(["lab", str(tmp_path / "mine"), "--copy-only"]) == 0
    page = (tmp_path / "mine" / "start.md").read_text(encoding="utf-8")
    assert "(01_intermediate_activations.ipynb)" in page
    progress_file = tmp_path / "mine" / "progress.jsonl"
    progress_file.write_text('{"kind": "checked", "id": "01.by-hand", "right": true, "at": "2026-01-02T03:04:05"}\n')
    assert main(["lab", str(tmp_path / "mine"), "--copy-only"]) == 0
    assert "■□□" in (tmp_path / "mine" / "start.md").read_text(encoding="utf-8")
