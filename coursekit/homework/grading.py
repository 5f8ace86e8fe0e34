"""Grades a class: each submission runs in its own sandbox, and what comes out of it is compared here, outside.

A submission is run from its first cell to its last, as "Restart kernel and run all" would. An answer is what its
variable was when it was last checked, or what its function is at the end, with the names as they were at its last check
if it is still the same. First the lesson's own cells are left out as far as no other needs them, which takes a fraction
of the time: if all that was begun is right, that is enough, and if not, everything is run. The hidden inputs come in
only after all cells.

Where a run is ended from outside (its time is up, its process died), the notebook is run once more without the cell
that was running then, and if need be without those behind it.

What a limit of time stopped while it had to wait for the processor is run again after all others, alone: once.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from tqdm.auto import tqdm

from coursekit.exercises import catalogue, marks, notebooks
from coursekit.exercises.cases import case_of, seed_of
from coursekit.exercises.model import Lesson
from coursekit.exercises.refused import RefusedError
from coursekit.exercises.wire import encode_case
from coursekit.files import is_full, write_whole
from coursekit.homework import choosing, late, marking, sandbox, submissions
from coursekit.homework.alone import alone, temporary_folder
from coursekit.homework.marking import Attempt, Posed
from coursekit.homework.record import Record, read_record, to_json
from coursekit.homework.release import SECRET, variation
from coursekit.homework.sandbox import Ended, Limits, Run
from coursekit.homework.submissions import Cell, Submission

_MOST_NOTICES = 100  # that are printed
_NO_TIME_ALONE = (
    "A limit of time stopped it while the machine was busy, and there was no time left to run it again alone. "
    "The same command tries it again."
)
_NO_SECRET = (
    "The notebook has a variation of its own, but there is no class secret. Grade into the folder that it was released "
    "from, or name that one's secret: --secret-file FILE"
)
_FAULT = "The grader failed on it"
_NO_VARIATION = "The notebook has a variation of its own, but the lesson was released as one notebook for all."
_SETTINGS = "hidden cases from the instructor's seed"  # another word here makes all earlier results old
HIDDEN_CASES = sandbox.MOST_CASES - 1  # on which a function is tried, beside the one that its writer could see


class SecretMissingError(ValueError):
    """Each student was given a variation, but there is no class secret to tell the students' cases."""


@dataclass(frozen=True)
class Options:
    """How to grade.

    Attributes:
        lesson: The lesson's number; None: the one that was released, or that the files say.
        jobs: How many submissions run at once.
        secret: The class secret that the assignment was released with; None if every student has the same case.
        again: Grade everything, also what is done.
        no_sandbox: Run the students' code with nothing around it. Dangerous: it can do what you can do.
        limits: What one submission may take.
        students: The ids of the class; empty: those that the lesson was released for.
        pattern: A regular expression with a group ``student``, tried on each file's path; None: what is known of LMSs.
        due: Until when it was to be handed in: "2026-01-31 23:59". It is kept for later runs; "none" forgets it.
        late_penalty: Percent of the points that each begun day takes off, in columns of its own.
    """

    lesson: str | None = "01"
    jobs: int = 1
    secret: str | None = None
    again: bool = False
    no_sandbox: bool = False
    limits: Limits = Limits()  # noqa: RUF009  # frozen
    students: tuple[str, ...] = ()
    pattern: str | None = None
    due: str | None = None
    late_penalty: float | None = None


def grade(place: str | Path, to: str | Path, options: Options = Options()) -> list[Record]:
    """Grade what was handed in, and write results, gradebook, grades.csv and feedback into a course folder.

    It can be stopped (Ctrl-C) and started again: what is done is kept, as long as the same file is handed in.

    Args:
        place: The submissions: a folder or a zip (see ``submissions``).
        to: The course folder, made if it does not exist.
        options: How to grade.

    Returns:
        A record for each submission, by student.

    Raises:
        BusyError: Another grader is at work in the course folder.
        SandboxMissing: There is no sandbox here, and ``no_sandbox`` is False.
        FileNotFoundError: There is nothing at ``place``.
        ValueError: There is no such lesson, no such number of jobs, nothing was handed in, or it was released with
            variations and there is no secret.
    """
    from coursekit.homework import feedback, gradebook

    place, to, records = Path(place), Path(to), []
    options = replace(options, lesson=options.lesson or choosing.which_lesson(place, to))
    catalogue.lesson(options.lesson)
    if not place.exists():
        raise FileNotFoundError(f"There are no submissions at {place}.")
    with alone(to):
        late.keep(to, options.lesson, options.due, options.late_penalty)
        try:
            for record in mark(place, to, options):
                records.append(record)
        finally:  # stopped in between, what is done gets into the gradebook too
            records.sort(key=lambda record: record.student.casefold())
            if records:
                records = gradebook.write(records, to)
                for student, why in feedback.write(records, to).items():
                    tqdm.write(f"{student}: the page of feedback could not be written. {why}")
    return records


def mark(
    place: str | Path, to: str | Path, options: Options = Options(), course: str | Path | None = None
) -> Iterator[Record]:
    """Grade as ``grade`` does, but write only results/ and notebooks/; yield each record as soon as it is there.

    ``course`` is the folder that the lesson was released into, if that is another than ``to``.
    """
    place, to, course = Path(place), Path(to), Path(course or to)
    lesson = catalogue.lesson(options.lesson or choosing.which_lesson(place, course))
    if options.jobs < 1:
        raise ValueError(f"jobs must be 1 or more, not {options.jobs}.")
    is_inside = place.is_dir() and to.resolve().is_relative_to(place.resolve())
    if is_inside and not (place / "submitted").is_dir():  # nbgrader's course folder has its own place for them
        raise ValueError(f"The course folder {to} must not lie inside the submissions {place}.")
    released_for = choosing.class_of(course, lesson.number)
    if released_for and options.secret is None:
        raise SecretMissingError(
            f"Lesson {lesson.number} was released with a variation for each student, but there is no class secret at "
            f"{course / SECRET}. Name it: --secret-file FILE"
        )
    known = options.students or released_for
    found, notices = submissions.find(place, lesson.number, known, options.pattern)
    if not found:
        raise ValueError(f"There is no submission in {place}. {' '.join(notices[:3])}".strip())
    if not options.no_sandbox:
        sandbox.check()
        tqdm.write(sandbox.in_force(options.limits))
    for name in ("results", "notebooks"):
        (to / name / lesson.number).mkdir(parents=True, exist_ok=True)
    for notice in notices[:_MOST_NOTICES]:
        tqdm.write(notice)
    if len(notices) > _MOST_NOTICES:
        tqdm.write(f"{len(notices) - _MOST_NOTICES} more files were left alone.")
    with temporary_folder() as folder:
        batch = _batch(lesson, options, place, to, folder, choosing.is_same_for_all(course, lesson.number))
        with closing(_run_all(batch, found)) as everyone:
            for outcome in everyone:
                yield outcome if isinstance(outcome, Record) else _keep(outcome, batch)


# ---- a batch


@dataclass(frozen=True)
class _Batch:
    """What all submissions of a run have in common.

    Attributes:
        lesson: What was asked.
        options: How to grade.
        place: The submissions.
        to: The course folder.
        folder: A folder for what the sandboxes get.
        posed: What stands in the text cells before a student writes into them.
        own: The lesson's own code cells, as they stand in it and as they are handed out.
        hidden_seed: What the hidden cases are drawn from.
        varies: Whether each student has a variation: a course has a secret as soon as one of its lessons varies.
        stop: Once set, what runs is ended.
    """

    lesson: Lesson
    options: Options
    place: Path
    to: Path
    folder: Path
    posed: Posed
    own: frozenset[str]
    hidden_seed: str
    varies: bool
    stop: threading.Event

    def token(self, student: str) -> str | None:
        """Return the student's variation, from the secret: what the notebook says of it does not count."""
        return variation(self.options.secret, student) if self.varies else None

    def settings(self, student: str) -> str:
        """Return a mark of all that a grade depends on besides the submission."""
        depends_on = [self.lesson.number, self.token(student), _SETTINGS, self.hidden_seed]
        return hashlib.sha256(json.dumps(depends_on).encode()).hexdigest()[:16]


def _batch(lesson: Lesson, options: Options, place: Path, to: Path, folder: Path, is_same_for_all: bool) -> _Batch:
    hidden_seed = options.secret or _stored_seed(to / "hidden-cases.txt")
    folder.chmod(0o755)  # the sandbox's user must get through
    (folder / "prepared").mkdir()
    sandbox.prepare(folder / "prepared")
    own = _own_code(lesson)
    varies = options.secret is not None and not is_same_for_all
    return _Batch(lesson, options, place, to, folder, _posed(lesson), own, hidden_seed, varies, threading.Event())


def _posed(lesson: Lesson) -> Posed:
    cells = json.loads(notebooks.lesson_file(lesson.number).read_bytes())["cells"]
    texts = [
        (notebooks.exercise_id(cell), marks.without_solutions("markdown", notebooks.cell_source(cell)))
        for cell in cells
        if cell["cell_type"] == "markdown"
    ]
    own = {text.strip() for _, text in texts}
    for words, others in lesson.instead.items():  # as learners read them
        own |= {text.replace(words, others) for text in own}
    own |= {source.strip() for source in _own_code(lesson)}
    names = frozenset(one.answer for one in lesson.exercises if not one.is_read_by_a_person)
    return Posed({name: text for name, text in texts if name}, frozenset(own), names)


def _own_code(lesson: Lesson) -> frozenset[str]:
    import nbformat

    notebook = nbformat.read(notebooks.lesson_file(lesson.number), as_version=4)
    cut = notebooks.cut_results(notebooks.cut_solutions(notebook), lesson.instead)
    return frozenset(cell.source for cell in [*notebook.cells, *cut.cells] if cell.cell_type == "code")


def _stored_seed(file: Path) -> str:
    """Return what the hidden cases are drawn from without a class secret: made once, so that a regrade is the same."""
    if not file.exists():
        write_whole(file, secrets.token_hex(32).encode(), mode=0o600)
    return file.read_text()


def _run_all(batch: _Batch, found: list[Submission]) -> Iterator[Attempt | Record]:
    """Yield what came of each submission, in the order in which they end."""
    jobs, start, starved = batch.options.jobs, time.monotonic(), []
    with ThreadPoolExecutor(jobs) as pool, tqdm(total=len(found), unit="submission", desc="Grading") as bar:
        waiting = {pool.submit(_attempt, batch, submission): submission for submission in found}
        try:
            while waiting:
                done, _ = wait(waiting, return_when=FIRST_COMPLETED)
                for future in done:
                    submission, error = waiting.pop(future), future.exception()
                    if error and is_full(error):  # then nobody's can be graded
                        raise error
                    outcome = Attempt(submission, reason=_fault(error)) if error else future.result()
                    if isinstance(outcome, Attempt) and outcome.waited >= marking.BUSY:
                        starved.append(outcome)
                        tqdm.write(f"{submission.student}: stopped while the machine was busy. It runs again, alone.")
                        continue
                    yield outcome
                    bar.update()
            began = time.monotonic()
            end = began + _seconds_alone(began - start, batch.options.limits)
            for attempt in starved:
                yield _once_more(batch, attempt) if time.monotonic() < end else replace(attempt, reason=_NO_TIME_ALONE)
                bar.update()
        finally:  # also on Ctrl-C: what runs is ended, what waits is not begun
            batch.stop.set()
            pool.shutdown(cancel_futures=True)


def _seconds_alone(took: float, limits: Limits) -> float:
    """Return how long second runs may begin: so nobody can make a class take much more than twice its time."""
    return max(took, limits.whole_seconds)


def _once_more(batch: _Batch, attempt: Attempt) -> Attempt:
    try:
        again = _run(batch, replace(attempt, reason=""))
    except Exception as error:
        if is_full(error):
            raise
        again = replace(attempt, runs=(), reason=_fault(error))
    return replace(again, earlier=attempt)


def _fault(error: BaseException) -> str:
    return f"{_FAULT} ({type(error).__name__}: {error})."


def _keep(attempt: Attempt, batch: _Batch) -> Record:
    """Mark an attempt, and keep the record and a safe copy of the notebook."""
    settings = batch.settings(attempt.submission.student)
    how = (batch.lesson, batch.posed, settings, batch.options.limits)
    try:
        record = marking.record_of(attempt, *how)
    except Exception as error:  # a fault of ours must not cost the others their grades
        record = marking.record_of(replace(attempt, reason=_fault(error)), *how)
    if not record.is_graded and (earlier := _graded_before(attempt, batch)):  # of the same file, so it is no news of it
        tqdm.write(f"{record.student}: not graded anew, and the grade of before stays. {record.reason}")
        return earlier
    try:
        if record.notebook:
            _write_copy(batch.to / record.notebook, attempt.cells)
        write_whole(_file_of(record.student, batch), to_json(record).encode())
    except Exception as error:
        if is_full(error):  # then nobody's can be kept
            raise
        record = marking.record_of(replace(attempt, reason=_fault(error)), *how)
        record = replace(record, notebook=None)
    tqdm.write(f"{record.student}: {_summary(record)}")
    return record


def _write_copy(file: Path, cells: tuple[Cell, ...]) -> None:
    write_whole(file, json.dumps(submissions.safe_copy(cells), indent=1).encode())


def _file_of(student: str, batch: _Batch) -> Path:
    return batch.to / "results" / batch.lesson.number / f"{student}.json"


def _summary(record: Record) -> str:
    if not record.is_graded:
        return f"not graded. {record.reason}"
    results = record.exercises.values()
    points = sum(result.points or 0 for result in results)
    return f"{points:g} of {sum(result.max for result in results):g} points, {record.seconds:.1f} s"


# ---- one submission, in a thread


def _attempt(batch: _Batch, submission: Submission) -> Attempt | Record:
    """Read and run one submission; return the record if it was done before."""
    attempt = Attempt(submission)
    try:
        submission = submissions.take(submission, batch.lesson)
        attempt = Attempt(submission)
        content = submission.read()
        attempt = replace(attempt, sha256=hashlib.sha256(content).hexdigest())
        if not batch.options.again and (record := _finished(attempt, batch)):
            if record.notebook and not (batch.to / record.notebook).exists():  # results/ came from another machine
                _write_copy(batch.to / record.notebook, submissions.read_apart(content))
            return record
        cells = submissions.read_apart(content)
        _refuse_another_lesson(cells, batch.lesson)
        if not batch.varies and marking.variations(cells):
            raise RefusedError(_NO_SECRET if batch.options.secret is None else _NO_VARIATION)
        return _run(batch, replace(attempt, cells=cells, cases=_cases(batch, submission.student)))
    except RefusedError as refused:
        return replace(attempt, reason=str(refused))
    except Exception as error:
        if is_full(error):
            raise
        return replace(attempt, reason=_fault(error))


def _run(batch: _Batch, attempt: Attempt) -> Attempt:
    """Run what was read."""
    runs = _runs(batch, attempt)
    reason = ""
    if runs[-1].ended is Ended.STOPPED:
        reason = "The grading was stopped."
    elif not runs[-1].is_ready:
        reason = f"The notebook could not be started ({runs[-1].says or runs[-1].ended.value})."
    return replace(attempt, runs=runs, reason=reason)


def _refuse_another_lesson(cells: tuple[Cell, ...], lesson: Lesson) -> None:
    numbers = choosing.lessons_of(cells)
    if numbers and lesson.number not in numbers:
        raise RefusedError(
            f"This is the notebook of lesson {' and '.join(sorted(numbers))}, and lesson {lesson.number} was graded."
        )


def _finished(attempt: Attempt, batch: _Batch) -> Record | None:
    """Return the record of an earlier run, if it is of the same file, was graded, and with the same settings."""
    record = _graded_before(attempt, batch)
    return record if record and record.settings == batch.settings(record.student) else None


def _graded_before(attempt: Attempt, batch: _Batch) -> Record | None:
    """Return the record of an earlier run, if it was graded and is of the same file, or the grader could read none."""
    try:
        record = read_record(_file_of(attempt.submission.student, batch))
    except (OSError, ValueError):
        return None
    is_same = attempt.sha256 == record.sha256 or (not attempt.sha256 and attempt.reason.startswith(_FAULT))
    return record if record.is_graded and is_same and record.assignment == batch.lesson.number else None


def _cases(batch: _Batch, student: str) -> dict[str, list[dict]]:
    """Return the cases of each exercise: the one that the student sees, then, for a function, hidden ones."""
    token = batch.token(student)
    cases = {}
    for one in batch.lesson.exercises:
        seeds = [seed_of(token, one.id)]
        if one.is_function:
            base = f"{batch.hidden_seed}/{student}"  # nothing that a student has: a table made at home is of no use
            seeds += [seed_of(f"{base}/{i}", one.id) for i in range(1, HIDDEN_CASES + 1)]
        cases[one.id] = [case_of(one, seed) for seed in seeds]
    return cases


def _runs(batch: _Batch, attempt: Attempt) -> tuple[Run, ...]:
    """Run a submission, and up to twice more without what ended the run before."""
    runs: list[Run] = []
    left_out: set[int | str | None] = set()
    in_short = any(_is_own(cell, batch) for cell in attempt.cells)
    while True:
        run = _run_once(batch, attempt, left_out, in_short)
        if in_short and run.ended is Ended.DONE and not marking.is_settled(replace(attempt, runs=(run,)), batch.lesson):
            in_short = False
            continue
        runs.append(run)
        if run.ended in (Ended.DONE, Ended.STOPPED) or run.at is None or run.at in left_out or len(runs) == 3:
            return tuple(runs)
        left_out.add(run.at)
        in_short = False
        if len(runs) == 2 or run.ended is Ended.WHOLE_TIME:  # what came before can still be tried on the hidden inputs
            is_long = len(runs) == 2 and sum(one.seconds for one in runs) > batch.options.limits.whole_seconds
            if is_long or not marking.lacks_hidden(run, batch.lesson):
                return tuple(runs)
            left_out |= {i for i in range(len(attempt.cells)) if isinstance(run.at, int) and i > run.at}


def _run_once(batch: _Batch, attempt: Attempt, left_out: set, in_short: bool) -> Run:
    hidden, options = (batch.place, batch.to), batch.options
    with tempfile.TemporaryDirectory(dir=batch.folder) as folder:
        job = Path(folder)
        _write_job(job, batch, attempt, left_out, in_short)
        return sandbox.run(
            batch.folder / "prepared", job, options.limits, batch.stop, hidden, no_sandbox=options.no_sandbox
        )


def _is_own(cell: Cell, batch: _Batch) -> bool:
    return cell.kind == "code" and not cell.answers and cell.source in batch.own


def _write_job(job: Path, batch: _Batch, attempt: Attempt, left_out: set, in_short: bool) -> None:
    """Write what the sandbox gets: the code, and what is given in the exercises."""
    cells, names = attempt.cells, {one.id: one.answer for one in batch.lesson.exercises}
    answering = {i for one in batch.lesson.exercises for i in submissions.answers_to(cells, one)}
    # Copies of a function's stub beside its answer. A value's does no harm, and others may need what it is given,
    # as they may need a helper or an import that was written above a stub.
    functions = {one.id for one in batch.lesson.exercises if one.is_function}
    stubs = {i for i, cell in enumerate(cells) if marks.is_unfinished(cell.kind, cell.source)}
    superseded = {
        i
        for i in stubs - answering
        if functions & cells[i].answers and submissions.names_in(cells[i]) <= {*names.values()}
    }
    run_cells = [
        {
            "number": i,
            "source": cell.source,
            "takes": {
                **{name: names[name] for name in names if name in cell.answers},
                **{name: code or names[name] for name, code in submissions.checks_in(cell).items() if name in names},
            },
            "own": in_short and _is_own(cell, batch),
        }
        for i, cell in enumerate(cells)
        if cell.kind == "code" and i not in left_out and i not in superseded
    ]
    encoded = {name: [encode_case(case) for case in given] for name, given in attempt.cases.items()}
    exercises = [
        {"id": one.id, "answer": one.answer, "cases": encoded[one.id][:1] if one.is_function else None}
        for one in batch.lesson.exercises
        if not one.is_read_by_a_person and one.id not in left_out
    ]
    content = {
        "cells": run_cells,
        "exercises": exercises,
        "hidden": any(one["cases"] for one in exercises),
        "variation": batch.token(attempt.submission.student),
        "cell_seconds": batch.options.limits.cell_seconds,
        "case_seconds": batch.options.limits.case_seconds,
    }
    (job / "job.json").write_text(json.dumps(content))
    hidden = {one["id"]: encoded[one["id"]][1:] for one in exercises if one["cases"]}
    (job / "hidden.json").write_text(json.dumps(hidden))
    seen = job / "seen" / "given.json"
    seen.parent.mkdir()
    seen.write_text(json.dumps({name: given[0] for name, given in encoded.items()}))
    for path in (seen.parent, seen, job / "hidden.json"):  # readable to the sandbox's own user
        path.chmod(0o755 if path.is_dir() else 0o644)
