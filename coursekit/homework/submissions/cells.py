"""The cells of a notebook that was handed in. It may be anybody's: nothing in it is trusted to be of the right type."""

from __future__ import annotations

import ast
import base64
import binascii
import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from coursekit.exercises import marks, notebooks
from coursekit.exercises.model import Exercise
from coursekit.exercises.refused import RefusedError

MOST_CELLS = 2_000
MOST_SOURCE = 3_000_000  # characters of all cells together, without what stands below them
MOST_TEXT = 20_000  # characters of an answer that a person reads
_MOST_NAMED = 50  # exercises that one cell answers
_MOST_OUTPUTS = 100
_MOST_CODE = 20_000  # characters of an unfinished cell that is looked at more closely


@dataclass(frozen=True)
class Cell:
    """A cell: "code" or "markdown", its text, the exercises it answers, and what stands below it."""

    kind: str
    source: str
    answers: frozenset[str] = frozenset()
    outputs: tuple[Any, ...] = ()


def read_cells(content: bytes) -> tuple[Cell, ...]:
    """Return the cells of a notebook, of any version of the format.

    Raises:
        RefusedError: It is no notebook.
    """
    try:
        notebook = json.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError, MemoryError):
        raise RefusedError("The file is not a notebook: it is not JSON.") from None
    if isinstance(notebook, dict) and isinstance(notebook.get("nbformat"), int) and notebook["nbformat"] < 4:
        notebook = _converted(content)
    cells = notebook.get("cells") if isinstance(notebook, dict) else None
    if not isinstance(cells, list):
        raise RefusedError("The file is not a notebook: it has no cells.")
    if len(cells) > MOST_CELLS:
        raise RefusedError(f"The notebook has {len(cells)} cells; {MOST_CELLS} are the most.")
    cells = [raw for raw in cells if isinstance(raw, dict)]
    length = sum(len(notebooks.cell_source(raw)) for raw in cells)
    if length > MOST_SOURCE:
        raise RefusedError(f"There are {length / 1e6:.1f} million characters in the notebook's cells.")
    return tuple(map(_cell, cells))


def answers_to(cells: Sequence[Cell], exercise: Exercise) -> list[int]:
    """Return the positions of the cells that answer an exercise, finished ones only if there are any.

    A cell in which a stub was left counts as finished too, if it defines the answer beside it.
    """
    kind = "markdown" if exercise.is_read_by_a_person else "code"
    found = [i for i, cell in enumerate(cells) if cell.kind == kind and exercise.id in cell.answers]
    return [i for i in found if _is_finished(cells[i], exercise)] or found


def is_left(cells: Sequence[Cell], exercise: Exercise) -> bool:
    """Say whether there are cells for an exercise, and none of them is finished."""
    found = [cell for cell in cells if exercise.id in cell.answers]
    return bool(found) and not any(_is_finished(cell, exercise) for cell in found)


def continued(cells: Sequence[Cell], place: int, own: Collection[str]) -> str:
    """Return what was written into new text cells right below a text cell, up to the next one of the lesson.

    Args:
        cells: The notebook's.
        place: The position of the cell.
        own: The lesson's own texts, stripped.
    """
    texts = []
    for cell in cells[place + 1 :]:
        if cell.kind != "markdown" or cell.answers or cell.source.strip() in own:
            break
        texts.append(cell.source.strip())
    return "\n\n".join(text for text in texts if text)[:MOST_TEXT]


def text_of(cell: Cell, posed: str = "") -> str:
    """Return what a student wrote into a text cell.

    Args:
        cell: The student's.
        posed: What stood in it before: its lines don't count.
    """
    text = marks.without_marks("markdown", cell.source).replace(marks.TEXT_STUB, "")
    before = {line.strip() for line in marks.without_marks("markdown", posed).splitlines()} - {""}
    lines = [line for line in text.splitlines() if line.strip() not in before]
    return "\n".join(lines).strip()[:MOST_TEXT]


def safe_copy(cells: Sequence[Cell]) -> dict:
    """Return a notebook of the text, the code, printed output and PNGs, and of no other output or metadata.

    Text stays as the student wrote it, tags included: whoever shows it must see to that.
    """
    return {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {},
        "cells": [_safe_cell(i, c) for i, c in enumerate(cells)],
    }


def _converted(content: bytes) -> dict:
    import nbformat

    try:
        return nbformat.reads(content.decode("utf-8-sig"), as_version=4)
    except Exception as error:  # whatever is in it, it must not end the others' grading
        raise RefusedError(
            f"The notebook is of an old format and cannot be converted ({type(error).__name__})."
        ) from None


def _cell(raw: dict) -> Cell:
    kind = "code" if raw.get("cell_type") == "code" else "markdown"
    source = notebooks.cell_source(raw)
    answers = set()
    if not notebooks.checked_id(raw):
        named = notebooks.exercise_id(raw)
        answers = {named} if named else set()
        answers |= set(marks.exercises("code", source)[:_MOST_NAMED]) if kind == "code" else set()
    outputs = raw.get("outputs")
    return Cell(kind, source, frozenset(answers), tuple(outputs[:_MOST_OUTPUTS]) if isinstance(outputs, list) else ())


def _is_finished(cell: Cell, exercise: Exercise) -> bool:
    return not _is_unfinished(cell) or _defines(cell, exercise.answer)


def _is_unfinished(cell: Cell) -> bool:
    return marks.is_unfinished(cell.kind, cell.source) or (cell.kind == "markdown" and not text_of(cell))


def _defines(cell: Cell, answer: str) -> bool:
    """Say whether code gives the answer's name a value, or a function of that name more than a stub's body."""
    if cell.kind != "code" or len(cell.source) > _MOST_CODE:
        return False
    try:
        tree = ast.parse(cell.source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return any(_gives_a_value(node, answer) for node in tree.body)


def _gives_a_value(node: ast.stmt, name: str) -> bool:
    if isinstance(node, ast.FunctionDef):
        return node.name == name and not all(_is_stub(statement) for statement in node.body)
    targets = node.targets if isinstance(node, ast.Assign) else ()
    return any(isinstance(target, ast.Name) and target.id == name for target in targets)


def _is_stub(statement: ast.stmt) -> bool:
    """Say whether a statement does nothing: a docstring, ``pass``, ``...``, or ``raise NotImplementedError()``."""
    if isinstance(statement, ast.Expr):
        return isinstance(statement.value, ast.Constant)
    if isinstance(statement, ast.Raise):
        return statement.exc is not None and "NotImplementedError" in ast.dump(statement.exc)
    return isinstance(statement, ast.Pass)


def _safe_cell(number: int, cell: Cell) -> dict:
    made: dict[str, Any] = {"id": f"cell-{number}", "cell_type": cell.kind, "source": _encodable(cell.source)}
    made["metadata"] = {"coursekit": {"exercise": min(cell.answers)}} if cell.answers else {}
    if cell.kind == "code":
        made["outputs"] = [safe for output in cell.outputs[:_MOST_OUTPUTS] if (safe := safe_output(output))]
        made["execution_count"] = None
    return made


def safe_output(output: Any) -> dict | None:
    """Return what a safe copy keeps of an output, or None."""
    if not isinstance(output, dict):
        return None
    data = output.get("data") if isinstance(output.get("data"), dict) else {}
    text = _joined(output.get("text")) or _joined(data.get("text/plain"))
    picture = _joined(data.get("image/png"), 10_000_000)
    if picture and _is_png(picture):
        kept = {"text/plain": text, "image/png": picture}
        return {"output_type": "display_data", "metadata": {}, "data": kept}
    return {"output_type": "stream", "name": "stdout", "text": text} if text else None


def _joined(value: Any, most: int = MOST_TEXT) -> str:
    value = "".join(part for part in value if isinstance(part, str)) if isinstance(value, list) else value
    return _encodable(value[:most]) if isinstance(value, str) else ""


def _is_png(picture: str) -> bool:
    try:
        return base64.b64decode("".join(picture.split()), validate=True).startswith(b"\x89PNG\r\n\x1a\n")
    except (binascii.Error, ValueError):
        return False


def _encodable(text: str) -> str:
    """Return text without lone surrogates, which no file could hold."""
    return text.encode(errors="replace").decode()
