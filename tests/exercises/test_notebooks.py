import ast
import json
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from coursekit.exercises import notebooks
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
    assert notebook == small_lesson()


def test_cut_twice_is_cut_once():
    once = notebooks.cut_solutions(small_lesson())
    assert notebooks.cut_solutions(once) == once


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


def test_nbgrader_is_not_needed():
    command = "import sys, json, coursekit.exercises.notebooks; print(json.dumps(list(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", command], cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in json.loads(done.stdout)}
    assert not loaded & {"nbgrader", "nbconvert", "sqlalchemy", "tensorflow"}


@pytest.mark.parametrize("path", sorted(notebooks.lessons_folder().glob("*.ipynb")), ids=lambda path: path.stem)
def test_no_lesson_gives_a_solution_away(path):
    cut = notebooks.cut_solutions(nbformat.read(path, as_version=4))
    assert "SOLUTION" not in "".join(one.source for one in cut.cells)
