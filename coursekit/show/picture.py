"""Pictures side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from coursekit.pictures.fitting import is_from_0_to_1
from coursekit.show.figure import Figure, figure
from coursekit.validation import as_pictures, refuse_stack


def pictures(
    images: Any, titles: Sequence[str] | None = None, columns: int | None = None, size: float = 1.9, alt: str = ""
) -> Figure:
    """Show pictures side by side, each pixel in its true colour.

    Args:
        images: (H, W, 3) or (H, W, 1), several of them in an array (N, H, W, C), or a list, also of different sizes.
            Values 0-255.
        titles: One line for each.
        columns: Pictures in a row; by default at most five.
        size: Width of a picture in inches.
        alt: What is to be seen; by default the titles.

    Raises:
        ValueError: No picture, one with another number of channels than 1, 3 or 4, or not as many titles as pictures.
    """
    alone = not isinstance(images, (list, tuple)) and np.ndim(images) == 3
    refuse_stack(images, "images")
    batch = [as_pictures(image)[0][0] for image in ([images] if alone else images)]
    if not batch:
        raise ValueError("There is no picture to show.")
    titles = [titles] if isinstance(titles, str) else list(titles or [])
    if titles and len(titles) != len(batch):
        raise ValueError(f"There are {len(batch)} pictures but {len(titles)} titles.")
    columns = columns or min(len(batch), 5)
    rows = -(-len(batch) // columns)
    tallest = max(image.shape[0] / image.shape[1] for image in batch)
    said = alt or f"{len(batch)} picture{'s'[: len(batch) > 1]}" + (f": {'; '.join(titles)}" if titles else "") + "."
    fig = figure(said, columns * size, rows * (size * tallest + 0.3 * bool(titles)))
    for ax, image, title in zip(grid(fig, rows, columns, len(batch)), batch, titles or [""] * len(batch), strict=True):
        ax.imshow(displayable(image))
        ax.set_title(title, fontsize=9)
    return fig


def displayable(image: np.ndarray) -> np.ndarray:
    """Return a picture (H, W, C) with values 0-255 as the uint8 RGB that a screen shows; an alpha channel is left out.

    Raises:
        ValueError: It has another number of channels than 1, 3 or 4.
    """
    if image.shape[-1] not in (1, 3, 4):
        raise ValueError(f"A picture has 1, 3 or 4 channels, not {image.shape[-1]}; show.montage shows any number.")
    shown = np.clip(np.rint(image), 0, 255).astype(np.uint8)
    return np.repeat(shown, 3, axis=2) if shown.shape[2] == 1 else shown[..., :3]


def as_seen(picture: np.ndarray) -> np.ndarray:
    """Return a picture (H, W, C) as the uint8 RGB that a screen shows, whichever range of values its network takes.

    0 to 1 becomes 0 to 255. Values around zero have no colours of their own: they are stretched to what a screen has.
    """
    low, high = picture.min(), picture.max()
    if is_from_0_to_1(picture):
        return displayable(picture * 255)
    return displayable((picture - low) * (255 / (high - low)) if low < 0 else picture)


def grid(fig: Figure, rows: int, columns: int, count: int) -> list:
    """Return ``count`` axes without ticks, row by row."""
    axes = fig.subplots(rows, columns, squeeze=False).ravel()
    for ax in axes:
        ax.set_axis_off()
    return list(axes[:count])
