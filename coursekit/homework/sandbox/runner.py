"""Runs a submission inside the sandbox and says what its answers are. Started as a script; grading.py has the job.

It knows no right answer and marks nothing. Student code shares this process and may do to it what it likes: all that
can come of it are other answers of that student. What counts is how the grader reads what comes out.

The job comes in as JSON on the standard input. What comes out are lines of JSON on the standard output that this script
was started with; student code gets another one, which leads nowhere. wire.py says how values are written.
"""

import importlib
import json
import os
import signal
import sys
from contextlib import contextmanager

from coursekit.exercises.needed import needed_cells
from coursekit.exercises.wire import MOST_MESSAGE, NotPlainError, encode, read_case


class TimeUp(KeyboardInterrupt):
    """The time of a cell or a call is up. No Exception, so that ``except Exception`` does not catch it."""


def main() -> None:
    """Run the job that comes in."""
    job = json.load(sys.stdin)
    send = _result_channel()
    shell = _shell()
    namespace = shell.user_ns
    sys.path.insert(0, "")  # as in JupyterLab: a module that a cell wrote beside the notebook
    send({"ready": True})
    for cell in needed_cells(job["cells"]):
        namespace["variation"] = job["variation"]  # whatever a cell has made of it
        send({"begin": cell["number"]})
        send({"end": cell["number"], "error": _run_cell(shell, cell["source"], job["cell_seconds"])})
        for exercise in job["exercises"]:
            if exercise["id"] in cell["answers"]:  # kept in case that the last cell is never reached
                _take(send, exercise, namespace, job["case_seconds"])
    for exercise in job["exercises"]:
        _take(send, exercise, namespace, job["case_seconds"])
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
    Config = importlib.import_module("traitlets.config").Config

    class Shell(InteractiveShell):
        """IPython without a terminal: a figure is kept, not shown."""

        def enable_gui(self, gui=None):
            pass

        def enable_matplotlib(self, gui=None):
            return None, "agg"

    config = Config()
    config.HistoryManager.enabled = False  # nothing to write to disk
    shell = Shell.instance(config=config)
    shell.InteractiveTB.set_mode("Minimal")
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
    """Run a cell as JupyterLab would, and return its error in words, or None."""
    try:
        with _time_limit(seconds):
            result = shell.run_cell(source)
        error = result.error_before_exec or result.error_in_exec
    except BaseException as caught:
        error = caught
    return None if error is None else describe(error)


def _take(send, exercise, namespace, seconds):
    """Send what the answer to an exercise is now."""
    send({"begin": exercise["id"]})
    message = {"exercise": exercise["id"]}
    try:
        if exercise["answer"] not in namespace:
            message["missing"] = True
        elif exercise["cases"] is None:
            message["answers"] = [_answer(lambda: namespace[exercise["answer"]], seconds)]
        else:
            function = namespace[exercise["answer"]]
            message["answers"] = []
            for case in exercise["cases"]:
                given = read_case(case)
                message["answers"].append(_answer(lambda given=given: function(**given), seconds))
                if "late" in message["answers"][-1]:
                    break
    except BaseException as caught:  # not from the answer itself, which _answer sees to
        message = {"exercise": exercise["id"], "answers": [{"error": describe(caught)}]}
    send(message)


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
