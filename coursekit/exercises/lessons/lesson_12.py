"""The exercises of lesson 12."""

from __future__ import annotations

import numpy as np

from coursekit.exercises.model import Exercise, Mistake

# 12.strength ---------------------------------------------------------------------------------------------------------


def _strength_case(seed: int) -> dict:
    """Return features behind a ReLU; the made ones are stronger or weaker, and answer elsewhere as well."""
    rng = np.random.default_rng(seed)
    shape = (1, 2, 2) if rng.random() < 0.4 else (2, 2, 3)
    while True:
        content = np.maximum(rng.integers(-2, 9, size=shape), 0).astype(np.float64)
        factor = float(rng.choice([0.4, 0.5, 1.5, 2, 2.5, 3]))
        made = np.maximum(factor * content + rng.integers(-4, 7, size=shape), 0).round(1)
        case = {"made": made, "content": content}
        if content.any() and made.any() and _is_clear(case):
            return case


def _is_clear(case: dict) -> bool:
    """Say whether a good part is missed, and every usual mistake is seen to be one."""
    loss = _left(case, _best(case))
    return 0.05 < loss < 0.6 and all(abs(one.answer(case) - loss) > 0.02 * loss for one in _strength.mistakes)


def _left(case: dict, factor: float = 1) -> float:
    """Return the content loss of the made features times a factor."""
    missed = np.square(factor * case["made"] - case["content"]).sum()
    return float(missed / np.square(case["content"]).sum())


def _best(case: dict) -> float:
    return float((case["made"] * case["content"]).sum() / np.square(case["made"]).sum())


def _cosine(case: dict) -> float:
    lengths = np.linalg.norm(case["made"]) * np.linalg.norm(case["content"])
    return float((case["made"] * case["content"]).sum() / lengths)


def _by_channel(case: dict) -> float:
    made, content = (case[name].reshape(-1, case[name].shape[2]) for name in ("made", "content"))
    factors = (made * content).sum(axis=0) / np.maximum(np.square(made).sum(axis=0), 1e-9)
    return float(np.square(factors * made - content).sum() / np.square(content).sum())


def _scaled_content(case: dict) -> float:
    product, square = (case["made"] * case["content"]).sum(), np.square(case["content"]).sum()
    return float(np.square(case["made"] - product / square * case["content"]).sum() / square)


_strength = Exercise(
    id="12.strength",
    title="Only stronger?",
    answer="least_loss",
    points=3,
    hints=(
        "For one number k, the features k * made have a content loss of their own. For which k is it the smallest?",
        "The loss is a parabola in k. Set its derivative to 0: the sum of made * (k * made - content) is 0 there.",
        "k = (made * content).sum() / (made**2).sum(). Then the loss of k * made, relative to the content.",
    ),
    solution=(
        "def least_loss(made, content):\n"
        "    k = (made * content).sum() / np.square(made).sum()\n"
        "    return np.square(k * made - content).sum() / np.square(content).sum()"
    ),
    case=_strength_case,
    right=lambda case: _left(case, _best(case)),
    is_function=True,
    mistakes=(
        Mistake(
            "nothing scaled",
            "That is the content loss as it is. The features of the made picture may be made stronger or weaker, all "
            "by the same number.",
            _left,
        ),
        Mistake(
            "made as long as the content",
            "The made features were given the length of the content's. That is near the best number, but a little "
            "weaker is better: what points elsewhere counts less then.",
            lambda case: _left(case, np.linalg.norm(case["content"]) / np.linalg.norm(case["made"])),
        ),
        Mistake(
            "the same mean",
            "The made features were given the mean of the content's. Squares are added up, so strong features count "
            "more than their share of the mean.",
            lambda case: _left(case, case["content"].mean() / case["made"].mean()),
        ),
        Mistake(
            "the content scaled",
            "The content was scaled instead of the made features. The content is what is wanted: it stays.",
            _scaled_content,
        ),
        Mistake(
            "the number itself",
            "That is the number by which to multiply. The loss that is left was asked for.",
            _best,
        ),
        Mistake(
            "the direction",
            "That says how far the two point in the same direction, where 1 is the same. A loss of 0 is the same.",
            _cosine,
        ),
        Mistake(
            "the root of it",
            "That is the square root. The loss is the sum of the squares, and no root is taken.",
            lambda case: _left(case, _best(case)) ** 0.5,
        ),
        Mistake(
            "a number for each channel",
            "Each channel got a number of its own. Asked was for one number for all of them.",
            _by_channel,
        ),
    ),
)

# 12.alike ------------------------------------------------------------------------------------------------------------


def _alike_case(seed: int) -> dict:
    rng = np.random.default_rng(seed)
    layers = int(rng.integers(3, 5))
    squares = np.round(rng.uniform(1, 3, size=layers) * rng.permutation([1.0, 4.0, 20.0, 100.0])[:layers], 1)
    wished = rng.permutation([1.0, 2.0, 3.0, 4.0])[:layers]
    return {"squares": squares, "wished": wished / wished.sum()}


def _ones(weights: np.ndarray) -> np.ndarray:
    return weights / weights.sum()


_alike = Exercise(
    id="12.alike",
    title="Layers that count as you wish",
    answer="weights_for",
    points=2,
    hints=(
        "What does a layer add to the sum for this picture? Its weight times its sum of squares.",
        "weight * squares has to be in proportion to wished. So what is the weight in proportion to?",
        "weights = wished / squares, and then divided by their sum.",
    ),
    solution=("def weights_for(squares, wished):\n    weights = wished / squares\n    return weights / weights.sum()"),
    case=_alike_case,
    right=lambda case: _ones(case["wished"] / case["squares"]),
    is_function=True,
    mistakes=(
        Mistake(
            "the wishes",
            "Those are the wishes. A layer with large sums then counts for more than you wished: that is the mistake "
            "of this lesson.",
            lambda case: case["wished"],
        ),
        Mistake(
            "times the squares",
            "The wishes were multiplied by the sums of squares. So the layer that counts too much counts still more.",
            lambda case: _ones(case["wished"] * case["squares"]),
        ),
        Mistake(
            "do not add up to 1",
            "The proportions are right, but the weights do not add up to 1.",
            lambda case: case["wished"] / case["squares"],
        ),
        Mistake(
            "the wishes left out",
            "With these weights all layers count alike. Each was to count as wished.",
            lambda case: _ones(1 / case["squares"]),
        ),
        Mistake(
            "divided by the root",
            "The wishes were divided by the root of the sums. What a layer adds is its sum of squares, not its root.",
            lambda case: _ones(case["wished"] / np.sqrt(case["squares"])),
        ),
        Mistake(
            "what counts now",
            "Those are the shares of the layers if nothing is weighed.",
            lambda case: _ones(case["squares"]),
        ),
        Mistake(
            "what is not counted now",
            "Each weight was made smaller by the share of its layer. A layer that adds a hundred times as much as "
            "another needs a hundredth of its weight.",
            lambda case: _ones(case["wished"] * (1 - _ones(case["squares"]))),
        ),
    ),
)

# 12.recolour ---------------------------------------------------------------------------------------------------------


def _recolour_case(seed: int) -> dict:
    rng = np.random.default_rng(seed)
    height, width = (1, 3) if rng.random() < 0.5 else (2, 3)
    made, content = rng.integers(0, 256, size=(2, height, width, 3)).astype(np.float64)
    content[0, 0], made[0, 0] = (250, 200, 30), (255, 255, 255)  # too bright for its colours
    content[0, 1], made[0, 1] = (90, 120, 160), (60, 140, 20)  # fits
    content[0, 2], made[0, 2] = (220, 60, 20), (30, 20, 10)  # too dark for them
    content[0] = np.clip(content[0] + rng.integers(-9, 10, size=(3, 3)), 0, 255)
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
            "not cut off below",
            "Some values lie below 0, and a picture cannot hold them.",
            lambda case: np.minimum(_recoloured(case), 255),
        ),
        Mistake(
            "not cut off above",
            "Some values lie above 255, and a picture cannot hold them.",
            lambda case: np.maximum(_recoloured(case), 0),
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

EXERCISES = (_strength, _alike, _recolour, _limits)
