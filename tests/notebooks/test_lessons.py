"""Every lesson reruns to the numbers it was committed with, and keeps the form of a lesson."""

import ast
import re
import statistics
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from coursekit.exercises import catalogue, marks

ROOT = Path(__file__).resolve().parents[2]
LESSONS = sorted((ROOT / "notebooks").glob("*.ipynb"))
lessons = pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def test_there_are_lessons():
    assert LESSONS


@lessons
def test_reruns_to_the_same_numbers(path):
    command = [sys.executable, "-m", "pytest", "--nbval", "-q", "-p", "no:cacheprovider", str(path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=1500, check=False)
    assert done.returncode == 0, done.stdout[-6000:]


@lessons
def test_is_committed_executed_and_clean(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert path.stat().st_size < 1_500_000
    outputs = [output for cell in code_cells(notebook) for output in cell.outputs]
    assert outputs, "committed without outputs"
    assert all(cell.execution_count for cell in code_cells(notebook))
    assert not [output for output in outputs if output.output_type == "error" or output.get("name") == "stderr"]
    shown = "".join(str(output) for output in outputs) + "".join(cell.source for cell in notebook.cells)
    assert not re.search(r"/(root|home|work|tmp|Users)/\w|Traceback|Warning", re.sub(r"base64,[^\"']*", "", shown))


@lessons
def test_every_picture_has_an_alt_text(path):
    for cell in code_cells(nbformat.read(path, as_version=4)):
        for output in cell.outputs:
            data = output.get("data", {})
            assert not {"image/png", "image/jpeg", "image/svg+xml"} & set(data), "a picture without alt text"
            for image in re.findall(r"<img\b[^>]*>", data.get("text/html", "")):
                (alt,) = re.findall(r'\balt="([^"]*)"', image)
                assert len(alt) >= 15, image[:100]


@lessons
def test_has_the_form_of_a_lesson(path):
    notebook = nbformat.read(path, as_version=4)
    lengths, words = [], 0
    for cell in notebook.cells:
        if cell.cell_type == "code":
            ast.parse(cell.source)
            lengths.append(len([line for line in cell.source.splitlines() if line.strip() and line.strip()[0] != "#"]))
            assert all(len(line) <= 100 for line in cell.source.splitlines()), cell.source
        else:
            words += len(cell.source.split())
    assert statistics.median(lengths) <= 5
    assert max(lengths) <= 20
    assert 6 <= words / sum(lengths) <= 20
    first = notebook.cells[0].source
    assert first.startswith("# ")
    assert re.search(r"\*\*\d+ minutes\.\*\*", first)
    assert any("How this goes wrong" in cell.source for cell in notebook.cells)


@lessons
def test_an_exercise_is_answered_in_its_own_cell_only(path):
    """A notebook in which nothing was done must not hold something by the name of an answer."""
    number = path.name[:2]
    if number not in catalogue.LESSONS:
        return
    answers = {one.answer for one in catalogue.lesson(number).exercises}
    for cell in code_cells(nbformat.read(path, as_version=4)):
        if not marks.exercises("code", cell.source):
            bound = {node.id for node in ast.walk(ast.parse(cell.source))
                     if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}  # fmt: skip
            assert not bound & answers, cell.source
