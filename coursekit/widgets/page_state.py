"""What a widget leaves in a saved output for the web book, in whose page no Python runs."""

from __future__ import annotations

import base64
import io
import os
import zlib
from typing import Any

import numpy as np
from PIL import Image

PAGE = "application/vnd.coursekit.page+json"
"""The MIME type that it has in the output."""
VARIABLE = "COURSEKIT_FOR_BOOK"
"""It is written where this stands in the environment: tools/run_notebooks.py sets it. A learner's file stays small."""
MOST = 600_000
"""Letters of JSON: a lesson may have 1.5 MB, a page too."""


def is_wanted() -> bool:
    """Say whether outputs are made for the book."""
    return bool(os.environ.get(VARIABLE))


def as_json(state: Any) -> Any:
    """Return a state with bytes as JSON has them, ``{"base64": text}``."""
    if isinstance(state, bytes):
        return {"base64": base64.b64encode(state).decode()}
    if isinstance(state, dict):
        return {str(key): as_json(value) for key, value in state.items()}
    return [as_json(value) for value in state] if isinstance(state, (list, tuple)) else state


def as_webp(sheet: dict, lossless: bool) -> dict:
    """Return what ``show.encoding.sheet`` gave with its file as WebP, which is half as large or less."""
    file = io.BytesIO()
    Image.open(io.BytesIO(sheet["file"])).save(file, "WEBP", lossless=lossless, quality=75, method=6)
    return {**sheet, "file": file.getvalue()}


def as_bits(masks: np.ndarray) -> bytes:
    """Return boolean values one after another, eight in a byte, the first in the highest bit, compressed by zlib."""
    return zlib.compress(np.packbits(masks).tobytes(), 9)
