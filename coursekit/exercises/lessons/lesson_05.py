"""The exercises of lesson 05."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from coursekit.exercises.differences import names_none
from coursekit.exercises.model import Exercise, Mistake

# 05.total-variation ---------------------------------------------------------------------------------------------------


def _picture_case(seed: int) -> dict:
    rng = np.random.default_rng(seed)
    height, width = int(rng.integers(2, 9)), int(rng.integers(2, 13))
    return {"picture": rng.uniform(0, 255, size=(height, width, 3)).round().astype(np.float32)}


def _differences(case: dict) -> tuple[np.ndarray, np.ndarray]:
    picture = case["picture"].astype(np.float64)
    return np.diff(picture, axis=0), np.diff(picture, axis=1)


def _variation(case: dict) -> float:
    down, right = _differences(case)
    return float(np.abs(down).sum() + np.abs(right).sum())


def _rolled(case: dict) -> float:
    picture = case["picture"].astype(np.float64)
    return float(sum(np.abs(picture - np.roll(picture, 1, axis)).sum() for axis in (0, 1)))


_total_variation = Exercise(
    id="05.total-variation",
    title="Total variation",
    answer="total_variation",
    points=3,
    hints=(
        "For every pixel: how much does it differ from the one below, and from the one to its right?",
        "picture[1:] - picture[:-1] holds the differences to the row below. The last row has none.",
        "Absolute values of both kinds of differences, all added up.",
    ),
    solution=(
        "def total_variation(picture):\n"
        "    down = picture[1:] - picture[:-1]\n"
        "    right = picture[:, 1:] - picture[:, :-1]\n"
        "    return np.abs(down).sum() + np.abs(right).sum()"
    ),
    case=_picture_case,
    right=_variation,
    is_function=True,
    mistakes=(
        Mistake(
            "without absolute values",
            "Without absolute values ups and downs cancel: what is left depends only on the picture's borders.",
            lambda case: float(sum(part.sum() for part in _differences(case))),
        ),
        Mistake(
            "squared",
            "That is the sum of the squares. It punishes one sharp edge more than many small steps; total variation "
            "does not mind how a change is spread.",
            lambda case: float(sum((part**2).sum() for part in _differences(case))),
        ),
        Mistake(
            "downwards only",
            "Only the differences to the row below. Those to the right are missing.",
            lambda case: float(np.abs(_differences(case)[0]).sum()),
        ),
        Mistake(
            "to the right only",
            "Only the differences to the right. Those to the row below are missing.",
            lambda case: float(np.abs(_differences(case)[1]).sum()),
        ),
        Mistake(
            "around the border",
            "The last row was compared with the first, or the last column with the first: np.roll goes around the "
            "border. Those two are no neighbours.",
            _rolled,
        ),
        Mistake(
            "the mean",
            "That is the mean of the differences. Here the sum is asked for.",
            lambda case: float(sum(np.abs(part).mean() for part in _differences(case))),
        ),
        Mistake(
            "between colours too",
            "You also took differences between red, green and blue. Neighbours are pixels, each colour by itself.",
            lambda case: _variation(case) + float(np.abs(np.diff(case["picture"].astype(np.float64), axis=2)).sum()),
        ),
    ),
)

# 05.step --------------------------------------------------------------------------------------------------------------


def _step_case(seed: int) -> dict:
    rng = np.random.default_rng(seed)
    shape = (int(rng.integers(1, 5)), int(rng.integers(2, 6)), 3)
    picture = rng.uniform(0, 255, size=shape).round()
    slope = 10.0 ** rng.integers(-2, 2)  # about as steep as the penalty is, so that both count
    return {
        "picture": picture.astype(np.float32),
        "gradient": rng.normal(0, slope, size=shape).astype(np.float32),
        "weight": float(slope * rng.choice((0.004, 0.006, 0.01))),
        "length": float(rng.choice((40.0, 60.0, 80.0))),
    }


def _step_of(case: dict, penalty: float = 2.0, grey: float = 127.5, clip: bool = True) -> np.ndarray:
    """Return the picture after one step; ``penalty`` times weight times the distance from grey goes off."""
    slope = case["gradient"] - penalty * case["weight"] * (case["picture"].astype(np.float64) - grey)
    moved = case["picture"] + case["length"] * slope / np.abs(slope).max()
    return np.clip(moved, 0, 255) if clip else moved


def _score_first(case: dict) -> np.ndarray:
    """Return what comes if the gradient of the score alone is brought to its length, and the penalty follows."""
    gradient, away = case["gradient"].astype(np.float64), case["picture"].astype(np.float64) - 127.5
    moved = case["picture"] + case["length"] * gradient / np.abs(gradient).max() - 2 * case["weight"] * away
    return np.clip(moved, 0, 255)


_step = Exercise(
    id="05.step",
    title="One step with a penalty",
    answer="one_step",
    points=3,
    hints=(
        "What climbs is score - penalty. Its gradient is the gradient of the score minus that of the penalty.",
        "The penalty is weight times the sum of (picture - 127.5) squared. How fast does it grow if one value grows?",
        "slope = gradient - 2 * weight * (picture - 127.5). Then divide by its largest absolute value, and clip.",
    ),
    solution=(
        "def one_step(picture, gradient, weight, length):\n"
        "    slope = gradient - 2 * weight * (picture - 127.5)\n"
        "    return np.clip(picture + length * slope / np.abs(slope).max(), 0, 255)"
    ),
    case=_step_case,
    right=_step_of,
    is_function=True,
    mistakes=(
        Mistake(
            "no penalty",
            "That is a step for the score alone. What should grow is the score minus the penalty.",
            lambda case: _step_of(case, penalty=0.0),
        ),
        Mistake(
            "the penalty as a reward",
            "The penalty was added instead of taken off: this step drives the picture away from grey.",
            lambda case: _step_of(case, penalty=-2.0),
        ),
        Mistake(
            "not the slope of the square",
            "The direction of the penalty is right, but its size is not: how fast does a square grow?",
            lambda case: _step_of(case, penalty=1.0),
        ),
        Mistake(
            "distance from black",
            "This penalty counts the distance from 0, and 0 is black. Grey is in the middle of 0 to 255.",
            lambda case: _step_of(case, grey=0.0),
        ),
        Mistake(
            "not clipped",
            "The direction and the length are right, but some values have left the range from 0 to 255.",
            lambda case: _step_of(case, clip=False),
        ),
        Mistake(
            "downhill",
            "That step goes downhill: score and penalty are both taken the wrong way round.",
            lambda case: _step_of({**case, "length": -case["length"]}),
        ),
        Mistake(
            "the penalty after the length",
            "The gradient of the score was brought to the length, and the penalty was taken off afterwards. First put "
            "the two together: the length holds for the whole step.",
            _score_first,
        ),
    ),
)

# 05.served ------------------------------------------------------------------------------------------------------------


@functools.cache
def _last_layers() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    from coursekit import activations, photos, squeezenet

    net = squeezenet()
    kernel, bias = net.get_layer("conv10").get_weights()
    return activations(net, photos()[0], "fire9-concat").mean(axis=(1, 2)), kernel[0, 0], bias


@functools.cache
def _clear_leads() -> list[list[dict]]:
    """Return for each channel the cases in which it clearly gives most to the lead, among the 30 nearest rivals."""
    means, weights, bias = _last_layers()
    groups: dict[int, list[dict]] = {}
    for photo, scores in enumerate(means @ weights + bias):
        for rival in scores.argsort()[::-1][1:31].tolist():
            case = {"photo": photo, "rival": rival}
            second, first = np.sort(_lead(case))[-2:]
            if second < 0.95 * first:  # the same on every machine
                groups.setdefault(int(_lead(case).argmax()), []).append(case)
    return list(groups.values())


def _served_case(seed: int) -> dict:
    if seed == 0:
        return {"photo": 1, "rival": 489}
    rng = np.random.default_rng(seed)
    groups = _clear_leads()
    group = groups[rng.integers(len(groups))]
    return group[rng.integers(len(group))]


def _parts(case: dict, rival: int | None = None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the channels' means (512,) on the photo, and their weights for its first class and for a rival."""
    means, weights, bias = _last_layers()
    mean = means[case["photo"]]
    first = (mean @ weights + bias).argmax()
    return mean, weights[:, first], weights[:, case["rival"] if rival is None else rival]


def _lead(case: dict, rival: int | None = None) -> np.ndarray:
    mean, first, second = _parts(case, rival)
    return mean * (first - second)


def _second_class(case: dict) -> int:
    means, weights, bias = _last_layers()
    return int((means[case["photo"]] @ weights + bias).argsort()[-2])


def _score(case: dict) -> np.ndarray:
    mean, first, _ = _parts(case)
    return mean * first


def _difference(case: dict) -> np.ndarray:
    _, first, second = _parts(case)
    return first - second


def _about_giver(case: dict, answer: Any) -> str:
    lead = _lead(case)
    gives = "Channel {} gives {:.3g} to this lead, and another one gives more."
    return names_none(answer, len(lead), "channel") or gives.format(int(answer), lead[int(answer)])


_served = Exercise(
    id="05.served",
    title="The channel that gives most to a lead",
    answer="giver",
    points=2,
    hints=(
        "The lead is one score minus another, and both are sums over the same channels. What does one channel give to "
        "it?",
        "With the 512 means and the bias, (mean @ weights + bias).argmax() is the first class.",
        "To the lead, a channel gives its mean times the difference of its two weights: weights[:, first] minus those "
        "of the rival. Take argmax() over the channels.",
    ),
    solution=(
        'case = given("05.served", variation)\n'
        'mean = activations(net, many[case["photo"]], "fire9-concat").mean(axis=(0, 1))\n'
        "first = (mean @ weights + bias).argmax()\n"
        'giver = int((mean * (weights[:, first] - weights[:, case["rival"]])).argmax())'
    ),
    case=_served_case,
    right=lambda case: int(_lead(case).argmax()),
    mistakes=(
        Mistake(
            "the largest part of the score",
            "That channel gives most to the score of the first class. But it may give as much to the rival, and then "
            "it adds nothing to the lead.",
            lambda case: int(_score(case).argmax()),
        ),
        Mistake(
            "the largest difference of the weights",
            "That channel's two weights differ most. But it may be silent on this photo, and then it gives nothing.",
            lambda case: int(_difference(case).argmax()),
        ),
        Mistake(
            "the strongest channel",
            "That channel answers most to the photo. It may count for both classes alike: look at its two weights, "
            "too.",
            lambda case: int(_parts(case)[0].argmax()),
        ),
        Mistake(
            "counted from 1",
            "One too many: channels are counted from 0.",
            lambda case: int(_lead(case).argmax()) + 1,
        ),
        Mistake(
            "the one that helps the rival",
            "That channel takes most away from the lead: the sign is turned round, or it is argmin instead of argmax.",
            lambda case: int(_lead(case).argmin()),
        ),
        Mistake(
            "the lead over the second class",
            "That channel gives most to the lead over the second class. Here the rival is the class whose number is "
            "given.",
            lambda case: int(_lead(case, _second_class(case)).argmax()),
        ),
    ),
    about=_about_giver,
)

# 05.arms --------------------------------------------------------------------------------------------------------------

_arms = Exercise(
    id="05.arms",
    title="A dumbbell with an arm",
    answer="arms",
    points=3,
    hints=(
        "Where could the network have learnt that an arm belongs to a dumbbell?",
        "A good answer says what the drawing suggests about the training photos, why that can do harm, and how to "
        "find out whether the network needs the arm.",
    ),
    solution=(
        "For example: in most training photos of dumbbells somebody was lifting one, and nothing told the network "
        "where the dumbbell ends. It may then miss a dumbbell on the floor, or see one in a bare arm. I would collect "
        "photos of dumbbells with and without arms, and of arms alone, and compare the scores; and cover the arm, and "
        "as a control as much of the background, in the same photos."
    ),
)

EXERCISES = (_total_variation, _step, _served, _arms)
