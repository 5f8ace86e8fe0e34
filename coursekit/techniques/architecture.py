"""What a network is made of: a row per layer, what each costs, and what looks wrong."""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from coursekit.networks import kinds
from coursekit.networks.backend import keras
from coursekit.networks.graph import Step, steps
from coursekit.networks.kinds import function_name, type_name
from coursekit.networks.shapes import output_shapes
from coursekit.techniques.architecture_flags import flags_of
from coursekit.techniques.receptive_field import receptive_fields

_L = keras.layers
# Have weights, and by custom are not counted: one multiplication for each number, not for each connection.
_UNCOUNTED = (_L.BatchNormalization, _L.LayerNormalization, _L.Normalization, _L.Embedding, _L.PReLU)


def architecture(model: Any) -> pd.DataFrame:
    """Return a table of a network's layers: what they are, what they cost, what looks wrong.

    Args:
        model: A Keras model: Sequential, functional, nested, with any number of inputs and outputs.

    Returns:
        A row per layer in the order of computation, the input being row 0; nested models are laid flat. Columns:

        - ``layer``: the name that ``activations`` and the other techniques take.
        - ``type``: its Keras class; ``add`` or ``true_divide`` for plain operations.
        - ``output shape``: (H, W, C), None where it depends on the picture; a list for several outputs.
        - ``hyperparameters``: what was chosen when the network was built, in words.
        - ``parameters``: the number of its weights and biases, trained or not. A layer that is used twice counts once.
        - ``learnables``: their shapes, in words.
        - ``multiplications``: how many of them its weights take for one picture; <NA> where the size of the picture or
          the layer is not known. Normalisations, sums and activation functions count as none, as is the custom.
        - ``share of the work``: multiplications as part of all of the network's, 0-1; NaN if any are not known.
        - ``receptive field``: (height, width) in pixels that a unit sees far from the border, see ``receptive_field``;
          None where it does not depend on the picture, or the network takes pictures of any size.
        - ``stride``: (down, across) from one unit's field to the next one's, 0 if all see the same.
        - ``field is``: ``exact``, ``upper bound`` or ``data-dependent``.
        - ``connections``: names of the layers that feed it.
        - ``flags``: sentences on what is suspicious and what to do. ``Note:`` begins those that cost little.

        ``attrs`` holds the totals: ``network`` (its name), ``parameters``, ``multiplications`` (what is known of them).

    Raises:
        TypeError: ``model`` is no Keras model, or has no graph.
        ValueError: A Sequential model that was never given an input shape.

    Example:
        >>> from coursekit import squeezenet
        >>> table = architecture(squeezenet())
        >>> table.attrs["parameters"]
        1235496
        >>> table.set_index("layer").loc["conv1", "output shape"]
        (113, 113, 64)
    """
    all_steps = steps(model)
    shapes = output_shapes(model)
    fields = receptive_fields(model)
    flags = flags_of(model, all_steps, shapes)
    owners: dict[int, str] = {}  # id of each variable -> the row that counts it
    rows = []
    for step in all_steps:
        parameters, learnables = _learnables(step, owners)
        field = fields.get(step.name)
        rows.append(
            {
                "layer": step.name,
                "type": type_name(step.operation),
                "output shape": shapes[step.name],
                "hyperparameters": _hyperparameters(step),
                "parameters": parameters,
                "learnables": learnables,
                "multiplications": _multiplications(step, shapes),
                "receptive field": field and field.size,
                "stride": field and field.stride,
                "field is": field and field.kind,
                "connections": step.parents,
                "flags": tuple(flags[step.name]),
            }
        )
    table = pd.DataFrame(rows)
    table["multiplications"] = table["multiplications"].astype("Int64")
    counted, total = table["multiplications"], int(table["multiplications"].sum())
    share = counted.astype("Float64") / max(total, 1)
    share = share.to_numpy(float, na_value=np.nan) if counted.notna().all() else np.nan
    table.insert(table.columns.get_loc("receptive field"), "share of the work", share)
    table.attrs = {"network": model.name, "parameters": int(table["parameters"].sum()), "multiplications": total}
    return table


# What is in a row


def _by(size: Iterable[int]) -> str:
    return "x".join(map(str, size))


def _same(size: tuple[int, ...]) -> str:
    return str(size[0]) if len(set(size)) == 1 else _by(size)


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"


def _hyperparameters(step: Step) -> str:
    layer = step.operation
    if isinstance(layer, _L.InputLayer):
        words = []
    elif isinstance(layer, kinds.CONVOLUTIONS_OF_ANY_KIND):
        if isinstance(layer, kinds.DEPTHWISE):
            words = [f"{_count(layer.depth_multiplier, 'filter')} {_by(layer.kernel_size)} for each channel"]
        else:
            words = [f"{_count(layer.filters, 'filter')} {_by(layer.kernel_size)}"]
        if getattr(layer, "groups", 1) > 1:
            words.append(f"{layer.groups} groups")
        words.append(f"stride {_same(layer.strides)}")
        if set(layer.dilation_rate) != {1}:
            words.append(f"dilation {_same(layer.dilation_rate)}")
        if set(layer.kernel_size) != {1}:  # one pixel needs no padding
            words.append(_padding(layer))
    elif isinstance(layer, kinds.POOLINGS):
        what = "max" if isinstance(layer, kinds.MAX_POOLINGS) else "average"
        words = [f"{_by(layer.pool_size)} {what}", f"stride {_same(layer.strides)}", _padding(layer)]
    elif isinstance(layer, kinds.GLOBAL_POOLINGS):
        words = [f"{'max' if isinstance(layer, kinds.GLOBAL_MAX) else 'average'} over all positions"]
    elif isinstance(layer, (_L.Dense, *kinds.RECURRENT)):
        words = [_count(layer.units, "unit")]
    elif isinstance(layer, kinds.DROPOUTS):
        words = [f"rate {layer.rate}"]
    elif isinstance(layer, (_L.Softmax, _L.Concatenate)):
        words = [f"axis {layer.axis}"]
    elif isinstance(layer, kinds.PADDINGS):
        words = [_sides(getattr(layer, "padding", None) or layer.cropping)]
    elif isinstance(layer, _L.BatchNormalization):
        words = [f"axis {layer.axis}", f"epsilon {layer.epsilon:g}"]
    elif isinstance(layer, _L.ReLU) and not (layer.negative_slope or layer.threshold):
        words = ["ReLU" if layer.max_value is None else f"ReLU up to {layer.max_value:g}"]
    elif isinstance(layer, _L.Activation):
        words = [_in_words(layer.activation)]
    else:
        words = [*_constants(step), *_unusual_arguments(layer)]
    folded = None if isinstance(layer, _L.Activation) else getattr(layer, "activation", None)
    if folded is not None and function_name(layer) != "linear":
        words.append(f"then {_in_words(folded)}")
    return ", ".join(words)


def _sides(pixels: tuple) -> str:
    numbers = [int(n) for n in np.ravel(pixels)]
    if len(set(numbers)) == 1:
        return f"{numbers[0]} on each side"
    return ", ".join(f"{side} {n}" for side, n in zip(("top", "bottom", "left", "right"), numbers, strict=False))


def _padding(layer: Any) -> str:
    return {"valid": "no padding"}.get(layer.padding, f"{layer.padding} padding")


def _in_words(activation: Any) -> str:
    name = getattr(activation, "__name__", None) or type(activation).__name__
    return {"relu": "ReLU", "relu6": "ReLU up to 6"}.get(name, name.strip("<>").replace("_", " "))


def _constants(step: Step) -> list[str]:
    """Return the numbers that go into a plain operation, as the 255 of ``x / 255``."""
    if step.is_input or isinstance(step.operation, _L.Layer):
        return []
    return [f"with {value:g}" for value in step.arguments if type(value) in (int, float)]


def _unusual_arguments(operation: Any) -> list[str]:
    """Return the constructor's arguments that are short and not the default, for any other layer."""
    left_out = {"self", "name", "dtype", "trainable", "data_format", "activation", "seed"}
    words = []
    for name, parameter in inspect.signature(type(operation).__init__).parameters.items():
        value, label = getattr(operation, name, None), name.replace("_", " ")
        parts = value if isinstance(value, (tuple, list)) else (value,)
        plain = all(isinstance(part, (bool, int, float, str)) for part in parts) and len(str(value)) < 40
        if name in left_out or not plain or value == parameter.default:
            continue
        if isinstance(value, bool):
            words.append(label if value else f"no {label}")
        else:
            words.append(f"{label} {value:g}" if isinstance(value, float) else f"{label} {value}")
    return words


def _learnables(step: Step, owners: dict[int, str]) -> tuple[int, str]:
    variables = getattr(step.operation, "weights", [])
    owned = [(v, owners.setdefault(id(v), step.name)) for v in variables]
    count = sum(math.prod(v.shape) for v, owner in owned if owner == step.name)
    others = {owner for _, owner in owned}
    if len(others) == 1 and step.name not in others:
        return 0, f"shared with {others.pop()}, counted there"
    if len(owned) > 8:  # a model with a call() of its own, as one layer
        return count, f"{len(owned)} arrays"
    words = []
    for variable, owner in owned:
        name = {"kernel": "weights"}.get(variable.name, variable.name.replace("_", " "))
        words.append(f"{name} {_by(variable.shape) or 1}" + (f" (shared with {owner})" if owner != step.name else ""))
    return count, ", ".join(words)


def _multiplications(step: Step, shapes: dict) -> int | None:
    """Return how often a weight is multiplied for one picture, None if that cannot be told.

    Every number of a kernel is used once at each position where the kernel is laid: that is all there is to count.
    """
    layer = step.operation
    weights = getattr(layer, "weights", [])
    if isinstance(layer, _UNCOUNTED) or all(len(weight.shape) < 2 for weight in weights):
        return 0
    goes_out, comes_in = shapes[step.name], shapes[step.parents[0]]
    if isinstance(comes_in, list):  # one of the several outputs of the layer before
        comes_in = tuple(step.inputs[0].shape[1:])
    if isinstance(layer, kinds.CONVOLUTIONS + kinds.DEPTHWISE):
        return _times(_positions(layer, goes_out), layer.kernel)
    if isinstance(layer, kinds.SEPARABLE):
        return _times(_positions(layer, goes_out), layer.depthwise_kernel, layer.pointwise_kernel)
    if isinstance(layer, kinds.TRANSPOSED):  # laid at each position of what comes in
        return _times(_positions(layer, comes_in), layer.kernel)
    if isinstance(layer, _L.Dense):
        return _times(goes_out[:-1], layer.kernel)
    if isinstance(layer, kinds.RECURRENT):  # once for each step in time
        return _times(comes_in[:1], layer.cell.kernel, layer.cell.recurrent_kernel)
    return None


def _positions(layer: Any, shape: tuple) -> tuple:
    return shape[1:] if layer.data_format == "channels_first" else shape[:-1]


def _times(positions: tuple, *kernels: Any) -> int | None:
    if None in positions:
        return None
    return math.prod(positions) * sum(math.prod(kernel.shape) for kernel in kernels)
