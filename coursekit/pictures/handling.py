"""What happens to pictures on their way: they are saved and read again, get out of focus, or a little out of place."""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from PIL import Image

from coursekit.validation import as_count, as_number, as_pictures, nearest

FORMATS = ("png", "jpeg")


def resave(images: Any, format: str = "png", quality: int = 75) -> np.ndarray:
    """Return pictures as they come back from a file: saved, and read again.

    A file holds whole grey levels from 0 to 255, so values are rounded, and what lies beyond is cut off. PNG keeps
    everything else. JPEG keeps the larger part of coarse patterns and the smaller part of fine ones, and colours at
    half the size.

    Args:
        images: (H, W, C) or (N, H, W, C) with 1 or 3 channels, values 0-255.
        format: ``"png"`` or ``"jpeg"``.
        quality: That of the JPEG, from 1 to 95; 75 is what most programs write.

    Returns:
        The same shape, uint8.

    Raises:
        TypeError: They are no pictures, or ``quality`` is no whole number.
        ValueError: There is no such format, or pictures have another number of channels.

    Example:
        >>> from coursekit import photo, resave
        >>> picture = photo("chelsea", 227)
        >>> [int(abs(resave(picture, kind).astype(int) - picture).max()) > 0 for kind in ("png", "jpeg")]
        [False, True]
    """
    if format not in FORMATS:
        raise ValueError(f"There is no format {format!r}. {nearest(format, FORMATS)}")
    quality = as_count(quality, "quality", 1, 95)
    pictures, alone = as_pictures(images)
    if pictures.shape[-1] not in (1, 3):
        raise ValueError(f"A file holds pictures of 1 or 3 channels, not {pictures.shape[-1]}.")
    whole = np.clip(np.rint(pictures), 0, 255).astype(np.uint8)
    grey = whole.shape[-1] == 1
    how = {"quality": quality} if format == "jpeg" else {}
    read = np.empty_like(whole)
    for number, picture in enumerate(whole):
        with io.BytesIO() as file:
            Image.fromarray(picture[..., 0] if grey else picture).save(file, format, **how)
            found = np.asarray(Image.open(file))
        read[number] = found[..., np.newaxis] if grey else found
    return read[0] if alone else read


def blur(images: Any, sigma: float = 1) -> np.ndarray:
    """Return pictures out of focus: each pixel becomes an average of those around it, weighed by a bell curve.

    Args:
        images: (H, W, C) or (N, H, W, C), any finite values.
        sigma: Width of the bell curve (its standard deviation), in pixels.

    Returns:
        The same shape: uint8 (rounded) if it came as uint8, else float32.

    Raises:
        TypeError, ValueError: They are no pictures of finite numbers, or ``sigma`` is no number of 0 or more.

    Example:
        >>> from coursekit import blur, photo
        >>> picture = photo("chelsea", 227)
        >>> bool(blur(picture, 2).std() < picture.std())
        True
    """
    from scipy import ndimage  # takes longer to load than all else here

    pictures, alone = as_pictures(images)
    sigma = as_number(sigma, "sigma")
    spread = (0, sigma, sigma, 0)
    soft = ndimage.gaussian_filter(pictures.astype(np.float32), spread, mode="nearest")
    soft = np.rint(soft).astype(np.uint8) if pictures.dtype == np.uint8 else soft
    return soft[0] if alone else soft


def shift(images: Any, down: int = 0, right: int = 0) -> np.ndarray:
    """Return pictures moved by whole pixels. What comes in at an edge repeats the pixels of that edge.

    Args:
        images: (H, W, C) or (N, H, W, C), any finite values.
        down: Rows; below 0 for up.
        right: Columns; below 0 for left.

    Returns:
        The same shape and type.

    Raises:
        TypeError: They are no pictures, or a number of pixels is not whole.
        ValueError: Nothing would be left of the pictures.

    Example:
        >>> from coursekit import photo, shift
        >>> picture = photo("chelsea", 227)
        >>> bool((shift(picture, down=1, right=2)[1:, 2:] == picture[:-1, :-2]).all())
        True
    """
    pictures, alone = as_pictures(images)
    height, width = pictures.shape[1:3]
    down, right = as_count(down, "down", 1 - height, height - 1), as_count(right, "right", 1 - width, width - 1)
    rows, columns = np.clip(np.arange(height) - down, 0, height - 1), np.clip(np.arange(width) - right, 0, width - 1)
    moved = pictures[:, rows][:, :, columns]
    return moved[0] if alone else moved


# What can be tried out with a picture: name -> (what it is called, what it does).
HANDLINGS: dict[str, tuple[str, Callable[[Any], np.ndarray]]] = {
    "png": ("saved as PNG", resave),
    "jpeg": ("saved as JPEG, quality 75", partial(resave, format="jpeg")),
    "blur": ("blurred, sigma 1", blur),
    **{f"shift{n}": (f"shifted by {n} pixel{'s'[: n > 1]}", partial(shift, right=n)) for n in (1, 4, 8)},
}
