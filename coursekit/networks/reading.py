"""Layers of a network as they are read: before their nonlinearity, with other ReLUs; and where the scores stand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from coursekit.networks.backend import keras, tf
from coursekit.networks.graph import Step, kept, output_names, run, steps
from coursekit.networks.nonlinearity import is_rectifier, is_relu, is_squashing, nonlinearity, split
from coursekit.networks.tracing import kinds

# TensorFlow operations that leave numbers as they are, and those that make probabilities of scores.
_NEUTRAL = {"Cast", "CheckNumerics", "EnsureShape", "ExpandDims", "Identity", "IdentityN", "PreventGradient"}
_NEUTRAL |= {"Reshape", "Squeeze", "StopGradient", "Transpose"}
_SQUASHES = {"LogSoftmax", "Sigmoid", "Softmax"}


def read(
    model: Any,
    inputs: Sequence[Any],
    wanted: Sequence[tuple[str, bool]],
    relu: Callable[[Callable], Callable] | None = None,
) -> list[Any]:
    """Compute layers of a network, also before their nonlinearity, also with other rectifiers.

    Args:
        model: A Keras model, left as it is.
        inputs: One tensor per input, with the batch.
        wanted: (name of a step, whether before its nonlinearity).
        relu: Makes the function to use in place of each rectifier from that rectifier: see ``is_rectifier``.

    Returns:
        The tensors wanted, in that order.
    """
    early = {name for name, before in wanted if before}
    found: dict[str, Any] = {}

    def call(step: Any, args: tuple, kwargs: dict) -> Any:
        value, function = split(step, args, kwargs)
        if step.name in early:
            found[step.name] = value
        if function is None:
            return value
        return (relu(function) if relu and is_rectifier(function) else function)(value)

    after = run(steps(model), inputs, [name for name, _ in wanted], call)
    return [found[name] if before else value for (name, before), value in zip(wanted, after, strict=True)]


def before_squashing(model: Any) -> tuple[Step, bool]:
    """Return the step in which the scores of a network stand, and whether they stand before its nonlinearity.

    Scores, or logits, are what a softmax or a sigmoid makes probabilities of. Steps behind it that only lay the numbers
    out anew or change their type (Flatten, a cast, a linear activation, Dropout) are passed over. A network without
    softmax or sigmoid behind its last weights gives scores as it is.

    Raises:
        ValueError: The model has several outputs, or computes with the probabilities, as an average of two softmaxes
            does: then no number in it is the score of a class.
    """
    steps(model)  # checks
    if len(model.outputs) != 1:
        raise ValueError(f"This network has {len(model.outputs)} outputs; class scores are for networks with one.")
    return kept(model, ("before squashing",), lambda: _before_squashing(model))


def gives_probabilities(model: Any) -> bool:
    """Say whether a softmax or a sigmoid stands behind the scores of a network.

    Raises:
        ValueError: As ``before_squashing``.
    """
    step, before = before_squashing(model)
    return before or step.name != output_names(model)[0]


def _before_squashing(model: Any) -> tuple[Step, bool]:
    by_name = {step.name: step for step in steps(model)}
    last = step = by_name[output_names(model)[0]]
    while True:
        if is_squashing(nonlinearity(step.operation)):
            return (step, True) if has_weights(step) else (by_name[step.parents[0]], False)
        if len(step.parents) != 1 or has_weights(step):
            break
        rest = [kind for kind in kinds(step) if kind not in _NEUTRAL]
        if rest and set(rest) <= _SQUASHES and len(rest) == 1:  # a Lambda, say, that is a softmax
            return by_name[step.parents[0]], False
        if rest or not tf.as_dtype(step._node.outputs[0].dtype).is_floating:
            break
        step = by_name[step.parents[0]]
    if culprit := _squashing_behind_the_weights(step, by_name):
        raise ValueError(
            f"{last.name!r} computes with what {culprit!r} has made probabilities of, so no number in this network is "
            "the score of a class. Read a layer before that with channel(model, layer, index)."
        )
    return last, False


def _squashing_behind_the_weights(step: Step, by_name: dict[str, Step]) -> str | None:
    """Return the name of a softmax or sigmoid between a step and the last weights before it, if there is one."""
    waiting, seen = [step], set()
    while waiting:
        step = waiting.pop()
        if step.name in seen or not step.parents:
            continue
        seen.add(step.name)
        if is_squashing(nonlinearity(step.operation)):
            return step.name
        found = kinds(step)
        if has_weights(step):  # its own attention may hold a softmax; only one at its end makes probabilities
            found = [kind for kind in found if kind not in _NEUTRAL][-1:]
        if _SQUASHES & set(found):
            return step.name
        if not has_weights(step):
            waiting += [by_name[name] for name in step.parents]
    return None


def score_layer(model: Any) -> tuple[Step, bool]:
    """Return the step in which ``class_score`` reads the class scores, and whether before its nonlinearity.

    Where a ReLU stands between the last weights and the softmax, as in SqueezeNet, that is before the ReLU.

    Raises:
        ValueError: The model has several outputs, one that is no row of numbers, or no scores.
    """
    if len(model.outputs) != 1 or len(model.outputs[0].shape) != 2:
        shapes = [tuple(tensor.shape) for tensor in model.outputs]
        raise ValueError(f"Class scores are for networks with one output (N, classes); this one gives {shapes}.")
    by_name = {step.name: step for step in steps(model)}
    step, before = before_squashing(model)
    if before:
        return step, True
    # Back from the scores to the last weights, if a ReLU lies on the way.
    last, behind_relu = step, False
    while len(last.parents) == 1 and not behind_relu | has_weights(last):
        relu = is_relu(nonlinearity(last.operation))
        if not relu and not isinstance(last.operation, _LEAVE_SIGNS):
            break
        last, behind_relu = by_name[last.parents[0]], relu
    if last.shape[-1] != step.shape[-1]:  # flattened positions: the classes are no channels of that layer
        return step, False
    if has_weights(last) and is_relu(nonlinearity(last.operation)):
        return last, True
    return (last, False) if behind_relu else (step, False)


# What may stand between a ReLU and the softmax; a reading "everywhere" takes the mean by itself.
_LEAVE_SIGNS = (keras.layers.GlobalAveragePooling2D, keras.layers.Dropout, keras.layers.Flatten)


def has_weights(step: Step) -> bool:
    """Say whether a step is a layer that has weights."""
    return isinstance(step.operation, keras.layers.Layer) and bool(step.operation.weights)
