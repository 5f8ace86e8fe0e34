"""What a network misses when a part of the picture is covered."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

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
    found = growing_occlusion(model, images, target, patch, stride, baseline, batch_size)
    with progress_bar(show=progress, total=found.total, unit="patch") as bar:
        for done in found.steps:
            bar.update(done - bar.n)
    drops = np.float32(found.drops / found.times)
    return drops[0] if found.alone else drops


class GrowingOcclusion(NamedTuple):
    """What ``growing_occlusion`` gives.

    Attributes:
        drops: (N, H, W), the sum of the drops so far. Goes on growing.
        times: (N, H, W), how many patches have covered each pixel so far. Goes on growing.
        total: How many patches there are.
        steps: Computes one batch of patches after the other, and yields how many are done.
        alone: Whether a picture came alone.
    """

    drops: np.ndarray
    times: np.ndarray
    total: int
    steps: Iterator[int]
    alone: bool


def growing_occlusion(
    model: Any,
    images: Any,
    target: Any,
    patch: int | tuple[int, int],
    stride: int | tuple[int, int],
    baseline: Any,
    batch_size: int = 32,
    coarse_first: bool = False,
) -> GrowingOcclusion:
    """Return what ``occlusion``, which has the same arguments, computes step by step.

    With ``coarse_first`` it begins with a few places that cover every pixel, and takes the rest in random order.
    """
    batch_size = as_count(batch_size, "batch_size")
    objectives, batches, alone = as_targets(model, images, target, batch_size)
    place = picture_input(batches)
    pictures = batches[place]
    count, height, width, _ = pictures.shape
    tall, wide = _sides(patch, "patch", (height, width), "pixels of the picture on that side")
    down, across = _sides(stride, "stride", (tall, wide), "pixels of the patch on that side, and none is to be missed")
    covers = [covered_with(baseline, picture, model.inputs[place].dtype) for picture in pictures]
    tops, lefts = _places(height, tall, down), _places(width, wide, across)
    corners = [(n, top, left) for n in range(count) for top in tops for left in lefts]
    if coarse_first:
        few = set(_every(tops, tall // down)), set(_every(lefts, wide // across))
        late = np.random.default_rng(0).random(len(corners))
        late += [not (top in few[0] and left in few[1]) for _, top, left in corners]
        corners = [corners[i] for i in np.argsort(late, kind="stable")]
    run = score_run(objectives, count)

    drops, times = np.zeros((2, count, height, width))

    def steps() -> Iterator[int]:
        (whole,) = in_batches(run, batches, batch_size)
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
                times[area] += 1
            yield start + len(part)

    return GrowingOcclusion(drops, times, len(corners), steps(), alone)


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


def _every(places: list[int], step: int) -> list[int]:
    """Return every so many of the places, and the last."""
    return [*places[::step], places[-1]]
