"""Strokes of a brush over a picture: what a network is shown in place of a part of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from coursekit.pictures.fitting import is_from_0_to_1
from coursekit.techniques.covering import covered_with
from coursekit.validation import as_count, as_index, nearest

TOOLS = ("grey", "blur", "eraser", "clone")


class Stroke(NamedTuple):
    """One stroke of a brush.

    Attributes:
        tool: "grey", "blur" (the picture out of focus) or "eraser" (the picture as it was).
        size: Diameter of the brush in pixels.
        points: (row, column) of the pixels over which the brush's middle goes, in straight lines from one to the next.
    """

    tool: str
    size: int
    points: tuple[tuple[int, int], ...]


class Clone(NamedTuple):
    """One stroke of a brush that copies another place of the picture as it was.

    Attributes:
        tool: "clone".
        size: Diameter of the brush in pixels.
        points: As those of a ``Stroke``.
        source: (row, column) of the pixel that is copied to the first of the points; what is around it comes along.
    """

    tool: str
    size: int
    points: tuple[tuple[int, int], ...]
    source: tuple[int, int]


def as_stroke(value: Any, shape: tuple[int, ...]) -> Stroke | Clone:
    """Return ``(tool, size, points)``, or ``("clone", size, points, source)``, as a stroke on a picture of this shape.

    Args:
        value: The stroke.
        shape: (H, W, ...) of the picture.

    Raises:
        TypeError, ValueError: There is no such tool, size or pixel, or a clone has no source, or another tool has one.
    """
    if not isinstance(value, (tuple, list)) or len(value) not in (3, 4):
        raise ValueError(f"A stroke is (tool, size, points), such as ('grey', 30, [(60, 40)]), not {value!r}.")
    tool, size, points, *source = value
    if not isinstance(tool, str) or tool not in TOOLS:
        raise ValueError(f"There is no tool {tool!r}. {nearest(str(tool), TOOLS)}")
    size = as_count(size, "size", 1, max(shape[:2]), "pixels on the longer side")
    if np.ndim(points) != 2 or np.shape(points)[1] != 2:
        raise ValueError(f"The points of a stroke are several (row, column), not {points!r}.")
    pixels = tuple(as_pixel(point, shape) for point in points)
    if (tool == "clone") != bool(source):
        needs = "needs a source, the (row, column) that is copied" if tool == "clone" else "takes no source"
        raise ValueError(f"The tool {tool!r} {needs}.")
    return Clone(tool, size, pixels, as_pixel(source[0], shape, "source")) if source else Stroke(tool, size, pixels)


def as_pixel(value: Any, shape: tuple[int, ...], name: str = "A pixel") -> tuple[int, int]:
    """Return ``value`` as the (row, column) of a pixel of a picture of this shape, (H, W, ...).

    Raises:
        TypeError, ValueError: It is none.
    """
    if np.shape(value) != (2,):
        raise ValueError(f"{name} is (row, column), not {value!r}.")
    row, column = (as_index(*each) for each in zip(value, shape[:2], ("row", "column"), strict=True))
    return row, column


def stroke_mask(stroke: Stroke | Clone, shape: tuple[int, ...]) -> np.ndarray:
    """Return which pixels a stroke covers, boolean (H, W): those at most half a brush from the lines it goes along."""
    height, width = shape[:2]
    mask = np.zeros((height, width), bool)
    radius = stroke.size / 2
    for a, b in zip(stroke.points, stroke.points[1:] or stroke.points, strict=False):
        ends = np.array([a, b])
        top, left = np.maximum(np.floor(ends.min(0) - radius).astype(int), 0)
        bottom, right = np.ceil(ends.max(0) + radius).astype(int) + 1
        area = np.s_[top : min(bottom, height), left : min(right, width)]
        rows, columns = np.ogrid[area]
        down, across = rows - a[0], columns - a[1]
        along = np.subtract(b, a)
        length = max(int(along @ along), 1)
        share = np.clip((down * along[0] + across * along[1]) / length, 0, 1)
        mask[area] |= (down - share * along[0]) ** 2 + (across - share * along[1]) ** 2 <= radius**2
    return mask


def moved_away(stroke: Stroke | Clone, shape: tuple[int, ...]) -> Stroke | Clone:
    """Return the same stroke at the place in the picture that is farthest from its own: a control for what it does.

    A clone copies the same place to there.
    """
    points = np.array(stroke.points)
    least, most = points.min(0), points.max(0)
    reach = stroke.size // 2
    options = []
    for low, high, side in zip(least, most, shape[:2], strict=True):
        room = [min(reach, low) - low, max(side - 1 - reach, high) - high]  # no nearer to an edge than it must be
        options.append(max(room, key=abs))
    return stroke._replace(points=tuple(map(tuple, (points + options).tolist())))


class Canvas:
    """A picture to paint on, which keeps what it was.

    Args:
        picture: (H, W, C), as the network takes it.
        dtype: What the network takes.

    Attributes:
        first: The picture as it was.
        painted: What it is now, (H, W, C).
        strokes: The strokes on it, the first one first.
        elsewhere: Whether the last of them lies where ``moved_away`` puts it.
    """

    def __init__(self, picture: np.ndarray, dtype: str = "float32"):
        self.first = picture
        self.painted = picture.copy()
        self.strokes: list[Stroke | Clone] = []
        self.elsewhere = False
        self._covers = {"eraser": picture}
        for tool, cover in (("grey", _grey(picture)), ("blur", "blur")):
            self._covers[tool] = covered_with(cover, picture, dtype).astype(picture.dtype)

    def add(self, *stroke: Any) -> None:
        """Paint one more stroke: tool, size, points, and the source of a clone. The last one stays where it is seen."""
        stroke = as_stroke(stroke, self.first.shape)
        if self.elsewhere and self.strokes:
            self.strokes[-1] = moved_away(self.strokes[-1], self.first.shape)
        self.elsewhere = False
        self.strokes.append(stroke)
        self._lay(stroke)

    def lengthen(self, points: Any) -> None:
        """Let the last stroke go on."""
        last = self.strokes[-1]
        added = as_stroke(("eraser", last.size, points), self.first.shape).points
        self.strokes[-1] = last._replace(points=last.points + added)
        self._lay(self.strokes[-1], last.points[-1:] + added)

    def begin_anew(self, strokes: Iterable[Any], elsewhere: bool = False) -> None:
        """Paint these strokes, one after the other, on the picture as it was."""
        self.strokes = [as_stroke(stroke, self.first.shape) for stroke in strokes]
        self.elsewhere = elsewhere
        self.painted = self.first.copy()
        for stroke in self.strokes[:-1]:
            self._lay(stroke)
        for stroke in self.strokes[-1:]:
            self._lay(moved_away(stroke, self.first.shape) if elsewhere else stroke)

    def _lay(self, stroke: Stroke | Clone, way: tuple | None = None) -> None:
        """Paint a stroke, or of a stroke only a part of its way."""
        mask = stroke_mask(stroke if way is None else stroke._replace(points=way), self.first.shape)
        if isinstance(stroke, Clone):
            self._copy(mask, np.subtract(stroke.source, stroke.points[0]))
        else:
            self.painted[mask] = self._covers[stroke.tool][mask]

    def _copy(self, mask: np.ndarray, apart: np.ndarray) -> None:
        """Copy to each pixel of a mask the one that is (rows, columns) apart, where the picture has one."""
        to = np.argwhere(mask)
        source = to + apart
        inside = ((source >= 0) & (source < mask.shape)).all(1)
        to, source = to[inside], source[inside]
        self.painted[tuple(to.T)] = self.first[tuple(source.T)]


def _grey(picture: np.ndarray) -> float | str:
    """Return middle grey in a picture's range of values."""
    if is_from_0_to_1(picture):
        return 0.5
    return 0.0 if picture.min() < 0 else "grey"
