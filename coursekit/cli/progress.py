"""``coursekit progress``: how far the learner has come."""

from __future__ import annotations

import sys
from pathlib import Path

from coursekit import progress
from coursekit.cli import lab
from coursekit.learner import start_page


def run(folder: Path | None) -> int:
    """Print a table of the lessons in ``folder``; return 1 if there are none, else 0.

    Args:
        folder: A learner's folder. None: the one around the current folder, or else the one that ``coursekit lab``
            makes by default.
    """
    place = folder or progress.learner_folder() or Path(lab.DEFAULT_FOLDER)
    if not place.is_dir():
        print(f"coursekit progress: There is no folder {place}. `coursekit lab` makes one.", file=sys.stderr)
        return 1
    lessons = start_page.summary(place, progress.events(place / progress.NAME))
    if not lessons:
        print(f"coursekit progress: There are no lessons in {place}. Name another folder.", file=sys.stderr)
        return 1
    print(start_page.table(lessons))
    return 0
