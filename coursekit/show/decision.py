"""A photo and the maps that explain a decision, for one class or two."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.colors import Normalize

from coursekit.show.figure import Figure, figure
from coursekit.show.picture import grid
from coursekit.show.saliency import RED_BLUE
from coursekit.show.scale import place_of_largest


def decision(photo: np.ndarray, rows: Sequence[Sequence[tuple[str, np.ndarray, Normalize]]], said: str) -> Figure:
    """Show a photo and beside it maps, those of a class in a row: red above zero, blue below, grey where NaN.

    Args:
        photo: (H, W, 3) uint8.
        rows: For each class (title, map (h, w), scale) of each method.
        said: What is to be seen.
    """
    columns = len(rows[0]) + 1
    fig = figure(said, 1.9 * columns, len(rows) * (1.9 * photo.shape[0] / photo.shape[1] + 0.6))
    axes = grid(fig, len(rows), columns, len(rows) * columns)
    axes[0].imshow(photo)
    axes[0].set_title("picture", fontsize=8)
    colours = RED_BLUE.with_extremes(bad="grey")
    for number, row in enumerate(rows):
        for ax, (title, values, norm) in zip(axes[number * columns + 1 :], row, strict=False):
            ax.imshow(values, norm=norm, cmap=colours, interpolation="nearest")
            ax.set_title(title, fontsize=8)
    return fig


def range_in_words(values: np.ndarray) -> str:
    """Return from where to where a map's values go; or that it is nothing, or holds NaN."""
    broken = (~np.isfinite(values)).mean()
    if broken:
        return f"NaN at {max(broken, 0.01):.0%} of the places"
    if not values.any():
        return "nothing: zero everywhere"
    return f"{signed(values.min())} to {signed(values.max())}"


def map_in_words(values: np.ndarray) -> str:
    """Return what an alt text says of a map: its range, how much is positive, where its extremes are."""
    text = f"values {range_in_words(values)}"
    if not np.isfinite(values).all() or not values.any():
        return range_in_words(values)
    places = [f"the reddest {place_of_largest(values)}"] if values.max() > 0 else []
    places += [f"the bluest {place_of_largest(-values)}"] if values.min() < 0 else []
    return f"{text}, {(values > 0).mean():.0%} positive, {', '.join(places)}"


def signed(value: float, digits: int = 2) -> str:
    """Return a number with a true minus sign, in so many digits; "0" for either zero."""
    return f"{value + 0.0:.{digits}g}".replace("-", "−")
