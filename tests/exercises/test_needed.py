"""Which cells an answer needs, worked out by hand, and on the lessons."""

import json

import pytest

from coursekit.exercises import notebooks
from coursekit.exercises.catalogue import LESSONS
from coursekit.exercises.needed import needed_cells

PARTS = ["a = {}", "a['b'] = 1", "a.c.d = 2", "del a['e']"]
CALLS = ["def f():\n    return g()", "def g():\n    return 1"]


def needed(own: list[str], others: list[str]) -> list[str]:
    cells = [{"source": source, "own": True} for source in own] + [{"source": source} for source in others]
    return [cell["source"] for cell in needed_cells(cells)][: -len(others)]


@pytest.mark.parametrize(
    ("own", "other", "expected"),
    [
        (["a = 1", "b = 2"], "x = b", ["b = 2"]),
        (["a = 1", "b = a", "c = b"], "x = c", ["a = 1", "b = a", "c = b"]),
        (["import numpy as np", "import keras"], "x = np.ones(2)", ["import numpy as np"]),
        (["from a import b as c", "b = 1"], "x = c", ["from a import b as c"]),
        (["a = 1"], "a = 2\nx = a", []),
        (["a = 1"], "x = a\na = 2", ["a = 1"]),
        (["a = 1"], "for a in range(3):\n    print(a)", []),
        (["a = 1"], "a += 1", ["a = 1"]),
        (["a = 1"], "def f(x):\n    return a * x", ["a = 1"]),
        (["a = 1"], "def f(a):\n    return [a for b in range(2)]", []),
        (["a = 1"], "x = [a for b in range(2)]", ["a = 1"]),
        (["a = 1"], "x = lambda: [lambda: a]", ["a = 1"]),
        (["a = 1"], "class B:\n    c = a", ["a = 1"]),
        (["a = 1"], "def f():\n    return a\na = 3", []),  # it is called when all stands
        (PARTS, "x = a", PARTS),
        (["a = 1", "%matplotlib inline"], "x = 1", ["%matplotlib inline"]),
        (["a = 1"], "%time x = a", ["a = 1"]),  # not Python to us: all are needed
        (CALLS, "x = f()", CALLS),
        (["print(1)", "a = 1\nprint(a)"], "x = 1", []),
    ],
)  # fmt: skip
def test_what_a_cell_takes(own, other, expected):
    assert needed(own, [other]) == expected


def test_the_order_stays_and_what_is_not_own_always_runs():
    cells = [{"source": "x = 1"}, {"source": "a = 1", "own": True}, {"source": "1 / 0"}, {"source": "a", "own": False}]
    assert needed_cells(cells) == cells


def test_code_that_no_compiler_takes_is_run():
    cells = [{"source": "(" * 300, "own": True}, {"source": "x = \0", "own": True}]
    assert needed_cells(cells) == cells


@pytest.mark.parametrize("number", LESSONS)
def test_few_cells_of_a_lesson_are_needed(number):
    code = [
        {"source": notebooks.cell_source(cell), "own": notebooks.exercise_id(cell) is None}
        for cell in json.loads(notebooks.lesson_file(number).read_bytes())["cells"]
        if cell["cell_type"] == "code"
    ]
    own = [cell for cell in needed_cells(code) if cell["own"]]
    assert 1 <= len(own) <= 6
    assert len(code) > 30
