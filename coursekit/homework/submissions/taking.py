"""Which of a student's files is graded: the newest that answers the lesson, and not less of it than an older one."""

from __future__ import annotations

from dataclasses import replace

from coursekit.exercises.catalogue import LESSONS
from coursekit.exercises.model import Lesson
from coursekit.exercises.refused import RefusedError
from coursekit.homework.submissions.cells import is_begun
from coursekit.homework.submissions.finding import Submission
from coursekit.homework.submissions.reading import read_apart

_BEGUN = 3  # so many, or more: 3 and one for each exercise that was begun


def take(submission: Submission, lesson: Lesson) -> Submission:
    """Return a submission with that of its files which is to be graded, and notices of the others.

    That is the newest in which an exercise of the lesson was begun, unless more were begun in an older one: who hands
    in again begins at least as many, and a scratch notebook fewer. Where there is none, the newest with its exercises
    as they were handed out; then one without any; then one of another lesson; last, what cannot be read. Each is read
    as ``read_apart`` does, with its limits.

    Args:
        submission: As it was found.
        lesson: Which is graded.
    """
    if not submission.others:
        return submission
    files = (replace(submission, others=()), *submission.others)
    looked_at: list[tuple[int, str]] = []
    for one in files:
        looked_at.append(_worth(one, lesson))
        if looked_at[-1][0] == _BEGUN + len(lesson.exercises):
            break
    best = max(worth for worth, _ in looked_at)
    number = next(i for i, (worth, _) in enumerate(looked_at) if worth == best)
    taken = files[number]
    notices = [f"Of {len(files)} files {taken.file} was graded{_why(best, lesson)}."]
    for i, one in enumerate(files):
        if i != number:
            worth, what = looked_at[i] if i < len(looked_at) else (best, "")
            is_older = worth == best or (worth > _BEGUN and i > number)
            notices.append(f"{one.file} was not graded: {'it is older' if is_older else what}")
    return replace(taken, notices=(*submission.notices, *notices))


def _worth(one: Submission, lesson: Lesson) -> tuple[int, str]:
    """Return how well a file answers a lesson, and in words what it lacks."""
    try:
        cells = read_apart(one.read())
    except RefusedError as refused:
        return -1, str(refused)
    answered = {name for cell in cells for name in cell.answers}
    begun = [exercise.id for exercise in lesson.exercises if is_begun(cells, exercise)]
    if not answered.isdisjoint(begun):
        what = f"it is newer, but only {len(begun)} of {len(lesson.exercises)} exercises were begun in it"
        return _BEGUN + len(begun), what
    if any(exercise.id in answered for exercise in lesson.exercises):
        return 2, "its exercises are as they were handed out"
    others = sorted({name[:2] for name in answered} & {*LESSONS})
    return (0, f"it is of lesson {' and '.join(others)}") if others else (1, "there are no exercises in it")


def _why(best: int, lesson: Lesson) -> str:
    if best > _BEGUN:
        return f", the newest that answers lesson {lesson.number}"
    return f": none answers lesson {lesson.number}"
