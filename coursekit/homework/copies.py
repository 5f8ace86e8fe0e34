"""Pairs of students whose code for an exercise is alike, after renaming too: a place to look, and no verdict.

The method is winnowing (Schleimer, Wilkerson and Aiken, *Winnowing: local algorithms for document fingerprinting*,
SIGMOD 2003), the one of Stanford's MOSS: whatever two texts have in common shows in their fingerprints, if it is
``_LENGTH + _WINDOW - 1`` tokens or longer. It is written out here because ``copydetect``, the library that has it, has
had no release since 2024 and compares whole files, so that it would find what was released.
"""

from __future__ import annotations

import hashlib
import io
import itertools
import json
import keyword
import tokenize
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from coursekit.exercises import catalogue, marks, notebooks
from coursekit.exercises.model import Exercise
from coursekit.exercises.refused import RefusedError
from coursekit.homework import submissions, tables
from coursekit.homework.submissions import Cell

_LENGTH = 8  # tokens of a passage
_WINDOW = 4  # passages that lie beside each other, of which one is kept
_FEWEST = 4  # passages that two have in common, and nearly nobody else
_MOST_CODE = 20_000  # characters of a cell that are compared
_LAYOUT = {tokenize.COMMENT, tokenize.NL, tokenize.ENCODING, tokenize.ENDMARKER}


@dataclass(frozen=True)
class Pair:
    """Two students who wrote alike.

    Attributes:
        exercise: The exercise's id.
        students: Their names, by the alphabet.
        passages: How many passages they have in common that hardly anybody else has.
        share: The same, of all such passages of the one who has fewer.
    """

    exercise: str
    students: tuple[str, str]
    passages: int
    share: float


def likely_copies(number: str, to: str | Path, least: float = 0.6) -> list[Pair]:
    """Return the pairs of students whose code for an exercise is alike, those most alike first.

    Compared is what ``grade`` kept of each cell that answers an exercise, without the stub that was released, without
    comments and layout, and with every name that a learner can choose replaced. What several students wrote in the
    same way does not count, because there the exercise leads to it: more than three, or one in twenty of the class.

    Args:
        number: The lesson's number.
        to: The course folder, in which the lesson was graded.
        least: The least share of passages in common, 0 to 1.

    Raises:
        ValueError: There is no such lesson, or nothing of it was graded in that folder.
    """
    lesson, to = catalogue.lesson(number), Path(to)
    handed_in = _handed_in(number, to)
    if not handed_in:
        raise ValueError(f"Nothing of lesson {number} was graded in {to}. Grade first: coursekit homework grade")
    stubs = _stubs(number)
    found = []
    for exercise in lesson.exercises:
        if not exercise.is_read_by_a_person:
            stub = set(_passages(stubs.get(exercise.id, "")))
            prints = {who: fingerprints(_code(cells, exercise)) - stub for who, cells in handed_in.items()}
            found += _pairs(exercise.id, prints, least)
    return sorted(found, key=lambda pair: (-pair.share, -pair.passages, pair.exercise, pair.students))


def fingerprints(code: str) -> set[bytes]:
    """Return the passages of a piece of code that winnowing keeps: of each few beside each other the smallest."""
    passages = list(_passages(code))
    windows = (passages[i : i + _WINDOW] for i in range(max(1, len(passages) - _WINDOW + 1)))
    return {min(window) for window in windows if window}


def _passages(code: str) -> Iterator[bytes]:
    """Yield a number for each run of tokens, from left to right."""
    tokens = _tokens(code)
    for i in range(len(tokens) - _LENGTH + 1):
        yield hashlib.blake2b("\n".join(tokens[i : i + _LENGTH]).encode(), digest_size=8).digest()


def _tokens(code: str) -> list[str]:
    """Return code as tokens that renaming, comments, texts and blank lines do not change, as far as it can be read."""
    found: list[str] = []
    try:
        for token in tokenize.generate_tokens(io.StringIO(code[:_MOST_CODE]).readline):
            if token.type in _LAYOUT:
                continue
            if token.type == tokenize.NAME and not keyword.iskeyword(token.string):
                is_attribute = bool(found) and found[-1] == "."  # a library's name, which nobody can choose
                found.append(token.string if is_attribute else "NAME")
            elif token.type == tokenize.STRING:
                found.append("TEXT")
            else:
                found.append(token.string.strip() or tokenize.tok_name[token.type])
    except (tokenize.TokenError, SyntaxError):  # no Python from here on
        pass
    return found


def _handed_in(number: str, to: Path) -> dict[str, tuple[Cell, ...]]:
    """Return the cells of each student, from the copies that grading kept."""
    cells = {}
    for record in tables.everything(to):
        if record.assignment == number and record.notebook:
            try:
                cells[record.student] = submissions.read_cells((to / record.notebook).read_bytes())
            except (OSError, RefusedError):  # deleted, or written by somebody else
                continue
    return cells


def _stubs(number: str) -> dict[str, str]:
    cells = json.loads(notebooks.lesson_file(number).read_bytes())["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    return {
        name: marks.without_solutions("code", notebooks.cell_source(cell))
        for cell in code
        if (name := notebooks.exercise_id(cell))
    }


def _code(cells: tuple[Cell, ...], exercise: Exercise) -> str:
    found = submissions.answers_to(cells, exercise)
    return marks.without_marks("code", cells[found[-1]].source) if found else ""


def _pairs(exercise: str, prints: dict[str, set[bytes]], least: float) -> Iterator[Pair]:
    have = Counter(one for mine in prints.values() for one in mine)
    most = max(3, len(prints) // 20)
    rare = {who: {one for one in mine if have[one] <= most} for who, mine in prints.items()}
    rare = {who: mine for who, mine in sorted(rare.items()) if len(mine) >= _FEWEST}
    for (first, mine), (second, other) in itertools.combinations(rare.items(), 2):
        passages, share = len(mine & other), len(mine & other) / min(len(mine), len(other))
        if passages >= _FEWEST and share >= least:
            yield Pair(exercise, (first, second), passages, share)
