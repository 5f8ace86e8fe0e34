"""Widgets that work in a thread of their own, while other cells run."""

from __future__ import annotations

import atexit
import contextvars
import threading
import time
import weakref
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from coursekit.widgets.base import Widget

_SECONDS_AT_EXIT = 3.0  # for the steps to end
_begun: weakref.WeakSet[BackgroundWidget] = weakref.WeakSet()


class BackgroundWidget(Widget):
    """A widget whose work is done in a thread, step by step. Only the latest run counts: a new one cancels the last.

    A widget begins a run with ``_begin``, given the work: what yields after each step something to show, or None. It
    has ``_keep``, which takes what is to be shown, and ``_send_progress``, which sends it.
    """

    _run = 0  # number of the latest run
    _live = False  # whether a new choice begins a run
    _running = False
    _thread: threading.Thread | None = None
    _error: Exception | None = None

    def __new__(cls, *args: Any, **kwargs: Any) -> BackgroundWidget:
        """Make the lock before anything is refused: what was refused is closed too."""
        widget = super().__new__(cls, *args, **kwargs)
        widget._lock = threading.RLock()  # for all that the thread and the page's messages share
        return widget

    def _keep(self, shown: Any) -> None:
        """Take what a step of the work gave."""
        raise NotImplementedError

    def _send_progress(self) -> None:
        """Send what the page shows. A message and not a trait: traits are not made to be set by several threads."""
        raise NotImplementedError

    def wait(self, timeout: float | None = None) -> None:
        """Wait until the drawing is done, in a cell that needs the result.

        Args:
            timeout: Seconds to wait at most.

        Raises:
            Exception: What went wrong while drawing.
        """
        with self._lock:  # not between what the page has just chosen and the run that it begins
            thread = self._thread
        if thread is not None:
            thread.join(timeout)
        if self._error is not None:
            raise self._error

    def set_state(self, sync_data: dict) -> None:
        """Take what was chosen in the page. It may come in a thread of its own, while a cell runs."""
        with self._lock:
            super().set_state(sync_data)

    def close(self) -> None:
        """End the drawing, and take the widget from the page."""
        with self._lock:
            self._run += 1
            self._live = False
        super().close()

    def _begin(self, work: Iterable) -> None:
        """Begin a run in a thread of its own, and report."""
        with self._lock:
            self._run += 1
            self._running, self._error = True, None
            _begun.add(self)
            # In this context the reports are answers to the page's message. They keep open the way by which that came,
            # past a busy cell (a subshell of the kernel), so that the next message comes through at once too.
            work_here = partial(contextvars.copy_context().run, self._work, self._run, work, self._thread)
            self._thread = threading.Thread(target=work_here, name=type(self).__name__, daemon=True)
            self._thread.start()
            self._send_progress()

    def _cancel(self) -> None:
        """End the run, keep what is shown, and report."""
        with self._lock:
            self._run += 1
            self._running = False
            self._send_progress()

    def _work(self, run: int, work: Iterable, before: threading.Thread | None) -> None:
        if before is not None:
            before.join()  # it ends at its next step: it is the latest run no more
        error = None
        try:
            self._follow(run, work)
        except Exception as caught:  # whatever it is, the page must tell: nobody looks into a thread
            error = caught
        with self._lock:
            if run == self._run:
                self._running, self._error = False, error
                self._send_progress()

    def _follow(self, run: int, work: Iterable) -> None:
        """Show what the work gives, until it is done, or until this run is the latest no more."""
        if run != self._run:
            return
        for shown in work:
            with self._lock:
                if run != self._run:
                    return
                if shown is not None:
                    self._keep(shown)
                    self._send_progress()


@atexit.register
def _end_all() -> None:
    """End all runs with Python: a thread that is in the midst of TensorFlow's code then can take the process down."""
    for widget in list(_begun):
        widget._run += 1  # without its lock: nothing may wait for ever here
    end = time.monotonic() + _SECONDS_AT_EXIT
    for widget in list(_begun):
        if widget._thread is not None:
            widget._thread.join(max(0.0, end - time.monotonic()))


def every(seconds: float) -> Callable[[], bool]:
    """Return a function that says whether it is time to show something again."""
    last = -seconds

    def due() -> bool:
        nonlocal last
        now = time.monotonic()
        if now - last < seconds:
            return False
        last = now
        return True

    return due
