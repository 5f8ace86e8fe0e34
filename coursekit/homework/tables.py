"""grades.csv and log.csv: every student and every lesson that was graded in a course folder."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from tqdm.auto import tqdm

from coursekit.exercises.catalogue import lesson
from coursekit.files import write_whole
from coursekit.homework import gradebook, late
from coursekit.homework.late import Due
from coursekit.homework.record import Record, read_record

_LOG = ("student", "lesson", "status", "reason", "file", "sha256", "submitted_at", "seconds", "log")


def write(records: Iterable[Record], to: Path) -> None:
    """Write the tables, with every student whose result lies in the folder.

    Args:
        records: What came of grading just now.
        to: The course folder.
    """
    everyone = everything(to, records)
    numbers = sorted({record.assignment for record in everyone})
    exercises = [one.id for number in numbers for one in lesson(number).exercises]
    have = {number: gradebook.scores(number, to) for number in numbers}
    due = {number: one for number, one in late.read(to).items() if number in numbers}
    lateness = ("late", "penalty", "total_after_penalty") if due else ()
    grades = [["student", "lesson", *exercises, "total", "max", "status", "reason", "to_read", *lateness]]
    log = [list(_LOG)]
    for record in everyone:
        given = have[record.assignment].get(gradebook.student_name(record), {})
        row = _row(record, given, exercises)
        grades.append([*row, *(_late(record, row[len(exercises) + 2], due.get(record.assignment)) if due else ())])
        log.append([record.student, record.assignment, *(getattr(record, key) for key in _LOG[2:-1])])
        log[-1].append(" | ".join(record.log))
    write_whole(to / "grades.csv", _csv(grades))
    write_whole(to / "log.csv", _csv(log))


def everything(to: Path, records: Iterable[Record] = ()) -> list[Record]:
    """Return one record for each student and lesson, by student: those given, and what else lies in the folder."""
    everyone = {(one.student, one.assignment): one for one in (*_results(to), *records)}
    return [everyone[key] for key in sorted(everyone)]


def _results(to: Path) -> Iterator[Record]:
    """Yield the records of earlier runs: results/01/STUDENT.json, and before them results/STUDENT.json of old."""
    folder = to / "results"
    for file in (*sorted(folder.glob("*.json")), *sorted(folder.glob("*/*.json"))):
        try:
            record = read_record(file)
            lesson(record.assignment)
            yield record
        except (OSError, ValueError) as error:  # one that is torn costs the others nothing
            tqdm.write(str(error))


def _row(record: Record, given: dict[str, gradebook.Score], exercises: Sequence[str]) -> list[Any]:
    mine = lesson(record.assignment).exercises
    points = [given[name].points if name in given else None for name in exercises]
    total = sum(p for p in points if p is not None) if gradebook.is_complete(record, given) else None
    to_read = " ".join(name for name, score in given.items() if score.needs_person)
    most = sum(one.points for one in mine)
    return [record.student, record.assignment, *points, total, most, record.status, record.reason, to_read]


def _late(record: Record, total: float | None, due: Due | None) -> tuple[float | str | None, ...]:
    """Return the hours of delay, what they take off, and the total after that; nothing where it is not known."""
    hours = late.hours(record, due) if due else None
    if due is None or hours is None or total is None:
        return (None if hours is None else round(hours, 1), None, total)
    off = round(late.penalty(total, hours, due), 2)
    return (round(hours, 1), off, total - off)


def _csv(rows: Iterable[Sequence]) -> bytes:
    table = io.StringIO()
    csv.writer(table, lineterminator="\n").writerows([_field(value) for value in row] for row in rows)
    return table.getvalue().encode(errors="replace")


def _field(value: Any) -> str:
    """Return a field that no spreadsheet takes for a formula."""
    if value is None:
        return ""
    if isinstance(value, (int, float)):
        return f"{value:g}"
    text = str(value).replace("\0", "")
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r", "\n")) else text
