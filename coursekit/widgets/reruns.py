"""A cell that is run again makes its widgets anew. Those of its earlier run are closed, or their memory stays taken."""

from __future__ import annotations

import re
import weakref
from typing import Any

_runs: dict[str, tuple[str, weakref.WeakSet]] = {}  # of each notebook cell: its latest run, and that run's widgets


def take_over(widget: Any) -> None:
    """Close what an earlier run of the running cell made; several widgets of one run stay beside each other."""
    shell = _shell()
    cell, run = _running(shell)
    if cell is None:
        return
    before, made = _runs.get(cell, (run, weakref.WeakSet()))
    if before != run:
        for old in list(made):
            _close(old)
            _forget(shell, old)
        made = weakref.WeakSet()
    made.add(widget)
    _runs[cell] = run, made


def _shell() -> Any:
    try:
        from IPython import get_ipython
    except ImportError:
        return None
    return get_ipython()


def _running(shell: Any) -> tuple[str | None, str]:
    """Return the ids of the cell that is running and of this run; (None, "") where there is no notebook's cell."""
    kernel = getattr(shell, "kernel", None)
    parent = kernel.get_parent() if kernel is not None else {}
    return parent.get("metadata", {}).get("cellId"), parent.get("header", {}).get("msg_id", "")


def _close(old: Any) -> None:
    old.close()
    old.layout.close()  # a widget of its own
    for listener in list(old._msg_callbacks.callbacks):  # they hold the widget: without them it goes at once
        old.on_msg(listener, remove=True)


def _forget(shell: Any, old: Any) -> None:
    """Take a widget out of what IPython keeps of earlier outputs: ``Out``, and ``_``, ``__``, ``___``, ``_7``."""
    outputs = shell.user_ns.get("_oh", {})
    for number in [number for number, value in outputs.items() if value is old]:
        del outputs[number]
    for names in (shell.user_ns, shell.user_ns_hidden):
        for name in [name for name, value in names.items() if value is old and re.fullmatch(r"_+|_\d+", name)]:
            names[name] = None
    for name in ("_", "__", "___"):
        if getattr(shell.displayhook, name, None) is old:
            setattr(shell.displayhook, name, None)
