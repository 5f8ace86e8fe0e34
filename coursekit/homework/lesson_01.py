"""What lesson 01 asks."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from coursekit.homework.exercises import Choice, Exercise, Lesson, Mistake, Question

_PHOTOS = ("astronaut", "chelsea", "coffee", "rocket", "china", "flower", "motorcycle")
_LAYERS = tuple(f"fire{i}-squeeze1x1" for i in (3, 4, 5, 6, 7))


@functools.cache
def _net() -> Any:
    from coursekit import squeezenet

    return squeezenet()


# 01.strongest-channel ------------------------------------------------------------------------------------------------


def _strongest_case(seed: int) -> dict:
    if seed == 0:
        return {"picture": "coffee", "layer": "fire6-squeeze1x1"}
    rng = np.random.default_rng(seed)
    return {"picture": str(rng.choice(_PHOTOS)), "layer": str(rng.choice(_LAYERS))}


@functools.cache
def _activation(picture: str, layer: str) -> np.ndarray:
    from coursekit import activations, photo

    return activations(_net(), photo(picture, size=227), layer)


def _layer(case: dict) -> np.ndarray:
    return _activation(case["picture"], case["layer"])


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
    right=lambda case: int(_layer(case).max(axis=(0, 1)).argmax()),
    mistakes=(
        Mistake(
            "counted from 1",
            "One too many: you seem to count channels from 1, as MATLAB does. In Python the first channel is 0.",
            lambda case: int(_layer(case).max(axis=(0, 1)).argmax()) + 1,
        ),
        Mistake(
            "channels first",
            "That is the row in which the largest activation lies. Channels are the last axis, not the first.",
            lambda case: int(_layer(case).max(axis=(1, 2)).argmax()),
        ),
        Mistake(
            "position in the flat array",
            "argmax() without an axis counts through the whole array. Take the maximum over rows and columns first.",
            lambda case: int(_layer(case).argmax()),
        ),
        Mistake(
            "mean instead of largest",
            "That channel has the largest mean. A channel can be silent nearly everywhere and still shout at one "
            "place: that is what we look for.",
            lambda case: int(_layer(case).mean(axis=(0, 1)).argmax()),
        ),
        Mistake(
            "largest absolute value",
            "That channel has the largest absolute value, but it is a negative one: the opposite of its pattern. The "
            "ReLU behind it would set it to zero.",
            lambda case: int(np.abs(_layer(case)).max(axis=(0, 1)).argmax()),
        ),
    ),
)

# 01.by-hand ----------------------------------------------------------------------------------------------------------


def _by_hand_case(seed: int) -> dict:
    rng = np.random.default_rng(seed)
    size, channels, filters = (int(n) for n in (rng.choice((1, 3, 5)), rng.integers(2, 5), rng.integers(4, 8)))
    return {
        "patch": rng.normal(size=(size, size, channels)).astype(np.float32),
        "kernel": rng.normal(size=(size, size, channels, filters)).astype(np.float32),
        "bias": rng.normal(size=filters).astype(np.float32),
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

# 01.one-scale --------------------------------------------------------------------------------------------------------


def _one_scale_case(seed: int) -> dict:
    rng = np.random.default_rng(seed)
    strength = 10.0 ** rng.uniform(-2, 3, size=6)
    return {"layer": (rng.normal(size=(7, 9, 6)) * strength).astype(np.float32)}


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

# 01.evidence ---------------------------------------------------------------------------------------------------------

_evidence = Exercise(
    id="01.evidence",
    title="What would convince you?",
    answer="evidence",
    points=3,
    hints=(
        "Think of what we did to channel 13, step by step.",
        "A good answer names what is taken away, what is taken away instead as a control, and on which pictures.",
    ),
    solution=(
        "For example: cover the mouth in many photos that were not used to find the channel, and cover equal areas of "
        "cheek in the same photos. The channel detects mouths if it loses clearly more with the mouth, in most photos, "
        "and if no channel of an untrained network does."
    ),
)

# Predictions and quiz ------------------------------------------------------------------------------------------------

_PREDICTIONS = (
    Question(
        "01.which-part",
        "Which of the eight pages comes from the last layer?",
        choices=(
            Choice("A", "A is coarse because the picture was pooled three times, not because it is late: layer 36."),
            Choice("B", "B is sharp: it comes from the first layer. Nothing was pooled yet."),
            Choice("C", "Close: C comes from the last block, three layers earlier."),
            Choice("D", "D shows outlines, but on 56 rows: it comes from the first block."),
            Choice("E", 'E is the channel for "neck brace" in the last layer. It lights up at the collar.', True),
            Choice("F", "F has 28 rows: pooled twice, so it lies about in the middle."),
            Choice("G", "G is early, with 56 rows. And it is the page that means next to nothing."),
            Choice("H", "H is as sharp as the photo: it comes from the first layer."),
        ),
    ),
    Question(
        "01.zeros",
        "What share of the last block, fire9-concat, is exactly zero?",
        high=100.0,
        unit="%",
        says="A half is what chance gives. Anything above it the network has learnt.",
    ),
    Question(
        "01.closed-eyes",
        "With the eyes covered, how much of channel 13's answer at the eyes is left?",
        high=100.0,
        unit="%",
        says="If you said nothing is left: something is, so the eyes are not all that it answers to. If you said all "
        "of it: then it would not look for eyes.",
    ),
)

_QUIZ = (
    Question(
        "01.quiz.coarse",
        "A channel of a deep layer looks like a handful of grey squares. What does that tell you?",
        choices=(
            Choice(
                "The layer has understood something abstract",
                "The squares come from pooling. A photo shrunk to "
                "14 x 14 would look the same, and it has understood nothing.",
            ),
            Choice(
                "The picture was pooled on the way",
                "And nothing more. Whether the channel means something takes a test.",
                True,
            ),
            Choice(
                "The network is badly trained",
                "An untrained network gives squares as coarse, and so does the best "
                "one. It is a matter of sizes, not of training.",
            ),
        ),
    ),
    Question(
        "01.quiz.scale",
        "Two channels look equally bright, each on a scale of its own. Which one answers more?",
        choices=(
            Choice(
                "Both the same",
                "Each was stretched to its own range, so each has a white point. One of them may be "
                "a million times weaker.",
            ),
            Choice(
                "The one with more white",
                "More white means that more places are near that channel's own largest "
                "value. How large that is, the picture does not say.",
            ),
            Choice("The picture cannot tell", "Look at the numbers, or draw both on one scale.", True),
        ),
    ),
    Question(
        "01.quiz.control",
        "We covered the cheeks as well as the eyes. What for?",
        choices=(
            Choice(
                "To find the channel that looks for cheeks",
                "That would be another experiment. Here the cheeks are the treatment that should not matter.",
            ),
            Choice(
                "To see what painting over a face does by itself",
                "Only what the eyes cost beyond that can be said to be about eyes.",
                True,
            ),
            Choice(
                "To make the result more exact", "It does not change the number for the eyes. It tells how to read it."
            ),
        ),
    ),
    Question(
        "01.quiz.random",
        "Which of these did the untrained network show as well?",
        choices=(
            Choice("Ever more zeros with depth", "There it stayed at a half in every layer. The zeros were learnt."),
            Choice("A channel that loses a third with the eyes", "The best of its channels lost a few percent."),
            Choice(
                "One channel that is the strongest of its layer",
                "Some channel always is. Being the strongest means nothing yet.",
                True,
            ),
        ),
    ),
)

LESSON = Lesson("01", (_strongest, _by_hand, _one_scale, _evidence), _PREDICTIONS, _QUIZ)
