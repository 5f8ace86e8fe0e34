"""How each kind of layer computes one of its numbers: the terms it adds up, and what it does with the sum."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from coursekit.networks import kinds
from coursekit.networks.backend import keras
from coursekit.networks.graph import Step
from coursekit.networks.kinds import computes_as, operation_name
from coursekit.networks.tracing import is_elementwise, traceable
from coursekit.techniques.arithmetic_functions import is_function
from coursekit.techniques.arithmetic_probes import mixed, moved
from coursekit.techniques.arithmetic_terms import Parts, Source, Term, Window, number_of
from coursekit.techniques.field_rules import windows_of

_L = keras.layers


def parts_of(step: Step, sources: list[Source], place: tuple[int, ...], shape: tuple[int, ...]) -> Parts | None:
    """Return what one number of a layer is made of, None if there is no rule for the layer.

    Args:
        step: A layer or operation.
        sources: What comes in, in its order.
        place: Where the number stands, without the batch.
        shape: Of what goes out, without the batch.
    """
    layer, name = step.operation, operation_name(step.operation)
    if computes_as(layer, kinds.SUMMING):
        merge = next(cls.__name__ for cls in kinds.SUMMING if isinstance(layer, cls))
        return _merged(merge, [(source, None) for source in sources], place)
    if name in _MERGES:
        return _merged(_MERGES[name], _operands(step, sources), place, shape)
    if computes_as(layer, _L.Concatenate) or name == "Concatenate":
        return moved("concatenation", step, sources, place)
    if len(sources) != 1:
        return None
    source = sources[0]
    for classes, rule in _RULES.items():
        if computes_as(layer, classes):
            return rule(step, source, place, shape)
    if computes_as(layer, tuple(_MOVES)):
        return moved(next(kind for cls, kind in _MOVES.items() if isinstance(layer, cls)), step, sources, place)
    if name in _MOVING:
        return moved("reshape", step, sources, place)
    if name in ("Mean", "Sum", "Max", "Amax"):
        return _reduced(step, source, place, name)
    if is_function(step):
        return Parts("activation", [source.term(place)])
    return mixed(step, source, place, shape) or (
        Parts("activation", [source.term(place)]) if is_elementwise(*traceable(step)) else None
    )


def compared(step: Step, sources: list[Source], place: tuple, shape: tuple, axis: Any) -> np.ndarray | None:
    """Return (n,) all the numbers that a softmax at the end of a step compares, None if it does so in another way."""
    if np.ndim(axis) or axis == 0:
        return None
    at = axis - 1 if axis > 0 else axis + len(shape)
    if not computes_as(step.operation, kinds.WITH_ACTIVATION):  # a softmax by itself
        along = np.moveaxis(sources[0].values, at, -1)[place[:at] + place[at + 1 :]]
        return along.astype(np.float64)
    if isinstance(step.operation, _L.Dense) and at == len(shape) - 1:
        bias = number_of(step.operation.bias) if step.operation.use_bias else 0.0
        return sources[0].values[place[:-1]].astype(np.float64) @ number_of(step.operation.kernel) + bias
    everywhere = [parts_of(step, sources, (*place[:at], i, *place[at + 1 :]), shape) for i in range(shape[at])]
    return np.array([parts.before for parts in everywhere])


# Convolutions, dense layers


def _look(source: Source, step: Step, place: tuple, shape: tuple) -> tuple:
    """Return rows, columns, padding, and the patch of all channels, 0 where there is padding."""
    windows = windows_of(step, source.values.shape, shape)
    rows, columns = (w.looks_at(np.array([i]))[0] for w, i in zip(windows, place[:2], strict=True))
    height, width = source.values.shape[:2]
    outside = [(at < 0) | (at >= n) for at, n in ((rows, height), (columns, width))]
    padding = outside[0][:, np.newaxis] | outside[1]
    patch = source.values[np.ix_(rows.clip(0, height - 1), columns.clip(0, width - 1))].astype(np.float64)
    return rows, columns, padding, np.where(padding[..., np.newaxis], 0.0, patch)


def _convolution(step: Step, source: Source, place: tuple, shape: tuple) -> Parts:
    layer, out = step.operation, place[-1]
    rows, columns, padding, patch = _look(source, step, place, shape)
    first = 0
    if isinstance(layer, _L.SeparableConv2D):  # the two kernels, one behind the other, are one
        kind, depthwise = "separable convolution", number_of(layer.depthwise_kernel)
        mix = number_of(layer.pointwise_kernel[0, 0, :, out]).reshape(depthwise.shape[2:])
        kernel = (depthwise * mix).sum(axis=-1)
    elif isinstance(layer, _L.DepthwiseConv2D):
        first, multiple = divmod(out, layer.depth_multiplier)
        kind, kernel = "depthwise convolution", number_of(layer.kernel[:, :, first : first + 1, multiple])
    elif isinstance(layer, _L.Conv2DTranspose):
        kind, kernel = "transposed convolution", number_of(layer.kernel[:, :, out])
    else:
        kind, kernel = "convolution", number_of(layer.kernel[..., out])
        first = out // (layer.filters // layer.groups) * kernel.shape[-1]  # of the channels of its group
    channels = first + np.arange(kernel.shape[-1])
    patch = patch[..., channels]
    window = Window(rows, columns, channels, patch, kernel, padding)
    bias = float(layer.bias[out]) if layer.use_bias else 0.0
    return Parts(kind, _by_channel(source.layer, window), bias, window=window)


def _by_channel(layer: str, window: Window) -> list[Term]:
    """Return a term for each input channel: the sum over the window, and where in it the largest product is."""
    if window.padding.all():
        return []
    count = len(window.channels)
    products = window.patch * window.kernel
    sums = products.sum(axis=(0, 1))
    sizes = np.where(window.padding[..., np.newaxis], -1, np.abs(products)).reshape(-1, count)
    at = np.unravel_index(sizes.argmax(axis=0), window.padding.shape)
    values, weights = (array[(*at, np.arange(count))] for array in (window.patch, window.kernel))
    places = zip(window.rows[at[0]].tolist(), window.columns[at[1]].tolist(), window.channels.tolist(), strict=True)
    numbers = zip(places, values.tolist(), weights.tolist(), sums.tolist(), strict=True)
    return [Term(layer, *each) for each in numbers]


def _dense(step: Step, source: Source, place: tuple, shape: tuple) -> Parts:
    layer = step.operation
    weights, values = number_of(layer.kernel[:, place[-1]]), source.values[place[:-1]].astype(np.float64)
    places = ((*place[:-1], i) for i in range(len(values)))
    numbers = zip(places, values.tolist(), weights.tolist(), (values * weights).tolist(), strict=True)
    bias = float(layer.bias[place[-1]]) if layer.use_bias else 0.0
    return Parts("dense", [Term(source.layer, *each) for each in numbers], bias)


# Pooling


def _pooling(step: Step, source: Source, place: tuple, shape: tuple) -> Parts:
    rows, columns, padding, patch = _look(source, step, place, shape)
    largest = isinstance(step.operation, kinds.MAX_POOLINGS)
    patch = patch[..., place[-1] :][..., :1]
    if largest:
        kernel = np.zeros(patch.shape)
        kernel.flat[np.where(padding, -np.inf, patch[..., 0]).argmax()] = 1
    else:  # Keras counts the places that are no padding
        kernel = np.where(padding[..., np.newaxis], 0, 1 / (~padding).sum())
    window = Window(rows, columns, np.array(place[-1:]), patch, kernel, padding)
    terms = [source.term((rows[i], columns[j], place[-1]), kernel[i, j, 0]) for i, j in np.argwhere(~padding)]
    kind = "max pooling" if largest else "average pooling"
    return Parts(kind, terms, window=window, details={"counted": len(terms)})


def _pooled(source: Source, axes: set[int], place: tuple, kept: bool, how: str) -> list[Term]:
    """Return the terms of a mean, sum or maximum along axes."""
    rest = iter(place)
    ranges = []
    for axis, n in enumerate(source.values.shape):
        if axis in axes:
            ranges.append(range(n))
            if kept:
                next(rest)
        else:
            ranges.append([next(rest)])
    values = source.values[np.ix_(*ranges)].astype(np.float64)
    weights = np.full(values.shape, 1.0 if how == "sum" else 1 / values.size)
    if how == "max":
        weights = np.zeros(values.shape)
        weights.flat[values.argmax()] = 1
    places = np.stack(np.meshgrid(*ranges, indexing="ij"), axis=-1).reshape(-1, values.ndim)
    return [source.term(at, weight) for at, weight in zip(places, weights.flat, strict=True)]


def _global_pooling(step: Step, source: Source, place: tuple, shape: tuple) -> Parts:
    largest = isinstance(step.operation, kinds.GLOBAL_MAX)
    axes = set(range(source.values.ndim - 1))
    terms = _pooled(source, axes, place, step.operation.keepdims, "max" if largest else "mean")
    kind = "global max pooling" if largest else "global average pooling"
    return Parts(kind, terms, details={"counted": len(terms)})


def _reduced(step: Step, source: Source, place: tuple, name: str) -> Parts | None:
    """Return the terms of ``keras.ops.mean`` and its like, if the axes are not those of the batch."""
    operation, rank = step.operation, source.values.ndim
    if operation.axis is None:
        return None
    axes = {int(axis) % (rank + 1) - 1 for axis in np.ravel(operation.axis)}
    if -1 in axes:
        return None
    how = {"Mean": "mean", "Sum": "sum"}.get(name, "max")
    terms = _pooled(source, axes, place, operation.keepdims, how)
    return Parts({"mean": "average", "sum": "addition", "max": "maximum"}[how], terms, details={"counted": len(terms)})


# Several numbers laid on each other


_MERGES = {
    **{name: name for name in ("Add", "Subtract", "Multiply", "Maximum", "Minimum")},
    **{"Divide": "Divide", "TrueDivide": "Divide"},
}
_KINDS = {"Add": "addition", "Subtract": "subtraction", "Multiply": "multiplication", "Divide": "division"}
_KINDS |= {"Average": "average", "Maximum": "maximum", "Minimum": "minimum"}


def _operands(step: Step, sources: list[Source]) -> list[tuple[Source | None, Any]]:
    """Return what an operation is called with: (source, None) or (None, constant)."""
    comes_in, arguments = iter(sources), step._node.arguments
    given = keras.tree.flatten((arguments.args, arguments.kwargs))
    return [(next(comes_in), None) if isinstance(one, keras.KerasTensor) else (None, one) for one in given]


def _merged(name: str, operands: list, place: tuple, shape: tuple = ()) -> Parts | None:
    numbers: list = []
    for source, constant in operands:
        if source is None:
            numbers.append(float(np.broadcast_to(number_of(constant), (1, *shape))[(0, *place)]))
        elif shape and source.values.ndim != len(place):  # an operation lays axes on each other from the last one on
            return None
        else:
            numbers.append(source.term(source.below(place)))
    values = [one.value if isinstance(one, Term) else one for one in numbers]
    weights = [1.0] * len(numbers)
    if name == "Subtract":
        weights[1] = -1.0
    elif name == "Average":
        weights = [1 / len(numbers)] * len(numbers)
    elif name in ("Maximum", "Minimum"):
        best = int(np.argmax(values) if name == "Maximum" else np.argmin(values))
        weights = [float(n == best) for n in range(len(numbers))]
    elif name in ("Multiply", "Divide"):
        factors = list(values)
        if name == "Divide":
            factors[1] = 1 / values[1]
        if all(isinstance(one, Term) for one in numbers):
            terms = [replace(term, product=factor) for term, factor in zip(numbers, factors, strict=True)]
            return Parts(_KINDS[name], terms, multiplied=True)
        if not isinstance(numbers[0], Term) and name == "Divide":  # constant / x
            return Parts(_KINDS[name], [replace(numbers[1], weight=values[0], product=factors[1] * values[0])])
        constant = next(f for one, f in zip(numbers, factors, strict=True) if not isinstance(one, Term))
        weights = [constant] * 2
    terms, bias = [], 0.0
    for one, value, weight in zip(numbers, values, weights, strict=True):
        if isinstance(one, Term):
            terms.append(replace(one, weight=weight, product=value * weight))
        elif name not in ("Multiply", "Divide"):
            bias += value * weight
    return Parts(_KINDS[name], terms, bias)


# One number, scaled


def _batch_normalization(step: Step, source: Source, place: tuple, shape: tuple) -> Parts:
    layer, at = step.operation, place[step.operation.axis if step.operation.axis < 0 else step.operation.axis - 1]
    mean, variance = float(layer.moving_mean[at]), float(layer.moving_variance[at])
    gamma = float(layer.gamma[at]) if layer.scale else 1.0
    beta = float(layer.beta[at]) if layer.center else 0.0
    return _standardized("batch normalization", source.term(place), mean, variance, layer.epsilon, gamma, beta)


def _standardized(
    kind: str, term: Term, mean: float, variance: float, epsilon: float, gamma: float, beta: float
) -> Parts:
    """Return (value - mean) / sqrt(variance + epsilon) * gamma + beta as a weight and a bias."""
    weight = gamma / np.sqrt(variance + epsilon)
    details = {"mean": mean, "variance": variance, "epsilon": epsilon, "gamma": gamma, "beta": beta}
    term = replace(term, weight=float(weight), product=float(term.value * weight))
    return Parts(kind, [term], float(beta - mean * weight), details=details)


def _layer_normalization(step: Step, source: Source, place: tuple, shape: tuple) -> Parts | None:
    layer = step.operation
    axes = {int(axis) % (len(place) + 1) for axis in np.ravel(layer.axis)}
    if axes != {len(place)} or getattr(layer, "rms_scaling", False):
        return None
    along = source.values[place[:-1]].astype(np.float64)
    gamma = float(layer.gamma[place[-1]]) if layer.scale else 1.0
    beta = float(layer.beta[place[-1]]) if layer.center else 0.0
    numbers = float(along.mean()), float(along.var()), layer.epsilon, gamma, beta
    return _standardized("layer normalization", source.term(place), *numbers)


def _normalization(step: Step, source: Source, place: tuple, shape: tuple) -> Parts:
    layer = step.operation
    mean, variance = (
        float(np.broadcast_to(number_of(n), (1, *source.values.shape))[(0, *place)])
        for n in (layer.mean, layer.variance)
    )
    deviation = max(np.sqrt(variance), keras.config.epsilon())
    weight, bias = (deviation, mean) if layer.invert else (1 / deviation, -mean / deviation)
    details = {"mean": mean, "variance": variance}
    return Parts("normalization", [source.term(place, weight)], float(bias), details=details)


def _rescaling(step: Step, source: Source, place: tuple, shape: tuple) -> Parts:
    scale, offset = (
        float(np.broadcast_to(number_of(n), source.values.shape)[place])
        for n in (step.operation.scale, step.operation.offset)
    )
    return Parts("rescaling", [source.term(place, scale)], offset, details={"scale": scale, "offset": offset})


def _same_place(kind: str) -> Callable:
    return lambda step, source, place, shape: Parts(kind, [source.term(place)])


_MOVES = {
    **{_L.Flatten: "reshape", _L.Reshape: "reshape", _L.Permute: "reshape", _L.RepeatVector: "reshape"},
    **dict.fromkeys((_L.ZeroPadding1D, _L.ZeroPadding2D, _L.ZeroPadding3D), "zero padding"),
    **dict.fromkeys((_L.Cropping1D, _L.Cropping2D, _L.Cropping3D), "cropping"),
    **dict.fromkeys(kinds.UPSAMPLINGS, "upsampling"),
}
_MOVING = {"GetItem", "Reshape", "Transpose", "Squeeze", "ExpandDims", "Flip", "Repeat", "Moveaxis", "Swapaxes"}
_MOVING |= {"BroadcastTo", "Ravel"}
_RULES: dict = {
    kinds.WITH_KERNELS_2D: _convolution,
    _L.Dense: _dense,
    kinds.POOLINGS_2D: _pooling,
    kinds.GLOBAL_POOLINGS: _global_pooling,
    _L.BatchNormalization: _batch_normalization,
    _L.LayerNormalization: _layer_normalization,
    _L.Normalization: _normalization,
    _L.Rescaling: _rescaling,
    (*kinds.NOISES, _L.Identity, _L.ActivityRegularization): _same_place("identity"),
}
