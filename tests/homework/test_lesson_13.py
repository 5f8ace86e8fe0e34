"""Lesson 13 from release to feedback: each student has six networks of their own, which a person grades by their seed.

What stands before the exercises takes minutes to run, and nothing in them needs it: it is left out here.
"""

import csv
import importlib.util

import nbformat
import pytest

from coursekit.cli import main
from coursekit.exercises import given, marks, notebooks
from coursekit.exercises.catalogue import find
from coursekit.homework.release import variation
from coursekit.techniques.patients import _prepared as prepared, kinds_of
from tests.homework.test_end_to_end import needs_sandbox  # noqa: F401, a fixture
from tests.homework.test_gradebook import words

pytestmark = pytest.mark.skipif(importlib.util.find_spec("nbgrader") is None, reason="nbgrader is not installed.")

NAME = "13_debugging_a_network.ipynb"
IDS = ["13.not-reached", "13.unusual", "13.corner"]
SECRET = "5" * 64
SEED_CELL = 'given("13.ward", variation)'
STUDENTS = ["ann", "ben", "cara", "dan"]
TEXT = "A is healthy: 48 % of its test digits have a test digit as neighbour."


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A released assignment of the real exercises of the lesson, whose secret is known."""
    lesson = nbformat.read(notebooks.lesson_file("13"), as_version=4)
    begin = next(i for i, cell in enumerate(lesson.cells) if cell.source.startswith("## Exercises"))
    lesson.cells = [nbformat.v4.new_code_cell("import numpy as np", id="imports"), *lesson.cells[begin:]]
    place = tmp_path_factory.mktemp("class")
    (place / "lessons").mkdir()
    nbformat.write(lesson, place / "lessons" / NAME)
    (place / "students.txt").write_text("\n".join(STUDENTS))
    (place / "course").mkdir()
    (place / "course" / "secret.txt").write_text(SECRET)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(notebooks, "lessons_folder", lambda: place / "lessons")
        asked = ["release", "13", "--to", str(place / "course"), "--students", str(place / "students.txt")]
        assert main(["homework", *asked]) == 0
        yield place / "course"


def released(course, student):
    return nbformat.read(course / "release" / "13" / student / NAME, as_version=4)


def seed_of(course, student):
    """Return the seed that a student sees above the exercises."""
    (token,) = {token for cell in released(course, student).cells for token in marks.variations(cell.source)}
    return given("13.ward", token)["seed"]


def test_each_student_has_six_networks_of_their_own(course):
    seeds = [seed_of(course, student) for student in STUDENTS]
    assert seeds == [given("13.ward", variation(SECRET, student))["seed"] for student in STUDENTS]
    assert len(set(seeds)) == len(STUDENTS)
    assert given("13.ward", None)["seed"] not in seeds  # the lesson's own
    assert len({tuple(kinds_of(seed).values()) for seed in seeds}) > 1
    truths = []
    for seed in seeds:
        of = {kind: 10 * seed + i for i, kind in enumerate(kinds_of(seed).values())}
        mark, scale = (prepared(kind, of[kind])[-1] for kind in ("watermark", "another scale"))
        truths.append((mark["digit"], mark["corner"], scale["scale"]))
    assert len(set(truths)) > 1
    training = [prepared("healthy", 10 * seed)[0] for seed in seeds]
    assert all((one != training[0]).any() for one in training[1:])


def test_it_is_graded_and_a_person_reads_the_diagnosis(needs_sandbox, course):  # noqa: F811
    right = {name: find(name).solution for name in IDS}
    dead = right[IDS[0]].replace("in_training & ~in_test", "~in_test")
    handed_in = course.parent / "handed-in"
    for student, answers, text in (("ann", right, TEXT), ("ben", {**right, IDS[0]: dead}, ""), ("cara", {}, "")):
        notebook = released(course, student)
        for cell in notebook.cells:
            for name, answer in answers.items():
                if cell.source.startswith(f"# exercise {name}\n"):
                    cell.source = f"# exercise {name}\n{answer}"
            if cell.source.endswith(SEED_CELL):  # as it is saved after it was run
                shown = {"text/plain": str({"seed": seed_of(course, student)})}
                cell.outputs = [nbformat.v4.new_output("execute_result", data=shown, execution_count=1)]
            if text and "<!-- exercise 13.ward" in cell.source:
                cell.source = cell.source.replace(marks.TEXT_STUB, text)
        (handed_in / student).mkdir(parents=True)
        nbformat.write(notebook, handed_in / student / NAME)
    assert main(["homework", "grade", str(handed_in), "--to", str(course)]) == 0
    with (course / "grades.csv").open(newline="") as file:
        rows = {row["student"]: row for row in csv.DictReader(file)}
    points = {student: [row[name] for name in (*IDS, "13.ward", "total", "max")] for student, row in rows.items()}
    most = [str(find(name).points) for name in IDS]
    whole = sum(map(int, most))
    assert points["ann"] == [*most, "", str(whole), str(whole + 6)]
    assert points["ben"] == ["0", *most[1:], "0", str(whole - int(most[0])), str(whole + 6)]
    assert points["cara"] == ["0", "0", "0", "0", "0", str(whole + 6)]
    assert rows["ann"]["to_read"] == "13.ward"
    pages = {student: words((course / "feedback" / f"{student}.html").read_text()) for student in points}
    assert TEXT in pages["ann"]
    assert "dead, not only not reached" in pages["ben"]  # the mistake is named
    assert "There is no answer yet" in pages["cara"]
    graded = nbformat.read(course / "autograded" / "ann" / "13" / NAME, as_version=4)
    (output,) = next(cell for cell in graded.cells if cell.source.endswith(SEED_CELL)).outputs
    assert output.text == f"{{'seed': {seed_of(course, 'ann')}}}"  # by which a person looks the right answer up
