"""A class from release to exported grades, as an instructor does it: with the command, the sandbox and nbgrader."""

import csv
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from coursekit.cli import main, parse
from coursekit.exercises import given, marks, notebooks
from coursekit.exercises.catalogue import find
from coursekit.homework import gradebook, sandbox
from coursekit.homework.release import read_secret, variation
from tests.homework.small_lesson import LOADING, cell, write_small_lesson
from tests.homework.test_gradebook import grade_by_hand, words

pytestmark = pytest.mark.skipif(importlib.util.find_spec("nbgrader") is None, reason="nbgrader is not installed.")

NAME = "01_small.ipynb"
IDS = ["01.strongest-channel", "01.by-hand", "01.one-scale", "01.evidence"]
STUDENTS = ["perfect", "partly", "wrong", "empty", "late", "writer"]
TEXT = "I would cover the mouth in many photos,\nand cheeks as a control. <b>Sure.</b>"
SOLUTIONS = {
    "strongest": LOADING + find(IDS[0]).solution,
    "by-hand": find(IDS[1]).solution,
    "one-scale": find(IDS[2]).solution,
}
# Each a usual mistake, or an unusual one.
MISTAKES = {
    "strongest": SOLUTIONS["strongest"] + " + 1",
    "by-hand": SOLUTIONS["by-hand"].replace("np.maximum(values, 0)", "values"),
    "one-scale": "def one_scale(layer):\n    return layer.no_such_thing",
}


def nbgrader(*arguments: str, cwd: Path) -> subprocess.CompletedProcess:
    environment = {**os.environ, "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])}
    environment["PYTHONPATH"] = str(Path(__file__).parents[2])
    command = [sys.executable, "-m", "nbgrader", *arguments]
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=300)


def fill_in(released: Path, target: Path, answers: dict[str, str], text: str = "") -> Path:
    """Write answers where a student would, and save the notebook elsewhere."""
    notebook = nbformat.read(released, as_version=4)
    for name, answer in answers.items():
        marker = cell(notebook, name).source.partition("\n")[0]
        cell(notebook, name).source = f"{marker}\n{answer}"
    if text:
        evidence = cell(notebook, "evidence")
        evidence.source = evidence.source.replace(marks.TEXT_STUB, text)
    target.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, target)
    return target


@pytest.fixture(scope="module")
def needs_sandbox():
    try:
        sandbox.check()
    except sandbox.SandboxMissing as missing:
        if os.environ.get("COURSEKIT_REQUIRE_SANDBOX") == "1":
            pytest.fail(str(missing))
        pytest.skip(str(missing))


@pytest.fixture(scope="module")
def lessons(tmp_path_factory):
    folder = write_small_lesson(tmp_path_factory.mktemp("course") / "lessons")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(notebooks, "lessons_folder", lambda: folder)
        yield folder


@pytest.fixture(scope="module")
def course(lessons, tmp_path_factory):
    """A released assignment."""
    to = tmp_path_factory.mktemp("class") / "course"
    students = to.parent / "class.txt"
    students.write_text("\n".join(STUDENTS))
    assert main(["homework", "release", "01", "--to", str(to), "--students", str(students)]) == 0
    return to


@pytest.fixture(scope="module")
def graded(needs_sandbox, course):
    """The same, with six kinds of submissions graded; and the exit code."""
    inbox = course.parent / "inbox"

    def hand_in(student: str, answers: dict[str, str], text: str = "", name: str = NAME) -> Path:
        return fill_in(course / "release" / "01" / student / NAME, inbox / student / name, answers, text)

    hand_in("perfect", SOLUTIONS, TEXT)
    hand_in("partly", {"strongest": SOLUTIONS["strongest"], "by-hand": MISTAKES["by-hand"]})
    hand_in("wrong", MISTAKES)
    hand_in("empty", {})
    early = hand_in("late", {})
    late = {name: SOLUTIONS[name] for name in ("by-hand", "one-scale")}
    hand_in("late", late, name="01_small-1.ipynb")  # Canvas's name for the second version
    os.utime(early, (1_700_000_000, 1_700_000_000))
    hand_in("writer", {}, TEXT)
    code = main(["homework", "grade", str(inbox), "--to", str(course), "--jobs", "2"])
    return inbox, code


def table(course: Path) -> dict[str, dict[str, str]]:
    with (course / "grades.csv").open(newline="") as file:
        return {row.pop("student"): row for row in csv.DictReader(file)}


def test_everybody_gets_what_is_right(course, graded):
    assert graded[1] == 0
    grades = table(course)
    assert {student: [row[i] for i in [*IDS, "total", "max"]] for student, row in grades.items()} == {
        "perfect": ["2", "3", "2", "", "7", "10"],
        "partly": ["2", "0", "0", "0", "2", "10"],
        "wrong": ["0", "0", "0", "0", "0", "10"],
        "empty": ["0", "0", "0", "0", "0", "10"],
        "late": ["0", "3", "2", "0", "5", "10"],
        "writer": ["0", "0", "0", "", "0", "10"],
    }
    assert {row["status"] for row in grades.values()} == {"graded"}
    assert {student for student, row in grades.items() if row["to_read"] == "01.evidence"} == {"perfect", "writer"}


def test_the_cases_varied(course):
    secret = read_secret(course / "secret.txt")
    cases = [given(IDS[0], variation(secret, student)) for student in STUDENTS]
    assert len({json.dumps(case) for case in cases}) > 1


def test_feedback_explains(course, graded):
    def page(student):
        return words((course / "feedback" / f"{student}.html").read_text())

    assert "counted from 1" in page("wrong")
    assert "forgot the ReLU" in page("partly")
    assert "AttributeError" in page("wrong")
    assert "There is no answer yet" in page("empty")
    assert re.sub(r"\s+", " ", TEXT) in page("writer")
    assert "Together7 of 10" in page("perfect")
    assert (course / "feedback" / "late" / "01" / "01_small.html").is_file()


def test_nbgrader_exports_the_same_totals(course, graded):
    done = nbgrader("export", "--to", "exported.csv", cwd=course)
    assert done.returncode == 0, done.stderr
    with (course / "exported.csv").open(newline="") as file:
        exported = {row["student_id"]: (float(row["score"]), float(row["max_score"])) for row in csv.DictReader(file)}
    assert exported == {student: (float(row["total"]), float(row["max"])) for student, row in table(course).items()}
    assert len(exported) == 6


def test_nothing_is_graded_twice_and_a_person_s_points_stay(course, graded, capsys):
    inbox, _ = graded
    before = {file: file.stat().st_mtime_ns for file in (course / "results" / "01").iterdir()}
    grade_by_hand(course, "writer", "01.evidence", 2, "Which photos?")
    assert main(["homework", "grade", str(inbox), "--to", str(course)]) == 0
    assert {file: file.stat().st_mtime_ns for file in (course / "results" / "01").iterdir()} == before
    assert [table(course)["writer"][i] for i in ("01.evidence", "total", "to_read")] == ["2", "2", ""]
    assert "Which photos?" in words((course / "feedback" / "writer.html").read_text())
    assert "6 graded, 0 not; in 1 there is something for a person to read." in capsys.readouterr().out


def test_a_broken_file_is_listed_and_costs_nobody_anything(course, graded, capsys):
    inbox, _ = graded
    before = table(course)
    (inbox / "broken").mkdir()
    (inbox / "broken" / NAME).write_text("half a note")
    try:
        assert main(["homework", "grade", str(inbox), "--to", str(course)]) == 1
    finally:
        shutil.rmtree(inbox / "broken")
    assert "NOT GRADED: The file is not a notebook" in capsys.readouterr().out
    grades = table(course)
    assert (grades["broken"]["total"], grades["broken"]["status"]) == ("", "ungraded")
    assert {student: grades[student] for student in before} == before
    assert gradebook.scores("01", course)["broken"]["01.by-hand"].points is None


def test_somebody_else_s_notebook_is_noticed(needs_sandbox, course, tmp_path, capsys):
    fill_in(course / "release" / "01" / "empty" / NAME, tmp_path / "in" / "perfect" / NAME, {})
    (course.parent / "copy").mkdir()
    for name in ("secret.txt", "release"):
        source, target = course / name, course.parent / "copy" / name
        shutil.copytree(source, target) if source.is_dir() else shutil.copy(source, target)
    assert main(["homework", "grade", str(tmp_path / "in"), "--to", str(course.parent / "copy")]) == 0
    assert 'Look at perfect ("perfect/01_small.ipynb"): it has the variation of empty.' in capsys.readouterr().err


def test_without_the_secret_it_is_refused(course, tmp_path, capsys):
    fill_in(course / "release" / "01" / "empty" / NAME, tmp_path / "in" / "empty" / NAME, {})
    assert main(["homework", "grade", str(tmp_path / "in"), "--to", str(tmp_path / "other")]) == 1
    assert (
        "NOT GRADED: The notebook has a variation of its own, but there is no class secret" in capsys.readouterr().out
    )
    assert table(tmp_path / "other")["empty"]["total"] == ""
    shutil.copytree(course / "release", tmp_path / "third" / "release")
    assert main(["homework", "grade", str(tmp_path / "in"), "--to", str(tmp_path / "third")]) == 2
    assert "Lesson 01 was released with a variation for each student, but there is no" in capsys.readouterr().err
    assert not (tmp_path / "third" / "grades.csv").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["grade", "nowhere", "--to", "out"], "no submissions at nowhere"),
        (["release", "7", "--to", "out"], "no exercises for lesson '7'"),
        (["release", "01", "--to", "out", "--students", "nobody.txt"], "nobody.txt"),
        (["grade", ".", "--to", "out", "--secret-file", "none.txt"], "none.txt"),
    ],
)
def test_errors_are_one_line_and_exit_code_2(arguments, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["homework", *arguments]) == 2
    printed = capsys.readouterr().err
    assert printed.startswith("coursekit homework: ")
    assert message in printed
    assert "Traceback" not in printed


def test_without_nbgrader_it_says_how_to_get_it(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert main(["homework", "release", "01", "--to", str(tmp_path)]) == 2
    assert 'pip install "inside-convnet[homework]"' in capsys.readouterr().err


def test_nbgrader_validates_the_solved_and_the_unsolved(course, tmp_path):
    """Solved it is clean. Unsolved, nothing is wrong with its metadata: only answers are missing."""
    released = course / "release" / "01" / "perfect" / NAME
    validate = ("validate", "--Execute.timeout=300", "--Execute.iopub_timeout=60")  # where many tests share few cores
    done = nbgrader(*validate, str(fill_in(released, tmp_path / "solved.ipynb", SOLUTIONS, TEXT)), cwd=tmp_path)
    assert "Success! Your notebook passes all the tests." in done.stdout, done.stdout + done.stderr
    done = nbgrader(*validate, str(fill_in(released, tmp_path / "unsolved.ipynb", {})), cwd=tmp_path)
    assert "HAVE CHANGED" not in done.stdout + done.stderr
    assert done.returncode == 0, done.stderr


def test_the_commands_of_the_chapter_are_the_command_s():
    chapter = (Path(__file__).parents[2] / "docs" / "homework.md").read_text()
    commands = re.findall(r"^coursekit (homework .+)$", chapter, flags=re.MULTILINE)
    assert len(commands) == 3
    for command in commands:
        args, _ = parse(command.split())
        assert (args.step, args.to) == (command.split()[1], Path("course"))
