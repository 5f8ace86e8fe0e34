"""What a learner did in the lessons: one plain file, a line of JSON for each event, only ever added to.

The file is ``progress.jsonl`` in the learner's folder. Two notebooks may write to it at once (they take turns), and a
crash while a line is written costs that line at most: a torn line is skipped when the file is read.
"""

from __future__ import annotations

import json
import os
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from coursekit import distribution
from coursekit.files import lock

NAME = "progress.jsonl"
MARKER = ".coursekit.json"  # `coursekit lab` puts it into the folder it makes
FILE_VARIABLE = "COURSEKIT_PROGRESS"

_memory: list[dict] = []  # events that no file could take; they last as long as the process


def learner_folder(start: Path | None = None) -> Path | None:
    """Return the folder that ``coursekit lab`` made, looking from ``start`` (the current folder) upwards, or None."""
    start = Path.cwd() if start is None else start.resolve()
    return next((place for place in (start, *start.parents) if (place / MARKER).is_file()), None)


def progress_file() -> Path | None:
    """Return the file that events go to; None in a checkout of the course, where they stay in memory.

    The environment variable COURSEKIT_PROGRESS names another file.
    """
    if named := os.environ.get(FILE_VARIABLE):
        return Path(named)
    if folder := learner_folder():
        return folder / NAME
    here = Path.cwd()
    return None if any(_is_checkout(place) for place in (here, *here.parents)) else here / NAME


def record(kind: str, id: str, **what: Any) -> bool:
    """Add an event; before the first one of a lesson, also that it was opened.

    Args:
        kind: "predicted", "checked", "hinted", "solution", "quiz" or "named".
        id: Of the exercise or question, which begins with the lesson's number; of a name, that of its card.
        what: What happened, in plain values.

    Returns:
        Whether it is in the file. If not, it is remembered until the process ends.
    """
    event = {"at": datetime.now(UTC).isoformat(timespec="milliseconds"), "kind": kind, "id": id, **what}
    file = progress_file()
    if file is not None and _append(file, event):
        return True
    _memory.extend(_with_opening(event, events()))
    return False


def events(file: Path | None = None) -> list[dict]:
    """Return all events in their order, each with "at" (ISO time, UTC), "kind" and "id".

    Args:
        file: Another learner's file; by default this one's, and what is in memory only.
    """
    place = file or progress_file()
    try:
        kept = _parse(place.read_bytes()) if place else []
    except OSError:  # nothing was recorded yet, or it can't be read
        kept = []
    return kept + (_memory if file is None else [])


def is_kept(event: dict) -> bool:
    """Return whether an event outlives this process; in a checkout of the course none is meant to."""
    return progress_file() is None or event not in _memory


def _append(file: Path, event: dict) -> bool:
    """Add an event's line to a file; say whether that worked."""
    try:
        with open(file, "a+b", buffering=0) as handle:
            lock(handle.fileno())
            handle.seek(0)
            before = handle.read()
            new = _with_opening(event, _parse(before))
            lines = "".join(json.dumps(event) + "\n" for event in new).encode()
            if before and not before.endswith(b"\n"):  # someone crashed in the middle of a line
                lines = b"\n" + lines
            written = handle.write(lines)
            os.fsync(handle.fileno())
            return written == len(lines)
    except OSError:  # a folder that can't be written to, a full disk: the lesson goes on without
        return False


def _with_opening(event: dict, before: list[dict]) -> list[dict]:
    """Return an event, behind the event that its lesson was opened if it has one and that is not on record."""
    lesson = event["id"].partition(".")[0]
    if not lesson.isdigit():
        return [event]
    if any(other["kind"] == "opened" and other["id"] == lesson for other in before):
        return [event]
    return [{"at": event["at"], "kind": "opened", "id": lesson}, event]


def _parse(content: bytes) -> list[dict]:
    found = []
    for line in content.split(b"\n"):
        try:
            event = json.loads(line)
        except (ValueError, RecursionError):  # empty or torn
            continue
        if isinstance(event, dict) and isinstance(event.get("kind"), str) and isinstance(event.get("id"), str):
            found.append(event)
    return found


def _is_checkout(place: Path) -> bool:
    try:
        project = tomllib.loads((place / "pyproject.toml").read_text(encoding="utf-8")).get("project", {})
    except (OSError, ValueError):
        return False
    return isinstance(project, dict) and project.get("name") == distribution.NAME
