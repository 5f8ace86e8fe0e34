"""Textures as statistics: how strongly channels answer together, and pictures made to have the same statistics."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from coursekit.networks.backend import tf
from coursekit.techniques.features import as_start, features_of, layer_names, missed, one_picture, unshaken
from coursekit.techniques.optimization import Aim, run
from coursekit.validation import as_count, as_maps, as_number

# Of SqueezeNet: from edges to parts of things. Deeper layers add coloured noise.
TEXTURE_LAYERS = ("relu_conv1", "fire2-concat", "fire3-concat", "fire4-concat", "fire5-concat")


@dataclass(frozen=True)
class Texture:
    """What ``synthesize_texture`` made.

    Attributes:
        image: float32 (H, W, C), values 0-255.
        distances: {layer: how far this picture's Gram matrix is from the texture's, |G - wanted|^2 / |wanted|^2}.
        trace: float32 (steps,), the weighted mean of these before each step; NaN after an interruption.
        snapshots: {step: picture} for the steps asked for.
    """

    image: np.ndarray
    distances: dict[str, float]
    trace: np.ndarray
    snapshots: dict[int, np.ndarray]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """Return the picture, so that whatever takes a picture takes this too."""
        return np.array(self.image, dtype=dtype) if copy is not False else np.asarray(self.image, dtype)


def gram(features: Any) -> np.ndarray:
    """Return how strongly channels answer together: the Gram matrix of a layer's maps.

    The number in row i and column j is the sum over all positions of channel i times channel j. Where in the picture
    they answered is lost. It is divided by how many numbers the maps hold, so that layers and pictures of different
    sizes can be compared.

    Paper: Gatys, Ecker and Bethge, "Texture synthesis using convolutional neural networks", NeurIPS 2015,
    arXiv:1505.07376. They divide later, in the loss.

    Args:
        features: (H, W, C), or (N, H, W, C) for N pictures, as ``activations`` gives them.

    Returns:
        float32 (C, C), or (N, C, C): the sums divided by H * W * C. Symmetric.

    Raises:
        TypeError, ValueError: It holds no numbers, or has another number of dimensions.

    Example:
        >>> import numpy as np
        >>> from coursekit import gram
        >>> maps = np.array([[[1.0, 2.0], [3.0, 0.0]]])  # one row of two places, two channels
        >>> gram(maps)
        array([[2.5, 0.5],
               [0.5, 1. ]], dtype=float32)
    """
    maps, alone = as_maps(features)
    count, *_, channels = maps.shape
    flat = maps.reshape(count, -1, channels).astype(np.float32)
    found = np.matmul(flat.transpose(0, 2, 1), flat) / np.float32(flat[0].size)
    return found[0] if alone else found


def gram_tensor(maps: Any) -> Any:
    """Return what ``gram`` gives, float32 (N, C, C), of a tensor (N, H, W, C) of any float type."""
    shape = tf.shape(maps)
    flat = tf.cast(tf.reshape(maps, [shape[0], -1, maps.shape[-1]]), tf.float32)
    return _with_itself(flat) / tf.cast(tf.reduce_prod(shape[1:]), tf.float32)


@tf.custom_gradient
def _with_itself(flat: Any) -> tuple[Any, Callable]:
    """Return the product of each matrix's transpose with the matrix, (N, P, C) -> (N, C, C).

    Both factors are the same, so one product gives the gradient, where TensorFlow takes one for each factor.
    """

    def backward(upstream: Any) -> Any:
        return tf.matmul(flat, upstream + tf.linalg.matrix_transpose(upstream))

    return tf.matmul(flat, flat, transpose_a=True), backward


def synthesize_texture(
    model: Any,
    texture: Any,
    layers: Sequence[str] | Mapping[str, float] | None = None,
    steps: int = 150,
    *,
    size: int | tuple[int, int] | None = None,
    parametrization: str = "pixels",
    start: str | np.ndarray = "noise",
    total_variation: float = 0,
    learning_rate: float | None = None,
    seed: int = 0,
    snapshots: Sequence[int] = (),
    progress: bool = True,
) -> Texture:
    """Make a picture whose channels answer together as they do in a texture: as often, but in other places.

    A picture is changed step by step until its Gram matrices in the chosen layers are those of the texture.

    Paper: Gatys, Ecker and Bethge, "Texture synthesis using convolutional neural networks", NeurIPS 2015,
    arXiv:1505.07376. The distance of each Gram matrix is divided by the size of the texture's, so that all layers
    count alike. The steps are Adam's, for which a picture takes a few seconds; they use L-BFGS. As they do, give a
    network ``with_average_pooling``, which makes it smoother.

    Args:
        model: A Keras model with one picture as its input.
        texture: (H, W, C), values 0-255, of any size that leads to these layers.
        layers: Names, or {name: weight}; by default five of SqueezeNet's, from its first to ``"fire5-concat"``.
        steps: How many.
        size: Side of the new picture in pixels, or (height, width); by default that of the texture.
        parametrization: What is varied, ``"pixels"`` or ``"fourier"`` (waves).
        start: ``"noise"``, ``"grey"``, ``"black"``, or a picture (H, W, C).
        total_variation: Weight of the differences between neighbours.
        learning_rate: Length of a step; by default 8 of 255 for pixels, and 0.1 for waves.
        seed: Fixes the noise at the start.
        snapshots: Steps, from 0 for the start, at which to keep the picture too.
        progress: Show a progress bar.

    Returns:
        The picture and how near it came. Interrupted (Ctrl-C), as far as it has come.

    Raises:
        TypeError, ValueError: There is no such layer, it answers 0 everywhere to this texture, its answers are not
            finite, or another argument is out of its range.

    Example:
        >>> from coursekit import photo, squeezenet, synthesize_texture
        >>> bricks = photo("brick", 96)
        >>> made = synthesize_texture(squeezenet(), bricks, ["relu_conv1"], steps=8, progress=False)
        >>> made.image.shape, bool(made.trace[-1] < made.trace[0])
        ((96, 96, 3), True)
    """
    weights = layer_weights(model, TEXTURE_LAYERS if layers is None else layers, "layers")
    picture = one_picture(texture, "texture")
    aim = texture_aim(model, picture, weights)
    ascent = unshaken(parametrization, total_variation, learning_rate, 8)
    size = picture.shape[:2] if size is None else size
    how = {"size": size, "start": [as_start(start)], "seed": [as_count(seed, "seed", 0)]}
    done = run([(aim, how)], ascent, as_count(steps, "steps"), snapshots=snapshots, progress=progress)
    kept = {step: images[0] for step, images in done.snapshots.items()}
    return Texture(done.images[0], gram_distances(model, done.images[0], picture, list(weights)), -done.trace[0], kept)


def layer_weights(model: Any, layers: Any, name: str) -> dict[str, float]:
    """Return {full name of a layer: its weight}, the weights adding up to 1.

    Args:
        model: A Keras model.
        layers: A name, names, or {name: weight}; weights of 0 or more.
        name: The argument's name, for the error.

    Raises:
        TypeError, ValueError: There is no such layer, no layer, a weight below 0, or nothing but weights of 0.
    """
    names = layer_names(model, layers, name)
    values = list(layers.values()) if isinstance(layers, Mapping) else [1.0] * len(names)
    weights = {one: as_number(value, f"the weight of {one!r}") for one, value in zip(names, values, strict=True)}
    total = sum(weights.values())
    if not total:
        raise ValueError(f"All weights in {name} are 0: nothing would count.")
    return {one: weight / total for one, weight in weights.items()}


def texture_aim(model: Any, texture: np.ndarray, weights: Mapping[str, float]) -> Aim:
    """Return the aim of having a texture's Gram matrices. Its score is minus the weighted mean of ``missed``.

    Args:
        model: A Keras model.
        texture: float32 (H, W, C), values 0-255.
        weights: What ``layer_weights`` gave.

    Raises:
        ValueError: As ``features_of``; or a layer has no positions to forget.
    """
    features = features_of(model, list(weights), texture)
    for name, values in features.items():
        if values.ndim != 4:
            raise ValueError(
                f"{name!r} has no positions, only {values.shape[-1]} numbers: a Gram matrix needs maps (H, W, C), such "
                "as a convolution gives."
            )
    wanted = [gram(values) for values in features.values()]

    def score(maps: Sequence[Any], pictures: Any, constants: Sequence[Any]) -> Any:
        strengths, *wanted = constants
        parts = [missed(gram_tensor(values), want) for values, want in zip(maps, wanted, strict=True)]
        return -tf.linalg.matvec(tf.stack(parts, 1), strengths)

    strengths = np.array(list(weights.values()), np.float32)
    return Aim(model, tuple((name, False) for name in weights), score, (strengths, *wanted), ("texture",))


def gram_distances(model: Any, image: np.ndarray, texture: np.ndarray, layers: Iterable[str]) -> dict[str, float]:
    """Return {layer: |G - wanted|^2 / |wanted|^2}, how far a picture's Gram matrices are from a texture's."""
    layers = list(layers)
    have, want = features_of(model, layers, image, is_aim=False), features_of(model, layers, texture)
    pairs = ((name, gram(have[name][0]), gram(want[name][0])) for name in layers)
    return {name: float(np.square(own - wanted).sum() / np.square(wanted).sum()) for name, own, wanted in pairs}
