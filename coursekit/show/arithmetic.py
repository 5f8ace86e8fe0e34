"""How one number of a network is computed, drawn: what a kernel lies on, and what adds most."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.patches import Rectangle

from coursekit.show.figure import BLUE, GREEN, ORANGE, Figure, figure
from coursekit.show.scale import scale_of
from coursekit.techniques.arithmetic import Arithmetic
from coursekit.techniques.arithmetic_terms import Term
from coursekit.validation import as_count

_WITH_NUMBERS = 7  # cells on a side: more would be too small to read


def arithmetic(found: Arithmetic, most: int = 8, title: str = "") -> Figure:
    """Show how one number is computed: for kernels and pooling the numbers themselves, and below what adds most.

    Above stand, for the input channel that adds most, the numbers under the kernel, the kernel, and their products.
    Places of padding are crossed. Up to 7 x 7 each cell tells its number. Below there is a bar for each of the terms
    that add most, then one for all others together, the bias, the sum, and what the activation makes of it. Where a
    pooling takes the largest number, there are the numbers alone, the largest first and framed.

    Args:
        found: What ``coursekit.arithmetic`` gives.
        most: Terms that get a bar.
        title: Stands above, and begins the alt text.

    Raises:
        TypeError: ``found`` is something else, or ``most`` is no whole number.
        ValueError: ``most`` is less than 1.
    """
    if not isinstance(found, Arithmetic):
        raise TypeError(f"show.arithmetic takes what arithmetic(model, image, ...) gives, not {type(found).__name__}.")
    bars = _bars(found, as_count(most, "most"))
    where = title or f"{found.layer} {found.place if len(found.place) > 1 else found.place[0]}"
    drawn = found.window is not None and bool(found.terms)
    height = (2.6 if drawn else 0.3) + 0.24 * len(bars) + 0.6
    said = _patch_in_words(found) if drawn else ""
    told = ", ".join(f"{label} {value:.4g}" for label, value, _ in bars)
    fig = figure(f"{where}, {found.kind}: {found.says}.{said} Bars: {told}.", 7.5, height)
    fig.suptitle(f"{where}: {found.kind}", fontsize=10)
    if drawn:
        above, below = fig.subfigures(2, 1, height_ratios=[2.6, 0.24 * len(bars) + 0.6])
        _draw_window(above, found)
    else:
        below = fig
    _draw_bars(below.subplots(), bars)
    return fig


def _patch_in_words(found: Arithmetic) -> str:
    rows, columns = found.window.padding.shape
    largest = found.largest
    padded = int(found.window.padding.sum())
    said = f" The window is {rows} x {columns}" + (f", {padded} places of it padding" if padded else "")
    gives = "whose largest number is" if _takes_largest(found) else "which adds"
    return f"{said}. Shown is channel {largest.place[-1]} of {largest.layer}, {gives} {largest.product:.4g}."


def _draw_window(fig: Any, found: Arithmetic) -> None:
    window, channel = found.window, found.largest.place[-1]
    at = window.channels.tolist().index(channel)
    patch, kernel = window.patch[..., at], window.kernel[..., at]
    rows, columns = patch.shape
    parts = [(f"channel {channel} of\n{found.largest.layer}", patch, False)]
    if not _takes_largest(found):
        times = "times the kernel" if found.kind.endswith("convolution") else "times the share of each"
        parts += [(times, kernel, True), (f"adds {(patch * kernel).sum():.4g}", patch * kernel, True)]
    for ax, (title, values, signed) in zip(fig.subplots(1, len(parts), squeeze=False)[0], parts, strict=True):
        norm = scale_of(values, signed or values.min() < 0)
        ax.imshow(values, cmap="gray", norm=norm)
        ax.set_title(title, fontsize=9)
        ax.set_xticks(range(columns), window.columns, fontsize=7)
        ax.set_yticks(range(rows), window.rows, fontsize=7)
        ax.tick_params(length=0)
        if len(parts) == 1:
            i, j = np.argwhere(kernel)[0]
            ax.add_patch(Rectangle((j - 0.5, i - 0.5), 1, 1, fill=False, edgecolor=GREEN, linewidth=3))
        for i, j in np.argwhere(window.padding) if values is not kernel else []:
            ax.plot([j - 0.5, j + 0.5], [i - 0.5, i + 0.5], color=ORANGE, linewidth=1)
            ax.plot([j - 0.5, j + 0.5], [i + 0.5, i - 0.5], color=ORANGE, linewidth=1)
        if max(rows, columns) > _WITH_NUMBERS:
            continue
        for i, j in np.argwhere(~window.padding | (values is kernel)):
            ink = "black" if norm(values[i, j]) > 0.45 else "white"
            number, size = (f"{values[i, j]:.3g}", 8) if columns <= 5 else (f"{values[i, j]:.2g}", 5.5)
            ax.text(j, i, number, ha="center", va="center", color=ink, fontsize=size)


def _bars(found: Arithmetic, most: int) -> list[tuple[str, float, str]]:
    """Return label, value and colour of each bar."""
    largest = _takes_largest(found)
    numbers = [(_name(found, term), term.value if largest else term.product) for term in found.terms]
    bars = [(name, number, BLUE if number >= 0 else ORANGE) for name, number in numbers[:most]]
    if (rest := [number for _, number in numbers[most:]]) and not largest:
        together = float(np.prod(rest) if found.multiplied else np.sum(rest))
        bars.append((f"{len(rest)} other{'s'[: len(rest) > 1]}", together, BLUE if together >= 0 else ORANGE))
    if found.bias:
        bars.append(("bias", found.bias, BLUE if found.bias >= 0 else ORANGE))
    if len(found.terms) > 1 or found.bias:
        bars.append((_together(found), found.before, GREEN))
    if found.activation != "linear":
        bars.append((found.activation, found.total, GREEN))
    return bars or [("value", found.value, GREEN)]


def _takes_largest(found: Arithmetic) -> bool:
    return "max pooling" in found.kind


def _together(found: Arithmetic) -> str:
    for word, name in (("max", "largest"), ("minimum", "smallest"), ("average", "average")):
        if word in found.kind:
            return name
    return "product" if found.multiplied else "sum"


def _name(found: Arithmetic, term: Term) -> str:
    place = term.place
    if found.window is not None and "pooling" in found.kind:
        return f"row {place[0]}, column {place[1]}"
    if found.window is not None or len(place) == 1:
        return f"channel {place[-1]}"
    return f"{term.layer} {place}"


def _draw_bars(ax: Any, bars: list[tuple[str, float, str]]) -> None:
    values = [value for _, value, _ in bars]
    ax.barh(range(len(bars)), values, color=[colour for _, _, colour in bars], height=0.7)
    ax.axvline(0, color="black", linewidth=0.8)
    ax.set_yticks(range(len(bars)), [label for label, _, _ in bars], fontsize=8)
    ax.invert_yaxis()
    ax.tick_params(axis="x", labelsize=7)
    for row, value in enumerate(values):
        beside = {"ha": "left", "xytext": (3, 0)} if value >= 0 else {"ha": "right", "xytext": (-3, 0)}
        ax.annotate(f"{value:.4g}", (value, row), textcoords="offset points", va="center", fontsize=7, **beside)
    ax.margins(x=0.15)
    ax.spines[["top", "right"]].set_visible(False)
