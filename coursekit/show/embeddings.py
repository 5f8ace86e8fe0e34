"""Maps of many pictures: a point for each, told apart by colour and by what it is drawn as."""

from __future__ import annotations

import string
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.offsetbox import AnnotationBbox, OffsetImage

from coursekit.pictures import resize
from coursekit.show.figure import Figure, figure
from coursekit.show.picture import displayable, grid
from coursekit.validation import as_pictures

# Ten colours, searched for what tells them apart: in OKLab any two are 17 or more apart, and 10 or more as readers with
# protanopia or deuteranopia see them. The classes of digits that are taken for each other (3, 5, 8; 4, 7, 9) have those
# farthest apart. Each has a contrast of 3 to 1 or more with the white paper, as a glyph must.
TEN_COLOURS = ("#0000ff", "#aa5555", "#121212", "#1199bb", "#114477")
TEN_COLOURS += ("#005511", "#ff3399", "#9977ff", "#6600bb", "#22aa00")
_THUMBNAIL = 0.28  # inches


def classes(labels: Any) -> tuple[list[str], np.ndarray]:
    """Return the names of the classes, sorted, and the class of each label as an index into them.

    Args:
        labels: (N,) whole numbers or words.

    Raises:
        TypeError: They are something else.
        ValueError: They are not one label for each.
    """
    labels = np.asarray(labels)
    if labels.ndim != 1:
        raise ValueError(f"labels must be one number or word for each picture, (N,), not {labels.shape}.")
    if labels.dtype.kind not in "iubU":
        raise TypeError(f"labels must be whole numbers or words, not {labels.dtype}.")
    names, codes = np.unique(labels, return_inverse=True)
    return [str(name) for name in names], codes


def glyphs(names: Sequence[str]) -> list[str]:
    """Return what the points of each class are drawn as: the name if all are short, else a letter."""
    if all(0 < len(name) <= 2 and name.isalnum() for name in names):
        return list(names)
    return list(string.ascii_lowercase[: len(names)])


def as_maps_of_points(maps: Any) -> list[np.ndarray]:
    """Return maps as a list of float32 arrays (N, 2), all of one length.

    Args:
        maps: (N, 2), or several.

    Raises:
        TypeError: They hold no numbers.
        ValueError: They have another shape, different lengths, or hold NaN or infinity.
    """
    alone = not isinstance(maps, (list, tuple)) and np.ndim(maps) == 2
    found = [np.asarray(one) for one in ([maps] if alone else maps)]
    for one in found:
        if not np.issubdtype(one.dtype, np.number) or np.iscomplexobj(one):
            raise TypeError(f"A map must hold real numbers, not {one.dtype}.")
        if one.ndim != 2 or one.shape[1] != 2 or not len(one):
            raise ValueError(f"A map must have shape (N, 2), a point for each picture, not {one.shape}.")
        if not np.isfinite(one).all():
            raise ValueError("A map holds NaN or infinity, but must hold finite numbers only.")
    if len({len(one) for one in found}) != 1:
        raise ValueError(f"All maps must hold the same pictures, but they hold {[len(one) for one in found]}.")
    return [one.astype(np.float32) for one in found]


def scatter(
    maps: Any,
    labels: Any = None,
    pictures: Any = None,
    titles: Sequence[str] | None = None,
    marked: Any = None,
    columns: int | None = None,
    *,
    alt: str,
) -> Figure:
    """Show maps side by side: a point for each picture, drawn as the name of its class, in the colour of its class.

    Args:
        maps: (N, 2); several maps of the same pictures as a list; or as a dict, {title: (N, 2)}.
        labels: (N,) the class of each picture, ten classes at most. Names of one or two letters or digits are drawn as
            they are, longer ones as the letters that the legend explains.
        pictures: (N, H, W, C), values 0-255: drawn small on the map, as many as fit without covering each other.
        titles: One line for each map.
        marked: Which pictures get a black ring, as indices or as a boolean mask (N,).
        columns: Maps in a row; by default at most three.
        alt: What is to be seen, in one or two sentences. The number of points is added.

    Raises:
        TypeError: Maps or pictures hold no numbers, or labels neither whole numbers nor words.
        ValueError: Lengths or shapes do not fit, there are more than ten classes, or there is no alt text.
    """
    if isinstance(maps, Mapping):
        maps, titles = list(maps.values()), titles or [str(key) for key in maps]
    found = as_maps_of_points(maps)
    count = len(found[0])
    titles = [titles] if isinstance(titles, str) else list(titles or [""] * len(found))
    if len(titles) != len(found):
        raise ValueError(f"There are {len(found)} maps but {len(titles)} titles.")
    names, codes = classes(np.zeros(count, int) if labels is None else labels)
    if len(names) > len(TEN_COLOURS):
        raise ValueError(f"labels holds {len(names)} classes, but colours tell ten apart at most; choose some of them.")
    thumbnails = None if pictures is None else as_pictures(pictures, "pictures")[0]
    for name, values in (("labels", codes), ("pictures", thumbnails)):
        if values is not None and len(values) != count:
            raise ValueError(f"There are {count} points but {len(values)} {name}; give one for each point.")
    if not alt.strip():
        raise ValueError("A figure needs an alt text: say in a sentence what is to be seen.")

    columns = columns or min(len(found), 3)
    rows = -(-len(found) // columns)
    side = {1: 5.2, 2: 3.4}.get(columns, 7.2 / columns)
    said = names if glyphs(names) != names else [""] * len(names)  # a glyph that is the name explains itself
    beside = 0.0 if labels is None else 0.5 + 0.06 * max(map(len, said))
    fig = figure(f"{alt.rstrip('. ')}. {count} points.", columns * side + beside, rows * side)
    size = float(np.clip(side * 72 / np.sqrt(count), 2.5, 7))  # of a glyph, in points: there is room for all
    drawn_as = ["o"] if labels is None else [rf"$\mathregular{{{glyph}}}$" for glyph in glyphs(names)]
    for ax, points, title in zip(grid(fig, rows, columns, len(found)), found, titles, strict=True):
        drawn = [
            ax.scatter(*points[codes == code].T, s=size**2, c=TEN_COLOURS[code], marker=glyph, linewidths=0)
            for code, glyph in enumerate(drawn_as)
        ]
        if marked is not None:
            ring = {"facecolors": "none", "edgecolors": "black", "linewidths": 2 if len(points[marked]) < 10 else 0.7}
            ax.scatter(*points[marked].T, s=(size + 4) ** 2, **ring)
        if thumbnails is not None:
            colours = None if labels is None else [TEN_COLOURS[code] for code in codes]
            _put_thumbnails(ax, points, thumbnails, colours, side)
        ax.set_aspect("equal", adjustable="datalim")
        ax.set_title(title, fontsize=9)
    if labels is not None:
        legend = {"loc": "outside right upper", "frameon": False, "fontsize": 8, "markerscale": 7 / size}
        fig.legend(drawn, said, title="class", title_fontsize=8, handletextpad=0.2, **legend)
    return fig


def _put_thumbnails(ax: Any, points: np.ndarray, pictures: np.ndarray, colours: list | None, side: float) -> None:
    """Draw the pictures of points that lie far enough from all those drawn before."""
    apart = 1.3 * _THUMBNAIL / side * np.ptp(points, axis=0).max()
    taken: list[int] = []
    for i in np.random.default_rng(0).permutation(len(points)):  # in the order given, the first class would take all
        if not taken or np.abs(points[taken] - points[i]).max(axis=1).min() >= apart:
            taken.append(i)
    dots = round(_THUMBNAIL * ax.figure.dpi)
    for i in taken:
        height, width = pictures[i].shape[:2]
        larger = max(height, width) / dots
        small = resize(pictures[i], (max(1, round(height / larger)), max(1, round(width / larger))))
        image = OffsetImage(displayable(small), zoom=72 / ax.figure.dpi)
        frame = {"edgecolor": "black" if colours is None else colours[i], "linewidth": 1.2}
        ax.add_artist(AnnotationBbox(image, points[i], pad=0, bboxprops=frame))
