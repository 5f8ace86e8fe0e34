"""What looks wrong about a network: layers that do nothing, or something else than was meant."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import numpy as np

from coursekit.networks import kinds
from coursekit.networks.backend import keras
from coursekit.networks.graph import Step
from coursekit.networks.kinds import function_name, type_name

_L = keras.layers
_NON_NEGATIVE = {"relu", "relu6", "sigmoid", "hard_sigmoid", "softmax", "softplus", "exponential", "exp", "absolute"}
_PRODUCTS = {"multiply", "matmul", "einsum", "dot", "tensordot"}


def flags_of(model: Any, all_steps: list[Step], shapes: dict) -> dict[str, list[str]]:
    """Return sentences on what is suspicious, by the name of the layer.

    Args:
        model: A Keras model.
        all_steps: Its steps.
        shapes: What ``output_shapes`` gave for it.
    """
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


def _changes_nothing(all_steps: list[Step], shapes: dict) -> Iterator[tuple[str, str]]:
    never_negative: set[str] = set()
    keeps_sign = (
        *kinds.POOLINGS,
        *kinds.GLOBAL_MAX,
        *kinds.GLOBAL_AVERAGE,
        *kinds.RESHAPING,
        *kinds.PADDINGS,
        *kinds.KEEPS_SIGNS,
        _L.Dropout,
    )
    for step in all_steps:
        positive = bool(step.parents) and never_negative.issuperset(step.parents)
        if step.parents and (why := _why_idle(step, shapes, positive)):
            yield step.name, f"Changes nothing, because {why}. Leave it out."
        name = function_name(step.operation) if isinstance(step.operation, _L.Layer) else type_name(step.operation)
        if name in _NON_NEGATIVE or (positive and isinstance(step.operation, keeps_sign)):
            never_negative.add(step.name)


def _why_idle(step: Step, shapes: dict, positive: bool) -> str:
    """Return why a step gives out just what comes in, or nothing if it does not."""
    layer, same_shape = step.operation, None not in shapes[step.name] and shapes[step.name] == shapes[step.parents[0]]
    if isinstance(layer, _L.Identity) or (isinstance(layer, _L.Activation) and function_name(layer) == "linear"):
        # With mixed precision, such a layer is there to change the type of the numbers.
        same_type = step.inputs[0].dtype == step.dtype
        return "its activation is linear" if same_type else ""
    is_plain_relu = isinstance(layer, (_L.ReLU, _L.Activation)) or not isinstance(layer, _L.Layer)
    if positive and is_plain_relu and function_name(layer) == "relu" and not getattr(layer, "threshold", 0):
        return f"what comes from `{step.parents[0]}` is never negative"
    if isinstance(layer, kinds.NOISES) and getattr(layer, "rate", None) == 0:
        return "its rate is 0"
    if isinstance(layer, _L.GaussianNoise) and layer.stddev == 0:
        return "its standard deviation is 0"
    if isinstance(layer, kinds.POOLINGS) and {*layer.pool_size, *layer.strides} == {1}:
        return "it pools over one pixel at stride 1"
    if isinstance(layer, kinds.PADDINGS) and not np.any(getattr(layer, "padding", getattr(layer, "cropping", None))):
        return "it adds or cuts off 0 rows and columns"
    if isinstance(layer, kinds.UPSAMPLINGS) and set(np.ravel(layer.size)) == {1}:
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
        if not isinstance(step.operation, (*kinds.CONVOLUTIONS_OF_ANY_KIND, _L.Dense, *kinds.RECURRENT)):
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
            isinstance(layer, (*kinds.CONVOLUTIONS_OF_ANY_KIND, _L.Dense))
            and layer.use_bias
            and function_name(layer) == "linear"
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
        if function_name(step.operation) != "softmax":
            continue
        axes = getattr(step.operation, "axis", -1)  # counted with the batch in front
        axes = axes if isinstance(axes, (list, tuple)) else [axes]
        if all((None, *shapes[step.name])[axis] == 1 for axis in axes):
            yield step.name, "A softmax over a single value always gives 1. Use a sigmoid, or one value for each class."
        user = _computes_on(step, children)
        if user is None:
            continue
        if function_name(user.operation) == "softmax" and not getattr(user.operation, "weights", []):
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
        is_product = isinstance(operation, (_L.Multiply, _L.Dot)) or type_name(operation) in _PRODUCTS
        is_attention = isinstance(operation, (_L.Attention, _L.AdditiveAttention, _L.MultiHeadAttention))
        if child.name in seen or is_attention or (is_product and len(child.parents) > 1):
            continue
        seen.add(child.name)
        if getattr(operation, "weights", []) or function_name(operation) != "linear":
            return child
        waiting.extend(children[child.name])
    return None


def _unscaled_pictures(model: Any, all_steps: list[Step], children: dict) -> Iterator[tuple[str, str]]:
    """Follow each picture through what moves its pixels but keeps their range, to what computes with them."""
    keeps_range = (
        *kinds.POOLINGS,
        *kinds.RESHAPING,
        *kinds.PADDINGS,
        *kinds.UPSAMPLINGS,
        *kinds.NOISES,
        _L.Resizing,
        _L.CenterCrop,
        _L.Identity,
    )
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
            if isinstance(layer, (*kinds.CONVOLUTIONS_OF_ANY_KIND, _L.Dense)) and id(layer) not in flagged:
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
                or type_name(layer) in names
                or type_name(layer).startswith("Random")  # augmentation
                or (isinstance(layer, _L.Activation) and function_name(layer) == "linear")
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
        return isinstance(layer, kinds.CONVOLUTIONS) and len(set(layer.kernel_size)) == 1 and layer.groups == 1

    for first in all_steps:
        if not full(first) or function_name(first.operation) != "linear" or first.name in results:
            continue
        passes, after = (_L.Flatten, _L.Reshape, _L.Dropout, _L.Identity, _L.Activation), children[first.name]
        while (
            len(after) == 1
            and isinstance(after[0].operation, passes)
            and function_name(after[0].operation) == "linear"
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
