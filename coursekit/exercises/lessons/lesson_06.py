"""The exercises of lesson 06."""

from __future__ import annotations

import numpy as np

from coursekit.exercises.model import Exercise, Mistake

# 06.change ------------------------------------------------------------------------------------------------------------


def _change_case(seed: int) -> dict:
    rng = np.random.default_rng(seed)
    image = rng.integers(40, 200, size=(4, 6, 3)).astype(np.float32)
    other = image + rng.integers(-20, 30, size=image.shape)
    gradient = rng.normal(0.05, 0.3, size=image.shape)
    return {"gradient": gradient.astype(np.float32), "image": image, "other": other.astype(np.float32)}


def _products(case: dict) -> np.ndarray:
    return case["gradient"].astype(float) * (case["other"] - case["image"])


_change = Exercise(
    id="06.change",
    title="What the gradient predicts",
    answer="predicted_change",
    points=2,
    hints=(
        "Begin with one pixel: it becomes 3 grey levels brighter, its gradient is 0.2. How much does the score rise?",
        "Each pixel and colour adds its gradient times its own change. The changes are other - image.",
        "The score collects them all: the sum over all pixels and colours.",
    ),
    solution="def predicted_change(gradient, image, other):\n    return (gradient * (other - image)).sum()",
    case=_change_case,
    right=lambda case: float(_products(case).sum()),
    is_function=True,
    mistakes=(
        Mistake(
            "the average",
            "That is the average over all pixels and colours. But each of them changes the score: they add up.",
            lambda case: float(_products(case).mean()),
        ),
        Mistake(
            "the wrong way round",
            "The sign is reversed: that is the way from other back to image.",
            lambda case: -float(_products(case).sum()),
        ),
        Mistake(
            "absolute values",
            "With absolute values nothing could lower the score. A pixel that gets brighter where the gradient is "
            "negative does.",
            lambda case: float(np.abs(_products(case)).sum()),
        ),
        Mistake(
            "the picture instead of the change",
            "The gradient was multiplied by the picture itself. It says what a change does: other - image.",
            lambda case: float((case["gradient"].astype(float) * case["other"]).sum()),
        ),
        Mistake(
            "only the gradient",
            "That is the sum of the gradient: right only if every pixel became brighter by exactly one grey level.",
            lambda case: float(case["gradient"].astype(float).sum()),
        ),
    ),
)

# 06.cancels -----------------------------------------------------------------------------------------------------------


def _cancels_case(seed: int) -> dict:
    rng = np.random.default_rng(seed)
    copies, height, width = (3, 2, 2) if seed % 3 else (5, 3, 4)
    real = rng.normal(0, 1, size=(1, height, width))
    gradients = np.round(real + rng.normal(0, 1.5, size=(copies, height, width)), 1)
    gradients[gradients == 0] = 0.1
    gradients[:, 0, 0] = np.abs(gradients[:, 0, 0])  # one place where nothing cancels
    return {"gradients": gradients}


def _stays(case: dict) -> np.ndarray:
    return np.abs(case["gradients"].mean(axis=0)) / np.abs(case["gradients"]).mean(axis=0)


_cancels = Exercise(
    id="06.cancels",
    title="What cancels in the average",
    answer="cancelled_share",
    points=3,
    hints=(
        "Take one place and three copies: 4, 4 and -2. How much strength do they have together without their signs, "
        "and how much is left if you add them up with their signs?",
        "Average the gradients over axis 0 once with their signs and once without them.",
        "What stays is np.abs(gradients.mean(axis=0)) of np.abs(gradients).mean(axis=0). The rest cancels.",
    ),
    solution=(
        "def cancelled_share(gradients):\n"
        "    with_signs = np.abs(gradients.mean(axis=0))\n"
        "    without_signs = np.abs(gradients).mean(axis=0)\n"
        "    return 1 - with_signs / without_signs"
    ),
    case=_cancels_case,
    right=lambda case: 1 - _stays(case),
    is_function=True,
    mistakes=(
        Mistake("what stays", "That is the share that stays. The rest of it cancels.", _stays),
        Mistake(
            "negative averages",
            "Some shares are above 1. A negative average has a strength as well: its size.",
            lambda case: 1 - case["gradients"].mean(axis=0) / np.abs(case["gradients"]).mean(axis=0),
        ),
        Mistake(
            "how much cancels",
            "That is the strength that cancels, as a number. Asked for is its share of all strength there.",
            lambda case: np.abs(case["gradients"]).mean(axis=0) - np.abs(case["gradients"].mean(axis=0)),
        ),
        Mistake(
            "one number for all places",
            "That is the share of the whole map. One share for each place is asked for.",
            lambda case: float(
                1 - np.abs(case["gradients"].mean(axis=0)).sum() / np.abs(case["gradients"]).mean(axis=0).sum()
            ),
        ),
        Mistake(
            "over the places",
            "That averages over the places of each copy. What cancels are the copies, at each place.",
            lambda case: 1 - np.abs(case["gradients"].mean(axis=(1, 2))) / np.abs(case["gradients"]).mean(axis=(1, 2)),
        ),
        Mistake(
            "how many signs differ",
            "That counts copies. A large gradient of one sign is not cancelled by a small one of the other.",
            lambda case: 1 - np.abs(np.sign(case["gradients"]).mean(axis=0)),
        ),
    ),
)

# 06.hidden-class ------------------------------------------------------------------------------------------------------


def _hidden_case(seed: int) -> dict:
    """Give each combination of signs three times; where both classes' are the same, once with the same number."""
    rng = np.random.default_rng(seed)
    signs = np.array(np.meshgrid([-1, 1], [-1, 1], [-1, 1])).reshape(3, -1).repeat(3, axis=1)
    units = np.round(signs * rng.uniform(0.5, 3, size=signs.shape), 1)
    alike = (signs[1] == signs[2]) & (np.arange(24) % 3 == 0)
    units[2, alike] = units[1, alike]
    values, first, second = units[:, rng.permutation(24)]
    return {"values": values, "first": first, "second": second}


def _let_through(case: dict) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return where the ReLU was open, where the classes send something else, and where guided backprop still does."""
    guided = [np.maximum(case[name], 0) for name in ("first", "second")]
    return case["values"] > 0, case["first"] != case["second"], guided[0] != guided[1]


def _hidden(case: dict) -> np.ndarray:
    is_open, differ, differ_guided = _let_through(case)
    return is_open & differ & ~differ_guided


_hidden_class = Exercise(
    id="06.hidden-class",
    title="Where guided backprop hides the class",
    answer="hidden_class",
    points=3,
    hints=(
        "What does the gradient let through at a unit, and what guided backprop? Write both rules down for one class.",
        "Where the ReLU was closed, values <= 0, both let nothing through, for any class. Such a unit is no answer.",
        "Guided backprop lets the same through for both classes if np.maximum(first, 0) == np.maximum(second, 0).",
    ),
    solution=(
        "def hidden_class(values, first, second):\n"
        "    gradient_differs = (values > 0) & (first != second)\n"
        "    guided_differs = (values > 0) & (np.maximum(first, 0) != np.maximum(second, 0))\n"
        "    return gradient_differs & ~guided_differs"
    ),
    case=_hidden_case,
    right=_hidden,
    is_function=True,
    mistakes=(
        Mistake(
            "the values left out",
            "Some of these units had a closed ReLU. There the gradient lets nothing through for either class, so it "
            "does not differ.",
            lambda case: _let_through(case)[1] & ~_let_through(case)[2],
        ),
        Mistake(
            "the same by guided backprop",
            "At all these units guided backprop lets the same through. At some of them the gradient does so too.",
            lambda case: ~(_let_through(case)[0] & _let_through(case)[2]),
        ),
        Mistake(
            "where guided backprop tells them apart",
            "At these units guided backprop does tell the classes apart. The others were asked for.",
            lambda case: _let_through(case)[0] & _let_through(case)[2],
        ),
        Mistake(
            "where the gradient tells them apart",
            "These are all units where the gradient tells the classes apart. At some of them guided backprop does too.",
            lambda case: _let_through(case)[0] & _let_through(case)[1],
        ),
        Mistake(
            "the same sign",
            "At these units both classes send the same sign. If both are positive, guided backprop lets both through.",
            lambda case: (
                _let_through(case)[0] & _let_through(case)[1] & (np.sign(case["first"]) == np.sign(case["second"]))
            ),
        ),
    ),
)

# 06.conclude ----------------------------------------------------------------------------------------------------------

_conclude = Exercise(
    id="06.conclude",
    title="What a map cannot tell",
    answer="conclusion",
    points=4,
    hints=(
        "Choose a photo and two classes in the explorer, and read how alike the two maps of each method are.",
        "A good answer names the photo, both classes and the method, gives one number that the explorer shows, and "
        "says which conclusion the map does not allow.",
    ),
    solution=(
        "For example: on the leafhopper, guided backprop for 'leafhopper' and for 'umbrella' look alike; the explorer "
        "says that their correlation is above 0.95, and for the gradient it is below 0.5. From the guided map I may "
        "conclude that something stands out in the photo there, but not why the network says leafhopper and not "
        "umbrella."
    ),
)

EXERCISES = (_change, _cancels, _hidden_class, _conclude)
