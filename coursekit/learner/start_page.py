"""How far a learner has come: a table for the command line, and ``start.md``, the first page of a learner's folder."""

from __future__ import annotations

import errno
import functools
import json
import re
import warnings
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from coursekit import progress
from coursekit.exercises import catalogue
from coursekit.exercises.model import Lesson, Question
from coursekit.files import write_whole

START_PAGE = "start.md"
HEADINGS = ("Lesson", "Opened", "Predictions", "Exercises", "Quiz", "Help")

_TITLE = "What happens inside a convolutional network"
_HOW = "Click a lesson to open it. In a lesson, Shift+Enter runs a cell and goes to the next."
_EXPLAINED = (
    "A prediction counts when you committed to an answer, an exercise when its check said that it is right, and a "
    "question of the quiz when your first answer was right. Help is the hints and solutions that you asked for. This "
    "page is written anew each time you answer."
)
_CANNOT_BE_WRITTEN = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC)


class Progress(NamedTuple):
    """What a learner did in one lesson. Pairs are (so many, of so many), None where nothing is asked."""

    file: str
    title: str
    opened: str
    predictions: tuple[int, int] | None
    exercises: tuple[int, int] | None
    quiz: tuple[int, int] | None
    hints: int
    solutions: int


def keep(kind: str, id: str, **what: Any) -> bool:
    """Record an event as ``progress.record`` does, and bring the start page up to date."""
    kept = progress.record(kind, id, **what)
    if not kept and (file := progress.progress_file()):
        warnings.warn(f"{file} cannot be written to, so what you do is forgotten when Python ends.", stacklevel=3)
    if folder := progress.learner_folder():
        write_start_page(folder)
    return kept


def summary(folder: Path, events: list[dict]) -> list[Progress]:
    """Return what was done in each lesson of a learner's folder.

    Args:
        folder: Its notebooks are the lessons.
        events: As from ``progress.events``.
    """
    files = sorted(file for file in folder.glob("*.ipynb") if re.fullmatch(r"\d\d_\w+\.ipynb", file.name))
    return [_of_lesson(file, [e for e in events if e["id"].partition(".")[0] == file.name[:2]]) for file in files]


def write_start_page(folder: Path) -> None:
    """Write ``start.md`` into a learner's folder: links to the lessons, and how far each has come.

    A folder that cannot be written to has no such page: the lessons can be read there all the same.
    """
    page = folder / START_PAGE
    is_ours = progress.learner_folder() == folder.resolve()
    events = progress.events() if is_ours else progress.events(folder / progress.NAME)
    text = start_page(summary(folder, events))
    try:
        if not page.is_file() or page.read_bytes() != text.encode():
            write_whole(page, text.encode())  # JupyterLab may be reading it
    except OSError as error:
        if error.errno not in _CANNOT_BE_WRITTEN:
            raise


def start_page(lessons: list[Progress]) -> str:
    """Return the start page as Markdown."""
    unbroken = str.maketrans({" ": "\N{NO-BREAK SPACE}", "-": "\N{NON-BREAKING HYPHEN}"})  # in a narrow window
    rows = [[_link(lesson), *(cell.translate(unbroken) for cell in _cells(lesson))] for lesson in lessons]
    table = "\n".join(f"| {' | '.join(row)} |" for row in [HEADINGS, [":--"] * len(HEADINGS), *rows])
    return f"# {_TITLE}\n\n{_HOW}\n\n{table}\n\n{_EXPLAINED}\n"


def table(lessons: list[Progress]) -> str:
    """Return the same as plain text, in columns."""
    rows = [list(HEADINGS), *([f"{lesson.file[:2]} {lesson.title}", *_cells(lesson)] for lesson in lessons)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADINGS))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def _of_lesson(file: Path, events: list[dict]) -> Progress:
    def ids(kind: str, **what: Any) -> set[str]:
        return {e["id"] for e in events if e["kind"] == kind and all(e.get(k) == v for k, v in what.items())}

    def first(kind: str) -> dict[str, dict]:
        return {e["id"]: e for e in reversed(events) if e["kind"] == kind}

    def of(done: set[str], asked: list[str]) -> tuple[int, int] | None:
        return (len(done & set(asked)), len(asked)) if asked else None

    number = file.name[:2]
    asked = catalogue.lesson(number) if number in catalogue.LESSONS else Lesson(number)
    opened = [str(e.get("at", ""))[:10] for e in events]
    right = {
        question.id for question in asked.quiz if _is_right(question, first("quiz").get(question.id, {}).get("choice"))
    }
    return Progress(
        file.name,
        _title(file, file.stat().st_mtime_ns),
        opened[0] if opened else "",
        of(ids("predicted", skipped=False), [question.id for question in asked.predictions]),
        of(ids("checked", right=True), [one.id for one in asked.exercises if not one.is_read_by_a_person]),
        of(right, [question.id for question in asked.quiz]),
        len({(e["id"], str(e.get("step"))) for e in events if e["kind"] == "hinted"}),
        len(ids("solution")),
    )


def _is_right(question: Question, choice: Any) -> bool:
    return type(choice) is int and 0 <= choice < len(question.choices) and question.choices[choice].is_right


@functools.lru_cache(maxsize=64)
def _title(file: Path, changed: int) -> str:
    """Return a notebook's first heading; ``changed``, the file's time, makes the cache forget."""
    try:
        cells = json.loads(file.read_bytes())["cells"]
        texts = ("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
        heading = next(filter(None, (re.match(r"#\s+(?:\d+\s*·\s*)?(.+)", text) for text in texts)), None)
    except (OSError, ValueError, KeyError, TypeError, RecursionError):  # a file that is no notebook any more
        heading = None
    return heading[1].strip() if heading else file.stem[3:].replace("_", " ").capitalize()


def _cells(lesson: Progress) -> list[str]:
    parts = [_bar(part) for part in (lesson.predictions, lesson.exercises, lesson.quiz)]
    shown = [(lesson.hints, "hint"), (lesson.solutions, "solution")]
    help_shown = ", ".join(f"{count} {what}{'s' * (count > 1)}" for count, what in shown if count)
    return [lesson.opened or "not yet", *parts, help_shown or "–"]


def _bar(part: tuple[int, int] | None) -> str:
    return "–" if part is None else f"{'■' * part[0]}{'□' * (part[1] - part[0])} {part[0]} of {part[1]}"


def _link(lesson: Progress) -> str:
    title = re.sub(r"([\\|\[\]*_`<>])", r"\\\1", lesson.title)
    return f"{int(lesson.file[:2])} · [{title}]({quote(lesson.file)})"
