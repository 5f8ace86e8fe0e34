"""What is left of a picture in a layer: another picture whose features there are the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from coursekit.techniques.features import as_start, features_aim, layer_names, one_picture, unshaken
from coursekit.techniques.optimization import run
from coursekit.validation import as_count


@dataclass(frozen=True)
class Inverted:
    """What ``invert`` found; for several layers each array has an axis for them in front.

    Attributes:
        images: float32 (H, W, C) or (N, H, W, C), values 0-255.
        distances: float32, or (N,): how far the features of these pictures are from those of the photo,
            ``|features - photo's| / |photo's|``. 0 is the same; two photos have about 1.
        trace: float32 (steps,) or (N, steps), this distance before each step; NaN after an interruption.
        snapshots: {step: images} for the steps asked for.
        layers: Their names, in the order asked for.
    """

    images: np.ndarray
    distances: np.ndarray
    trace: np.ndarray
    snapshots: dict[int, np.ndarray]
    layers: list[str]


def invert(
    model: Any,
    layer: str | Sequence[str],
    image: Any,
    steps: int = 300,
    *,
    parametrization: str = "fourier",
    start: str | np.ndarray = "noise",
    total_variation: float = 1e-3,
    learning_rate: float | None = None,
    seed: int = 0,
    snapshots: Sequence[int] = (),
    progress: bool = True,
) -> Inverted:
    """Rebuild a picture from what a layer answers to it.

    A picture is changed step by step until the layer gives it the same features. What the layer does not tell apart
    comes out as it happens to: that is what the layer has forgotten. The total variation decides among the many
    pictures that the layer takes for the same one; the smoother is taken.

    Paper: Mahendran and Vedaldi, "Understanding deep image representations by inverting them", CVPR 2015,
    arXiv:1412.0035. As there, the squared distance of the features counts, divided by that of the photo's from zero.
    There pixels are varied, here waves by default, which come closer in as many steps; the steps are Adam's, and the
    total variation is that of ``maximize``.

    Args:
        model: A Keras model with one picture as its input.
        layer: A layer's name, or several: one picture is drawn for each, all together.
        image: (H, W, C), values 0-255, in a size that the network takes.
        steps: How many.
        parametrization: What is varied, ``"fourier"`` (waves) or ``"pixels"``.
        start: ``"noise"``, ``"grey"``, ``"black"``, or a picture (H, W, C).
        total_variation: Weight of the differences between neighbours, beside the squared distance.
        learning_rate: Length of a step; by default 0.05 for waves, and 2 of 255 for pixels.
        seed: Fixes the noise at the start.
        snapshots: Steps, from 0 for the start, at which to keep the pictures too.
        progress: Show a progress bar.

    Returns:
        The pictures and how near they came. Interrupted (Ctrl-C), as far as it has come.

    Raises:
        TypeError, ValueError: There is no such layer, it answers 0 everywhere to this picture, its answers are not
            finite, or another argument is out of its range.

    Example:
        >>> from coursekit import invert, photo, squeezenet
        >>> found = invert(squeezenet(), "conv1", photo("chelsea", 227), steps=24, progress=False)
        >>> found.images.shape, bool(found.trace[0] > found.distances)
        ((227, 227, 3), True)
    """
    alone = isinstance(layer, str)
    names = layer_names(model, layer, "layer")
    picture = one_picture(image, "image")
    ascent = unshaken(parametrization, total_variation, learning_rate)
    aim = features_aim(model, names, picture)
    how = {
        "size": picture.shape[:2],
        "start": [as_start(start)] * len(names),
        "seed": [as_count(seed, "seed", 0)] * len(names),
    }
    done = run([(aim, how)], ascent, as_count(steps, "steps"), snapshots=snapshots, progress=progress)
    found = (done.images, np.sqrt(-done.scores), np.sqrt(-done.trace))
    if alone:
        found, kept = [one[0] for one in found], {step: images[0] for step, images in done.snapshots.items()}
    else:
        kept = done.snapshots
    return Inverted(*found, kept, names)
