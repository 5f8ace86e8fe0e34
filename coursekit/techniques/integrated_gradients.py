"""The gradient along the way from an empty picture to the picture: what each pixel adds to the score."""

from __future__ import annotations

from typing import Any

import numpy as np

from coursekit.techniques.covering import as_baseline
from coursekit.techniques.targets import as_given, as_targets, gradient_run
from coursekit.validation import as_count
from coursekit.waiting import progress_bar


def integrated_gradients(
    model: Any,
    images: Any,
    target: Any,
    baseline: Any = 0,
    steps: int = 50,
    batch_size: int = 16,
    progress: bool = True,
) -> np.ndarray | list[np.ndarray]:
    """Return what each pixel and colour adds to a target, on the straight way from a baseline to the picture.

    The gradient is averaged along that way and multiplied by how far the pixel goes. So the map adds up to the
    target at the picture less the target at the baseline (completeness), as exactly as the number of steps allows.
    What equals the baseline gets nothing: with a black baseline, black pixels have no part in anything.

    Paper: Sundararajan, Taly and Yan, "Axiomatic Attribution for Deep Networks", ICML 2017, arXiv:1703.01365. The
    integral is computed by the Gauss-Legendre rule, which needs fewer steps than the paper's equal ones.

    Args:
        model: A Keras model, with one input or several.
        images: As for ``saliency``.
        target: As for ``saliency``: a class, an objective such as ``channel(model, layer, index)``, None for the top
            class, or a list of them.
        baseline: Where the way begins: a number (0 is black), a colour (C,), or a picture (H, W, C). For several
            inputs a list with one of these for each, or a number for all.
        steps: Points on the way at which the gradient is taken.
        batch_size: Points computed at a time.
        progress: Show a progress bar.

    Returns:
        float32, of the shape of ``images``, in units of the target.

    Raises:
        TypeError, ValueError: As ``saliency``; or the baseline does not fit the pictures.

    Example:
        >>> from coursekit import class_score, integrated_gradients, photo, squeezenet
        >>> network, picture = squeezenet(), photo("chelsea", 227)
        >>> map, tabby = integrated_gradients(network, picture, "tabby", steps=20), class_score(network, "tabby")
        >>> rise = tabby(picture) - tabby(0 * picture)
        >>> bool(abs(map.sum() - rise) < 0.1 * rise)
        True
    """
    steps, batch_size = as_count(steps, "steps"), as_count(batch_size, "batch_size")
    objectives, batches, alone = as_targets(model, images, target, batch_size)
    count = len(batches[0])
    run = gradient_run(objectives, count, "saliency")
    batches = [np.asarray(batch, np.promote_types(batch.dtype, np.float32)) for batch in batches]
    several = len(batches) > 1 and isinstance(baseline, (list, tuple))
    starts = baseline if several else [baseline] * len(batches)
    if len(starts) != len(batches):
        raise ValueError(f"There are {len(starts)} baselines, but the network takes {len(batches)} inputs.")
    starts = [as_baseline(start, batch.shape[1:], batch.dtype) for start, batch in zip(starts, batches, strict=True)]
    points, weights = np.polynomial.legendre.leggauss(steps)
    points, weights = (points + 1) / 2, weights / 2
    sums = [np.zeros(batch.shape, np.float64) for batch in batches]
    pairs = [(n, k) for n in range(count) for k in range(steps)]
    with progress_bar(show=progress, total=len(pairs), unit="step") as bar:
        for start in range(0, len(pairs), batch_size):
            which, k = (list(one) for one in zip(*pairs[start : start + batch_size], strict=True))
            found = run(
                [_between(*ends, which, points[k]) for ends in zip(starts, batches, strict=True)], np.array(which)
            )
            for total, each in zip(sums, found, strict=True):
                for n, weight, one in zip(which, weights[k], each, strict=True):
                    total[n] += weight * one
            bar.update(len(which))
    parts = zip(starts, batches, sums, strict=True)
    return as_given([np.float32((batch - start) * total) for start, batch, total in parts], alone)


def _between(start: np.ndarray, batch: np.ndarray, which: list[int], points: np.ndarray) -> np.ndarray:
    share = points.astype(batch.dtype).reshape(-1, *[1] * (batch.ndim - 1))
    return start + share * (batch[which] - start)
