"""Which pixels a unit of a layer sees."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from coursekit.networks.backend import keras
from coursekit.networks.graph import (
    Step,
    as_inputs,
    channels_first,
    find_layer,
    input_names,
    kept,
    refuse_channels_first,
    steps,
)
from coursekit.networks.shapes import output_shapes, steps_up_to
from coursekit.techniques.field_rules import grid_of, seen_by
from coursekit.techniques.fields import Field, Line
from coursekit.validation import as_count, as_index, nearest


@dataclass(frozen=True, eq=False)
class ReceptiveField:
    """The pixels that the units of a layer see.

    A layer's field is that of all its channels together. Along each axis, unit ``i`` sees the pixels from
    ``offset + stride * i`` on, ``size`` of them, as far as they lie in the picture. Near the border a unit can see
    less than that, where a layer adds zeros: ``box`` knows. In a network that enlarges its maps again, neighbours can
    share a field, and ``offset + stride * i`` is right for every so many units only.

    Attributes:
        layer: The layer's name.
        kind: ``"exact"``: the box around all pixels that change the unit, for weights none of which is zero;
            ``"upper bound"``: no pixel outside changes it, but not all inside need to; ``"data-dependent"``: which
            pixels it sees depends on the picture, and the box holds all that it can see.
        size: (height, width) in pixels, of a unit far from the border; can be larger than the picture.
        stride: Pixels from one unit's field to the next one's, (down, across); 0 if all units see the same, NaN if
            no single number says it.
        offset: Where the field of unit (0, 0) begins, (top, left); negative if that is outside the picture.
        input_size: (height, width) of the picture.
        shape: The layer's (rows, columns); (1, 1) for a layer without positions.
        note: Why it is not exact, or what to bear in mind; empty if there is nothing to say.
    """

    layer: str
    kind: str
    size: tuple[int, int]
    stride: tuple[float, float]
    offset: tuple[float, float]
    input_size: tuple[int, int]
    shape: tuple[int, int]
    note: str
    _parts: list = field(repr=False)

    def box(self, row: int = 0, column: int = 0) -> tuple[int, int, int, int]:
        """Return the pixels that a unit sees: ``image[top:bottom, left:right]``.

        Args:
            row: The unit's row, from 0.
            column: Its column, from 0.

        Returns:
            (top, left, bottom, right), clipped to the picture; (0, 0, 0, 0) for a unit that sees nothing but padding.

        Raises:
            TypeError, ValueError: There is no such row or column.
        """
        row, column = as_index(row, self.shape[0], "row"), as_index(column, self.shape[1], "column")
        return tuple(map(int, self._boxes(slice(row, row + 1), slice(column, column + 1))[0, 0]))

    def unit_at(self, row: int, column: int) -> tuple[int, int]:
        """Return the unit that looks at a pixel: the one the middle of whose field is nearest to it.

        Args:
            row: Of the pixel, from 0.
            column: Of the pixel, from 0.

        Returns:
            (row, column) of the unit; of several that are as near, the first.

        Raises:
            TypeError, ValueError: There is no such pixel.
        """
        pixel = as_index(row, self.input_size[0], "row"), as_index(column, self.input_size[1], "column")
        if np.isfinite([self.stride, self.offset]).all() and min(self.stride) > 0:
            first = np.array(self.offset) + (np.array(self.size) - 1) / 2
            index = np.ceil((np.array(pixel) - first) / self.stride - 0.5)
            return tuple(map(int, np.clip(index, 0, np.array(self.shape) - 1)))
        boxes = self.boxes().astype(float)
        middles = (boxes[..., :2] + boxes[..., 2:] - 1) / 2
        apart = np.where(boxes[..., 2] > 0, ((middles - pixel) ** 2).sum(axis=-1), np.inf)
        return tuple(map(int, np.unravel_index(apart.argmin(), apart.shape)))

    def boxes(self) -> np.ndarray:
        """Return the boxes of all units.

        Returns:
            (rows, columns, 4) whole numbers: top, left, bottom, right, as ``box`` gives them.
        """
        return self._boxes(slice(None), slice(None))

    def _boxes(self, at_rows: slice, at_columns: slice) -> np.ndarray:
        grid = len(range(self.shape[0])[at_rows]), len(range(self.shape[1])[at_columns])
        starts, ends = np.empty((2, *grid), int), np.zeros((2, *grid), int)
        starts[0], starts[1] = self.input_size
        for rows, columns in self._parts:
            rows, columns = rows[at_rows, np.newaxis], columns[at_columns]
            seen = (rows[..., 0] < rows[..., 1]) & (columns[..., 0] < columns[..., 1])
            for axis, intervals in enumerate((rows, columns)):
                starts[axis] = np.where(seen, np.minimum(starts[axis], intervals[..., 0]), starts[axis])
                ends[axis] = np.where(seen, np.maximum(ends[axis], intervals[..., 1]), ends[axis])
        starts[:, ends[0] == 0] = 0
        return np.concatenate([starts, ends]).transpose(1, 2, 0)


def receptive_field(
    model: Any, layer: str, size: int | tuple[int, int] | None = None, picture: str | None = None
) -> ReceptiveField:
    """Return which pixels the units of a layer see.

    It is computed from the shape of the network alone, layer by layer from the picture on: for every row and column
    the first and the last pixel seen, through convolutions, pooling, padding, cropping, enlarging and joined branches.
    Padding shows nothing. Behind a global layer, such as the gates of a squeeze-and-excitation block, which multiply
    every position by what all positions gave, a unit sees the whole picture. A layer that is not known is asked which
    TensorFlow operations it consists of; if they do not all keep to their position, everything that comes into it
    counts as seen, and the field is marked as an upper bound.

    Paper: Araujo, Norris and Sim, "Computing Receptive Fields of Convolutional Neural Networks", Distill, 2019.

    Args:
        model: A Keras model: Sequential, functional, nested, with one input or several; channels last.
        layer: The name of a layer. ``block1_conv1`` names a layer of a nested model too.
        size: Of the picture, (height, width) or one number for both. Needed for a network that takes any size;
            else by default the size that the network takes.
        picture: Name of the input to look back to; by default the first that takes pictures.

    Raises:
        TypeError: ``model`` is no Keras model with a graph, or an argument is of the wrong type.
        ValueError: There is no such layer or input, the layer does not depend on that input, or the size of the
            picture is needed.

    Example:
        >>> from coursekit import receptive_field, squeezenet
        >>> field = receptive_field(squeezenet(), "fire2-squeeze1x1")
        >>> field.size, field.stride, field.box(10, 20)
        ((7, 7), (4, 4), (40, 80, 47, 87))
    """
    step = find_layer(model, layer)
    source = _source(model, picture)
    size = _as_size(size, source, model.name)
    # At another size than its own a network may not hold together behind this layer, as where it flattens its maps.
    last = None if size == source.shape[:2] else step.name
    found = _fields(model, source.name, size, last)[step.name]
    if found is None:
        raise ValueError(f"Layer {step.name!r} does not depend on the input {source.name!r}.")
    return found


def receptive_fields(model: Any) -> dict[str, ReceptiveField | None]:
    """Return the receptive fields of all layers, in the order of computation.

    None stands for a layer that does not depend on the first input that takes pictures. Empty if the network takes no
    pictures, or pictures of any size, or has its channels first.
    """
    pictures = _pictures(model)
    if not pictures or channels_first(model) or None in keras.tree.flatten(list(output_shapes(model).values())):
        return {}
    return _fields(model, pictures[0].name, pictures[0].shape[:2])


def box_on_picture(model: Any, image: Any, layer: str, place: Sequence[int]) -> tuple[int, int, int, int] | None:
    """Return the pixels that a number depends on, on the first picture of a network on which it depends.

    Args:
        model: A Keras model.
        image: What comes in, as ``as_inputs`` takes it: it says the size, where the network takes any.
        layer: The full name of a layer.
        place: (row, column, channel); of other places only the whole layer's box is known.

    Returns:
        (top, left, bottom, right), or None if it depends on no picture, or the size of some layer is not known.
    """
    batches, _ = as_inputs(model, image)
    for name, tensor, batch in zip(input_names(model), model.inputs, batches, strict=True):
        if len(tensor.shape) != 4:
            continue
        size = batch.shape[1:3]
        fields = kept(model, ("boxes", name, size), lambda name=name, size=size: _known(model, name, size))
        if (found := fields.get(layer)) is not None:
            return found.box(*place[:2]) if found.shape != (1, 1) else found.box()
    return None


def _known(model: Any, picture: str, size: tuple[int, int]) -> dict[str, ReceptiveField | None]:
    """Return the fields of all layers of a network that has computed a picture of this size; none if sizes are open."""
    shapes = output_shapes(model, size, picture)
    return {} if None in keras.tree.flatten(list(shapes.values())) else _fields(model, picture, size)


# What is asked for


def _pictures(model: Any) -> list[Step]:
    return [step for step in steps(model) if step.is_input and len(step.shape) == 3]


def _source(model: Any, picture: str | None) -> Step:
    pictures = {step.name: step for step in _pictures(model)}
    if not pictures:
        raise ValueError("This network takes no pictures: none of its inputs has the shape (height, width, channels).")
    refuse_channels_first(model)
    if picture is None:
        return next(iter(pictures.values()))
    if not isinstance(picture, str):
        raise TypeError(f"picture is the name of an input, such as {next(iter(pictures))!r}, not {picture!r}.")
    if picture not in pictures:
        raise ValueError(f"No input that takes pictures is called {picture!r}. {nearest(picture, pictures)}")
    return pictures[picture]


def _as_size(size: Any, source: Step, network: str) -> tuple[int, int]:
    if size is None:
        if None in source.shape[:2]:
            raise ValueError(f"{network} takes pictures of any size: say which, as in size=(224, 224).")
        return source.shape[:2]
    both = tuple(size) if isinstance(size, (tuple, list)) else (size, size)
    if len(both) != 2:
        raise TypeError(f"size must be a whole number or (height, width), not {size!r}.")
    return as_count(both[0], "size"), as_count(both[1], "size")


# The whole network


def _fields(
    model: Any, picture: str, size: tuple[int, int], last: str | None = None
) -> dict[str, ReceptiveField | None]:
    """Return the field of each step, computed once for a network and a size of the picture."""
    return kept(model, ("receptive fields", picture, size, last), lambda: _spread(model, picture, size, last))


def _spread(model: Any, picture: str, size: tuple[int, int], last: str | None) -> dict[str, ReceptiveField | None]:
    shapes = output_shapes(model, size, picture, last)
    seen: dict = {}  # key of a tensor -> its field, if it depends on the picture, and its shape
    found: dict[str, ReceptiveField | None] = {}
    for step in steps_up_to(model, last):
        outputs = shapes[step.name] if isinstance(shapes[step.name], list) else [shapes[step.name]]
        comes_in = [seen[key] for key, _ in step._arguments.values()]
        comes_in = [(field_in, shape) for field_in, shape in comes_in if field_in is not None]
        if step.name == picture:
            pixels = [np.stack([np.arange(n), np.arange(n) + 1], axis=1) for n in size]
            fields = [Field([tuple(pixels)], (Line(np.zeros(1), np.ones(1), 1),) * 2, size)]
        elif not comes_in:
            fields = [None] * len(outputs)
        else:
            if any(None in grid_of(shape) for shape in outputs):
                raise ValueError(
                    f"The size of what layer {step.name!r} gives is not known, so neither is what it sees."
                )
            fields = [seen_by(step, *map(list, zip(*comes_in, strict=True)), shape) for shape in outputs]
        seen.update(zip(step._results, zip(fields, outputs, strict=True), strict=True))
        found[step.name] = fields[0] and _summary(step.name, fields[0], outputs[0])
    return found


def _summary(layer: str, seen: Field, shape: tuple) -> ReceptiveField:
    why = seen.moving or seen.bound or seen.scattered
    kind = "data-dependent" if seen.moving else "upper bound" if why else "exact"
    if not why and not seen.uniform:
        why = "Its channels come from branches that see differently: this is the box around all of them."
    size, stride, offset = [], [], []
    for axis, line in enumerate(seen.lines):
        if line is None:
            boxes = ReceptiveField(layer, kind, (), (), (), seen.size, grid_of(shape), why, seen.parts).boxes()
            values = int((boxes[..., axis + 2] - boxes[..., axis]).max()), math.nan, math.nan
        else:
            sizes, step = line.behind - line.first, line.stride
            first = int(line.first[0]) if sizes[0] > 0 else math.nan
            values = int(sizes.max()), int(step) if step.denominator == 1 else float(step), first
        for column, value in zip((size, stride, offset), values, strict=True):
            column.append(value)
    size, stride, offset = tuple(size), tuple(stride), tuple(offset)
    return ReceptiveField(layer, kind, size, stride, offset, seen.size, grid_of(shape), why, seen.parts)
