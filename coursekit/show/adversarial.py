"""A picture, the same picture changed a little, and the change so much larger that it can be seen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from coursekit.show.figure import Figure, figure
from coursekit.show.picture import displayable, grid
from coursekit.validation import as_number, as_pictures

FACTOR = 16  # 8 grey levels fill the screen's range


def magnified(before: np.ndarray, after: np.ndarray, factor: float = FACTOR) -> np.ndarray:
    """Return the change of a picture, so many times as large, as (H, W, 3) uint8: grey where there is none."""
    return displayable(127.5 + factor * (np.float32(after) - np.float32(before)))


def change(before: Any, after: Any, titles: Sequence[str] | None = None, factor: float = FACTOR) -> Figure:
    """Show pictures, what became of them, and the change, magnified: one row for each pair.

    The change is grey where there is none, brighter where a value was raised and darker where it was lowered. All
    changes have one scale.

    Args:
        before: (H, W, C) or (N, H, W, C) with 1 or 3 channels, values 0-255.
        after: The changed pictures, of the same shape.
        titles: Two lines for each pair: above the picture, and above the changed one.
        factor: How many times as large the change is shown.

    Raises:
        TypeError, ValueError: They are no pictures, not of one shape, or not with two titles for each pair.
    """
    factor = as_number(factor, "factor")
    old, new = (as_pictures(each, name)[0] for each, name in ((before, "before"), (after, "after")))
    if old.shape != new.shape:
        raise ValueError(f"before and after must be of one shape, not {np.shape(before)} and {np.shape(after)}.")
    titles = ["before", "after"] * len(old) if titles is None else list(titles)
    if len(titles) != 2 * len(old):
        raise ValueError(f"There are {len(old)} pairs of pictures but {len(titles)} titles: give two for each.")
    told, rows = [], []
    for one, other, title, title_after in zip(old, new, titles[::2], titles[1::2], strict=True):
        moved = np.abs(np.float32(other) - np.float32(one))
        told.append(
            f"{title}; {title_after}: the largest change is {moved.max():.3g} grey levels, "
            f"and {(moved > 0).mean():.0%} of the values have one."
        )
        rows.append((displayable(one), title))
        rows.append((displayable(other), title_after))
        rows.append((magnified(one, other, factor), f"change, {factor:g} times as large"))
    said = f"A picture, the changed picture and the change, {factor:g} times as large. {' '.join(told)}"
    fig = figure(said, 7.5, len(old) * (2.4 * old.shape[1] / old.shape[2] + 0.35))
    for ax, (picture, text) in zip(grid(fig, len(old), 3, len(rows)), rows, strict=True):
        ax.imshow(picture)
        ax.set_title(text, fontsize=9)
    return fig
