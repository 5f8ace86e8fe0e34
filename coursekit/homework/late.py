"""Due dates: how late something was handed in, and what that takes off if the instructor says so."""

from __future__ import annotations

import datetime
import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path

from coursekit.files import write_whole
from coursekit.homework.record import Record

FILE = "due.json"


@dataclass(frozen=True)
class Due:
    """Until when a lesson was to be handed in.

    Attributes:
        time: ISO 8601, with its distance from UTC.
        percent: What each begun day takes off, of the points that were reached.
    """

    time: str
    percent: float = 0.0


def read(to: Path) -> dict[str, Due]:
    """Return the due dates that are kept in a course folder, by lesson.

    Raises:
        ValueError: The file holds none.
    """
    file = to / FILE
    try:
        return {number: _checked(Due(**fields)) for number, fields in json.loads(file.read_bytes()).items()}
    except FileNotFoundError:
        return {}
    except (ValueError, TypeError, AttributeError) as error:
        raise ValueError(f"{file} holds no due dates. Delete it, and give --due again.") from error


def _checked(due: Due) -> Due:
    if not isinstance(due.time, str) or type(due.percent) not in (int, float) or not 0 <= due.percent <= 100:
        raise ValueError("a due date of other types")
    _moment(due.time)
    return due


def keep(to: Path, number: str, time: str | None, percent: float | None) -> None:
    """Keep a lesson's due date, so that it counts also in later runs.

    Args:
        to: The course folder.
        number: The lesson.
        time: "2026-01-31 23:59", in this machine's time or with a distance from UTC behind it; "none" forgets it; None
            leaves it as it is.
        percent: What each begun day takes off; None leaves it as it is.

    Raises:
        ValueError: The time is none, the percentage is not from 0 to 100, or it has no due date.
    """
    have = read(to)
    due = have.get(number)
    if time == "none":
        due = None
    elif time is not None:
        due = Due(_moment(time).isoformat(), due.percent if due else 0.0)
    if percent is not None:
        if not 0 <= percent <= 100:
            raise ValueError(f"A penalty is from 0 to 100 percent for each begun day, not {percent:g}.")
        if due is None:
            raise ValueError("A penalty needs a due date: --due '2026-01-31 23:59'")
        due = Due(due.time, float(percent))
    now = {**have, number: due} if due else {other: one for other, one in have.items() if other != number}
    if now != have:
        write_whole(to / FILE, json.dumps({n: asdict(one) for n, one in sorted(now.items())}, indent=1).encode())


def hours(record: Record, due: Due) -> float | None:
    """Return how many hours late something was handed in, 0 if in time, None if the time is not known."""
    if not record.submitted_at:
        return None
    seconds = (_moment(record.submitted_at) - _moment(due.time)).total_seconds()
    return max(0.0, seconds / 3600)


def penalty(points: float, late: float, due: Due) -> float:
    """Return what is taken off the points that were reached: the percentage for each begun day, not more than all."""
    return points * min(1.0, math.ceil(late / 24) * due.percent / 100)


def _moment(text: str) -> datetime.datetime:
    try:
        time = datetime.datetime.fromisoformat(text)
        return time if time.tzinfo else time.astimezone()
    except (ValueError, OverflowError, OSError):
        raise ValueError(f"{text!r} is no time. Write it as 2026-01-31 23:59, or 2026-01-31 23:59+01:00.") from None
