"""What is said when something comes that is not what was agreed on. It imports nothing, so that readers start fast."""

from __future__ import annotations

from typing import Any

MOST_MESSAGE = 300  # characters of an error


class RefusedError(ValueError):
    """Something came that is not what was agreed on."""


def clean(text: Any, most: int = MOST_MESSAGE) -> str:
    """Return text on one line, without control characters and not too long; "" if it is no text."""
    if not isinstance(text, str):
        return ""
    return "".join(c if c.isprintable() else " " for c in text[:most]).strip()
