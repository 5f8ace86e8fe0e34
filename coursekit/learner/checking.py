"""The instant check of an exercise, its hints and its solution."""

from __future__ import annotations

import contextlib
import copy
import inspect
import io
import linecache
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from types import TracebackType
from typing import Any

import numpy as np

from coursekit import progress
from coursekit.exercises.cases import case_of, in_sandbox, seed_of
from coursekit.exercises.catalogue import find
from coursekit.exercises.comparing import Verdict, compare, is_right
from coursekit.exercises.differences import example, same, size_of, small_case
from coursekit.exercises.model import Exercise
from coursekit.learner.notes import LATER, Note
from coursekit.learner.start_page import keep

TRIES = 3  # wrong ones, before the solution can be shown
TIME_LIMIT = 10  # seconds for a function, over all its cases
CASES = range(1, 6)  # seeds of the cases a function is tried on; seed 0 is the lesson's own
MORE_CASES = range(6, 60)  # seeds among which a smaller one is looked for that it gets wrong
SEARCH_LIMIT = 3  # seconds for that

LAST_GIVEN: dict[str, tuple] = {}  # in the sandbox, for its runner: {exercise id: (the answer,), or () if left out}
_MISSING = object()
_NO_ANSWER = "There is no answer yet: write your code where it says YOUR CODE HERE."


class _NoVerdictError(Exception):
    """An answer that can't be compared; the message says why.

    ``is_try`` is False where there is no answer yet. ``code`` is the line that failed.
    """

    def __init__(self, says: str, is_try: bool = True, code: str = ""):
        super().__init__(says)
        self.is_try, self.code = is_try, code


class _TooLong(BaseException):
    """The time is up. No Exception, so that a learner's ``except Exception`` does not catch it."""


def check(exercise_id: str, answer: Any = _MISSING, variation: str | None = None) -> Note:
    """Say whether an answer is right, or what seems to be wrong with it.

    A function is tried on inputs that its writer has not seen. It may run for ten seconds; that limit needs the main
    thread and a system with ``SIGALRM`` (Linux, macOS). Elsewhere a function without end runs until it is interrupted.

    Args:
        exercise_id: Such as "01.by-hand".
        answer: A number, a string, an array (NumPy's, TensorFlow's, a list), or the function. Left out, it is the
            variable of the exercise's name in the notebook.
        variation: The student's token; left out, the variable ``variation`` in the notebook.

    Returns:
        A note that shows itself; its ``is_right`` is True, False, or None if there was nothing to judge.

    Raises:
        ValueError: There is no such exercise (the nearest are named).
        TypeError: The id is no string.
    """
    if in_sandbox():
        if isinstance(exercise_id, str):
            LAST_GIVEN[exercise_id] = () if answer is _MISSING else (answer,)
        return LATER
    exercise = find(exercise_id)
    note = _judged(exercise, answer, variation)
    return replace(note, about={"kind": "Check", "arguments": {"id": exercise.id}})


def _judged(exercise: Exercise, answer: Any, variation: str | None) -> Note:
    names = vars(sys.modules["__main__"])  # the notebook's variables, or the script's
    if exercise.is_read_by_a_person:
        return Note("Yours to judge", ("No program can mark a text. A person reads it when it is handed in.",))
    if answer is _MISSING and exercise.answer not in names:
        says = f"There is no {exercise.answer} yet. Write your answer in the cell above, run that cell, then this one."
        return Note("Not yet", (says,))
    answer = names[exercise.answer] if answer is _MISSING else answer
    if variation is None and isinstance(names.get("variation"), str):
        variation = names["variation"]

    remark = code = ""
    try:
        if exercise.is_function:
            verdict, remark, code = _try_out(exercise, answer)
        else:
            case = case_of(exercise, seed_of(variation, exercise.id))
            verdict = compare(exercise, [case], [_plain(answer, exercise.answer)])
            if not verdict.is_right:
                remark, code = _another_case(exercise, case)
    except _NoVerdictError as error:
        if not error.is_try:
            return Note("Not yet", (str(error),))
        verdict, code = Verdict(False, str(error)), error.code
    keep("checked", exercise.id, right=verdict.is_right, mistake=verdict.mistake)
    if verdict.is_right:
        title = exercise.title if exercise.title.endswith("?") else f"{exercise.title}."
        return Note("Right", tuple(filter(None, [title, remark])), "✓", is_right=True)
    says = [verdict.says.replace("hint(...)", f'hint("{exercise.id}")'), remark]
    if (tries := _wrong_tries(exercise)) >= TRIES:
        says.append(f'That was try {tries}. If you like, solution("{exercise.id}") now shows a way to do it.')
    return Note("Not right yet", tuple(filter(None, says)), "✗", code, is_right=False)


def hint(exercise_id: str) -> Note:
    """Give the next hint of an exercise; after the last, all of them.

    Raises:
        ValueError: There is no such exercise (the nearest are named).
        TypeError: The id is no string.
    """
    if in_sandbox():
        return LATER
    exercise = find(exercise_id)
    count = len(exercise.hints)
    step = _hints_seen(exercise) + 1
    if step > count:
        numbered = tuple(f"{i}. {text}" for i, text in enumerate(exercise.hints, 1))
        return Note(f"All {count} hints", ("There are no more than these:", *numbered))
    keep("hinted", exercise.id, step=step)
    return Note(f"Hint {step} of {count}", (exercise.hints[step - 1],))


def solution(exercise_id: str) -> Note:
    """Show a way to solve an exercise: after three wrong tries, or once it is solved. It is noted that it was shown.

    For a text, which has no check, it is shown after the hints.

    Raises:
        ValueError: There is no such exercise (the nearest are named).
        TypeError: The id is no string.
    """
    if in_sandbox():
        return LATER
    exercise = find(exercise_id)
    tries = _wrong_tries(exercise)
    is_solved = any(event.get("right") is True for event in _events("checked", exercise))
    if exercise.is_read_by_a_person:
        if _hints_seen(exercise) < len(exercise.hints):
            return Note("Not yet", (f'See the hints first: hint("{exercise.id}"). Then an example can be shown.',))
    elif tries < TRIES and not is_solved:
        made = "you have not tried yet" if not tries else f"you have made {tries}"
        says = f'It can be shown after {TRIES} tries, and {made}. hint("{exercise.id}") helps on.'
        return Note("Not yet", (says,))
    keep("solution", exercise.id)
    return Note("A solution", ("It is noted that it was shown. There are other good ways.",), code=exercise.solution)


def _events(kind: str, exercise: Exercise) -> list[dict]:
    return [event for event in progress.events() if event["kind"] == kind and event["id"] == exercise.id]


def _wrong_tries(exercise: Exercise) -> int:
    return sum(event.get("right") is False for event in _events("checked", exercise))


def _hints_seen(exercise: Exercise) -> int:
    return len({event["step"] for event in _events("hinted", exercise) if isinstance(event.get("step"), int)})


# ---- answers


def _plain(answer: Any, name: str) -> Any:
    """Return an answer as a string or an array of numbers; whatever it is, it is never asked whether it is equal."""
    if answer is None or answer is ...:
        raise _NoVerdictError(_NO_ANSWER, is_try=False)
    if type(answer) is str:
        return answer
    kind = type(answer).__name__
    if callable(answer) and not hasattr(answer, "__array__"):
        raise _NoVerdictError(
            f"{name} should be a value, but it is a function or a class. Call it and keep what comes."
        )
    try:
        array = np.asarray(answer).copy()  # a copy: what is judged cannot change any more
    except Exception as error:  # lists of unequal lengths, or an object's own __array__
        reason = _one_line(error)
        raise _NoVerdictError(f"{name} is of type {kind} and cannot be read as an array of numbers: {reason}") from None
    if array.dtype.kind == "U" and array.ndim == 0:
        return str(array)
    if array.dtype.kind not in "biuf":
        raise _NoVerdictError(f"{name} is of type {kind}. Expected a number or an array of numbers.")
    return array


# ---- functions


def _try_out(exercise: Exercise, function: Any) -> tuple[Verdict, str, str]:
    """Call a function on the unseen cases.

    Returns:
        The verdict; a remark if it changes what it is given; and if it is wrong, the smallest case found, written out.
    """
    name = exercise.answer
    if function is None or function is ...:
        raise _NoVerdictError(_NO_ANSWER, is_try=False)
    if not callable(function):
        raise _NoVerdictError(
            f"Expected the function {name} itself, but this is {_described(function)}. Is there another variable of "
            "that name? Then run the cell with the function again."
        )
    cases = [case_of(exercise, seed) for seed in CASES]
    _check_parameters(function, name, list(cases[0]))
    answers, changed = [], set()
    try:
        with _time_limit(TIME_LIMIT):
            for case in cases:
                given = copy.deepcopy(case)
                answers.append(_called(function, name, given))
                changed |= {key for key, value in given.items() if not same(value, case[key], 0)}
    except _TooLong:
        raise _NoVerdictError(f"{name} was stopped after {TIME_LIMIT} seconds. Does a loop in it never end?") from None
    except _NoVerdictError:
        raise
    except (Exception, SystemExit) as error:
        if isinstance(error, NotImplementedError) and not error.args:
            raise _NoVerdictError(_NO_ANSWER, is_try=False) from None
        where, code = _line_of(error.__traceback__, function)
        says = f"{name} stopped{where} with {type(error).__name__}: {_one_line(error)}"
        raise _NoVerdictError(says, code=code) from None
    remark = ""
    if changed:
        which = " and ".join(sorted(changed))
        remark = f"It changes what it is given: {which} is another value afterwards. Begin with a copy of it."
    verdict = compare(exercise, cases, answers)
    if verdict.is_right:
        return verdict, remark, ""
    return verdict, remark, small_case(*_smallest_wrong(exercise, function, cases, answers))


def _called(function: Callable, name: str, given: dict) -> Any:
    """Return what a function gives back, as a plain value. What it prints goes nowhere."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        answer = function(**given)
    if answer is None:
        raise _NoVerdictError(_returned_nothing(name, printed.getvalue()))
    return _plain(answer, f"What {name} returns")


def _smallest_wrong(
    exercise: Exercise, function: Callable, cases: list[dict], answers: list[Any]
) -> tuple[str, dict, Any, Any, float]:
    """Return the smallest case that a function gets wrong, as ``small_case`` takes it, among those tried and more."""
    name, tolerance = exercise.answer, exercise.tolerance
    rights = [exercise.right(case) for case in cases]
    tried = [
        (size_of(case), case, answer, right)
        for case, answer, right in zip(cases, answers, rights, strict=True)
        if not is_right(exercise, case, answer)
    ]
    # Wrong in none of them if it mixes two right ways: then the first shows one of them.
    best = min(tried or [(size_of(cases[0]), cases[0], answers[0], rights[0])], key=lambda one: one[0])
    # What it does on the further cases, an error among it, is no news: it was wrong already.
    with contextlib.suppress(Exception, SystemExit, _TooLong), _time_limit(SEARCH_LIMIT):
        for seed in MORE_CASES:
            if size_of(exercise.case(seed)) >= best[0]:  # before its mistakes are worked out, which takes longer
                continue
            case = case_of(exercise, seed)
            answer, right = _called(function, name, copy.deepcopy(case)), exercise.right(case)
            if size_of(case) < best[0] and not is_right(exercise, case, answer):
                best = (size_of(case), case, answer, right)
    _, case, answer, right = best
    return name, case, answer, right, tolerance


def _another_case(exercise: Exercise, own: dict) -> tuple[str, str]:
    """Return a sentence, and a case that is not the learner's with its answer, for a way to be tried on."""
    right = exercise.right(own)
    for seed in MORE_CASES:
        case = case_of(exercise, seed)
        if not same(exercise.right(case), right, exercise.tolerance):
            says = "Try your way on another case, of which you see the answer:"
            return says, example(case, exercise.right(case))
    return "", ""


def _check_parameters(function: Callable, name: str, wanted: list[str]) -> None:
    try:
        signature = inspect.signature(function)
    except (ValueError, TypeError):  # built-in functions may have none
        return
    try:
        signature.bind(**dict.fromkeys(wanted))
    except TypeError:
        raise _NoVerdictError(
            f"{name} must take the parameters ({', '.join(wanted)}), but it takes ({', '.join(signature.parameters)})."
        ) from None


def _returned_nothing(name: str, printed: str) -> str:
    if printed:
        return f"{name} prints its result instead of returning it: write return instead of print."
    return f"{name} gives back None, which is nothing: is there a return missing?"


def _line_of(traceback: TracebackType | None, function: Callable) -> tuple[str, str]:
    """Return in which line of the learner's own code an error arose: its number in words, and the line."""
    theirs = getattr(inspect.unwrap(function), "__globals__", None)
    where = code = ""
    while traceback:
        frame, line = traceback.tb_frame, traceback.tb_lineno
        if frame.f_globals is theirs:
            where, code = f" in line {line}", linecache.getline(frame.f_code.co_filename, line).strip()
        traceback = traceback.tb_next
    return where, code


def _one_line(error: BaseException) -> str:
    """Return an error's message as one sentence."""
    text = " ".join(str(error).split()) or "it gives no reason"
    text = text if len(text) <= 200 else text[:199] + "…"
    return text if text.endswith((".", "!", "?", "…")) else text + "."


def _described(value: Any) -> str:
    try:
        shape = np.shape(value)
    except Exception:  # an object that is no array in its own way
        shape = None
    if shape is None or isinstance(value, (str, dict, set)):
        return f"of type {type(value).__name__}"
    return f"an array of shape {shape}" if shape else f"one value of type {type(value).__name__}"


@contextlib.contextmanager
def _time_limit(seconds: float) -> Iterator[None]:
    """Stop what runs inside after some seconds, where the system can: in the main thread, and not on Windows."""
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(*_: Any) -> None:
        raise _TooLong

    handler = signal.signal(signal.SIGALRM, stop)
    earlier = signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, *earlier)
        signal.signal(signal.SIGALRM, handler)
