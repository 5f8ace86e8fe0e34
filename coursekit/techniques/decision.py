"""Maps of why a network decided as it did, one for each method, and how alike two of them are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.stats import rankdata

from coursekit.networks.backend import tf
from coursekit.networks.graph import as_inputs, kept, output_names, signature, sizes_explained, traced
from coursekit.networks.reading import read, score_layer
from coursekit.techniques.activations import activations
from coursekit.techniques.class_activation import grad_cam
from coursekit.techniques.guided_backprop import deconvnet, guided_backprop
from coursekit.techniques.objectives import Objective, channel, class_score
from coursekit.techniques.saliency import saliency
from coursekit.techniques.smoothgrad import smoothgrad

METHODS = {
    "gradient": "Gradient",
    "smoothgrad": "SmoothGrad",
    "guided_backprop": "Guided backprop",
    "deconvnet": "Deconvnet",
    "grad_cam": "Grad-CAM",
}


def decision_maps(
    model: Any,
    image: np.ndarray,
    method: str,
    classes: Sequence[int],
    *,
    layer: str | None = None,
    samples: int = 20,
    seed: int = 0,
    probability: bool = False,
    absolute: bool = False,
    relu: bool = True,
) -> np.ndarray:
    """Return what a method says of classes: one signed number for each pixel, or for each place of a layer.

    Args:
        model: A Keras model with one picture as its input.
        image: (H, W, C), in the size and range that the model takes.
        method: One of ``METHODS``.
        classes: Their indices.
        layer: Where Grad-CAM looks; by default its own.
        samples: Noisy copies for SmoothGrad.
        seed: Of SmoothGrad's noise.
        probability: Explain what comes out behind the softmax instead of the score, a usual mistake.
        absolute: Average absolute values in SmoothGrad, a usual mistake.
        relu: Whether Grad-CAM cuts off what is negative.

    Returns:
        float32 (N, H, W), the sum over the colours, as if all colours of a pixel became brighter together; for
        Grad-CAM (N, h, w) of the layer.
    """
    explained = probability_of if probability else class_score
    targets = [explained(model, index) for index in classes]
    if method == "grad_cam":
        return grad_cam(model, image, targets, layer, relu=relu, upsample=False)
    if method == "smoothgrad":
        found = smoothgrad(model, image, targets, samples, seed=seed, absolute=absolute, progress=False)
    else:
        compute = {"gradient": saliency, "guided_backprop": guided_backprop, "deconvnet": deconvnet}[method]
        found = compute(model, image, targets)
    return found.sum(axis=-1)


def probability_of(model: Any, index: int) -> Objective:
    """Return what comes out for a class, behind the softmax or sigmoid, as an objective."""
    return channel(model, output_names(model)[0], index)


def top_classes(model: Any, image: np.ndarray, count: int = 5) -> list[tuple[int, float]]:
    """Return the classes with the largest outputs, (index, output) of each, the largest first and NaN last."""
    name = output_names(model)[0]
    outputs = activations(model, image, name)
    order = np.argsort(-outputs, kind="stable")[:count]
    return [(int(index), float(outputs[index])) for index in order]


def scores_and_outputs(model: Any, images: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return the scores of all classes, as ``class_score`` has them, and what comes out for them, in one pass.

    Args:
        model: A Keras model with one output (N, classes).
        images: As ``as_inputs`` takes them.

    Returns:
        Both float32 (N, classes); without the N for a picture that came alone.

    Raises:
        ValueError: The model has no scores, or the pictures do not fit.
    """
    specs = [tf.TensorSpec(s.shape, tf.float64 if s.dtype == tf.float64 else tf.float32) for s in signature(model)]

    def make() -> tuple[Any, list[str]]:
        step, before = score_layer(model)
        wanted = [(step.name, before), (output_names(model)[0], False)]

        def both(*inputs: Any) -> list[Any]:
            typed = [tf.cast(one, spec.dtype) for one, spec in zip(inputs, signature(model), strict=True)]
            scores, outputs = (tf.cast(one, tf.float32) for one in read(model, typed, wanted))
            return [tf.reduce_mean(scores, axis=list(range(1, len(scores.shape) - 1))), outputs]

        return traced(both, *specs), [name for name, _ in wanted]

    forward, names = kept(model, ("scores and outputs",), make)
    batches, alone = as_inputs(model, images)
    inputs = [tf.convert_to_tensor(batch, spec.dtype) for batch, spec in zip(batches, specs, strict=True)]
    with sizes_explained(names, inputs):
        scores, outputs = (found.numpy() for found in forward(*inputs))
    return (scores[0], outputs[0]) if alone else (scores, outputs)


def correlation(one: np.ndarray, other: np.ndarray) -> float:
    """Return Pearson's correlation of two maps, from -1 to 1; NaN where one is all one value, or holds NaN."""
    x, y = (np.float64(each).ravel() - np.mean(each, dtype=np.float64) for each in (one, other))
    size = np.sqrt((x @ x) * (y @ y))
    return float(np.clip(x @ y / size, -1, 1)) if size > 0 else float("nan")


def rank_correlation(one: np.ndarray, other: np.ndarray) -> float:
    """Return Spearman's correlation of two maps, with their signs: that of their ranks. NaN as in ``correlation``."""
    if np.isnan(one).any() or np.isnan(other).any():
        return float("nan")
    return correlation(rankdata(one), rankdata(other))
