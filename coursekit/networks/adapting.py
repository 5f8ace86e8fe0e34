"""The same network with another beginning or another end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from coursekit.networks.backend import keras, tf
from coursekit.networks.graph import steps
from coursekit.networks.nonlinearity import call_before, is_softmax, nonlinearity


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
    """Return the same network ending in the scores before the softmax (the "logits").

    Differentiate these, not the probabilities: a softmax that is sure has a gradient of almost nothing, and the rest
    of it comes from the other classes. The softmax may be a layer of its own, folded into the last layer as its
    activation, inside a nested model, or absent; then the model's own output is taken.

    SqueezeNet has a ReLU in front of its last average, so its scores are never negative.

    Args:
        model: A Keras model with one output, left as it is.

    Returns:
        A ``keras.Model`` that shares all weights with ``model``.

    Raises:
        ValueError: The model has several outputs.
    """
    steps(model)
    if len(model.outputs) != 1:
        raise ValueError(f"This network has {len(model.outputs)} outputs; class scores are for networks with one.")
    output = model.outputs[0]
    operation = output._keras_history.operation
    node = operation._inbound_nodes[output._keras_history.node_index]
    args, kwargs = node.arguments.args, node.arguments.kwargs
    if isinstance(operation, keras.Model):
        scores = class_scores(operation)(*args, **kwargs)
    elif not is_softmax(nonlinearity(operation)):
        scores = output
    elif isinstance(operation, keras.layers.Layer) and operation.weights:
        scores = _WithoutActivation(operation, name=f"{operation.name}_scores")(*args, **kwargs)
    else:
        scores = node.input_tensors[0]
    # A Sequential model has one input; others may have been given a list or a dict, and are called with the same.
    inputs = model.inputs[0] if isinstance(model, keras.Sequential) else model.input
    return keras.Model(inputs, scores, name=f"{model.name}_scores")


class _WithoutActivation(keras.layers.Layer):
    """A layer that has an activation folded in, called without it, on the same weights."""

    def __init__(self, layer: Any, **kwargs: Any):
        super().__init__(**kwargs)
        self.layer = layer

    def call(self, *args: Any, **kwargs: Any) -> Any:
        return call_before(self.layer, *args, **kwargs)
