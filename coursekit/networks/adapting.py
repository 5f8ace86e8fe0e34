"""The same network with another beginning or another end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from coursekit.networks.backend import keras, tf
from coursekit.networks.graph import Step, is_graph, nodes, steps
from coursekit.networks.nonlinearity import call_before
from coursekit.networks.reading import before_squashing


class _Function(keras.layers.Layer):
    """A layer that applies a function without weights."""

    def __init__(self, function: Callable, **kwargs: Any):
        super().__init__(**kwargs)
        self.function = function

    def call(self, images: Any) -> Any:
        return self.function(images)


def with_preprocessing(model: Any, fn: Callable[[Any], Any]) -> Any:
    """Return the model behind its preprocessing, so that raw pictures go in.

    Args:
        model: A Keras model with one input, left as it is.
        fn: What the model's pictures go through first, such as ``keras.applications.vgg16.preprocess_input`` or
            ``lambda images: images / 255``. It gets a float32 tensor (N, H, W, C) with values 0-255 and returns one.

    Returns:
        A ``keras.Model`` that shares its weights with ``model``. Its first layer is called ``preprocessing``.

    Raises:
        TypeError: ``fn`` cannot be called, or works on arrays but not on tensors.
        ValueError: The model has several inputs, or ``fn`` changes the shape to one that the model does not take.

    Examples:
        >>> import keras, numpy as np
        >>> from coursekit import with_preprocessing
        >>> model = keras.Sequential([keras.Input((4, 4, 3)), keras.layers.GlobalAveragePooling2D()])
        >>> ready = with_preprocessing(model, lambda images: images / 255)
        >>> ready(np.full((1, 4, 4, 3), 255)).numpy()
        array([[1., 1., 1.]], dtype=float32)
    """
    steps(model)
    if not callable(fn):
        raise TypeError(f"fn must be a function of pictures, not {type(fn).__name__}.")
    if len(model.inputs) != 1:
        raise ValueError(f"This network takes {len(model.inputs)} inputs; preprocessing is for networks with one.")
    shape = tuple(model.inputs[0].shape[1:])
    pictures = tf.TensorSpec((None, *shape), tf.float32)
    try:
        ready = tf.function(fn, autograph=False).get_concrete_function(pictures).structured_outputs
    except Exception as error:  # whatever the user's function raises when it meets a tensor
        reason = str(error).partition("\n")[0].partition(". ")[0].rstrip(".")
        raise TypeError(
            f"fn does not work on tensors ({type(error).__name__}: {reason:.120}). "
            "Write it with + - * / or keras.ops instead of NumPy."
        ) from error
    if not isinstance(ready, (tf.Tensor, tf.TensorSpec)):
        raise TypeError(f"fn must return the pictures that it gets, changed, but it returns {type(ready).__name__}.")
    if ready.shape.rank is None or tuple(ready.shape)[1:] != shape:
        raise ValueError(f"fn gives pictures of shape {ready.shape[1:]}, but this network takes {shape}.")
    raw = keras.Input(shape, dtype="float32", name="picture")
    return keras.Model(raw, model(_Function(fn, name="preprocessing", dtype="float32")(raw)), name=model.name)


def class_scores(model: Any) -> Any:
    """Return the same network ending in the scores before the softmax or sigmoid (the "logits").

    Differentiate these, not the probabilities: a softmax that is sure has a gradient of almost nothing, and the rest
    of it comes from the other classes. The softmax (or log-softmax, or sigmoid) may be a layer of its own, folded into
    the last layer as its activation, inside a nested model, have steps behind it that compute nothing (Flatten, a cast,
    a linear activation, Dropout), or be absent; then the model's own output is taken.

    SqueezeNet has a ReLU in front of its last average, so its scores are never negative.

    Args:
        model: A Keras model with one output, left as it is.

    Returns:
        A ``keras.Model`` that shares all weights with ``model``. Its output has the shape of the model's.

    Raises:
        ValueError: The model has several outputs, or computes with the probabilities, as an average of two softmaxes
            does, so that there are no scores.

    Examples:
        >>> import numpy as np
        >>> from coursekit import class_scores, photo, squeezenet
        >>> network, picture = squeezenet(), photo("chelsea", 227)[np.newaxis]
        >>> scores = class_scores(network)(picture).numpy()
        >>> bool(np.allclose(np.exp(scores) / np.exp(scores).sum(), network(picture), atol=1e-5))
        True
    """
    step, before = before_squashing(model)
    scores = _tensor_of(model, step, before)
    shape = tuple(model.outputs[0].shape[1:])
    if tuple(scores.shape[1:]) != shape:
        scores = keras.layers.Reshape(tuple(-1 if side is None else side for side in shape))(scores)
    # A Sequential model has one input; others may have been given a list or a dict, and are called with the same.
    inputs = model.inputs[0] if isinstance(model, keras.Sequential) else model.input
    return keras.Model(inputs, scores, name=f"{model.name}_scores")


def _tensor_of(model: Any, step: Step, before: bool) -> Any:
    """Return what a step gives, maybe before its nonlinearity, as a tensor of the model's own graph."""
    for node in nodes(model):
        operation, args, kwargs = node.operation, node.arguments.args, node.arguments.kwargs
        if node is step._node:
            if not before:
                return node.outputs[0]
            return _WithoutActivation(operation, name=f"{operation.name}_scores")(*args, **kwargs)
        if is_graph(operation) and _holds(operation, step):
            inner = keras.Model(operation.inputs, _tensor_of(operation, step, before), name=f"{operation.name}_scores")
            return inner(node.input_tensors)
    return model.inputs[0]  # the scores come in


def _holds(model: Any, step: Step) -> bool:
    return any(
        node is step._node or (is_graph(node.operation) and _holds(node.operation, step)) for node in nodes(model)
    )


class _WithoutActivation(keras.layers.Layer):
    """A layer that has an activation folded in, called without it, on the same weights."""

    def __init__(self, layer: Any, **kwargs: Any):
        super().__init__(**kwargs)
        self.layer = layer

    def call(self, *args: Any, **kwargs: Any) -> Any:
        return call_before(self.layer, *args, **kwargs)
