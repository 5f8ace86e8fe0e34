"""What figures of numbers share: the scale from black to white, in numbers, in words, and beside the maps."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Literal

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize

from coursekit.pictures.fitting import shrink
from coursekit.show.figure import Figure

Scale = Literal["shared", "own"]


def scale_of(values: np.ndarray, signed: bool, from_zero: bool = True) -> Normalize:
    """Return the scale: from the smallest value (0 if none is negative) to the largest, or as far below 0 as above."""
    low, high = float(values.min()) + 0.0, float(values.max()) + 0.0  # a ReLU's zero is -0.0 on some processors
    if signed:
        high = max(abs(low), abs(high))
        low = -high
    elif from_zero:
        low = min(low, 0.0)
    return Normalize(low, high if high > low else low + 1.0)


def own_scale(values: np.ndarray, signed: bool) -> Normalize:
    """Return the scale of one map by itself: from its smallest to its largest value."""
    return scale_of(values, signed, from_zero=False)


def on_scale(values: np.ndarray, norm: Normalize) -> np.ndarray:
    """Return values as brightness from 0 to 1, float32."""
    return np.asarray(norm(values), np.float32)


def is_shared(scale: str) -> bool:
    """Say whether one scale is for all; raise ``ValueError`` for what is no kind of scale."""
    if scale not in ("shared", "own"):
        raise ValueError(f"scale must be 'shared' or 'own', not {scale!r}.")
    return scale == "shared"


def channel_ranges(answer: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the scale of each channel of a layer (H, W, C): its smallest value or 0, and its largest.

    NaN and infinity count as zero.
    """
    finite = answer if np.isfinite(answer.sum()) else np.nan_to_num(answer, posinf=0, neginf=0)
    return np.minimum(finite.min((0, 1)), 0), finite.max((0, 1))


def grey_levels(values: np.ndarray, low: np.ndarray, high: np.ndarray, side: int) -> np.ndarray:
    """Return channels as grey pixels, uint8: black at ``low`` and below, white at ``high`` and above.

    Args:
        values: (H, W, C); NaN and infinity are shown as zero.
        low: (C,), or one number for all.
        high: The same; where it is not above ``low``, all is black.
        side: Pixels that the longer side has at most; larger channels are made smaller.
    """
    values = np.nan_to_num(values, posinf=0, neginf=0)
    size = shrink(values.shape[:2], side)
    values = values if size == values.shape[:2] else _shrunk(values, size)
    return np.uint8(np.clip((values - low) * (255 / np.where(high > low, high - low, np.inf)) + 0.5, 0, 255))


def _shrunk(values: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Return channels (H, W, C) smaller, as ``resize`` makes them: two products of matrices, in a third of its time."""
    (height, width), (rows, columns) = values.shape[:2], size
    return _averages(width, columns) @ np.tensordot(_averages(height, rows), values, 1)


@lru_cache(maxsize=64)
def _averages(before: int, after: int) -> np.ndarray:
    """Return the weights (after, before) with which pixels of a line are averaged: a triangle over those covered."""
    factor = before / after
    apart = np.arange(before) + 0.5 - factor * (np.arange(after)[:, np.newaxis] + 0.5)
    weights = np.maximum(1 - np.abs(apart) / max(factor, 1), 0)
    return np.float32(weights / weights.sum(1, keepdims=True))


def scale_in_words(norm: Normalize, scale: Scale, signed: bool) -> str:
    """Return what an alt text says of the scale."""
    if not is_shared(scale):
        return "each on a scale of its own"
    middle = ", middle grey is 0" if signed else ""
    return f"on one scale, black {norm.vmin:.3g}{middle}, white {norm.vmax:.3g}"


def scale_bar(fig: Figure, axes: Any, norm: Normalize, cmap: Any, scale: Scale = "shared") -> Any:
    """Put the scale beside the maps; where each has its own there are no numbers to give but the 0 of signed ones."""
    bar = fig.colorbar(ScalarMappable(norm, cmap), ax=axes, fraction=0.03, pad=0.01, aspect=30)
    bar.ax.tick_params(labelsize=7)
    if scale == "own" and norm.vmin == -norm.vmax:
        bar.set_ticks([norm.vmin, 0, norm.vmax], labels=["- own\nlargest", "0", "+ own\nlargest"])
    elif scale == "own":
        bar.set_ticks([norm.vmin, norm.vmax], labels=["own\nlowest", "own\nhighest"])
    return bar


def place_of_largest(channel: np.ndarray) -> str:
    """Return in which ninth of a map (H, W) its largest value lies, in words."""
    row, column = np.unravel_index(channel.argmax(), channel.shape)
    down, right = 3 * row // channel.shape[0], 3 * column // channel.shape[1]
    return f"{('at the top', 'in the middle', 'at the bottom')[down]}, {('left', 'centre', 'right')[right]}"
