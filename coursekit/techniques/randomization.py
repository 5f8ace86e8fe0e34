"""A network with some of its layers as if they had never been trained: the sanity check for saliency maps."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from coursekit.networks.backend import keras
from coursekit.networks.copying import copy
from coursekit.networks.graph import Step, steps
from coursekit.networks.kinds import DEPTHWISE, type_name
from coursekit.networks.reading import has_weights
from coursekit.validation import as_count, nearest


def randomize(model: Any, layers: str | Iterable[str] | int, seed: int = 0) -> Any:
    """Return a copy of a network in which some layers have freshly drawn weights, as before training.

    A map that explains what a network has learnt must change when what it has learnt is taken away. Layers are
    randomized from the top, one after the other, because that is where the classes are told apart.

    Kernels are drawn as He et al. propose, from a normal distribution of variance 2 / (numbers that go into a unit), so
    that activations stay of about the same size. Biases and the means of normalizations become 0, their scales and
    variances 1. A shuffled kernel, which some take instead, would keep the sum of its weights. What is drawn for a
    layer depends on the seed and on its place in the network, not on which others are drawn: ``randomize(model, 2)``
    has the same last layer as ``randomize(model, 1)``.

    Papers: Adebayo, Gilmer, Muelly, Goodfellow, Hardt and Kim, "Sanity Checks for Saliency Maps", NeurIPS 2018,
    arXiv:1810.03292. He, Zhang, Ren and Sun, "Delving Deep into Rectifiers", ICCV 2015, arXiv:1502.01852.

    Args:
        model: A Keras model, left as it is.
        layers: Names of layers that have weights, or of models in the model, for all in them; or how many layers with
            weights, counted from the top: from the last one that is computed. 0 gives a plain copy.
        seed: Decides what is drawn.

    Returns:
        A ``keras.Model`` with the same names and with weights of its own.

    Raises:
        TypeError: ``model`` is no Keras model with a graph, or ``layers`` neither names nor a whole number.
        ValueError: There is no such layer with weights, or a layer cannot be built again from its settings.

    Example:
        >>> from coursekit import filters, randomize, squeezenet
        >>> network = squeezenet()
        >>> untrained = randomize(network, "conv1")
        >>> bool((filters(untrained, "conv1") == filters(network, "conv1")).any())
        False
        >>> bool((filters(untrained, "conv10") == filters(network, "conv10")).all())
        True
    """
    chosen = _chosen(layers, layers_from_the_top(model)[::-1])
    seed = as_count(seed, "seed", 0)
    twin = copy(model)
    done: set[int] = set()
    for place, step in enumerate(steps(twin)):
        if step.name in chosen and id(step.operation) not in done:  # a layer that is called twice is drawn once
            done.add(id(step.operation))
            _draw(step.operation, np.random.default_rng((seed, place)))
    return twin


def layers_from_the_top(model: Any) -> list[str]:
    """Return the names of the layers that ``randomize`` counts, in its order: the last one computed first."""
    return [step.name for step in steps(model) if has_weights(step) and _is_learnt(step)][::-1]


def _chosen(layers: Any, names: list[str]) -> set[str]:
    """Return the names of the layers meant."""
    if isinstance(layers, str) or (isinstance(layers, Iterable) and not isinstance(layers, np.ndarray)):
        chosen: set[str] = set()
        for one in [layers] if isinstance(layers, str) else layers:
            found = [name for name in names if f"/{name}".endswith(f"/{one}") or f"/{one}/" in f"/{name}"]
            if not found:
                raise ValueError(f"There is no layer {one!r} with weights. {nearest(one, names)}")
            chosen.update(found)
        return chosen
    count = as_count(layers, "layers", 0, len(names), "layers with weights")
    return set(names[len(names) - count :])


def _is_learnt(step: Step) -> bool:
    return not isinstance(step.operation, keras.layers.Normalization)  # its mean and variance are the pictures'


def _draw(layer: Any, rng: np.random.Generator) -> None:
    for weight in layer.weights:
        size = tuple(weight.shape)
        if len(size) < 2 or isinstance(layer, keras.layers.PReLU):
            weight.assign(np.full(size, float("gamma" in weight.name or "variance" in weight.name), np.float32))
            continue
        if not keras.backend.is_float_dtype(weight.dtype):
            raise ValueError(
                f"The weights of {layer.name!r} ({type_name(layer)}) are whole numbers, and cannot be drawn."
            )
        # The kernel of a depthwise convolution is (kh, kw, in, multiplier), and each unit sees one of the in.
        depthwise = isinstance(layer, DEPTHWISE) or "depthwise" in weight.name
        fan_in = np.prod(size[:-2] if depthwise else size[:-1])
        if isinstance(layer, (keras.layers.Conv2DTranspose, keras.layers.Conv1DTranspose)):  # (kh, kw, out, in)
            fan_in = np.prod(size[:-2]) * size[-1]
        weight.assign(rng.normal(0, np.sqrt(2 / fan_in), size).astype(np.float32))
