"""The exercises of lesson 07."""

from __future__ import annotations

import numpy as np

from coursekit.exercises.model import Exercise, Mistake

# 07.decides -----------------------------------------------------------------------------------------------------------


def _decides_case(seed: int) -> dict:
    """Give features of which some places, not all, change the answer, and not those of a usual mistake."""
    rng = np.random.default_rng(seed)
    while True:
        features = np.round(np.maximum(rng.normal(0.5, 1, size=(3, 4, 4) if seed % 6 else (2, 3, 3)), 0), 1)
        weights = np.round(rng.normal(0, 1, size=(features.shape[-1], 3)), 1)
        case = {"features": features, "weights": weights}
        ranked = np.sort([total := _totals(case), *(total - _maps(case)).reshape(-1, 3)], axis=-1)
        if (
            (ranked[:, -1] - ranked[:, -2] > 0.01).all()
            and _decides(case).any()
            and not any(np.array_equal(way(case), _decides(case)) for way in _OTHER_PLACES)
        ):
            return case


def _maps(case: dict) -> np.ndarray:
    return case["features"] @ case["weights"]


def _totals(case: dict) -> np.ndarray:
    return _maps(case).sum(axis=(0, 1))


def _decides(case: dict) -> np.ndarray:
    return (_totals(case) - _maps(case)).argmax(axis=-1) != _totals(case).argmax()


def _if_rivals_stay(case: dict) -> np.ndarray:
    total, maps = _totals(case), _maps(case)
    first = total.argmax()
    return total[first] - maps[..., first] < np.delete(total, first).max()


def _strongest_only(case: dict) -> np.ndarray:
    own = _maps(case)[..., _totals(case).argmax()]
    return own == own.max()


_OTHER_PLACES = (
    lambda case: _maps(case).argmax(axis=-1) != _totals(case).argmax(),
    _if_rivals_stay,
    _strongest_only,
    lambda case: ~_decides(case),
    lambda case: _maps(case)[..., _totals(case).argmax()] > 0,
)

_decides_answer = Exercise(
    id="07.decides",
    title="Places that decide",
    answer="places_that_decide",
    points=3,
    hints=(
        "The score of a class is the average of its map. What becomes of the average if one place of the map is 0?",
        "maps = features @ weights holds the maps of all classes, total = maps.sum(axis=(0, 1)) their sums. "
        "Sums have the same order as averages.",
        "total - maps holds at each place the sums without that place, of all classes. Compare their argmax(axis=-1).",
    ),
    solution=(
        "def places_that_decide(features, weights):\n"
        "    maps = features @ weights\n"
        "    total = maps.sum(axis=(0, 1))\n"
        "    without_place = total - maps\n"
        "    return without_place.argmax(axis=-1) != total.argmax()"
    ),
    case=_decides_case,
    right=_decides,
    is_function=True,
    mistakes=(
        Mistake(
            "where another class is ahead",
            "At these places another class has the larger value. But a place decides only if the average without it "
            "has another largest class.",
            _OTHER_PLACES[0],
        ),
        Mistake(
            "the rivals keep theirs",
            "Only the class in front lost this place. The others lose theirs too: a place that speaks for both decides "
            "less, and one that speaks against a rival decides more.",
            _if_rivals_stay,
        ),
        Mistake(
            "the strongest place",
            "That is where the map of the class in front is strongest. Whether the answer changes without it is "
            "another question.",
            _strongest_only,
        ),
        Mistake("the opposite", "At these places the answer stays the same.", _OTHER_PLACES[3]),
        Mistake(
            "wherever the map is positive",
            "These are the places that speak for the class in front. Few of them count for more than its lead.",
            _OTHER_PLACES[4],
        ),
    ),
)

# 07.peak --------------------------------------------------------------------------------------------------------------


def _peak_case(seed: int) -> dict:
    rng = np.random.default_rng(seed)
    features = np.maximum(rng.normal(0.5, 1, size=(3, 4, 5)), 0) + 0.1
    gradients = rng.normal(0, 1, size=(3, 4, 5)) + np.array([1.0, -0.7, 0.5, -0.3, 0.8])
    return {"features": features, "gradients": gradients}


def _parts(case: dict) -> np.ndarray:
    """Return what each channel adds to the map at each place, (height, width, channels)."""
    return case["features"] * case["gradients"].mean(axis=(0, 1))


def _at_the_peak(case: dict, of: np.ndarray) -> np.ndarray:
    total = _parts(case).sum(axis=-1)
    return of[np.unravel_index(total.argmax(), total.shape)]


def _at_its_own_peak(parts: np.ndarray) -> np.ndarray:
    total = parts.sum(axis=-1)
    return parts[np.unravel_index(total.argmax(), total.shape)]


_peak = Exercise(
    id="07.peak",
    title="What the strongest place is made of",
    answer="parts_of_the_peak",
    points=3,
    hints=(
        "Grad-CAM adds up channels. What does one channel add to the map? Its activation times its weight, and its "
        "weight is the average of its gradient over all places.",
        "parts = features * gradients.mean(axis=(0, 1)) holds what each channel adds at each place; the map is "
        "parts.sum(axis=-1).",
        "np.unravel_index(total.argmax(), total.shape) gives row and column of the largest value of total.",
    ),
    solution=(
        "def parts_of_the_peak(features, gradients):\n"
        "    parts = features * gradients.mean(axis=(0, 1))\n"
        "    total = parts.sum(axis=-1)\n"
        "    row, column = np.unravel_index(total.argmax(), total.shape)\n"
        "    return parts[row, column]"
    ),
    case=_peak_case,
    right=lambda case: _at_the_peak(case, _parts(case)),
    is_function=True,
    mistakes=(
        Mistake(
            "the weights",
            "These are the weights of the channels, the same at every place. What a channel adds also depends on its "
            "activation there.",
            lambda case: case["gradients"].mean(axis=(0, 1)),
        ),
        Mistake(
            "the activations",
            "These are the activations at that place. A channel with a negative weight takes away from the map.",
            lambda case: _at_the_peak(case, case["features"]),
        ),
        Mistake(
            "the gradient at each place",
            "Each place was weighed by its own gradient. That is another method (HiResCAM): Grad-CAM averages the "
            "gradient over the places first.",
            lambda case: _at_its_own_peak(case["features"] * case["gradients"]),
        ),
        Mistake(
            "the whole map",
            "That is what each channel adds to all places together. One place was asked for, the strongest.",
            lambda case: _parts(case).sum(axis=(0, 1)),
        ),
        Mistake(
            "each channel at its own peak",
            "That is the most that each channel adds anywhere. Their strongest places differ, so these numbers do not "
            "add up to one place of the map.",
            lambda case: _parts(case).max(axis=(0, 1)),
        ),
        Mistake(
            "negative parts cut off",
            "What takes away from the map was set to 0. Grad-CAM cuts off below zero only after the sum.",
            lambda case: np.maximum(_at_the_peak(case, _parts(case)), 0),
        ),
    ),
)

# 07.unstretch ---------------------------------------------------------------------------------------------------------


def _unstretch_case(seed: int) -> dict:
    rng = np.random.default_rng(seed)
    shape = (2, 2, 3) if seed % 3 else (3, 3, 4)
    maps = rng.uniform(-0.3, 1, size=shape) * np.array([9.0, 3.0, 5.0])[: shape[0], np.newaxis, np.newaxis]
    maps += np.maximum(0.5 - maps.mean(axis=(1, 2), keepdims=True), 0)  # every score is positive
    largest = maps.max(axis=(1, 2))
    stretched = np.round(maps / largest[:, np.newaxis, np.newaxis], 2)
    return {"stretched": stretched, "scores": stretched.mean(axis=(1, 2)) * np.round(largest, 1)}


def _times(case: dict, factors: np.ndarray) -> np.ndarray:
    return case["stretched"] * np.asarray(factors)[:, np.newaxis, np.newaxis]


def _factors(case: dict) -> np.ndarray:
    return case["scores"] / case["stretched"].mean(axis=(1, 2))


_unstretch = Exercise(
    id="07.unstretch",
    title="Undo the stretching",
    answer="unstretched",
    points=3,
    hints=(
        "Each map was divided by one number, which nobody wrote down. Of what do you know both, the value before "
        "and the value after?",
        "The average was divided by the same number as every value. Before, it was the score.",
        "factors = scores / stretched.mean(axis=(1, 2)); each map times its factor.",
    ),
    solution=(
        "def unstretched(stretched, scores):\n"
        "    averages = stretched.mean(axis=(1, 2))\n"
        "    return stretched * (scores / averages)[:, np.newaxis, np.newaxis]"
    ),
    case=_unstretch_case,
    right=lambda case: _times(case, _factors(case)),
    is_function=True,
    mistakes=(
        Mistake(
            "times the score",
            "Each map was multiplied by its score, so its largest value is the score. But the score is the average of "
            "the map, not its largest value.",
            lambda case: _times(case, case["scores"]),
        ),
        Mistake(
            "one factor for all",
            "All maps were multiplied by the same number. Each was divided by another one: its own largest value.",
            lambda case: _times(case, np.full(len(case["scores"]), _factors(case)[0])),
        ),
        Mistake(
            "the wrong way round",
            "Each map was divided by its factor instead of multiplied by it.",
            lambda case: _times(case, 1 / _factors(case)),
        ),
        Mistake(
            "the average of all maps",
            "The average over all maps together was taken. Each class has a map and an average of its own.",
            lambda case: _times(case, case["scores"] / case["stretched"].mean()),
        ),
        Mistake(
            "cut off below zero",
            "What is negative was cut off before the average. The score is the average of all values, also of the "
            "negative ones.",
            lambda case: _times(case, case["scores"] / np.maximum(case["stretched"], 0).mean(axis=(1, 2))),
        ),
        Mistake(
            "the score added",
            "Something was added to each map. Then 0 does not stay 0; stretching is a multiplication.",
            lambda case: (
                case["stretched"] + (case["scores"] - case["stretched"].mean(axis=(1, 2)))[:, np.newaxis, np.newaxis]
            ),
        ),
    ),
)

# 07.explain -----------------------------------------------------------------------------------------------------------

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
        "70, which hold 18 % of the map: the score fell from 19.7 to 15.3, and 'buckle' was ahead. Then I covered the "
        "laces, which hold 8 %: the score rose to 21.5. So map and test agree that the lower left is to blame, "
        "and the laces are not."
    ),
)

EXERCISES = (_decides_answer, _peak, _unstretch, _explain)
