"""A page for each student: what each exercise got and why. One HTML file that asks no other host and runs no script."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from coursekit.exercises import notebooks
from coursekit.exercises.catalogue import lesson
from coursekit.exercises.model import Exercise
from coursekit.files import is_full, write_whole
from coursekit.homework import gradebook, late, tables
from coursekit.homework.late import Due
from coursekit.homework.record import Record

_PAGE = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Homework {{ parts | map(attribute="number") | join(", ") }}: {{ student }}</title>
<style>
:root { color-scheme: light dark; }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 44rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.25rem; } h3, section h2 { font-size: 1.15rem; margin-bottom: 0.2rem; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: 0.25rem 0.5rem; border-bottom: 1px solid; vertical-align: top; }
td.points, th.points { text-align: right; white-space: nowrap; }
.total { font-weight: bold; }
blockquote { margin: 0.5rem 0; padding: 0 1rem; border-left: 3px solid; }
blockquote { white-space: pre-wrap; overflow-wrap: anywhere; }
section { break-inside: avoid; }
@media print { body { margin: 0; max-width: none; font-size: 11pt; } }
</style>
</head>
<body>
<main>
<h1>Homework {{ parts[0].number + ", " if parts | length == 1 }}{{ student }}</h1>
{%- for part in parts %}
{%- if parts | length > 1 %}
<h2 id="lesson-{{ part.number }}">Homework {{ part.number }}</h2>
{%- endif %}
{%- if part.reason %}
<p><strong>Your file could not be graded by the program.</strong> {{ part.reason }} That is not zero points: a person
will look at it.</p>
{%- endif %}
<table>
<caption>Your points</caption>
<thead><tr><th scope="col">Exercise</th><th scope="col" class="points">Points</th></tr></thead>
<tbody>
{%- for one in part.exercises %}
<tr><th scope="row"><a href="#{{ one.anchor }}">{{ one.title }}</a></th><td class="points">{{ one.points }}</td></tr>
{%- endfor %}
<tr class="total"><th scope="row">Together</th><td class="points">{{ part.total }}</td></tr>
</tbody>
</table>
{%- if part.late %}
<p>{{ part.late }}</p>
{%- endif %}
{%- if part.to_read %}
<p>A person will still read “{{ part.to_read | join("”, “") }}”. The points for that are still to come.</p>
{%- endif %}
{%- for one in part.exercises %}
<section aria-labelledby="{{ one.anchor }}">
<h{{ level }} id="{{ one.anchor }}">{{ one.title }} ({{ one.points }})</h{{ level }}>
{%- for sentence in one.says %}
<p>{{ sentence }}</p>
{%- endfor %}
{%- if one.text %}
<p>You wrote:</p>
<blockquote>{{ one.text }}</blockquote>
{%- endif %}
{%- if one.comment %}
<p>Whoever read it says:</p>
<blockquote>{{ one.comment }}</blockquote>
{%- endif %}
</section>
{%- endfor %}
{%- endfor %}
</main>
</body>
</html>
"""


def write(records: Sequence[Record], to: str | Path) -> dict[str, str]:
    """Write the pages of feedback, with the points as the gradebook has them and the comments given in formgrader.

    feedback/STUDENT.html has all lessons of a student that were graded in the folder, feedback/STUDENT/NN/ one of them,
    where nbgrader releases it from.

    Args:
        records: What came of grading, as ``gradebook.write`` took them before.
        to: The course folder.

    Returns:
        {student: why their pages could not be written}.
    """
    gradebook.require_nbgrader()
    to, failed = Path(to), {}
    lessons: dict[str, list[Record]] = {}
    for record in tables.everything(to, records):
        lessons.setdefault(record.student, []).append(record)
    students = {record.student for record in records}
    numbers = {record.assignment for student in students for record in lessons[student]}
    given = {number: gradebook.scores(number, to) for number in numbers}
    due = late.read(to)
    for student in sorted(students):
        try:
            _write_pages(lessons[student], given, due, to)
        except Exception as error:  # the others have their pages
            if is_full(error):
                raise
            failed[student] = f"{type(error).__name__}: {error}"
    return failed


def _write_pages(
    records: Sequence[Record], given: dict[str, dict[str, dict[str, gradebook.Score]]], due: dict[str, Due], to: Path
) -> None:
    student, folder = gradebook.student_name(records[0]), to / "feedback"
    parts = [_lesson(record, given[record.assignment].get(student, {}), due) for record in records]
    pages = {folder / f"{student}.html": _page(records[0].student, parts)}
    for record, part in zip(records, parts, strict=True):
        name = notebooks.lesson_file(record.assignment).with_suffix(".html").name
        pages[folder / student / record.assignment / name] = _page(record.student, [part])
    for file, page in pages.items():
        content = page.encode(errors="replace")
        if not file.is_file() or file.read_bytes() != content:
            file.parent.mkdir(parents=True, exist_ok=True)
            write_whole(file, content)


def page(record: Record, given: dict[str, gradebook.Score]) -> str:
    """Return a student's page on one lesson as HTML.

    Args:
        record: What came of grading.
        given: What the gradebook says, by exercise.
    """
    return _page(record.student, [_lesson(record, given, {})])


def _page(student: str, parts: Sequence[dict]) -> str:
    import jinja2

    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    return environment.from_string(_PAGE).render(student=student, parts=parts, level=2 if len(parts) == 1 else 3)


def _lesson(record: Record, given: dict[str, gradebook.Score], due: dict[str, Due]) -> dict:
    """Return what a page says about one lesson."""
    exercises = lesson(record.assignment).exercises
    together = [given[one.id].points for one in exercises if one.id in given and given[one.id].points is not None]
    most = sum(one.points for one in exercises)
    is_complete = gradebook.is_complete(record, given)
    return {
        "number": record.assignment,
        "reason": "" if is_complete else record.reason or "The reason is not known.",
        "exercises": [_part(one, record, given.get(one.id)) for one in exercises],
        "total": _points(sum(together) if is_complete else None, most),
        "late": _late(record, sum(together) if is_complete else None, due.get(record.assignment)),
        "to_read": [one.title for one in exercises if one.id in given and given[one.id].needs_person],
    }


def _late(record: Record, total: float | None, due: Due | None) -> str:
    hours = late.hours(record, due) if due else None
    if not hours:
        return ""
    says = f"It was handed in {hours:.1f} hours after it was due."
    if total is not None and (off := round(late.penalty(total, hours, due), 2)):
        says += f" That takes {off:g} points off, so that {total - off:g} count."
    return says


def _part(exercise: Exercise, record: Record, given: gradebook.Score | None) -> dict:
    """Return what the page says about one exercise."""
    found = record.exercises.get(exercise.id) if record.is_graded else None
    points = given.points if given else found.points if found else None
    says = [found.says] if found else []
    if found and found.mistake:
        says.append(f"It looks like a usual mistake: {found.mistake}.")
    if given and given.is_manual:
        says.append("A person gave these points.")
    elif points is not None and points < exercise.points and not exercise.is_read_by_a_person:
        says.append(f'In the notebook, hint("{exercise.id}") helps on, and check(...) tells you when it is right.')
    return {
        "title": exercise.title,
        "anchor": notebooks.grade_id(exercise.id),
        "points": _points(points, exercise.points),
        "says": says,
        "text": found.text if found else "",
        "comment": given.comment if given else "",
    }


def _points(points: float | None, most: float) -> str:
    return f"– of {most:g}" if points is None else f"{points:g} of {most:g}"
