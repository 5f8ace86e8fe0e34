"""Which layers and channels a page shows: few enough to look at, spread over the whole network."""

from __future__ import annotations

from typing import Any

import numpy as np

from coursekit.networks import kinds
from coursekit.networks.graph import Step, output_names, steps
from coursekit.networks.reading import gives_probabilities, score_layer
from coursekit.techniques.chains import chains

MOST_LAYERS = 6
MOST_CHANNELS = 64  # in a montage
MOST_SEARCHED = 8  # channels of a layer whose strongest patches are shown


def layers_to_show(model: Any, most: int = MOST_LAYERS) -> tuple[list[str], int, str]:
    """Return layers with maps, spread evenly from the first to the last, how many such layers there are, and what.

    These are the convolutions, each at what comes out behind its normalization and its activation; in a network without
    any all layers with maps.
    """
    all_steps, behind = steps(model), chains(model)
    convolutions = [step for step in all_steps if isinstance(step.operation, kinds.CONVOLUTIONS_OF_ANY_KIND)]
    ends = list(dict.fromkeys(behind[step.name][-1].name for step in convolutions if _has_maps(step)))
    what = "convolutions, each behind its normalization and activation"
    if not ends:
        what = "layers with maps"
        ends = [step.name for step in all_steps if _has_maps(step) and not step.is_input]
    chosen = np.unique(np.linspace(0, len(ends) - 1, min(most, len(ends))).round().astype(int)) if ends else []
    return [ends[i] for i in chosen], len(ends), what


def channels_to_search(count: int, most: int = MOST_SEARCHED) -> tuple[int, ...]:
    """Return channels spread evenly over a layer's."""
    return tuple(np.unique(np.linspace(0, count - 1, min(most, count)).round().astype(int)).tolist())


def class_count(model: Any, told: bool = False) -> int | None:
    """Return how many classes the network tells apart; None if it does not answer with a number for each.

    Args:
        model: A Keras model.
        told: Whether there are labels or names of classes. A network that gives one number, and not as a probability,
            tells two classes apart only where somebody says so: it may as well measure something.
    """
    count = _numbers(model)
    if count == 1:
        return 2 if told or gives_probabilities(model) else None
    return count


def output_layer(model: Any) -> tuple[str | None, bool]:
    """Return the layer that answers with one row of numbers, if there is one, and whether these are probabilities."""
    return (output_names(model)[0], gives_probabilities(model)) if _numbers(model) else (None, False)


def _numbers(model: Any) -> int | None:
    """Return how many numbers the network answers with; None if these are not one row of scores."""
    try:
        step, _ = score_layer(model)
    except ValueError:  # several outputs, maps, or no scores
        return None
    return step.shape[-1] or None


def feature_layer(model: Any) -> str | None:
    """Return the layer that the class scores, or else the last output, are computed from; None if there is none."""
    by_name = {step.name: step for step in steps(model)}
    step = score_layer(model)[0] if _numbers(model) else by_name[output_names(model)[0]]
    for name in step.parents:
        shape = by_name[name].shape
        if not by_name[name].is_input and not isinstance(shape, list) and len(shape) >= 1 and shape[-1]:
            return name
    return None


def _has_maps(step: Step) -> bool:
    if step.is_input or isinstance(step.shape, list) or len(step.shape) != 3 or not step.shape[-1]:
        return False
    return all(side is None or side >= 2 for side in step.shape[:2])
