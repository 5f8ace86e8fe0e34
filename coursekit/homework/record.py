"""The record of a graded submission: a file in results/, read again by the gradebook, the tables and the feedback."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Result:
    """What one exercise got.

    Attributes:
        points: None as long as a person has to give them.
        max: What it is worth.
        says: Why, to the student.
        mistake: Name of the usual mistake it looks like, or "".
        needs_person: A person has to look.
        text: What the student wrote, if a person reads it.
    """

    points: float | None
    max: float
    says: str
    mistake: str = ""
    needs_person: bool = False
    text: str = ""


@dataclass(frozen=True)
class Record:
    """What came of grading one submission.

    Attributes:
        student: A name that is safe as a file name.
        assignment: The lesson's number.
        file: The file's path inside the submissions, printable.
        sha256: The file's fingerprint.
        settings: A mark of all that the grade depends on besides the file.
        submitted_at: ISO 8601, or None.
        graded_at: ISO 8601.
        reason: Why it could not be graded; "" if it was.
        seconds: How long it ran.
        log: What happened, to the instructor.
        variations: The tokens in the notebook.
        exercises: {exercise id: what it got}; empty if it could not be graded.
        notebook: The safe copy's path inside the course folder, or None.
    """

    student: str
    assignment: str
    file: str
    sha256: str = ""
    settings: str = ""
    submitted_at: str | None = None
    graded_at: str = ""
    reason: str = ""
    seconds: float = 0.0
    log: tuple[str, ...] = ()
    variations: tuple[str, ...] = ()
    exercises: dict[str, Result] = field(default_factory=dict)
    notebook: str | None = None

    @property
    def is_graded(self) -> bool:
        """Whether the program could grade it."""
        return not self.reason

    @property
    def status(self) -> str:
        """The same in a word, for the tables."""
        return "graded" if self.is_graded else "ungraded"


def to_json(record: Record) -> str:
    """Return a record as it stands in its file: ASCII, so that no name and no text is in the way."""
    return json.dumps({**asdict(record), "status": record.status}, indent=1, allow_nan=False)


def read_record(file: Path) -> Record:
    """Return the record in a file.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It holds no record, or one of another version of the course.
    """
    try:
        table = json.loads(file.read_bytes())
        table.pop("status")
        lists = {name: tuple(table.pop(name, ())) for name in ("log", "variations")}
        results = {name: Result(**result) for name, result in table.pop("exercises").items()}
        return Record(**table, **lists, exercises=results)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{file} holds no record of a grade. Delete it, and grade again.") from error
