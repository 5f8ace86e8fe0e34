"""Kernels as small pictures, on a scale that is said."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.colors import Normalize

from coursekit.show.figure import Figure, figure
from coursekit.show.scale import Scale, is_shared, on_scale, scale_bar, scale_in_words
from coursekit.validation import as_index

_WIDTH = 7.5  # inches
_KINDS = {
    "edge": "edges: one side against the other",
    "line": "lines: a stroke against both its sides",
    "blob": "blobs: the middle against all around",
    "colour": "colours: the same all over",
    "other": "other: none of these, or too mixed",
}


def kernels(
    filters: Any,
    channel: int | None = None,
    groups: pd.DataFrame | None = None,
    scale: Scale = "shared",
    columns: int | None = None,
    most: int = 32,
    title: str = "",
) -> Figure:
    """Show the kernels of a layer, zero as the middle grey.

    Kernels that see the three colours of a picture (or one grey channel) are small pictures themselves: a weight of
    zero is middle grey, positive weights are brighter and negative ones darker, in each colour. Kernels of deeper
    layers see many channels, which are no colours; there each kernel is a row of grey pictures, one for each channel
    that it sees.

    Args:
        filters: (kh, kw, in, out), as ``filters`` or ``picture_filters`` gives.
        channel: Show only this output channel's kernel: one grey picture for each channel that it sees.
        groups: What ``describe_filters`` says of the same kernels. They then stand by kind, in the order of their
            angle or colour, and two strokes outside each edge and line, and a number, tell its angle.
        scale: "shared": the largest absolute weight of the whole layer is black or white in every kernel, so that weak
            kernels look weak. "own": each kernel's own largest is; then weak ones look as strong as the others.
        columns: Kernels in a row.
        most: Of deeper layers, at most so many outputs and inputs are shown, the first ones.
        title: Stands above, and begins the alt text.

    Raises:
        TypeError: ``filters`` holds no numbers.
        ValueError: Another shape, no such channel, or ``groups`` does not belong to these kernels.
    """
    weights = _as_kernels(filters)
    norm = _around_zero(weights)
    if channel is not None:
        chosen = as_index(channel, weights.shape[3], "channel")
        shown = np.moveaxis(_brightness(weights[..., chosen : chosen + 1], norm, scale)[..., 0], 2, 0)
        name = title or f"channel {chosen}"
        alt = f"{name}: its kernel for each of {len(shown)} input channels, {_size_and_scale(weights, norm, scale)}."
        labels = ["red", "green", "blue"] if len(shown) == 3 else [str(i) for i in range(len(shown))]
        return _drawn([("", shown, labels, None)], alt, name, columns, norm, scale)
    if weights.shape[2] not in (1, 3):
        if groups is not None:
            raise ValueError(f"Only kernels of colours have groups; these see {weights.shape[2]} channels.")
        return _grid_of_inputs(weights, norm, scale, most, title)
    shown = np.moveaxis(_brightness(weights, norm, scale), -1, 0)
    labels = [str(i) for i in range(len(shown))]
    strength = np.abs(weights).max(axis=(0, 1, 2))
    weakest = int(strength.argmin())
    alt = (
        f"{title}{': ' * bool(title)}{len(shown)} kernels as {'colour' if weights.shape[2] == 3 else 'grey'} pictures, "
        f"{_size_and_scale(weights, norm, scale)}. The largest weight is in channel {int(strength.argmax())}; "
        f"the palest is channel {weakest}, at most {strength[weakest] / max(strength.max(), 1e-30):.0%} of that."
    )
    if groups is None:
        return _drawn([("", shown, labels, None)], alt, title, columns, norm, scale)
    blocks, said = [], []
    for kind, rows in _sorted_groups(groups, len(shown)):
        angles = rows["angle"].to_numpy(float)
        labels = [
            f"{i}" if np.isnan(angle) else f"{i}: {angle:.0f}°"
            for i, angle in zip(rows["channel"], angles, strict=True)
        ]
        blocks.append((f"{_KINDS.get(kind, kind)} ({len(rows)})", shown[rows["channel"]], labels, angles))
        said.append(f"{kind} {', '.join(labels)}")
    alt += " By kind, with the angle of edges and lines: " + "; ".join(said) + "."
    return _drawn(blocks, alt, title, columns or 9, norm, scale)


def as_pictures_of_kernels(filters: Any) -> np.ndarray:
    """Return kernels (kh, kw, C, out) as pictures (out, kh, kw, C): 0 is middle grey, the largest weight an end."""
    weights = _as_kernels(filters)
    return np.moveaxis(127.5 + 127.5 * weights / (np.abs(weights).max() or 1), -1, 0)


def _as_kernels(filters: Any) -> np.ndarray:
    weights = np.asarray(filters)
    if not (np.issubdtype(weights.dtype, np.floating) or np.issubdtype(weights.dtype, np.integer)):
        raise TypeError(f"filters must hold real numbers, not {weights.dtype}; filters(model, layer) gives them.")
    if weights.ndim != 4 or not weights.size:
        raise ValueError(f"filters must have shape (height, width, inputs, outputs), not {weights.shape}.")
    if not np.isfinite(weights).all():
        raise ValueError("filters holds NaN or infinity.")
    return weights.astype(np.float32)


def _around_zero(weights: np.ndarray) -> Normalize:
    largest = float(np.abs(weights).max()) or 1.0
    return Normalize(-largest, largest)


def _brightness(weights: np.ndarray, norm: Normalize, scale: Scale) -> np.ndarray:
    """Return weights as brightness from 0 to 1, zero being a half."""
    if is_shared(scale):
        return on_scale(weights, norm)
    return np.stack([on_scale(w, _around_zero(w)) for w in np.moveaxis(weights, -1, 0)], axis=-1)


def _size_and_scale(weights: np.ndarray, norm: Normalize, scale: Scale) -> str:
    return f"{weights.shape[0]} x {weights.shape[1]} weights each, {scale_in_words(norm, scale, signed=True)}"


def _sorted_groups(groups: pd.DataFrame, count: int) -> list[tuple[str, pd.DataFrame]]:
    missing = {"channel", "kind", "angle", "colour"} - set(groups.columns)
    if missing or sorted(groups["channel"]) != sorted(set(groups["channel"]) & set(range(count))):
        raise ValueError(f"groups must be what describe_filters says of these {count} kernels.")
    found = []
    for kind in [*_KINDS, *sorted(set(groups["kind"]) - set(_KINDS))]:
        rows = groups[groups["kind"] == kind]
        rows = rows.assign(angle=rows["angle"].round() % 180)  # 179.9 lies as 0 does
        if len(rows):
            found.append((kind, rows.sort_values(["angle", "colour", "channel"])))
    return found


def _drawn(
    blocks: list[tuple[str, np.ndarray, Sequence[str], np.ndarray | None]],
    alt: str,
    title: str,
    columns: int | None,
    norm: Normalize,
    scale: Scale,
) -> Figure:
    """Draw blocks of small pictures (N, H, W) or (N, H, W, 1 or 3), each block under its heading.

    The unit of the axes is the width of a kernel.
    """
    count = max(len(pictures) for _, pictures, _, _ in blocks)
    columns = columns or min(count, max(8, int(np.ceil(np.sqrt(count)))))
    with_strokes = any(angles is not None for *_, angles in blocks)
    tall = blocks[0][1].shape[1] / blocks[0][1].shape[2]
    across, down = 1 + (0.6 if with_strokes else 0.25), tall + (0.8 if with_strokes else 0.5)
    pieces, strokes, texts, y = [], [], [], 0.0
    for heading, pictures, labels, angles in blocks:
        if heading:
            texts.append((-across / 2, y, heading, {"ha": "left", "va": "top", "fontsize": 9}))
            y += 0.35
        for i, (picture, label) in enumerate(zip(pictures, labels, strict=True)):
            x_middle, y_middle = (i % columns) * across, y + (i // columns) * down + 0.3 + tall / 2
            pieces.append((x_middle, y_middle, picture))
            below = y_middle + tall / 2 + (0.2 if with_strokes else 0.04)
            texts.append((x_middle, below, label, {"ha": "center", "va": "top", "fontsize": 7}))
            if angles is not None and np.isfinite(angles[i]):
                strokes += _strokes(x_middle, y_middle, tall, angles[i])
        y += -(-len(pictures) // columns) * down + 0.3
    inch = _WIDTH / (columns * across + 0.8)
    fig = figure(alt, _WIDTH, y * inch + 0.3 * bool(title))
    ax = fig.subplots()
    for x_middle, y_middle, picture in pieces:
        extent = (x_middle - 0.5, x_middle + 0.5, y_middle + tall / 2, y_middle - tall / 2)
        grey = picture.ndim == 2 or picture.shape[-1] == 1
        ax.imshow(
            picture.reshape(picture.shape[:2]) if grey else picture,
            cmap="gray", vmin=0, vmax=1, interpolation="nearest", extent=extent,
        )  # fmt: skip
    if strokes:
        ax.plot(*np.transpose(strokes), color="black", linewidth=1.6, solid_capstyle="butt")
    for x_text, y_text, text, how in texts:
        ax.text(x_text, y_text, text, **how)
    ax.set(xlim=(-across / 2, (columns - 0.5) * across), ylim=(y, 0), aspect="equal")
    ax.set_axis_off()
    if title:
        ax.set_title(title, fontsize=10)
    _weight_bar(fig, ax, norm, scale)
    return fig


def _strokes(x: float, y: float, tall: float, angle: float) -> list[tuple[float, float]]:
    """Return two strokes that go on where a line through a kernel's middle leaves it, each followed by a gap."""
    to_x, to_y = np.cos(np.radians(angle)), -np.sin(np.radians(angle))  # y points down in a picture
    leaves = 0.5 / max(abs(to_x), abs(to_y) / tall)
    ends = [(x + r * to_x, y + r * to_y) for r in (leaves + 0.03, leaves + 0.19)]
    back = [(x - r * to_x, y - r * to_y) for r in (leaves + 0.03, leaves + 0.19)]
    return [*ends, (np.nan, np.nan), *back, (np.nan, np.nan)]


def _grid_of_inputs(weights: np.ndarray, norm: Normalize, scale: Scale, most: int, title: str) -> Figure:
    """Draw a row for each output channel, a column for each input channel."""
    if most < 1:
        raise ValueError(f"most must be at least 1, not {most}.")
    height, width, inputs, outputs = weights.shape
    shown = _brightness(weights, norm, scale)[:, :, :most, :most]
    rows, columns = shown.shape[3], shown.shape[2]
    gap = round(0.3 * max(height, width))  # none between 1 x 1 kernels
    sheet = np.full((rows, height + gap, columns, width + gap), np.nan, np.float32)
    sheet[:, :height, :, :width] = shown.transpose(3, 0, 2, 1)
    sheet = sheet.reshape(rows * (height + gap), columns * (width + gap))
    sheet = sheet[: len(sheet) - gap, : sheet.shape[1] - gap]
    part = "" if (rows, columns) == (outputs, inputs) else f"; shown are {rows} outputs and {columns} inputs"
    alt = (
        f"{title or 'Kernels'}: {outputs} output channels (rows) each look at {inputs} input channels (columns){part}; "
        f"{_size_and_scale(weights, norm, scale)}."
    )
    side = min((_WIDTH - 1) / columns, 0.27)
    fig = figure(alt, side * columns + 1, side * rows * (height + gap) / (width + gap) + 0.6)
    ax = fig.subplots()
    ax.imshow(sheet, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    step = -(-max(rows, columns) // 16)
    ax.set_xticks(
        [i * (width + gap) + (width - 1) / 2 for i in range(0, columns, step)], labels=range(0, columns, step)
    )
    ax.set_yticks([i * (height + gap) + (height - 1) / 2 for i in range(0, rows, step)], labels=range(0, rows, step))
    ax.xaxis.tick_top()
    ax.xaxis.set_label_position("top")
    ax.set_xlabel(f"input channel (of {inputs})", fontsize=8)
    ax.set_ylabel(f"output channel (of {outputs})", fontsize=8)
    ax.tick_params(length=0, labelsize=7)
    ax.set_frame_on(False)
    if title:
        ax.set_title(title, fontsize=10)
    _weight_bar(fig, ax, norm, scale)
    return fig


def _weight_bar(fig: Figure, ax: Any, norm: Normalize, scale: Scale) -> None:
    scale_bar(fig, ax, norm, "gray", scale)
    fig.axes[-1].set_ylabel("weight", fontsize=8)
