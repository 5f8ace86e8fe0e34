"""The photos that a reader finds in the web book's explorers of channels and drawings. Each may be given away.

What else lessons' outputs carry is listed in data/PROVENANCE.md.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from coursekit.pictures.resizing import resize
from coursekit.pictures.shipped import photo

# What is cut out of a photo of the course: top, left, bottom, right. data/PROVENANCE.md says whose they are.
BOOK_PHOTOS = {
    "face": ("astronaut", (20, 120, 240, 340)),
    "chelsea": ("chelsea", None),
    "astronaut": ("astronaut", None),
    "coffee": ("coffee", None),
}


@cache
def book_photo(name: str, size: tuple[int, int]) -> np.ndarray:
    """Return one of them, (height, width, 3) uint8, read-only."""
    whole, box = BOOK_PHOTOS[name]
    image = photo(whole)
    if box is not None:
        top, left, bottom, right = box
        image = image[top:bottom, left:right]
    image = resize(image, size)
    image.flags.writeable = False
    return image


def name_in_book(picture: np.ndarray) -> str | None:
    """Return which of them a picture (H, W, 3) of 0-255 is, to the pixel; None if it is another."""
    size = picture.shape[:2]
    return next((name for name in BOOK_PHOTOS if np.array_equal(book_photo(name, size), picture)), None)
