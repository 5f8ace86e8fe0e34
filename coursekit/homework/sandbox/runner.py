"""Runs a submission inside the sandbox and says what its answers are. Started as a script; grading.py has the job.

It knows no right answer and marks nothing. Student code shares this process and may do to it what it likes: all that
can come of it are other answers of that student. What counts is how the grader reads what comes out.

The job comes in as JSON on the standard input. What comes out are lines of JSON on the standard output that this script
was started with; student code gets another one, which leads nowhere. wire.py says how values are written.

The hidden inputs are not in the job: student code can look into every variable here. They come once all cells have been
run and all answers to what the student could see are sent; from then on the grader takes no text of an error any more.
"""

import importlib
import json
import os
import signal
import sys
from contextlib import contextmanager
from time import sleep

from coursekit.exercises.needed import needed_cells
from coursekit.exercises.wire import MOST_MESSAGE, NotPlainError, encode, read_case


class TimeUp(KeyboardInterrupt):
    """The time of a cell or a call is up. No Exception, so that ``except Exception`` does not catch it."""


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
    kept = {}  # what counts as the answer to each exercise, all names as they were then, and how it was written
    for cell in job["cells"]:
        if cell["number"] in needed:
            namespace["variation"] = job["variation"]  # whatever a cell has made of it
            send({"begin": cell["number"]})
            send({"end": cell["number"], "error": _run_cell(shell, cell["source"], job["cell_seconds"])})
        for exercise in job["exercises"]:
            if exercise["id"] in cell["takes"]:
                _take(send, exercise, namespace, cell["takes"][exercise["id"]], job["case_seconds"], kept)
    for exercise in job["exercises"]:
        _, _, expression = kept.get(exercise["id"], (None, None, exercise["answer"]))
        # A value is what it was when it was checked, and so is a function that had no name then.
        if exercise["id"] not in kept or (exercise["cases"] is not None and expression.isidentifier()):
            _take(send, exercise, namespace, expression, job["case_seconds"], kept)
    if job["hidden"]:
        send({"ready": True})
        hidden = _when_there(hidden_inputs)
        for exercise in job["exercises"]:
            if exercise["id"] in hidden and exercise["id"] in kept:
                _try_on(hidden[exercise["id"]], send, exercise, namespace, job["case_seconds"], kept)
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


def _take(send, exercise, namespace, expression, seconds, kept):
    """Send what an answer is now, to what its writer could see, and keep it. What is none replaces none."""
    send({"begin": exercise["id"]})
    message, value, is_answer = {"exercise": exercise["id"], "missing": True}, None, False
    try:
        if not expression.isidentifier() or expression in namespace:
            with _time_limit(seconds):
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
        kept[exercise["id"]] = value, dict(namespace), expression


def _when_there(file):
    """Return what is in a JSON file that the grader is about to lay there."""
    while not os.path.exists(file):
        sleep(0.01)
    with open(file, "rb") as content:
        return json.load(content)


def _try_on(cases, send, exercise, namespace, seconds, kept):
    """Send what a function returns for the hidden inputs. It finds the names as they were when it was the answer."""
    send({"begin": exercise["id"]})
    function, names, _ = kept[exercise["id"]]
    answers = []
    try:
        namespace.clear()
        namespace.update(names)
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
