"""What the sandbox and the grader cost, against executing the same submissions bare.

Run it on an otherwise idle machine: ``python benchmarks/grading.py [submissions]``. Two things are measured:

- one submission that does next to nothing, in the sandbox and bare, in turn: the difference is the sandbox;
- a class of 30 copies of lesson 01, graded with two jobs, against executing them bare with two jobs. Bare means one
  Jupyter kernel for each, started by nbclient with no limits: what `jupyter execute` does.

``python benchmarks/grading.py class [300]`` grades a whole class instead, as ``coursekit homework grade --jobs 2``
does, with the gradebook, the tables and the feedback, and prints the time and the largest memory of all processes. In
that class every third has a wrong answer, so that the notebook is run in short and then whole.
"""

import json
import os
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import nbformat
import psutil
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_markdown_cell

from coursekit.exercises import notebooks
from coursekit.exercises.catalogue import lesson
from coursekit.homework import grading, sandbox


def submission() -> nbformat.NotebookNode:
    """Return lesson 01 with its exercises solved; those that the notebook does not have yet are added at its end."""
    notebook = nbformat.read(notebooks.lesson_file("01"), as_version=4)
    have = {notebooks.exercise_id(cell) for cell in notebook.cells}
    if not have & {exercise.id for exercise in lesson("01").exercises}:
        notebook.cells.append(new_code_cell("from coursekit import given\nimport numpy as np\nvariation = None"))
    for exercise in lesson("01").exercises:
        if exercise.id not in have:
            text = exercise.is_read_by_a_person
            mark = f"<!-- exercise {exercise.id} -->" if text else f"# exercise {exercise.id}"
            make = new_markdown_cell if text else new_code_cell
            notebook.cells.append(make(f"{mark}\n{exercise.solution}"))
    return notebook


def one_run(prepared: Path, folder: Path, no_sandbox: bool) -> float:
    """Return the seconds of a run of a notebook of one short cell."""
    job = {
        "cells": [{"number": 0, "source": "x = 1", "takes": {}}],
        "exercises": [],
        "hidden": False,
        "variation": None,
    }
    (folder / "seen").mkdir(exist_ok=True)
    (folder / "seen" / "given.json").write_text("{}")
    (folder / "job.json").write_text(json.dumps({**job, "cell_seconds": 10, "case_seconds": 10}))
    run = sandbox.run(prepared, folder, sandbox.Limits(), threading.Event(), no_sandbox=no_sandbox)
    if run.ended is not sandbox.Ended.DONE:
        raise RuntimeError(f"The run ended otherwise: {run}")
    return run.seconds


def overhead(folder: Path, rounds: int = 15) -> None:
    """Print what the sandbox adds to one submission."""
    (folder / "prepared").mkdir()
    sandbox.prepare(folder / "prepared")
    (folder / "job").mkdir()
    times = {False: [], True: []}
    for _ in range(rounds):
        for bare, taken in times.items():
            taken.append(one_run(folder / "prepared", folder / "job", bare))
    boxed, bare = statistics.median(times[False]), statistics.median(times[True])
    print("\nOne submission of one short cell")
    print(f"  bare    {bare:6.2f} s\n  sandbox {boxed:6.2f} s, {boxed - bare:+.2f} s   wanted: under 0.5 s more")


def execute_bare(path: Path) -> None:
    """Execute a notebook as `jupyter execute` does."""
    with tempfile.TemporaryDirectory() as folder:
        NotebookClient(nbformat.read(path, as_version=4), resources={"metadata": {"path": folder}}).execute()


def whole_class(folder: Path, count: int) -> None:
    """Print how long a class takes, bare and graded."""
    made = hand_in(folder / "submissions", count)
    start = time.perf_counter()
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(execute_bare, sorted((folder / "submissions").rglob("*.ipynb"))))
    bare = time.perf_counter() - start
    start = time.perf_counter()
    records = list(grading.mark(folder / "submissions", folder / "course", grading.Options(jobs=2)))
    graded = time.perf_counter() - start
    right = {name: result.points for name, result in records[0].exercises.items()}
    print(f"\n{count} submissions of lesson 01 ({len(made.cells)} cells), two jobs; the first one's points: {right}")
    print(f"  executed bare {bare:7.1f} s")
    print(f"  graded        {graded:7.1f} s, {graded / bare:.2f} times   wanted: 1.2 or less")


def hand_in(folder: Path, count: int, wrong_every: int = 0) -> nbformat.NotebookNode:
    """Write copies of a solved lesson into a folder, one for each student, some with a wrong answer; return it."""
    made, wrong = submission(), submission()
    answer = next(cell for cell in wrong.cells if notebooks.exercise_id(cell) == "01.one-scale")
    answer.source = "# exercise 01.one-scale\ndef one_scale(layer):\n    return layer / layer.max()"
    for i in range(count):
        (folder / f"student{i:03}").mkdir(parents=True)
        has_wrong = wrong_every and i % wrong_every == wrong_every - 1
        nbformat.write(wrong if has_wrong else made, folder / f"student{i:03}" / "01.ipynb")
    return made


def memory(process: psutil.Process) -> int:
    """Return the bytes that a process takes, what it shares with others divided among them; 0 once it has ended."""
    try:
        return process.memory_full_info().pss
    except psutil.Error:
        return 0


@contextmanager
def peak_memory() -> Iterator[dict[str, int]]:
    """Yield where the largest memory stands at the end, looked at twice a second: of the grader, and of everything."""
    me, peak, end = psutil.Process(), {"grader": 0, "together": 0}, threading.Event()

    def look() -> None:
        while not end.wait(0.5):
            own = memory(me)
            together = own + sum(memory(one) for one in me.children(recursive=True))
            peak.update(grader=max(peak["grader"], own), together=max(peak["together"], together))

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield peak
    finally:
        end.set()
        thread.join()


def whole_course(folder: Path, count: int) -> None:
    """Print how long a class takes from what was handed in to the feedback, and how much memory."""
    made, start = hand_in(folder / "submissions", count, wrong_every=3), time.perf_counter()
    options = grading.Options(jobs=2, secret="a secret of this class")  # each student has another variation
    with peak_memory() as peak:
        records = grading.grade(folder / "submissions", folder / "course", options)
    seconds = time.perf_counter() - start
    points = Counter(sum(one.points or 0 for one in record.exercises.values()) for record in records)
    taken = sorted(record.seconds for record in records)
    twice = sum("while the machine was busy" in " ".join(record.log) for record in records)
    grader, together = (peak[of] / 2**20 for of in ("grader", "together"))
    print(f"\n{count} submissions of lesson 01 ({len(made.cells)} cells), two jobs, {os.cpu_count()} processors")
    print(f"  together       {seconds:7.0f} s, {seconds / count:.1f} s a submission, {seconds / 60:.0f} minutes")
    print(f"  in a sandbox   {statistics.median(taken):7.1f} s in the median, {taken[-1]:.1f} s at most")
    print(f"  largest memory {together:7.0f} MB together, {grader:.0f} MB the grader alone")
    print(f"  points: {dict(points)}; {twice} were run twice, because the machine was busy")


if __name__ == "__main__":
    os.environ.setdefault("PYDEVD_DISABLE_FILE_VALIDATION", "1")
    with tempfile.TemporaryDirectory() as temporary:
        Path(temporary).chmod(0o755)
        sandbox.check()
        if sys.argv[1:2] == ["class"]:
            whole_course(Path(temporary), int(sys.argv[2]) if len(sys.argv) > 2 else 300)
        else:
            overhead(Path(temporary))
            whole_class(Path(temporary), int(sys.argv[1]) if len(sys.argv) > 1 else 30)
