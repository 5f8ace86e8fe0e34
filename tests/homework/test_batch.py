"""A batch always ends: what goes wrong with one student is that student's reason, in each phase; and one at a time."""

import csv
import errno
import importlib.util
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from coursekit.cli import main
from coursekit.exercises import notebooks
from coursekit.exercises.catalogue import find
from coursekit.homework import choosing, feedback, gradebook, grading, late, tables
from coursekit.homework.alone import BusyError, alone, temporary_folder
from coursekit.homework.grading import Options
from coursekit.homework.record import Record
from coursekit.homework.release import variation
from coursekit.homework.sandbox import Limits
from tests.homework.class_records import POINTS, new_course, record
from tests.homework.handed_in import needs_sandbox, notebook  # noqa: F401
from tests.homework.small_lesson import write_small_lesson

pytestmark = pytest.mark.skipif(importlib.util.find_spec("nbgrader") is None, reason="nbgrader is not installed.")

SOLVED = "# %% start\n# %% solved 01.by-hand\n# %% solved 01.one-scale"
LIMITS = Limits(cell_seconds=60, case_seconds=5, whole_seconds=120)


@pytest.fixture
def small(tmp_path, monkeypatch):
    lessons = write_small_lesson(tmp_path / "lessons")
    monkeypatch.setattr(notebooks, "lessons_folder", lambda: lessons)


@pytest.fixture
def to(tmp_path, small):
    return new_course(tmp_path / "course")


def _hand_in(place, texts):
    for student, text in texts.items():
        (place / student).mkdir(parents=True, exist_ok=True)
        (place / student / "01.ipynb").write_text(json.dumps(notebook(text)))
    return place


def _rows(to):
    with (to / "grades.csv").open(newline="") as file:
        return {(row["student"], row["lesson"]): row for row in csv.DictReader(file)}


@pytest.mark.usefixtures("needs_sandbox")
def test_what_students_write_cannot_hold_up_the_others(tmp_path):
    """Texts that took hours or minutes to read; and cells so many that each was compared with all."""
    many = "\n".join(f"# %%\n# exercise 01.by-hand\n# YOUR CODE HERE\npass\n{'#' * 1000}" for _ in range(1999))
    texts = {
        "newlines": "# %%\n# exercise 01.by-hand\n# YOUR CODE HERE" + "\n" * 150_000 + "by_hand = 1",
        "marks": "# %%\n" + "# exercise 01.by-hand\n" * 100_000,
        "ids": "# %%\n" + "\n".join(f"# exercise 01.by-hand{i}" for i in range(100_000)),
        "dashes": "# %% [markdown]\n<!-- exercise 01.evidence" + "-" * 300_000,
        "many": many,
        "honest": SOLVED,
    }
    records = {one.student: one for one in grading.mark(_hand_in(tmp_path / "in", texts), tmp_path / "out", _options())}
    assert {name: one.reason for name, one in records.items()} == dict.fromkeys(texts, "")
    assert records["honest"].exercises["01.by-hand"].points == 3
    assert sum(one.seconds for one in records.values()) < 100


def _options(**more):
    return Options(limits=LIMITS, **more)


@pytest.mark.usefixtures("needs_sandbox")
def test_what_cannot_be_kept_is_that_student_s_reason(tmp_path):
    place, out = _hand_in(tmp_path / "in", {"ana": SOLVED, "bo": SOLVED}), tmp_path / "out"
    (out / "results" / "01" / "ana.json").mkdir(parents=True)
    records = {one.student: one for one in grading.mark(place, out, _options())}
    assert "IsADirectoryError" in records["ana"].reason
    assert records["bo"].is_graded
    assert (out / "results" / "01" / "bo.json").is_file()


def test_what_cannot_be_entered_is_that_student_s_reason(to):
    ana, bo = record(to, "ana", POINTS), record(to, "bo", POINTS)
    (to / "autograded").mkdir()
    (to / "autograded" / "ana").write_text("a file where a folder has to be")
    written = gradebook.write([bo, ana], to)
    assert [one.student for one in written] == ["bo", "ana"]
    assert written[0] == bo
    assert "could not be entered" in written[1].reason
    rows = _rows(to)
    assert (rows["bo", "01"]["total"], rows["bo", "01"]["status"]) == ("7", "graded")
    assert (rows["ana", "01"]["total"], rows["ana", "01"]["status"]) == ("", "ungraded")
    assert gradebook.scores("01", to)["bo"]["01.by-hand"].points == 3


def test_a_page_that_cannot_be_written_costs_no_other(to):
    records = gradebook.write([record(to, "ana", POINTS), record(to, "bo", POINTS)], to)
    (to / "feedback" / "ana.html").mkdir(parents=True)
    failed = feedback.write(records, to)
    assert list(failed) == ["ana"]
    assert (to / "feedback" / "bo.html").is_file()


def test_a_torn_result_costs_no_other(to, capsys):
    ana = record(to, "ana", POINTS)
    (to / "results" / "01").mkdir()
    (to / "results" / "01" / "bo.json").write_text("{ torn")
    (to / "results" / "cy.json").write_text("[]")
    gradebook.write([ana], to)
    assert list(_rows(to)) == [("ana", "01")]
    assert capsys.readouterr().out.count("holds no record of a grade") == 2


def test_a_full_disk_stops_with_a_sentence_and_loses_nothing(to, monkeypatch, capsys):
    place = _hand_in(to.parent / "in", {"ana": SOLVED})
    (to / "hidden-cases.txt").write_text("0" * 64)
    gradebook.write([record(to, "bo", POINTS)], to)
    before = (to / "grades.csv").read_bytes()

    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(grading, "write_whole", full)
    code = main(["homework", "grade", str(place), "--to", str(to), "--dangerously-without-sandbox"])
    said = capsys.readouterr().err
    assert code == 2
    assert "No space left on device. Nothing that was done is lost" in said
    assert "Traceback" not in said
    assert (to / "grades.csv").read_bytes() == before


def test_a_full_temporary_folder_stops_with_a_sentence_and_loses_nothing(to, monkeypatch, capsys):
    place = _hand_in(to.parent / "in", {"ana": SOLVED, "bo": SOLVED})
    command = ["homework", "grade", str(place), "--to", str(to), "--dangerously-without-sandbox"]
    assert main(command) == 0
    before = {file: file.read_bytes() for file in (to / "results" / "01").iterdir()}

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(grading, "_write_job", full)
    assert main([*command, "--again"]) == 2
    assert "No space left on device. Nothing that was done is lost" in capsys.readouterr().err
    assert {file: file.read_bytes() for file in (to / "results" / "01").iterdir()} == before


@pytest.mark.parametrize("where", ["submissions.take", "submissions.read_apart", "_cases", "_write_job"])
def test_a_fault_of_the_grader_takes_no_grade_away(where, to, monkeypatch, capsys):
    place = _hand_in(to.parent / "in", {"ana": SOLVED})
    command = ["homework", "grade", str(place), "--to", str(to), "--dangerously-without-sandbox"]
    command += ["--lesson", "01"]
    assert main(command) == 0
    before = (to / "grades.csv").read_bytes()

    def fails(*_):
        raise OSError("no more processes")

    monkeypatch.setattr(f"coursekit.homework.grading.{where}", fails)
    assert main([*command, "--again"]) == 0
    assert "ana: not graded anew, and the grade of before stays. The grader failed on it" in capsys.readouterr().out
    assert (to / "grades.csv").read_bytes() == before
    (place / "ana" / "01.ipynb").write_text(json.dumps(notebook(f"{SOLVED}\n# %%\n1")))  # another file
    is_read = where != "submissions.take"  # else nobody knows that it is another one
    assert main(command) == (1 if is_read else 0)
    assert _rows(to)["ana", "01"]["status"] == ("ungraded" if is_read else "graded")


def test_a_file_that_cannot_be_read_takes_the_place_of_the_graded_one(to):
    place = _hand_in(to.parent / "in", {"ana": SOLVED})
    command = ["homework", "grade", str(place), "--to", str(to), "--dangerously-without-sandbox", "--lesson", "01"]
    assert main(command) == 0
    file = place / "ana" / "01.ipynb"
    file.unlink()
    file.symlink_to("elsewhere.ipynb")
    assert main(command) == 1
    assert _rows(to)["ana", "01"]["status"] == "ungraded"


def test_results_without_their_notebooks_are_entered(to, monkeypatch):
    """What is copied from a second machine is easily half of it; and what cannot be entered ends in no traceback."""
    place = _hand_in(to.parent / "in", {"ana": SOLVED})
    command = ["homework", "grade", str(place), "--to", str(to), "--dangerously-without-sandbox"]
    assert main(command) == 0
    copy = to / "notebooks" / "01" / "ana.ipynb"
    content = copy.read_bytes()
    copy.unlink()
    (to / "gradebook.db").unlink()
    monkeypatch.setattr(grading, "_run", None)  # nothing runs twice
    assert main(command) == 0
    assert copy.read_bytes() == content
    assert _rows(to)["ana", "01"]["status"] == "graded"
    (to / "gradebook.db").unlink()
    monkeypatch.setattr(gradebook, "_for_formgrader", None)
    assert main(command) == 1


def test_a_locked_gradebook_stops_with_a_sentence_and_loses_nothing(to, monkeypatch, capsys):
    ana = record(to, "ana", POINTS)
    gradebook.write([ana], to)
    before = (to / "grades.csv").read_bytes()
    monkeypatch.setattr(grading, "mark", lambda *_: iter([ana]))
    other = sqlite3.connect(to / "gradebook.db")
    other.execute("BEGIN EXCLUSIVE")
    try:
        assert main(["homework", "grade", str(to), "--lesson", "01", "--to", str(to)]) == 2
    finally:
        other.close()
    said = capsys.readouterr().err
    assert said.startswith("coursekit homework: The gradebook")
    assert "database is locked" in said
    assert said.count("\n") == 1
    assert (to / "grades.csv").read_bytes() == before
    assert main(["homework", "grade", str(to), "--lesson", "01", "--to", str(to)]) == 0


def test_two_graders_do_not_meet(tmp_path, small, capsys):
    to = tmp_path / "course"
    with alone(to), pytest.raises(BusyError, match="is at work in"), alone(to):
        pytest.fail("two were alone")
    with alone(to):
        assert main(["homework", "grade", str(tmp_path), "--lesson", "01", "--to", str(to)]) == 2
        assert main(["homework", "release", "01", "--to", str(to)]) == 2
    assert capsys.readouterr().err.count("is at work in") == 2
    with alone(to):
        pass


def test_a_grader_that_died_holds_nothing(tmp_path):
    code = f"""
import sys, time
from pathlib import Path
from coursekit.homework.alone import alone
with alone(Path({str(tmp_path)!r})):
    print("held", flush=True)
    time.sleep(3600)
"""
    holder = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(BusyError), alone(tmp_path):
            pass
    finally:
        holder.kill()
        holder.wait()
        holder.stdout.close()
    with alone(tmp_path):
        pass


def test_a_grader_that_was_killed_leaves_nothing_for_long(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    code = """
import time
from coursekit.homework.alone import temporary_folder
with temporary_folder() as folder:
    print(folder, flush=True)
    time.sleep(3600)
"""
    holder = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    folder = Path(holder.stdout.readline().strip())
    others = tmp_path / "coursekit-grading-of-another-program"
    try:
        (folder / "prepared").mkdir()
        others.mkdir()
        for path in (folder, others):
            os.utime(path, (1, 1))  # old
        with temporary_folder() as mine:
            assert folder.is_dir()
            assert mine.parent == tmp_path
    finally:
        holder.kill()
        holder.wait()
        holder.stdout.close()
    assert folder.is_dir()
    with temporary_folder():
        assert not folder.exists()
    assert list(tmp_path.iterdir()) == [others]


# ---- which lesson, and the class


def test_the_lesson_is_the_one_that_was_released(tmp_path):
    place, to = _hand_in(tmp_path / "in", {"ana": SOLVED}), tmp_path / "course"
    assert choosing.which_lesson(place, to) == "01"
    (file,) = place.rglob("*.ipynb")
    file.rename(f"{file}.txt")  # as a browser saves it
    assert choosing.which_lesson(place, to) == "01"
    (to / "release" / "04").mkdir(parents=True)
    assert choosing.which_lesson(place, to) == "04"
    (to / "release" / "01").mkdir()
    assert choosing.which_lesson(place, to) == "01"
    (to / "release" / "01").rename(to / "release" / "05")
    with pytest.raises(ValueError, match=r"Lessons 04, 05 were released .* are of lesson 01\. Say .* --lesson"):
        choosing.which_lesson(place, to)
    _hand_in(place, {"bo": "# %%\n# exercise 04.only-touch\nonly_touch = 1"})
    with pytest.raises(ValueError, match=r"No lesson was released in .* are of lessons 01, 04"):
        choosing.which_lesson(place, tmp_path / "other")
    _hand_in(tmp_path / "empty", {"ana": "# %%\n1"})
    with pytest.raises(ValueError, match="do not say of which lesson they are"):
        choosing.which_lesson(tmp_path / "empty", tmp_path / "other")


@pytest.mark.usefixtures("needs_sandbox")
def test_the_notebook_of_another_lesson_is_refused(tmp_path):
    texts = {"ana": SOLVED, "bo": "# %%\n# exercise 04.only-touch\nonly_touch = 1", "cy": "# %%\n1"}
    records = {one.student: one for one in grading.mark(_hand_in(tmp_path / "in", texts), tmp_path / "out", _options())}
    assert records["bo"].reason == "This is the notebook of lesson 04, and lesson 01 was graded."
    assert records["ana"].is_graded
    assert records["cy"].is_graded  # all cells deleted: that is zero points


def test_the_class_is_listed(tmp_path, capsys, small):
    to = tmp_path / "course"
    (tmp_path / "class.txt").write_text("Ana\nbo\ncy\n")
    assert main(["homework", "release", "01", "--to", str(to), "--students", str(tmp_path / "class.txt")]) == 0
    assert choosing.class_of(to, "01") == ["Ana", "bo", "cy"]
    place = _hand_in(tmp_path / "in", {"ana": "# %%\n1", "eve": "# %%\n1"})
    arguments = ["homework", "grade", str(place), "--to", str(to), "--dangerously-without-sandbox"]
    capsys.readouterr()
    assert main(arguments) == 0
    said = capsys.readouterr()
    assert "Nothing was handed in by 2 of 3: bo, cy" in said.out
    assert 'eve is not in the class ("eve/01.ipynb").' in said.err
    assert {student for student, _ in _rows(to)} == {"Ana", "eve"}
    (tmp_path / "others.txt").write_text("eve\nANA\n")
    assert main([*arguments, "--students", str(tmp_path / "others.txt")]) == 0
    said = capsys.readouterr()
    assert "not in the class" not in said.err


def test_hidden_cases_follow_from_nothing_that_a_student_has(tmp_path):
    """The same token, another secret of the instructor's: the same visible case, other hidden ones."""
    batches = [
        grading._batch(grading.catalogue.lesson("01"), _options(secret=secret), tmp_path, tmp_path, folder, False)
        for secret in ("a secret of this class", "another one of the class")
        if (folder := tmp_path / secret).mkdir() is None
    ]
    token = variation("a secret of this class", "ana")
    home = [grading.case_of(find("01.by-hand"), grading.seed_of(f"{token}/{i}", "01.by-hand")) for i in range(1, 6)]
    mine = [json.dumps(grading.encode_case(case)) for case in grading._cases(batches[0], "ana")["01.by-hand"][1:]]
    assert len(mine) == grading.HIDDEN_CASES
    assert not set(mine) & {json.dumps(grading.encode_case(case)) for case in home}
    again = [json.dumps(grading.encode_case(case)) for case in grading._cases(batches[0], "ana")["01.by-hand"][1:]]
    other = [json.dumps(grading.encode_case(case)) for case in grading._cases(batches[0], "bo")["01.by-hand"][1:]]
    assert again == mine
    assert not set(other) & set(mine)
    assert batches[0].settings("ana") != batches[1].settings("ana")
    old = grading.hashlib.sha256(json.dumps(["01", token]).encode()).hexdigest()[:16]  # as it was before
    assert batches[0].settings("ana") != old


# ---- two lessons in one folder


def test_two_lessons_stand_in_one_table(tmp_path, monkeypatch):
    to = new_course(tmp_path / "course")
    ana = record(to, "ana", POINTS)
    other = Record("ana", "04", "ana.ipynb", reason="The file is not a notebook: it is not JSON.")
    monkeypatch.setattr(gradebook, "register", lambda notebook, *_: notebook)
    assert [row.assignment for row in tables.everything(to, [other])] == ["01", "04"]
    tables.write([ana, other], to)
    rows = _rows(to)
    assert list(rows) == [("ana", "01"), ("ana", "04")]
    header = list(rows["ana", "01"])
    assert header[:2] == ["student", "lesson"]
    assert {"01.by-hand", "04.only-touch", "total", "max", "status", "reason", "to_read"} < set(header)
    assert rows["ana", "04"]["reason"] == other.reason
    assert rows["ana", "01"]["04.only-touch"] == ""
    failed = feedback.write([other], to)
    page = (to / "feedback" / "ana.html").read_text()
    assert failed == {}
    assert [f"Homework {number}</h2>" in page for number in ("01", "04")] == [True, True]
    assert "<h1>Homework ana</h1>" in page.replace("  ", " ")
    assert page.count("<h1>") == 1
    (one,) = (to / "feedback" / "ana" / "04").iterdir()
    assert "<h1>Homework 04, ana</h1>" in one.read_text()
    assert "01-by-hand" in page
    assert "01-by-hand" not in one.read_text()


# ---- late


def test_hours_and_penalties():
    due = late.Due("2026-01-31T23:59:00+01:00", 10.0)

    def hours(time):
        return late.hours(Record("ana", "01", "x", submitted_at=time), due)

    assert hours("2026-01-31T22:59:00+00:00") == 0
    assert hours("2026-01-31T20:00:00+00:00") == 0
    assert hours("2026-02-01T00:29:00+00:00") == 1.5
    assert hours(None) is None
    assert [late.penalty(8, hours, due) for hours in (0, 0.1, 24, 24.1, 300)] == pytest.approx([0, 0.8, 0.8, 1.6, 8])


def test_lateness_stands_in_the_table_and_is_kept(to):
    late.keep(to, "01", "2026-11-20 08:30+00:00", 25)
    late.keep(to, "01", None, None)
    ana = record(to, "ana", POINTS)  # handed in at 09:00 UTC
    bo = record(to, "bo", POINTS, submitted_at="2026-11-20T08:00:00+00:00")
    cy = record(to, "cy", POINTS, submitted_at=None)
    records = gradebook.write([ana, bo, cy], to)
    feedback.write(records, to)
    columns = ("total", "late", "penalty", "total_after_penalty")
    assert {key[0]: [row[name] for name in columns] for key, row in _rows(to).items()} == {
        "ana": ["7", "0.5", "1.75", "5.25"],
        "bo": ["7", "0", "0", "7"],
        "cy": ["7", "", "", "7"],
    }
    page = (to / "feedback" / "ana.html").read_text()
    assert "It was handed in 0.5 hours after it was due. That takes 1.75 points off, so that 5.25 count." in page
    assert "after it was due" not in (to / "feedback" / "bo.html").read_text()
    late.keep(to, "01", "none", None)
    gradebook.write([ana], to)
    assert "late" not in _rows(to)["ana", "01"]


@pytest.mark.parametrize(
    "fields", [{"percent": "10"}, {"percent": True}, {"percent": -1}, {"time": 5}, {"time": "soon"}, {"more": 1}]
)
def test_due_dates_that_are_none(tmp_path, fields):
    content = {"01": {"time": "2026-01-31T23:59:00+01:00", "percent": 10, **fields}}
    (tmp_path / "due.json").write_text(json.dumps(content))
    with pytest.raises(ValueError, match=r"due\.json holds no due dates\. Delete it"):
        late.read(tmp_path)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--due", "tomorrow"], "'tomorrow' is no time. Write it as 2026-01-31 23:59"),
        (["--late-penalty", "10"], "A penalty needs a due date"),
        (["--due", "2026-01-31 23:59", "--late-penalty", "120"], "from 0 to 100 percent"),
        (["--call-seconds", "0"], "--call-seconds must be from 0.001"),
        (["--call-seconds", "nan"], "--call-seconds must be from 0.001"),
        (["--cell-seconds", "1e20"], "--cell-seconds must be from 0.001 to 1000000, not 1e+20"),
        (["--whole-seconds", "1e300"], "--whole-seconds must be from 0.001 to 1000000, not 1e+300"),
        (["--pattern", "("], "no regular expression"),
    ],
)
def test_options_that_are_none(to, capsys, arguments, message):
    place = _hand_in(to.parent / "in", {"ana": SOLVED})
    assert main(["homework", "grade", str(place), "--to", str(to), "--lesson", "01", *arguments]) == 2
    assert message in capsys.readouterr().err


# ---- try


def test_one_notebook_is_shown_and_nothing_is_kept(tmp_path, small, capsys):
    text = f"{SOLVED}\n# %% [markdown]\n<!-- exercise 01.evidence -->\nCover the mouth."
    place = _hand_in(tmp_path / "in", {"ana": text})
    before = sorted(tmp_path.rglob("*"))
    assert main(["homework", "try", str(place / "ana" / "01.ipynb"), "--dangerously-without-sandbox"]) == 0
    said = capsys.readouterr().out
    assert "ana, lesson 01, " in said
    assert "01.by-hand: 3 of 3\n  " in said
    assert "01.strongest-channel: 0 of 2\n  There is no cell for this exercise." in said
    assert "01.evidence: to read" in said
    assert "  | Cover the mouth." in said
    assert sorted(tmp_path.rglob("*")) == before
    assert main(["homework", "try", str(tmp_path / "nothing.ipynb")]) == 2
    _hand_in(place, {"bo": SOLVED})
    assert main(["homework", "try", str(place), "--dangerously-without-sandbox"]) == 2
    assert "more than one student's" in capsys.readouterr().err
