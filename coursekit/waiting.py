"""The progress bar of everything that takes long."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any


def progress_bar(iterable: Iterable | None = None, show: bool = True, **named: Any) -> Any:
    """Return a tqdm bar that appears after a second and goes when it is done.

    Args:
        iterable: What to go through, if anything.
        show: False for no bar. The environment variable ``TQDM_DISABLE=1`` turns all of them off: what a notebook
            shows then does not depend on how fast the machine is.
        **named: Of tqdm: ``total``, ``unit``, ``desc``, ``initial``.
    """
    from tqdm.auto import tqdm  # here, because it costs more to import than the rest of this package

    off = not show or os.environ.get("TQDM_DISABLE", "0") not in ("", "0")
    return tqdm(iterable, delay=1, leave=False, disable=off, **named)
