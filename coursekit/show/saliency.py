"""Signed maps of a picture's pixels, in red and blue beside the picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.colors import Normalize

from coursekit.show.figure import Figure, figure
from coursekit.show.picture import displayable, grid
from coursekit.show.scale import Scale, is_shared, place_of_largest, scale_bar
from coursekit.validation import as_number, as_pictures

# Blue, white, red (ColorBrewer's RdBu, which colour-blind readers can tell apart), in an odd number of steps: so zero
# has a colour of its own.
RED_BLUE = matplotlib.colormaps["RdBu_r"].resampled(255)


def saliency(
    image: Any,
    gradient: Any,
    title: str | Sequence[str] = "saliency",
    within: float = 0.995,
    scale: Scale = "shared",
) -> Figure:
    """Show a picture and beside it its saliency: red where brighter pixels raise the number, blue where they lower it.

    Args:
        image: (H, W, C), values 0-255.
        gradient: (H, W, C), whose colours are added up: all colours of a pixel become brighter together. Or (H, W). Or
            several of these, in a list or an array (N, H, W, C): one map beside the other.
        title: Stands above the map, and begins the alt text; for several maps a list.
        within: Share of the pixels that lie within the scale; the few beyond it have its last colour. With 1 the
            largest has, and one pixel can leave all others white.
        scale: ``"shared"`` for one scale, so that several maps compare; ``"own"`` for one for each, as maps of
            different methods need that have different units.

    Raises:
        TypeError, ValueError: They are not of one size, hold no finite numbers, there are not as many titles as maps,
            or ``within`` is not from 0 to 1.
    """
    several = isinstance(gradient, (list, tuple)) or np.ndim(gradient) == 4
    picture = as_pictures(image)[0][0]
    maps = [_by_pixel(one) for one in (gradient if several else [gradient])]
    titles = titles_for(maps, title, picture)
    norms = (
        [signed_scale(np.stack(maps), within)] * len(maps)
        if is_shared(scale)
        else [signed_scale(one, within) for one in maps]
    )
    height, width = picture.shape[:2]
    told = [
        f"{f'{name}: ' if len(maps) > 1 else ''}{_colours(norm)} {(each > 0).mean():.0%} of the pixels are positive. "
        f"The reddest is {place_of_largest(each)}; the bluest {place_of_largest(-each)}."
        for name, each, norm in zip(titles, maps, norms, strict=True)
    ]
    if len(maps) == 1:
        said = f"A picture and its {titles[0]}, {height} x {width}: {told[0]}"
    else:
        said = f"A picture and {len(maps)} maps of its pixels, {height} x {width}. {' '.join(told)}"
    fig, axes = beside_picture(said, picture, titles)
    for ax, each, norm in zip(axes[1:], maps, norms, strict=True):
        ax.imshow(each, norm=norm, cmap=RED_BLUE, interpolation="nearest")
    scale_bar(fig, axes, norms[0], RED_BLUE, scale if len(maps) > 1 else "shared")
    return fig


def beside_picture(said: str, picture: np.ndarray, titles: Sequence[str], most: int = 4) -> tuple[Figure, list]:
    """Return a figure with the picture and empty axes for its maps, at most so many in a row, and all the axes."""
    columns = min(len(titles) + 1, most)
    rows = -(-(len(titles) + 1) // columns)
    width = 7.5 if columns == 2 else 2.6 * columns
    height = width / columns * 0.9 * picture.shape[0] / picture.shape[1]
    fig = figure(said, width, rows * (height + 0.35))
    axes = grid(fig, rows, columns, len(titles) + 1)
    axes[0].imshow(displayable(picture))
    for ax, text in zip(axes, ("picture", *titles), strict=True):
        ax.set_title(text, fontsize=9)
    return fig, axes


def titles_for(maps: Sequence[np.ndarray], title: str | Sequence[str], picture: np.ndarray) -> list[str]:
    """Return a title for each map.

    Raises:
        ValueError: There are none or too few, or a map is not of the picture's size.
    """
    titles = [title] if isinstance(title, str) else list(title)
    if len(titles) != len(maps):
        raise ValueError(f"There are {len(maps)} maps but {len(titles)} titles: give a list with one for each map.")
    for one in maps:
        if picture.shape[:2] != one.shape:
            raise ValueError(f"The picture is {picture.shape[:2]}, but the map {one.shape}; they must be of one size.")
    return titles


def _colours(norm: Normalize) -> str:
    return f"white 0, red {norm.vmax:.3g} and more, blue {norm.vmin:.3g} and less."


def _by_pixel(gradient: Any) -> np.ndarray:
    flat = np.ndim(gradient) == 2
    batch, alone = as_pictures(np.asarray(gradient)[..., np.newaxis] if flat else gradient, "gradient", "numbers")
    if not alone:
        raise ValueError(f"Each gradient must be of one picture, (H, W, C), not {np.shape(gradient)}.")
    return batch[0].astype(np.float32).sum(axis=-1)


def signed_scale(each: np.ndarray, within: float) -> Normalize:
    """Return the scale that this share of the values lies within, as far below zero as above. NaN does not count."""
    sizes, share = np.abs(each[np.isfinite(each)]), as_number(within, "within", most=1)
    high = float(np.quantile(sizes, share)) or float(sizes.max()) if sizes.size else 0.0
    return Normalize(-(high or 1.0), high or 1.0)
