"""The strongest patches of channels, and pictures through the masks of a channel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from skimage.segmentation import find_boundaries

from coursekit.show.figure import BLUE, ORANGE, Figure, figure
from coursekit.show.picture import displayable, grid
from coursekit.techniques.patches import Patches
from coursekit.validation import as_pictures

_WIDTH = 7.5  # inches
_MOST_ROWS = 10
_DIMMED = 0.4  # brightness outside of a mask


def patches(result: Patches, channels: int | Sequence[int] | None = None, most: int = 9, title: str = "") -> Figure:
    """Show the strongest patches, a row for each channel, the strongest at the left.

    All patches are drawn to the same scale. One that was clipped at the border of its picture is smaller than the
    others; grey fills its place. The bars below are on one scale too: the longest is the largest activation shown, and
    negative activations have none.

    Args:
        result: What ``top_patches`` gave.
        channels: Which channels, by their index in the layer; by default all, but at most the first ten.
        most: At most so many patches of each channel.
        title: Stands above, and begins the alt text.

    Raises:
        TypeError: ``result`` is something else.
        ValueError: The result does not hold such a channel.
    """
    if not isinstance(result, Patches):
        raise TypeError(f"result must be what top_patches(...) gives, not {type(result).__name__}.")
    if most < 1:
        raise ValueError(f"most must be at least 1, not {most}.")
    rows = _rows(result, channels)
    values = result.values[rows, :most]
    count, k = values.shape
    largest = max(float(values.max()), 0.0)
    shown = [[displayable(crop) for crop in result.crops[row][:k]] for row in rows]
    heights, widths = np.array([[crop.shape[:2] for crop in line] for line in shown]).max(axis=(0, 1))
    side = max(heights, widths)  # the unit of the axes
    tall, wide = heights / side, widths / side
    across, down, margin = wide + 0.08, tall + 0.4, 0.2 + 0.05 * k

    said = f"{title or result.layer}: the {k} strongest patches of {count} channel{'s'[: count > 1]} among "
    said += f"{result.searched} pictures, a row each, with the activation below. " + "; ".join(
        f"channel {result.channels[row]} from {_number(line[0])} to {_number(line[-1])}"
        for row, line in zip(rows, values, strict=True)
    )
    inch = min(_WIDTH / (margin + k * across), 1.3)
    fig = figure(f"{said}.", inch * (margin + k * across), inch * count * down + 0.3 * bool(title))
    ax = fig.subplots()
    bars = []
    for i, (row, line) in enumerate(zip(rows, shown, strict=True)):
        top = i * down
        ax.text(-0.1, top + tall / 2, f"channel\n{result.channels[row]}", ha="right", va="center", fontsize=8)
        for j, crop in enumerate(line):
            left = j * across
            ax.fill([left, left + wide, left + wide, left], [top, top, top + tall, top + tall], color="0.88", lw=0)
            high, broad = crop.shape[0] / side, crop.shape[1] / side
            x, y = left + (wide - broad) / 2, top + (tall - high) / 2
            few = "nearest" if side < 40 else "antialiased"
            ax.imshow(crop, extent=(x, x + broad, y + high, y), interpolation=few, zorder=2)
            length = wide * max(float(values[i, j]), 0.0) / largest if largest else 0.0
            bars += [(left, top + tall + 0.06), (left + length, top + tall + 0.06), (np.nan, np.nan)]
            ax.text(left, top + tall + 0.1, _number(values[i, j]), ha="left", va="top", fontsize=7)
    ax.plot(*np.transpose(bars), color=BLUE, linewidth=2.5, solid_capstyle="butt")
    ax.set(xlim=(-margin, k * across), ylim=(count * down, -0.05), aspect="equal")
    ax.set_axis_off()
    if title:
        ax.set_title(title, fontsize=10)
    return fig


def _number(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def _rows(result: Patches, channels: Any) -> list[int]:
    held = result.channels.tolist()
    if channels is None:
        return list(range(min(len(held), _MOST_ROWS)))
    asked = [channels] if np.ndim(channels) == 0 else list(channels)
    missing = [channel for channel in asked if channel not in held]
    if missing or not asked:
        some = ", ".join(map(str, held[:8])) + " ..." * (len(held) > 8)
        raise ValueError(f"The result holds no channel {missing[0] if missing else ''!r}; it holds {some}.")
    return [held.index(channel) for channel in asked]


def masked(
    images: Any,
    masks: Any,
    titles: Sequence[str] | None = None,
    columns: int | None = None,
    size: float = 1.9,
    alt: str = "",
) -> Figure:
    """Show pictures dimmed outside of a mask, with the mask's outline.

    Args:
        images: (H, W, 3), several of them in an array (N, H, W, 3) or a list. Values 0-255.
        masks: Boolean, (H, W) or (N, H, W): what ``activation_mask`` gives.
        titles: One line for each.
        columns: Pictures in a row; by default at most five.
        size: Width of a picture in inches.
        alt: What is to be seen; by default the titles, and how much of each picture is in light.

    Raises:
        TypeError: A mask is not boolean.
        ValueError: Pictures, masks and titles do not belong together.
    """
    alone = not isinstance(images, (list, tuple)) and np.ndim(images) == 3
    batch = [as_pictures(image)[0][0] for image in ([images] if alone else images)]
    masks = [np.asarray(mask) for mask in ([masks] if np.ndim(masks) == 2 else masks)]
    titles = [titles] if isinstance(titles, str) else list(titles or [""] * len(batch))
    if not batch or not len(batch) == len(masks) == len(titles):
        raise ValueError(f"There are {len(batch)} pictures, {len(masks)} masks and {len(titles)} titles.")
    for image, mask in zip(batch, masks, strict=True):
        if mask.dtype != bool:
            raise TypeError(f"A mask is boolean, not {mask.dtype}; activation_mask(...) gives one.")
        if mask.shape != image.shape[:2]:
            raise ValueError(f"A picture of {image.shape[:2]} has a mask of {mask.shape}; they must be of one size.")
    columns = columns or min(len(batch), 5)
    rows = -(-len(batch) // columns)
    tallest = max(image.shape[0] / image.shape[1] for image in batch)
    said = [f"{t or 'picture'} {m.mean():.1%} in light" for t, m in zip(titles, masks, strict=True)]
    said = alt or f"{len(batch)} picture{'s'[: len(batch) > 1]}, dark outside of a mask: {'; '.join(said)}."
    fig = figure(said, columns * size, rows * (size * tallest + 0.3 * any(titles)))
    for ax, image, mask, title in zip(grid(fig, rows, columns, len(batch)), batch, masks, titles, strict=True):
        ax.imshow(_dimmed(image, mask))
        if mask.any() and not mask.all():
            ax.contour(mask, levels=[0.5], colors=ORANGE, linewidths=1)
        ax.set_title(title, fontsize=9)
    return fig


def in_light(picture: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Return a picture as ``masked`` shows it, pixel by pixel.

    Args:
        picture: (H, W, C), values 0-255.
        mask: Boolean, (H, W).

    Returns:
        (H, W, 3) uint8, the picture dimmed outside of the mask, whose outermost pixels are orange.
    """
    shown = _dimmed(picture, mask)
    shown[find_boundaries(mask, mode="inner")] = [int(ORANGE[i : i + 2], 16) for i in (1, 3, 5)]
    return shown


def _dimmed(picture: np.ndarray, mask: np.ndarray) -> np.ndarray:
    return displayable(picture * np.where(mask, 1, _DIMMED)[..., np.newaxis])
