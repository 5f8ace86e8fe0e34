"""The kernels of a layer, as they are stored, in the colours of the picture, and what each of them looks for."""

from __future__ import annotations

import colorsys
from typing import Any

import numpy as np
import pandas as pd

from coursekit.networks.backend import keras
from coursekit.networks.graph import Step, find_layer, steps
from coursekit.networks.kinds import WITH_KERNELS_2D
from coursekit.techniques.activations import activations

_L = keras.layers
_WITH_KERNELS = (*WITH_KERNELS_2D, _L.Dense)
# The colour wheel in steps of 30 degrees.
_HUES = ("red", "orange", "yellow", "lime", "green", "mint", "cyan", "azure", "blue", "violet", "magenta", "pink")
_COLOURFUL = 1 / 3  # of a colour's squares: below it counts as white or black
_DIRECTED = 1 / 3  # (across - along) / (across + along): twice as much across. The derivative of a Gaussian has 1/2
_ALIGNED = 30  # degrees
_EXPLAINED = 1 / 2


def filters(model: Any, layer: str) -> np.ndarray:
    """Return the kernels of a layer, all kinds of layers in one order of axes.

    The last axis counts the layer's output channels; ``kernels[..., i]`` is what channel i looks for. The third axis
    counts the channels that one kernel sees:

    - Conv2D: all that come in; with ``groups`` only those of its own group.
    - DepthwiseConv2D: one. (kh, kw, 1, in * multiplier): output channel i looks at input channel i // multiplier.
    - SeparableConv2D: all. Its two steps, which have nothing in between, are multiplied into the one kernel they equal.
    - Conv2DTranspose: all. Keras stores (kh, kw, out, in); here in comes before out too.
    - Dense: (1, 1, in, out), as it is the same as a convolution with one pixel.
    - TimeDistributed: those of the layer inside.

    Args:
        model: A Keras model, nested or not.
        layer: The layer's name.

    Returns:
        A float32 array (kh, kw, in, out), a copy. What comes in is counted as the layer gets it: for colours as the
        picture has them see ``picture_filters``.

    Raises:
        TypeError: ``model`` is no Keras model with a graph, or ``layer`` no string.
        ValueError: There is no such layer, or it has no kernels, or those of a Conv1D or Conv3D; the nearest layers
            that have some are named.

    Example:
        >>> from coursekit import filters, squeezenet
        >>> filters(squeezenet(), "fire2-expand3x3").shape
        (3, 3, 16, 64)
    """
    step = find_layer(model, layer)
    found = step.operation
    if isinstance(found, _L.TimeDistributed):
        found = found.layer
    if not isinstance(found, _WITH_KERNELS):
        what = "kernels of another kind than these here" if hasattr(found, "kernel") else "no kernels"
        raise ValueError(f"{step.name!r} ({type(found).__name__}) has {what}. {_neighbours(model, step)}")
    if isinstance(found, _L.SeparableConv2D):
        depthwise, pointwise = _array(found.depthwise_kernel), _array(found.pointwise_kernel)
        pointwise = pointwise.reshape(*depthwise.shape[2:], -1)  # (in, multiplier, out)
        return np.einsum("yxim,imo->yxio", depthwise, pointwise)
    kernel = _array(found.kernel)
    if isinstance(found, _L.DepthwiseConv2D):
        return kernel.reshape(*kernel.shape[:2], 1, -1)
    if isinstance(found, _L.Conv2DTranspose):
        return np.ascontiguousarray(kernel.swapaxes(2, 3))
    return kernel[np.newaxis, np.newaxis] if isinstance(found, _L.Dense) else kernel


def picture_filters(model: Any, layer: str | None = None) -> np.ndarray:
    """Return the first layer's kernels in the colours of the picture, whatever the preprocessing does to them.

    A network may swap red and blue, subtract a mean and divide before its first layer, so the numbers that are stored
    need not belong to red, green and blue. What happens to a pixel is measured, not assumed: one pixel of a picture is
    changed in one colour, and what changes in front of the layer is a column of a matrix, which is then checked on all
    pixels of another picture. Kernels times this matrix are what the layer does to the picture itself: the change of
    its answer for a step of 1 (of 255) in each colour of each pixel.

    Args:
        model: A Keras model with one picture as its input. Preprocessing that is done outside is not seen.
        layer: The layer's name; by default the first that has kernels.

    Returns:
        A float32 array (kh, kw, colours, out); for colour pictures (kh, kw, 3, out), in the order red, green, blue.

    Raises:
        TypeError: ``model`` is no Keras model with a graph, or ``layer`` no string.
        ValueError: The layer has no kernels, or more than a fixed mixing of each pixel's colours lies before it.

    Example:
        >>> from coursekit import picture_filters, squeezenet
        >>> picture_filters(squeezenet()).shape  # in red, green, blue, though the network takes blue, green, red
        (3, 3, 3, 64)
    """
    steps(model)  # checks
    shapes = [tuple(tensor.shape[1:]) for tensor in model.inputs]
    if len(shapes) != 1 or len(shapes[0]) != 3:
        raise ValueError(
            "picture_filters is for networks whose one input is a picture (height, width, colours); this one takes "
            f"{' and '.join(map(str, shapes))}. filters(model, layer) gives kernels as they are."
        )
    if layer is None:
        with_kernels = _names_with_kernels(model)
        if not with_kernels:
            raise ValueError("This network has no layer with kernels.")
        layer = with_kernels[0]
    kernels = filters(model, layer)
    step = find_layer(model, layer)
    mixing = _mixing_of_colours(model, step)
    if mixing is None or len(mixing) != kernels.shape[2]:
        raise ValueError(
            f"Before {step.name!r} lies more than a fixed mixing of each pixel's colours, so its kernels do not look "
            f"at colours. filters(model, {step.name!r}) gives them as they are."
        )
    return np.einsum("yxio,ic->yxco", kernels, mixing)


def _mixing_of_colours(model: Any, step: Step) -> np.ndarray | None:
    """Return the matrix (channels before the layer, colours) that takes a pixel there; None if there is no such one."""
    shape = tuple(model.inputs[0].shape[1:])
    height, width, colours = (size or default for size, default in zip(shape, (64, 64, 3), strict=True))
    pictures = np.random.default_rng(0).integers(0, 256, (colours + 2, height, width, colours)).astype(np.float32)
    middle, change = (height // 2, width // 2), 100
    pictures[1:-1] = pictures[0]
    for colour in range(colours):
        was = pictures[0][middle][colour]
        pictures[colour + 1][middle][colour] += change if was < 128 else -change
    before = activations(model, pictures, step.parents[0])
    if isinstance(before, list) or before.ndim != 4:
        return None
    changed = before[1:-1] - before[0]
    moved = np.argwhere(np.abs(changed).max(axis=(0, 3)) > 0.01 * np.abs(changed).max())
    if len(moved) != 1:
        return None
    y, x = moved[0]
    taken = np.diagonal((pictures[1:-1] - pictures[0])[:, *middle])
    mixing = changed[:, y, x].T / taken
    # One pixel proves little: does the same hold everywhere, from one random picture to another? Padding may have
    # moved the picture down and right, cropping up and left.
    predicted = (pictures[-1] - pictures[0]) @ mixing.T
    down, right = y - middle[0], x - middle[1]
    predicted = predicted[max(0, -down) :, max(0, -right) :]
    found = (before[-1] - before[0])[max(0, down) :, max(0, right) :]
    rows, columns = np.minimum(predicted.shape[:2], found.shape[:2])
    wrong = np.abs(found[:rows, :columns] - predicted[:rows, :columns]).max()
    return mixing if wrong <= 0.02 * np.abs(predicted).max() else None


def describe_filters(kernels: np.ndarray) -> pd.DataFrame:
    """Return what each kernel of a first layer looks for: edges with their angle, lines, blobs, colours.

    How it is computed, for each kernel:

    1. Its numbers are split into a pattern times a colour, as well as one pattern and one colour can (the leading pair
       of the singular value decomposition of the table pixels x colours).
    2. The pattern's mean is its flat part: it asks for the same colour everywhere.
    3. The rest is turned by half a turn. What becomes its own negative is odd: one side against the other.
    4. What stays as it is is even: the middle against its surroundings.
    5. The three parts share out the pattern's squared weights; the largest part names the kernel: flat is a "colour",
       odd an "edge", even a "line" or a "blob".
    6. From pixel to pixel the pattern rises or falls. The direction in which it does so most, measured in squares (the
       structure tensor of Förstner and Gülch, 1987), lies across a line.
    7. Where it does so at least twice as much across as along, even means a line, otherwise a blob.
    8. An edge must pass the same test, and one side must outweigh the other: from the middle to the weights' centre of
       gravity is the direction ``towards``, and it must lie across, within 30 degrees.
    9. ``explained`` is the share of all the kernel's squared weights that the part which names it holds. Under a half,
       or where an odd kernel is no edge, it is "other".
    10. Multiplying a kernel by a positive number changes nothing but its ``strength``; by a negative one, ``towards``
        and ``colour`` as well.

    Args:
        kernels: (kh, kw, 3, out) with red, green and blue, as ``picture_filters`` gives, or (kh, kw, 1, out) for grey
            pictures; kh and kw are 3 or more.

    Returns:
        A row for each kernel, with the columns

        - ``channel``: its index; ``kind``: "edge", "line", "blob", "colour" or "other".
        - ``angle``: of an edge or a line, along it, in degrees from 0 to 180, counterclockwise from the horizontal
          (0 lies, 45 rises to the right, 90 stands); NaN otherwise. Exact for slopes and for parabolic ridges; lines
          of other profiles are told to some 5 degrees.
        - ``towards``: of an edge, the direction to its brighter side (its redder, less blue side where it is an edge
          between colours), across the edge, 0 to 360: 0 is right, 90 is up; NaN otherwise.
        - ``explained``: 0-1.
        - ``colour share``: the share of the squared weights that is colour, not grey, 0-1: 0 where red, green and blue
          are equal, 1 where they add up to nothing.
        - ``colour``: what the middle of the kernel answers to, or the side that ``towards`` tells: one of 12 hues,
          or "white" or "black" where the colour share of this one colour is at most 1/3.
        - ``red``, ``green``, ``blue``: that colour as a direction of length 1.
        - ``strength``: root of the sum of the squared weights.

    Raises:
        TypeError: ``kernels`` is no array of numbers.
        ValueError: Another shape, or numbers that are not finite.

    Example:
        >>> import numpy as np
        >>> from coursekit import describe_filters
        >>> sobel = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]])[:, :, np.newaxis, np.newaxis]
        >>> found = describe_filters(sobel).iloc[0]
        >>> print(found["kind"], found["angle"], found["towards"])  # upright, brighter to the right
        edge 90.0 0.0
    """
    weights = _first_layer(kernels)
    height, width, _, count = weights.shape
    table = np.moveaxis(weights, -1, 0).reshape(count, height * width, 3)
    squares = (table**2).sum(axis=(1, 2))
    whole = np.maximum(squares, np.finfo(np.float64).tiny)
    colour_share = 1 - 3 * (table.mean(axis=2) ** 2).sum(axis=1) / whole
    left, scales, right = np.linalg.svd(table, full_matrices=False)
    pattern, colour = left[:, :, 0].reshape(count, height, width), right[:, 0]
    one_pattern = scales[:, 0] ** 2 / whole

    turned = pattern[:, ::-1, ::-1]
    flat = pattern.sum(axis=(1, 2)) ** 2 / (height * width)
    odd = ((pattern - turned) ** 2).sum(axis=(1, 2)) / 4
    parts = np.stack([flat, odd, 1 - flat - odd])
    across, directed = _direction_across(pattern)

    y, x = (np.arange(height)[::-1] - (height - 1) / 2)[:, np.newaxis], np.arange(width) - (width - 1) / 2
    colourful = 1 - colour.sum(axis=1) ** 2 / 3 > _COLOURFUL  # the share of this one colour
    in_the_middle = (pattern * (np.max(x**2 + y**2) - x**2 - y**2)).sum(axis=(1, 2))
    bright = np.where(colourful, colour[:, 0] - colour[:, 2], colour.sum(axis=1))
    largest = parts.argmax(axis=0)
    sign = np.where(np.where(largest == 1, bright, in_the_middle) < 0, -1.0, 1.0)
    pattern, colour = pattern * sign[:, np.newaxis, np.newaxis], colour * sign[:, np.newaxis]

    towards = np.degrees(np.arctan2((pattern * y).sum(axis=(1, 2)), (pattern * x).sum(axis=(1, 2))))
    aligned = np.abs((towards - across + 90) % 180 - 90) <= _ALIGNED

    explained = parts.max(axis=0) * one_pattern
    edge = (largest == 1) & directed & aligned
    names = [largest == 0, edge, (largest == 2) & directed, (largest == 2) & ~directed]
    kind = np.select(names, ["colour", "edge", "line", "blob"], "other")
    kind[(explained < _EXPLAINED) | (squares == 0)] = "other"
    angle = np.where(edge, towards, across) + 90
    return pd.DataFrame(
        {
            "channel": np.arange(count),
            "kind": kind,
            "angle": np.where(np.isin(kind, ["edge", "line"]), angle.round(6) % 180, np.nan),
            "towards": np.where(kind == "edge", towards.round(6) % 360, np.nan),
            "explained": explained,
            "colour share": np.clip(colour_share, 0, 1) * (squares > 0),
            "colour": [_name(c, chromatic) for c, chromatic in zip(colour, colourful, strict=True)],
            "red": colour[:, 0],
            "green": colour[:, 1],
            "blue": colour[:, 2],
            "strength": np.sqrt(squares),
        }
    )


def _direction_across(pattern: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the direction (degrees, y up) in which patterns (N, H, W) change most, and whether it prevails."""
    to_right, up = np.diff(pattern, axis=2), -np.diff(pattern, axis=1)
    dx, dy = (to_right[:, 1:] + to_right[:, :-1]) / 2, (up[:, :, 1:] + up[:, :, :-1]) / 2  # both where four pixels meet
    xx, xy, yy = ((a * b).sum(axis=(1, 2)) for a, b in ((dx, dx), (dx, dy), (dy, dy)))
    prevails = np.hypot(xx - yy, 2 * xy) >= _DIRECTED * (xx + yy)
    return np.degrees(np.arctan2(2 * xy, xx - yy) / 2), prevails


def _name(colour: np.ndarray, colourful: bool) -> str:
    if not colourful:
        return "white" if colour.sum() > 0 else "black"
    hue = colorsys.rgb_to_hsv(*((colour - colour.min()) / np.ptp(colour)))[0]
    return _HUES[round(12 * hue) % 12]


def _first_layer(kernels: np.ndarray) -> np.ndarray:
    weights = np.asarray(kernels)
    if not np.issubdtype(weights.dtype, np.floating) and not np.issubdtype(weights.dtype, np.integer):
        raise TypeError(f"kernels must hold real numbers, not {weights.dtype}.")
    if weights.ndim != 4 or weights.shape[2] not in (1, 3) or min(weights.shape[:2]) < 3 or not weights.shape[3]:
        raise ValueError(
            "kernels must have shape (3 or more, 3 or more, 3 colours or 1, channels), as picture_filters(model) gives "
            f"for a first layer, not {weights.shape}."
        )
    if not np.isfinite(weights).all():
        raise ValueError("kernels holds NaN or infinity.")
    return np.broadcast_to(weights, (*weights.shape[:2], 3, weights.shape[3])).astype(np.float64)


def _array(variable: Any) -> np.ndarray:
    return np.array(keras.ops.convert_to_numpy(keras.ops.cast(variable, "float32")))  # an adapter makes it a tensor


def _names_with_kernels(model: Any) -> list[str]:
    return [step.name for step in steps(model) if isinstance(step.operation, _WITH_KERNELS)]


def _neighbours(model: Any, step: Step) -> str:
    """Name the layers with kernels before and behind a step."""
    names, with_kernels = [s.name for s in steps(model)], _names_with_kernels(model)
    place = names.index(step.name)
    near = [name for name in with_kernels if names.index(name) < place][-1:]
    near += [name for name in with_kernels if names.index(name) > place][:1]
    return (
        f"The nearest that do: {' and '.join(map(repr, near))}."
        if near
        else "No layer of this network has any that are read here."
    )
