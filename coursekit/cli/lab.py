"""``coursekit lab``: a learner's own copy of the lessons, opened in JupyterLab."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from urllib.parse import quote

from coursekit.exercises.notebooks import cut_results, cut_solutions, lessons_folder, to_bytes
from coursekit.files import write_whole

DEFAULT_FOLDER = "my-lessons"
MANIFEST = ".coursekit.json"  # in the learner's folder: the fingerprint of each lesson as it was delivered

# What can have happened to a lesson.
NEW = "copied"
BACK = "was gone, brought back"
UPDATED = "new version, copied"
SAME = "up to date"
KEPT = "yours, kept"
KEPT_NEWER = "yours, kept; to get the course's version, rename or delete yours and run this command again"

_READ_ONLY = """\
This folder cannot be written to. You can read the lessons and run them, but nothing that you do there is kept."""


def run(folder: Path, jupyter: Sequence[str] = (), copy_only: bool = False) -> int:
    """Deliver the lessons into ``folder`` and open JupyterLab there.

    Args:
        folder: The learner's folder, made if it does not exist.
        jupyter: Further arguments for JupyterLab.
        copy_only: Deliver only.

    Returns:
        JupyterLab's exit code, or 1 if the lessons could not be delivered.
    """
    from coursekit.learner import start_page  # here: the doctor imports this module where NumPy may be missing

    try:
        last = last_worked_on(folder)
        outcomes = deliver(lessons_folder(), folder)
        start_page.write_start_page(folder.resolve())
    except (OSError, ValueError) as error:
        print(f"coursekit lab: {error}", file=sys.stderr)
        return 1
    print(f"Your lessons are in {folder.resolve()}")
    for name, outcome in outcomes.items():
        print(f"  {name}: {outcome}")
    if not _can_write(folder):
        print(_READ_ONLY)
    sys.stdout.flush()
    return 0 if copy_only else open_jupyterlab(folder.resolve(), last or next(iter(outcomes)), jupyter)


def last_worked_on(folder: Path) -> str | None:
    """Return the file of the lesson that the learner worked on last, before a new delivery; None if there is none.

    That is where the last answer was given, unless another lesson was saved after it. Files as old as the record of
    what was delivered were saved by nobody.

    Args:
        folder: The learner's folder, which need not exist yet.
    """
    from coursekit import progress

    lessons = {name[:2]: name for name in _read_manifest(folder) if (folder / name).is_file()}
    events = [event for event in progress.events(folder / progress.NAME) if event["id"][:2] in lessons]
    when = {lessons[event["id"][:2]]: _seconds(event.get("at")) for event in events}  # of each the last
    for name in lessons.values():
        saved = (folder / name).stat().st_mtime
        if saved > (folder / MANIFEST).stat().st_mtime:
            when[name] = max(saved, when.get(name, 0.0))
    return max(when, key=when.get, default=None)


def deliver(source: Path, folder: Path) -> dict[str, str]:
    """Copy the lessons into the learner's folder; never over anything the learner changed.

    The copies have no solutions in them, and nothing that tells the result of a prediction.

    A lesson that is missing is copied. One that is still as delivered, apart from having been run, is replaced by a new
    version. Everything else stays: changed lessons, files that can't be read, and, if the record of what was delivered
    is lost, all that differs from the course's version.

    Args:
        source: The folder of the course's lessons.
        folder: The learner's folder, made if it does not exist.

    Returns:
        What happened to each lesson, by file name, in the lessons' order.

    Raises:
        ValueError: ``folder`` is the course's own, or a lesson in ``source`` is damaged.
        OSError: ``folder`` is a file or cannot be written to.
    """
    if folder.resolve().is_relative_to(source.resolve()):
        raise ValueError(f"{folder} holds the course's own lessons. Name another folder for your copy.")
    if os.path.lexists(folder) and not folder.is_dir():
        raise NotADirectoryError(f"{folder} is not a folder. Name a folder for your lessons.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        before = _read_manifest(folder)
        delivered = dict(before)
        outcomes = {}
        for lesson in sorted(source.glob("*.ipynb")):
            content = lesson.read_bytes()
            if fingerprint(content) is None:
                raise ValueError(f"The lesson {lesson} is damaged. Install the course again.")
            try:
                content = for_learners(content, lesson.name[:2])
            except ValueError as error:
                raise ValueError(f"{lesson}: {error}") from error
            shipped = fingerprint(content)
            outcomes[lesson.name] = _deliver(content, shipped, folder / lesson.name, delivered.get(lesson.name))
            if outcomes[lesson.name] not in (KEPT, KEPT_NEWER):
                delivered[lesson.name] = shipped
        if delivered != before:
            manifest = json.dumps({"version": 1, "lessons": delivered}, indent=1)
            write_whole(folder / MANIFEST, manifest.encode())
    except OSError as error:
        raise OSError(
            f"The lessons could not be copied to {folder.absolute()} ({error.strerror}). "
            "Name a folder you can write to: coursekit lab FOLDER"
        ) from error
    return outcomes


def for_learners(content: bytes, number: str) -> bytes:
    """Return a lesson as it goes to the learner: without its solutions and the results of its predictions.

    Args:
        content: The lesson's file.
        number: The lesson, such as ``"01"``.
    """
    import nbformat

    from coursekit.exercises import catalogue  # here: lessons need NumPy
    from coursekit.exercises.model import Lesson

    notebook = nbformat.reads(content.decode(), as_version=4)
    asked = catalogue.lesson(number) if number in catalogue.LESSONS else Lesson(number)
    cut = cut_results(cut_solutions(notebook), asked.instead, asked.folded)
    return content if cut == notebook else to_bytes(cut)


def fingerprint(content: bytes) -> str | None:
    """Return what identifies a notebook's text: a hash over the ids, types and sources of its cells.

    Outputs, counts and metadata change when a notebook is run, so they don't count. Nor do empty cells: JupyterLab adds
    one when the last cell is run.

    Args:
        content: The file's bytes.

    Returns:
        The hash, or None if this is no notebook.
    """
    try:
        cells = [(cell.get("id"), cell["cell_type"], "".join(cell["source"])) for cell in json.loads(content)["cells"]]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    return hashlib.sha256(json.dumps([cell for cell in cells if cell[2].strip()]).encode()).hexdigest()


def open_jupyterlab(folder: Path, lesson: str, arguments: Sequence[str] = ()) -> int:
    """Run JupyterLab in ``folder``, opened at ``lesson``, until it ends; return its exit code.

    Where a JupyterHub started this process, it becomes that hub's server for this learner, and does not return.
    """
    hub = "JUPYTERHUB_API_TOKEN" in os.environ
    command = [
        sys.executable,
        "-m",
        "jupyterhub.singleuser" if hub else "jupyterlab",
        f"--ServerApp.root_dir={folder}",
        f"--{'ServerApp' if hub else 'LabApp'}.default_url=/lab/tree/{quote(lesson)}",
    ]
    if hasattr(os, "geteuid") and os.geteuid() == 0:  # as in a container: Jupyter refuses to start unless told
        command.append("--allow-root")
    environment = {**os.environ, "JUPYTER_CONFIG_PATH": settings_path()}
    if hub:  # which knows this process, and waits for it to answer and to end
        sys.stdout.flush()
        os.execve(sys.executable, [*command, *arguments], environment)
    process = subprocess.Popen([*command, *arguments], env=environment)
    signal.signal(signal.SIGTERM, lambda *_: process.terminate())
    while True:
        try:
            code = process.wait()
            return code if code >= 0 else 128 - code  # ended by a signal: as shells count it
        except KeyboardInterrupt:
            continue  # Ctrl-C reached Jupyter too, which asks what to do


def settings_path() -> str:
    """Return JUPYTER_CONFIG_PATH with our folder jupyter/ before what is there.

    Its settings, which the learner's own overrule: Markdown opens as a page, so that start.md has links to click; the
    file browser shows no dates, so that names have more room; no news from Jupyter, no look for updates, and not
    nbgrader's menu, which is for instructors.
    """
    paths = [str(Path(__file__).with_name("jupyter")), os.environ.get("JUPYTER_CONFIG_PATH")]
    return os.pathsep.join(filter(None, paths))


def _deliver(content: bytes, shipped: str, target: Path, delivered: str | None) -> str:
    if not os.path.lexists(target):
        _write_trusted(target, content)
        return BACK if delivered else NEW
    theirs = _fingerprint_of(target)
    if theirs == shipped:
        return SAME
    if theirs is not None and theirs == delivered:
        _write_trusted(target, content)
        return UPDATED
    return KEPT if delivered == shipped else KEPT_NEWER


def _fingerprint_of(target: Path) -> str | None:
    if target.is_symlink() or not target.is_file():  # the learner put it there
        return None
    try:
        return fingerprint(target.read_bytes())
    except PermissionError:
        return None


def _can_write(folder: Path) -> bool:
    try:
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def _seconds(at: object) -> float:
    """Return the time in an event as seconds; 0 if somebody wrote something else there."""
    try:
        return datetime.fromisoformat(str(at)).timestamp()
    except ValueError:
        return 0.0


def _read_manifest(folder: Path) -> dict[str, str]:
    try:
        lessons = json.loads((folder / MANIFEST).read_bytes())["lessons"]
        return {name: mark for name, mark in lessons.items() if isinstance(mark, str)}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}  # absent or damaged: then what differs from the course's version counts as changed


def _write_trusted(target: Path, content: bytes) -> None:
    """Write a lesson and sign it, so that Jupyter shows the outputs it came with."""
    import nbformat
    from nbformat.sign import NotebookNotary

    write_whole(target, content)
    notary = NotebookNotary()
    notary.sign(nbformat.reads(content.decode(), as_version=4))
    notary.store.close()
