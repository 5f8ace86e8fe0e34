import ast
import json
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from coursekit.homework import notebooks
from coursekit.homework.exercises import lesson
from tests.homework.small_lesson import cell, small_lesson

ROOT = Path(__file__).parents[2]


def code(*lines: str):
    return new_notebook(cells=[new_code_cell("\n".join(lines), id="one")])


def cut(*lines: str) -> str:
    return notebooks.cut_solutions(code(*lines)).cells[0].source


def test_solutions_are_cut_and_nothing_else():
    before, after = small_lesson(), notebooks.cut_solutions(small_lesson())
    assert cell(after, "by-hand").source == (
        "# exercise 01.by-hand\n"
        "def by_hand(patch, kernel, bias):\n"
        '    """Compute one point of every channel."""\n'
        "    # YOUR CODE HERE\n"
        "    raise NotImplementedError()"
    )
    assert cell(after, "strongest").source.endswith("variation)\n# YOUR CODE HERE\npass")
    assert cell(after, "evidence").source.endswith("**What would convince you?**\n\n*Your answer here*")
    answers = {"strongest", "by-hand", "one-scale"}
    for old, new in zip(before.cells, after.cells, strict=True):
        if old.id not in answers | {"evidence"}:
            assert new.source == old.source
        if old.cell_type == "code":
            is_bare = old.id in answers or old.id.startswith("check-")
            assert (new.outputs == [], new.execution_count is None) == (is_bare, is_bare)
    nbformat.validate(after)
    for each in after.cells:
        if each.cell_type == "code":
            ast.parse(each.source)


def test_the_notebook_itself_stays_as_it_is():
    notebook = small_lesson()
    notebooks.cut_solutions(notebook)
    notebooks.with_metadata(notebook, lesson("01"))
    assert notebook == small_lesson()


def test_cut_twice_is_cut_once():
    once = notebooks.cut_solutions(small_lesson())
    assert notebooks.cut_solutions(once) == once


def test_regions_are_replaced_at_their_own_indentation():
    lines = ["class A:", "    def f(self):", "        if True:", "            ### BEGIN SOLUTION", "            x = 1"]
    lines += ["", "            return x", "            ### END SOLUTION", "        return 2"]
    assert cut(*lines) == (
        "class A:\n    def f(self):\n        if True:\n            # YOUR CODE HERE\n"
        "            raise NotImplementedError()\n        return 2"
    )


def test_two_regions_in_one_cell():
    source = cut(
        "a = 1", "### BEGIN SOLUTION", "b", "### END SOLUTION", "c", "### BEGIN SOLUTION", "### END SOLUTION\n"
    )
    assert source == "a = 1\n{0}c\n{0}".format("# YOUR CODE HERE\npass\n")


@pytest.mark.parametrize(
    "marker", ["### BEGIN SOLUTION", "###BEGIN SOLUTION", "# begin solution", "### BEGIN  SOLUTION"]
)
def test_sloppy_markers_give_nothing_away(marker):
    assert "secret" not in cut(marker, "secret = 1", marker.replace("BEGIN", "END").replace("begin", "end"))


def test_several_regions_in_markdown_also_inside_a_line():
    text = (
        "Because <!-- BEGIN SOLUTION -->it is so<!-- END SOLUTION -->.\n<!--BEGIN SOLUTION-->\nno\n<!--END SOLUTION-->"
    )
    notebook = new_notebook(cells=[new_markdown_cell(text)])
    assert notebooks.cut_solutions(notebook).cells[0].source == "Because *Your answer here*.\n*Your answer here*"


@pytest.mark.parametrize(
    ("lines", "fault"),
    [
        (["### BEGIN SOLUTION", "x = 1"], "begins a solution that never ends"),
        (["x = 1", "### END SOLUTION"], "ends a solution that never began"),
        (["### BEGIN SOLUTION", "### BEGIN SOLUTION", "### END SOLUTION"], "begins a solution inside a solution"),
        (["### BEGIN SOLUTION", "### END SOLUTION", "### END SOLUTION"], "ends a solution that never began"),
    ],
)
def test_unbalanced_markers_name_the_cell(lines, fault):
    with pytest.raises(ValueError, match=rf"Cell 0 \(one: '{lines[0]}'\) {fault}"):
        notebooks.cut_solutions(code(*lines))


def test_exercise_ids_come_from_metadata_then_marker_then_grade_id():
    marked = new_code_cell("# exercise 01.by-hand\nx = 1")
    assert notebooks.exercise_id(marked) == "01.by-hand"
    marked.metadata["nbgrader"] = {"grade_id": "01-one-scale_solution"}
    assert notebooks.exercise_id(marked) == "01.by-hand"
    marked.source = "x = 1"
    assert notebooks.exercise_id(marked) == "01.one-scale"
    marked.metadata["coursekit"] = {"exercise": "01.evidence"}
    assert notebooks.exercise_id(marked) == "01.evidence"
    assert notebooks.exercise_id(new_markdown_cell("Text\n<!-- exercise 01.evidence -->")) == "01.evidence"
    assert notebooks.exercise_id(new_markdown_cell("# exercise 01.evidence")) is None
    assert notebooks.exercise_id({"cell_type": "code", "source": ["# x\n", "# exercise 01.by-hand\n"]}) == "01.by-hand"


@pytest.mark.parametrize(
    "odd",
    [
        {},
        {"cell_type": ["code"], "source": 3},
        {"cell_type": "code", "source": [1, None], "metadata": []},
        {"cell_type": "code", "source": "", "metadata": {"coursekit": 3, "nbgrader": "x"}},
        {"cell_type": "code", "source": "", "metadata": {"coursekit": {"exercise": ["01.by-hand"]}}},
        {"cell_type": "code", "source": "", "metadata": {"coursekit": {"exercise": "../../x"}}},
        {"cell_type": "code", "source": "", "metadata": {"nbgrader": {"grade_id": {}}}},
    ],
)
def test_odd_cells_have_no_exercise(odd):
    assert notebooks.exercise_id(odd) is None
    assert notebooks.checked_id(odd) is None


def test_every_id_of_nbgrader_leads_back_to_its_exercise():
    for exercise in lesson("01").exercises:
        for name in (notebooks.grade_id(exercise.id), notebooks.solution_grade_id(exercise)):
            bare = new_code_cell("", metadata={"nbgrader": {"grade_id": name}})
            assert notebooks.exercise_id(bare) == exercise.id


def test_metadata_for_nbgrader():
    notebook = notebooks.with_metadata(small_lesson(), lesson("01"))
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
        notebooks.with_metadata(notebook, lesson("01"))


def test_exercise_twice_is_an_error():
    notebook = small_lesson()
    notebook.cells.append(cell(notebook, "by-hand"))
    with pytest.raises(ValueError, match=r"one code cell marked 01\.by-hand, but it has 2"):
        notebooks.with_metadata(notebook, lesson("01"))


def test_files_are_written_whole(tmp_path):
    target = tmp_path / "secret.txt"
    notebooks.write_whole(target, b"1", mode=0o600)
    assert target.stat().st_mode & 0o777 == 0o600
    notebooks.write_whole(target, b"2")
    assert target.read_bytes() == b"2"
    with pytest.raises(TypeError):
        notebooks.write_whole(target, "no bytes")
    assert target.read_bytes() == b"2"
    assert [path.name for path in tmp_path.iterdir()] == ["secret.txt"]


def test_nbgrader_is_not_needed():
    command = "import sys, json, coursekit.homework.notebooks; print(json.dumps(list(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", command], cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in json.loads(done.stdout)}
    assert not loaded & {"nbgrader", "nbconvert", "sqlalchemy", "tensorflow"}


def test_small_lesson_has_the_form_of_the_real_one():
    """What holds for the small notebook holds for the lesson: same exercises, same metadata."""
    real = nbformat.read(notebooks.lesson_file("01"), as_version=4)
    metadata = [
        {c.metadata.nbgrader.grade_id: (c.cell_type, c.metadata) for c in nb.cells if "nbgrader" in c.metadata}
        for nb in (notebooks.with_metadata(one, lesson("01")) for one in (real, small_lesson()))
    ]
    assert metadata[0] == metadata[1]
    assert "SOLUTION" not in "".join(c.source for c in notebooks.cut_solutions(real).cells)
