"""The exercises of lesson 05."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from coursekit.exercises.model import Exercise, Mistake

# 05.what-each-adds ----------------------------------------------------------------------------------------------------


def _scores_case(seed: int) -> dict:
    rng = np.random.default_rng(seed)
    classes = int(rng.integers(2, 5))
    before = rng.uniform(100, 500, size=(2, 2, classes)).round()
    share = rng.uniform(0.05, 0.25, size=(2, 2, classes))
    share[1] += rng.uniform(0.05, 0.2)
    share[:, 1] += rng.uniform(0.3, 0.4)
    share[1, 1] += rng.choice((-0.15, 0.15))  # together they do something else than one by one
    return {"before": before, "after": (before * share).round()}


def _added(case: dict, shares: np.ndarray | None = None) -> np.ndarray:
    """Return what waves and what shifting add, each with and without the other."""
    shares = case["after"] / case["before"] if shares is None else shares
    return np.array([(shares[1] - shares[0]).mean(), (shares[:, 1] - shares[:, 0]).mean()])


def _in_order(case: dict, waves_first: bool) -> np.ndarray:
    shares = (case["after"] / case["before"]).mean(axis=2)
    middle = shares[1, 0] if waves_first else shares[0, 1]
    first, second = middle - shares[0, 0], shares[1, 1] - middle
    return np.array([first, second] if waves_first else [second, first])


_what_each_adds = Exercise(
    id="05.what-each-adds",
    title="What each kind of help adds",
    answer="what_each_adds",
    points=3,
    hints=(
        "First the share of the score that each drawing keeps. The scores themselves differ for other reasons.",
        "Waves: compare drawings that differ in nothing but waves. There are such pairs without shifting and with it, "
        "for each class.",
        "kept[1] - kept[0] has all pairs for waves, kept[:, 1] - kept[:, 0] all pairs for shifting. Take their means.",
    ),
    solution=(
        "def what_each_adds(before, after):\n"
        "    kept = after / before\n"
        "    waves = (kept[1] - kept[0]).mean()\n"
        "    shifting = (kept[:, 1] - kept[:, 0]).mean()\n"
        "    return [waves, shifting]"
    ),
    case=_scores_case,
    right=_added,
    is_function=True,
    mistakes=(
        Mistake(
            "waves first, then shifting",
            "Waves were added first, and shifting on top of them. In the other order each would seem to add something "
            "else: compare with and without the other help, and take the mean.",
            lambda case: _in_order(case, waves_first=True),
        ),
        Mistake(
            "shifting first, then waves",
            "Shifting was added first, and waves on top of it. In the other order each would seem to add something "
            "else: compare with and without the other help, and take the mean.",
            lambda case: _in_order(case, waves_first=False),
        ),
        Mistake(
            "each alone",
            "Each help was compared with none at all. What it does beside the other one counts as well.",
            lambda case: np.array([_in_order(case, True)[0], _in_order(case, False)[1]]),
        ),
        Mistake(
            "scores, not shares",
            "Those are differences of the scores after the move. A drawing with a high score would seem to survive "
            "well, whatever it lost: divide by the score before.",
            lambda case: _added(case, case["after"]),
        ),
        Mistake("exchanged", "The two are exchanged: waves come first.", lambda case: _added(case)[::-1]),
        Mistake(
            "what is lost",
            "The sign is turned round: those are the shares that each help takes from what is lost.",
            lambda case: -_added(case),
        ),
        Mistake(
            "classes with a high score count more",
            "The scores of the classes were added up before you divided, so a class with high scores counts more. "
            "Divide for each class by itself.",
            lambda case: _added(case, case["after"].sum(axis=2) / case["before"].sum(axis=2)),
        ),
    ),
)

# 05.step --------------------------------------------------------------------------------------------------------------


def _step_case(seed: int) -> dict:
    rng = np.random.default_rng(seed)
    shape = (int(rng.integers(1, 5)), int(rng.integers(2, 6)), 3)
    picture = rng.uniform(0, 255, size=shape).round()
    slope = 10.0 ** rng.integers(-2, 2)  # about as steep as the penalty is, so that both count
    gradient = rng.normal(0, slope, size=shape)
    weight = float(slope * rng.choice((0.004, 0.006, 0.01)))
    # One value leaves the range below, and another one above, against the penalty.
    low, high = rng.choice(picture.size, size=2, replace=False)
    edge, steep = rng.integers(0, 6, size=2), 255 * weight + rng.uniform(1, 2, size=2) * slope
    picture.flat[low], picture.flat[high] = edge[0], 255 - edge[1]
    gradient.flat[low], gradient.flat[high] = -steep[0], steep[1]
    return {
        "picture": picture.astype(np.float32),
        "gradient": gradient.astype(np.float32),
        "weight": weight,
        "length": float(rng.choice((40.0, 60.0, 80.0))),
    }


def _slope_of(case: dict, penalty: float = 2.0, grey: float = 127.5) -> np.ndarray:
    """Return the gradient less ``penalty`` times weight times the distance from grey."""
    return case["gradient"] - penalty * case["weight"] * (case["picture"].astype(np.float64) - grey)


def _step_of(
    case: dict,
    penalty: float = 2.0,
    grey: float = 127.5,
    least: float = 0,
    most: float = 255,
    steepest: Callable[[np.ndarray], float] = lambda slope: np.abs(slope).max(),
) -> np.ndarray:
    """Return the picture after one step."""
    slope = _slope_of(case, penalty, grey)
    return np.clip(case["picture"] + case["length"] * slope / steepest(slope), least, most)


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
    tolerance=1e-4,  # so that 128 is another grey than 127.5
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
            "distance from 128",
            "This penalty counts the distance from 128. The middle of 0 to 255 is a little lower.",
            lambda case: _step_of(case, grey=128.0),
        ),
        Mistake(
            "not clipped",
            "The direction and the length are right, but some values have left the range from 0 to 255.",
            lambda case: _step_of(case, least=-np.inf, most=np.inf),
        ),
        Mistake(
            "not clipped below",
            "The direction and the length are right, but some values are below 0.",
            lambda case: _step_of(case, least=-np.inf),
        ),
        Mistake(
            "not clipped above",
            "The direction and the length are right, but some values are above 255.",
            lambda case: _step_of(case, most=np.inf),
        ),
        Mistake(
            "the steepest way up",
            "The slope was divided by its largest value. The steepest slope may lead downwards: take absolute values.",
            lambda case: _step_of(case, steepest=np.max),
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

# 05.needed-score ------------------------------------------------------------------------------------------------------


def _needed_case(seed: int) -> dict:
    rng = np.random.default_rng(seed)
    scores = (rng.normal(0, 2, size=int(rng.integers(3, 8))) + rng.uniform(-20, 20)).round(1)
    probability = float(rng.choice((0.6, 0.7, 0.8, 0.9, 0.95, 0.99)))
    return {"scores": scores, "index": int(rng.integers(len(scores))), "probability": probability}


def _together(scores: np.ndarray) -> float:
    """Return the logarithm of the sum of exp(score)."""
    return float(scores.max() + np.log(np.exp(scores - scores.max()).sum()))


def _odds(case: dict) -> float:
    return float(np.log(case["probability"] / (1 - case["probability"])))


def _others(case: dict) -> np.ndarray:
    return np.delete(case["scores"], case["index"])


_needed = Exercise(
    id="05.needed-score",
    title="The score that makes certain",
    answer="needed_score",
    points=3,
    hints=(
        "The probability p is own / (own + others), with own = exp(score) and others = the sum of exp over all other "
        "classes.",
        "Solve it for own: own = others * p / (1 - p). The score is its logarithm.",
        "others = np.exp(np.delete(scores, index)).sum(), and the score is np.log(others * p / (1 - p)).",
    ),
    solution=(
        "def needed_score(scores, index, probability):\n"
        "    others = np.exp(np.delete(scores, index)).sum()\n"
        "    return np.log(others * probability / (1 - probability))"
    ),
    case=_needed_case,
    right=lambda case: _together(_others(case)) + _odds(case),
    is_function=True,
    mistakes=(
        Mistake(
            "the other classes forgotten",
            "That score would do if the others added up to 1. A probability compares: it depends on all other scores.",
            _odds,
        ),
        Mistake(
            "the strongest rival only",
            "Only the strongest rival was counted. The others, taken together, matter too.",
            lambda case: float(_others(case).max()) + _odds(case),
        ),
        Mistake(
            "its old score counted among the others",
            "The class's own old score was counted among those of the others. It is replaced, so leave it out.",
            lambda case: _together(case["scores"]) + _odds(case),
        ),
        Mistake(
            "its own share of the sum forgotten",
            "You multiplied the sum of the others by the probability. But the class is in the sum itself, which grows "
            "with its score.",
            lambda case: _together(_others(case)) + float(np.log(case["probability"])),
        ),
        Mistake(
            "the odds turned round",
            "That score gives the class the probability that all others should have together.",
            lambda case: _together(_others(case)) - _odds(case),
        ),
        Mistake(
            "the rise",
            "That is by how much the score must rise. Asked is the score that it must have.",
            lambda case: _together(_others(case)) + _odds(case) - float(case["scores"][case["index"]]),
        ),
        Mistake(
            "before the logarithm",
            "That is exp of the score: the logarithm is missing.",
            lambda case: float(np.exp(_together(_others(case)) + _odds(case))),
        ),
    ),
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
        "For example: it suggests that in many training photos somebody was lifting a dumbbell, and nothing told the "
        "network where it ends. Only counting the photos would show it. The network may then miss a dumbbell on the "
        "floor, or see one in a bare arm. I would collect photos of dumbbells with and without arms, and of arms "
        "alone, and compare the scores; and cover the arm, and as a control as much of the background, in the same "
        "photos."
    ),
)

EXERCISES = (_what_each_adds, _step, _needed, _arms)
