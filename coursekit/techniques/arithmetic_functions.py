"""What the nonlinearities of a network make of one number."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from coursekit.networks import kinds
from coursekit.networks.backend import keras, tf
from coursekit.networks.graph import Step
from coursekit.networks.kinds import computes_as, function_name, type_name
from coursekit.networks.nonlinearity import ReluOperation, nonlinearity
from coursekit.networks.tracing import is_elementwise, traceable
from coursekit.techniques.arithmetic_terms import number_of

_L = keras.layers
_LAYERS = (_L.ReLU, _L.LeakyReLU, _L.PReLU, _L.ELU, _L.Softmax, _L.Activation)
_CURVES: dict[str, Callable[[float], float]] = {
    "relu": lambda x: max(x, 0.0),
    "relu6": lambda x: min(max(x, 0.0), 6.0),
    "sigmoid": lambda x: 0.5 * (1 + np.tanh(x / 2)),
    "tanh": np.tanh,
    "silu": lambda x: x * 0.5 * (1 + np.tanh(x / 2)),
    "softplus": lambda x: np.logaddexp(x, 0),
    "exponential": np.exp,
    "exp": np.exp,
    "negative": lambda x: -x,
    "hard_sigmoid": lambda x: min(max(x + 3, 0), 6) / 6,
    "hard_silu": lambda x: x * min(max(x + 3, 0), 6) / 6,
}


def is_function(step: Step) -> bool:
    """Say whether a step is a known activation by itself: a layer such as ReLU, or an operation."""
    return computes_as(step.operation, _LAYERS) or isinstance(nonlinearity(step.operation), keras.Operation)


def function_of(step: Step, kind: str) -> Any:
    """Return the function that a step of a kind ends with: a layer's activation, or the step; None for none."""
    layer = step.operation
    if isinstance(layer, (*kinds.WITH_ACTIVATION, _L.Activation)):
        return None if layer.activation in (None, keras.activations.linear) else layer.activation
    return layer if kind == "activation" else None


def name_of(function: Any) -> str:
    """Return what a function is called: ``relu6``."""
    if isinstance(function, (_L.ReLU, ReluOperation)):
        top, slope = function.max_value, float(function.negative_slope or 0)
        name = "leaky_relu" if slope else "relu" if top is None else f"relu{float(top):g}"
        return name
    if isinstance(function, _L.Layer):
        return function_name(function)
    return getattr(function, "__name__", None) or type_name(function)


def apply(step: Step, function: Any, before: float, place: tuple, shape: tuple) -> float | None:
    """Return what a function makes of a number, None if it may look at other numbers too.

    Args:
        step: The layer that ends with the function, or is the function itself.
        function: The function.
        before: The number.
        place: Where the number stands.
        shape: Of what goes out, without the batch.
    """
    if isinstance(function, (_L.ReLU, ReluOperation)):
        top, slope, threshold = function.max_value, float(function.negative_slope or 0), float(function.threshold or 0)
        value = before if before >= threshold else slope * (before - threshold)
        return value if top is None else min(value, float(top))
    if isinstance(function, _L.LeakyReLU):
        return before if before >= 0 else float(function.negative_slope) * before
    if isinstance(function, _L.PReLU):
        slope = np.broadcast_to(number_of(function.alpha), shape)[place]
        return before if before >= 0 else float(slope) * before
    name = name_of(function)
    if name in _CURVES and _is_keras_own(function, name):
        return float(_CURVES[name](before))
    by_itself = traceable(step) if function is step.operation else (function, [shape], [step.dtype])
    if not is_elementwise(*by_itself):
        return None
    whole = keras.ops.convert_to_tensor(np.full((1, *shape), before), by_itself[2][0])
    return float(keras.ops.convert_to_numpy(by_itself[0](whole))[(0, *place)])


def softmax(before: float, along: np.ndarray) -> float:
    """Return the softmax of one number, of which ``along`` (n,) has all that are compared, itself too."""
    largest = along.max()
    return float(np.exp(before - largest) / np.exp(along - largest).sum())


def _is_keras_own(function: Any, name: str) -> bool:
    if isinstance(function, keras.Operation):
        return type(function).__module__.startswith("keras.")
    return function in [getattr(where, name, None) for where in (keras.activations, keras.ops, tf.nn, tf.math)]
