"""Which layers and channels a page shows: few enough to look at, spread over the whole network."""

from __future__ import annotations

from typing import Any

import numpy as np

from coursekit.networks import kinds
from coursekit.networks.graph import Step, output_names, steps
from coursekit.networks.reading import gives_probabilities, score_layer

MOST_LAYERS = 6
MOST_CHANNELS = 64  # in a montage
MOST_SEARCHED = 8  # channels of a layer whose strongest patches are shown


def layers_to_show(model: Any, most: int = MOST_LAYERS) -> tuple[list[str], int, str]:
    """Return layers with maps, spread evenly from the first to the last, how many such layers there are, and what.

    These are the convolutions, each at what comes out behind its normalization and its activation; in a network without
    any all layers with maps.
    """
    all_steps = steps(model)
    children: dict[str, list[Step]] = {step.name: [] for step in all_steps}
    for step in all_steps:
        for parent in step.parents:
            children[parent].append(step)
    ends = []
    for step in all_steps:
        if _has_maps(step) and isinstance(step.operation, kinds.CONVOLUTIONS_OF_ANY_KIND):
            end = step
            while len(children[end.name]) == 1 and _finishes(child := children[end.name][0]):
                end = child
            ends.append(end.name)
    ends, what = list(dict.fromkeys(ends)), "convolutions, each behind its normalization and activation"
    if not ends:
        what = "layers with maps"
        ends = [step.name for step in all_steps if _has_maps(step) and not step.is_input]
    chosen = np.unique(np.linspace(0, len(ends) - 1, min(most, len(ends))).round().astype(int)) if ends else []
    return [ends[i] for i in chosen], len(ends), what


def channels_to_search(count: int, most: int = MOST_SEARCHED) -> tuple[int, ...]:
    """Return channels spread evenly over a layer's."""
    return tuple(np.unique(np.linspace(0, count - 1, min(most, count)).round().astype(int)).tolist())


def class_count(model: Any) -> int | None:
    """Return how many classes the network tells apart; None if it does not answer with a number for each."""
    try:
        step, _ = score_layer(model)
    except ValueError:  # several outputs, maps, or no scores
        return None
    return max(2, step.shape[-1]) if step.shape[-1] else None


def output_layer(model: Any) -> tuple[str | None, bool]:
    """Return the layer that answers with a number for each class, if there is one, and whether with probabilities."""
    return (output_names(model)[0], gives_probabilities(model)) if class_count(model) else (None, False)


def feature_layer(model: Any) -> str | None:
    """Return the layer that the class scores, or else the last output, are computed from; None if there is none."""
    by_name = {step.name: step for step in steps(model)}
    step = score_layer(model)[0] if class_count(model) else by_name[output_names(model)[0]]
    for name in step.parents:
        shape = by_name[name].shape
        if not by_name[name].is_input and not isinstance(shape, list) and len(shape) >= 1 and shape[-1]:
            return name
    return None


def _has_maps(step: Step) -> bool:
    if step.is_input or isinstance(step.shape, list) or len(step.shape) != 3 or not step.shape[-1]:
        return False
    return all(side is None or side >= 2 for side in step.shape[:2])


def _finishes(step: Step) -> bool:
    """Say whether a step only normalizes or bends what a convolution gives."""
    finishing = isinstance(step.operation, kinds.POINTWISE) or kinds.function_name(step.operation) != "linear"
    return _has_maps(step) and finishing and not isinstance(step.operation, kinds.WITH_ACTIVATION)
