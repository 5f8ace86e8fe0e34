"""Signed maps of a picture's pixels, in red and blue beside the picture."""

from __future__ import annotations

from typing import Any

import matplotlib
import numpy as np
from matplotlib.colors import Normalize

from coursekit.show.figure import Figure, figure
from coursekit.show.picture import displayable, grid
from coursekit.show.scale import place_of_largest, scale_bar
from coursekit.validation import as_number, as_pictures

# Blue, white, red (ColorBrewer's RdBu, which colour-blind readers can tell apart), in an odd number of steps: so zero
# has a colour of its own.
_RED_BLUE = matplotlib.colormaps["RdBu_r"].resampled(255)


def saliency(image: Any, gradient: Any, title: str = "saliency", within: float = 0.995) -> Figure:
    """Show a picture and beside it its saliency: red where brighter pixels raise the number, blue where they lower it.

    Args:
        image: (H, W, C), values 0-255.
        gradient: (H, W, C), whose colours are added up: all colours of a pixel become brighter together. Or (H, W).
        title: Stands above the map, and begins the alt text.
        within: Share of the pixels that lie within the scale; the few beyond it have its last colour. With 1 the
            largest has, and one pixel can leave all others white.

    Raises:
        TypeError, ValueError: The two are not of one size, hold no finite numbers, or ``within`` is not from 0 to 1.
    """
    picture, each = as_pictures(image)[0][0], _by_pixel(gradient)
    if picture.shape[:2] != each.shape:
        raise ValueError(
            f"The picture is {picture.shape[:2]}, but the gradient {each.shape}; they must be of one size."
        )
    norm = _scale(each, within)
    fig = figure(
        f"A picture and its {title}, {each.shape[0]} x {each.shape[1]}: white 0, red {norm.vmax:.3g} and more, blue "
        f"{norm.vmin:.3g} and less. {(each > 0).mean():.0%} of the pixels are positive. The reddest is "
        f"{place_of_largest(each)}; the bluest {place_of_largest(-each)}.",
        7.5,
        3.4 * picture.shape[0] / picture.shape[1] + 0.35,
    )
    axes = grid(fig, 1, 2, 2)
    axes[0].imshow(displayable(picture))
    axes[1].imshow(each, norm=norm, cmap=_RED_BLUE, interpolation="nearest")
    for ax, text in zip(axes, ("picture", title), strict=True):
        ax.set_title(text, fontsize=9)
    scale_bar(fig, axes, norm, _RED_BLUE)
    return fig


def _by_pixel(gradient: Any) -> np.ndarray:
    flat = np.ndim(gradient) == 2
    batch, alone = as_pictures(np.asarray(gradient)[..., np.newaxis] if flat else gradient, "gradient", "numbers")
    if not alone:
        raise ValueError(f"gradient must be of one picture, not {len(batch)}: give gradient[0], for example.")
    return batch[0].astype(np.float32).sum(axis=-1)


def _scale(each: np.ndarray, within: float) -> Normalize:
    high = float(np.quantile(np.abs(each), as_number(within, "within", most=1))) or float(np.abs(each).max()) or 1.0
    return Normalize(-high, high)
