"""What students hand in, written as text: a notebook for each file in honest/ and hostile/.

A line ``# %%`` begins a code cell, ``# %% [markdown]`` a text cell, ``# %% {...}`` one with that metadata. In short,
``# %% solved 01.by-hand`` is the exercise's cell with a right answer and its check below, ``# %% stub 01.by-hand`` the
same as it was released, ``# %% start`` the first cell of the lesson. NULL_BYTE stands for what no text file can hold.
"""

import json
import os
import re
from pathlib import Path

import pytest

from coursekit.exercises.catalogue import find
from coursekit.homework import sandbox
from coursekit.homework.sandbox import SandboxMissing

HERE = Path(__file__).parent
START = "import numpy as np\nfrom coursekit import check, given\n\nvariation = None"


@pytest.fixture(scope="module")
def needs_sandbox():
    """Skip where there is no sandbox; with COURSEKIT_REQUIRE_SANDBOX=1, fail."""
    try:
        sandbox.check()
    except SandboxMissing as missing:
        if os.environ.get("COURSEKIT_REQUIRE_SANDBOX") == "1":
            pytest.fail(str(missing))
        pytest.skip(str(missing))


def write_job(folder: Path, *sources: str) -> Path:
    """Write a job of such cells, which is asked for ``x``, and return its folder."""
    cells = [{"number": i, "source": source, "takes": {}} for i, source in enumerate(sources)]
    asked = [{"id": "x", "answer": "x", "cases": None}]
    job = {"cells": cells, "exercises": asked, "hidden": False, "variation": None}
    job |= {"cell_seconds": 30, "case_seconds": 30}
    (folder / "seen").mkdir(parents=True)
    (folder / "seen" / "given.json").write_text("{}")
    (folder / "job.json").write_text(json.dumps(job))
    return folder


def notebook(text: str) -> dict:
    """Return the notebook that a text describes."""
    cells = []
    for part in re.split(r"^# %%", text, flags=re.MULTILINE)[1:]:
        head, _, source = part.partition("\n")
        head = head.strip()
        if head == "start":
            cells.append(_cell("code", START))
        elif head.startswith(("solved ", "stub ")):
            kind, exercise_id = head.split()
            cells += _exercise(exercise_id, kind == "solved")
        else:
            kind = "markdown" if head.startswith("[markdown]") else "code"
            cells.append(
                _cell(
                    kind,
                    source.strip("\n").replace("NULL_BYTE", "\0"),
                    json.loads(head.removeprefix("[markdown]").strip() or "{}"),
                )
            )
    for i, cell in enumerate(cells):
        cell["id"] = f"cell-{i}"
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": {"kernelspec": kernel}, "cells": cells}


def write_class(folder: Path, kinds: tuple[str, ...] = ("honest", "hostile")) -> Path:
    """Write a class into a folder: a folder for each student, named after the file."""
    for kind in kinds:
        for source in sorted((HERE / kind).iterdir()):
            if source.suffix in (".cells", ".ipynb"):
                place = folder / source.stem
                place.mkdir(parents=True)
                content = source.read_bytes()
                if source.suffix == ".cells":
                    content = json.dumps(notebook(content.decode())).encode()
                (place / "01_intermediate_activations.ipynb").write_bytes(content)
    return folder


def _exercise(exercise_id: str, is_solved: bool) -> list[dict]:
    exercise = find(exercise_id)
    first = exercise.solution.partition("\n")[0]
    code = exercise.solution if is_solved else f"{first}\n    # YOUR CODE HERE\n    raise NotImplementedError()"
    metadata = {"coursekit": {"exercise": exercise_id}}
    answer = _cell("code", f"# exercise {exercise_id}\n{code}", metadata)
    more = "" if exercise.is_function else ", variation=variation"
    return [answer, _cell("code", f'check("{exercise_id}"{more})', metadata)]


def _cell(kind: str, source: str, metadata: dict | None = None) -> dict:
    cell = {"cell_type": kind, "metadata": metadata or {}, "source": source}
    return {**cell, "outputs": [], "execution_count": None} if kind == "code" else cell
