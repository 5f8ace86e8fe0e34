"""The exercises of lesson 07."""

from __future__ import annotations

import numpy as np

from coursekit.exercises.model import Exercise, Mistake

# 07.cam --------------------------------------------------------------------------------------------------------------


def _cam_case(seed: int) -> dict:
    rng = np.random.default_rng(seed)
    features = np.maximum(rng.normal(0.3, 1, size=(3, 4, 5)), 0)
    weights = rng.normal(0, 1, size=(5, 5))  # square, so that a column and a row can be mixed up
    return {"features": features, "weights": weights, "index": int(rng.integers(0, 5))}


def _cam(case: dict) -> np.ndarray:
    return case["features"] @ case["weights"][:, case["index"]]


_class_map = Exercise(
    id="07.cam",
    title="A class activation map from weights",
    answer="class_map",
    points=3,
    hints=(
        "At one position the class gets from each channel its activation times the weight of that channel.",
        "The weights of one class stand in a column: weights[:, index].",
        "features @ weights[:, index] multiplies and adds over the channels at every position.",
    ),
    solution="def class_map(features, weights, index):\n    return features @ weights[:, index]",
    case=_cam_case,
    right=_cam,
    is_function=True,
    mistakes=(
        Mistake(
            "a row instead of a column",
            "The weights of a row were taken: those of one channel for all classes. A class has a column.",
            lambda case: case["features"] @ case["weights"][case["index"]],
        ),
        Mistake(
            "one channel",
            "That is the channel with the number of the class. A class has no channel here: it weighs all of them.",
            lambda case: case["features"][:, :, case["index"]],
        ),
        Mistake(
            "averaged over the channels",
            "The average over the channels: the map has the right shape, but it does not average to the score.",
            lambda case: _cam(case) / case["features"].shape[2],
        ),
        Mistake(
            "cut off below zero",
            "What speaks against the class was cut off. It belongs to the score, so keep it in the map.",
            lambda case: np.maximum(_cam(case), 0),
        ),
        Mistake(
            "the score",
            "That is one number, the average of the map. Where it comes from is lost.",
            lambda case: float(_cam(case).mean()),
        ),
    ),
)

# 07.grad-cam ---------------------------------------------------------------------------------------------------------


def _grad_cam_case(seed: int) -> dict:
    rng = np.random.default_rng(seed)
    features = np.maximum(rng.normal(0.5, 1, size=(3, 4, 4)), 0)
    gradients = rng.normal(0, 1, size=(3, 4, 4)) + np.array([1.0, -1.0, 0.5, -0.3])
    return {"features": features, "gradients": gradients}


def _weighted(case: dict, weights: np.ndarray) -> np.ndarray:
    return (case["features"] * weights).sum(axis=-1)


def _grad_cam(case: dict) -> np.ndarray:
    return np.maximum(_weighted(case, case["gradients"].mean(axis=(0, 1))), 0)


_gradient_map = Exercise(
    id="07.grad-cam",
    title="Grad-CAM, by hand",
    answer="gradient_map",
    points=3,
    hints=(
        "How important is a channel for the class? Grad-CAM takes the average of its gradient over all positions.",
        "weights = gradients.mean(axis=(0, 1)), one number for each channel; then add the channels with these weights.",
        "What is left below zero speaks against the class, and Grad-CAM sets it to 0: np.maximum(..., 0).",
    ),
    solution=(
        "def gradient_map(features, gradients):\n"
        "    weights = gradients.mean(axis=(0, 1))\n"
        "    return np.maximum((features * weights).sum(axis=-1), 0)"
    ),
    case=_grad_cam_case,
    right=_grad_cam,
    is_function=True,
    mistakes=(
        Mistake(
            "ReLU left out",
            "Without the ReLU, what speaks against the class stays in the map as negative numbers.",
            lambda case: _weighted(case, case["gradients"].mean(axis=(0, 1))),
        ),
        Mistake(
            "ReLU too early",
            "The ReLU was applied to the weights. A channel that speaks against the class must be able to subtract.",
            lambda case: _weighted(case, np.maximum(case["gradients"].mean(axis=(0, 1)), 0)),
        ),
        Mistake(
            "position by position",
            "Each position was multiplied by its own gradient. That is another method (HiResCAM): Grad-CAM averages "
            "the gradient over the positions first.",
            lambda case: np.maximum(_weighted(case, case["gradients"]), 0),
        ),
        Mistake(
            "absolute gradients",
            "The weights have lost their signs: a channel that speaks against the class adds to its map.",
            lambda case: _weighted(case, np.abs(case["gradients"].mean(axis=(0, 1)))),
        ),
        Mistake(
            "the sum of the gradient",
            "The gradient was added up, not averaged: the pattern is right, but a larger map would get larger numbers.",
            lambda case: np.maximum(_weighted(case, case["gradients"].sum(axis=(0, 1))), 0),
        ),
        Mistake(
            "averaged over the channels",
            "The weighted channels were averaged. They are added.",
            lambda case: _grad_cam(case) / case["features"].shape[2],
        ),
    ),
)

# 07.one-scale --------------------------------------------------------------------------------------------------------


def _scale_case(seed: int) -> dict:
    rng = np.random.default_rng(seed)
    first, second = rng.uniform(1, 6, size=(2, 3, 4))
    if seed % 3 == 2:
        second[:] = 0  # a class of which nothing is to be seen
    else:
        second *= 0.3
    return {"first": first, "second": second}


def _own(one: np.ndarray) -> np.ndarray:
    return one / one.max() if one.max() else one


def _stretched(one: np.ndarray) -> np.ndarray:
    return (one - one.min()) / (one.max() - one.min()) if one.max() > one.min() else one * 0


def _both(case: dict, scaled: object = None) -> np.ndarray:
    pair = np.stack([case["first"], case["second"]])
    return pair / pair.max() if scaled is None else np.stack([scaled(one) for one in pair])


_one_scale = Exercise(
    id="07.one-scale",
    title="Two maps on one scale",
    answer="on_one_scale",
    points=2,
    hints=(
        "If each map is divided by its own largest value, both have a place that shines. Is that true?",
        "Find the largest value of both maps together, and divide both by it.",
        "np.stack([first, second]) / max(first.max(), second.max())",
    ),
    solution=("def on_one_scale(first, second):\n    both = np.stack([first, second])\n    return both / both.max()"),
    case=_scale_case,
    right=_both,
    is_function=True,
    mistakes=(
        Mistake(
            "each on a scale of its own",
            "Each map was divided by its own largest value: a faint map shines like a strong one.",
            lambda case: _both(case, _own),
        ),
        Mistake(
            "each stretched from 0 to 1",
            "Each map was stretched from its smallest to its largest value: neither zero nor the strength is left.",
            lambda case: _both(case, _stretched),
        ),
        Mistake(
            "the smallest subtracted",
            "One scale for both, but the smallest value was subtracted: 0 no longer means that nothing was found.",
            lambda case: _stretched(_both(case)),
        ),
        Mistake(
            "divided by the sum",
            "Divided by the sum, the largest value is no longer 1.",
            lambda case: _both(case) / _both(case).sum(),
        ),
    ),
)

# 07.explain ----------------------------------------------------------------------------------------------------------

_explain = Exercise(
    id="07.explain",
    title="Explain a wrong answer",
    answer="explanation",
    points=4,
    hints=(
        "Take a photo that the network gets wrong, such as 11, the shoe that it calls sunglasses, or one of your own.",
        "A good answer says which class wins, which place its map shows, what happens to the score if just that "
        "place is covered, and whether the two agree.",
    ),
    solution=(
        "For example: the shoe is called 'sunglass', with a probability of 0.34. The map of this class is "
        "strongest at the lower left, around row 153 and column 40. I covered rows 100 to 170 and columns 0 to "
        "70, which hold 18 % of the map: the score fell from 19.7 to 15.3, and 'buckle' won. Then I covered the "
        "laces, which hold 8 %: the score rose to 21.5. So map and test agree that the lower left is to blame, "
        "and the laces are not."
    ),
)

EXERCISES = (_class_map, _gradient_map, _one_scale, _explain)
