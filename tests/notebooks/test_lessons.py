"""Every lesson reruns to the numbers it was committed with, and keeps the form of a lesson."""

import ast
import base64
import io
import re
import statistics
import subprocess
import symtable
import sys
from pathlib import Path

import nbformat
import pytest
from PIL import Image

from coursekit.exercises import catalogue, marks

ROOT = Path(__file__).resolve().parents[2]
LESSONS = sorted((ROOT / "notebooks").glob("*.ipynb"))
lessons = pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)

RUN_ONCE = set()  # lessons still to be mended
TOO_FEW_MINUTES = set()


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def lines_of(cell):
    return len([line for line in cell.source.splitlines() if line.strip() and line.strip()[0] != "#"])


def test_there_are_lessons():
    assert LESSONS


@pytest.mark.rerun
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
def test_every_picture_can_be_decoded(path):
    outputs = [output for cell in code_cells(nbformat.read(path, as_version=4)) for output in cell.outputs]
    shown = "".join(output.get("data", {}).get("text/html", "") for output in outputs)
    pictures = re.findall(r"data:image/\w+;base64,([^\"']*)", shown)
    assert pictures
    for picture in pictures:
        Image.open(io.BytesIO(base64.b64decode(picture, validate=True))).load()


@lessons
def test_has_the_form_of_a_lesson(path):
    notebook = nbformat.read(path, as_version=4)
    lengths, words = [], 0
    for cell in notebook.cells:
        if cell.cell_type == "code":
            ast.parse(cell.source)
            lengths.append(lines_of(cell))
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


def names(source):
    """Return what a cell's code binds for the cells below, and what it takes from the cells above, in functions too."""
    top = symtable.symtable(source, "cell", "exec")
    bound = {symbol.get_name() for symbol in top.get_symbols() if symbol.is_assigned() or symbol.is_imported()}

    def taken(table):
        here = {one.get_name() for one in table.get_symbols() if one.is_referenced() and one.is_global()}
        return here.union(*map(taken, table.get_children()))

    return bound, taken(top) - bound


@lessons
def test_a_cell_can_be_run_again_at_the_end(path):
    """What a cell takes from above must not be another thing by then: no name that it needs is bound again below."""
    if path.name[:2] in RUN_ONCE:
        pytest.skip("not yet")
    cells = [names(cell.source) for cell in code_cells(nbformat.read(path, as_version=4))]
    for i, (_, taken) in enumerate(cells):
        for name in taken:
            above, below = ([name in bound for bound, _ in part] for part in (cells[:i], cells[i + 1 :]))
            assert not (any(above) and any(below)), f"code cell {i} needs {name!r}, which is bound again below"


@lessons
def test_minutes_are_those_of_a_careful_reader(path):
    """150 words and 4 lines of code a minute; exercises and optional sections are not counted."""
    if path.name[:2] in TOO_FEW_MINUTES:
        pytest.skip("not yet")
    notebook = nbformat.read(path, as_version=4)
    minutes, counts = 0.0, True
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            heading = re.match(r"## (.*)", cell.source)
            counts = counts if heading is None else not heading[1].startswith(("Exercises", "Optional"))
        size = len(cell.source.split()) / 150 if cell.cell_type == "markdown" else lines_of(cell) / 4
        minutes += counts * size
    stated = int(re.search(r"\*\*(\d+) minutes\.\*\*", notebook.cells[0].source)[1])
    assert abs(stated - minutes) <= 5, f"{minutes:.0f} minutes"


@lessons
def test_last_line_leads_to_the_next_lesson(path):
    last = nbformat.read(path, as_version=4).cells[-1].source.splitlines()[-1]
    following = LESSONS[LESSONS.index(path) + 1 :][:1]
    titles = [nbformat.read(one, as_version=4).cells[0].source.splitlines()[0].removeprefix("# ") for one in following]
    links = re.findall(r"^\*\*Next:\*\* \[(.+)\]\((.+)\)$", last)
    assert links == [(title, one.name) for title, one in zip(titles, following, strict=True)]


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
