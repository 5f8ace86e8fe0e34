"""Marks a submission that was run: compares what came out of the sandbox with the right answers, outside of it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from coursekit.exercises import comparing, marks, wire
from coursekit.exercises.comparing import Verdict
from coursekit.exercises.model import Exercise, Lesson
from coursekit.exercises.wire import Answer, Fault, RefusedError
from coursekit.homework import submissions
from coursekit.homework.record import Record, Result
from coursekit.homework.sandbox import Ended, Limits, Run
from coursekit.homework.submissions import Cell, Submission

_NO_CELL = "There is no cell for this exercise."
_NO_ANSWER = "There is no answer yet."
_HINT = " hint(...) helps on."
BUSY = 0.25  # of the time waited for a processor: then a limit of time says little about the submission
_BUSY_AGAIN = (
    "A limit of time stopped it while other programs kept the machine busy, and once more when it ran alone. "
    "The same command tries it again: give it at a quieter time."
)
_MOST_VARIATIONS = 10  # tokens of one notebook that are kept
_ENDED = {
    Ended.DIED: "The process of the notebook ended while {at} was running: it ended itself, or memory ran out.",
    Ended.CELL_TIME: "{at} did not end in time, and ignored the interrupt.",
    Ended.WHOLE_TIME: "The notebook took longer than {whole:g} seconds; it was stopped at {at}.",
    Ended.MEMORY: "The notebook took more than {memory:.0f} GB of memory; it was stopped at {at}.",
    Ended.FILES: "The notebook made more than {files} files; it was stopped at {at}.",
    Ended.OUTPUT: "More came out of the notebook than is read; it was stopped at {at}.",
}


@dataclass(frozen=True)
class Posed:
    """What stands in a lesson's text cells before a student writes into them.

    Attributes:
        exercises: {exercise id: the text of its cell}.
        own: The texts and the code of all its cells, stripped.
        names: Those of its exercises' answers.
    """

    exercises: Mapping[str, str]
    own: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Attempt:
    """A submission as far as it came: read, and run up to three times.

    Attributes:
        submission: Where it comes from.
        sha256: The file's fingerprint.
        cells: What is in it.
        cases: {exercise id: what was given, the student's own case first}.
        runs: What came of running it.
        reason: Why it cannot be graded, or "".
        earlier: The attempt before it, which a limit of time stopped while the machine was busy.
    """

    submission: Submission
    sha256: str = ""
    cells: tuple[Cell, ...] = ()
    cases: dict[str, list[dict]] = field(default_factory=dict)
    runs: tuple[Run, ...] = ()
    reason: str = ""
    earlier: Attempt | None = None

    @property
    def waited(self) -> float:
        """Of what a limit of time stopped, the share of that time in which it waited for a processor."""
        return max((run.waited for run in self.runs), default=0.0)


def record_of(attempt: Attempt, lesson: Lesson, posed: Posed, settings: str, limits: Limits) -> Record:
    """Return the record of an attempt; where there was an earlier one, of that which reached more.

    Args:
        attempt: What was run.
        lesson: What was asked.
        posed: What stood in the text cells before.
        settings: A mark of all that the grade depends on besides the file.
        limits: What it might take.
    """
    how = (lesson, posed, settings, limits)
    record = _record_of(attempt, *how)
    if attempt.earlier is None:
        return record
    before = _record_of(attempt.earlier, *how)
    says = (
        f"A limit of time stopped it while the machine was busy: it waited for the processor in "
        f"{attempt.earlier.waited:.0%} of that time. It was run once more, alone."
    )
    seconds = round(before.seconds + record.seconds, 2)
    if _reached(before) > _reached(record):
        record, says = before, f"{says} The first run reached more, and counts."
    if attempt.waited >= BUSY and _loses(record):
        record = _record_of(replace(attempt, reason=_BUSY_AGAIN), *how)
        says += f" A limit stopped it again, and it waited in {attempt.waited:.0%}."
    return replace(record, seconds=seconds, log=(says, *record.log))


def is_settled(attempt: Attempt, lesson: Lesson) -> bool:
    """Say whether running more cells of the lesson could earn nothing: each answer is right, or its cell was left."""
    return all(
        exercise.is_read_by_a_person
        or (submissions.is_left(attempt.cells, exercise) and not _is_begun(attempt, exercise))
        or _verdict(exercise, attempt, []).is_right
        for exercise in lesson.exercises
    )


def lacks_hidden(run: Run, lesson: Lesson) -> bool:
    """Say whether a function answered what its writer could see, and the run ended before the hidden inputs came."""
    return any(
        one.is_function and one.id not in run.hidden and "answers" in run.answers.get(one.id, {})
        for one in lesson.exercises
    )


def _is_begun(attempt: Attempt, exercise: Exercise) -> bool:
    """Say whether a cell beside the stub that was left defines the answer, or failed to because a cell was left out."""
    if any(says.startswith("NameError") for run in attempt.runs for says in run.errors.values()):
        return True
    sent = [run.answers.get(exercise.id, {}).get("answers") for run in attempt.runs]
    return any(sent) and _verdict(exercise, attempt, []).says != _NO_ANSWER


def _reached(record: Record) -> float:
    return sum(one.points or 0 for one in record.exercises.values()) if record.is_graded else -1


def _loses(record: Record) -> bool:
    return not record.is_graded or any(
        one.points is not None and one.points < one.max for one in record.exercises.values()
    )


def _record_of(attempt: Attempt, lesson: Lesson, posed: Posed, settings: str, limits: Limits) -> Record:
    log, results = list(attempt.submission.notices), {}
    for exercise in lesson.exercises if not attempt.reason else ():
        if exercise.is_read_by_a_person:
            results[exercise.id] = _by_person(exercise, attempt, posed)
        else:
            results[exercise.id] = _by_program(exercise, attempt, log)
    return Record(
        student=attempt.submission.student,
        assignment=lesson.number,
        file=attempt.submission.file,
        sha256=attempt.sha256,
        settings=settings,
        submitted_at=attempt.submission.submitted_at,
        graded_at=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        reason=attempt.reason,
        seconds=round(sum(run.seconds for run in attempt.runs), 2),
        log=(*log, *_log(attempt, lesson, limits)),
        variations=tuple(sorted(variations(attempt.cells))[:_MOST_VARIATIONS]),
        exercises=results,
        notebook=f"notebooks/{lesson.number}/{attempt.submission.student}.ipynb" if attempt.cells else None,
    )


def variations(cells: tuple[Cell, ...]) -> set[str]:
    """Return the tokens in a notebook."""
    return {token for cell in cells if cell.kind == "code" for token in marks.variations(cell.source)}


def _by_person(exercise: Exercise, attempt: Attempt, posed: Posed) -> Result:
    found = submissions.answers_to(attempt.cells, exercise)
    if not found:  # the text may stand anywhere: that is for a person to see
        return Result(None, exercise.points, _NO_CELL, needs_person=True)
    # All of them: a cell that was split in two is an answer in two cells.
    texts = [submissions.text_of(attempt.cells[i], posed.exercises.get(exercise.id, "")) for i in found]
    if not any(texts):
        texts = [submissions.beside(attempt.cells, i, posed.own, posed.names) for i in found]
    text = "\n\n".join(dict.fromkeys(filter(None, texts)))[: submissions.MOST_TEXT]
    text = "".join(c for c in text if c in "\n\t" or c.isprintable())
    if not text:
        return Result(0.0, exercise.points, _NO_ANSWER)
    return Result(None, exercise.points, "A person reads this.", needs_person=True, text=text)


def _by_program(exercise: Exercise, attempt: Attempt, log: list[str]) -> Result:
    verdict = _verdict(exercise, attempt, log)
    points = float(exercise.points if verdict.is_right else 0)
    return Result(points, exercise.points, verdict.says, verdict.mistake)


def _verdict(exercise: Exercise, attempt: Attempt, log: list[str]) -> Verdict:
    """Compare an exercise's answers with the right ones, or say why there is nothing to compare."""
    runs = [run for run in attempt.runs if exercise.id in run.answers]
    # The last run counts in which there is an answer; before it one that came to the hidden inputs.
    runs.sort(key=lambda run: ("missing" not in run.answers[exercise.id], exercise.id in run.hidden))
    if not runs:
        return Verdict(False, _why_nothing(exercise, attempt))
    message = runs[-1].answers[exercise.id]
    if message.get("missing") is True:
        return Verdict(False, _why_missing(exercise, attempt))
    cases = attempt.cases[exercise.id]
    try:
        answers = _read(message, most=1)
        answers += _read(runs[-1].hidden.get(exercise.id, {"answers": []}), most=len(cases) - 1) if answers else []
    except RefusedError as refused:
        log.append(f"{exercise.id}: what came out of the sandbox was refused: {refused}")
        return Verdict(False, "What the notebook gave as an answer could not be read as data.")
    for i, answer in enumerate(answers):
        if answer.fault:
            fault = f"{answer.fault.value} {answer.says}".rstrip()
            log.append(f"{exercise.id}, {'the given' if i == 0 else 'a hidden'} case: {fault}")
            return Verdict(False, _in_words(exercise, answer, is_hidden=i > 0))
    if not answers:
        return Verdict(False, _why_nothing(exercise, attempt))
    values = [answer.value for answer in answers]
    verdict = comparing.compare(exercise, cases[: len(values)], values, visible=1)
    if verdict.is_right and len(values) < len(cases):
        return Verdict(False, _why_nothing(exercise, attempt))
    return Verdict(verdict.is_right, verdict.says.removesuffix(_HINT), verdict.mistake)


def _read(message: dict, most: int) -> list[Answer]:
    content = message.get("answers")
    if not isinstance(content, list) or len(content) > most:
        raise RefusedError("answers that are none")
    return [wire.read_answer(one) for one in content]


def _why_nothing(exercise: Exercise, attempt: Attempt) -> str:
    """Say why no answer of an exercise came out of the sandbox."""
    ended = [run.at for run in attempt.runs if run.ended is not Ended.DONE]
    mine = submissions.answers_to(attempt.cells, exercise)
    if any(at == exercise.id for at in ended):
        return f"{exercise.answer} did not end in time, or ended the whole process."
    if any(at in mine for at in ended):
        return "The cell of this exercise did not end in time, or ended the whole process."
    return "The notebook was stopped before it came to this exercise." if mine else _NO_CELL


def _why_missing(exercise: Exercise, attempt: Attempt) -> str:
    mine = submissions.answers_to(attempt.cells, exercise)
    if not mine:
        return _NO_CELL
    errors = {number: says for run in attempt.runs for number, says in run.errors.items()}
    says = next((errors[i] for i in reversed(mine) if i in errors), "")
    if says.startswith("NotImplementedError") or not says:
        return f"There is no answer yet: the cell does not define {exercise.answer}."
    return f"The cell stopped before it defined {exercise.answer}. {says}"


def _in_words(exercise: Exercise, answer: Answer, is_hidden: bool) -> str:
    """Say what was wrong with a call or a value.

    Of a hidden case only that: a message, the name of an error or of a type may carry what was given in it.
    """
    if answer.fault is Fault.LATE:
        return f"{exercise.answer} took too long and was stopped."
    error, _, message = answer.says.partition(": ")
    if error == "NotImplementedError":
        return _NO_ANSWER
    if is_hidden:
        what = "stops with an error" if answer.fault is Fault.ERROR else "returns no number, text or array of numbers"
        return f"{exercise.answer} works on one input, but on another it {what}."
    if answer.fault is Fault.NOT_PLAIN:
        what = f"What {exercise.answer} returns" if exercise.is_function else exercise.answer
        return f"{what} is {answer.says}."
    return f"{exercise.answer} stops with {error}{': ' if message else ''}{message}"


def _log(attempt: Attempt, lesson: Lesson, limits: Limits) -> list[str]:
    lines = []
    for number, run in enumerate(attempt.runs):
        if number:
            before = attempt.runs[number - 1]
            too = number > 1 or before.ended is Ended.WHOLE_TIME  # as grading leaves it out
            lines.append(f"It was run once more without that{', nor what comes behind it' if too else ''}.")
        lines += [f"Cell {i}: {says}" for i, says in sorted(run.errors.items())]
        lines += [f"What came out of the sandbox was refused: {what}" for what in dict.fromkeys(run.refused)]
        if run.ended in _ENDED:
            at = _place(run)
            memory = limits.memory / 2**30
            line = _ENDED[run.ended].format(at=at, whole=limits.whole_seconds, memory=memory, files=limits.files)
            lines.append(line[:1].upper() + line[1:])
    for one in sorted(lesson.exercises, key=lambda one: one.id):
        count = sum(one.id in cell.answers for cell in attempt.cells)
        if count > 1:
            counts = "all count that are" if one.is_read_by_a_person else "the last one counts that is"
            lines.append(f"There are {count} cells for {one.id}; {counts} not empty.")
    return lines


def _place(run: Run) -> str:
    if run.at is None:
        return "the start"
    return f"cell {run.at}" if isinstance(run.at, int) else wire.clean(run.at)
