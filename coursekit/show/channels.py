"""Activations as grey pictures, on a scale that is said."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.colors import Normalize
from matplotlib.patches import Rectangle

from coursekit.pictures import resize
from coursekit.show.figure import ORANGE, Figure, figure
from coursekit.show.picture import displayable, grid
from coursekit.show.scale import (
    Scale,
    is_shared,
    on_scale,
    own_scale,
    place_of_largest,
    scale_bar,
    scale_in_words,
    scale_of,
)
from coursekit.techniques.activations import near_zero_channels
from coursekit.validation import as_index, as_maps, as_pictures


def montage(
    activation: Any,
    scale: Scale = "shared",
    signed: bool = False,
    columns: int | None = None,
    title: str = "",
    mark_near_zero: bool = True,
    cmap: str = "gray",
    alt: str = "",
) -> Figure:
    """Show every channel of a layer as one small grey picture, row by row, the incomplete last row too.

    Numbers at the left and the top add up to the channel's index. Channels in which nothing happens are framed and
    crossed: on a scale of their own they would look as alive as the others.

    Args:
        activation: (H, W, C).
        scale: "shared": black and white mean the same numbers in every channel. "own": each channel from its own
            smallest to its own largest value; their brightness cannot be compared.
        signed: Zero is the middle grey, darker is negative, brighter is positive.
        columns: Channels in a row; by default as near to a square as can be.
        title: Stands above, and begins the alt text.
        mark_near_zero: Whether to mark the channels that ``near_zero_channels`` names.
        cmap: Name of a matplotlib colour map.
        alt: What is to be seen; the number of channels and the scale are added to it.

    Raises:
        TypeError, ValueError: ``activation`` is not (H, W, C) with finite numbers, or ``scale`` is neither.
    """
    maps_, alone = as_maps(activation)
    if not alone:
        raise ValueError(f"A montage shows one picture's channels, (H, W, C), not {np.shape(activation)}.")
    maps_ = np.moveaxis(maps_[0].astype(np.float32), -1, 0)
    count, height, width = maps_.shape
    columns = columns or int(np.ceil(np.sqrt(count)))
    rows = -(-count // columns)
    norm = scale_of(maps_, signed)
    shown = np.stack([on_scale(m, norm if is_shared(scale) else own_scale(m, signed)) for m in maps_])

    gap = max(1, round(0.04 * max(height, width)))
    pitch_y, pitch_x = height + gap, width + gap
    sheet = np.full((rows * pitch_y - gap, columns * pitch_x - gap), np.nan, np.float32)
    places = [((i // columns) * pitch_y, (i % columns) * pitch_x) for i in range(count)]
    for (y, x), m in zip(places, shown, strict=True):
        sheet[y : y + height, x : x + width] = m

    dead = near_zero_channels(activation).tolist() if mark_near_zero else []
    seen = f"{alt}; " if alt else ""
    alt = f"{title or 'Montage'}: {seen}{count} channels of {height} x {width}, {scale_in_words(norm, scale, signed)}."
    if dead:
        alt += f" {len(dead)} near zero, marked: {_some(dead)}."
    across = min(7.5, 1.4 * columns + 0.8)
    fig = figure(alt, across, min(across * rows * pitch_y / (columns * pitch_x), 9) + 0.3)
    ax = fig.subplots()
    ax.imshow(sheet, cmap=cmap, vmin=0, vmax=1, interpolation="nearest" if height < 40 else "antialiased")
    for i in dead:
        y, x = places[i]
        ax.add_patch(Rectangle((x, y), width - 1, height - 1, fill=False, edgecolor=ORANGE, linewidth=1))
        ax.plot([x, x + width - 1], [y, y + height - 1], color=ORANGE, linewidth=0.8)
    step = -(-columns // 16)  # no more labels than can be read
    _label(ax.set_xticks, [x + width / 2 for _, x in places[:columns]], [f"+{i}" for i in range(columns)], step)
    _label(
        ax.set_yticks, [y + height / 2 for y, _ in places[::columns]], list(range(0, count, columns)), -(-rows // 16)
    )
    ax.xaxis.tick_top()
    ax.tick_params(length=0, labelsize=7)
    ax.set_frame_on(False)
    if title:
        ax.set_title(title, fontsize=10)
    scale_bar(fig, ax, norm, cmap, scale)
    return fig


def maps(
    several: Sequence[Any],
    titles: Sequence[str] | None = None,
    scale: Scale = "shared",
    signed: bool = False,
    columns: int | None = None,
    cmap: str = "gray",
    alt: str = "",
) -> Figure:
    """Show single channels side by side, by default on one scale, so that brightness can be compared.

    Args:
        several: Arrays (H, W), also of different sizes.
        titles: One line for each.
        scale: "shared" or "own", as in ``montage``.
        signed: Zero is the middle grey.
        columns: Maps in a row; by default at most four.
        cmap: Name of a matplotlib colour map.
        alt: What is to be seen; the scale is added to it. By default the titles with each map's largest value.

    Raises:
        ValueError: Not (H, W), or not as many titles as maps.
    """
    several = [_as_map(m) for m in several]
    titles = list(titles) if titles is not None else [""] * len(several)
    if not several or len(titles) != len(several):
        raise ValueError(f"There are {len(several)} maps but {len(titles)} titles.")
    columns = columns or min(len(several), 4)
    rows = -(-len(several) // columns)
    values = np.concatenate([m.ravel() for m in several])
    norm = scale_of(values, signed)
    said = alt or "; ".join(f"{t or 'map'}, largest {m.max() + 0.0:.3g}" for t, m in zip(titles, several, strict=True))
    side = 7.0 / max(columns, 2)
    fig = figure(f"{said.rstrip('.')}. {scale_in_words(norm, scale, signed).capitalize()}.", 7.5, rows * (side + 0.3))
    axes = grid(fig, rows, columns, len(several))
    for ax, m, title in zip(axes, several, titles, strict=True):
        ax.imshow(on_scale(m, norm if is_shared(scale) else own_scale(m, signed)), cmap=cmap, vmin=0, vmax=1)
        ax.set_title(title, fontsize=9)
    scale_bar(fig, axes, norm, cmap, scale)
    return fig


def beside(image: Any, activation: Any, channel: int | None = None, title: str = "", cmap: str = "gray") -> Figure:
    """Show a picture, a channel resized to it, and the channel laid over it.

    Args:
        image: (H, W, 3), values 0-255.
        activation: One channel (h, w), or a layer (h, w, C) together with ``channel``.
        channel: Index of the channel.
        title: Stands above the channel, and begins the alt text.
        cmap: Name of a matplotlib colour map.

    Raises:
        ValueError: There is no such channel.
    """
    picture = as_pictures(image)[0][0]
    chosen = _chosen(activation, channel)
    norm = scale_of(chosen, signed=False)
    title = title or ("channel" if channel is None else f"channel {channel}")
    alt = (
        f"A picture, its {title} ({chosen.shape[0]} x {chosen.shape[1]}) at the picture's size, and both together. "
        f"Brightest {place_of_largest(chosen)}, {norm.vmax:.3g}; black is {norm.vmin:.3g}."
    )
    fig = figure(alt, 7.5, 2.5 * picture.shape[0] / picture.shape[1] + 0.35)
    axes = grid(fig, 1, 3, 3)
    bright = resize(chosen, picture.shape[:2])
    axes[0].imshow(displayable(picture))
    axes[1].imshow(bright, norm=norm, cmap=cmap)
    axes[2].imshow(_laid_over(picture, bright, norm))
    for ax, text in zip(axes, ("picture", title, "both"), strict=True):
        ax.set_title(text, fontsize=9)
    scale_bar(fig, axes, norm, cmap, "shared")
    return fig


def _as_map(value: Any) -> np.ndarray:
    array = np.asarray(value)
    if array.ndim != 2:
        raise ValueError(
            f"A single channel has shape (height, width), not {array.shape}; take activation[:, :, channel]."
        )
    return as_maps(array[..., np.newaxis])[0][0, ..., 0].astype(np.float32)


def _chosen(activation: Any, channel: int | None) -> np.ndarray:
    if channel is None:
        return _as_map(activation)
    if np.ndim(activation) != 3:
        raise ValueError(f"With a channel goes a layer of shape (H, W, C), not {np.shape(activation)}.")
    return _as_map(np.asarray(activation)[..., as_index(channel, np.shape(activation)[-1], "channel")])


def _laid_over(picture: np.ndarray, bright: np.ndarray, norm: Normalize) -> np.ndarray:
    light = 0.25 + 0.75 * on_scale(bright, norm)
    return displayable(picture * light[..., np.newaxis])


def _some(indices: list[int], most: int = 8) -> str:
    return ", ".join(map(str, indices[:most])) + (" ..." if len(indices) > most else "")


def _label(set_ticks: Any, places: list, labels: list, step: int) -> None:
    set_ticks(places[::step], labels=labels[::step])
