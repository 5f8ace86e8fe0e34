"""The exercises of lesson 07."""

from __future__ import annotations

import numpy as np

from coursekit.exercises.model import Exercise, Mistake

# 07.rival -------------------------------------------------------------------------------------------------------------


def _rival_case(seed: int) -> dict:
    rng = np.random.default_rng(seed)
    features = np.maximum(rng.normal(0.3, 1, size=(3, 4, 5)), 0)
    weights = rng.normal(-0.4, 1, size=(5, 5))  # square, so that a column and a row can be mixed up
    first, second = rng.permutation(5)[:2]
    return {"features": features, "weights": weights, "first": int(first), "second": int(second)}


def _class_maps(case: dict, turned: bool = False) -> list[np.ndarray]:
    weights = case["weights"].T if turned else case["weights"]
    return [case["features"] @ weights[:, case[name]] for name in ("first", "second")]


def _rival(case: dict) -> np.ndarray:
    first, second = _class_maps(case)
    return second > first


_rival_wins = Exercise(
    id="07.rival",
    title="Where the second class is ahead",
    answer="rival_wins",
    points=3,
    hints=(
        "At one position a class gets from each channel its activation times the weight of that channel. Its weights "
        "stand in a column: weights[:, first].",
        "features @ weights[:, first] multiplies and adds over the channels at every position: the map of that class.",
        "Compare the two maps as they are. What is below zero counts as well: -1 is ahead of -3.",
    ),
    solution=(
        "def rival_wins(features, weights, first, second):\n"
        "    return features @ weights[:, second] > features @ weights[:, first]"
    ),
    case=_rival_case,
    right=_rival,
    is_function=True,
    mistakes=(
        Mistake(
            "the other way round",
            "At these places the first class is ahead.",
            lambda case: ~_rival(case),
        ),
        Mistake(
            "cut off below zero",
            "The maps were cut off at zero before they were compared. Where both classes lose, the one that loses less "
            "is ahead.",
            lambda case: np.maximum(_class_maps(case)[1], 0) > np.maximum(_class_maps(case)[0], 0),
        ),
        Mistake(
            "each on a scale of its own",
            "Each map was divided by its own largest value before they were compared. Then a faint map is as bright as "
            "a strong one.",
            lambda case: np.less(*[one / np.abs(one).max() for one in _class_maps(case)]),
        ),
        Mistake(
            "a row instead of a column",
            "The weights of two rows were taken: those of one channel for all classes. A class has a column.",
            lambda case: np.less(*_class_maps(case, turned=True)),
        ),
        Mistake(
            "the averages compared",
            "That compares the averages of the two maps, which are the scores. The question is where.",
            lambda case: np.less(*[np.full(one.shape, one.mean()) for one in _class_maps(case)]),
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

# 07.one-scale ---------------------------------------------------------------------------------------------------------


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
        "70, which hold 18 % of the map: the score fell from 19.7 to 15.3, and 'buckle' won. Then I covered the "
        "laces, which hold 8 %: the score rose to 21.5. So map and test agree that the lower left is to blame, "
        "and the laces are not."
    ),
)

EXERCISES = (_rival_wins, _peak, _one_scale, _explain)
