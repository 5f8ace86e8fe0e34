"""Arguments that several commands take."""

from __future__ import annotations

import os
from pathlib import Path


def path(words: str) -> Path:
    """Return the path that an argument names. The shell leaves a ``~`` alone that is quoted or stands behind ``=``."""
    return Path(os.path.expanduser(words))
