"""Where a layer's work ends: behind the steps that only normalize or bend what it gives."""

from __future__ import annotations

from typing import Any

from coursekit.networks import kinds
from coursekit.networks.backend import keras
from coursekit.networks.graph import Step, steps

_layers = keras.layers
_ONLY_BEND = (*kinds.POINTWISE, _layers.GroupNormalization, _layers.LayerNormalization)
_ONLY_BEND += (_layers.Activation, _layers.Softmax)


def chains(model: Any) -> dict[str, tuple[Step, ...]]:
    """Return for each step itself and, in their order, the steps behind it that only normalize or bend what it gives.

    Each of them is the only one that takes what the step before it gives. A layer of another kind is none, also where
    it ends with an activation.
    """
    all_steps = steps(model)
    children: dict[str, list[Step]] = {step.name: [] for step in all_steps}
    for step in all_steps:
        for parent in step.parents:
            children[parent].append(step)
    found: dict[str, tuple[Step, ...]] = {}
    for step in reversed(all_steps):
        following = children[step.name]
        goes_on = len(following) == 1 and _only_bends(following[0]) and following[0].shape == step.shape
        found[step.name] = (step, *(found[following[0].name] if goes_on else ()))
    return found


def _only_bends(step: Step) -> bool:
    if isinstance(step.operation, _layers.Layer):
        return isinstance(step.operation, _ONLY_BEND)
    return kinds.function_name(step.operation) != "linear"
