"""What is wrong with a network: the course's techniques as a debugger, each number beside what is normal.

There is no score that adds the findings up: what counts as ill depends on what the network is for.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from coursekit.networks.graph import as_inputs, refuse_channels_first, steps
from coursekit.techniques import (
    diagnosis_answers as answers,
    diagnosis_layers as layers,
    diagnosis_neighbors as neighbors,
)
from coursekit.techniques.diagnosis_pass import see
from coursekit.techniques.diagnosis_table import Diagnosis, Finding, not_measured
from coursekit.validation import as_count
from coursekit.waiting import progress_bar


def diagnose(
    model: Any,
    pictures: Any,
    labels: Any = None,
    *,
    test_pictures: Any = None,
    test_labels: Any = None,
    batch_size: int = 32,
) -> Diagnosis:
    """Return a table of what is measured in a network, each number beside what is normal.

    Looked for are

    - ``dead channels`` and ``dead channels of Dense layers``: behind a ReLU, never above zero in any picture; maps of
      one place count as Dense layers;
    - ``nearly constant channels``: alive, and the same everywhere, behind normalization and activation;
    - ``twins among filters``: kernels of the first layer that differ in their strength only;
    - ``inputs on another scale``: the labels are more probable, also than by guessing, and not clearly more answers
      wrong, for the pictures divided by 255, inverted, and so on;
    - ``inputs off their statistics``: the first BatchNormalization gets other numbers than in training;
    - ``saturated outputs``, ``sure and wrong``: probabilities above 0.999, of all answers and of the wrong ones;
    - ``one answer for all``;
    - ``a place at the border that carries a class``, by occlusion and by the gradient, against the other classes;
    - ``errors away from borders``: wrong answers whose neighbours are of neither class, where both have many pictures;
    - ``labels that neighbours contradict``;
    - ``test pictures apart from the others``: the network sees two kinds;
    - ``pictures in training and test``: the same, with noise, or moved by a pixel;
    - ``answers that flip under a shift`` by one pixel.

    Neighbours are those of ``nearest_neighbors`` among what the last layer with weights gets to see. With test
    pictures, what is said of answers (certainty, errors, shifts) is said of these; layers, labels and the place are
    looked at with the pictures, the scale with both. A single sigmoid answers for two classes, with the probability of
    class 1. What cannot be measured, such as what needs labels, says so; what custom layers hold is not looked into.
    There is no score that adds them up: a finding is a number to look into, not a verdict.

    The pictures pass through the network once, a batch at a time; what needs more passes takes at most 512 of them, the
    place at the border up to 20 of each class.
    Memory does not grow with their number, but for these features, and for thumbnails of 32 pixels where test pictures
    are looked for among them. Interrupted after that pass, it gives what it has.

    How far to trust it, on the networks of ``patient``, seeds 0 to 19 of each ill kind and 0 to 39 of the healthy, none
    of which had a part in the ranges (``benchmarks/diagnosis.py``): of the healthy ones none was accused of anything.
    Found were all 20 with dead channels, all 20 whose test was inverted, at 0 to 255 or at -1 to 1, all 20 with a white
    mark in a corner that only one class has, all 20 with a tenth of the labels wrong (91 % of the labels named were
    wrong ones, and 80 % of the wrong ones were named), and all 20 with copies in the test. The narrowest was the mark:
    0.071 where up to 0.07 is normal, in a network that hardly needs it.

    Args:
        model: A Keras model.
        pictures: As ``activations`` takes them. For labels that neighbours contradict, those it was trained on.
        labels: The class of each picture, an index from 0, (N,).
        test_pictures: Others of the same kind (M, H, W, C), to be looked for among the pictures.
        test_labels: The class of each of them, (M,).
        batch_size: Pictures computed at a time.

    Returns:
        A ``Diagnosis``: its ``findings``, what is unusual first, and whether it was ``interrupted``.
        ``found["dead channels"]`` is one of them, with its ``value``, what is ``normal``, where that was
        ``measured_on``, what it ``says``, the ``lesson`` that explains it and the ``details`` to draw it from.

    Raises:
        TypeError: ``model`` is no Keras model with a graph, or pictures or labels hold something else.
        ValueError: Pictures or labels do not fit the network, or each other.

    Example:
        >>> import keras, numpy as np
        >>> from coursekit import diagnose
        >>> dense = keras.layers.Dense(4, activation="relu", name="hidden")
        >>> model = keras.Sequential([keras.Input((2, 2, 1)), keras.layers.Flatten(), dense, keras.layers.Dense(3)])
        >>> dense.set_weights([np.zeros((4, 4)), np.array([1, 1, 1, -1])])
        >>> found = diagnose(model, np.ones((8, 2, 2, 1)))
        >>> found["dead channels of Dense layers"].value, found["saturated outputs"].value
        (0.25, None)
    """
    steps(model)  # checks
    batch_size = as_count(batch_size, "batch_size")
    refuse_channels_first(model)
    batches, _ = as_inputs(model, pictures)
    classes = model.outputs[0].shape[-1] if len(model.outputs) == 1 and len(model.outputs[0].shape) == 2 else None
    labels = _as_labels(labels, len(batches[0]), "labels", classes)
    tests = None if test_pictures is None else as_inputs(model, test_pictures)[0]
    if tests is None and test_labels is not None:
        raise ValueError("There are test_labels but no test_pictures.")
    test_labels = _as_labels(test_labels, 0 if tests is None else len(tests[0]), "test_labels", classes)
    seen = see(model, batches, labels, batch_size)
    test = None if tests is None else see(model, tests, test_labels, batch_size)
    parts: list[tuple[tuple[str, ...], Callable[[], list[Finding]]]] = [
        (layers.DEAD, partial(layers.dead_channels, seen)),
        (layers.CONSTANT, partial(layers.constant_channels, seen)),
        (layers.TWINS, partial(layers.twins, seen)),
        (answers.SCALE, partial(answers.input_scale, seen, test)),
        (layers.STATISTICS, partial(layers.statistics, seen)),
        (answers.CERTAINTY, partial(answers.certainty, test or seen)),
        (answers.PLACE, partial(answers.border_place, seen)),
        (neighbors.ERRORS, partial(neighbors.errors, seen, test)),
        (neighbors.LABELS, partial(neighbors.contradicted, seen)),
        (neighbors.APART, partial(neighbors.apart, seen, test)),
        (neighbors.COPIES, partial(neighbors.copies, seen, test)),
        (answers.FLIPS, partial(answers.flips, test or seen)),
    ]
    found: list[Finding] = []
    interrupted = False
    try:
        for several, measure in progress_bar(parts, unit="measure"):
            try:
                found += measure()
            except (TypeError, ValueError) as error:  # such as an operation without a gradient
                found += [not_measured(name, str(error)) for name in several]
    except KeyboardInterrupt:
        interrupted = True
        names = {one.name for one in found}
        missing = [name for several, _ in parts for name in several if name not in names]
        found += [not_measured(name, "It was interrupted before this was measured.") for name in missing]
    return Diagnosis(tuple(sorted(found, key=lambda one: (not one.unusual, one.value is None))), interrupted)


def _as_labels(labels: Any, count: int, name: str, classes: int | None) -> np.ndarray | None:
    """Return labels as int64 (N,).

    Raises:
        TypeError, ValueError: They are no whole numbers, not one for each picture, or no class of the network.
    """
    if labels is None:
        return None
    array = np.asarray(labels)
    if not np.issubdtype(array.dtype, np.integer):
        raise TypeError(f"{name} must hold the index of each picture's class, whole numbers, not {array.dtype}.")
    if array.shape != (count,):
        raise ValueError(f"{name} must be one class for each of the {count} pictures, not {array.shape}.")
    if array.size and (array.min() < 0 or (classes is not None and array.max() >= max(classes, 2))):
        most = "" if classes is None else f" to {max(classes, 2) - 1}"
        raise ValueError(f"{name} must be from 0{most}, and hold {array.min()} to {array.max()}.")
    return array.astype(np.int64)
