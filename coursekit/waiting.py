"""The progress bar of everything that takes long."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from typing import Any


def progress_bar(iterable: Iterable | None = None, show: bool = True, delay: float = 1, **named: Any) -> Any:
    """Return a tqdm bar that appears after a second, goes when it is done, and leaves nothing behind in a notebook.

    Args:
        iterable: What to go through, if anything.
        show: False for no bar. The environment variable ``TQDM_DISABLE=1`` turns all of them off: what a notebook
            shows then does not depend on how fast the machine is.
        delay: Seconds before it appears. 0 where a single step takes long: otherwise it waits for the first to end.
        **named: Of tqdm: ``total``, ``unit``, ``desc``, ``initial``.

    Example:
        >>> from coursekit import progress_bar
        >>> [epoch for epoch in progress_bar(range(3), desc="Training", unit="epoch")]
        [0, 1, 2]
    """
    from tqdm import tqdm  # here, because it costs more to import than the rest of this package

    off = not show or os.environ.get("TQDM_DISABLE", "0") not in ("", "0")
    place = {"file": _Line(), "ncols": 79} if _in_a_notebook() and not off else {}
    return tqdm(iterable, delay=delay, leave=False, disable=off, **place, **named)


def _in_a_notebook() -> bool:
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    return hasattr(shell, "kernel")


class _Line:
    """Where a bar is written in a notebook: one line of text, replaced in place and empty in the end.

    tqdm's own bar for notebooks is a widget, and a saved notebook keeps the view of it: on the next day an error stands
    where the bar was.
    """

    encoding = "utf-8"  # tqdm asks, and draws the bar with # where it is missing

    def __init__(self) -> None:
        self._shown: Any = None

    def write(self, text: str) -> None:
        if not text.startswith(
            "\r"
        ):  # it moves the cursor to the bar of a loop inside of a loop; here each has a place
            return
        from html import escape

        from IPython.display import display

        line = text.strip()
        page = {"text/html": f"<pre>{escape(line)}</pre>" if line else "", "text/plain": line}
        if self._shown is not None:
            self._shown.update(page, raw=True)
        elif line:
            self._shown = display(page, raw=True, display_id=True)

    def flush(self) -> None:
        """Do nothing: each line is shown as it is written."""
