"""What stands in a picture's place where it is covered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy import ndimage

from coursekit.networks.backend import tf
from coursekit.validation import nearest

COVERS = ("mean", "grey", "blur")
_BLUR = 20  # the longer side of the picture in standard deviations: nothing is left to be recognised


def picture_input(batches: Sequence[np.ndarray]) -> int:
    """Return the index of the first input that is a picture.

    Raises:
        ValueError: There is none.
    """
    found = [place for place, batch in enumerate(batches) if batch.ndim == 4]
    if not found:
        raise ValueError(f"There is no picture to cover: this network takes {batches[0].shape[1:]}, not (H, W, C).")
    return found[0]


def covered_with(baseline: Any, picture: np.ndarray, dtype: str = "float32") -> np.ndarray:
    """Return what is seen where a picture is covered.

    Args:
        baseline: ``"mean"`` for the picture's mean colour, ``"grey"`` for 127.5, ``"blur"`` for the picture out of
            focus, or a number, a colour (C,), or another picture (H, W, C).
        picture: (H, W, C).
        dtype: What the network takes: the values of whole numbers are rounded.

    Returns:
        float32 (H, W, C); float64 for a picture that is.

    Raises:
        ValueError: There is no such baseline, it does not fit the picture, or it holds NaN or infinity.
    """
    exact = picture.astype(np.float64)
    if isinstance(baseline, str):
        if baseline not in COVERS:
            raise ValueError(
                f"There is no baseline {baseline!r}. {nearest(baseline, COVERS)} Or give a number or a colour."
            )
        if baseline == "mean":
            cover = exact.mean((0, 1))
        elif baseline == "grey":
            cover = 127.5
        else:
            sigma = max(picture.shape[:2]) / _BLUR
            cover = ndimage.gaussian_filter(exact, (sigma, sigma, 0), mode="nearest")
    else:
        cover = baseline
    cover = as_baseline(cover, picture.shape, np.promote_types(picture.dtype, np.float32))
    return cover if tf.as_dtype(dtype).is_floating else np.rint(cover)


def as_baseline(baseline: Any, shape: tuple, dtype: Any) -> np.ndarray:
    """Return a number, a colour (C,) or a picture in the shape of one picture.

    Raises:
        ValueError: It is none of these, or holds NaN or infinity.
    """
    try:
        cover = np.broadcast_to(np.asarray(baseline, dtype), shape)
    except (TypeError, ValueError):
        raise ValueError(
            f"baseline must be a number, a colour ({shape[-1]},) or a picture {shape}, "
            f"not {f'of shape {np.shape(baseline)}' if np.ndim(baseline) else repr(baseline)}."
        ) from None
    if not np.isfinite(cover).all():
        raise ValueError("baseline holds NaN or infinity, but must hold finite numbers only.")
    return cover
