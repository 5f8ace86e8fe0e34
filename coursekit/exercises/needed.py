"""Which cells a notebook's answers need: of the lesson's own cells only those that another one takes a name from.

Most cells of a lesson show something, and leave nothing behind that an answer would be made of. Whoever runs only what
this returns may still miss something: what a cell changes without naming it, such as a random seed, or what is reached
by ``globals()``. So it is for trying, where a complete run follows if anything is wrong.
"""

from __future__ import annotations

import ast
import dis
from collections.abc import Sequence
from types import CodeType

_READS = ("LOAD_NAME", "LOAD_GLOBAL")
_BINDS = ("STORE_NAME", "STORE_GLOBAL")


def needed_cells(cells: Sequence[dict]) -> list[dict]:
    """Return the cells of which ``"own"`` is not true, and all those that they need, in their order.

    Where one of them cannot be read as Python, that is all cells.

    Args:
        cells: Each with its ``"source"``, and ``"own": True`` if it is the lesson's own, as it was handed out.
    """
    names = [_names(cell["source"]) for cell in cells]
    if any(not cell.get("own") and names[i] is None for i, cell in enumerate(cells)):
        return list(cells)  # what a cell with magics takes from others cannot be read
    needed = {i for i, cell in enumerate(cells) if not cell.get("own") or names[i] is None}
    wanted: set[str] = set()
    while True:
        for i in needed:
            wanted |= names[i][0] if names[i] else set()
        more = {i for i in range(len(cells)) if i not in needed and names[i][1] & wanted}
        if not more:
            return [cells[i] for i in sorted(needed)]
        needed |= more


def _names(source: str) -> tuple[set[str], set[str]] | None:
    """Return the names that a cell takes from others, and those that it gives a value or changes a part of."""
    try:
        tree = ast.parse(source)
        code = compile(tree, "<cell>", "exec")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    taken, given, inside = set(), set(), set()
    for step in dis.get_instructions(code):  # in the order of the text: what is given first is not taken
        if step.opname in _READS and step.argval not in given:
            taken.add(step.argval)
        elif step.opname in _BINDS:
            given.add(step.argval)
        elif isinstance(step.argval, CodeType):  # the body of a function, called when all stands
            inside |= _read_inside(step.argval)
    return taken | inside - given, given | _changed(tree)


def _read_inside(code: CodeType) -> set[str]:
    names = {step.argval for step in dis.get_instructions(code) if step.opname in _READS}
    return names.union(*(_read_inside(part) for part in code.co_consts if isinstance(part, CodeType)))


def _changed(tree: ast.Module) -> set[str]:
    """Return x of ``x[...] = ...`` and ``x.y = ...``."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, (ast.Subscript, ast.Attribute)) and not isinstance(node.ctx, ast.Load):
            while isinstance(node, (ast.Subscript, ast.Attribute)):
                node = node.value
            names |= {node.id} if isinstance(node, ast.Name) else set()
    return names
