"""What a layer does to the fields of what comes into it: a rule for each kind of layer."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from coursekit.networks import kinds
from coursekit.networks.backend import keras
from coursekit.networks.graph import Step
from coursekit.networks.kinds import computes_as, operation_name
from coursekit.networks.tracing import Source, source, traceable
from coursekit.techniques.fields import (
    Field,
    Window,
    everything,
    is_sharp,
    joined,
    laid_out_anew,
    look,
    look_along,
    resizing_window,
    together,
    transposed_window,
    window_of,
)

_L = keras.layers
_CONVOLUTIONS = (_L.Conv2D, _L.DepthwiseConv2D, _L.SeparableConv2D)
_ALONG_CHANNELS = (_L.Softmax, _L.LayerNormalization)
_REDUCTIONS = {"Mean", "Average", "Max", "Amax", "Min", "Amin", "Sum", "Prod", "Var", "Std"}


def _along(axis: Any, rank: int) -> set[int]:
    """Return axes counted from the batch, which is 0; ``rank`` is the number of the others."""
    return {int(a) % (rank + 1) for a in np.ravel(axis)} if axis is not None else set(range(rank + 1))


def grid_of(shape: tuple) -> tuple[int, int]:
    """Return (rows, columns) of a shape without the batch; (1, 1) where it has no positions."""
    return shape[:2] if len(shape) == 3 else (1, 1)


def seen_by(step: Step, fields: list[Field], inputs: list[tuple], output: tuple) -> Field:
    """Return what the positions of a step's output see.

    Args:
        step: A layer or operation.
        fields: What its inputs see, as far as they depend on the picture.
        inputs: The shapes of those.
        output: The shape of what goes out.
    """
    layer, seen, grid, rank = step.operation, fields[0], grid_of(output), len(inputs[0])
    windows = windows_of(step, inputs[0], output) if len(fields) == 1 and rank == len(output) == 3 else None
    if windows is not None:
        seen = _through(step, seen, windows, inputs[0], output)
    elif _keeps_position(layer, inputs[0], output):
        seen = replace(seen, uniform=seen.uniform or isinstance(layer, (_L.Dense, *_ALONG_CHANNELS)))
    elif computes_as(layer, kinds.SUMMING):
        seen = together(fields, grid, all(f.uniform for f in fields))
    elif computes_as(layer, _L.Concatenate) and _along(layer.axis, rank) == {rank}:
        seen = together(fields, grid, _alike(fields))
    elif computes_as(layer, (*kinds.GLOBAL_POOLINGS, _L.Dense, _L.GroupNormalization)) or _reduces_positions(
        layer, rank
    ):
        seen = everything(fields, grid)
    elif computes_as(layer, (_L.Flatten, _L.Reshape, _L.Permute)) or operation_name(layer) in ("Reshape", "Transpose"):
        seen = laid_out_anew(seen, grid, step.name)
    else:
        return _traced(step, fields, grid, source(*traceable(step)))
    function = getattr(layer, "activation", None)
    if function is None or function in vars(keras.activations).values():
        return seen
    return _traced(step, [seen], grid, source(function, [output], [step.dtype]))


def _keeps_position(layer: Any, shape_in: tuple, shape_out: tuple) -> bool:
    rank = len(shape_in)
    if computes_as(layer, _ALONG_CHANNELS):
        return _along(layer.axis, rank) == {rank}
    if computes_as(layer, _L.Dense):
        return rank > 1
    if computes_as(layer, _L.Reshape) or operation_name(layer) == "Reshape":
        return shape_in == shape_out
    return computes_as(layer, kinds.POINTWISE) or computes_as(
        layer, _L.Activation
    )  # its function is looked at by the caller


def _reduces_positions(operation: Any, rank: int) -> bool:
    if rank != 3 or operation_name(operation) not in _REDUCTIONS:
        return False
    return {1, 2} <= _along(operation.axis, rank) <= {1, 2, 3}


def _alike(fields: list[Field]) -> bool:
    """Say whether all channels of tensors that are put side by side see the same."""
    first = [axis for part in fields[0].parts for axis in part]
    others = [[axis for part in f.parts for axis in part] for f in fields[1:]]
    return all(f.uniform for f in fields) and all(
        len(axes) == len(first) and all(map(np.array_equal, axes, first)) for axes in others
    )


def windows_of(step: Step, shape_in: tuple, shape_out: tuple) -> list[Window] | None:
    """Return at which rows and at which columns a step looks, None if it is no such layer."""
    layer, sizes = step.operation, list(zip(shape_in[:2], shape_out[:2], strict=True))
    if computes_as(layer, _CONVOLUTIONS + kinds.POOLINGS_2D):
        pools = isinstance(layer, kinds.POOLINGS_2D)
        kernel, dilation = (layer.pool_size, (1, 1)) if pools else (layer.kernel_size, layer.dilation_rate)
        return [
            window_of(k, s, d, _before(layer, k, s, d, *n))
            for k, s, d, n in zip(kernel, layer.strides, dilation, sizes, strict=True)
        ]
    if computes_as(layer, _L.Conv2DTranspose):  # the reverse of a convolution that has its output as input
        return [
            transposed_window(k, s, d, _before(layer, k, s, d, *reversed(n)))
            for k, s, d, n in zip(layer.kernel_size, layer.strides, layer.dilation_rate, sizes, strict=True)
        ]
    if computes_as(layer, _L.ZeroPadding2D):
        return [window_of(1, before=before) for before, _ in layer.padding]
    if computes_as(layer, _L.Cropping2D):
        return [window_of(1, before=-before) for before, _ in layer.cropping]
    if computes_as(layer, _L.UpSampling2D) and layer.interpolation == "nearest":
        return [Window(lambda i, f=factor: i[:, np.newaxis] // f, (factor, 1)) for factor in layer.size]
    if computes_as(layer, _L.UpSampling2D) and layer.interpolation == "bilinear":
        return [resizing_window(*n, "bilinear") for n in sizes]
    if computes_as(layer, _L.Resizing) and layer.interpolation in ("nearest", "bilinear"):
        plain = not (layer.antialias or layer.crop_to_aspect_ratio or layer.pad_to_aspect_ratio)
        return [resizing_window(*n, layer.interpolation) for n in sizes] if plain else None
    if operation_name(layer) == "GetItem":
        return _slice_windows(step.arguments[1], shape_in)
    return None


def _slice_windows(key: Any, shape: tuple) -> list[Window] | None:
    """Return the windows of ``x[:, 1::2, ::2]``, None if the key is of another kind or takes single channels."""
    rest = [slice(None)] * 4
    key = list(key) if isinstance(key, tuple) else [key]
    if not all(isinstance(part, slice) for part in key) or (key + rest[len(key) :])[::3] != rest[::3]:
        return None
    starts_and_steps = [part.indices(n)[::2] for part, n in zip((key + rest)[1:3], shape, strict=False)]
    return [Window(lambda i, a=a, b=b: a + b * i[:, np.newaxis], (1, b)) for a, b in starts_and_steps]


def _before(layer: Any, kernel: int, stride: int, dilation: int, n_in: int, n_out: int) -> int:
    """Return how many rows of padding stand before the first: TensorFlow's "same" puts the smaller half there."""
    if layer.padding == "valid":
        return 0
    return max((n_out - 1) * stride + (kernel - 1) * dilation + 1 - n_in, 0) // 2


def _through(step: Step, seen: Field, windows: list[Window], shape_in: tuple, shape_out: tuple) -> Field:
    layer = step.operation
    parts = [
        tuple(look(axis, window, n) for axis, window, n in zip(part, windows, shape_out[:2], strict=True))
        for part in seen.parts
    ]
    mixes = computes_as(layer, (_L.Conv2D, _L.Conv2DTranspose, _L.SeparableConv2D)) and getattr(layer, "groups", 1) == 1
    between = getattr(layer, "interpolation", "nearest") == "bilinear" or isinstance(layer, _L.Resizing)
    bound = seen.bound
    if between and not all(map(is_sharp, shape_in[:2], shape_out[:2])):
        bound = bound or f"`{step.name}` may round places between pixels to either side."
    return replace(
        seen,
        parts=joined(parts),
        lines=tuple(map(look_along, seen.lines, windows)),
        uniform=seen.uniform or mixes,
        bound=bound,
    )


def _traced(step: Step, fields: list[Field], grid: tuple[int, int], what: Source) -> Field:
    """Return the field behind something that has no rule here, by what it does with positions."""
    name = f"`{step.name}` ({type(step.operation).__name__.lstrip('_')})"
    fits = all(len(axis) in (1, n) for f in fields for part in f.parts for axis, n in zip(part, grid, strict=True))
    if what in (Source.POSITION, Source.CHANNELS) and fits:
        seen = together(fields, grid, _alike(fields))
        if what is Source.CHANNELS and not seen.uniform:
            seen = replace(seen, bound=seen.bound or f"{name} takes some of the channels, which may see less.")
        return seen
    seen = everything(fields, grid)
    if what is Source.DATA:
        return replace(seen, moving=seen.moving or f"{name} reads at places that are computed from the picture.")
    return replace(seen, bound=seen.bound or f"{name} has no rule here: it may not see all that comes into it.")
