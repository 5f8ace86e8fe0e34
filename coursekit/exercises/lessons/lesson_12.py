"""The exercises of lesson 12."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from coursekit.exercises.model import Exercise, Mistake


def _maps(rng: np.random.Generator, height: int, width: int, channels: int) -> np.ndarray:
    """Return what a layer might answer: whole numbers behind a ReLU, no channel silent."""
    maps = np.maximum(rng.integers(-2, 5, size=(height, width, channels)), 0).astype(np.float64)
    maps[0, 0] += 1
    return maps


def _gram(maps: np.ndarray, by: float | None = None) -> np.ndarray:
    flat = maps.reshape(-1, maps.shape[2])
    return flat.T @ flat / (maps.size if by is None else by)


# 12.style-loss -------------------------------------------------------------------------------------------------------


def _style_case(seed: int) -> dict:
    rng = np.random.default_rng(seed)
    channels = 2 if rng.random() < 0.5 else 3
    made = _maps(rng, 2, 2 if channels == 2 else 3, channels)
    return {"made": made, "style": _maps(rng, 3, 4, channels) * 2}


def _distance(case: dict, gram: Callable[[np.ndarray], np.ndarray] = _gram) -> tuple[np.ndarray, np.ndarray]:
    """Return what is missed at each place of the Gram matrix, and the wanted matrix."""
    want = gram(case["style"])
    return gram(case["made"]) - want, want


def _relative(missed: np.ndarray, want: np.ndarray) -> float:
    return float(np.square(missed).sum() / np.square(want).sum())


def _centred(maps: np.ndarray) -> np.ndarray:
    return _gram(maps - maps.mean(axis=(0, 1)))


_style_loss = Exercise(
    id="12.style-loss",
    title="The style loss of a layer",
    answer="style_loss",
    points=3,
    hints=(
        "First the two Gram matrices. Both have one row and one column for each channel, whatever the sizes of the "
        "maps are.",
        "For maps of shape (height, width, channels): flat = maps.reshape(-1, channels), and the Gram matrix is "
        "flat.T @ flat / maps.size.",
        "np.square(have - want).sum() / np.square(want).sum(), where want is the Gram matrix of the style.",
    ),
    solution=(
        "def style_loss(made, style):\n"
        "    flat = [maps.reshape(-1, maps.shape[2]) for maps in (made, style)]\n"
        "    have, want = [one.T @ one / one.size for one in flat]\n"
        "    return np.square(have - want).sum() / np.square(want).sum()"
    ),
    case=_style_case,
    right=lambda case: _relative(*_distance(case)),
    is_function=True,
    mistakes=(
        Mistake(
            "not divided",
            "The Gram matrices were not divided, or both by the same number. Each belongs to maps of another size: the "
            "larger one has the larger sums, even if the style is the same.",
            lambda case: _relative(*_distance(case, lambda maps: _gram(maps, 1))),
        ),
        Mistake(
            "divided by the made one",
            "It was divided by the size of the made picture's Gram matrix. What is wanted is the measure: the style's.",
            lambda case: _relative(_distance(case)[0], _gram(case["made"])),
        ),
        Mistake(
            "not relative",
            "That is the distance itself. It has to be divided by the sum of the squares of the wanted matrix, or each "
            "layer counts by how strongly it answers.",
            lambda case: float(np.square(_distance(case)[0]).sum()),
        ),
        Mistake(
            "the root of it",
            "That is the square root. The loss is the sum of the squares, and no root is taken.",
            lambda case: _relative(*_distance(case)) ** 0.5,
        ),
        Mistake(
            "each channel with itself only",
            "Only the diagonal was compared: how strong each channel is. Which channels answer together stands beside "
            "it.",
            lambda case: _relative(*(np.diag(one) for one in _distance(case))),
        ),
        Mistake(
            "without the mean",
            "The mean of each channel was taken off first. That is a covariance; a Gram matrix keeps the mean.",
            lambda case: _relative(*_distance(case, _centred)),
        ),
    ),
)

# 12.mix --------------------------------------------------------------------------------------------------------------


def _mix_case(seed: int) -> dict:
    rng = np.random.default_rng(seed)
    height, width, channels = (2, 2, 2) if rng.random() < 0.5 else (2, 3, 3)
    share = float(rng.choice([0.1, 0.2, 0.25, 0.3, 0.4, 0.6, 0.7, 0.75, 0.8, 0.9]))
    first, second = (_maps(rng, height, width, channels) for _ in range(2))
    return {"first": first * 2, "second": second + 1, "share": share}


def _mixed(case: dict, share: float | None = None, by: float | None = None) -> np.ndarray:
    share = case["share"] if share is None else share
    return share * _gram(case["first"], by) + (1 - share) * _gram(case["second"], by)


def _mixed_maps(case: dict) -> np.ndarray:
    return _gram(case["share"] * case["first"] + (1 - case["share"]) * case["second"])


def _together(case: dict) -> np.ndarray:
    return _gram(np.concatenate([case["first"], case["second"]]))


_mix = Exercise(
    id="12.mix",
    title="Between two styles",
    answer="mixed_style",
    points=2,
    hints=(
        "What stands for a style? That is what has to be mixed.",
        "First a Gram matrix for each of the two: flat.T @ flat / maps.size.",
        "share * gram_of_first + (1 - share) * gram_of_second",
    ),
    solution=(
        "def mixed_style(first, second, share):\n"
        "    flat = [maps.reshape(-1, maps.shape[2]) for maps in (first, second)]\n"
        "    grams = [one.T @ one / one.size for one in flat]\n"
        "    return share * grams[0] + (1 - share) * grams[1]"
    ),
    case=_mix_case,
    right=_mixed,
    is_function=True,
    mistakes=(
        Mistake(
            "the maps mixed",
            "The maps were mixed, and then the Gram matrix was taken. That is the style of two pictures laid over each "
            "other, place by place. A style has no places.",
            _mixed_maps,
        ),
        Mistake(
            "shares exchanged",
            "The shares are exchanged: share belongs to the first style.",
            lambda case: _mixed(case, 1 - case["share"]),
        ),
        Mistake(
            "half of each",
            "Both count one half, whatever the share is.",
            _together,
        ),
        Mistake(
            "added",
            "The two were added, and the shares left out.",
            lambda case: _gram(case["first"]) + _gram(case["second"]),
        ),
        Mistake(
            "not divided",
            "The sums were not divided by the number of values of a map.",
            lambda case: _mixed(case, by=1),
        ),
        Mistake(
            "one style against the other",
            "The channels of the first were multiplied with those of the second. A Gram matrix takes both from one "
            "picture.",
            lambda case: (
                case["first"].reshape(-1, case["first"].shape[2]).T
                @ case["second"].reshape(-1, case["second"].shape[2])
                / case["first"].size
            ),
        ),
    ),
)

# 12.recolour ---------------------------------------------------------------------------------------------------------


def _recolour_case(seed: int) -> dict:
    rng = np.random.default_rng(seed)
    height, width = (1, 2) if rng.random() < 0.5 else (2, 3)
    made, content = rng.integers(0, 256, size=(2, height, width, 3)).astype(np.float64)
    content[0, 0], made[0, 0] = (250, 200, 30), (255, 255, 255)  # too bright for its colours
    content[0, 1], made[0, 1] = (90, 120, 160), (60, 140, 20)  # fits
    move = rng.integers(-9, 10, size=(2, 3))
    content[0, :2] = np.clip(content[0, :2] + move, 0, 255)
    return {"made": made, "content": content, "weights": np.array([0.299, 0.587, 0.114])}


def _recoloured(case: dict, weights: np.ndarray | None = None) -> np.ndarray:
    weights = case["weights"] if weights is None else weights
    return case["content"] + ((case["made"] - case["content"]) @ weights)[..., np.newaxis]


_recolour = Exercise(
    id="12.recolour",
    title="Keep the colours",
    answer="keep_colours",
    points=3,
    hints=(
        "The brightness of a pixel is one number: its three values, each times its weight, added up.",
        "How much brighter is the made picture than the content, at each pixel? made @ weights - content @ weights. "
        "Add that to all three values of the content.",
        "np.clip(content + more[..., np.newaxis], 0, 255), where more is that difference.",
    ),
    solution=(
        "def keep_colours(made, content, weights):\n"
        "    more = made @ weights - content @ weights\n"
        "    return np.clip(content + more[..., np.newaxis], 0, 255)"
    ),
    case=_recolour_case,
    right=lambda case: np.clip(_recoloured(case), 0, 255),
    is_function=True,
    mistakes=(
        Mistake(
            "not cut off",
            "Some values lie below 0 or above 255, and a picture cannot hold them.",
            _recoloured,
        ),
        Mistake(
            "the mean of the three values",
            "The brightness is not the mean of the three values. Green counts most: use the weights.",
            lambda case: np.clip(_recoloured(case, np.full(3, 1 / 3)), 0, 255),
        ),
        Mistake(
            "the wrong way round",
            "That has the brightness of the content and the colours of the made picture. It is asked the other way "
            "round.",
            lambda case: np.clip(
                case["made"] + ((case["content"] - case["made"]) @ case["weights"])[..., np.newaxis], 0, 255
            ),
        ),
        Mistake(
            "the brightness only",
            "That is the made picture in grey. The colours of the content are missing.",
            lambda case: np.repeat((case["made"] @ case["weights"])[..., np.newaxis], 3, axis=-1),
        ),
        Mistake(
            "added to the content's own brightness",
            "The whole brightness of the made picture was added. The content has one already: add the difference only.",
            lambda case: np.clip(case["content"] + (case["made"] @ case["weights"])[..., np.newaxis], 0, 255),
        ),
        Mistake(
            "each colour by itself",
            "That is the made picture: each value was replaced by its own. One number for each pixel is added.",
            lambda case: case["made"],
        ),
    ),
)

# 12.limits -----------------------------------------------------------------------------------------------------------

_limits = Exercise(
    id="12.limits",
    title="Where it ends",
    answer="limits",
    points=4,
    hints=(
        "Choose a content and a style of your own in the explorer, and change one thing at a time.",
        "A good answer names both pictures, gives the two losses at two settings, says what of the content is still to "
        "be seen, and says whether that agrees with the content loss.",
    ),
    solution=(
        "For example: the astronaut as a mosaic, 200 steps. With a weight of 1 the content loss is 0.23 and the style "
        "loss 0.13. I see a woman in a suit, with a flag behind her, and lines between stones in the flat parts only. "
        "With 100 the losses are 0.81 and 0.005. The stones are everywhere. I still see a person, but her eyes and her "
        "teeth are stones now, and I would not know who it is. A content loss of 0.81 is nearly that of an even grey, "
        "in which I would see nobody. So for the suit, eye and content loss do not agree, and for the face they do."
    ),
)

EXERCISES = (_style_loss, _mix, _recolour, _limits)
