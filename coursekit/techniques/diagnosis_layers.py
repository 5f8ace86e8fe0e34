"""What a diagnosis says of layers: channels that do nothing, filters that are twins, numbers on another scale."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from coursekit.networks.backend import keras
from coursekit.networks.graph import Step, compiled, steps
from coursekit.networks.kinds import CONVOLUTIONS, CONVOLUTIONS_OF_ANY_KIND
from coursekit.techniques.diagnosis_pass import Seen, ends, rectified, spread
from coursekit.techniques.diagnosis_table import MEASURES, Finding, finding, not_measured
from coursekit.techniques.filters import filters

DEAD = "dead channels", "dead channels of Dense layers"
CONSTANT = ("nearly constant channels",)
TWINS = ("twins among filters",)
STATISTICS = ("inputs off their statistics",)
_ENOUGH = {3: 20, 1: 500}  # pictures: with fewer, channels of a healthy network are silent, too. Maps have many places
_STILL = 0.01  # of the span that a channel of the layer usually has
_TWINS = 0.99  # cosine of two kernels
_NOT_INSIDE = "What custom layers and wrappers hold is not looked into."


def dead_channels(seen: Seen) -> list[Finding]:
    """Return how many channels behind a ReLU are never above zero, for maps and for rows of numbers."""

    def dead(layer: str) -> np.ndarray:
        return seen.extremes[layer][1] <= 0

    return [
        _worst_layer(
            seen, name, rank, dead, rectified(seen.model), "ReLU",
            "never above zero", "is above zero somewhere",
            "They take no part in these answers, and no gradient reaches them: train with a smaller learning rate, or "
            "with a leaky ReLU; or leave them out.",
        )
        for name, rank in zip(DEAD, (3, 1), strict=True)
    ]  # fmt: skip


def constant_channels(seen: Seen) -> list[Finding]:
    """Return how many channels are alive and give nearly the same everywhere, where their layer ends."""
    relus = {step.name: names for step, names in ends(seen.model)}

    def still(layer: str) -> np.ndarray:
        span = np.ptp(seen.extremes[layer], axis=0)
        alive = np.all([span >= 0, *(seen.extremes[name][1] > 0 for name in relus[layer])], axis=0)
        return alive & (span <= _STILL * np.median(span[alive])) if alive.any() else alive

    return [
        _worst_layer(
            seen, *CONSTANT, 3, still, [step for step, _ in ends(seen.model)], "convolution or activation",
            f"alive, but span less than {_STILL:.0%} of what a channel of the layer usually does",
            f"is dead or spans more than {_STILL:.0%} of what a channel of the layer usually does",
            "They tell nothing about the picture: look at them with show.channels.",
        )
    ]  # fmt: skip


def _worst_layer(
    seen: Seen,
    name: str,
    rank: int,
    judge: Callable[[str], np.ndarray],
    candidates: list[Step],
    kind: str,
    what: str,
    otherwise: str,
    advice: str,
) -> Finding:
    """Return the finding of the layer of this rank with the largest share of channels that ``judge`` picks."""
    layers = [step.name for step in candidates if _rank(step) == rank]
    if not layers:
        where = "gives maps" if rank == 3 else "gives one row of numbers"
        return not_measured(
            name, f"No {kind} among the layers of the graph, before its outputs, {where}. {_NOT_INSIDE}"
        )
    picked = {layer: np.flatnonzero(judge(layer)) for layer in layers if np.isfinite(seen.extremes[layer]).all()}
    if not picked:
        return not_measured(name, "Every such layer gives NaN or infinity for these pictures.")
    shares = {layer: len(channels) / seen.extremes[layer].shape[1] for layer, channels in picked.items()}
    worst = max(shares, key=lambda layer: shares[layer])
    total = seen.extremes[worst].shape[1]
    enough = seen.count >= _ENOUGH[rank]
    pictures = "the one picture" if seen.count == 1 else f"{seen.count:,} pictures"
    says = f"{len(picked[worst])} of the {total} channels of {worst!r} are {what}, in {pictures}."
    if shares[worst] == 0:
        looked = repr(worst) if len(shares) == 1 else f"the {len(shares)} layers looked at"
        says = f"Each channel of {looked} {otherwise}, in {pictures}."
    if not enough:
        says += f" With fewer than {_ENOUGH[rank]} pictures, healthy networks have such channels, too."
    return finding(
        name, shares[worst], says, advice,
        where=worst if shares[worst] else "",
        normal="measured" if enough else None,
        details={"channels": picked, "shares": shares},
    )  # fmt: skip


def _rank(step: Step) -> int:
    """Return 3 for maps and 1 for a row of numbers, which maps of a single place are, too."""
    return 1 if tuple(step.shape[:-1]) in ((), (1, 1)) else len(step.shape)


def twins(seen: Seen) -> list[Finding]:
    """Return how many filters of the first convolution have the same kernel as another one, but for its strength."""
    (name,) = TWINS
    found = (step for step in steps(seen.model) if isinstance(step.operation, CONVOLUTIONS_OF_ANY_KIND))
    first = next(found, None)
    if first is None:
        return [not_measured(name, f"No convolution is among the layers of the graph. {_NOT_INSIDE}")]
    if not isinstance(first.operation, CONVOLUTIONS) or len(first.shape) != 3:
        return [not_measured(name, f"The first convolution of the graph, {first.name!r}, is no plain one of pictures.")]
    if first.operation.groups > 1:
        return [not_measured(name, f"The channels of {first.name!r} are in groups, which see different things.")]
    kernels = filters(seen.model, first.name)
    length, count = int(np.prod(kernels.shape[:3])), kernels.shape[3]
    if length < 9 or count < 2:
        return [
            not_measured(name, f"The kernels of {first.name!r} are {count} of {length} numbers: too few to compare.")
        ]
    rows = kernels.reshape(length, count).T.astype(np.float64)
    strength = np.linalg.norm(rows, axis=1)
    if not np.isfinite(strength).all():
        return [not_measured(name, f"The kernels of {first.name!r} hold NaN or infinity.")]
    cosine = _cosines(rows)
    pairs = np.argwhere(np.triu(cosine > _TWINS, 1))
    which = np.unique(pairs)
    random = np.random.default_rng(0).normal(size=(20, count, length))
    above = np.triu_indices(count, 1)
    by_chance = max(_cosines(one)[above].max() for one in random)
    closest = cosine[above].max()
    says = (
        f"{len(which)} of the {count} filters of {first.name!r} have a twin, a kernel at a cosine above {_TWINS}; the "
        f"most alike are at {closest:z.2f}, of as many random kernels at {by_chance:z.2f}."
    )
    advice = "They see the same: fewer filters would do, or other weights to begin with."
    details = {"pairs": pairs, "cosine": cosine.astype(np.float32), "by chance": by_chance}
    return [finding(name, len(which) / count, says, advice, where=first.name, details=details)]


def _cosines(rows: np.ndarray) -> np.ndarray:
    """Return the cosine of every row with every other; 0 for a row of zeros."""
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    unit = rows / np.where(lengths > 0, lengths, 1)
    return unit @ unit.T


def statistics(seen: Seen) -> list[Finding]:
    """Return how far what comes into the first normalisation is from what it saw in training."""
    (name,) = STATISTICS
    kind = keras.layers.BatchNormalization
    step = next((one for one in steps(seen.model) if isinstance(one.operation, kind)), None)
    if step is None:
        return [not_measured(name, f"No BatchNormalization is among the layers of the graph. {_NOT_INSIDE}")]
    layer = step.operation
    axis = layer.axis[0] if isinstance(layer.axis, (list, tuple)) else layer.axis
    if axis not in (-1, len(step.shape)):
        return [not_measured(name, f"{step.name!r} does not normalise its last axis.")]
    mean, variance = (
        np.asarray(keras.ops.cast(one, "float32"), np.float64) for one in (layer.moving_mean, layer.moving_variance)
    )
    forward = compiled(seen.model, [step.parents[0]])
    rows = spread(seen.count, 512)
    total, squares, places = 0.0, 0.0, 0
    for start in range(0, len(rows), seen.batch_size):
        values: Any = forward(*(batch[rows[start : start + seen.batch_size]] for batch in seen.batches))[0]
        values = np.asarray(values, np.float64).reshape(-1, len(mean))
        total, squares, places = total + values.sum(0), squares + (values**2).sum(0), places + len(values)
    deviation = np.sqrt(variance + layer.epsilon)
    off = (total / places - mean) / deviation
    wide = np.sqrt(np.maximum(squares / places - (total / places) ** 2, 0)) / deviation
    if not np.isfinite([off, wide]).all():
        return [not_measured(name, f"What comes into {step.name!r} holds NaN or infinity.")]
    value = float(np.median(np.abs(off)))
    says = (
        f"The channels that come into {step.name!r} lie {value:.2g} standard deviations from the means it keeps of its "
        f"training, and spread {np.median(wide):.2g} times as much (medians over its {len(mean)} channels)."
    )
    advice = "Prepare the pictures as in training: their range, the order of their colours, their mean."
    details = {"off": off, "spread": wide}
    return [finding(name, value, says, advice, where=step.name, normal=MEASURES[name].normal, details=details)]
