"""Which pixels a unit of a layer sees."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

import numpy as np

from coursekit.networks.backend import keras
from coursekit.networks.graph import Step, find_layer, kept, run, steps
from coursekit.networks.tracing import reading, traceable
from coursekit.validation import as_index, nearest

_L = keras.layers


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
    if not pictures or _channels_first(model) or None in keras.tree.flatten(list(output_shapes(model).values())):
        return {}
    return _fields(model, pictures[0].name, pictures[0].shape[:2])


# What is asked for


def _pictures(model: Any) -> list[Step]:
    return [step for step in steps(model) if step._node is None and len(step.shape) == 3]


def _channels_first(model: Any) -> str | None:
    """Return the name of the first layer that has its channels in front."""
    layers = (s.name for s in steps(model) if getattr(s.operation, "data_format", None) == "channels_first")
    return next(layers, None)


def _source(model: Any, picture: str | None) -> Step:
    pictures = {step.name: step for step in _pictures(model)}
    if not pictures:
        raise ValueError("This network takes no pictures: none of its inputs has the shape (height, width, channels).")
    if (layer := _channels_first(model)) is not None:
        raise ValueError(f"Layer {layer!r} has its channels first, but pictures have them last here.")
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
    if len(both) != 2 or not all(isinstance(n, (int, np.integer)) and not isinstance(n, bool) for n in both):
        raise TypeError(f"size must be a whole number or (height, width), not {size!r}.")
    if min(both) < 1:
        raise ValueError(f"size must be at least 1, not {size!r}.")
    return int(both[0]), int(both[1])


def output_shapes(
    model: Any, size: tuple[int, int] | None = None, picture: str | None = None, last: str | None = None
) -> dict[str, Any]:
    """Return the output shape of every step, without the batch; a list of shapes for several outputs.

    A nested model made for pictures of any size keeps None in its own shapes, also where the model around it says
    what size comes in. So they are worked out anew, with Keras' symbolic tensors, which compute nothing.

    Args:
        model: A Keras model.
        size: (height, width) of the picture, if it is not what the model says.
        picture: Name of the input that has this size, and with it all others of the same shape.
        last: Name of the last step to look at; by default all of them.

    Raises:
        ValueError: A layer does not take what comes out of a picture of that size.
    """
    all_steps = _up_to(model, last)
    names = [step.name for step in all_steps]
    shapes = {step.name: step.shape for step in all_steps}
    before = shapes.get(picture)
    inputs = [tuple(tensor.shape[1:]) for tensor in model.inputs]
    if size is not None:
        inputs = [(*size, shape[2]) if shape == before else shape for shape in inputs]
    unknown = any(None in keras.tree.flatten(shape) for shape in shapes.values())
    settled = not unknown or any(None in shape for shape in inputs)
    if settled and (size is None or before[:2] == tuple(size)):
        return shapes

    def spec(step: Step, args: tuple, kwargs: dict) -> Any:
        fixed = getattr(getattr(step.operation, "input_spec", None), "axes", None) or {}  # as of a Dense layer
        try:
            if any(args[0].shape[axis] != n for axis, n in fixed.items()):
                raise ValueError(f"Expected {fixed}.")
            return step.operation.compute_output_spec(*args, **kwargs)
        except (TypeError, ValueError) as error:
            came = " and ".join(str(tuple(a.shape[1:])) for a in keras.tree.flatten(args) if hasattr(a, "shape"))
            raise ValueError(f"Layer {step.name!r} does not take {came}, as pictures of {size} would give.") from error

    tensors = [keras.KerasTensor((None, *shape), t.dtype) for shape, t in zip(inputs, model.inputs, strict=True)]
    outputs = run(all_steps, tensors, names, spec)
    return {
        name: [tuple(t.shape[1:]) for t in output] if isinstance(output, list) else tuple(output.shape[1:])
        for name, output in zip(names, outputs, strict=True)
    }


def _up_to(model: Any, last: str | None) -> list[Step]:
    names = [step.name for step in steps(model)]
    return steps(model)[: None if last is None else names.index(last) + 1]


# One axis. A unit looks at some positions of the layer before it; those see some pixels, of which the first and the
# last are kept. That loses nothing: the first pixel seen through several positions is the first of their first ones.


@dataclass(frozen=True)
class _Window:
    """Which positions of what comes in a position of what goes out looks at, along one axis."""

    looks_at: Callable[[np.ndarray], np.ndarray]  # positions (n,) -> positions (n, k), possibly outside
    moves: tuple[int, int]  # so many positions further going out is so many further coming in


_NOWHERE = np.iinfo(np.int64).min
_NOTHING = (np.iinfo(np.int64).max, 0)  # the interval that changes no other one it is joined with


def _window(kernel: int, stride: int = 1, dilation: int = 1, before: int = 0) -> _Window:
    taps = dilation * np.arange(kernel) - before
    return _Window(lambda i: stride * i[:, np.newaxis] + taps, (1, stride))


def _transposed_window(kernel: int, stride: int, dilation: int, before: int) -> _Window:
    taps = before - dilation * np.arange(kernel)

    def looks_at(i: np.ndarray) -> np.ndarray:
        at = i[:, np.newaxis] + taps  # where a convolution with this stride would put its kernel, if it puts it there
        return np.where(at % stride == 0, at // stride, _NOWHERE)

    return _Window(looks_at, (stride, 1))


def _resizing_window(comes_in: int, goes_out: int, interpolation: str) -> _Window:
    """Return the window of a change of size, pixels being areas: the middle of the first one is at 0.5.

    TensorFlow computes places in float32. Where it could round to either side, both sides count.
    """
    slack = 0 if _is_sharp(comes_in, goes_out) else 1
    unit = 2 * goes_out

    def looks_at(i: np.ndarray) -> np.ndarray:
        place = (2 * i + 1) * comes_in
        if interpolation == "nearest":
            return np.stack([(place - slack) // unit, place // unit], axis=1)
        place -= goes_out
        return np.stack([(place - slack) // unit, -((-place - slack) // unit)], axis=1)

    common = math.gcd(comes_in, goes_out)
    return _Window(looks_at, (goes_out // common, comes_in // common))


def _is_sharp(comes_in: int, goes_out: int) -> bool:
    return Fraction(comes_in, goes_out).denominator.bit_count() == 1  # float32 holds the ratio as it is


def _look(intervals: np.ndarray, window: _Window, count: int) -> np.ndarray:
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
class _Line:
    """The same without borders: what positions would see in a picture without end.

    After ``len(first)`` positions it begins anew, ``shift`` pixels further. That is after one, unless a layer enlarges.
    """

    first: np.ndarray
    behind: np.ndarray
    shift: int

    @property
    def stride(self) -> Fraction:
        return Fraction(self.shift, len(self.first))


def _fixed(first: float, behind: float) -> _Line:
    return _Line(np.array([first], float), np.array([behind], float), 0)


def _look_along(line: _Line | None, window: _Window) -> _Line | None:
    if line is None:
        return None
    period, (out, into) = len(line.first), window.moves
    times = period // math.gcd(period, into)
    index = window.looks_at(np.arange(out * times))
    turns, place = np.divmod(index, period)
    first = np.where(index == _NOWHERE, np.inf, line.first[place] + line.shift * turns)
    behind = np.where(index == _NOWHERE, -np.inf, line.behind[place] + line.shift * turns)
    return _Line(first.min(axis=1), behind.max(axis=1), line.shift * into * times // period)


def _union(lines: Sequence[_Line | None], pixels: int) -> _Line | None:
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
    return _Line(np.min(first, axis=0), np.max(behind, axis=0), lines[0].shift * period // len(lines[0].first))


# Both axes


@dataclass(frozen=True)
class _Field:
    """What the positions of a tensor see.

    Along one path through the network, rows and columns are independent: a position sees what its row and what its
    column sees, and nothing if either meets only padding. Paths that come together are joined if they agree on which
    positions see nothing, and kept beside each other as ``parts`` if they do not.
    """

    parts: list[tuple[np.ndarray, np.ndarray]]  # (rows, 2) and (columns, 2): first pixel and the one behind the last
    lines: tuple[_Line | None, _Line | None]
    size: tuple[int, int]  # of the picture
    uniform: bool = True  # all channels see the same
    bound: str = ""  # why units may see less
    scattered: str = ""  # why single units may see less, but not all of them together
    moving: str = ""  # why it depends on the picture


def _joined(parts: Sequence) -> list:
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


def _together(fields: Sequence[_Field], grid: tuple[int, int], uniform: bool) -> _Field:
    """Return what is seen through any of several tensors; one with a single position counts for all positions."""
    parts, lines = [], ([], [])
    for seen in fields:
        parts += [tuple(np.broadcast_to(a, (n, 2)) for a, n in zip(part, grid, strict=True)) for part in seen.parts]
        for axis in (0, 1):
            line, alone = seen.lines[axis], any(len(part[axis]) == 1 < grid[axis] for part in seen.parts)
            lines[axis].append(_fixed(line.first[0], line.behind[0]) if alone and line else line)
    return _Field(
        _joined(parts),
        tuple(_union(*each) for each in zip(lines, fields[0].size, strict=True)),
        fields[0].size,
        uniform,
        _first(fields, "bound"),
        _first(fields, "scattered"),
        _first(fields, "moving"),
    )


def _everything(fields: Sequence[_Field], grid: tuple[int, int]) -> _Field:
    """Return the field of positions that all see what any position of the tensors sees."""
    boxes = [[_hull(axis) for axis in part] for seen in fields for part in seen.parts]
    ends = [_hull(np.stack(axis)) for axis in zip(*boxes, strict=True)] or [np.zeros(2, int)] * 2
    whole = tuple(np.tile(e, (n, 1)) for e, n in zip(ends, grid, strict=True))
    bound, moving = _first(fields, "bound"), _first(fields, "moving")
    return _Field(_joined([whole]), tuple(_fixed(*e) for e in ends), fields[0].size, bound=bound, moving=moving)


def _first(fields: Sequence[_Field], reason: str) -> str:
    return next(filter(None, (getattr(f, reason) for f in fields)), "")


def _laid_out_anew(seen: _Field, grid: tuple[int, int], name: str) -> _Field:
    """Return the field of positions that are not the rows and columns of what comes in."""
    whole = _everything([seen], grid)
    same = len(seen.parts) == 1 and all((axis == axis[0]).all() for axis in seen.parts[0])
    why = "" if same else f"`{name}` lays positions out anew, so each of its units may see less than all do together."
    return replace(whole, uniform=seen.uniform, scattered=seen.scattered or why)


# Layers

_CONVOLUTION = (_L.Conv2D, _L.DepthwiseConv2D, _L.SeparableConv2D)
_POOLING = (_L.MaxPooling2D, _L.AveragePooling2D)
_GLOBAL = (_L.GlobalAveragePooling2D, _L.GlobalMaxPooling2D, _L.GlobalAveragePooling1D, _L.GlobalMaxPooling1D)
_MERGING = (_L.Add, _L.Subtract, _L.Multiply, _L.Average, _L.Maximum, _L.Minimum)
_POINTWISE = (  # in inference mode
    *(_L.ReLU, _L.LeakyReLU, _L.PReLU, _L.ELU, _L.BatchNormalization, _L.Normalization, _L.Rescaling, _L.Identity),
    *(_L.Dropout, _L.SpatialDropout2D, _L.AlphaDropout, _L.GaussianDropout, _L.GaussianNoise),
    _L.ActivityRegularization,
)
_ALONG_CHANNELS = (_L.Softmax, _L.LayerNormalization)
_REDUCTIONS = {"Mean", "Average", "Max", "Amax", "Min", "Amin", "Sum", "Prod", "Var", "Std"}


def _is(operation: Any, classes: Any) -> bool:
    """Say whether an operation is of these classes of Keras and computes as they do."""
    own = [cls for cls in type(operation).__mro__ if not cls.__module__.startswith("keras.")]
    changed = any({"call", "__call__", "convolution_op"} & vars(cls).keys() for cls in own if cls is not object)
    return isinstance(operation, classes) and not changed


def _plain(operation: Any) -> str:
    """Return the name of an operation that is no layer, such as ``GetItem``; of a layer nothing."""
    return "" if isinstance(operation, _L.Layer) else type(operation).__name__


def _along(axis: Any, rank: int) -> set[int]:
    """Return axes counted from the batch, which is 0; ``rank`` is the number of the others."""
    return {int(a) % (rank + 1) for a in np.ravel(axis)} if axis is not None else set(range(rank + 1))


def _grid(shape: tuple) -> tuple[int, int]:
    return shape[:2] if len(shape) == 3 else (1, 1)


def _seen_by(step: Step, fields: list[_Field], inputs: list[tuple], output: tuple) -> _Field:
    """Return what the positions of a step's output see.

    Args:
        step: A layer or operation.
        fields: What its inputs see, as far as they depend on the picture.
        inputs: The shapes of those.
        output: The shape of what goes out.
    """
    layer, seen, grid, rank = step.operation, fields[0], _grid(output), len(inputs[0])
    windows = _windows(step, inputs[0], output) if len(fields) == 1 and rank == len(output) == 3 else None
    if windows is not None:
        seen = _through(step, seen, windows, inputs[0], output)
    elif _keeps_position(layer, inputs[0], output):
        seen = replace(seen, uniform=seen.uniform or isinstance(layer, (_L.Dense, *_ALONG_CHANNELS)))
    elif _is(layer, _MERGING):
        seen = _together(fields, grid, all(f.uniform for f in fields))
    elif _is(layer, _L.Concatenate) and _along(layer.axis, rank) == {rank}:
        seen = _together(fields, grid, _alike(fields))
    elif _is(layer, (*_GLOBAL, _L.Dense, _L.GroupNormalization)) or _reduces_positions(layer, rank):
        seen = _everything(fields, grid)
    elif _is(layer, (_L.Flatten, _L.Reshape, _L.Permute)) or _plain(layer) in ("Reshape", "Transpose"):
        seen = _laid_out_anew(seen, grid, step.name)
    else:
        return _traced(step, fields, grid, reading(*traceable(step)))
    function = getattr(layer, "activation", None)
    if function is None or function in vars(keras.activations).values():
        return seen
    return _traced(step, [seen], grid, reading(function, [output], [step._node.outputs[0].dtype]))


def _keeps_position(layer: Any, shape_in: tuple, shape_out: tuple) -> bool:
    rank = len(shape_in)
    if _is(layer, _ALONG_CHANNELS):
        return _along(layer.axis, rank) == {rank}
    if _is(layer, _L.Dense):
        return rank > 1
    if _is(layer, _L.Reshape) or _plain(layer) == "Reshape":
        return shape_in == shape_out
    return _is(layer, _POINTWISE) or _is(layer, _L.Activation)  # its function is looked at by the caller


def _reduces_positions(operation: Any, rank: int) -> bool:
    if rank != 3 or _plain(operation) not in _REDUCTIONS:
        return False
    return {1, 2} <= _along(operation.axis, rank) <= {1, 2, 3}


def _alike(fields: list[_Field]) -> bool:
    """Say whether all channels of tensors that are put side by side see the same."""
    first = [axis for part in fields[0].parts for axis in part]
    others = [[axis for part in f.parts for axis in part] for f in fields[1:]]
    return all(f.uniform for f in fields) and all(
        len(axes) == len(first) and all(map(np.array_equal, axes, first)) for axes in others
    )


def _windows(step: Step, shape_in: tuple, shape_out: tuple) -> list[_Window] | None:
    """Return at which rows and at which columns a step looks, None if it is no such layer."""
    layer, sizes = step.operation, list(zip(shape_in[:2], shape_out[:2], strict=True))
    if _is(layer, _CONVOLUTION + _POOLING):
        pools = isinstance(layer, _POOLING)
        kernel, dilation = (layer.pool_size, (1, 1)) if pools else (layer.kernel_size, layer.dilation_rate)
        return [
            _window(k, s, d, _before(layer, k, s, d, *n))
            for k, s, d, n in zip(kernel, layer.strides, dilation, sizes, strict=True)
        ]
    if _is(layer, _L.Conv2DTranspose):  # the reverse of a convolution that has its output as input
        return [
            _transposed_window(k, s, d, _before(layer, k, s, d, *reversed(n)))
            for k, s, d, n in zip(layer.kernel_size, layer.strides, layer.dilation_rate, sizes, strict=True)
        ]
    if _is(layer, _L.ZeroPadding2D):
        return [_window(1, before=before) for before, _ in layer.padding]
    if _is(layer, _L.Cropping2D):
        return [_window(1, before=-before) for before, _ in layer.cropping]
    if _is(layer, _L.UpSampling2D) and layer.interpolation == "nearest":
        return [_Window(lambda i, f=factor: i[:, np.newaxis] // f, (factor, 1)) for factor in layer.size]
    if _is(layer, _L.UpSampling2D) and layer.interpolation == "bilinear":
        return [_resizing_window(*n, "bilinear") for n in sizes]
    if _is(layer, _L.Resizing) and layer.interpolation in ("nearest", "bilinear"):
        plain = not (layer.antialias or layer.crop_to_aspect_ratio or layer.pad_to_aspect_ratio)
        return [_resizing_window(*n, layer.interpolation) for n in sizes] if plain else None
    if _plain(layer) == "GetItem":
        return _slice_windows(step._node.arguments.args[1], shape_in)
    return None


def _slice_windows(key: Any, shape: tuple) -> list[_Window] | None:
    """Return the windows of ``x[:, 1::2, ::2]``, None if the key is of another kind or takes single channels."""
    rest = [slice(None)] * 4
    key = list(key) if isinstance(key, tuple) else [key]
    if not all(isinstance(part, slice) for part in key) or (key + rest[len(key) :])[::3] != rest[::3]:
        return None
    starts_and_steps = [part.indices(n)[::2] for part, n in zip((key + rest)[1:3], shape, strict=False)]
    return [_Window(lambda i, a=a, b=b: a + b * i[:, np.newaxis], (1, b)) for a, b in starts_and_steps]


def _before(layer: Any, kernel: int, stride: int, dilation: int, n_in: int, n_out: int) -> int:
    """Return how many rows of padding stand before the first: TensorFlow's "same" puts the smaller half there."""
    if layer.padding == "valid":
        return 0
    return max((n_out - 1) * stride + (kernel - 1) * dilation + 1 - n_in, 0) // 2


def _through(step: Step, seen: _Field, windows: list[_Window], shape_in: tuple, shape_out: tuple) -> _Field:
    layer = step.operation
    parts = [
        tuple(_look(axis, window, n) for axis, window, n in zip(part, windows, shape_out[:2], strict=True))
        for part in seen.parts
    ]
    mixes = _is(layer, (_L.Conv2D, _L.Conv2DTranspose, _L.SeparableConv2D)) and getattr(layer, "groups", 1) == 1
    between = getattr(layer, "interpolation", "nearest") == "bilinear" or isinstance(layer, _L.Resizing)
    bound = seen.bound
    if between and not all(map(_is_sharp, shape_in[:2], shape_out[:2])):
        bound = bound or f"`{step.name}` may round places between pixels to either side."
    return replace(
        seen,
        parts=_joined(parts),
        lines=tuple(map(_look_along, seen.lines, windows)),
        uniform=seen.uniform or mixes,
        bound=bound,
    )


def _traced(step: Step, fields: list[_Field], grid: tuple[int, int], what: str) -> _Field:
    """Return the field behind something that has no rule here, by what it does with positions."""
    name = f"`{step.name}` ({type(step.operation).__name__.lstrip('_')})"
    fits = all(len(axis) in (1, n) for f in fields for part in f.parts for axis, n in zip(part, grid, strict=True))
    if what in ("its position", "some channels") and fits:
        seen = _together(fields, grid, _alike(fields))
        if what == "some channels" and not seen.uniform:
            seen = replace(seen, bound=seen.bound or f"{name} takes some of the channels, which may see less.")
        return seen
    seen = _everything(fields, grid)
    if what == "the data say":
        return replace(seen, moving=seen.moving or f"{name} reads at places that are computed from the picture.")
    return replace(seen, bound=seen.bound or f"{name} has no rule here: it may not see all that comes into it.")


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
    for step in _up_to(model, last):
        outputs = shapes[step.name] if isinstance(shapes[step.name], list) else [shapes[step.name]]
        comes_in = [seen[key] for key, _ in step._arguments.values()]
        comes_in = [(field_in, shape) for field_in, shape in comes_in if field_in is not None]
        if step.name == picture:
            pixels = [np.stack([np.arange(n), np.arange(n) + 1], axis=1) for n in size]
            fields = [_Field([tuple(pixels)], (_Line(np.zeros(1), np.ones(1), 1),) * 2, size)]
        elif not comes_in:
            fields = [None] * len(outputs)
        else:
            if any(None in _grid(shape) for shape in outputs):
                raise ValueError(
                    f"The size of what layer {step.name!r} gives is not known, so neither is what it sees."
                )
            fields = [_seen_by(step, *map(list, zip(*comes_in, strict=True)), shape) for shape in outputs]
        seen.update(zip(step._results, zip(fields, outputs, strict=True), strict=True))
        found[step.name] = fields[0] and _summary(step.name, fields[0], outputs[0])
    return found


def _summary(layer: str, seen: _Field, shape: tuple) -> ReceptiveField:
    why = seen.moving or seen.bound or seen.scattered
    kind = "data-dependent" if seen.moving else "upper bound" if why else "exact"
    if not why and not seen.uniform:
        why = "Its channels come from branches that see differently: this is the box around all of them."
    size, stride, offset = [], [], []
    for axis, line in enumerate(seen.lines):
        if line is None:
            boxes = ReceptiveField(layer, kind, (), (), (), seen.size, _grid(shape), why, seen.parts).boxes()
            values = int((boxes[..., axis + 2] - boxes[..., axis]).max()), math.nan, math.nan
        else:
            sizes, step = line.behind - line.first, line.stride
            first = int(line.first[0]) if sizes[0] > 0 else math.nan
            values = int(sizes.max()), int(step) if step.denominator == 1 else float(step), first
        for column, value in zip((size, stride, offset), values, strict=True):
            column.append(value)
    size, stride, offset = tuple(size), tuple(stride), tuple(offset)
    return ReceptiveField(layer, kind, size, stride, offset, seen.size, _grid(shape), why, seen.parts)
