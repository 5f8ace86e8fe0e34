"""What a network is made of: a row per layer, what each costs, and what looks wrong."""

from __future__ import annotations

import inspect
import math
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import pandas as pd

from coursekit.networks.backend import keras
from coursekit.networks.graph import Step, steps
from coursekit.techniques.receptive_field import output_shapes, receptive_fields

_L = keras.layers
_CONVOLUTION = (_L.Conv1D, _L.Conv2D, _L.Conv3D)
_TRANSPOSED = (_L.Conv1DTranspose, _L.Conv2DTranspose, _L.Conv3DTranspose)
_DEPTHWISE = (_L.DepthwiseConv1D, _L.DepthwiseConv2D)
_SEPARABLE = (_L.SeparableConv1D, _L.SeparableConv2D)
_ANY_CONVOLUTION = (*_CONVOLUTION, *_TRANSPOSED, *_DEPTHWISE, *_SEPARABLE)
_RECURRENT = (_L.SimpleRNN, _L.GRU, _L.LSTM)
_MAX_POOLING = (_L.MaxPooling1D, _L.MaxPooling2D, _L.MaxPooling3D)
_POOLING = (*_MAX_POOLING, _L.AveragePooling1D, _L.AveragePooling2D, _L.AveragePooling3D)
_GLOBAL_MAX = (_L.GlobalMaxPooling1D, _L.GlobalMaxPooling2D, _L.GlobalMaxPooling3D)
_GLOBAL_AVERAGE = (_L.GlobalAveragePooling1D, _L.GlobalAveragePooling2D, _L.GlobalAveragePooling3D)
_PADDING = (_L.ZeroPadding1D, _L.ZeroPadding2D, _L.ZeroPadding3D, _L.Cropping1D, _L.Cropping2D, _L.Cropping3D)
_UPSAMPLING = (_L.UpSampling1D, _L.UpSampling2D, _L.UpSampling3D)
_DROPOUT = (_L.Dropout, _L.AlphaDropout, _L.GaussianDropout)
_NOISE = (*_DROPOUT, _L.GaussianNoise)
_RESHAPING = (_L.Flatten, _L.Reshape, _L.Permute)
_MERGING = (_L.Concatenate, _L.Add, _L.Average, _L.Maximum, _L.Minimum, _L.Multiply)
# Have weights, and by custom are not counted: one multiplication for each number, not for each connection.
_UNCOUNTED = (_L.BatchNormalization, _L.LayerNormalization, _L.Normalization, _L.Embedding, _L.PReLU)

_NON_NEGATIVE = {"relu", "relu6", "sigmoid", "hard_sigmoid", "softmax", "softplus", "exponential", "exp", "absolute"}
_PRODUCTS = {"multiply", "matmul", "einsum", "dot", "tensordot"}


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
    """
    all_steps = steps(model)
    shapes = output_shapes(model)
    fields = receptive_fields(model)
    flags = _flags(model, all_steps, shapes)
    owners: dict[int, str] = {}  # id of each variable -> the row that counts it
    rows = []
    for step in all_steps:
        parameters, learnables = _learnables(step, owners)
        field = fields.get(step.name)
        rows.append(
            {
                "layer": step.name,
                "type": _type(step.operation),
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


def _type(operation: Any) -> str:
    name = type(operation).__name__.lstrip("_")
    if isinstance(operation, _L.Layer):
        return name
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()  # TrueDivide -> true_divide


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
    elif isinstance(layer, _ANY_CONVOLUTION):
        if isinstance(layer, _DEPTHWISE):
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
    elif isinstance(layer, _POOLING):
        what = "max" if isinstance(layer, _MAX_POOLING) else "average"
        words = [f"{_by(layer.pool_size)} {what}", f"stride {_same(layer.strides)}", _padding(layer)]
    elif isinstance(layer, (*_GLOBAL_MAX, *_GLOBAL_AVERAGE)):
        words = [f"{'max' if isinstance(layer, _GLOBAL_MAX) else 'average'} over all positions"]
    elif isinstance(layer, (_L.Dense, *_RECURRENT)):
        words = [_count(layer.units, "unit")]
    elif isinstance(layer, _DROPOUT):
        words = [f"rate {layer.rate}"]
    elif isinstance(layer, (_L.Softmax, _L.Concatenate)):
        words = [f"axis {layer.axis}"]
    elif isinstance(layer, _PADDING):
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
    if folded is not None and _function(layer) != "linear":
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
    if step._node is None or isinstance(step.operation, _L.Layer):
        return []
    return [f"with {value:g}" for value in step._node.arguments.args if type(value) in (int, float)]


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
        comes_in = tuple(step._node.input_tensors[0].shape[1:])
    if isinstance(layer, _CONVOLUTION + _DEPTHWISE):
        return _times(_positions(layer, goes_out), layer.kernel)
    if isinstance(layer, _SEPARABLE):
        return _times(_positions(layer, goes_out), layer.depthwise_kernel, layer.pointwise_kernel)
    if isinstance(layer, _TRANSPOSED):  # laid at each position of what comes in
        return _times(_positions(layer, comes_in), layer.kernel)
    if isinstance(layer, _L.Dense):
        return _times(goes_out[:-1], layer.kernel)
    if isinstance(layer, _RECURRENT):  # once for each step in time
        return _times(comes_in[:1], layer.cell.kernel, layer.cell.recurrent_kernel)
    return None


def _positions(layer: Any, shape: tuple) -> tuple:
    return shape[1:] if layer.data_format == "channels_first" else shape[:-1]


def _times(positions: tuple, *kernels: Any) -> int | None:
    if None in positions:
        return None
    return math.prod(positions) * sum(math.prod(kernel.shape) for kernel in kernels)


# What looks wrong


def _flags(model: Any, all_steps: list[Step], shapes: dict) -> dict[str, list[str]]:
    children = defaultdict(list)
    for step in all_steps:
        for parent in step.parents:
            children[parent].append(step)
    results = _result_names(model, all_steps)
    flags = defaultdict(list)
    for found in (
        _goes_nowhere(all_steps, results),
        _changes_nothing(all_steps, shapes),
        _zero_weights(all_steps),
        _cancelled_bias(all_steps, children, results),
        _softmax_trouble(all_steps, shapes, children),
        _unscaled_pictures(model, all_steps, children),
        _nothing_nonlinear_between(all_steps, children, results),
    ):
        for name, sentence in found:
            flags[name].append(sentence)
    return flags


def _result_names(model: Any, all_steps: list[Step]) -> set[str]:
    """Return the steps that give the model's outputs."""
    owners = defaultdict(set)  # by id of the tensor; several if a nested model is called several times
    for step in all_steps:
        for key in step._results:
            owners[key[-1]].add(step.name)
    names = set()
    for tensor in model.outputs:
        while id(tensor) not in owners:  # it comes out of a nested model: look up that model's own output
            history = tensor._keras_history
            if isinstance(history.operation, _L.InputLayer):  # which hands on its input: nothing can be told
                return {step.name for step in all_steps}
            tensor = history.operation.outputs[history.tensor_index]
        names |= owners[id(tensor)]
    return names


def _goes_nowhere(all_steps: list[Step], results: set[str]) -> Iterator[tuple[str, str]]:
    needed = set(results)
    for step in reversed(all_steps):
        if step.name in needed:
            needed.update(step.parents)
        elif isinstance(step.operation, _L.InputLayer):
            yield step.name, "No output depends on this input. Connect it, or leave it out of the model's inputs."
        else:
            yield step.name, "No output of the model depends on this layer. Connect it, or leave it out."


def _function(operation: Any) -> str:
    """Return the name of the activation function that an operation is or ends with, "linear" if there is none."""
    if isinstance(operation, _L.ReLU):
        return "leaky_relu" if operation.negative_slope else "relu" if operation.max_value is None else "relu6"
    for layer, name in ((_L.Softmax, "softmax"), (_L.LeakyReLU, "leaky_relu"), (_L.PReLU, "prelu"), (_L.ELU, "elu")):
        if isinstance(operation, layer):
            return name
    if not isinstance(operation, _L.Layer):
        return _type(operation) if hasattr(keras.activations, _type(operation)) else "linear"
    folded = getattr(operation, "activation", None)
    if folded is None:
        return "linear"
    return getattr(folded, "__name__", None) or _function(folded)


def _changes_nothing(all_steps: list[Step], shapes: dict) -> Iterator[tuple[str, str]]:
    never_negative: set[str] = set()
    keeps_sign = (*_POOLING, *_GLOBAL_MAX, *_GLOBAL_AVERAGE, *_RESHAPING, *_PADDING, *_MERGING, _L.Dropout)
    for step in all_steps:
        positive = bool(step.parents) and never_negative.issuperset(step.parents)
        if step.parents and (why := _why_idle(step, shapes, positive)):
            yield step.name, f"Changes nothing, because {why}. Leave it out."
        name = _function(step.operation) if isinstance(step.operation, _L.Layer) else _type(step.operation)
        if name in _NON_NEGATIVE or (positive and isinstance(step.operation, keeps_sign)):
            never_negative.add(step.name)


def _why_idle(step: Step, shapes: dict, positive: bool) -> str:
    """Return why a step gives out just what comes in, or nothing if it does not."""
    layer, same_shape = step.operation, None not in shapes[step.name] and shapes[step.name] == shapes[step.parents[0]]
    if isinstance(layer, _L.Identity) or (isinstance(layer, _L.Activation) and _function(layer) == "linear"):
        # With mixed precision, such a layer is there to change the type of the numbers.
        same_type = step._node.input_tensors[0].dtype == step._node.outputs[0].dtype
        return "its activation is linear" if same_type else ""
    is_plain_relu = isinstance(layer, (_L.ReLU, _L.Activation)) or not isinstance(layer, _L.Layer)
    if positive and is_plain_relu and _function(layer) == "relu" and not getattr(layer, "threshold", 0):
        return f"what comes from `{step.parents[0]}` is never negative"
    if isinstance(layer, _NOISE) and getattr(layer, "rate", None) == 0:
        return "its rate is 0"
    if isinstance(layer, _L.GaussianNoise) and layer.stddev == 0:
        return "its standard deviation is 0"
    if isinstance(layer, _POOLING) and {*layer.pool_size, *layer.strides} == {1}:
        return "it pools over one pixel at stride 1"
    if isinstance(layer, _PADDING) and not np.any(getattr(layer, "padding", getattr(layer, "cropping", None))):
        return "it adds or cuts off 0 rows and columns"
    if isinstance(layer, _UPSAMPLING) and set(np.ravel(layer.size)) == {1}:
        return "it enlarges by 1"
    if isinstance(layer, _L.Rescaling) and np.all(layer.scale == 1) and np.all(layer.offset == 0):
        return "it multiplies by 1 and adds 0"
    if isinstance(layer, _L.Permute):
        return "the axes keep their order" if list(layer.dims) == sorted(layer.dims) else ""
    if isinstance(layer, (_L.Flatten, _L.Reshape, _L.Resizing)) and same_shape:
        return f"what comes in has the shape {shapes[step.name]} already"
    return ""


def _zero_weights(all_steps: list[Step]) -> Iterator[tuple[str, str]]:
    for step in _first_calls(all_steps):
        if not isinstance(step.operation, (*_ANY_CONVOLUTION, _L.Dense, *_RECURRENT)):
            continue
        kernels = [weight for weight in step.operation.weights if len(weight.shape) > 1]
        # Row by row: in a network with weights, the first row settles it.
        if not any(np.any(kernel[i]) for kernel in kernels for i in range(kernel.shape[0])):
            yield (
                step.name,
                "All its weights are zero, so it gives the same for every picture. Load or draw its weights.",
            )


def _first_calls(all_steps: list[Step]) -> Iterator[Step]:
    seen = set()
    for step in all_steps:
        if id(step.operation) not in seen:
            seen.add(id(step.operation))
            yield step


def _cancelled_bias(all_steps: list[Step], children: dict, results: set) -> Iterator[tuple[str, str]]:
    for step in _first_calls(all_steps):
        layer, after = step.operation, children[step.name]
        if (
            isinstance(layer, (*_ANY_CONVOLUTION, _L.Dense))
            and layer.use_bias
            and _function(layer) == "linear"
            and step.name not in results
            and [type(child.operation) for child in after] == [_L.BatchNormalization]
        ):
            yield (
                step.name,
                "Note: its bias does nothing in training, because the BatchNormalization behind it takes it away; "
                "use_bias=False leaves it out.",
            )


def _softmax_trouble(all_steps: list[Step], shapes: dict, children: dict) -> Iterator[tuple[str, str]]:
    for step in all_steps:
        if _function(step.operation) != "softmax":
            continue
        axes = getattr(step.operation, "axis", -1)  # counted with the batch in front
        axes = axes if isinstance(axes, (list, tuple)) else [axes]
        if all((None, *shapes[step.name])[axis] == 1 for axis in axes):
            yield step.name, "A softmax over a single value always gives 1. Use a sigmoid, or one value for each class."
        user = _computes_on(step, children)
        if user is None:
            continue
        if _function(user.operation) == "softmax" and not getattr(user.operation, "weights", []):
            yield (
                user.name,
                f"The second softmax in a row: it makes the probabilities of `{step.name}` nearly equal. "
                "Leave one out.",
            )
        else:
            yield (
                step.name,
                f"A softmax in the middle: `{user.name}` goes on with probabilities, nearly all of them close to 0. "
                "Move the softmax to the end, or leave it out.",
            )


def _computes_on(step: Step, children: dict) -> Step | None:
    """Return the first layer with weights or an activation that works on what a step gives, if there is one.

    Where it is multiplied with something else it weighs that, as in attention, and the search ends.
    """
    waiting, seen = list(children[step.name]), set()
    while waiting:
        child = waiting.pop(0)
        operation = child.operation
        is_product = isinstance(operation, (_L.Multiply, _L.Dot)) or _type(operation) in _PRODUCTS
        is_attention = isinstance(operation, (_L.Attention, _L.AdditiveAttention, _L.MultiHeadAttention))
        if child.name in seen or is_attention or (is_product and len(child.parents) > 1):
            continue
        seen.add(child.name)
        if getattr(operation, "weights", []) or _function(operation) != "linear":
            return child
        waiting.extend(children[child.name])
    return None


def _unscaled_pictures(model: Any, all_steps: list[Step], children: dict) -> Iterator[tuple[str, str]]:
    """Follow each picture through what moves its pixels but keeps their range, to what computes with them."""
    keeps_range = (*_POOLING, *_RESHAPING, *_PADDING, *_UPSAMPLING, *_NOISE, _L.Resizing, _L.CenterCrop, _L.Identity)
    names = {"Concatenate", "get_item", "flip", "transpose", "reshape", "pad", "concatenate", "cast"}
    flagged = set()
    mend = "put with_preprocessing(model, fn) in front" if len(model.inputs) == 1 else "put a Rescaling layer in front"
    for picture in all_steps:
        if picture.parents or len(picture.shape) != 3 or picture.shape[-1] not in (1, 3, 4, None):
            continue
        waiting = list(children[picture.name])
        while waiting:
            step = waiting.pop(0)
            layer = step.operation
            if isinstance(layer, (*_ANY_CONVOLUTION, _L.Dense)) and id(layer) not in flagged:
                flagged.add(id(layer))
                yield (
                    step.name,
                    (
                        f"Nothing scales the picture before `{step.name}`. If the network was trained on values 0-1 or "
                        f"centred ones, {mend}."
                    ),
                )
            elif (
                isinstance(layer, keeps_range)
                or _type(layer) in names
                or _type(layer).startswith("Random")  # augmentation
                or (isinstance(layer, _L.Activation) and _function(layer) == "linear")
            ):
                waiting.extend(children[step.name])


def _nothing_nonlinear_between(all_steps: list[Step], children: dict, results: set) -> Iterator[tuple[str, str]]:
    """Find pairs of full linear layers that could be one.

    Left alone is what is done on purpose: a bottleneck between two wider layers, a square kernel taken apart into a
    row and a column, groups, and depthwise and pointwise convolution in turn.
    """

    def full(step: Step) -> bool:
        layer = step.operation
        if isinstance(layer, _L.Dense):
            return True
        return isinstance(layer, _CONVOLUTION) and len(set(layer.kernel_size)) == 1 and layer.groups == 1

    for first in all_steps:
        if not full(first) or _function(first.operation) != "linear" or first.name in results:
            continue
        passes, after = (_L.Flatten, _L.Reshape, _L.Dropout, _L.Identity, _L.Activation), children[first.name]
        while (
            len(after) == 1
            and isinstance(after[0].operation, passes)
            and _function(after[0].operation) == "linear"
            and after[0].name not in results
        ):
            after = children[after[0].name]
        if len(after) != 1 or not full(after[0]):
            continue
        *comes_in, between = first.operation.kernel.shape
        if between >= min(math.prod(comes_in), after[0].operation.kernel.shape[-1]):
            yield (
                after[0].name,
                f"Nothing nonlinear stands between `{first.name}` and this layer, so the two do hardly more than one. "
                f"Give `{first.name}` an activation.",
            )
