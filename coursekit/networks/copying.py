"""A copy of a network, with weights of its own."""

from __future__ import annotations

from functools import partial
from typing import Any

from coursekit.networks.adapting import _Function, _WithoutActivation
from coursekit.networks.backend import keras
from coursekit.networks.graph import is_graph, steps


def copy(model: Any, instead: dict[type, type] | None = None) -> Any:
    """Return the same network with the same names and numbers, but weights of its own.

    Args:
        model: A Keras model, left as it is.
        instead: Kinds of layers and, for each, another one with the same settings and no other weights.

    Raises:
        TypeError, ValueError: ``model`` is no Keras model with a graph, or a layer cannot be built again from its
            settings.
    """
    steps(model)  # checks
    twin = keras.models.clone_model(model, clone_function=partial(_rebuilt, instead=instead or {}), recursive=True)
    if isinstance(model, keras.Sequential) and not twin.built:
        twin.build(model.inputs[0].shape)
    own, others = model.weights, twin.weights
    if [weight.shape for weight in own] != [weight.shape for weight in others]:
        raise ValueError(
            "This network cannot be built again from the settings of its layers: its weights are others, as after "
            "enable_lora() or quantize()."
        )
    twin.set_weights(model.get_weights())
    return twin


def _rebuilt(layer: Any, instead: dict[type, type]) -> Any:
    """Return a layer of the same settings. Functions stay the same ones: they cannot be built from text."""
    if isinstance(layer, keras.layers.Lambda):
        return keras.layers.Lambda(
            layer.function, layer._output_shape, layer.mask, layer.arguments, name=layer.name, dtype=layer.dtype_policy
        )
    if isinstance(layer, _Function):
        return _Function(layer.function, name=layer.name, dtype=layer.dtype_policy)
    if isinstance(layer, _WithoutActivation):
        return _WithoutActivation(_rebuilt(layer.layer, instead), name=layer.name)
    if is_graph(layer):
        return copy(layer, instead)
    try:
        return instead.get(type(layer), type(layer)).from_config(layer.get_config())
    except Exception as error:  # whatever a layer of the user's own raises
        raise ValueError(
            f"Layer {layer.name!r} ({type(layer).__name__}) cannot be built again from its get_config() "
            f"({type(error).__name__}), so the network cannot be copied."
        ) from error
