"""Maps of where a network looked, laid over the picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.colors import Normalize

from coursekit.show.figure import Figure
from coursekit.show.picture import displayable
from coursekit.show.saliency import RED_BLUE, beside_picture, titles_for
from coursekit.show.scale import Scale, is_shared, place_of_largest, scale_bar, scale_of
from coursekit.validation import as_number, as_pictures

# Dark violet to yellow, of even steps in lightness: it reads the same for colour-blind readers and in grey.
_HEAT = matplotlib.colormaps["plasma"]
_MOST = 0.75  # how much of the photo the strongest colour covers


def cam(
    image: Any,
    maps: Any,
    title: str | Sequence[str] = "class activation map",
    scale: Scale = "shared",
    alt: str = "",
) -> Figure:
    """Show a picture and beside it one or several maps over it, in grey where a map is zero.

    The stronger a map is at a place, the more its colour covers the grey picture. All maps have one scale, from 0 to
    the largest value of all: a class with small values looks weak, and a map of zeros is the grey picture.

    Args:
        image: (H, W, C), values 0-255.
        maps: (H, W), as ``cam``, ``grad_cam`` and ``occlusion`` give it, or several: (N, H, W) or a list. Where
            something is negative, red is above zero and blue is below.
        title: Stands above the map, and in the alt text; for several maps a list.
        scale: ``"shared"`` for one scale for all maps; ``"own"`` for one for each, which makes a weak map look strong.
        alt: What is to be seen at the strong places; it begins the alt text, the numbers follow.

    Raises:
        TypeError, ValueError: They are not of one size, hold no finite numbers, or there are not as many titles as
            maps.
    """
    picture, found = as_pictures(image)[0][0], _as_maps(maps)
    titles, norms = titles_for(found, title, picture), scales(found, scale)
    told = [
        f"{name}: largest {each.max():.3g}, {place_of_largest(each)}; "
        f"{(each > each.max() / 2).mean() if each.max() > 0 else 0:.0%} of the picture is above half of that."
        for name, each in zip(titles, found, strict=True)
    ]
    low, high = norms[0].vmin, norms[0].vmax
    kind = f"on one scale from {low:.3g} to {high:.3g}" if is_shared(scale) else "each on a scale of its own"
    seen = f"{alt}. " if alt else ""
    said = f"{seen}A picture and {len(found)} map{'s'[: len(found) > 1]} over it, {kind}. {' '.join(told)}"
    fig, axes = beside_picture(said, picture, titles)
    for ax, each, norm in zip(axes[1:], found, norms, strict=True):
        ax.imshow(over_picture(picture, each, norm))
    scale_bar(fig, axes, norms[0], _colours(norms[0]), scale if len(found) > 1 else "shared")
    return fig


def scales(maps: Sequence[np.ndarray], scale: Scale = "shared") -> list[Normalize]:
    """Return the scale of each map: from 0, or, if one has negative values, as far below 0 as above."""
    if is_shared(scale):
        return [scale_of(np.stack(maps), bool(np.min(maps) < 0))] * len(maps)
    return [scale_of(one, bool(one.min() < 0)) for one in maps]


def over_picture(picture: np.ndarray, values: np.ndarray, norm: Normalize, most: float = _MOST) -> np.ndarray:
    """Return a picture in grey under the colours of a map, as (H, W, 3) uint8.

    Args:
        picture: (H, W, C), values 0-255.
        values: (H, W).
        norm: The scale; zero is transparent.
        most: How much of the picture the largest value covers, from 0 to 1.
    """
    grey = displayable(picture).astype(np.float32) @ np.float32([0.299, 0.587, 0.114])
    reach = max(abs(norm.vmin), abs(norm.vmax))
    cover = as_number(most, "most", most=1) * np.clip(np.abs(values) / reach, 0, 1)[..., np.newaxis]
    colours = 255 * _colours(norm)(norm(values))[..., :3]
    return displayable((1 - cover) * grey[..., np.newaxis] + cover * colours)


def _colours(norm: Normalize) -> Any:
    return RED_BLUE if norm.vmin < 0 else _HEAT


def _as_maps(maps: Any) -> list[np.ndarray]:
    given = list(maps) if isinstance(maps, (list, tuple)) or np.ndim(maps) == 3 else [maps]
    for one in given:
        if np.ndim(one) != 2:
            raise ValueError(f"A map must be (H, W), several of them (N, H, W), not {np.shape(maps)}.")
    return [as_pictures(np.asarray(one)[..., np.newaxis], "map", "numbers")[0][0, ..., 0] for one in given]
