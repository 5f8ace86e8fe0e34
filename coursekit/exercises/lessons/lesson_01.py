"""The exercises of lesson 01."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from coursekit.exercises.differences import names_none
from coursekit.exercises.lessons.lesson_01_pictures import GROUPS
from coursekit.exercises.model import Exercise, Mistake


@functools.cache
def _net() -> Any:
    from coursekit import squeezenet

    return squeezenet()


# 01.strongest-channel -------------------------------------------------------------------------------------------------


def _strongest_case(seed: int) -> dict:
    if seed == 0:
        return {"picture": "coffee", "layer": "fire6-squeeze1x1"}
    rng = np.random.default_rng(seed)
    group = GROUPS[rng.integers(len(GROUPS))].split()
    picture, layer = group[rng.integers(len(group))].split("/")
    return {"picture": picture, "layer": layer}


@functools.cache
def _largest(picture: str, layer: str) -> np.ndarray:
    from coursekit import activations, photo

    return activations(_net(), photo(picture, size=227), layer).max(axis=(0, 1))


def _about_channel(case: dict, answer: Any) -> str:
    largest = _largest(**case)
    reaches = "Channel {} of this layer reaches {:.4g} at most, and another one reaches more."
    return names_none(answer, len(largest), "channel") or reaches.format(int(answer), largest[int(answer)])


@functools.cache  # the answers, which are small, and not the layers
def _channels(picture: str, layer: str) -> dict[str, int]:
    """Return the right channel and those that the usual mistakes lead to."""
    from coursekit import activations, photo

    values = activations(_net(), photo(picture, size=227), layer)
    strongest = int(values.max(axis=(0, 1)).argmax())
    return {
        "right": strongest,
        "counted from 1": strongest + 1,
        "channels first": int(values.max(axis=(1, 2)).argmax()),
        "position in the flat array": int(values.argmax()),
        "mean instead of largest": int(values.mean(axis=(0, 1)).argmax()),
        "largest absolute value": int(np.abs(values).max(axis=(0, 1)).argmax()),
    }


_strongest = Exercise(
    id="01.strongest-channel",
    title="The channel that answers most",
    answer="strongest",
    points=2,
    hints=(
        "Every channel has one largest activation. Which channel's is the largest of all?",
        "An activation has the axes (row, column, channel). Take the maximum over the first two.",
        "layer.max(axis=(0, 1)) holds a number for each channel; argmax() says where the largest stands.",
    ),
    solution=(
        'case = given("01.strongest-channel", variation)\n'
        'layer = activations(net, photo(case["picture"], size=227), case["layer"])\n'
        "strongest = int(layer.max(axis=(0, 1)).argmax())"
    ),
    case=_strongest_case,
    right=lambda case: _channels(**case)["right"],
    mistakes=(
        Mistake(
            "counted from 1",
            "One too many: you seem to count channels from 1, as MATLAB does. In Python the first channel is 0.",
            lambda case: _channels(**case)["counted from 1"],
        ),
        Mistake(
            "channels first",
            "That is the row in which the largest activation lies. Channels are the last axis, not the first.",
            lambda case: _channels(**case)["channels first"],
        ),
        Mistake(
            "position in the flat array",
            "argmax() without an axis counts through the whole array. Take the maximum over rows and columns first.",
            lambda case: _channels(**case)["position in the flat array"],
        ),
        Mistake(
            "mean instead of largest",
            "That channel has the largest mean. A channel can be near zero nearly everywhere and still be very "
            "large at one place: that is what we look for.",
            lambda case: _channels(**case)["mean instead of largest"],
        ),
        Mistake(
            "largest absolute value",
            "That channel has the largest absolute value, but it is a negative one: the opposite of its pattern. The "
            "ReLU behind it would set it to zero.",
            lambda case: _channels(**case)["largest absolute value"],
        ),
    ),
    about=_about_channel,
)

# 01.by-hand -----------------------------------------------------------------------------------------------------------


def _by_hand_case(seed: int) -> dict:
    rng = np.random.default_rng(seed)
    rows, columns, channels, filters = (int(n) for n in rng.integers((1, 2, 2, 2), (5, 5, 5, 8)))
    return {
        "patch": rng.normal(size=(rows, columns, channels)).round(1).astype(np.float32),
        "kernel": rng.normal(size=(rows, columns, channels, filters)).round(1).astype(np.float32),
        "bias": rng.normal(size=filters).round(1).astype(np.float32),
    }


def _convolve(case: dict, kernel: np.ndarray | None = None, bias: float = 1.0) -> np.ndarray:
    kernel = case["kernel"] if kernel is None else kernel
    return (case["patch"][..., np.newaxis] * kernel).sum(axis=(0, 1, 2)) + bias * case["bias"]


def _relu(values: np.ndarray) -> np.ndarray:
    return np.maximum(values, 0)


_by_hand = Exercise(
    id="01.by-hand",
    title="One activation by hand, for all filters at once",
    answer="by_hand",
    points=3,
    hints=(
        "In the lesson you did it for one filter: multiply, add up, add the bias. Then comes the ReLU.",
        "patch[..., np.newaxis] * kernel multiplies the patch with every filter.",
        "Add up over the first three axes, add the bias, and keep what is positive: np.maximum(values, 0).",
    ),
    solution=(
        "def by_hand(patch, kernel, bias):\n"
        "    values = (patch[..., np.newaxis] * kernel).sum(axis=(0, 1, 2)) + bias\n"
        "    return np.maximum(values, 0)"
    ),
    case=_by_hand_case,
    right=lambda case: _relu(_convolve(case)),
    is_function=True,
    mistakes=(
        Mistake(
            "forgot the ReLU",
            "These are the numbers before the ReLU: some of them are negative. An activation behind a ReLU never is.",
            lambda case: _convolve(case),
        ),
        Mistake(
            "forgot the bias",
            "Nearly: the bias is missing. Every filter adds a number of its own.",
            lambda case: _relu(_convolve(case, bias=0.0)),
        ),
        Mistake(
            "forgot the bias and the ReLU",
            "That is the sum of the products. The bias and the ReLU are still to come.",
            lambda case: _convolve(case, bias=0.0),
        ),
        Mistake(
            "turned the kernel",
            "The kernel is turned by half a turn. That is how mathematicians define a convolution; networks do not "
            "turn it.",
            lambda case: _relu(_convolve(case, case["kernel"][::-1, ::-1])),
        ),
        Mistake(
            "ReLU before the bias",
            "The ReLU comes last: first the sum, then the bias, then the ReLU.",
            lambda case: _relu(_convolve(case, bias=0.0)) + case["bias"],
        ),
        Mistake(
            "added up all filters",
            "One number for all filters together. There should be one for each: do not add up the last axis.",
            lambda case: _relu(_convolve(case).sum()),
        ),
    ),
)

# 01.one-scale ---------------------------------------------------------------------------------------------------------


def _one_scale_case(seed: int) -> dict:
    rng = np.random.default_rng(seed)
    rows, columns, channels = (int(n) for n in rng.integers(2, 7, size=3))
    layer = rng.normal(size=(rows, columns, channels)) * 10.0 ** rng.uniform(-1, 2, size=channels)
    return {"layer": layer.round(3).astype(np.float32)}


def _around_grey(case: dict) -> np.ndarray:
    """Bring 0 to the middle, as the lesson's signed scale does."""
    return (case["layer"] / np.abs(case["layer"]).max() + 1) / 2


def _stretch(values: np.ndarray, axis: Any = None) -> np.ndarray:
    low, high = values.min(axis=axis, keepdims=True), values.max(axis=axis, keepdims=True)
    return (values - low) / (high - low)


_one_scale = Exercise(
    id="01.one-scale",
    title="All channels on one scale",
    answer="one_scale",
    points=2,
    hints=(
        "Black and white must mean the same two numbers in every channel.",
        "Which two numbers? The smallest and the largest of the whole layer.",
        "(layer - smallest) / (largest - smallest), with layer.min() and layer.max(): no axis.",
    ),
    solution="def one_scale(layer):\n    return (layer - layer.min()) / (layer.max() - layer.min())",
    case=_one_scale_case,
    right=lambda case: _stretch(case["layer"]),
    also_right=(_around_grey,),
    is_function=True,
    mistakes=(
        Mistake(
            "a scale for each channel",
            "Each channel is stretched to its own range: a channel a million times weaker looks as alive as the "
            "others. Take the minimum and the maximum over everything, without an axis.",
            lambda case: _stretch(case["layer"], (0, 1)),
        ),
        Mistake(
            "a scale for each point",
            "At every point the channels are scaled against each other. Take the minimum and the maximum over "
            "everything.",
            lambda case: _stretch(case["layer"], -1),
        ),
        Mistake(
            "divided by the largest",
            "White is right, but black is not: the layer has negative values, so subtract the smallest first.",
            lambda case: case["layer"] / case["layer"].max(),
        ),
        Mistake(
            "negative values cut off",
            "The negative values are gone. Before the ReLU they mean something: the opposite of the pattern.",
            lambda case: _relu(case["layer"]) / case["layer"].max(),
        ),
        Mistake(
            "0 to 255", "The scale is right, but it should go from 0 to 1.", lambda case: 255 * _stretch(case["layer"])
        ),
    ),
)

# 01.evidence ----------------------------------------------------------------------------------------------------------

_evidence = Exercise(
    id="01.evidence",
    title="What would convince you?",
    answer="evidence",
    points=3,
    hints=(
        "Think of what we did to channel 13, step by step.",
        "A good answer names what is taken away, what is taken away instead as a control, on which pictures, and what "
        "else could be in its place.",
    ),
    solution=(
        "For example: cover the mouth in many photos that were not used to find the channel, and cover equal areas of "
        "cheek in the same photos. If it loses clearly more with the mouth, in most photos, and no channel of an "
        "untrained network does, then the channel needs what is at the mouth. Whether that must be a mouth is another "
        "test: put something alike in its place, such as a red stripe, and see how much comes back."
    ),
)

EXERCISES = (_strongest, _by_hand, _one_scale, _evidence)
