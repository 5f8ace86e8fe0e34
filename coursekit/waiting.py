"""The progress bar of everything that takes long."""

from __future__ import annotations

import html
import os
import sys
import uuid
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
    publisher = None if off else _publisher()
    place = {} if publisher is None else {"file": _Line(publisher), "ncols": 79}
    return tqdm(iterable, delay=delay, leave=False, disable=off, **place, **named)


def _publisher() -> Any:
    """Return what shows things in the notebook that this runs in; None outside of one."""
    ipython = sys.modules.get("IPython")  # not imported: what runs without a notebook does not need it
    shell = ipython and ipython.get_ipython()
    return shell.display_pub if hasattr(shell, "kernel") else None


class _Line:
    """Where a bar is written in a notebook: one line of text, replaced in place and empty in the end.

    tqdm's own bar for notebooks is a widget, and a saved notebook keeps the view of it: on the next day an error stands
    where the bar was.
    """

    encoding = "utf-8"  # tqdm asks, and draws the bar with # where it is missing

    def __init__(self, publisher: Any) -> None:
        self._publish = publisher.publish
        self._place = {"display_id": uuid.uuid4().hex}
        self._is_shown = False

    def write(self, text: str) -> None:
        """Show what tqdm writes: a line that begins with a carriage return."""
        if not text.startswith("\r"):  # it moves the cursor to the bar of an inner loop; here each has a place
            return
        line = text.strip()
        if line or self._is_shown:
            page = {"text/html": f"<pre>{html.escape(line)}</pre>" if line else "", "text/plain": line}
            self._publish(page, transient=self._place, update=self._is_shown)
            self._is_shown = True

    def flush(self) -> None:
        """Do nothing: each line is shown as it is written."""
