"""The language of marks in a notebook: which cell belongs to which exercise, and where a solution stands.

- An exercise's cell begins with ``# exercise 01.by-hand``; one that a person reads is a markdown cell that begins with
  ``<!-- exercise 01.evidence -->``. What a student wrote into that comment, behind the id, is text and no mark.
- A solution stands between ``### BEGIN SOLUTION`` and ``### END SOLUTION``, in markdown between
  ``<!-- BEGIN SOLUTION -->`` and ``<!-- END SOLUTION -->``. Where it was cut, ``# YOUR CODE HERE`` stands, in markdown
  ``*Your answer here*``.
- ``check("01.by-hand", by_hand)`` checks an exercise.
- ``variation = None`` is where a student's token goes.

Nothing else reads or writes these. A mark that is written a little differently still is one, and what looks like the
mark of a solution without being one is an error: overlooked, it would give the solution away.
"""

from __future__ import annotations

import enum
import re
from typing import NamedTuple

CODE_STUB = "# YOUR CODE HERE"
TEXT_STUB = "*Your answer here*"
ID = r"\d\d\.[a-z0-9-]+"

# What follows an id is looked at once, not again for each shorter id: students write what they like behind one.
_EXERCISE = r"exercise[ \t]+(?P<id>\d\d\.[a-z0-9]++(?:-[a-z0-9]++)*+)(?![\w.])"
_EDGE = r"(?P<edge>BEGIN|END)[ \t_-]*SOLUTIONS?\b"
_MARKS = {
    "code": re.compile(rf"(?im)^(?P<indent>[ \t]*)#+[ \t]*(?:{_EXERCISE}|{_EDGE})(?P<more>)[^\n]*\n?"),
    "markdown": re.compile(rf"(?i)(?P<indent>)<!--+\s*(?:{_EXERCISE}|{_EDGE})(?P<more>[^\n]{{0,200}}?)\n?-->"),
}
_LOOKS_LIKE_AN_EDGE = re.compile(r"(?:#|<!-)[\W_]*(?:BEGIN|END)[\W_]*SOLUTION", re.IGNORECASE)
_UNFINISHED = re.compile(r"#[ \t]*YOUR CODE HERE[ \t]*\n[ \t]*(raise NotImplementedError\(\)|pass\b)")
_CHECK = re.compile(rf"""^check\(\s*["']({ID})["']""", re.MULTILINE)
_NO_VARIATION = re.compile(r"^variation\s*=\s*None\s*$", re.MULTILINE)
_VARIATION = re.compile(r"""\bvariation\s*=\s*["']([0-9a-f]{64})["']""")


class Kind(enum.Enum):
    """What a mark says."""

    EXERCISE = enum.auto()
    BEGIN = enum.auto()
    END = enum.auto()


class Mark(NamedTuple):
    """A mark, where it stands in its cell, and for an exercise's its id and, in text, what stands behind that."""

    kind: Kind
    start: int
    end: int
    indent: str
    exercise: str
    more: str


def find(cell_type: str, source: str) -> list[Mark]:
    """Return the marks in a cell, "code" or "markdown", in their order."""
    pattern = _MARKS.get(cell_type)
    return [_mark(found) for found in pattern.finditer(source)] if pattern else []


def exercises(cell_type: str, source: str) -> list[str]:
    """Return the ids of the exercises that a cell's marks name."""
    return [mark.exercise for mark in find(cell_type, source) if mark.kind is Kind.EXERCISE]


def without_marks(cell_type: str, source: str) -> str:
    """Return what stands in a cell besides its marks, and in a text cell behind an exercise's id."""
    return _replaced(source, [(mark.start, mark.end, mark.more) for mark in find(cell_type, source)])


def without_solutions(cell_type: str, source: str) -> str:
    """Return a cell with a stub in the place of each solution.

    In code that is ``# YOUR CODE HERE``, as far indented as the mark, and below it, in a function,
    ``raise NotImplementedError()``, as nbgrader has it; outside of one ``pass``, so that "Run All Cells" goes on.

    Raises:
        ValueError: A solution has no begin, no end, or begins twice, or a mark cannot be read.
    """
    cuts, begun = [], None
    for mark in find(cell_type, source):
        if mark.kind is Kind.BEGIN:
            if begun:
                raise ValueError("begins a solution inside a solution")
            begun = mark
        elif mark.kind is Kind.END:
            if not begun:
                raise ValueError("ends a solution that never began")
            cuts.append((begun.start, mark.end, _stub(cell_type, begun.indent)))
            begun = None
    if begun:
        raise ValueError("begins a solution that never ends")
    cut = _replaced(source, cuts)
    if odd := _LOOKS_LIKE_AN_EDGE.search(cut):
        raise ValueError(f"has {odd[0]!r}, which looks like the mark of a solution but cannot be read as one")
    return cut.removesuffix("\n") if cuts and not source.endswith("\n") else cut


def is_unfinished(cell_type: str, source: str) -> bool:
    """Say whether a stub still stands where an answer should."""
    return TEXT_STUB in source if cell_type == "markdown" else _UNFINISHED.search(source) is not None


def checked(source: str) -> str | None:
    """Return the id of the exercise that a code cell checks, or None."""
    found = _CHECK.search(source)
    return found[1] if found else None


def has_no_variation(source: str) -> bool:
    """Say whether a code cell has the line ``variation = None``."""
    return _NO_VARIATION.search(source) is not None


def with_variation(source: str, token: str) -> str:
    """Return a code cell with a student's token in the place of that None."""
    return _NO_VARIATION.sub(f'variation = "{token}"', source)


def variations(source: str) -> set[str]:
    """Return the tokens in a code cell."""
    return set(_VARIATION.findall(source))


def _mark(found: re.Match) -> Mark:
    kind = Kind[found["edge"].upper()] if found["edge"] else Kind.EXERCISE
    more = found["more"].strip(" \t:-") if kind is Kind.EXERCISE else ""
    return Mark(kind, found.start(), found.end(), found["indent"], (found["id"] or "").lower(), more)


def _stub(cell_type: str, indent: str) -> str:
    if cell_type == "markdown":
        return TEXT_STUB
    return f"{indent}{CODE_STUB}\n{indent}{'raise NotImplementedError()' if indent else 'pass'}\n"


def _replaced(source: str, cuts: list[tuple[int, int, str]]) -> str:
    pieces, at = [], 0
    for start, end, text in cuts:
        pieces += (source[at:start], text)
        at = end
    return "".join([*pieces, source[at:]])
