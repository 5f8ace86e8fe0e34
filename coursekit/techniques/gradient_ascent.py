"""Pictures that a network draws: gradient ascent on the picture itself.

Five parts: what to make large (``objectives``), what of the picture is varied (``parametrizations``), what keeps it
from being noise (``regularizers``), the loop (``optimization``), and here all of it for pictures of any number.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from coursekit.techniques.objectives import Objective, as_objectives, check_positions, linear_aim
from coursekit.techniques.optimization import Ascent, run
from coursekit.validation import as_count, as_pictures, renamed


@dataclass(frozen=True)
class Optimized:
    """What ``maximize`` found.

    Attributes:
        images: float32 (N, H, W, C), values 0-255, one for each objective.
        scores: float32 (N,), each objective of its picture, seen as it is: neither shifted nor turned.
        trace: float32 (N, steps), the objective at each step, as the shaken picture gave it.
        penalty: float32 (N, steps), the weighted penalties at each step.
        snapshots: {step: images} for the steps asked for.
        objectives: What was made large.

    Where an objective or its gradient is NaN or infinite the picture stays as it was, and a warning says from which
    step.

    After an interruption what was not computed is NaN in ``trace`` and ``penalty``, and objectives that were not begun
    are absent.
    """

    images: np.ndarray
    scores: np.ndarray
    trace: np.ndarray
    penalty: np.ndarray
    snapshots: dict[int, np.ndarray]
    objectives: list[Objective] = field(repr=False)


@renamed(image="parametrization")
def maximize(
    objective: Objective | Sequence[Objective],
    steps: int = 256,
    *,
    size: int | tuple[int, int] | None = None,
    parametrization: str = Ascent.parametrization,
    start: str | np.ndarray = "noise",
    l2: float = Ascent.l2,
    total_variation: float = Ascent.total_variation,
    blur: float = Ascent.blur,
    shift: int = Ascent.shift,
    scale: float = Ascent.scale,
    rotate: float = Ascent.rotate,
    learning_rate: float | None = Ascent.learning_rate,
    seed: int | Sequence[int] = 0,
    snapshots: Sequence[int] = (),
    batch_size: int = 16,
    progress: bool = True,
) -> Optimized:
    """Find pictures that make objectives large, by gradient ascent.

    Erhan et al., "Visualizing higher-layer features of a deep network", 2009; Simonyan, Vedaldi and Zisserman, "Deep
    inside convolutional networks", 2013, arXiv:1312.6034; Olah, Mordvintsev and Schubert, "Feature visualization",
    Distill 2017, doi 10.23915/distill.00007. Steps are Adam's. The defaults are Olah's way. Simonyan's is
    ``parametrization="pixels", shift=0, scale=0, rotate=0, l2=...``.

    The network is only read. All objectives share one compiled function, which is kept for the next call; a picture
    does not depend on what else is in its batch.

    Args:
        objective: ``channel(model, layer, index)``, ``neuron``, ``class_score`` or ``direction``, a sum of such, or a
            list: one picture is drawn for each.
        steps: How many.
        size: Side of the picture, or (height, width), in pixels; by default what the network takes. Smaller ones are
            quicker; layers before any Flatten or Dense take every size.
        parametrization: What is varied, ``"fourier"`` or ``"pixels"``: see ``parametrizations``.
        start: ``"noise"``, ``"grey"``, ``"black"``, or pictures (H, W, C) or (N, H, W, C), values 0-255.
        l2: Weight of the squared distance from grey, subtracted from the objective: see ``regularizers``.
        total_variation: Weight of the differences between neighbours.
        blur: Weight of what a blur would take away.
        shift: Pixels by which each view may be shifted either way, the picture growing beyond its borders by as many.
        scale: Largest share by which every fourth view is shrunk or enlarged, from 0 to 1.
        rotate: Largest angle in degrees by which every fourth view is turned, up to 180.
        learning_rate: Length of a step; by default 0.05 for waves, and 2 of 255 for pixels.
        seed: Fixes the starting noise and the views. Several seeds, one for each objective, give several starts, all
            seen as the first seed says.
        snapshots: Steps, from 0 for the start, at which to keep the pictures too.
        batch_size: Pictures computed at a time.
        progress: Show a progress bar.

    Returns:
        The pictures and how they came about. Interrupted (Ctrl-C), as far as it has come.

    Raises:
        TypeError, ValueError: An argument is out of its range, the objectives read different models, or the network
            does not take pictures of this size.

    Examples:
        >>> from coursekit import channel, maximize, squeezenet
        >>> found = maximize(channel(squeezenet(), "conv1", 22), steps=16, size=32, progress=False)
        >>> found.images.shape, bool(found.scores[0] > found.trace[0, 0])
        ((1, 32, 32, 3), True)
    """
    objectives = as_objectives(objective)
    count, steps, batch_size = len(objectives), as_count(steps, "steps"), as_count(batch_size, "batch_size")
    seeds, starts = _seeds(seed, count), _starts(start, count)
    ascent = Ascent(parametrization, l2, total_variation, blur, shift, scale, rotate, learning_rate)
    check_positions(objectives, size)

    how = {"size": size, "view_seed": seeds[0]}
    parts = [slice(first, first + batch_size) for first in range(0, count, batch_size)]
    ascents = [(linear_aim(objectives[part]), {**how, "start": starts[part], "seed": seeds[part]}) for part in parts]
    done = run(ascents, ascent, steps, snapshots=snapshots, progress=progress)
    objectives = objectives[: len(done.images)]
    if not done.finite.all():
        _say_where(~done.finite, objectives)
    return Optimized(done.images, done.scores, done.trace, done.penalty, done.snapshots, objectives)


def _say_where(unfit: np.ndarray, objectives: Sequence[Objective]) -> None:
    """Warn of the objectives that met NaN or infinity, given (N, steps) where they did.

    Raises:
        ValueError: All of them did at each step, so that nothing was drawn.
    """
    which = np.flatnonzero(unfit.any(axis=1))
    named = ", ".join(f"{objectives[i].name} (from step {unfit[i].argmax() + 1})" for i in which[:3])
    more = f" and {len(which) - 3} more" if len(which) > 3 else ""
    why = "A division by zero, a logarithm of zero, or an overflow (half precision ends at 65,504) makes such numbers."
    if unfit.all():
        raise ValueError(f"Nothing can be drawn: {named}{more} or its gradient is no finite number at any step. {why}")
    warnings.warn(
        f"{named}{more}: the objective or its gradient was no finite number, and the picture stayed as it was. {why}",
        stacklevel=4,
    )


def _starts(start: Any, count: int) -> list:
    if isinstance(start, str):
        return [start] * count
    pictures, alone = as_pictures(start, "start")
    if not alone and len(pictures) != count:
        raise ValueError(f"There are {count} objectives but {len(pictures)} starts: give one picture, or one for each.")
    return [pictures[0]] * count if alone else list(pictures)


def _seeds(seed: Any, count: int) -> list[int]:
    seeds = [seed] * count if np.ndim(seed) == 0 else list(seed)
    if len(seeds) != count:
        raise ValueError(f"There are {count} objectives but {len(seeds)} seeds: give one for all, or one for each.")
    return [as_count(value, "seed", 0) for value in seeds]
