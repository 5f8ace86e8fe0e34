"""Where a network looked: class activation maps, and their generalisation by gradients."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from coursekit.networks.backend import keras, tf
from coursekit.networks.gradients import gradient
from coursekit.networks.graph import Step, compiled as compiled_layers, find_layer, steps
from coursekit.networks.nonlinearity import nonlinearity
from coursekit.networks.reading import score_layer
from coursekit.pictures import resize
from coursekit.techniques.objectives import EVERYWHERE, Objective, compiled, in_batches, layers_read
from coursekit.techniques.targets import as_targets
from coursekit.validation import as_count


def cam(
    model: Any,
    images: Any,
    target: Any,
    bias: bool = False,
    relu: bool = True,
    upsample: bool = True,
    batch_size: int = 32,
) -> np.ndarray:
    """Return which places speak for a class: the class activation map of a network that ends in a global average.

    Such a network averages the last feature maps over all places and weighs the averages for each class. The map
    weighs the feature maps in the same way, before the average: its mean over all places is the score, without the
    bias of the class.

    The score is ``class_score``'s: before the softmax, and, where a ReLU stands between the last weights and the
    global average, as in SqueezeNet, *before* that ReLU. Behind it the map would be cut off at each place by itself,
    and that of a class that is nowhere in the picture would be zero, as would its gradient.

    The values are in units of the score. They are not stretched to a range of their own, so maps of several classes
    and pictures compare, and a map of zeros stays one.

    Paper: Zhou, Khosla, Lapedriza, Oliva and Torralba, "Learning Deep Features for Discriminative Localization", CVPR
    2016, arXiv:1512.04150. There what is negative is kept: ``relu=False``.

    Args:
        model: A Keras model whose scores are a global average behind a 1 x 1 convolution, or a Dense layer behind a
            global average.
        images: (H, W, C) or (N, H, W, C), in the size and range that the model takes; several inputs as in
            ``activations``.
        target: A class, by index from 0 or by its ImageNet name; ``class_score`` objectives, added or subtracted:
            ``class_score(model, "goose") - class_score(model, "tabby")`` shows what speaks for one and against the
            other; None for the top class of each picture. One for all pictures, or a list with one for each. For a
            picture that came alone a list may hold any number, and the result has an axis for them.
        bias: Add the bias of the class to every place. Then the map's mean is the whole score.
        relu: Cut off what is negative: what speaks against the class.
        upsample: Enlarge the map bilinearly to the size of the picture; False for one value for each place of the
            layer.
        batch_size: Pictures computed at a time.

    Returns:
        float32 (N, H, W), or (N, h, w) of the layer with ``upsample=False``; without the N for a picture that came
        alone.

    Raises:
        TypeError: ``model`` is no Keras model with a graph, ``images`` holds no numbers, or ``target`` is none.
        ValueError: The network ends in another way or is quantized, the target is no class, or see ``saliency``.

    Example:
        >>> from coursekit import cam, class_score, photo, squeezenet
        >>> network, picture = squeezenet(), photo("chelsea", 227)
        >>> map = cam(network, picture, "tabby", bias=True, relu=False, upsample=False)
        >>> map.shape
        (14, 14)
        >>> bool(abs(map.mean() - class_score(network, "tabby")(picture)) < 1e-3)
        True
    """
    batch_size = as_count(batch_size, "batch_size")
    objectives, batches, alone = as_targets(model, images, target, batch_size)
    scores, maps = _ends_in_an_average(model)
    key = (scores.name, score_layer(model)[1])
    if any((r.layer, r.pre_activation) != key or r.position != EVERYWHERE for o in objectives for r in o.readings):
        raise ValueError("A class activation map is of classes: give their scores. grad_cam is for any objective.")
    kernel, offset = scores.operation.kernel, scores.operation.bias
    if not keras.backend.is_float_dtype(kernel.dtype):
        raise ValueError(
            f"The weights of {scores.name!r} are whole numbers: it is quantized, so they weigh no maps. "
            "grad_cam is for any network."
        )
    towards = np.stack([np.sum([r.direction for r in o.readings], axis=0) for o in objectives])  # (N, classes)
    weights = towards @ np.asarray(kernel, np.float32).reshape(-1, towards.shape[1]).T  # (N, channels)
    offsets = towards @ np.asarray(offset, np.float32) if bias and offset is not None else np.zeros(len(towards))
    forward = compiled_layers(model, [maps.name])

    def run(inputs: Sequence[np.ndarray], which: np.ndarray) -> list[np.ndarray]:
        rows = which if len(objectives) > 1 else np.zeros_like(which)
        features = np.asarray(tf.cast(forward(*inputs)[0], tf.float32))
        return [np.einsum("nhwc,nc->nhw", features, weights[rows]) + offsets[rows, np.newaxis, np.newaxis]]

    (found,) = in_batches(run, batches, batch_size)
    return _finished(found, batches, alone, relu, upsample)


def grad_cam(
    model: Any,
    images: Any,
    target: Any,
    layer: str | None = None,
    relu: bool = True,
    upsample: bool = True,
    batch_size: int = 32,
) -> np.ndarray:
    """Return at which places of a layer the network finds what raises a target: Grad-CAM.

    Each channel of the layer is weighed by the mean of the target's gradient over its places, and the weighted
    channels are added up. Where a network ends in a global average, that is ``cam``, divided by the number of places:
    without its bias at the last feature maps, with it at a 1 x 1 convolution that gives the classes.

    A class is read before the softmax and before a last ReLU, as ``class_score`` does, so that a class that is nowhere
    in the picture has a gradient too. The layer is read as it comes out: give the ReLU behind a convolution, not the
    convolution, for the maps that the rest of the network sees.

    The values are not stretched to a range of their own: maps of several targets compare, and a map of zeros stays one.

    Paper: Selvaraju, Cogswell, Das, Vedantam, Parikh and Batra, "Grad-CAM: Visual Explanations from Deep Networks via
    Gradient-based Localization", ICCV 2017, arXiv:1610.02391. There the layer is the last convolution with its ReLU;
    earlier layers give maps that say little.

    Args:
        model: A Keras model, with one input or several.
        images: As for ``cam``.
        target: As for ``saliency``: a class, an objective such as ``channel(model, layer, index)``, None for the top
            class, or a list of them: one for each picture, or any number for a picture that came alone.
        layer: Name of a layer with maps (H, W, C); by default the last one that the target is computed from.
        relu: Cut off what is negative: what lowers the target.
        upsample: Enlarge the map bilinearly to the size of the picture; False for one value for each place of the
            layer.
        batch_size: Pictures computed at a time.

    Returns:
        float32 (N, H, W), or (N, h, w) of the layer with ``upsample=False``; without the N for a picture that came
        alone.

    Raises:
        TypeError, ValueError: There is no such layer, it has no maps, the target does not depend on it, or see
            ``saliency``.

    Example:
        >>> import numpy as np
        >>> from coursekit import cam, grad_cam, photo, squeezenet
        >>> network, picture = squeezenet(), photo("chelsea", 227)
        >>> cat = grad_cam(network, picture, "tabby", "fire9-concat")
        >>> cat.shape
        (227, 227)
        >>> bool(np.allclose(14 * 14 * cat, cam(network, picture, "tabby"), atol=1e-3))
        True
    """
    batch_size = as_count(batch_size, "batch_size")
    objectives, batches, alone = as_targets(model, images, target, batch_size)
    at = _layer_with_maps(model, objectives, layer)

    def weighted(inputs: Sequence[Any], layers: Sequence[Any], score: Callable) -> tuple[list, list]:
        _, (*maps, features), slopes = gradient(
            model, inputs, [*layers, (at, False)], lambda found: score(found[:-1]), to=(at, False)
        )
        weights = tf.reduce_mean(tf.cast(slopes, tf.float32), (1, 2), keepdims=True)
        return maps, [tf.reduce_sum(weights * tf.cast(features, tf.float32), -1)]

    run = compiled(objectives, len(batches[0]), f"grad_cam at {at}", weighted)
    (found,) = in_batches(run, batches, batch_size)
    return _finished(found, batches, alone, relu, upsample)


def _finished(maps: np.ndarray, batches: Sequence[np.ndarray], alone: bool, relu: bool, upsample: bool) -> np.ndarray:
    maps = np.float32(np.maximum(maps, 0) if relu else maps)
    if upsample:
        if not np.isfinite(maps).all():
            raise ValueError(
                "The map holds NaN or infinity, so it cannot be enlarged: the network gives no finite numbers for "
                "these pictures. upsample=False gives it as it is."
            )
        pictures = next(batch for batch in batches if batch.ndim == 4)
        maps = resize(maps[..., np.newaxis], pictures.shape[1:3])[..., 0]
    return maps[0] if alone else maps


def _ends_in_an_average(model: Any) -> tuple[Step, Step]:
    """Return the layer that weighs features for the classes, and what gives the features, which have places.

    Raises:
        ValueError: The network ends in another way.
    """
    by_name = {step.name: step for step in steps(model)}
    scores, before = score_layer(model)
    layers = keras.layers

    def above(step: Step) -> Step:
        return by_name[step.parents[0]]

    def past_dropout(step: Step) -> Step:
        while isinstance(step.operation, (*_NOTHING, layers.Flatten)):
            step = above(step)
        return step

    operation = scores.operation
    bent = not before and nonlinearity(operation) is not None
    plain = isinstance(operation, layers.Conv2D) and operation.groups == 1
    if plain and operation.kernel_size == operation.strides == (1, 1) and not bent:
        return scores, above(scores)
    if isinstance(operation, layers.Dense) and not bent:
        average = past_dropout(above(scores))
        if isinstance(average.operation, layers.GlobalAveragePooling2D):
            return scores, above(average)
    raise ValueError(
        f"cam is for networks that end in a global average and one layer of weights; in this one {scores.name!r} "
        f"({type(operation).__name__}) gives the scores from {' and '.join(map(repr, scores.parents))}. "
        "grad_cam is for any network."
    )


_NOTHING = (keras.layers.Dropout, keras.layers.Identity, keras.layers.ActivityRegularization)


def layers_with_maps(model: Any, objectives: Sequence[Objective]) -> list[str]:
    """Return the names of the layers with maps that all objectives are computed from, in the order of computation.

    Those that hand on what came in, as Dropout does, are left out. The last is what ``grad_cam`` takes by default.
    """
    by_name, read = {step.name: step for step in steps(model)}, layers_read(objectives)
    before = [_leads_to(by_name, name, with_itself=not pre_activation) for name, pre_activation in read]
    common = set.intersection(*before) - {name for name, _ in read}
    found = [step for step in by_name.values() if step.name in common and _has_maps(step)]
    return [step.name for step in found if not isinstance(step.operation, _NOTHING)]


def _layer_with_maps(model: Any, objectives: Sequence[Objective], layer: str | None) -> str:
    """Return the name of the layer whose places are looked at."""
    by_name, read = {step.name: step for step in steps(model)}, layers_read(objectives)
    if layer is None:
        found = layers_with_maps(model, objectives)
        if not found:
            raise ValueError(f"{read[0][0]!r} is computed from no layer with maps (H, W, C).")
        return found[-1]
    step = find_layer(model, layer)
    if not _has_maps(step, least=1):
        raise ValueError(f"Grad-CAM is for layers with maps (H, W, C); {step.name!r} gives {step.shape}.")
    before = [_leads_to(by_name, name, with_itself=not pre_activation) for name, pre_activation in read]
    if not any(step.name in names for names in before):
        raise ValueError(
            f"{objectives[0].name!r} does not depend on layer {step.name!r}: it is computed from layers before it. "
            "Give one of those, or leave out layer."
        )
    return step.name


def _has_maps(step: Step, least: int = 2) -> bool:
    """Say whether a step gives maps (H, W, C), of so many places along a side at least."""
    if step.is_input or isinstance(step.shape, list) or len(step.shape) != 3:
        return False
    return all(side is None or side >= least for side in step.shape[:2])


def _leads_to(by_name: dict[str, Step], name: str, with_itself: bool) -> set[str]:
    """Return the names of all steps that a step is computed from."""
    found, waiting = {name} if with_itself else set(), list(by_name[name].parents)
    while waiting:
        if (parent := waiting.pop()) not in found:
            found.add(parent)
            waiting += by_name[parent].parents
    return found
