"""A network that takes averages where it took the largest value."""

from __future__ import annotations

from typing import Any

from coursekit.networks.backend import keras
from coursekit.networks.copying import copy
from coursekit.networks.graph import steps
from coursekit.networks.kinds import MAX_POOLINGS, type_name

_AVERAGE = (keras.layers.AveragePooling1D, keras.layers.AveragePooling2D, keras.layers.AveragePooling3D)


def with_average_pooling(model: Any) -> Any:
    """Return a copy of a network in which each max pooling takes the average instead. Global poolings stay.

    Max pooling hands the gradient to one place of each window. Averages hand it to all of them, and pictures that are
    optimised come out smoother: so do Gatys et al. for textures and style. The copy's answers are no longer those that
    the network was trained for, so do not ask it for a class.

    Paper: Gatys, Ecker and Bethge, "Texture synthesis using convolutional neural networks", NeurIPS 2015,
    arXiv:1505.07376.

    Args:
        model: A Keras model, left as it is.

    Returns:
        A ``keras.Model`` with the same names and with weights of its own.

    Raises:
        TypeError: ``model`` is no Keras model with a graph.
        ValueError: A layer cannot be built again from its settings, or a max pooling is no layer of Keras' own.

    Example:
        >>> from coursekit import activations, photo, squeezenet, with_average_pooling
        >>> network, picture = squeezenet(), photo("chelsea", 227)
        >>> average = with_average_pooling(network)
        >>> bool((activations(average, picture, "pool1") <= activations(network, picture, "pool1")).all())
        True
    """
    for step in steps(model):
        if type_name(step.operation) == "max_pool":
            raise ValueError(
                f"{step.name!r} is the operation keras.ops.max_pool, which cannot be exchanged. Build the network with "
                "the layer MaxPooling2D."
            )
        if isinstance(step.operation, MAX_POOLINGS) and type(step.operation) not in MAX_POOLINGS:
            raise ValueError(
                f"{step.name!r} is a max pooling of another kind, {type(step.operation).__name__}, which cannot be "
                "exchanged. Build the network with the layer MaxPooling2D."
            )
    return copy(model, dict(zip(MAX_POOLINGS, _AVERAGE, strict=True)))
