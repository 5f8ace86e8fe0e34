"""Where things that are computed once are kept."""

import os
from pathlib import Path

import platformdirs


def cache_folder() -> Path:
    """Return the folder for what is computed once: COURSEKIT_CACHE, or the user's cache folder."""
    return Path(os.environ.get("COURSEKIT_CACHE") or platformdirs.user_cache_dir("coursekit", appauthor=False))
