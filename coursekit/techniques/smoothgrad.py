"""The gradient of a picture, averaged over noisy copies of it."""

from __future__ import annotations

from typing import Any

import numpy as np

from coursekit.networks.backend import tf
from coursekit.techniques.targets import as_given, as_targets, gradient_run
from coursekit.validation import as_count, as_number
from coursekit.waiting import progress_bar


def smoothgrad(
    model: Any,
    images: Any,
    target: Any,
    samples: int = 20,
    noise_level: float = 0.1,
    seed: int = 0,
    batch_size: int = 16,
    progress: bool = True,
    absolute: bool = False,
) -> np.ndarray | list[np.ndarray]:
    """Return the mean gradient of a picture over copies of it with noise on them, with its sign.

    The gradient of a deep network jumps from one picture to the next that looks the same. Its mean over a
    neighbourhood of the picture is smoother and shows more of what is in it. The *signed* gradients are averaged: the
    mean of their absolute values would keep the jumps that cancel here.

    Every picture gets the same noise, so a picture has the same map alone and among others, in batches of any size.

    Paper: Smilkov, Thorat, Kim, Viégas and Wattenberg, "SmoothGrad: removing noise by adding noise", 2017,
    arXiv:1706.03825. There 50 samples and 10 to 20 % noise.

    Args:
        model: A Keras model, with one input or several; noise is put on the inputs that are pictures of floats.
        images: As for ``saliency``.
        target: As for ``saliency``: a class, an objective such as ``channel(model, layer, index)``, None for the top
            class, or a list of them.
        samples: Noisy copies of each picture.
        noise_level: Standard deviation of the normal noise, as a part of each picture's range from its darkest to its
            brightest value: 0.1 is 25 of 255 levels. The noisy values are not cut off at black and white. With 0 the
            result is that of ``saliency``.
        seed: Decides the noise.
        batch_size: Copies computed at a time.
        progress: Show a progress bar.
        absolute: Average the absolute values instead, a usual mistake, to be compared: the jumps stay and the sign is
            lost.

    Returns:
        float32, of the shape of ``images``, as ``saliency`` gives it.

    Raises:
        TypeError, ValueError: As ``saliency``; or a number is out of range.

    Example:
        >>> import numpy as np
        >>> from coursekit import photo, saliency, smoothgrad, squeezenet
        >>> network, picture = squeezenet(), photo("chelsea", 227)
        >>> plain, smooth = saliency(network, picture, "tabby"), smoothgrad(network, picture, "tabby", samples=4)
        >>> def neighbours(map):  # how alike pixels are that lie side by side
        ...     return np.corrcoef(map[:, 1:].ravel(), map[:, :-1].ravel())[0, 1]
        >>> bool(neighbours(smooth) > neighbours(plain))
        True
    """
    samples, batch_size = as_count(samples, "samples"), as_count(batch_size, "batch_size")
    noise_level, seed = as_number(noise_level, "noise_level", most=10), as_count(seed, "seed", 0)
    objectives, batches, alone = as_targets(model, images, target, batch_size)
    count = len(batches[0])
    run = gradient_run(objectives, count, "saliency")
    spreads = [_spread(batch, tensor, noise_level) for batch, tensor in zip(batches, model.inputs, strict=True)]
    sums = [np.zeros(batch.shape, np.float64) for batch in batches]
    pairs = [(n, sample) for n in range(count) for sample in range(samples)]
    with progress_bar(show=progress, total=len(pairs), unit="sample") as bar:
        for start in range(0, len(pairs), batch_size):
            which, drawn = zip(*pairs[start : start + batch_size], strict=True)
            found = run(
                [
                    _noisy(batch, spread, which, drawn, (seed, k))
                    for k, (batch, spread) in enumerate(zip(batches, spreads, strict=True))
                ],
                np.array(which),
            )
            for total, each in zip(sums, found, strict=True):
                for n, one in zip(which, each, strict=True):
                    total[n] += np.abs(one) if absolute else one
            bar.update(len(which))
    return as_given([np.float32(total / samples) for total in sums], alone)


def _spread(batch: np.ndarray, tensor: Any, noise_level: float) -> np.ndarray | None:
    """Return the noise's standard deviation for each picture of an input (N,); None where there is none."""
    if len(tensor.shape) != 4 or not tf.as_dtype(tensor.dtype).is_floating or not noise_level:
        return None
    return noise_level * np.ptp(batch.reshape(len(batch), -1), axis=1).astype(np.float32)


def _noisy(
    batch: np.ndarray, spread: np.ndarray | None, which: tuple, drawn: tuple, seed: tuple[int, int]
) -> np.ndarray:
    """Return copies of some pictures, each with noise of the number ``drawn``, whatever the batch it stands in."""
    if spread is None:
        return batch[list(which)]
    noise = {
        sample: np.random.default_rng((*seed, sample)).standard_normal(batch.shape[1:], np.float32)
        for sample in set(drawn)
    }
    return np.stack([batch[n] + spread[n] * noise[sample] for n, sample in zip(which, drawn, strict=True)])
