"""The cells of a notebook that was handed in. It may be anybody's: nothing in it is trusted to be of the right type."""

from __future__ import annotations

import ast
import base64
import binascii
import contextlib
import functools
import json
import re
import threading
import warnings
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from coursekit.exercises import marks, notebooks
from coursekit.exercises.model import Exercise
from coursekit.exercises.refused import RefusedError

MOST_CELLS = 2_000
MOST_SOURCE = 3_000_000  # characters of all cells together, without what stands below them
MOST_TEXT = 20_000  # characters of an answer that a person reads
_MOST_NAMED = 50  # exercises that one cell answers
_MOST_OUTPUTS = 100
_MOST_CODE = 20_000  # characters of a cell that is looked at more closely
_MOST_EXPRESSION = 1_000  # characters of what is given to check
_PARAMETERS = ("exercise_id", "answer")  # the first ones of check
# A magic or a command, and of those that take a whole cell the ones which run it as it stands.
_MAGIC = re.compile(r"^([ \t]*)(?:%(?!%)|%%(?:time|capture|prun)\b|!)[^\n]*", re.MULTILINE)
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_WARNINGS = threading.Lock()  # which warnings are shown is the same for all threads
_INSIDE = (*_FUNCTIONS, ast.ClassDef, ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


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


def is_begun(cells: Sequence[Cell], exercise: Exercise) -> bool:
    """Say whether an exercise's cell is finished, or another one defines the answer beside it or gives it to check."""
    return any(
        (exercise.id in cell.answers and _is_finished(cell, exercise))
        or (not exercise.is_read_by_a_person and _defines(cell, exercise.answer))
        or checks_in(cell).get(exercise.id)
        for cell in cells
    )


def checks_in(cell: Cell) -> dict[str, str]:
    """Return {id: the code of the answer that a cell gives to ``check``}; "" is the variable of the exercise's name."""
    return dict(_looked_at(cell.source).checks) if cell.kind == "code" and "check" in cell.source else {}


def names_in(cell: Cell) -> frozenset[str]:
    """Return the names that code gives a value, or a function of more than a stub's body."""
    return _looked_at(cell.source).given if cell.kind == "code" else frozenset()


def beside(cells: Sequence[Cell], place: int, own: Collection[str], names: Collection[str] = ()) -> str:
    """Return what was written next to a text cell: into new cells above and below it, or into the lesson's own.

    A new cell may be of text or of code, in which a text stands in quotes, in a comment or as it is: a person sees all
    of it. Code for another exercise is passed by. An end is a cell of the lesson's; what was added to the lines of its
    text is still taken.

    Args:
        cells: The notebook's.
        place: The position of the cell.
        own: The lesson's own texts and code, stripped.
        names: Those of the exercises' answers.
    """
    above = _written(reversed(cells[:place]), own, names)
    texts = [*reversed(above), *_written(cells[place + 1 :], own, names)]
    return "\n\n".join(texts)[:MOST_TEXT]


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
    # A check is no answer, unless the same cell has an exercise's mark or names something.
    if not notebooks.checked_id(raw) or marks.exercises("code", source) or _looked_at(source).has_names:
        named = notebooks.exercise_id(raw)
        answers = {named} if named else set()
        answers |= set(marks.exercises("code", source)[:_MOST_NAMED]) if kind == "code" else set()
    outputs = raw.get("outputs")
    return Cell(kind, source, frozenset(answers), tuple(outputs[:_MOST_OUTPUTS]) if isinstance(outputs, list) else ())


def _is_finished(cell: Cell, exercise: Exercise) -> bool:
    is_marked = exercise.id in marks.exercises("code", cell.source)
    is_only_check = marks.checked(cell.source) == exercise.id and not is_marked
    return not (_is_unfinished(cell) or is_only_check) or _defines(cell, exercise.answer)


def _is_unfinished(cell: Cell) -> bool:
    return marks.is_unfinished(cell.kind, cell.source) or (cell.kind == "markdown" and not text_of(cell))


def _defines(cell: Cell, answer: str) -> bool:
    """Say whether code gives the answer's name a value, or a function of that name more than a stub's body."""
    return answer in names_in(cell)


class _Code(NamedTuple):
    """What is looked for in code: the names that it gives a value, its own among them, and what it checks."""

    given: frozenset[str] = frozenset()
    has_names: bool = False
    checks: tuple[tuple[str, str], ...] = ()


@functools.lru_cache(maxsize=2_000)  # a long cell takes a tenth of a second, and each is asked for by several
def _looked_at(source: str) -> _Code:
    given, has_names, checks = set(), False, []
    for node in _outside_of_functions(_tree(source)):
        if isinstance(node, ast.alias):
            given.add(node.asname or node.name)
        elif isinstance(node, (*_FUNCTIONS, ast.ClassDef)):
            has_names = True
            given |= set() if all(map(_is_stub, node.body)) else {node.name}
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            has_names = True
            given.add(node.id)
        elif isinstance(node, ast.Call) and "check" in (getattr(node.func, "id", ""), getattr(node.func, "attr", "")):
            checks += _check(node)
    return _Code(frozenset(given), has_names, tuple(reversed(checks)))  # in the order of the text


def _check(call: ast.Call) -> list[tuple[str, str]]:
    """Return the exercise and the code of the answer that are given to ``check``, or nothing."""
    given = {**dict(zip(_PARAMETERS, call.args, strict=False)), **{word.arg: word.value for word in call.keywords}}
    exercise, answer = map(given.get, _PARAMETERS)
    if None in given or isinstance(answer, ast.Starred) or not isinstance(exercise, ast.Constant):
        return []  # what *these or **those are cannot be read
    with contextlib.suppress(RecursionError, ValueError):  # Python 3.11 cannot write every f-string again
        expression = ast.unparse(answer) if answer else ""
        if len(expression) <= _MOST_EXPRESSION:
            return [(str(exercise.value), expression)]
    return []


def _tree(source: str) -> ast.Module | None:
    """Return code as a tree, without its magics and commands; None if it is no Python or too long."""
    if len(source) > _MOST_CODE:
        return None
    with _WARNINGS, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what a student wrote
        for text in dict.fromkeys((source, _MAGIC.sub(r"\1pass", source))):
            with contextlib.suppress(SyntaxError, ValueError, RecursionError, MemoryError):
                return ast.parse(text)
    return None


def _outside_of_functions(tree: ast.Module | None) -> Iterator[ast.AST]:
    """Yield what is run when a cell is: all nodes that are in no function, class or comprehension."""
    waiting: list[ast.AST] = [tree] if tree else []
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, _INSIDE) and getattr(node, "value", node) is not None:  # x: int gives x no value
            waiting += ast.iter_child_nodes(node)


def _written(cells: Iterable[Cell], own: Collection[str], names: Collection[str]) -> list[str]:
    """Return what students wrote into cells, up to the first one that is the lesson's or an exercise's."""
    before = {line.strip() for text in own for line in text.splitlines()}
    texts = []
    for cell in cells:
        if cell.answers or cell.source.strip() in own:
            break
        if checks_in(cell) or not names_in(cell).isdisjoint(names):
            continue
        lines = cell.source.strip().splitlines()
        theirs = [line for line in lines if not line.strip() or line.strip() not in before]
        if text := "\n".join(theirs).strip():
            texts.append(cell.source.strip() if cell.kind == "code" else text)
        if len(theirs) < len(lines) and cell.kind == "markdown":  # one of the lesson's, with something added
            break
    return texts


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
