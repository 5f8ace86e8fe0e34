"""The lessons' notebooks: where they are, which exercise a cell belongs to, and the same without its solutions.

``marks.py`` has the language that says so in a cell's text. nbgrader is not needed here. Its ids may hold no dot, so
the exercise 01.by-hand is 01-by-hand to nbgrader.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from coursekit.exercises import marks

if TYPE_CHECKING:  # the command line starts without NumPy and nbformat, to say that they are missing
    from nbformat import NotebookNode

# A prediction's result, written out as text: predict("01.which-part", result="E")
_WRITTEN_RESULT = re.compile(
    r"""(?P<call>\bpredict\(\s*["']\d\d\.[a-z0-9-]+["']\s*,\s*result\s*=\s*)"""
    r"""(?:"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')(?=\s*\))"""
)
_PREDICTS = re.compile(r"\bpredict\(")
_GRADE_ID = re.compile(r"(\d\d)-([a-z0-9-]+?)(?:_solution)?")


def lessons_folder() -> Path:
    """Return the folder of the lessons: inside an installed package, or beside the package in a checkout.

    Raises:
        FileNotFoundError: There is none.
    """
    package = Path(__file__).resolve().parents[1]
    for place in (package / "lessons", package.parent / "notebooks"):
        if any(place.glob("*.ipynb")):
            return place
    raise FileNotFoundError(
        f"The lessons are neither in {package / 'lessons'} nor in {package.parent / 'notebooks'}. "
        "Install the course again, or get the course's folder again."
    )


def lesson_file(number: str) -> Path:
    """Return the notebook of a lesson, such as "01".

    Raises:
        FileNotFoundError: There is none.
    """
    found = sorted(lessons_folder().glob(f"{number}_*.ipynb"))
    if not found:
        raise FileNotFoundError(f"There is no notebook for lesson {number} in {lessons_folder()}.")
    return found[0]


def exercise_id(cell: dict) -> str | None:
    """Return the id of the exercise that a cell belongs to, whatever the cell's position, or None.

    Looked up, in this order, in the metadata that ``coursekit homework release`` writes, in the cell's first mark,
    and in nbgrader's ``grade_id``. The cell may be anybody's: nothing in it is trusted to be of the right type.
    """
    metadata = _dict(cell.get("metadata"))
    named = _dict(metadata.get("coursekit")).get("exercise")
    if isinstance(named, str) and re.fullmatch(marks.ID, named):
        return named
    if marked := marks.exercises(str(cell.get("cell_type")), cell_source(cell)):
        return marked[0]
    named = _dict(metadata.get("nbgrader")).get("grade_id")
    found = _GRADE_ID.fullmatch(named) if isinstance(named, str) else None
    return f"{found[1]}.{found[2]}" if found else None


def checked_id(cell: dict) -> str | None:
    """Return the id in a cell that calls ``check("01.by-hand", ...)``, or None."""
    return marks.checked(cell_source(cell)) if cell.get("cell_type") == "code" else None


def grade_id(exercise: str) -> str:
    """Return nbgrader's id of the cell that carries an exercise's points: "01-by-hand"."""
    return exercise.replace(".", "-")


def cut_solutions(notebook: NotebookNode) -> NotebookNode:
    """Return a copy of a notebook with stubs instead of its solutions. These cells, and the checks, lose their outputs.

    Args:
        notebook: The instructor's, nbformat 4.

    Raises:
        ValueError: The marks of a solution are not balanced, or one cannot be read.
    """
    notebook = copy.deepcopy(notebook)
    for i, cell in enumerate(notebook.cells):
        try:
            source = marks.without_solutions(cell.cell_type, cell.source)
        except ValueError as error:
            first = cell.source.strip().partition("\n")[0][:60]
            raise ValueError(f"Cell {i} ({cell.get('id', 'without an id')}: {first!r}) {error}.") from None
        if source != cell.source or checked_id(cell):
            cell.source = source
            if cell.cell_type == "code":
                cell.outputs, cell.execution_count = [], None
    return notebook


def cut_results(
    notebook: NotebookNode, instead: Mapping[str, str] = MappingProxyType({}), folded: Sequence[str] = ()
) -> NotebookNode:
    """Return a copy of a notebook in which nothing gives a prediction's result away before it is made.

    Where predictions are asked for, no cell has outputs: the results are among them. A result that stands in the code
    as text is ``...`` there, for which ``predict`` takes the course's own.

    Args:
        notebook: A lesson, nbformat 4.
        instead: Words of its texts, a heading's or an objective's, that would tell; and what stands there instead.
        folded: Ids of cells whose code would tell: JupyterLab shows it folded up.
    """
    notebook = copy.deepcopy(notebook)
    asks = any(cell.cell_type == "code" and _PREDICTS.search(cell.source) for cell in notebook.cells)
    for cell in notebook.cells if asks else ():
        if cell.cell_type == "code":
            cell.source = _WRITTEN_RESULT.sub(r"\g<call>...", cell.source)
            cell.outputs, cell.execution_count = [], None
        elif cell.cell_type == "markdown":
            for words, others in instead.items():
                cell.source = cell.source.replace(words, others)
        if cell.get("id") in folded:
            cell.metadata["jupyter"] = {"source_hidden": True}
    return notebook


def cell_source(cell: dict) -> str:
    """Return a cell's source as one string, also as it stands in the file: a list of lines."""
    source = cell.get("source", "")
    if isinstance(source, list):
        source = "".join(line for line in source if isinstance(line, str))
    return source if isinstance(source, str) else ""


def to_bytes(notebook: NotebookNode) -> bytes:
    """Return a notebook as it is written into a file."""
    import nbformat

    return (nbformat.writes(notebook).rstrip("\n") + "\n").encode(errors="replace")


def _dict(value: object) -> dict:
    return value if isinstance(value, dict) else {}
