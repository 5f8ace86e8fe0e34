"""What the positions of a tensor see of a picture: intervals of pixels along each axis, and how they are joined."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

# One axis. A unit looks at some positions of the layer before it; those see some pixels, of which the first and the
# last are kept. That loses nothing: the first pixel seen through several positions is the first of their first ones.


@dataclass(frozen=True)
class Window:
    """Which positions of what comes in a position of what goes out looks at, along one axis."""

    looks_at: Callable[[np.ndarray], np.ndarray]  # positions (n,) -> positions (n, k), possibly outside
    moves: tuple[int, int]  # so many positions further going out is so many further coming in


_NOWHERE = np.iinfo(np.int64).min
_NOTHING = (np.iinfo(np.int64).max, 0)  # the interval that changes no other one it is joined with


def window_of(kernel: int, stride: int = 1, dilation: int = 1, before: int = 0) -> Window:
    """Return the window of a convolution or a pooling; ``before``: rows of padding in front."""
    taps = dilation * np.arange(kernel) - before
    return Window(lambda i: stride * i[:, np.newaxis] + taps, (1, stride))


def transposed_window(kernel: int, stride: int, dilation: int, before: int) -> Window:
    """Return the window of the reverse of a convolution."""
    taps = before - dilation * np.arange(kernel)

    def looks_at(i: np.ndarray) -> np.ndarray:
        at = i[:, np.newaxis] + taps  # where a convolution with this stride would put its kernel, if it puts it there
        return np.where(at % stride == 0, at // stride, _NOWHERE)

    return Window(looks_at, (stride, 1))


def resizing_window(comes_in: int, goes_out: int, interpolation: str) -> Window:
    """Return the window of a change of size, pixels being areas: the middle of the first one is at 0.5.

    TensorFlow computes places in float32. Where it could round to either side, both sides count.
    """
    slack = 0 if is_sharp(comes_in, goes_out) else 1
    unit = 2 * goes_out

    def looks_at(i: np.ndarray) -> np.ndarray:
        place = (2 * i + 1) * comes_in
        if interpolation == "nearest":
            return np.stack([(place - slack) // unit, place // unit], axis=1)
        place -= goes_out
        return np.stack([(place - slack) // unit, -((-place - slack) // unit)], axis=1)

    common = math.gcd(comes_in, goes_out)
    return Window(looks_at, (goes_out // common, comes_in // common))


def is_sharp(comes_in: int, goes_out: int) -> bool:
    """Say whether a change of size is computed without rounding."""
    return Fraction(comes_in, goes_out).denominator.bit_count() == 1  # float32 holds the ratio as it is


def look(intervals: np.ndarray, window: Window, count: int) -> np.ndarray:
    """Return what ``count`` positions see, (count, 2): the first pixel and the one behind the last.

    Args:
        intervals: The same for the positions that come in.
        window: At which of them each position looks.
        count: How many positions go out.
    """
    index, n = window.looks_at(np.arange(count)), len(intervals)
    inside = (index >= 0) & (index < n)
    seen = np.concatenate([intervals, [_NOTHING]])[np.where(inside, index, n)]
    return np.stack([seen[..., 0].min(axis=1), seen[..., 1].max(axis=1)], axis=1)


@dataclass(frozen=True)
class Line:
    """The same without borders: what positions would see in a picture without end.

    After ``len(first)`` positions it begins anew, ``shift`` pixels further. That is after one, unless a layer enlarges.
    """

    first: np.ndarray
    behind: np.ndarray
    shift: int

    @property
    def stride(self) -> Fraction:
        """Pixels from one position's field to the next one's, on average."""
        return Fraction(self.shift, len(self.first))


def _fixed(first: float, behind: float) -> Line:
    return Line(np.array([first], float), np.array([behind], float), 0)


def look_along(line: Line | None, window: Window) -> Line | None:
    """Return what positions see that look through a window at those of a line."""
    if line is None:
        return None
    period, (out, into) = len(line.first), window.moves
    times = period // math.gcd(period, into)
    index = window.looks_at(np.arange(out * times))
    turns, place = np.divmod(index, period)
    first = np.where(index == _NOWHERE, np.inf, line.first[place] + line.shift * turns)
    behind = np.where(index == _NOWHERE, -np.inf, line.behind[place] + line.shift * turns)
    return Line(first.min(axis=1), behind.max(axis=1), line.shift * into * times // period)


def _union(lines: Sequence[Line | None], pixels: int) -> Line | None:
    """Return what is seen through any of the lines, None if no stride is common to them."""
    if any(line is None for line in lines):
        return None
    if len({line.stride for line in lines}) > 1:
        whole = (line for line in lines if not line.shift and line.first[0] <= 0 and line.behind[0] >= pixels)
        return next(whole, None)
    period = math.lcm(*(len(line.first) for line in lines))
    first, behind = [], []
    for line in lines:
        turns, place = np.divmod(np.arange(period), len(line.first))
        first.append(line.first[place] + line.shift * turns)
        behind.append(line.behind[place] + line.shift * turns)
    return Line(np.min(first, axis=0), np.max(behind, axis=0), lines[0].shift * period // len(lines[0].first))


# Both axes


@dataclass(frozen=True)
class Field:
    """What the positions of a tensor see.

    Along one path through the network, rows and columns are independent: a position sees what its row and what its
    column sees, and nothing if either meets only padding. Paths that come together are joined if they agree on which
    positions see nothing, and kept beside each other as ``parts`` if they do not.
    """

    parts: list[tuple[np.ndarray, np.ndarray]]  # (rows, 2) and (columns, 2): first pixel and the one behind the last
    lines: tuple[Line | None, Line | None]
    size: tuple[int, int]  # of the picture
    uniform: bool = True  # all channels see the same
    bound: str = ""  # why units may see less
    scattered: str = ""  # why single units may see less, but not all of them together
    moving: str = ""  # why it depends on the picture


def joined(parts: Sequence) -> list:
    """Return parts with those made one that agree on which positions see nothing."""
    found: dict = {}
    for part in parts:
        sees = [intervals[:, 0] < intervals[:, 1] for intervals in part]
        if all(s.any() for s in sees):
            key = tuple(s.tobytes() for s in sees)
            others = found.get(key, part)
            found[key] = tuple(_hull(np.stack(pair)) for pair in zip(part, others, strict=True))
    return list(found.values())


def _hull(intervals: np.ndarray) -> np.ndarray:
    return np.stack([intervals[..., 0].min(axis=0), intervals[..., 1].max(axis=0)], axis=-1)


def together(fields: Sequence[Field], grid: tuple[int, int], uniform: bool) -> Field:
    """Return what is seen through any of several tensors; one with a single position counts for all positions."""
    parts, lines = [], ([], [])
    for seen in fields:
        parts += [tuple(np.broadcast_to(a, (n, 2)) for a, n in zip(part, grid, strict=True)) for part in seen.parts]
        for axis in (0, 1):
            line, alone = seen.lines[axis], any(len(part[axis]) == 1 < grid[axis] for part in seen.parts)
            lines[axis].append(_fixed(line.first[0], line.behind[0]) if alone and line else line)
    return Field(
        joined(parts),
        tuple(_union(*each) for each in zip(lines, fields[0].size, strict=True)),
        fields[0].size,
        uniform,
        _first(fields, "bound"),
        _first(fields, "scattered"),
        _first(fields, "moving"),
    )


def everything(fields: Sequence[Field], grid: tuple[int, int]) -> Field:
    """Return the field of positions that all see what any position of the tensors sees."""
    boxes = [[_hull(axis) for axis in part] for seen in fields for part in seen.parts]
    ends = [_hull(np.stack(axis)) for axis in zip(*boxes, strict=True)] or [np.zeros(2, int)] * 2
    whole = tuple(np.tile(e, (n, 1)) for e, n in zip(ends, grid, strict=True))
    bound, moving = _first(fields, "bound"), _first(fields, "moving")
    return Field(joined([whole]), tuple(_fixed(*e) for e in ends), fields[0].size, bound=bound, moving=moving)


def _first(fields: Sequence[Field], reason: str) -> str:
    return next(filter(None, (getattr(f, reason) for f in fields)), "")


def laid_out_anew(seen: Field, grid: tuple[int, int], name: str) -> Field:
    """Return the field of positions that are not the rows and columns of what comes in."""
    whole = everything([seen], grid)
    same = len(seen.parts) == 1 and all((axis == axis[0]).all() for axis in seen.parts[0])
    why = "" if same else f"`{name}` lays positions out anew, so each of its units may see less than all do together."
    return replace(whole, uniform=seen.uniform, scattered=seen.scattered or why)
