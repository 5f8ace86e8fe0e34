"""The exercises of lesson 02."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from coursekit.exercises.differences import names_none
from coursekit.exercises.model import Exercise, Mistake

# 02.best-patch --------------------------------------------------------------------------------------------------------


def _kernel_case(seed: int) -> dict:
    rng = np.random.default_rng(seed)
    size = int(rng.choice((3, 5)))
    mean = rng.choice((-1, 1)) * rng.uniform(0.3, 0.8)  # far from 0: "above the mean" is another patch
    return {"kernel": (mean + rng.normal(size=(size, size, 3))).astype(np.float32)}


def _from_0_to_255(kernel: np.ndarray) -> np.ndarray:
    return 255 * (kernel - kernel.min()) / (kernel.max() - kernel.min())


_best_patch = Exercise(
    id="02.best-patch",
    title="The patch that a filter wants most",
    answer="best_patch",
    points=3,
    hints=(
        "The answer is the sum of weight times pixel. Look at one pixel alone: which value makes its product largest?",
        "A positive weight wants its pixel as bright as can be, a negative one as dark as can be.",
        "np.where(kernel > 0, ...) decides for all pixels at once.",
    ),
    solution="def best_patch(kernel):\n    return np.where(kernel > 0, 255, 0)",
    case=_kernel_case,
    right=lambda case: np.where(case["kernel"] > 0, 255, 0),
    is_function=True,
    mistakes=(
        Mistake(
            "the kernel itself",
            "That patch looks like the kernel, with pale values where the weights are small. But even a small positive "
            "weight gains by a brighter pixel: nothing holds it back before 255.",
            lambda case: _from_0_to_255(case["kernel"]),
        ),
        Mistake(
            "the wrong way round",
            "The other way round: this is the patch that the filter likes least.",
            lambda case: np.where(case["kernel"] > 0, 0, 255),
        ),
        Mistake(
            "the largest weight only",
            "Only the pixel with the largest weight is bright. The other positive weights have something to add too.",
            lambda case: 255 * (case["kernel"] == case["kernel"].max()),
        ),
        Mistake(
            "0 and 1",
            "The right pixels are bright, but white is 255 here, not 1.",
            lambda case: (case["kernel"] > 0) * 1,
        ),
        Mistake(
            "the sign",
            "A pixel cannot be negative: it goes from 0 to 255. What is the best that a negative weight can get?",
            lambda case: 255 * np.sign(case["kernel"]),
        ),
        Mistake(
            "above the mean",
            "Here a pixel is bright where its weight is above the mean. The mean does not matter: zero does.",
            lambda case: np.where(case["kernel"] > case["kernel"].mean(), 255, 0),
        ),
    ),
)

# 02.bright-side -------------------------------------------------------------------------------------------------------


def _edge_case(seed: int) -> dict:
    rng = np.random.default_rng(seed)
    # Away from the axes. An arctangent without the quadrant is wrong at the left, one with half a turn added at the
    # right: of six cases, one of the two is right in all with one student in 32.
    angle = np.radians(rng.choice((0, 90, 180, 270)) + rng.uniform(20, 70))
    row, column = np.mgrid[-1:2, -1:2]
    slope = rng.uniform(0.5, 2) * (np.cos(angle) * column - np.sin(angle) * row)
    return {"kernel": (slope + rng.uniform(-0.5, 0.5)).astype(np.float32)}


def _forces(case: dict) -> tuple[float, float]:
    row, column = np.mgrid[-1:2, -1:2]
    return float((case["kernel"] * column).sum()), -float((case["kernel"] * row).sum())


def _bright_side(case: dict, up: float = 1.0, turn: bool = False) -> float:
    x, y = _forces(case)
    y *= up
    return float(np.degrees(np.arctan2(x, y) if turn else np.arctan2(y, x)) % 360)


_bright = Exercise(
    id="02.bright-side",
    title="Where an edge filter wants it bright",
    answer="bright_side",
    points=3,
    hints=(
        "Treat the weights as forces that pull towards their places. Where do all of them together pull?",
        "To the right: the weights times (-1, 0, 1) along the columns, added up. Upwards: the same along the rows, "
        "but rows count downwards.",
        "np.degrees(np.arctan2(upwards, rightwards)) % 360",
    ),
    solution=(
        "def bright_side(kernel):\n"
        "    rightwards = (kernel * np.array([-1, 0, 1])).sum()\n"
        "    upwards = (kernel * np.array([[1], [0], [-1]])).sum()\n"
        "    return np.degrees(np.arctan2(upwards, rightwards)) % 360"
    ),
    case=_edge_case,
    right=_bright_side,
    also_right=(  # counted from -180 to 180, or with a whole turn more
        lambda case: (_bright_side(case) + 180) % 360 - 180,
        lambda case: (_bright_side(case) + 180) % 360 + 180,
    ),
    is_function=True,
    mistakes=(
        Mistake(
            "up is down",
            "Up and down are swapped. Rows are counted from the top, so a larger row lies further down.",
            lambda case: _bright_side(case, up=-1),
        ),
        Mistake(
            "the dark side",
            "That is the dark side: off by half a turn. An arctangent of the quotient does that, too: it does not know "
            "which of the two parts was negative. arctan2 takes both.",
            lambda case: (_bright_side(case) + 180) % 360,
        ),
        Mistake(
            "along the edge",
            "That is the direction of the edge itself. The bright side lies at a right angle to it.",
            lambda case: (_bright_side(case) + 90) % 360,
        ),
        Mistake(
            "along the edge, the other way",
            "That is the direction of the edge itself. The bright side lies at a right angle to it.",
            lambda case: (_bright_side(case) - 90) % 360,
        ),
        Mistake(
            "counted from the top",
            "Counted clockwise from the top, as on a compass. In the table of the lesson 0 degrees is to the right, "
            "and 90 is up: arctan2 takes the upward part first.",
            lambda case: _bright_side(case, turn=True),
        ),
        Mistake(
            "radians",
            "That is the right angle in radians. In degrees, please: np.degrees.",
            lambda case: np.radians(_bright_side(case)),
        ),
        Mistake(
            "radians with a sign",
            "That is the right angle in radians, from -pi to pi. In degrees from 0 to 360, please.",
            lambda case: (np.radians(_bright_side(case)) + np.pi) % (2 * np.pi) - np.pi,
        ),
    ),
)

# 02.best-photo --------------------------------------------------------------------------------------------------------

_LAYERS = tuple(f"fire{number}-squeeze1x1" for number in range(4, 10))


def _photo_case(seed: int) -> dict:
    if seed == 0:
        return {"layer": "fire6-squeeze1x1", "channel": 12}
    rng = np.random.default_rng(seed)
    groups = _telling_channels()
    layer, channel = rng.choice(groups[rng.integers(len(groups))]).split("/")
    return {"layer": str(layer), "channel": int(channel)}


@functools.cache
def _answers() -> dict[str, np.ndarray]:
    from coursekit import activations, photos, squeezenet

    return activations(squeezenet(), photos()[0], list(_LAYERS))


@functools.cache
def _telling_channels() -> list[list[str]]:
    """Return the channels that have the same three best photos, and these clearly, for each three: "layer/channel"."""
    groups: dict[tuple, list[str]] = {}
    for layer, answers in _answers().items():
        means = answers.mean(axis=(1, 2))
        best = np.sort(means, axis=0)[:-5:-1]
        for channel in np.flatnonzero((best[1:] < 0.95 * best[:-1]).all(axis=0)):  # the same on every machine
            groups.setdefault(tuple(means[:, channel].argsort()[:-4:-1]), []).append(f"{layer}/{channel}")
    return list(groups.values())


def _three(case: dict, measure: Callable[[np.ndarray], np.ndarray]) -> list[int]:
    """Return the three photos of which a channel's maps (N, rows, columns) measure most, the best first."""
    return measure(_answers()[case["layer"]][..., case["channel"]]).argsort()[::-1][:3].tolist()


def _mean(maps: np.ndarray) -> np.ndarray:
    return maps.mean(axis=(1, 2))


def _about_photos(case: dict, answer: Any) -> str:
    means = _mean(_answers()[case["layer"]][..., case["channel"]])
    numbers = np.asarray(answer)
    if unknown := next(filter(None, (names_none(number, len(means), "photo") for number in numbers)), ""):
        return unknown
    chosen = means[numbers.astype(int)]
    says = f"The means of your three are {', '.join(f'{mean:.4g}' for mean in chosen)}"
    if len(set(numbers.tolist())) < len(numbers):
        return f"{says}: one photo stands there twice."
    if (np.diff(chosen) > 0).any():
        return f"{says}: the best should come first."
    return f"{says}, and a photo that you left out has more than {chosen[-1]:.4g}."


_best_photo = Exercise(
    id="02.best-photo",
    title="The photos that excite a channel most",
    answer="best_photos",
    points=2,
    hints=(
        "maximize made the mean of the channel over all positions large. Measure the photos in the same way.",
        "activations(net, many, ...) has the axes (photo, row, column, channel).",
        "Pick the channel, take the mean over rows and columns, axis=(1, 2). argsort() sorts upwards: [::-1] turns it "
        "round, [:3] takes three.",
    ),
    solution=(
        'case = given("02.best-photo", variation)\n'
        'answers = activations(net, many, case["layer"])[..., case["channel"]]\n'
        "best_photos = answers.mean(axis=(1, 2)).argsort()[::-1][:3]"
    ),
    case=_photo_case,
    right=lambda case: _three(case, _mean),
    mistakes=(
        Mistake(
            "the largest points",
            "Those photos hold the largest single points. The pattern was drawn for the mean over all points: compare "
            "like with like.",
            lambda case: _three(case, lambda maps: maps.max(axis=(1, 2))),
        ),
        Mistake(
            "the middle only",
            "Those are the best photos by their middle, one point of the map. The pattern was drawn for the mean over "
            "all points.",
            lambda case: _three(case, lambda maps: maps[:, maps.shape[1] // 2, maps.shape[2] // 2]),
        ),
        Mistake(
            "the largest spread",
            "Those are the photos on which the channel varies most. What maximize made large is its mean.",
            lambda case: _three(case, lambda maps: maps.std(axis=(1, 2))),
        ),
        Mistake(
            "counted from 1",
            "One too many each: photos are counted from 0.",
            lambda case: [photo + 1 for photo in _three(case, _mean)],
        ),
        Mistake(
            "the least",
            "Those are the photos that the channel likes least: argsort() begins with the smallest.",
            lambda case: _three(case, lambda maps: -_mean(maps)),
        ),
        Mistake(
            "the best last",
            "The right three, but in the wrong order: the best comes first.",
            lambda case: _three(case, _mean)[::-1],
        ),
        Mistake(
            "the best only",
            "That is the best of all. Two more are asked for.",
            lambda case: _three(case, _mean)[0],
        ),
    ),
    about=_about_photos,
)

# 02.drawing -----------------------------------------------------------------------------------------------------------

_drawing = Exercise(
    id="02.drawing",
    title="What a drawing proves",
    answer="drawing",
    points=3,
    hints=(
        "Think of channel 46: what it draws, and what the strangers' faces said of it in lesson 01.",
        "A good answer says what a drawing shows, names one thing that it does not show, and an experiment for that.",
    ),
    solution=(
        "For example: the drawing shows one picture that excites the channel more than any photo does, so the channel "
        "answers to wheel-like shapes. It does not show that wheels are what excites it in photos, nor that nothing "
        "else does. I would collect photos with and without wheels, cover the wheels and, as a control, equal areas "
        "elsewhere, and compare how much the channel loses."
    ),
)

EXERCISES = (_best_patch, _bright, _best_photo, _drawing)
