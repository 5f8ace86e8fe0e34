"""The gradient of a score with respect to what a network sees or to one of its layers, with a rule for rectifiers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from coursekit.networks.backend import tf
from coursekit.networks.nonlinearity import is_relu
from coursekit.networks.reading import read


def gradient(
    model: Any,
    inputs: Sequence[Any],
    wanted: Sequence[tuple[str, bool]],
    score: Callable[[list], Any],
    *,
    to: tuple[str, bool] | None = None,
    relu: Callable[[Callable], Callable] | None = None,
) -> tuple[Any, list, Any]:
    """Return a score of every picture and its gradient, computed in one pass. For use in a compiled function.

    Args:
        model: A Keras model, left as it is.
        inputs: One float tensor (N, ...) per input; the model gets it in its own type.
        wanted: What the score is computed from: (name of a step, whether before its nonlinearity).
        score: Takes these layers' tensors and returns (N,). A picture's score must depend on that picture only.
        to: The layer to take the gradient with respect to, as in ``wanted``; by default the inputs.
        relu: Makes the function to use in place of each rectifier from that rectifier: ``permeable``, ``guided``,
            ``deconvolved``.

    Returns:
        The scores (N,); the tensors wanted; and the gradient: of the shape of the layer, or, by default, a list with
        one gradient for each input.

    Raises:
        ValueError: The score does not depend on it in a way that has a gradient: a step between them rounds, or
            TensorFlow has no gradient of what it computes.
    """
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        typed = [tf.cast(given, tensor.dtype) for given, tensor in zip(inputs, model.inputs, strict=True)]
        layers = read(model, typed, [*wanted, *([to] if to else [])], relu)
        maps = layers[: len(wanted)]
        scores = score(maps)
    why = "a step between them rounds."
    try:
        found = tape.gradient(scores, layers[-1] if to else list(inputs))
    except LookupError as error:  # nobody wrote the gradient of an operation, such as that of tf.image.adjust_hue
        found, why = None, str(error.args[0])
    if found is None or (isinstance(found, list) and all(one is None for one in found)):
        names, end = " and ".join(name for name, _ in wanted), to[0] if to else "the picture"
        raise ValueError(f"No gradient leads from {names} back to {end}: {why}")
    return scores, maps, found


def permeable(relu: Callable) -> Callable:
    """Return a ReLU that lets the gradient of a picture pass where it is cut off, if none of it would pass otherwise.

    A unit that is silent everywhere could not be woken without. After lucid's ``redirected_relu_grad``, which lets it
    pass in all ReLUs and pictures: farther from the unit that points nowhere in particular. A leaky rectifier stays as
    it is: it lets a part pass by itself.
    """
    if not is_relu(relu):
        return relu

    @tf.custom_gradient
    def function(values: Any) -> tuple[Any, Callable]:
        cut = relu(values)

        def backward(upstream: Any) -> Any:
            open_ = tf.where(values == cut, upstream, 0)
            silent = tf.reduce_all(open_ == 0, tf.range(1, tf.rank(values)), keepdims=True)
            back = tf.where(values < cut, tf.maximum(upstream, 0), tf.minimum(upstream, 0))
            return tf.where(silent & (values != cut), back, open_)

        return cut, backward

    return function


def guided(relu: Callable) -> Callable:
    """Return a rectifier that lets back only what is positive, on top of its own gradient: guided backpropagation."""
    return lambda values: _positive_back(relu(values))


def deconvolved(relu: Callable) -> Callable:
    """Return a rectifier that lets back what is positive, whatever came in on the way there: as a deconvnet does."""
    return lambda values: _positive_past(values, tf.stop_gradient(relu(values)))


@tf.custom_gradient
def _positive_back(values: Any) -> tuple[Any, Callable]:
    return tf.identity(values), lambda upstream: tf.maximum(upstream, 0)


@tf.custom_gradient
def _positive_past(values: Any, cut: Any) -> tuple[Any, Callable]:
    return tf.identity(cut), lambda upstream: (tf.cast(tf.maximum(upstream, 0), values.dtype), None)


def refuse_whole_numbers(model: Any) -> None:
    """Refuse a network that takes whole numbers: a picture of them cannot change a little.

    Raises:
        ValueError: No input of the model is of floats.
    """
    if not any(tf.as_dtype(tensor.dtype).is_floating for tensor in model.inputs):
        raise ValueError(
            f"This network takes {model.inputs[0].dtype}, and whole numbers have no gradient. Build it with an input "
            'of float32: keras.Input(shape, dtype="float32").'
        )
