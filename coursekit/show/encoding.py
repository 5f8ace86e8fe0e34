"""Pictures as files, and numbers as JSON, for a page."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from PIL import Image

from coursekit.pictures import resize
from coursekit.pictures.fitting import shrink
from coursekit.show.picture import displayable

SMALL = 64
"""Pixels: pictures up to this side are kept without loss, as a page shows them with square pixels."""


def encoded(picture: np.ndarray) -> bytes:
    """Return a picture (H, W, C), values 0-255, as a file: small ones as PNG, larger ones as JPEG of high quality."""
    file = io.BytesIO()
    small = max(picture.shape[:2]) <= SMALL
    how = {"format": "PNG"} if small else {"format": "JPEG", "quality": 92, "subsampling": 0}
    Image.fromarray(displayable(picture)).save(file, **how)
    return file.getvalue()


def sheet(images: np.ndarray, largest: int = 128, side: int = 4096) -> dict:
    """Return all pictures small, row by row on one sheet.

    Args:
        images: (N, H, W, C), values 0-255.
        largest: Side that a small picture has at most, in pixels.
        side: Side that the sheet has at most: every browser can hold 4096.

    Returns:
        {"count", "columns", "height" and "width" of a small picture, "file": a PNG}.
    """
    count, height, width = images.shape[:3]
    columns = int(np.ceil(np.sqrt(count)))
    small = shrink((height, width), max(1, min(largest, side // columns)))
    if small != (height, width):
        images, (height, width) = resize(images, small), small
    pixels = np.zeros((-(-count // columns) * height, columns * width, 3), np.uint8)
    for i, image in enumerate(images):
        y, x = i // columns * height, i % columns * width
        pixels[y : y + height, x : x + width] = displayable(image)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return {"count": count, "columns": columns, "height": height, "width": width, "file": file.getvalue()}


def finite(value: Any) -> float | None:
    """Return a number for JSON, which has no NaN and no infinity: None for these, and for None."""
    return float(value) if value is not None and np.isfinite(value) else None
