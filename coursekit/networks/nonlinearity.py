"""Where the nonlinearities of a network stand, and how to call a layer without its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from coursekit.networks.backend import keras, tf
from coursekit.networks.graph import Step, call_layer
from coursekit.networks.kinds import WITH_ACTIVATION

# What keras.activations.relu(x), keras.ops.relu(x) and such are as a step; they have no public names.
from keras.src.activations.activations import ReLU as ReluOperation  # isort: skip
from keras.src.ops.nn import HardSigmoid, LeakyRelu, LogSigmoid, LogSoftmax, Relu, Relu6, Sigmoid, Softmax  # isort: skip

_layers = keras.layers
_SQUASHING_STEPS = (_layers.Softmax, Softmax, LogSoftmax, Sigmoid, LogSigmoid, HardSigmoid)
_RECTIFIERS = (_layers.ReLU, ReluOperation, Relu, Relu6, _layers.LeakyReLU, LeakyRelu, _layers.PReLU)
_ALONE = (*_RECTIFIERS, *_SQUASHING_STEPS)
_RELUS = (keras.activations.relu, keras.activations.relu6, keras.ops.relu, keras.ops.relu6, tf.nn.relu, tf.nn.relu6)
_LEAKY = (keras.activations.leaky_relu, keras.ops.leaky_relu, tf.nn.leaky_relu)
_SOFTMAXES = (keras.activations.softmax, keras.ops.softmax, tf.nn.softmax)
_SQUASHINGS = (
    *(getattr(where, name) for where in (keras.activations, keras.ops)
      for name in ("softmax", "log_softmax", "sigmoid", "log_sigmoid", "hard_sigmoid")),
    *(tf.nn.softmax, tf.nn.log_softmax, tf.nn.sigmoid, tf.math.log_sigmoid),
)  # fmt: skip


def nonlinearity(operation: Any) -> Callable | None:
    """Return the function that a step applies last: the activation of a layer, or the step itself.

    Returns:
        ``keras.activations.relu`` for ``Conv2D(8, 3, activation="relu")`` and ``Activation("relu")``, a ``ReLU`` layer
        for itself, None for what is linear and for steps of any other kind.
    """
    if isinstance(operation, (*WITH_ACTIVATION, _layers.Activation)):
        return None if operation.activation in (None, keras.activations.linear) else operation.activation
    return operation if isinstance(operation, _ALONE) else None


def is_relu(function: Any) -> bool:
    """Say whether a nonlinearity is a ReLU, also one that is cut off above, such as ReLU6; a leaky one is none."""
    if isinstance(function, (_layers.ReLU, ReluOperation)):
        return not function.negative_slope and not function.threshold
    return isinstance(function, (Relu, Relu6)) or function in _RELUS


def is_rectifier(function: Any) -> bool:
    """Say whether a nonlinearity is a ReLU of any kind: cut off above, with a threshold, or leaky."""
    return isinstance(function, _RECTIFIERS) or function in (*_RELUS, *_LEAKY)


def is_softmax(function: Any) -> bool:
    """Say whether a nonlinearity is a softmax."""
    return isinstance(function, (_layers.Softmax, Softmax)) or function in _SOFTMAXES


def is_squashing(function: Any) -> bool:
    """Say whether a nonlinearity makes probabilities, or their logarithms, of scores: a softmax, a sigmoid."""
    return isinstance(function, _SQUASHING_STEPS) or function in _SQUASHINGS


def call_before(operation: Any, *args: Any, **kwargs: Any) -> Any:
    """Call a step as far as its nonlinearity: the layer without its activation, or, of a step by itself, what goes in.

    The layer stays as it is, for whoever calls it meanwhile in another thread: what is called is a twin with the same
    weights.
    """
    if not isinstance(operation, WITH_ACTIVATION):
        return args[0] if args else next(iter(kwargs.values()))
    twin = object.__new__(type(operation))  # copy.copy() would go by Keras' pickling, which copies the weights
    vars(twin).update(vars(operation), activation=None)
    return twin(*args, **kwargs)


def split(step: Step, args: tuple, kwargs: dict) -> tuple[Any, Callable | None]:
    """Call a step in inference mode, in two parts.

    Returns:
        What it gives before its nonlinearity, and the nonlinearity, to be called on that; its output and None if it
        has none.
    """
    function = nonlinearity(step.operation)
    if function is None:
        return call_layer(step, args, kwargs), None
    return call_before(step.operation, *args, **kwargs), function
