"""A lesson's cells as nbgrader marks them."""

import nbformat
import pytest
from nbformat.v4 import new_code_cell

from coursekit.exercises import notebooks
from coursekit.exercises.catalogue import LESSONS, lesson
from coursekit.homework.metadata import solution_grade_id, with_metadata
from tests.homework.small_lesson import cell, small_lesson


def test_every_id_of_nbgrader_leads_back_to_its_exercise():
    for exercise in lesson("01").exercises:
        for name in (notebooks.grade_id(exercise.id), solution_grade_id(exercise)):
            bare = new_code_cell("", metadata={"nbgrader": {"grade_id": name}})
            assert notebooks.exercise_id(bare) == exercise.id


def test_the_notebook_itself_stays_as_it_is():
    notebook = small_lesson()
    with_metadata(notebook, lesson("01"))
    assert notebook == small_lesson()


def test_metadata_for_nbgrader():
    notebook = with_metadata(small_lesson(), lesson("01"))
    points = {c.metadata.nbgrader.grade_id: c.metadata.nbgrader.points for c in notebook.cells
              if c.metadata.get("nbgrader", {}).get("grade")}  # fmt: skip
    assert points == {"01-strongest-channel": 2, "01-by-hand": 3, "01-one-scale": 2, "01-evidence": 3}
    marks = {"schema_version": 3, "task": False}
    assert cell(notebook, "by-hand").metadata == {
        "coursekit": {"exercise": "01.by-hand"},
        "nbgrader": {**marks, "grade_id": "01-by-hand_solution", "grade": False, "solution": True, "locked": False},
    }
    assert cell(notebook, "check-by-hand").metadata == {
        "coursekit": {"exercise": "01.by-hand"},
        "nbgrader": {**marks, "grade_id": "01-by-hand", "grade": True, "solution": False, "locked": True, "points": 3},
    }
    assert cell(notebook, "evidence").metadata["nbgrader"] == {
        **marks, "grade_id": "01-evidence", "grade": True, "solution": True, "locked": False, "points": 3
    }  # fmt: skip


@pytest.mark.parametrize(
    ("gone", "message"),
    [
        ("by-hand", r"one code cell marked 01\.by-hand, but it has none"),
        ("check-by-hand", r'begins check\("01\.by-hand", but it has none'),
        ("evidence", r"one markdown cell marked 01\.evidence"),
    ],
)
def test_lesson_without_an_exercise_s_cell_is_an_error(gone, message):
    notebook = small_lesson()
    notebook.cells.remove(cell(notebook, gone))
    with pytest.raises(ValueError, match=message):
        with_metadata(notebook, lesson("01"))


def test_exercise_twice_is_an_error():
    notebook = small_lesson()
    notebook.cells.append(cell(notebook, "by-hand"))
    with pytest.raises(ValueError, match=r"one code cell marked 01\.by-hand, but it has 2"):
        with_metadata(notebook, lesson("01"))


def test_small_lesson_has_the_form_of_the_real_one():
    """What holds for the small notebook holds for the lesson: same exercises, same metadata."""
    real = nbformat.read(notebooks.lesson_file("01"), as_version=4)
    metadata = [
        {c.metadata.nbgrader.grade_id: (c.cell_type, c.metadata) for c in nb.cells if "nbgrader" in c.metadata}
        for nb in (with_metadata(one, lesson("01")) for one in (real, small_lesson()))
    ]
    assert metadata[0] == metadata[1]


@pytest.mark.parametrize("number", LESSONS)
def test_every_lesson_has_the_cells_of_its_exercises(number):
    marked = with_metadata(nbformat.read(notebooks.lesson_file(number), as_version=4), lesson(number))
    points = [c.metadata.nbgrader.points for c in marked.cells if c.metadata.get("nbgrader", {}).get("grade")]
    assert points == [exercise.points for exercise in lesson(number).exercises]
