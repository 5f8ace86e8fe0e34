"""Runs a submission inside the sandbox and says what its answers are. Started as a script; grading.py has the job.

It knows no right answer and marks nothing. Student code shares this process and may do to it what it likes: all that
can come of it are other answers of that student. What counts is how the grader reads what comes out.

The job comes in as JSON on the standard input. What comes out are lines of JSON on the standard output that this script
was started with; student code gets another one, which leads nowhere. wire.py says how values are written.

The hidden inputs are not in the job: student code can look into every variable here. They come once all cells have been
run and all answers to what the student could see are sent; from then on the grader takes no text of an error any more.
"""

import builtins
import importlib
import json
import os
import signal
import sys
from contextlib import contextmanager
from time import sleep
from typing import Any, NamedTuple

from coursekit.exercises.needed import needed_cells
from coursekit.exercises.wire import MOST_MESSAGE, NotPlainError, encode, read_case

# Magics of Jupyter's kernel, which IPython alone does not have: they show something, or set up the page.
_MAGICS = ("autosave", "clear", "connect_info", "edit", "less", "man", "more", "qtconsole", "subshell")
_MOST_LACKS = 3  # that are said of a cell


class TimeUp(KeyboardInterrupt):
    """The time of a cell or a call is up. No Exception, so that ``except Exception`` does not catch it."""


class Kept(NamedTuple):
    """What counts as an answer: its value, all names as they were then, how it was written, whether a value came."""

    value: Any
    names: dict
    expression: str
    came: bool


def main() -> None:
    """Run the job that comes in."""
    job = json.load(sys.stdin)
    hidden_inputs = os.path.join(os.environ["COURSEKIT_SANDBOX"], "hidden.json")
    send = _result_channel()
    shell = _shell()
    namespace = shell.user_ns
    sys.path.insert(0, "")  # as in JupyterLab: a module that a cell wrote beside the notebook
    send({"ready": True})
    needed = {cell["number"] for cell in needed_cells(job["cells"])}
    kept: dict[str, Kept] = {}  # {exercise id: what counts}
    for cell in job["cells"]:
        if cell["number"] in needed:
            # Whatever token a cell has made of it. What is none of these is a name of the student's own.
            if issubclass(type(namespace.get("variation")), (str, type(None))):
                namespace["variation"] = job["variation"]
            send({"begin": cell["number"]})
            send({"end": cell["number"], "error": _run_cell(shell, cell["source"], job["cell_seconds"])})
        given = _given_to_check()
        for exercise in job["exercises"]:
            one = given.get(exercise["id"])
            if one is not None or exercise["id"] in cell["takes"]:
                expression = cell["takes"].get(exercise["id"], "" if one else exercise["answer"])
                _take(send, exercise, namespace, expression, job["case_seconds"], kept, one)
        _given_to_check()  # by an answer that was just called
    for exercise in job["exercises"]:
        one = kept.get(exercise["id"])
        if one is None or (exercise["cases"] is not None and _has_changed(one, namespace)):
            expression = one.expression if one else exercise["answer"]
            _take(send, exercise, namespace, expression, job["case_seconds"], kept)
    if job["hidden"]:
        send({"ready": True})
        hidden, end = _when_there(hidden_inputs), dict(namespace)
        for exercise in job["exercises"]:
            if exercise["id"] in hidden and exercise["id"] in kept:
                _try_on(hidden[exercise["id"]], send, exercise, namespace, job["case_seconds"], kept, end)
    send({"done": True})


def describe(error: BaseException) -> str:
    """Return the kind of an error and the first line of its message."""
    try:
        first = str(error).strip().partition("\n")[0]
    except BaseException:  # an error of the student's own, whose text fails or does not end
        first = ""
    return (f"{type(error).__name__}: {first}" if first else type(error).__name__)[:MOST_MESSAGE]


def _result_channel():
    """Return a function that sends, and lead the standard streams nowhere."""
    channel = os.fdopen(os.dup(1), "wb", 0)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)

    owner = os.getpid()

    def send(message: dict) -> None:
        if os.getpid() != owner:  # a fork of student code came out of its cell
            os._exit(0)
        left = memoryview(json.dumps(message).encode() + b"\n")
        while left:
            left = left[channel.write(left) :]

    return send


def _shell():
    InteractiveShell = importlib.import_module("IPython.core.interactiveshell").InteractiveShell  # in the sandbox only
    UsageError = importlib.import_module("IPython.core.error").UsageError
    Config = importlib.import_module("traitlets.config").Config

    class Shell(InteractiveShell):
        """IPython without a terminal: a figure is kept, not shown.

        What holds in the student's notebook and cannot hold here costs its own statement, and not the rest of the cell:
        a package or a magic that the grader lacks, and ``assert check(...).is_right``, because nothing is judged here.
        """

        lacks: tuple = ()  # the errors of the running cell that were passed over

        def enable_gui(self, gui=None):
            pass

        def enable_matplotlib(self, gui=None):
            return None, "agg"

        async def run_code(self, code_obj, result=None, **more):  # a statement that is in no other
            has_failed = await super().run_code(code_obj, result, **more)
            error = result.error_in_exec if has_failed and result is not None else None
            is_lacking = isinstance(error, (ImportError, UsageError))
            if is_lacking or (isinstance(error, AssertionError) and "check" in code_obj.co_names):
                self.lacks = (*self.lacks, error)[:_MOST_LACKS] if is_lacking else self.lacks
                result.error_in_exec = None
                return False
            return has_failed

    config = Config()
    config.HistoryManager.enabled = False  # nothing to write to disk
    shell = Shell.instance(config=config)
    shell.InteractiveTB.set_mode("Minimal")
    for name in _MAGICS:
        shell.register_magic_function(lambda line: None, "line", name)
    return shell


@contextmanager
def _time_limit(seconds):
    def stop(*_):
        raise TimeUp(f"stopped after {seconds:g} seconds")

    if hasattr(signal, "setitimer"):  # not on Windows, where there is only the limit outside
        signal.signal(signal.SIGALRM, stop)
        signal.setitimer(signal.ITIMER_REAL, seconds, 1.0)  # and every second again, for code that ignores it once
    try:
        yield
    finally:
        if hasattr(signal, "setitimer"):
            signal.setitimer(signal.ITIMER_REAL, 0)


def _run_cell(shell, source, seconds):
    """Run a cell as JupyterLab would, and return its errors in words, or None."""
    shell.lacks = ()
    try:
        with _time_limit(seconds):
            result = shell.run_cell(source)
        error = result.error_before_exec or result.error_in_exec
    except BaseException as caught:
        error = caught
    errors = [*([] if error is None else [error]), *shell.lacks]
    return ", ".join(map(describe, errors))[:MOST_MESSAGE] or None


def _has_changed(one, namespace):
    """Say whether the end of the notebook may say more of a function than its last check did.

    One that is still the same and gave an answer then keeps the names that it had: a helper's name that is used again
    below takes nothing from it. One that had no name then is what it was.
    """
    return one.expression.isidentifier() and not (one.came and namespace.get(one.expression) is one.value)


def _given_to_check():
    """Return what ``check`` was last called with in a cell, however the call was written, and forget it.

    That is {exercise id: (the answer,)}, or an empty tuple where it was left out.
    """
    noted = getattr(sys.modules.get("coursekit.learner.checking"), "LAST_GIVEN", None)
    given = dict(noted) if type(noted) is dict else {}
    if given:
        noted.clear()
    return given


def _take(send, exercise, namespace, expression, seconds, kept, given=None):
    """Send what an answer is now, to what its writer could see, and keep it. What is none replaces none.

    It is what was given to ``check``; else what the expression is.
    """
    send({"begin": exercise["id"]})
    message, value, answer, is_answer = {"exercise": exercise["id"], "missing": True}, None, {}, False
    try:
        if given or not expression.isidentifier() or expression in namespace:
            with _time_limit(seconds):
                if given:
                    (value,) = given
                else:
                    value = namespace[expression] if expression.isidentifier() else eval(expression, namespace)
            if exercise["cases"] is None:
                answer, is_answer = _answer(lambda: value, seconds), value is not None
            else:
                answer = _answer(lambda: value(**read_case(exercise["cases"][0])), seconds)
                is_answer = callable(value) and not answer.get("error", "").startswith("NotImplementedError")  # a stub
            message = {"exercise": exercise["id"], "answers": [answer]}
    except BaseException as caught:  # not from the answer itself, which _answer sees to
        message = {"exercise": exercise["id"], "answers": [{"error": describe(caught)}]}
    if is_answer or exercise["id"] not in kept:
        send(message)
    if is_answer:
        kept[exercise["id"]] = Kept(value, dict(namespace), expression, "value" in answer)


def _when_there(file):
    """Return what is in a JSON file that the grader is about to lay there."""
    while not os.path.exists(file):
        sleep(0.01)
    with open(file, "rb") as content:
        return json.load(content)


def _try_on(cases, send, exercise, namespace, seconds, kept, end):
    """Send what a function returns for the hidden inputs.

    It finds the names as they were when it was the answer, and those that came only below, as when all cells are run.
    """
    send({"begin": exercise["id"]})
    function, names = kept[exercise["id"]][:2]
    answers = []
    try:
        # A builtin's name, given to something else below, stays the builtin's.
        later = {name: value for name, value in end.items() if name not in names and name not in vars(builtins)}
        namespace.clear()
        namespace.update(names | later)
        for case in cases:
            given = read_case(case)
            answers.append(_answer(lambda given=given: function(**given), seconds))
            if "late" in answers[-1]:
                break
    except BaseException as caught:  # not from the answer itself, which _answer sees to
        answers = [{"error": describe(caught)}]
    send({"exercise": exercise["id"], "answers": answers})


def _answer(make, seconds):
    try:
        with _time_limit(seconds):
            return {"value": encode(make())}
    except TimeUp:
        return {"late": True}
    except NotPlainError as caught:
        return {"not_plain": str(caught)[:MOST_MESSAGE]}
    except BaseException as caught:
        return {"error": describe(caught)}


if __name__ == "__main__":
    main()
    os._exit(0)  # a student's threads and exit handlers are not waited for
