"""What is to be explained: a class or a unit, one for all pictures or one for each; and maps of a picture's pixels."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from coursekit.networks.backend import tf
from coursekit.networks.gradients import gradient, refuse_whole_numbers
from coursekit.networks.graph import as_inputs, compiled, output_names, steps
from coursekit.techniques.objectives import (
    Objective,
    as_objectives,
    class_score,
    compiled as compiled_objectives,
    in_batches,
)
from coursekit.validation import as_count

Run = Callable[[Sequence[np.ndarray], np.ndarray], list[np.ndarray]]


def as_targets(model: Any, images: Any, target: Any, batch_size: int) -> tuple[list[Objective], list[np.ndarray], bool]:
    """Return what is to be explained, and in which pictures.

    Args:
        model: A Keras model.
        images: As ``as_inputs`` takes them.
        target: A class, by index from 0 or by its ImageNet name; an objective of this model; None for each picture's
            top class; or a list. A list has one for each picture or, with a picture that came alone, any number.
        batch_size: Pictures computed at a time.

    Returns:
        One objective for all pictures or one for each, the pictures as one batch per input, and whether a single map
        is to go out alone.

    Raises:
        TypeError, ValueError: The pictures do not fit, there is no such class, or an objective reads another model.
    """
    steps(model)  # checks
    several = isinstance(target, Iterable) and not isinstance(target, str)
    asked = list(target) if several else [target]
    if target is not None:  # before the pictures, which may be many
        objectives = _objectives_of(model, asked)
    batches, alone = as_inputs(model, images)
    if target is None:
        objectives = _top_classes(model, batches, batch_size)
    if alone and several:
        return objectives, [np.repeat(batch, len(objectives), axis=0) for batch in batches], False
    return objectives, batches, alone


def _objectives_of(model: Any, asked: Sequence[Any]) -> list[Objective]:
    objectives = as_objectives([one if isinstance(one, Objective) else class_score(model, one) for one in asked])
    if objectives[0].model is not model:
        raise ValueError(
            f"The objective {objectives[0].name!r} reads another model: squeezenet() gives a new one at each call. "
            "Keep one."
        )
    return objectives


def _top_classes(model: Any, batches: Sequence[np.ndarray], batch_size: int) -> list[Objective]:
    class_score(model, 0)  # checks that the model gives classes
    forward, count = compiled(model, output_names(model)), len(batches[0])
    starts = range(0, count, batch_size)
    tops = [np.argmax(forward(*(batch[i : i + batch_size] for batch in batches))[0], axis=-1) for i in starts]
    tops = np.concatenate(tops).tolist()
    made = {top: class_score(model, top) for top in set(tops)}
    return [made[top] for top in tops]


def gradient_run(objectives: Sequence[Objective], count: int, what: str, relu: Callable | None = None) -> Run:
    """Return ``run`` of ``objectives.compiled`` that gives the gradient at pictures, one array for each input.

    Args:
        objectives: One for all pictures, or one for each.
        count: How many pictures there are.
        what: The name under which it is kept.
        relu: A rule for the rectifiers; see ``gradient``.

    Raises:
        ValueError: The network takes whole numbers, or the objectives do not fit the pictures.
    """
    model = objectives[0].model
    refuse_whole_numbers(model)

    def slopes(inputs: Sequence[Any], layers: Sequence[Any], score: Callable) -> tuple[list, list]:
        _, maps, found = gradient(model, inputs, layers, score, relu=relu)
        found = [tf.zeros_like(x) if one is None else one for x, one in zip(inputs, found, strict=True)]
        return maps, [tf.cast(one, tf.float32) for one in found]

    return compiled_objectives(objectives, count, what, slopes)


def pixel_gradient(
    model: Any, images: Any, target: Any, batch_size: int, what: str, relu: Callable | None = None
) -> np.ndarray | list[np.ndarray]:
    """Return the gradient of targets with respect to pictures: ``saliency``, with a rule for rectifiers."""
    batch_size = as_count(batch_size, "batch_size")
    objectives, batches, alone = as_targets(model, images, target, batch_size)
    run = gradient_run(objectives, len(batches[0]), what, relu)
    return as_given(in_batches(run, batches, batch_size), alone)


def as_given(found: list[np.ndarray], alone: bool) -> np.ndarray | list[np.ndarray]:
    """Return one array, or one for each of several inputs; without the N for a picture that came alone."""
    found = [one[0] for one in found] if alone else found
    return found[0] if len(found) == 1 else found
