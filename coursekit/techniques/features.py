"""The features of a picture that another picture is to have too: what inversion, textures and styles aim at."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from coursekit.networks.backend import tf
from coursekit.networks.graph import find_layer, refuse_channels_first
from coursekit.techniques.optimization import Aim, Ascent, compiled_scores, picture_shape
from coursekit.validation import as_pictures, refuse_stack


def one_picture(image: Any, name: str) -> np.ndarray:
    """Return one picture as float32 (H, W, C), values 0-255.

    Raises:
        TypeError, ValueError: It is no picture, or there are several.
    """
    refuse_stack(image, name)
    pictures, _ = as_pictures(image, name)
    if len(pictures) != 1:
        raise ValueError(f"{name} must be one picture, not {len(pictures)}.")
    return pictures[0].astype(np.float32)


def as_start(start: Any) -> str | np.ndarray:
    """Return the start of an ascent: the word it is called by, or a picture as ``one_picture``."""
    return start if isinstance(start, str) else one_picture(start, "start")


def unshaken(
    parametrization: str, total_variation: float, learning_rate: float | None, rate_of_pixels: float | None = None
) -> Ascent:
    """Return the settings of an ascent in which the picture is seen as it is, neither moved nor turned nor scaled.

    Args:
        parametrization: As ``Ascent`` has it.
        total_variation: As ``Ascent`` has it.
        learning_rate: As ``Ascent`` has it; None takes the default.
        rate_of_pixels: The default for pixels, and for waves 0.1: long steps to statistics, which many pictures have.
            None leaves both to ``Ascent``.
    """
    if learning_rate is None and rate_of_pixels is not None:
        learning_rate = rate_of_pixels if parametrization == "pixels" else 0.1
    return Ascent(
        parametrization, total_variation=total_variation, shift=0, scale=0, rotate=0, learning_rate=learning_rate
    )


def layer_names(model: Any, layers: str | Iterable[str], name: str) -> list[str]:
    """Return the full names of one layer or of several.

    Raises:
        TypeError, ValueError: There is no such layer, no layer at all, or the network takes no picture.
    """
    asked = [layers] if isinstance(layers, str) or not isinstance(layers, Iterable) else list(layers)
    if not asked:
        raise ValueError(f"No layer was asked for: {name} is empty.")
    refuse_channels_first(model)
    picture_shape(model)  # refuses what takes no picture
    return [find_layer(model, one).name for one in asked]


def features_of(model: Any, layers: Sequence[str], picture: np.ndarray, is_aim: bool = True) -> dict[str, np.ndarray]:
    """Return what layers answer to a picture, in any size that leads to them: float32 (1, ...) each.

    Args:
        model: A Keras model.
        layers: Full names.
        picture: float32 (H, W, C), values 0-255.
        is_aim: Whether another picture is to have these features. What was drawn may be silent, what it aims at not.

    Raises:
        ValueError: A layer answers 0 everywhere, or something that is not finite; or the picture does not lead to it.
    """
    aim = Aim(model, tuple((name, False) for name in layers), _nothing, (), ("nothing",))
    channels = picture_shape(model)[2]
    if picture.shape[2] != channels:
        raise ValueError(f"The network takes pictures with {channels} channels, and this one has {picture.shape[2]}.")
    _, maps = compiled_scores(aim, picture.shape)(tf.constant(picture[np.newaxis]))
    features = {name: values.numpy().astype(np.float32) for name, values in zip(layers, maps, strict=True)}
    for name, values in features.items() if is_aim else ():
        if not np.isfinite(values).all():
            raise ValueError(f"{name!r} answers NaN or infinity to this picture: there is nothing to come near to.")
        if not values.any():
            raise ValueError(f"{name!r} answers 0 everywhere to this picture: every dark picture would do as well.")
    return features


def _nothing(maps: Sequence[Any], pictures: Any, constants: Sequence[Any]) -> Any:
    return tf.zeros(tf.shape(pictures)[0])


def missed(have: Any, want: Any) -> Any:
    """Return how much is missing of what is wanted, |have - want|^2 / |want|^2, float32 (N,), as a tensor.

    Args:
        have: Tensor (N, ...).
        want: float32 tensor (N, ...) or (1, ...).
    """
    axes = list(range(1, want.shape.rank))
    return tf.reduce_sum(tf.square(tf.cast(have, tf.float32) - want), axes) / tf.reduce_sum(tf.square(want), axes)


def features_aim(model: Any, names: Sequence[str], picture: np.ndarray) -> Aim:
    """Return the aim of having a picture's features, of the first layer in the first of N pictures, and so on.

    Its score is minus what ``missed`` gives.

    Args:
        model: A Keras model.
        names: Full names of N layers.
        picture: float32 (H, W, C), values 0-255.

    Raises:
        ValueError: As ``features_of``.
    """
    layers = list(dict.fromkeys(names))
    features = features_of(model, layers, picture)
    own = np.float32([[name == one for one in layers] for name in names])

    def score(maps: Sequence[Any], pictures: Any, constants: Sequence[Any]) -> Any:
        own, *wanted = constants
        return -tf.reduce_sum(own * tf.stack([missed(*pair) for pair in zip(maps, wanted, strict=True)], 1), 1)

    return Aim(model, tuple((name, False) for name in layers), score, (own, *features.values()), ("features",))
