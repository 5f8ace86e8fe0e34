"""What a network misses when a part of the picture is covered."""

from __future__ import annotations

from typing import Any

import numpy as np

from coursekit.techniques.covering import covered_with, picture_input
from coursekit.techniques.objectives import in_batches, score_run
from coursekit.techniques.targets import as_targets
from coursekit.validation import as_count
from coursekit.waiting import progress_bar


def occlusion(
    model: Any,
    images: Any,
    target: Any,
    patch: int | tuple[int, int] = 32,
    stride: int | tuple[int, int] = 8,
    baseline: Any = "mean",
    batch_size: int = 32,
    progress: bool = True,
) -> np.ndarray:
    """Return how far a target drops when a patch covers the picture, for each pixel.

    A patch is laid over the picture at one place after the other. Each time the target drops from what it was for the
    whole picture. A pixel's value is the mean drop over the patches that covered it: positive where something is
    missed, negative where the target rises without what is there.

    The last patches end at the right and bottom edges, even where the stride does not lead there, so that every pixel
    is covered and every patch is of one size. Where they lie closer together than the stride, more of them cover a
    pixel; hence the mean, not the sum.

    No gradient is needed. What the answer says holds for this size of the patch and for this baseline: a grey square
    is something to be seen, too. Compare several.

    Paper: Zeiler and Fergus, "Visualizing and Understanding Convolutional Networks", ECCV 2014, arXiv:1311.2901. There
    the map is the output at each place of a grey square, a probability; here it is the drop, of the score.

    Args:
        model: A Keras model, with one input or several; of several the first that is a picture is covered.
        images: As for ``saliency``.
        target: As for ``saliency``: a class, whose score before the softmax counts, an objective such as
            ``channel(model, layer, index)``, None for the top class, or a list of them.
        patch: Side of the patch in pixels, or (height, width).
        stride: Pixels from one place to the next, or (down, across); at most as much as the patch, so that no pixel
            is passed over.
        baseline: What the patch shows: ``"mean"`` for the picture's mean colour, ``"grey"`` for 127.5, the middle of
            0-255, ``"blur"`` for the picture itself out of focus (a Gaussian of a twentieth of the longer side), or a
            number, a colour (C,), or another picture (H, W, C), in the range of ``images``.
        batch_size: Covered pictures computed at a time; no more are held in memory.
        progress: Show a progress bar.

    Returns:
        float32 (N, H, W), in units of the target; without the N for a picture that came alone. ``show.cam`` draws it.

    Raises:
        TypeError, ValueError: The patch is larger than the picture, the stride than the patch, the baseline does not
            fit, or as ``saliency``.

    Example:
        >>> from coursekit import occlusion, photo, squeezenet
        >>> network, picture = squeezenet(), photo("chelsea", 227)
        >>> drop = occlusion(network, picture, "tabby", patch=100, stride=64)
        >>> drop.shape
        (227, 227)
        >>> bool(drop.max() > 1)  # without the face less is left of the cat
        True
    """
    batch_size = as_count(batch_size, "batch_size")
    objectives, batches, alone = as_targets(model, images, target, batch_size)
    place = picture_input(batches)
    pictures = batches[place]
    count, height, width, _ = pictures.shape
    tall, wide = _sides(patch, "patch", (height, width), "pixels of the picture on that side")
    down, across = _sides(stride, "stride", (tall, wide), "pixels of the patch on that side, and none is to be missed")
    covers = [covered_with(baseline, picture, model.inputs[place].dtype) for picture in pictures]
    run = score_run(objectives, count)
    (whole,) = in_batches(run, batches, batch_size)
    tops, lefts = _places(height, tall, down), _places(width, wide, across)
    corners = [(n, top, left) for n in range(count) for top in tops for left in lefts]
    drops = np.zeros((count, height, width))
    with progress_bar(show=progress, total=len(corners), unit="patch") as bar:
        for start in range(0, len(corners), batch_size):
            part = corners[start : start + batch_size]
            which = np.array([n for n, _, _ in part])
            inputs = [batch[which] for batch in batches]
            inputs[place] = inputs[place].astype(covers[0].dtype)
            patches = [np.s_[n, top : top + tall, left : left + wide] for n, top, left in part]
            for copy, (n, *area) in zip(inputs[place], patches, strict=True):
                copy[tuple(area)] = covers[n][tuple(area)]
            (scores,) = run(inputs, which)
            for area, drop in zip(patches, whole[which] - scores, strict=True):
                drops[area] += drop
            bar.update(len(part))
    times = np.outer(_times(height, tall, tops), _times(width, wide, lefts))
    drops = np.float32(drops / times)
    return drops[0] if alone else drops


def _sides(value: Any, name: str, most: tuple[int, int], of: str) -> tuple[int, int]:
    """Return one whole number, or (height, width), as a pair within limits."""
    pair = (value, value) if np.ndim(value) == 0 else tuple(value)
    if len(pair) != 2:
        raise ValueError(f"{name} must be one number of pixels or (height, width), not {value!r}.")
    height, width = (as_count(side, name, 1, limit, of) for side, limit in zip(pair, most, strict=True))
    return height, width


def _places(side: int, patch: int, stride: int) -> list[int]:
    """Return where patches begin along a side; the last ends with the side."""
    last = side - patch
    return [*range(0, last, stride), last]


def _times(side: int, patch: int, places: list[int]) -> np.ndarray:
    """Return how many patches cover each pixel along a side."""
    times = np.zeros(side)
    for first in places:
        times[first : first + patch] += 1
    return times
