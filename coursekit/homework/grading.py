"""Grades a class: each submission runs in its own sandbox, and what comes out of it is compared here, outside.

A submission is run from its first cell to its last, as "Restart kernel and run all" would. An answer is what its
variable or function is at the end. Where a run is ended from outside (its time is up, its process died), what stood
right behind each exercise's cell counts, and the notebook is run once more without the cell that was running then.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from tqdm.auto import tqdm

from coursekit.homework import answers, exercises, notebooks, sandbox, submissions
from coursekit.homework.answers import RefusedError
from coursekit.homework.exercises import Exercise, Lesson, Verdict
from coursekit.homework.release import variation
from coursekit.homework.runner import encode
from coursekit.homework.sandbox import Limits, Run
from coursekit.homework.submissions import Cell, Submission

HIDDEN_CASES = sandbox.MOST_CASES - 1  # on which a function is tried, beside the one that its writer could see
_NO_CELL = "There is no cell for this exercise."
_NO_ANSWER = "There is no answer yet."
_HINT = " hint(...) helps on."
_ENDED = {
    "died": "The process of the notebook ended while {at} was running.",
    "cell time": "{At} did not end in time, and ignored the interrupt.",
    "whole time": "The notebook took longer than {whole:g} seconds; it was stopped at {at}.",
    "memory": "The notebook took more than {memory:.0f} GB of memory; it was stopped at {at}.",
    "output": "More came out of the notebook than is read; it was stopped at {at}.",
}


@dataclass
class _Graded:
    """What a worker found out; what is right, the main thread says."""

    submission: Submission
    sha256: str = ""
    kept: dict | None = None
    cells: list[Cell] = field(default_factory=list)
    cases: dict[str, list[dict]] = field(default_factory=dict)
    runs: list[Run] = field(default_factory=list)
    log: list[str] = field(default_factory=list)
    reason: str = ""


def grade(
    place: str | Path,
    to: str | Path,
    lesson: str = "01",
    jobs: int = 1,
    secret: str | None = None,
    again: bool = False,
    no_sandbox: bool = False,
    limits: Limits | None = None,
) -> list[dict]:
    """Grade what was handed in, and write results, gradebook, grades.csv and feedback into a course folder.

    It can be stopped (Ctrl-C) and started again: what is done is kept, as long as the same file is handed in.

    Args:
        place: The submissions: a folder or a zip (see ``submissions``).
        to: The course folder, made if it does not exist.
        lesson: The lesson's number.
        jobs: How many submissions run at once.
        secret: The class secret that the assignment was released with; None if every student has the same case.
        again: Grade everything, also what is done.
        no_sandbox: Run the students' code with nothing around it. Dangerous: it can do what you can do.
        limits: What one submission may take.

    Returns:
        A record for each submission, by student.

    Raises:
        SandboxMissing: There is no sandbox here, and ``no_sandbox`` is False.
        FileNotFoundError: There is nothing at ``place``.
        ValueError: There is no such lesson, no such number of jobs, or nothing was handed in.
    """
    from coursekit.homework import feedback, gradebook

    records = []
    try:
        for record in mark(place, to, lesson, jobs, secret, again, no_sandbox, limits):
            records.append(record)
    finally:  # stopped in between, what is done gets into the gradebook too
        records.sort(key=lambda record: record["student"].casefold())
        if records:
            gradebook.write(records, to)
            feedback.write(records, to)
    return records


def mark(
    place: str | Path,
    to: str | Path,
    lesson: str = "01",
    jobs: int = 1,
    secret: str | None = None,
    again: bool = False,
    no_sandbox: bool = False,
    limits: Limits | None = None,
) -> Iterator[dict]:
    """Grade as ``grade`` does, but write only results/ and notebooks/; yield each record as soon as it is there."""
    asked, place, to = exercises.lesson(lesson), Path(place), Path(to)
    if jobs < 1:
        raise ValueError(f"jobs must be 1 or more, not {jobs}.")
    is_inside = place.is_dir() and to.resolve().is_relative_to(place.resolve())
    if is_inside and not (place / "submitted").is_dir():  # nbgrader's course folder has its own place for them
        raise ValueError(f"The course folder {to} must not lie inside the submissions {place}.")
    found, notices = submissions.find(place, lesson)
    if not found:
        raise ValueError(f"There is no submission in {place}. {' '.join(notices[:3])}".strip())
    if not no_sandbox:
        sandbox.check()
    for name in ("results", "notebooks"):
        (to / name).mkdir(parents=True, exist_ok=True)
    for notice in notices:
        tqdm.write(notice)
    with tempfile.TemporaryDirectory(prefix="coursekit-grading-") as folder:
        batch = _Batch(Path(folder), place, to, asked, secret, again, no_sandbox, limits or Limits())
        with closing(batch.run(found, jobs)) as everyone:
            for graded in everyone:
                try:
                    record = graded.kept or _record(graded, batch)
                except Exception as error:  # a fault of ours must not cost the others their grades
                    graded.reason = f"The grader failed on it ({type(error).__name__}: {error})."
                    record = _record(graded, batch)
                if graded.kept is None:
                    _write(record, graded, to)
                    tqdm.write(f"{record['student']}: {_summary(record)}")
                yield record


class _Batch:
    """What all submissions of a run have in common."""

    def __init__(
        self,
        folder: Path,
        place: Path,
        to: Path,
        asked: Lesson,
        secret: str | None,
        again: bool,
        no_sandbox: bool,
        limits: Limits,
    ):
        self.folder, self.to, self.asked, self.secret = folder, to, asked, secret
        self.again, self.no_sandbox, self.limits = again, no_sandbox, limits
        self.hidden = (place, to)
        self.hidden_seed = secret or _stored_seed(to / "hidden-cases.txt")
        self.posed = _posed(asked)
        self.stop = threading.Event()
        folder.chmod(0o755)  # the sandbox's user must get through
        (folder / "prepared").mkdir()
        sandbox.prepare(folder / "prepared")

    def run(self, found: list[Submission], jobs: int) -> Iterator[_Graded]:
        """Yield what came of each submission, in the order in which they end."""
        with ThreadPoolExecutor(jobs) as pool, tqdm(total=len(found), unit="submission", desc="Grading") as bar:
            waiting = {pool.submit(self.one, submission): submission for submission in found}
            try:
                while waiting:
                    done, _ = wait(waiting, return_when=FIRST_COMPLETED)
                    for future in done:
                        submission = waiting.pop(future)
                        error = future.exception()
                        if error is not None:
                            reason = f"The grader failed on it ({type(error).__name__}: {error})."
                            yield _Graded(submission, reason=reason)
                        else:
                            yield future.result()
                        bar.update()
            finally:  # also on Ctrl-C: what runs is ended, what waits is not begun
                self.stop.set()
                pool.shutdown(cancel_futures=True)

    def one(self, submission: Submission) -> _Graded:
        """Read and run one submission."""
        graded = _Graded(submission, log=list(submission.notices))
        try:
            content = submission.read()
            graded.sha256 = hashlib.sha256(content).hexdigest()
            graded.kept = None if self.again else self.finished(graded)
            if graded.kept is not None:
                return graded
            graded.cells = submissions.read_cells(content)
        except RefusedError as refused:
            graded.reason = str(refused)
            return graded
        graded.cases = self.cases(submission.student)
        graded.runs = self.runs(graded)
        last = graded.runs[-1]
        if last.ended == "stopped":
            graded.reason = "The grading was stopped."
        elif not last.is_ready:
            graded.reason = f"The notebook could not be started ({last.says or last.ended})."
        return graded

    def token(self, student: str) -> str | None:
        """Return the student's variation, from the secret: what the notebook says of it does not count."""
        return variation(self.secret, student) if self.secret else None

    def settings(self, student: str) -> str:
        """Return a mark of all that a grade depends on besides the submission."""
        depends_on = [self.asked.number, self.token(student)]
        return hashlib.sha256(json.dumps(depends_on).encode()).hexdigest()[:16]

    def finished(self, graded: _Graded) -> dict | None:
        """Return the record of an earlier run, if it is of the same file and was graded."""
        try:
            record = json.loads((self.to / "results" / f"{graded.submission.student}.json").read_bytes())
        except (OSError, ValueError):
            return None
        expected = {
            "sha256": graded.sha256,
            "status": "graded",
            "assignment": self.asked.number,
            "settings": self.settings(graded.submission.student),
        }
        is_same = isinstance(record, dict) and all(record.get(key) == value for key, value in expected.items())
        return record if is_same else None

    def cases(self, student: str) -> dict[str, list[dict]]:
        """Return the cases of each exercise: the one that the student sees, then, for a function, hidden ones."""
        token = self.token(student)
        cases = {}
        for one in self.asked.exercises:
            seeds = [exercises.seed_of(token, one.id)]
            if one.is_function:
                base = token or f"{self.hidden_seed}/{student}"
                seeds += [exercises.seed_of(f"{base}/{i}", one.id) for i in range(1, HIDDEN_CASES + 1)]
            cases[one.id] = [one.case(seed) for seed in seeds]
        return cases

    def runs(self, graded: _Graded) -> list[Run]:
        """Run a submission, and once more without what ended the first run."""
        runs: list[Run] = []
        left_out: set[int | str | None] = set()
        while len(runs) < 2:
            with tempfile.TemporaryDirectory(dir=self.folder) as folder:
                job = Path(folder)
                self.write_job(job, graded, left_out)
                run = sandbox.run(self.folder / "prepared", job, self.limits, self.stop, self.hidden, self.no_sandbox)
            runs.append(run)
            if run.ended in ("done", "stopped", "whole time") or run.at is None or run.at in left_out:
                break
            left_out.add(run.at)
        return runs

    def write_job(self, job: Path, graded: _Graded, left_out: set) -> None:
        """Write what the sandbox gets: the code, and what is given in the exercises."""
        superseded = {
            i
            for one in self.asked.exercises
            for i, cell in enumerate(graded.cells)
            if cell.kind == "code" and one.id in cell.answers and i not in submissions.answers_to(graded.cells, one)
        }
        cells = [
            {"number": i, "source": cell.source, "answers": sorted(cell.answers)}
            for i, cell in enumerate(graded.cells)
            if cell.kind == "code" and i not in left_out and i not in superseded
        ]
        encoded = {
            name: [{key: encode(value) for key, value in case.items()} for case in cases]
            for name, cases in graded.cases.items()
        }
        asked = [
            {"id": one.id, "answer": one.answer, "cases": encoded[one.id] if one.is_function else None}
            for one in self.asked.exercises
            if not one.is_read_by_a_person and one.id not in left_out
        ]
        content = {
            "cells": cells,
            "exercises": asked,
            "variation": self.token(graded.submission.student),
            "cell_seconds": self.limits.cell_seconds,
            "case_seconds": self.limits.case_seconds,
        }
        (job / "job.json").write_text(json.dumps(content))
        seen = job / "seen" / "given.json"
        seen.parent.mkdir()
        seen.write_text(json.dumps({name: cases[0] for name, cases in encoded.items()}))
        for path in (seen.parent, seen):  # readable to the sandbox's own user
            path.chmod(0o755 if path.is_dir() else 0o644)


def _posed(asked: Lesson) -> dict[str, str]:
    """Return what stands in the text cells before a student writes into them, by exercise."""
    cells = json.loads(notebooks.lesson_file(asked.number).read_bytes())["cells"]
    texts = [cell for cell in cells if cell["cell_type"] == "markdown"]
    # Between the marks stands the solution, which students never saw.
    return {
        name: re.sub(
            r"<!-- BEGIN SOLUTION -->.*?<!-- END SOLUTION -->", "", notebooks.cell_source(cell), flags=re.DOTALL
        )
        for cell in texts
        if (name := notebooks.exercise_id(cell))
    }


# ---- records


def _record(graded: _Graded, batch: _Batch) -> dict:
    submission, asked = graded.submission, batch.asked
    scores = {}
    for one in asked.exercises if not graded.reason else ():
        marked = _by_person(one, graded, batch) if one.is_read_by_a_person else _by_program(one, graded)
        scores[one.id] = {"max": one.points, "mistake": "", "needs_person": False, "text": "", **marked}
    return {
        "student": submission.student,
        "assignment": asked.number,
        "file": submission.file,
        "sha256": graded.sha256,
        "settings": batch.settings(submission.student),
        "submitted_at": submission.submitted_at,
        "graded_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "status": "ungraded" if graded.reason else "graded",
        "reason": graded.reason,
        "seconds": round(sum(run.seconds for run in graded.runs), 2),
        "log": graded.log + _log(graded, batch.limits),  # after the scores, which add to it
        "exercises": scores,
        "notebook": f"notebooks/{submission.student}.ipynb" if graded.cells else None,
    }


def _by_person(exercise: Exercise, graded: _Graded, batch: _Batch) -> dict:
    found = submissions.answers_to(graded.cells, exercise)
    if not found:  # the text may stand anywhere: that is for a person to see
        return {"points": None, "says": _NO_CELL, "needs_person": True}
    text = submissions.text_of(graded.cells[found[-1]], batch.posed.get(exercise.id, ""))
    text = "".join(c for c in text if c in "\n\t" or c.isprintable())
    if not text:
        return {"points": 0.0, "says": _NO_ANSWER}
    return {"points": None, "says": "A person reads this.", "needs_person": True, "text": text}


def _by_program(exercise: Exercise, graded: _Graded) -> dict:
    verdict = _verdict(exercise, graded)
    points = exercise.points if verdict.is_right else 0.0
    return {"points": float(points), "says": verdict.says, "mistake": verdict.mistake}


def _verdict(exercise: Exercise, graded: _Graded) -> Verdict:
    """Compare an exercise's answers with the right ones, or say why there is nothing to compare."""
    messages = [run.answers[exercise.id] for run in graded.runs if exercise.id in run.answers]
    messages.sort(key=lambda message: "missing" not in message)  # stable: else the last run's is the last
    if not messages:
        return Verdict(False, _why_nothing(exercise, graded))
    if messages[-1].get("missing") is True:
        return Verdict(False, _why_missing(exercise, graded))
    cases = graded.cases[exercise.id]
    came = messages[-1].get("answers")
    try:
        if not isinstance(came, list) or len(came) > len(cases):
            raise RefusedError("answers that are none")
        read = [answers.read_answer(one) for one in came]
    except RefusedError as refused:
        graded.log.append(f"{exercise.id}: what came out of the sandbox was refused: {refused}")
        return Verdict(False, "What the notebook gave as an answer could not be read as data.")
    for i, (_, fault) in enumerate(read):
        if fault:
            graded.log.append(f"{exercise.id}, {'the given' if i == 0 else 'a hidden'} case: {fault}")
            return Verdict(False, _in_words(exercise, fault, is_hidden=i > 0))
    if len(read) < len(cases):
        return Verdict(False, "What the notebook gave as an answer is not complete.")
    verdict = exercises.compare(exercise, cases, [value for value, _ in read])
    return Verdict(verdict.is_right, verdict.says.removesuffix(_HINT), verdict.mistake)


def _why_nothing(exercise: Exercise, graded: _Graded) -> str:
    """Say why no answer of an exercise came out of the sandbox."""
    ended = [run.at for run in graded.runs if run.ended != "done"]
    mine = submissions.answers_to(graded.cells, exercise)
    if any(at == exercise.id for at in ended):
        return f"{exercise.answer} did not end in time, or ended the whole process."
    if any(at in mine for at in ended):
        return "The cell of this exercise did not end in time, or ended the whole process."
    return "The notebook was stopped before it came to this exercise." if mine else _NO_CELL


def _why_missing(exercise: Exercise, graded: _Graded) -> str:
    mine = submissions.answers_to(graded.cells, exercise)
    if not mine:
        return _NO_CELL
    errors = {number: says for run in graded.runs for number, says in run.errors.items()}
    says = next((errors[i] for i in reversed(mine) if i in errors), "")
    if says.startswith("NotImplementedError") or not says:
        return f"There is no answer yet: the cell does not define {exercise.answer}."
    return f"The cell stopped before it defined {exercise.answer}. {says}"


def _in_words(exercise: Exercise, fault: str, is_hidden: bool) -> str:
    """Say what was wrong with a call or a value. A hidden case's message could tell its input: not shown."""
    kind, _, text = fault.partition(" ")
    if kind == "late":
        return f"{exercise.answer} took too long and was stopped."
    if kind == "not_plain":
        what = f"What {exercise.answer} returns" if exercise.is_function else exercise.answer
        return f"{what} is {text}."
    error, _, message = text.partition(": ")
    if error == "NotImplementedError":
        return _NO_ANSWER
    if is_hidden:
        return f"{exercise.answer} works on one input, but on another it stops with {error}."
    return f"{exercise.answer} stops with {error}{': ' if message else ''}{message}"


def _log(graded: _Graded, limits: Limits) -> list[str]:
    lines = []
    for number, run in enumerate(graded.runs):
        if number:
            lines.append("It was run once more without that.")
        lines += [f"Cell {i}: {says}" for i, says in sorted(run.errors.items())]
        lines += [f"What came out of the sandbox was refused: {what}" for what in dict.fromkeys(run.refused)]
        if run.ended in _ENDED:
            at = (
                "the start"
                if run.at is None
                else f"cell {run.at}"
                if isinstance(run.at, int)
                else answers.clean(run.at)
            )
            says = _ENDED[run.ended].format(
                at=at, At=at[0].upper() + at[1:] if at else "", whole=limits.whole_seconds, memory=limits.memory / 2**30
            )
            lines.append(says)
    for name in sorted({name for cell in graded.cells for name in cell.answers}):
        count = sum(name in cell.answers for cell in graded.cells)
        if count > 1:
            lines.append(f"There are {count} cells for {name}; the last one counts that is not empty.")
    return lines


def _summary(record: dict) -> str:
    if record["status"] == "ungraded":
        return f"not graded. {record['reason']}"
    scores = record["exercises"].values()
    points = sum(score["points"] or 0 for score in scores)
    return f"{points:g} of {sum(score['max'] for score in scores):g} points, {record['seconds']:.1f} s"


def _write(record: dict, graded: _Graded, to: Path) -> None:
    if record["notebook"]:
        content = json.dumps(submissions.safe_copy(graded.cells), indent=1)
        notebooks.write_whole(to / record["notebook"], content.encode())
    content = json.dumps(record, indent=1, allow_nan=False)  # ASCII: no name and no text is in the way
    notebooks.write_whole(to / "results" / f"{record['student']}.json", content.encode())


def _stored_seed(file: Path) -> str:
    """Return what the hidden cases are drawn from without a class secret: made once, so that a regrade is the same."""
    if not file.exists():
        notebooks.write_whole(file, secrets.token_hex(32).encode(), mode=0o600)
    return file.read_text()
