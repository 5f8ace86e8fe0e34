"""How good a map is, judged by the network: its strongest pixels taken away first, or put back first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from coursekit.networks.labels import as_class
from coursekit.techniques.covering import covered_with, picture_input
from coursekit.techniques.decision import probability_of
from coursekit.techniques.objectives import Objective, score_run
from coursekit.techniques.targets import as_targets
from coursekit.validation import as_count, as_pictures
from coursekit.waiting import progress_bar


@dataclass(frozen=True)
class DeletionInsertion:
    """What ``deletion_insertion`` found.

    Attributes:
        share: float32 (steps + 1,), which share of the pixels was deleted, or inserted, from 0 to 1.
        deletion: float32 (steps + 1,), the target while the pixels go, the strongest first: it begins with the picture.
        insertion: float32 (steps + 1,), the target while they come: it ends with the picture.
        deletion_area: Area under the first curve; small where the map found what counts.
        insertion_area: Area under the second curve; large where the map found what counts.
    """

    share: np.ndarray
    deletion: np.ndarray
    insertion: np.ndarray
    deletion_area: float
    insertion_area: float


def deletion_insertion(
    model: Any,
    image: Any,
    map: Any,
    target: Any = None,
    steps: int = 50,
    baseline: Any = "blur",
    batch_size: int = 32,
    progress: bool = True,
) -> DeletionInsertion:
    """Return how a target falls as a map's strongest pixels are deleted, and how it rises as they are inserted.

    Deletion begins with the picture and covers its pixels, insertion begins with the covered picture and uncovers
    them, both from the map's largest value to its smallest, with its sign. Pixels of equal value go in reading order.

    The areas have no meaning by themselves: they depend on the picture, the class and the baseline. Compare with
    those of other maps of the same picture, and with those of a random map. A picture full of holes is none that the
    network has learnt from, so try several baselines: sharp edges of a colour may be seen as something else.

    Paper: Petsiuk, Das and Saenko, "RISE: Randomized Input Sampling for Explanation of Black-box Models", BMVC 2018,
    arXiv:1806.07421. There pixels are deleted to grey and inserted into a blurred picture; here one baseline is for
    both.

    Args:
        model: A Keras model, with one input or several; of several the first that is a picture is covered.
        image: One picture (H, W, C), in the size and range that the model takes.
        map: (H, W), such as ``cam``, ``grad_cam`` and ``occlusion`` give it. Of a map with colours take
            ``abs(map).max(axis=-1)``, or the sum.
        target: What is followed. A class, by index from 0 or by its ImageNet name, for what the network puts out for
            it, the probability; None for the top class. For the score before the softmax, or for a unit, an objective:
            ``class_score(model, "tabby")``.
        steps: In how many parts of equal size the pixels go; at most one for each pixel.
        baseline: What stands in the place of a deleted pixel, as for ``occlusion``.
        batch_size: Pictures computed at a time; no more are held in memory.
        progress: Show a progress bar.

    Returns:
        Both curves, and the areas under them (trapezoids, over the share of the pixels).

    Raises:
        TypeError, ValueError: There is more than one picture, map or target, they are not of one size, or as
            ``saliency`` and ``occlusion``.

    Example:
        >>> import numpy as np
        >>> from coursekit import deletion_insertion, grad_cam, photo, squeezenet
        >>> network, picture = squeezenet(), photo("chelsea", 227)
        >>> found = deletion_insertion(network, picture, grad_cam(network, picture, "tabby"), "tabby", steps=8)
        >>> noise = np.random.default_rng(0).random((227, 227))
        >>> random = deletion_insertion(network, picture, noise, "tabby", steps=8)
        >>> found.insertion_area > random.insertion_area
        True
    """
    batch_size = as_count(batch_size, "batch_size")
    objectives, batches, alone = as_targets(model, image, target, batch_size)
    if not alone:
        raise ValueError("deletion_insertion takes one picture and one target at a time.")
    followed = objectives[0]
    if not isinstance(target, Objective):
        count = model.outputs[0].shape[-1]
        index = followed.readings[0].direction.argmax() if target is None else as_class(target, count)
        followed = probability_of(model, int(index))
    place = picture_input(batches)
    picture = batches[place][0]
    cover = covered_with(baseline, picture, model.inputs[place].dtype)
    ranks = _ranks(map, picture.shape[:2])
    steps = as_count(steps, "steps", 1, ranks.size, "pixels")
    gone = np.rint(np.linspace(0, ranks.size, steps + 1)).astype(int)  # how many pixels, after each step
    todo = [(inserted, number) for inserted in (False, True) for number in gone]
    run, values = score_run([followed], len(todo)), []
    with progress_bar(show=progress, total=len(todo), unit="picture") as bar:
        for start in range(0, len(todo), batch_size):
            part = todo[start : start + batch_size]
            inputs = [np.repeat(batch, len(part), axis=0) for batch in batches]
            visible = np.stack([(ranks < number) == inserted for inserted, number in part])
            inputs[place] = np.where(visible[..., np.newaxis], picture, cover)
            values.append(run(inputs, np.arange(len(part)))[0])
            bar.update(len(part))
    deletion, insertion = np.concatenate(values).reshape(2, -1)
    share = np.float32(gone / ranks.size)
    areas = (float(np.trapezoid(np.float64(curve), gone / ranks.size)) for curve in (deletion, insertion))
    return DeletionInsertion(share, deletion, insertion, *areas)


def _ranks(map: Any, size: tuple[int, int]) -> np.ndarray:
    """Return the place of each pixel in the order of a map, int (H, W): 0 for the largest value."""
    if np.ndim(map) != 2:
        raise ValueError(
            f"map must be (H, W), not {np.shape(map)}. Of one with colours take abs(map).max(axis=-1); give one at a "
            "time."
        )
    values = np.asarray(map)
    as_pictures(values[..., np.newaxis], "map", "numbers")  # checks
    if values.shape != tuple(size):
        raise ValueError(f"The map is {values.shape}, but the picture {tuple(size)}; they must be of one size.")
    ranks = np.empty(values.size, int)
    ranks[np.argsort(-values.ravel().astype(np.float64), kind="stable")] = np.arange(values.size)
    return ranks.reshape(values.shape)
