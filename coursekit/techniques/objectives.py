"""What gradient ascent is to make large: channels, neurons, classes, and anything added up from them.

An objective is a list of readings. A reading takes the maps of one layer, weighs the channels by a direction, and looks
at one position or at the mean of all. Everything an objective can say is such a sum, so objectives add, subtract and
scale, and many of them are computed in one batch by one compiled function.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from numbers import Real
from typing import Any

import numpy as np

from coursekit.networks.backend import tf
from coursekit.networks.graph import (
    as_inputs,
    find_layer,
    kept,
    refuse_channels_first,
    signature,
    sizes_explained,
    traced,
)
from coursekit.networks.labels import as_class
from coursekit.networks.nonlinearity import nonlinearity
from coursekit.networks.reading import read, score_layer
from coursekit.techniques.optimization import Aim, compiled_scores, picture_shape
from coursekit.validation import as_count, as_index, renamed

EVERYWHERE, CENTRE = (-1, -1), (-2, -2)


@dataclass(frozen=True, eq=False)
class Reading:
    """One look at one layer.

    Attributes:
        layer: Full name of the step.
        direction: Weights of the channels, float32 (C,).
        position: (row, column) in the layer's maps, ``CENTRE``, or ``EVERYWHERE`` for the mean over all positions.
        pre_activation: Whether the layer is read before its own nonlinearity.
    """

    layer: str
    direction: np.ndarray
    position: tuple[int, int]
    pre_activation: bool = False


@dataclass(frozen=True, eq=False)
class Objective:
    """A number for every picture, to be made large. Add objectives, subtract them, multiply them by numbers.

    ``objective(images)`` computes it. ``maximize(objective)`` looks for the picture with the most of it.

    Attributes:
        model: The network that is read.
        readings: What is read; the objective is the sum of all readings.
        name: What it is, for titles.
    """

    model: Any
    readings: tuple[Reading, ...]
    name: str

    def __call__(self, images: Any, batch_size: int = 32) -> np.ndarray:
        """Return the objective of pictures.

        Args:
            images: (H, W, C) or (N, H, W, C), values 0-255, in the size that the model takes.
            batch_size: Pictures computed at a time.

        Returns:
            float32 (N,); one number for a picture that came alone.
        """
        return _values(self, images, as_count(batch_size, "batch_size"))

    def __add__(self, other: Objective) -> Objective:
        if not isinstance(other, Objective):
            return NotImplemented
        _same_model((self, other))
        return Objective(self.model, self.readings + other.readings, f"{self.name} + {other.name}")

    def __radd__(self, other: int) -> Objective:
        return self if other == 0 else NotImplemented  # sum([...]) begins with 0

    def __mul__(self, factor: float) -> Objective:
        if not isinstance(factor, Real):
            raise TypeError(f"An objective can be multiplied by a number, not by {type(factor).__name__}.")
        if not abs(factor) <= float(np.finfo(np.float32).max):
            raise ValueError(f"An objective can be multiplied by a finite number, not by {factor}.")
        readings = tuple(replace(r, direction=r.direction * np.float32(factor)) for r in self.readings)
        name = f"({self.name})" if len(self.readings) > 1 else self.name
        return Objective(self.model, readings, f"{factor:g} × {name}")

    __rmul__ = __mul__

    def __truediv__(self, divisor: float) -> Objective:
        return self * (1 / divisor)

    def __neg__(self) -> Objective:
        return self * -1

    def __sub__(self, other: Objective) -> Objective:
        return self + -other if isinstance(other, Objective) else NotImplemented

    def __repr__(self) -> str:
        return f"<Objective: {self.name}>"


@renamed(before="pre_activation")
def channel(model: Any, layer: str, index: int, pre_activation: bool = False) -> Objective:
    """Return the mean of one channel over all positions, as an objective.

    Args:
        model: A Keras model.
        layer: Its name.
        index: The channel, counted from 0.
        pre_activation: Read the layer before its own nonlinearity, where one is folded into it or it is one.

    Raises:
        TypeError, ValueError: There is no such layer or channel.

    Examples:
        >>> from coursekit import activations, channel, photo, squeezenet
        >>> network, picture = squeezenet(), photo("astronaut", 227)
        >>> eyes = channel(network, "fire6-squeeze1x1", 13)
        >>> bool(abs(eyes(picture) - activations(network, picture, "fire6-squeeze1x1")[..., 13].mean()) < 1e-3)
        True
    """
    step, count = _step_with_channels(model, layer)
    index = as_index(index, count, f"channel of {layer!r}")
    return _objective(model, step, _one_hot(index, count), EVERYWHERE, pre_activation, f"{layer} {index}")


@renamed(before="pre_activation")
def neuron(
    model: Any, layer: str, index: int, position: tuple[int, int] | None = None, pre_activation: bool = False
) -> Objective:
    """Return one channel at one position, as an objective.

    Args:
        model: A Keras model.
        layer: Its name.
        index: The channel, counted from 0.
        position: (row, column) in the layer's maps, counted from 0; by default the centre.
        pre_activation: Read the layer before its own nonlinearity.

    Raises:
        TypeError, ValueError: There is no such layer, channel or position.

    Examples:
        >>> from coursekit import activations, neuron, photo, squeezenet
        >>> network, picture = squeezenet(), photo("astronaut", 227)
        >>> corner = neuron(network, "conv1", 22, (0, 0))
        >>> bool(abs(corner(picture) - activations(network, picture, "conv1")[0, 0, 22]) < 1e-3)
        True
    """
    step, count = _step_with_channels(model, layer)
    index = as_index(index, count, f"channel of {layer!r}")
    where, said = _position(step, position)
    return _objective(model, step, _one_hot(index, count), where, pre_activation, f"{layer} {index} at {said}")


@renamed(before="pre_activation")
def direction(
    model: Any,
    layer: str,
    vector: Any,
    position: tuple[int, int] | str = "everywhere",
    pre_activation: bool = False,
) -> Objective:
    """Return the channels of a layer weighted by a vector, as an objective: the dot product with it.

    Args:
        model: A Keras model.
        layer: Its name.
        vector: One number for each channel, such as the activations of a picture at one position.
        position: (row, column), ``"centre"``, or ``"everywhere"`` for the mean over all positions.
        pre_activation: Read the layer before its own nonlinearity.

    Raises:
        TypeError, ValueError: There is no such layer or position, or the vector does not fit.

    Examples:
        >>> from coursekit import activations, direction, photo, squeezenet
        >>> network = squeezenet()
        >>> face = activations(network, photo("astronaut", 227), "fire6-squeeze1x1")[4, 6]
        >>> like_it = direction(network, "fire6-squeeze1x1", face)
        >>> bool(like_it(photo("astronaut", 227)) > like_it(photo("brick", 227)))
        True
    """
    step, count = _step_with_channels(model, layer)
    weights = np.asarray(vector, np.float32)
    if weights.shape != (count,) or not np.isfinite(weights).all():
        raise ValueError(f"vector must hold {count} finite numbers, one for each channel of {layer!r}.")
    if isinstance(position, str) and position == "everywhere":
        return _objective(model, step, weights, EVERYWHERE, pre_activation, f"a direction in {layer}")
    centre = isinstance(position, str) and position == "centre"
    where, said = _position(step, None if centre else position)
    return _objective(model, step, weights, where, pre_activation, f"a direction in {layer} at {said}")


def class_score(model: Any, label: int | str) -> Objective:
    """Return the score of a class before the softmax or sigmoid, as an objective.

    A softmax that is sure has a gradient of almost nothing, and it can be raised by lowering all the other classes;
    hence the score. Where a ReLU and a global average stand between the last weights and the softmax, as in
    SqueezeNet, the score is read before that ReLU: behind it, a class that is nowhere in the picture has no gradient.

    Args:
        model: A Keras model with one output.
        label: The class, by index from 0 or by its ImageNet name.

    Raises:
        TypeError, ValueError: There is no such class, the model's output is no row of classes, or what it gives is
            computed from probabilities, so that there are no scores.

    Examples:
        >>> from coursekit import class_score, photo, squeezenet
        >>> cat = class_score(squeezenet(), "tabby, tabby cat")
        >>> bool(cat(photo("chelsea", 227)) > cat(photo("rocket", 227)))
        True
    """
    refuse_channels_first(model)
    step, pre_activation = score_layer(model)
    count = step.shape[-1]
    index = as_class(label, count)
    name = label if isinstance(label, str) else f"class {index}"
    return _objective(model, step, _one_hot(index, count), EVERYWHERE, pre_activation, name)


def _step_with_channels(model: Any, layer: str) -> tuple[Any, int]:
    refuse_channels_first(model)
    step = find_layer(model, layer)
    if isinstance(step.shape, list) or len(step.shape) not in (1, 3) or step.shape[-1] is None:
        raise ValueError(f"Layer {layer!r} has no channels to read: its output is {step.shape}.")
    return step, step.shape[-1]


def _one_hot(index: int, count: int) -> np.ndarray:
    vector = np.zeros(count, np.float32)
    vector[index] = 1
    return vector


def _position(step: Any, position: Any) -> tuple[tuple[int, int], str]:
    if position is None:
        return CENTRE, "the centre"
    if len(step.shape) != 3:
        raise ValueError(f"Layer {step.name!r} has no positions: its output is {step.shape}.")
    try:
        row, column = position
    except (TypeError, ValueError):
        raise TypeError(f"position must be (row, column), not {position!r}.") from None
    height, width = (size or 2**31 for size in step.shape[:2])
    row, column = as_index(row, height, f"row of {step.name!r}"), as_index(column, width, f"column of {step.name!r}")
    return (row, column), f"({row}, {column})"


def _objective(model: Any, step: Any, vector: np.ndarray, where: tuple, pre_activation: bool, name: str) -> Objective:
    if pre_activation and nonlinearity(step.operation) is None:
        raise ValueError(f"Layer {step.name!r} has no nonlinearity of its own: read it without pre_activation=True.")
    return Objective(model, (Reading(step.name, vector, where, bool(pre_activation)),), name)


def as_objectives(objective: Any) -> list[Objective]:
    """Return one objective, or several of one model, as a list.

    Raises:
        TypeError, ValueError: Something else came, nothing, or objectives of different models.
    """
    objectives = list(objective) if isinstance(objective, Iterable) else [objective]
    if not objectives:
        raise ValueError("There is no objective: give at least one, such as channel(model, layer, index).")
    for item in objectives:
        if not isinstance(item, Objective):
            raise TypeError(f"Expected objectives, such as channel(model, layer, index), not {type(item).__name__}.")
    _same_model(objectives)
    return objectives


def _same_model(objectives: Sequence[Objective]) -> None:
    if any(objective.model is not objectives[0].model for objective in objectives):
        raise ValueError("These objectives read different models: squeezenet() gives a new one at each call. Keep one.")


def layers_read(objectives: Sequence[Objective]) -> tuple[tuple[str, bool], ...]:
    """Return what the objectives read, each layer once: (name, before its nonlinearity)."""
    return tuple(dict.fromkeys((r.layer, r.pre_activation) for objective in objectives for r in objective.readings))


def tables(objectives: Sequence[Objective]) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return the objectives as numbers, for ``total``.

    Returns:
        For each layer of ``layers_read``: directions, float32 (N, R, C), and positions, int32 (N, R, 2), where R is
        the largest number of readings that one of the N objectives takes there. What is not used has direction 0.
    """
    result = []
    for key in layers_read(objectives):
        rows = [[r for r in objective.readings if (r.layer, r.pre_activation) == key] for objective in objectives]
        count, channels = max(map(len, rows)), next(r for row in rows for r in row).direction.size
        directions = np.zeros((len(rows), count, channels), np.float32)
        positions = np.full((len(rows), count, 2), EVERYWHERE, np.int32)
        for n, row in enumerate(rows):
            for k, reading in enumerate(row):
                directions[n, k], positions[n, k] = reading.direction, reading.position
        result.append((directions, positions))
    return result


def total(maps: Sequence[Any], directions: Sequence[Any], positions: Sequence[Any]) -> Any:
    """Return the objectives as a tensor, each for its own picture of the batch.

    Args:
        maps: For each layer a tensor (N, H, W, C) or (N, C).
        directions: What ``tables`` gave, as tensors.
        positions: What ``tables`` gave, as tensors.

    Returns:
        float32 (N,).
    """
    values = []
    for values_of_layer, towards, where in zip(maps, directions, positions, strict=True):
        layer = tf.cast(values_of_layer, tf.float32)
        if layer.shape.rank == 2:
            layer = layer[:, tf.newaxis, tf.newaxis]
        size = tf.shape(layer)[1:3]
        flat = tf.reshape(layer, [tf.shape(layer)[0], -1, layer.shape[3]])
        answers = tf.matmul(flat, towards, transpose_b=True)  # (N, H * W, R)
        everywhere = tf.reduce_all(where == EVERYWHERE, -1)
        point = tf.where(where == CENTRE, size // 2, where)
        inside = tf.reduce_all(point < size, -1)  # what lies outside is read nowhere: its callers raise
        index = tf.where(everywhere | ~inside, 0, point[..., 0] * size[1] + point[..., 1])
        at_point = tf.gather(tf.transpose(answers, [0, 2, 1]), index, axis=2, batch_dims=2)
        values.append(tf.reduce_sum(tf.where(everywhere, tf.reduce_mean(answers, 1), at_point), 1))
    return tf.add_n(values)


def linear_aim(objectives: Sequence[Objective]) -> Aim:
    """Return objectives as what an ascent of as many pictures makes large, each its own picture's."""

    def score(maps: Sequence[Any], pictures: Any, constants: Sequence[Any]) -> Any:
        return total(maps, constants[: len(maps)], constants[len(maps) :])

    directions, positions = zip(*tables(objectives), strict=True)
    return Aim(objectives[0].model, layers_read(objectives), score, (*directions, *positions), ("linear",))


def check_positions(objectives: Sequence[Objective], size: int | tuple[int, int] | None) -> None:
    """Raise if a neuron that exists in pictures of the network's own size lies outside of the maps of this size.

    Raises:
        TypeError, ValueError: It does, or see ``picture_shape``.
    """
    aim, shape = linear_aim(objectives), picture_shape(objectives[0].model, size)
    maps = dict(zip(aim.layers, compiled_scores(aim, shape).structured_outputs[1], strict=True))
    for r in (r for objective in objectives for r in objective.readings):
        _check_position(r, tuple(maps[r.layer, r.pre_activation].shape[1:3]), f"pictures of {shape[0]} x {shape[1]}")


def _check_position(reading: Reading, maps: tuple, pictures: str) -> None:
    if None not in maps and any(at >= side for at, side in zip(reading.position, maps, strict=False)):
        have = " x ".join(map(str, maps))
        raise ValueError(f"In {pictures}, {reading.layer!r} has {have} positions: {reading.position} is outside.")


def in_batches(run: Callable, batches: Sequence[np.ndarray], batch_size: int) -> list[np.ndarray]:
    """Return what ``run`` of ``compiled`` gives for all pictures, as arrays; ``batches`` is one array per input."""
    count = len(batches[0])
    starts = [np.arange(start, min(start + batch_size, count)) for start in range(0, count, batch_size)]
    parts = [run([batch[which] for batch in batches], which) for which in starts]
    return [np.concatenate(several) for several in zip(*parts, strict=True)]


def compiled(
    objectives: Sequence[Objective], count: int, what: str, function: Callable[..., tuple[list, list]]
) -> Callable[[Sequence[np.ndarray], np.ndarray], list[np.ndarray]]:
    """Return what computes something of pictures and objectives in one compiled function, kept for the next time.

    Args:
        objectives: One for all pictures, or one for each.
        count: How many pictures there are.
        what: What the function computes: the name under which it is kept.
        function: ``function(inputs, layers, score)``, of one float32 tensor per input, of the layers to read, and of
            what makes scores (N,) of their tensors. It returns these tensors, and tensors (N, ...).

    Returns:
        ``run(inputs, which)``, for ``in_batches``: it takes one array per input and which of the pictures they are, int
        (N,), and gives what the function returned last, as arrays. It raises ValueError where the pictures are too
        small for the network, or a neuron lies outside of their maps.

    Raises:
        ValueError: The number of pictures does not fit the objectives.
    """
    model, aim = objectives[0].model, linear_aim(objectives)
    if len(objectives) not in (1, count):
        pictures = "1 picture" if count == 1 else f"{count} pictures"
        raise ValueError(f"There are {len(objectives)} objectives but {pictures}: give one for all, or one for each.")

    def computed(inputs: Sequence[Any], constants: Sequence[Any]) -> tuple:
        maps, found = function(inputs, aim.layers, lambda maps: aim.score(maps, None, constants))
        return [tf.shape(layer)[1:3] for layer in maps], found

    # Whole numbers and half precision go in as float32, so that there is a gradient, and one of full precision.
    types = [tf.float64 if spec.dtype == tf.float64 else tf.float32 for spec in signature(model)]

    def make() -> Callable:
        specs = [tf.TensorSpec(spec.shape, dtype) for spec, dtype in zip(signature(model), types, strict=True)]
        return traced(computed, specs, aim.specs)

    forward, unchecked = kept(model, (what, aim.identity), make), [True]

    def run(inputs: Sequence[np.ndarray], which: np.ndarray) -> list[np.ndarray]:
        inputs = [tf.convert_to_tensor(batch, dtype) for batch, dtype in zip(inputs, types, strict=True)]
        rows = which if len(objectives) > 1 else np.zeros_like(which)
        with sizes_explained([name for name, _ in aim.layers], inputs):
            sides, found = forward(inputs, [tf.constant(constant[rows]) for constant in aim.constants])
        for r in (r for objective in objectives for r in objective.readings if unchecked):
            place = aim.layers.index((r.layer, r.pre_activation))
            _check_position(r, tuple(sides[place].numpy().tolist()), "these pictures")
        unchecked.clear()
        return [one.numpy() for one in found]

    return run


def score_run(objectives: Sequence[Objective], count: int) -> Callable:
    """Return ``run`` of ``compiled`` that gives the objectives of pictures, float32 (N,), as its only array."""
    model = objectives[0].model

    def scores(inputs: Sequence[Any], layers: Sequence[Any], score: Callable) -> tuple[list, list]:
        typed = [tf.cast(one, tensor.dtype) for one, tensor in zip(inputs, model.inputs, strict=True)]
        maps = read(model, typed, layers)
        return maps, [score(maps)]

    return compiled(objectives, count, "objective", scores)


def _values(objective: Objective, images: Any, batch_size: int) -> np.ndarray:
    batches, alone = as_inputs(objective.model, images)
    (values,) = in_batches(score_run([objective], len(batches[0])), batches, batch_size)
    return values[0] if alone else values
