"""A page for each student: what each exercise got and why. One HTML file that asks no other host and runs no script."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from coursekit.exercises import notebooks
from coursekit.exercises.catalogue import lesson
from coursekit.exercises.model import Exercise
from coursekit.files import write_whole
from coursekit.homework import gradebook
from coursekit.homework.record import Record

_PAGE = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Homework {{ number }}: {{ student }}</title>
<style>
:root { color-scheme: light dark; }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 44rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-bottom: 0.2rem; }
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
<h1>Homework {{ number }}, {{ student }}</h1>
{%- if reason %}
<p><strong>Your file could not be graded by the program.</strong> {{ reason }} That is not zero points: a person will
look at it.</p>
{%- endif %}
<table>
<caption>Your points</caption>
<thead><tr><th scope="col">Exercise</th><th scope="col" class="points">Points</th></tr></thead>
<tbody>
{%- for one in exercises %}
<tr><th scope="row"><a href="#{{ one.anchor }}">{{ one.title }}</a></th><td class="points">{{ one.points }}</td></tr>
{%- endfor %}
<tr class="total"><th scope="row">Together</th><td class="points">{{ total }}</td></tr>
</tbody>
</table>
{%- if to_read %}
<p>A person will still read “{{ to_read | join("”, “") }}”. The points for that are still to come.</p>
{%- endif %}
{%- for one in exercises %}
<section aria-labelledby="{{ one.anchor }}">
<h2 id="{{ one.anchor }}">{{ one.title }} ({{ one.points }})</h2>
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
</main>
</body>
</html>
"""


def write(records: Sequence[Record], to: str | Path) -> None:
    """Write feedback/STUDENT.html for every record, and the same page to where nbgrader releases feedback from.

    Points come from the gradebook, so those that a person gave in formgrader, and the comments, are in it.

    Args:
        records: What came of grading, as ``gradebook.write`` took them before.
        to: The course folder.
    """
    gradebook.require_nbgrader()
    to = Path(to)
    for number in sorted({record.assignment for record in records}):
        given = gradebook.scores(number, to)
        name = notebooks.lesson_file(number).with_suffix(".html").name
        for record in records:
            if record.assignment == number:
                student = gradebook.student_name(record)
                content = page(record, given.get(student, {})).encode(errors="replace")
                folder = to / "feedback"
                for file in (folder / f"{student}.html", folder / student / number / name):
                    if not file.is_file() or file.read_bytes() != content:
                        file.parent.mkdir(parents=True, exist_ok=True)
                        write_whole(file, content)


def page(record: Record, given: dict[str, gradebook.Score]) -> str:
    """Return a student's page as HTML.

    Args:
        record: What came of grading.
        given: What the gradebook says, by exercise.
    """
    import jinja2

    exercises = lesson(record.assignment).exercises
    together = [given[one.id].points for one in exercises if one.id in given and given[one.id].points is not None]
    most = sum(one.points for one in exercises)
    is_complete = gradebook.is_complete(record, given)
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    return environment.from_string(_PAGE).render(
        number=record.assignment,
        student=record.student,
        reason="" if is_complete else record.reason or "The reason is not known.",
        exercises=[_part(one, record, given.get(one.id)) for one in exercises],
        total=_points(sum(together) if is_complete else None, most),
        to_read=[one.title for one in exercises if one.id in given and given[one.id].needs_person],
    )


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
