"""Pictures brought to what a network or a page takes."""

from __future__ import annotations

from typing import Any

import numpy as np

from coursekit.pictures.resizing import resize
from coursekit.pictures.shipped import photos
from coursekit.validation import as_pictures

_LUMA = np.float32([[0.299], [0.587], [0.114]])
_ANY_SIDE = 224  # for a network that takes every size


def fit_picture(image: Any, shape: tuple[int | None, int | None, int | None]) -> np.ndarray:
    """Return one picture in another size and number of channels: grey from colours, or colours from grey.

    Args:
        image: (H, W, C) or (H, W), any finite values.
        shape: (height, width, channels); None where any will do.

    Raises:
        TypeError, ValueError: It is not one picture of finite numbers.
    """
    height, width, channels = shape
    batch, alone = as_pictures(image[..., np.newaxis] if getattr(image, "ndim", None) == 2 else image, "image")
    if not alone:
        raise ValueError(f"image must be one picture, not {len(batch)}: give images[0], for example.")
    picture = batch[0]
    if picture.shape[2] == 3 and channels == 1:
        picture = luminance(picture)
    elif picture.shape[2] == 1 and channels == 3:
        picture = np.repeat(picture, 3, axis=2)
    return picture if None in (height, width) or picture.shape[:2] == (height, width) else resize(picture, shape[:2])


def luminance(picture: np.ndarray) -> np.ndarray:
    """Return the brightness (..., 1) of colours (..., 3), in their range (ITU-R BT.601)."""
    return picture @ _LUMA


def fit_pictures(images: Any, size: tuple[int | None, int | None], name: str) -> np.ndarray:
    """Return several pictures, (N, H, W, C), in another size; None in it leaves them as they are.

    Raises:
        TypeError, ValueError: They are not several pictures of finite numbers.
    """
    batch, alone = as_pictures(images, name)
    if alone:
        raise ValueError(f"{name} must be several, (N, H, W, C), not {np.shape(images)}.")
    return batch if None in size or size == batch.shape[1:3] else resize(batch, size)


def photos_for(shape: tuple[int | None, int | None, int | None]) -> np.ndarray:
    """Return the course's 20 photos in the size and number of channels that a network takes, (20, H, W, C)."""
    height, width, channels = shape
    images, _ = photos((height or _ANY_SIDE, width or _ANY_SIDE))
    return images.mean(axis=-1, keepdims=True) if channels == 1 else images


def shrink(size: tuple[int | None, int | None], longest: int) -> tuple[int, int]:
    """Return a size with its longer side cut to so many pixels, the other in proportion; a smaller one as it is."""
    height, width = (side or _ANY_SIDE for side in size)
    most = max(height, width)
    return (height, width) if most <= longest else tuple(max(1, round(s * longest / most)) for s in (height, width))


def is_from_0_to_1(picture: np.ndarray) -> bool:
    """Return whether a picture's values lie between 0 and 1, not 0 and 255."""
    return picture.dtype != np.uint8 and picture.min() >= 0 and picture.max() <= 1


def first_in_both(pictures: np.ndarray, others: np.ndarray) -> tuple[int, int] | None:
    """Return the index in each of the first of the others that is among the pictures too; None if there is none."""
    places = {picture.astype(np.float32).tobytes(): i for i, picture in enumerate(pictures)}
    for i, other in enumerate(others):
        if (same := places.get(other.astype(np.float32).tobytes())) is not None:
            return same, i
    return None
