import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from coursekit.exercises import given, notebooks
from coursekit.exercises.catalogue import lesson
from coursekit.homework.release import (
    KEPT,
    SAME,
    SECRET,
    UPDATED,
    WRITTEN,
    check_students,
    class_secret,
    read_students,
    release,
    variation,
)
from tests.homework.class_records import new_course
from tests.homework.small_lesson import cell, small_lesson, write_small_lesson

pytestmark = pytest.mark.skipif(importlib.util.find_spec("nbgrader") is None, reason="nbgrader is not installed.")

STUDENTS = ["ana", "Bo Li", "jörg@uni.de"]
NAME = "01_small.ipynb"


@pytest.fixture
def lessons(tmp_path, monkeypatch):
    """A course of one small lesson."""
    folder = write_small_lesson(tmp_path / "lessons")
    monkeypatch.setattr(notebooks, "lessons_folder", lambda: folder)
    return folder


@pytest.fixture
def course(tmp_path):
    return new_course(tmp_path / "course")


def read(path: Path):
    return nbformat.read(path, as_version=4)


def content(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def nbgrader(*arguments: str, cwd: Path) -> subprocess.CompletedProcess:
    environment = {**os.environ, "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])}
    command = [sys.executable, "-m", "nbgrader", *arguments]
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=300)


def test_one_assignment_for_all(lessons, course):
    outcomes = release("01", course)
    assert set(outcomes.values()) == {WRITTEN}
    names = {"nbgrader_config.py", f"source/01/{NAME}", f"release/01/{NAME}", "gradebook.db"}
    names |= {".coursekit-release.json", ".coursekit-lock"}
    assert set(content(course)) == names
    released = read(course / "release" / "01" / NAME)
    nbformat.validate(released)
    assert "BEGIN SOLUTION" not in json.dumps(released)
    assert "return np.maximum" not in json.dumps(released)
    assert "cheeks as a control" not in json.dumps(released)
    assert cell(released, "variation").source == "variation = None"
    assert 'pip install "inside-convnet[cpu]"' in released.cells[0].source
    assert not any(one.outputs for one in released.cells if one.cell_type == "code")
    assert "return np.maximum" in json.dumps(read(course / "source" / "01" / NAME))


def test_released_cells_are_nbgrader_s(lessons, course):
    release("01", course)
    released = read(course / "release" / "01" / NAME)
    for exercise in lesson("01").exercises:
        marks = notebooks.grade_id(exercise.id)
        (graded,) = [c for c in released.cells if c.metadata.get("nbgrader", {}).get("grade_id") == marks]
        assert graded.metadata.nbgrader.points == exercise.points
        assert len(graded.metadata.nbgrader.checksum) == 32
        assert graded.metadata.deletable is False
        assert graded.metadata.get("editable", True) is exercise.is_read_by_a_person
        assert notebooks.exercise_id(graded) == exercise.id


def test_every_student_gets_a_variation(lessons, course):
    release("01", course, STUDENTS)
    secret = (course / SECRET).read_text().strip()
    tokens = {}
    for student in STUDENTS:
        released = read(course / "release" / "01" / student / NAME)
        tokens[student] = re.fullmatch('variation = "([0-9a-f]{64})"', cell(released, "variation").source)[1]
        assert tokens[student] == variation(secret, student)
    assert len(set(tokens.values())) == 3
    cases = [given("01.strongest-channel", token) for token in tokens.values()]
    assert all(set(case) == {"picture", "layer"} for case in cases)


def test_token_is_an_hmac():
    # The example that Wikipedia gives for HMAC-SHA256.
    assert variation("key", "The quick brown fox jumps over the lazy dog") == (
        "f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8"
    )


@pytest.mark.parametrize("students", [(), STUDENTS])
def test_the_secret_is_in_no_other_file(lessons, course, students):
    secret = class_secret(course)
    release("01", course, students)
    assert (course / SECRET).stat().st_mode & 0o777 == 0o600
    holding = [name for name, data in content(course).items() if secret.encode() in data]
    assert holding == [SECRET]


def test_the_secret_is_made_once_and_can_lie_elsewhere(lessons, course, tmp_path):
    first = class_secret(course)
    assert class_secret(course) == first
    elsewhere = tmp_path / "safe" / "class.txt"
    secret = class_secret(course, elsewhere)
    assert secret != first
    before = content(course)
    release("01", course, ["ana"], elsewhere)
    assert variation(secret, "ana") in (course / "release" / "01" / "ana" / NAME).read_text()
    assert before[SECRET] == content(course)[SECRET]
    elsewhere.write_text("abc")
    with pytest.raises(ValueError, match=r"16 characters or more, and has 3"):
        class_secret(course, elsewhere)
    assert elsewhere.read_text() == "abc"


def test_second_release_changes_nothing(lessons, course):
    release("01", course, STUDENTS)
    before = {path: path.stat().st_mtime_ns for path in course.rglob("*") if path.name != "gradebook.db"}
    assert set(release("01", course, STUDENTS).values()) == {SAME}
    assert {path: path.stat().st_mtime_ns for path in course.rglob("*") if path.name != "gradebook.db"} == before


def test_changed_lesson_is_released_anew_but_not_over_the_instructor_s_own(lessons, course):
    release("01", course, STUDENTS)
    mine = course / "release" / "01" / "ana" / NAME
    mine.write_text(mine.read_text().replace("The channel that answers most", "My own words"))
    theirs = mine.read_bytes()
    notebook = small_lesson()
    cell(notebook, "title").source = "# 1 · Another title"
    nbformat.write(notebook, lessons / NAME)
    outcomes = {
        path.relative_to(course).as_posix(): outcome for path, outcome in release("01", course, STUDENTS).items()
    }
    assert outcomes == {
        "nbgrader_config.py": SAME,
        f"source/01/{NAME}": UPDATED,
        f"release/01/ana/{NAME}": KEPT,
        f"release/01/Bo Li/{NAME}": UPDATED,
        f"release/01/jörg@uni.de/{NAME}": UPDATED,
    }
    assert mine.read_bytes() == theirs
    assert "Another title" in (course / "release" / "01" / "Bo Li" / NAME).read_text()


def test_students_from_files(tmp_path):
    lines, table = tmp_path / "class.txt", tmp_path / "class.csv"
    lines.write_text("ana\n\n  Bo Li \n")
    assert read_students(lines) == ["ana", "Bo Li"]
    table.write_text('\ufeffName,Student_ID\n"Ana, A.",ana\n\n"Bo",Bo Li\nshort\n', encoding="utf-8")
    assert read_students(table) == ["ana", "Bo Li"]
    table.write_text("id;name\r\nana;Ana, A.\r\n")
    assert read_students(table) == ["ana"]
    lines.write_bytes(b"\xef\xbb\xbfana\n")
    assert read_students(lines) == ["ana"]
    lines.write_bytes("Jos\u00e9\n".encode("latin-1"))
    with pytest.raises(ValueError, match=rf"{lines.name} is not in UTF-8"):
        read_students(lines)
    table.write_text('student\nana\n"bo\ncy\n')
    with pytest.raises(ValueError, match=rf"{table.name}, line 4, cannot be read as a table"):
        read_students(table)
    table.write_text("name,mail\nAna,a@b\n")
    with pytest.raises(ValueError, match=r"no column 'student'.*'name', 'mail'"):
        read_students(table)
    lines.write_text("\n")
    with pytest.raises(ValueError, match="names no students"):
        read_students(lines)


@pytest.mark.parametrize(
    "student", ["../x", "a/b", "a\\b", ".", "..", ".hidden", "a\0b", "", " a", "a.", "a:b", "x" * 129]
)
def test_ids_that_cannot_name_a_folder(student):
    with pytest.raises(ValueError, match="cannot name a folder"):
        check_students(["ana", student])


def test_ids_that_name_the_same_folder():
    with pytest.raises(ValueError, match="'Ana' and 'ana' would name the same folder"):
        check_students(["Ana", "bo", "ana"])
    assert check_students(["jo\u0308rg"]) == ["j\u00f6rg"]


def test_lesson_without_a_variation_cell(lessons, course):
    notebook = small_lesson()
    cell(notebook, "variation").source = "variation = 3"
    nbformat.write(notebook, lessons / NAME)
    with pytest.raises(ValueError, match=r"one cell `variation = None`, but it has none"):
        release("01", course, ["ana"])


def test_a_lesson_in_which_nothing_varies_is_the_same_for_all(tmp_path):
    """In lessons 03 and 04 functions are asked for, which are tried on hidden cases."""
    for number in ("03", "04"):
        course = new_course(tmp_path / number)
        release(number, course, ["ana", "bo"])
        ana, bo = ((course / "release" / number / student).iterdir() for student in ("ana", "bo"))
        assert next(ana).read_bytes() == next(bo).read_bytes()


def test_unknown_lesson(course):
    with pytest.raises(ValueError, match=r"no exercises for lesson '1'"):
        release("1", course)


def test_nbgrader_s_own_converter_takes_the_source(lessons, course):
    """The source is nbgrader's as well: its own command makes an assignment with the same cells of it."""
    release("01", course)
    ours = read(course / "release" / "01" / NAME)
    done = nbgrader("generate_assignment", "01", "--force", cwd=course)
    assert done.returncode == 0, done.stderr
    theirs = read(course / "release" / "01" / NAME)

    def graded(notebook):
        return {one.metadata.nbgrader.grade_id: (one.metadata.nbgrader.get("points"), one.cell_type)
                for one in notebook.cells if "nbgrader" in one.metadata}  # fmt: skip

    assert graded(theirs) == graded(ours)
    assert "return np.maximum" not in json.dumps(theirs)
