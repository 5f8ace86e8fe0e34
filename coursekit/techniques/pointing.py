"""What a layer finds at a place of a picture."""

from __future__ import annotations

from typing import Any

import numpy as np

from coursekit.networks.graph import as_inputs, find_layer
from coursekit.techniques.activations import activations
from coursekit.techniques.receptive_field import ReceptiveField, receptive_field


def channels_at(
    model: Any, image: Any, layer: str, row: int, column: int
) -> tuple[tuple[int, int], np.ndarray, np.ndarray]:
    """Return which channels of a layer fire most at a pixel of a picture.

    The pixel is seen by many units of a deep layer. The one that is asked is the one whose receptive field has its
    middle nearest to the pixel.

    Args:
        model: A Keras model with one input, channels last.
        image: One picture (H, W, C).
        layer: A layer's name; its output is (rows, columns, channels).
        row: Of the pixel, from 0.
        column: Of the pixel, from 0.

    Returns:
        The unit's (row, column); all channels, int64 (C,), the strongest first; their activations there, float32 (C,).

    Raises:
        TypeError, ValueError: As ``activations`` and ``receptive_field``; or the layer has no rows and columns, several
            pictures came, or there is no such pixel.

    Example:
        >>> from coursekit import channels_at, photo, squeezenet
        >>> unit, channels, values = channels_at(squeezenet(), photo("chelsea", 227), "fire9-concat", 100, 120)
        >>> unit, len(channels), bool((values[:-1] >= values[1:]).all())
        ((5, 7), 512, True)
    """
    step = find_layer(model, layer)
    if len(step.shape) != 3:
        raise ValueError(f"Layer {step.name!r} gives {step.shape}, which has no rows and columns to point at.")
    batches, _ = as_inputs(model, image)
    if len(batches) != 1 or len(batches[0]) != 1:
        raise ValueError("channels_at takes one picture and a network with one input.")
    field = receptive_field(model, step.name, tuple(map(int, batches[0].shape[1:3])))
    return strongest_at(field, activations(model, batches[0][0], step.name), row, column)


def strongest_at(
    field: ReceptiveField, maps: np.ndarray, row: int, column: int
) -> tuple[tuple[int, int], np.ndarray, np.ndarray]:
    """Return what ``channels_at`` does, of a layer's receptive field and maps (rows, columns, C). NaN comes last."""
    unit = field.unit_at(row, column)
    here = maps[unit]
    order = np.argsort(-here, kind="stable")
    return unit, order, here[order]
