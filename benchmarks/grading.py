"""What the sandbox and the grader cost, against executing the same submissions bare.

Run it on an otherwise idle machine: ``python benchmarks/grading.py [submissions]``. Two things are measured:

- one submission that does next to nothing, in the sandbox and bare, in turn: the difference is the sandbox;
- a class of 30 copies of lesson 01, graded with two jobs, against executing them bare with two jobs. Bare means one
  Jupyter kernel for each, started by nbclient with no limits: what `jupyter execute` does.
"""

import json
import os
import statistics
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat
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
    job = {"cells": [{"number": 0, "source": "x = 1", "answers": []}], "exercises": [], "variation": None}
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
    made = submission()
    for i in range(count):
        place = folder / "submissions" / f"student{i:02}"
        place.mkdir(parents=True)
        nbformat.write(made, place / "01.ipynb")
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


if __name__ == "__main__":
    os.environ.setdefault("PYDEVD_DISABLE_FILE_VALIDATION", "1")
    with tempfile.TemporaryDirectory() as temporary:
        Path(temporary).chmod(0o755)
        sandbox.check()
        overhead(Path(temporary))
        whole_class(Path(temporary), int(sys.argv[1]) if len(sys.argv) > 1 else 30)
