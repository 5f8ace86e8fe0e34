"""The exercises of lesson 10."""

from __future__ import annotations

import numpy as np

from coursekit.exercises.model import Exercise, Mistake

# 10.scale -------------------------------------------------------------------------------------------------------------


def _scale_case(seed: int) -> dict:
    """Return distances whose order is another one by the scale of each layer, by itself, and by a difference."""
    rng = np.random.default_rng(seed)
    while True:
        another = rng.permutation([0.5, 0.8, 1.1, 1.4, 1.7, 2.0])
        shares = rng.permutation([0.2, 0.3, 0.4, 0.5, 0.65, 0.8])
        case = {"rebuilt": np.round(another * shares, 2), "another": another}
        ratios = case["rebuilt"] / another
        orders = [np.argsort(by) for by in (ratios, -ratios, case["rebuilt"], case["rebuilt"] - another)]
        orders += [np.argsort(orders[0]), np.argsort(another), np.argsort(case["rebuilt"] * another)]
        if len({tuple(order) for order in orders}) == len(orders):
            return case


def _by_scale(case: dict) -> np.ndarray:
    return case["rebuilt"] / case["another"]


_scale = Exercise(
    id="10.scale",
    title="A scale for each layer",
    answer="nearest_first",
    points=3,
    hints=(
        "A distance can be compared with others of the same layer only. What has each layer for a scale here?",
        "How large a part of the way to another photo is left, in each layer? Now these numbers can be compared.",
        "np.argsort returns the places of the values, from the smallest to the largest.",
    ),
    solution="def nearest_first(rebuilt, another):\n    return np.argsort(rebuilt / another)",
    case=_scale_case,
    right=lambda case: np.argsort(_by_scale(case)),
    is_function=True,
    mistakes=(
        Mistake(
            "by the bare distance",
            "The distances of different layers were compared as they are. 0.3 is near in one layer and far in another.",
            lambda case: np.argsort(case["rebuilt"]),
        ),
        Mistake(
            "the farthest first",
            "That is the order from the farthest to the nearest.",
            lambda case: np.argsort(-_by_scale(case)),
        ),
        Mistake(
            "by the difference",
            "A difference is still measured on the scale of its layer: where distances are large, it is large, too.",
            lambda case: np.argsort(case["rebuilt"] - case["another"]),
        ),
        Mistake(
            "the place of each layer",
            "That says for each layer at which place it comes. Asked was which layer comes first, which second.",
            lambda case: np.argsort(np.argsort(_by_scale(case))),
        ),
        Mistake(
            "the numbers compared",
            "These are the numbers to compare. The order of the layers was the question.",
            _by_scale,
        ),
    ),
)

# 10.step -------------------------------------------------------------------------------------------------------------


def _step_case(seed: int) -> dict:
    """Return a layer of a few weights, of which some answers are cut off by the ReLU, and a photo's features.

    No answer is exactly 0: which slope a ReLU has there is a matter of definition.
    """
    rng = np.random.default_rng(seed)
    values, channels = (3, 3) if seed % 3 == 0 else (4, 5)
    while True:
        weights = rng.integers(-2, 3, size=(values, channels)).astype(np.float64)
        picture, photo = rng.integers(0, 10, size=(2, values)).astype(np.float64)
        answers, wanted = picture @ weights, np.maximum(photo @ weights, 0)
        short = answers < wanted
        if answers.all() and all((part & (wanted > 0)).any() for part in (answers < 0, short & (answers > 0), ~short)):
            rate = float(rng.choice([0.05, 0.1, 0.2]))
            return {"picture": picture, "weights": weights, "wanted": wanted, "rate": rate}


def _answers(case: dict) -> np.ndarray:
    return case["picture"] @ case["weights"]


def _missed(case: dict) -> np.ndarray:
    return np.maximum(_answers(case), 0) - case["wanted"]


def _moved(case: dict, missed: np.ndarray, rate: float | None = None) -> np.ndarray:
    """Return the picture after a step against what is missed in each channel."""
    return case["picture"] - (case["rate"] if rate is None else rate) * case["weights"] @ missed


_step = Exercise(
    id="10.step",
    title="One step towards the features",
    answer="step_towards",
    points=4,
    hints=(
        "First the features of the picture, and what they miss of the wanted ones. By how much does each value of the "
        "picture change a channel? By its weight, if the ReLU lets that channel through.",
        "The gradient for the answers of the channels is features - wanted where the answer is above 0, else 0.",
        "weights @ (missed * (answers > 0)) carries it back to the picture. A step goes against it.",
    ),
    solution=(
        "def step_towards(picture, weights, wanted, rate):\n"
        "    answers = picture @ weights\n"
        "    missed = np.maximum(answers, 0) - wanted\n"
        "    return picture - rate * weights @ (missed * (answers > 0))"
    ),
    case=_step_case,
    right=lambda case: _moved(case, _missed(case) * (_answers(case) > 0)),
    is_function=True,
    mistakes=(
        Mistake(
            "the wrong way",
            "That leads away: the distance grows. The gradient points to where it rises, so it is subtracted.",
            lambda case: _moved(case, -_missed(case) * (_answers(case) > 0)),
        ),
        Mistake(
            "through the ReLU",
            "Channels whose answer is below 0 were counted, too. There the ReLU gives 0, and a small change of the "
            "picture changes nothing.",
            lambda case: _moved(case, _missed(case)),
        ),
        Mistake(
            "without the ReLU",
            "The ReLU was left out: answers below 0 were compared with the features. A feature is never below 0.",
            lambda case: _moved(case, _answers(case) - case["wanted"]),
        ),
        Mistake(
            "too much only",
            "Only channels whose feature is too large were counted. Where one is too small, the picture moves as well.",
            lambda case: _moved(case, np.maximum(_missed(case), 0)),
        ),
        Mistake(
            "without what is wanted",
            "What is wanted was left out. So the features are led to 0, whatever the photo was.",
            lambda case: _moved(case, np.maximum(_answers(case), 0)),
        ),
        Mistake(
            "without the rate",
            "The rate was left out: that step is too long.",
            lambda case: _moved(case, _missed(case) * (_answers(case) > 0), 1.0),
        ),
        Mistake(
            "twice as far",
            "That is the gradient of the whole sum of squares. Of half of it, as asked for, the 2 cancels.",
            lambda case: _moved(case, 2 * _missed(case) * (_answers(case) > 0)),
        ),
        Mistake(
            "the sign only",
            "Only the sign of the gradient was taken, as in lesson 9. Here a value moves the more, the more it counts.",
            lambda case: (
                case["picture"] - case["rate"] * np.sign(case["weights"] @ (_missed(case) * (_answers(case) > 0)))
            ),
        ),
        Mistake(
            "the change only",
            "That is the gradient. The picture after the step is asked for.",
            lambda case: case["weights"] @ (_missed(case) * (_answers(case) > 0)),
        ),
    ),
)

# 10.not-told-apart ---------------------------------------------------------------------------------------------------


def _apart_case(seed: int) -> dict:
    """Return maps that differ from the photo's in ways that a ReLU and a mean see, and in ways that they do not."""
    rng = np.random.default_rng(seed)
    few = seed % 9 == 0
    photo = rng.integers(1, 6, size=(2, 2 if few else 3, 2))
    photo[0, :2] *= -int(rng.choice([1, 4]))  # two places that the ReLU makes 0; their mean is below zero, or not
    ways = [_carried, _as_high, _between_channels]
    if few:
        ways += [[_lower, _made_up_for][int(rng.integers(2))]]
    else:
        ways += [_shuffled, _lower, _made_up_for, *rng.choice([_shuffled, _lower, _carried, _as_high], size=5)]
    maps = np.stack([ways[i](photo.copy(), rng) for i in rng.permutation(len(ways))])
    return {"maps": maps.astype(np.float64), "photo": photo.astype(np.float64)}


def _shuffled(maps: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return rng.permutation(maps.reshape(-1, 2)).reshape(maps.shape)


def _lower(maps: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Go on below zero, where the ReLU answers 0 anyway."""
    return np.where(maps < 0, maps - rng.integers(1, 5, size=maps.shape), maps)


def _made_up_for(maps: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Add at one place what is taken away below zero: only a mean without the ReLU stays the same."""
    more = rng.integers(1, 4, size=2)
    maps[1, 0] += more
    maps[0, 0] -= more
    return maps


def _carried(maps: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Give one place what another one had."""
    maps[1, 0] += maps[1, 1]
    maps[1, 1] = 0
    return maps


def _as_high(maps: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Raise one place of one channel, but not above the largest one."""
    maps[0, int(rng.integers(2)), int(rng.integers(2))] = 1
    return maps


def _between_channels(maps: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Give one channel what the other one had: the mean over both is the same."""
    maps[1, 0] = [maps[1, 0].sum(), 0]
    return maps


def _alike(case: dict, kept: object) -> np.ndarray:
    of_each = np.array([kept(one) for one in case["maps"]])
    return np.isclose(of_each, kept(case["photo"])).reshape(len(of_each), -1).all(axis=1)


def _positive(values: np.ndarray) -> np.ndarray:
    return np.maximum(values, 0)


def _pooled(values: np.ndarray) -> np.ndarray:
    return _positive(values).mean(axis=(0, 1))


_not_told_apart = Exercise(
    id="10.not-told-apart",
    title="What a layer cannot tell apart",
    answer="taken_for_the_photo",
    points=4,
    hints=(
        "Compute for each picture what comes out at the end: first the ReLU, then the mean over all places. One number "
        "for each channel is left.",
        "np.maximum(maps, 0).mean(axis=(1, 2)) is (pictures, channels). The photo has no axis of pictures, so there it "
        "is axis=(0, 1).",
        "A picture is taken for the photo if all its channels agree: np.isclose(kept, of_photo).all(axis=1).",
    ),
    solution=(
        "def taken_for_the_photo(maps, photo):\n"
        "    kept = np.maximum(maps, 0).mean(axis=(1, 2))\n"
        "    of_photo = np.maximum(photo, 0).mean(axis=(0, 1))\n"
        "    return np.isclose(kept, of_photo).all(axis=1)"
    ),
    case=_apart_case,
    right=lambda case: _alike(case, _pooled),
    is_function=True,
    mistakes=(
        Mistake(
            "without the ReLU",
            "The ReLU was left out. What lies below zero does not reach the mean, however far below it lies.",
            lambda case: _alike(case, lambda values: values.mean(axis=(0, 1))),
        ),
        Mistake(
            "averaged first",
            "The mean was taken before the ReLU. Then values below zero take away from those above it.",
            lambda case: _alike(case, lambda values: _positive(values.mean(axis=(0, 1)))),
        ),
        Mistake(
            "place by place",
            "Every place was compared. After the mean nobody can tell where a value stood.",
            lambda case: _alike(case, _positive),
        ),
        Mistake(
            "the largest value",
            "The largest value of each channel was compared. This layer takes the mean.",
            lambda case: _alike(case, lambda values: _positive(values).max(axis=(0, 1))),
        ),
        Mistake(
            "channels averaged, too",
            "The channels were averaged, too. Each channel has a mean of its own, and all of them have to agree.",
            lambda case: _alike(case, lambda values: _positive(values).mean()),
        ),
        Mistake(
            "the first channel only",
            "Only the first channel was compared. All of them have to agree.",
            lambda case: _alike(case, lambda values: _pooled(values)[0]),
        ),
        Mistake(
            "the last channel only",
            "Only the last channel was compared. All of them have to agree.",
            lambda case: _alike(case, lambda values: _pooled(values)[-1]),
        ),
        Mistake(
            "one channel is enough",
            "It was enough if one channel agreed. The layer tells two pictures apart as soon as one channel differs.",
            lambda case: np.array([np.isclose(_pooled(one), _pooled(case["photo"])).any() for one in case["maps"]]),
        ),
        Mistake(
            "those told apart",
            "That is the opposite: the pictures that the layer tells from the photo.",
            lambda case: ~_alike(case, _pooled),
        ),
        Mistake(
            "the number of them",
            "That is how many there are. One answer for each picture is asked for.",
            lambda case: int(_alike(case, _pooled).sum()),
        ),
    ),
)

# 10.own --------------------------------------------------------------------------------------------------------------

_own = Exercise(
    id="10.own",
    title="What is left of another photo?",
    answer="left",
    points=4,
    hints=(
        "Take a photo with a colour that you would miss, and invert it from an early and from a late layer.",
        "A good answer names the photo, the two layers and both distances, says what came back and what did not, "
        "and says beside which other distances one may call these small.",
    ),
    solution=(
        'For example: the flower, photo("flower", 227), 48 steps each. From fire5-concat, at a distance of 0.41, '
        "every petal is in its place and the orange is back, but the dark green around it is a pale grey. From "
        "fire9-concat, at 0.33, there is an orange disc in the right place, without petals that I could count. I "
        "call both distances small, because the flower moved by 8 pixels is at 0.70 and 0.45 in these layers, and "
        "the cat at 1.12 and 1.46. Is the green lost? The flower without its colours is at 0.72 in both layers, so"
        " both notice colour. So I searched for 96 steps more from fire5-concat. At a distance of 0.23 most of the "
        "background is dark and green again, so it was not lost, only not found yet."
    ),
)

EXERCISES = (_scale, _step, _not_told_apart, _own)
