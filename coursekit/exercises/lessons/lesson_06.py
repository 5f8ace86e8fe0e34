"""The exercises of lesson 06."""

from __future__ import annotations

import numpy as np

from coursekit.exercises.model import Exercise, Mistake

# 06.change -----------------------------------------------------------------------------------------------------------


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
    answer="foretold_change",
    points=2,
    hints=(
        "Begin with one pixel: it becomes 3 grey levels brighter, its gradient is 0.2. How much does the score rise?",
        "Each pixel and colour adds its gradient times its own change. The changes are other - image.",
        "The score collects them all: the sum over all pixels and colours.",
    ),
    solution="def foretold_change(gradient, image, other):\n    return (gradient * (other - image)).sum()",
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

# 06.smooth -----------------------------------------------------------------------------------------------------------


def _smooth_case(seed: int) -> dict:
    rng = np.random.default_rng(seed)
    real = rng.normal(0, 1, size=(1, 4, 5, 3))
    return {"gradients": (real + rng.normal(0, 1.5, size=(8, 4, 5, 3))).astype(np.float32)}


_smooth = Exercise(
    id="06.smooth",
    title="SmoothGrad, by hand",
    answer="smooth_map",
    points=3,
    hints=(
        "What is noise points up in one copy and down in the next. In what order must you average and take the "
        "absolute value, so that it cancels?",
        "First the average over the copies, axis 0, with its signs.",
        "Then the absolute value, and of the three colours the largest: .max(axis=-1).",
    ),
    solution="def smooth_map(gradients):\n    return np.abs(gradients.mean(axis=0)).max(axis=-1)",
    case=_smooth_case,
    right=lambda case: np.abs(case["gradients"].mean(axis=0)).max(axis=-1),
    is_function=True,
    mistakes=(
        Mistake(
            "absolute value before the average",
            "The absolute values were averaged. Then nothing cancels: noise stays, because its size is never negative.",
            lambda case: np.abs(case["gradients"]).mean(axis=0).max(axis=-1),
        ),
        Mistake(
            "the largest first, then the average",
            "The largest colour of each copy was averaged. The copies must be averaged first, with their signs.",
            lambda case: np.abs(case["gradients"]).max(axis=-1).mean(axis=0),
        ),
        Mistake(
            "no absolute value",
            "The largest of the three colours with its sign: a colour that counts because it must be darker is lost.",
            lambda case: case["gradients"].mean(axis=0).max(axis=-1),
        ),
        Mistake(
            "the sum of the copies",
            "The copies were added. The pattern is right, but with twice as many copies all numbers would double.",
            lambda case: np.abs(case["gradients"].sum(axis=0)).max(axis=-1),
        ),
        Mistake(
            "the average of the colours",
            "The colours were averaged with their signs: red that must rise and blue that must fall cancel.",
            lambda case: np.abs(case["gradients"].mean(axis=(0, 3))),
        ),
        Mistake(
            "the colours kept",
            "One number for each pixel is asked for: of its three colours the one that counts most.",
            lambda case: np.abs(case["gradients"].mean(axis=0)),
        ),
    ),
)

# 06.gates ------------------------------------------------------------------------------------------------------------


def _gates_case(seed: int) -> dict:
    rng = np.random.default_rng(seed)
    size = rng.uniform(0.5, 3, size=(2, 8))
    signs = np.array([[1, 1, -1, -1, 1, 1, -1, -1], [1, -1, 1, -1, 1, -1, 1, -1]])  # each pair of signs twice
    values, upstream = np.round(size * signs, 1)[:, rng.permutation(8)]
    return {"values": values, "upstream": upstream}


def _gated(case: dict, *by: str) -> np.ndarray:
    """Return what comes through gates that open where the values, or what comes on the way back, are positive."""
    is_open = np.ones(8, bool)
    for name in by:
        is_open &= case[name] > 0
    return np.where(is_open, case["upstream"], 0.0)


def _three(case: dict) -> np.ndarray:
    return np.stack([_gated(case, "values"), _gated(case, "upstream"), _gated(case, "values", "upstream")])


_gates = Exercise(
    id="06.gates",
    title="Three ways back through a ReLU",
    answer="three_ways_back",
    points=3,
    hints=(
        "The gradient goes through where the ReLU let something through on the way forward: values > 0.",
        "Deconvnet does not look at values. It applies a ReLU to what comes on the way back: upstream > 0.",
        "Guided backprop asks for both. np.where(condition, upstream, 0) gives each of the rows.",
    ),
    solution=(
        "def three_ways_back(values, upstream):\n"
        "    gradient = np.where(values > 0, upstream, 0)\n"
        "    deconvnet = np.where(upstream > 0, upstream, 0)\n"
        "    guided = np.where((values > 0) & (upstream > 0), upstream, 0)\n"
        "    return np.stack([gradient, deconvnet, guided])"
    ),
    case=_gates_case,
    right=_three,
    is_function=True,
    mistakes=(
        Mistake(
            "deconvnet and guided backprop swapped",
            "The second and the third row are exchanged: deconvnet has one condition, guided backprop both.",
            lambda case: _three(case)[[0, 2, 1]],
        ),
        Mistake(
            "gradient and deconvnet swapped",
            "The first and the second row are exchanged. The gradient asks what the ReLU got on the way forward.",
            lambda case: _three(case)[[1, 0, 2]],
        ),
        Mistake(
            "either instead of both",
            "Guided backprop lets through where one of the two is positive. Both must be.",
            lambda case: np.stack(
                [
                    *_three(case)[:2],
                    np.where((case["values"] > 0) | (case["upstream"] > 0), case["upstream"], 0.0),
                ]
            ),
        ),
        Mistake(
            "values instead of what comes from above",
            "What comes out are values of the way forward. On the way back upstream is handed on, or 0.",
            lambda case: np.stack(
                [
                    np.where(case["values"] > 0, case["values"], 0.0),
                    np.where(case["upstream"] > 0, case["values"], 0.0),
                    np.where((case["values"] > 0) & (case["upstream"] > 0), case["values"], 0.0),
                ]
            ),
        ),
        Mistake(
            "the gates only",
            "That is where each gate is open, 1 or 0. What goes through an open gate is upstream.",
            lambda case: (_three(case) != 0).astype(float),
        ),
    ),
)

# 06.conclude ---------------------------------------------------------------------------------------------------------

_conclude = Exercise(
    id="06.conclude",
    title="What a map cannot tell",
    answer="conclusion",
    points=4,
    hints=(
        "Choose a photo and two classes in the explorer, and move the slider that randomizes the layers.",
        "A good answer names the photo, both classes and the method, gives one number that the explorer shows, and "
        "says which conclusion the map does not allow.",
    ),
    solution=(
        "For example: on the cat, guided backprop for 'Egyptian cat' and for 'teapot' look alike; the explorer "
        "says that their correlation is above 0.9. With all layers randomized the eyes can still be seen. From "
        "this map I may conclude that something stands out in the photo there, but not why the network says cat. "
        "SmoothGrad differs between the two classes."
    ),
)

EXERCISES = (_change, _smooth, _gates, _conclude)
