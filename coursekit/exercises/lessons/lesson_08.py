"""The exercises of lesson 08."""

from __future__ import annotations

import numpy as np

from coursekit.exercises.model import Exercise, Mistake

# 08.agreed ------------------------------------------------------------------------------------------------------------


def _agreed_case(seed: int) -> dict:
    """Give maps whose signs agree at some places, positive at some and negative at others, and disagree elsewhere."""
    rng = np.random.default_rng(seed)
    shape = (2, 2, 3) if seed % 3 else (3, 3, 4)
    real = np.round(rng.normal(0, 2, size=shape[1:]), 1)
    real[0, :2] = 1 + abs(real[0, 0]), -1 - abs(real[0, 1])
    maps = np.round(real * rng.uniform(0.4, 1.8, size=shape), 1)
    maps[:, 0, 2] = np.round(rng.uniform(0.5, 3, size=shape[0]), 1) * np.where(np.arange(shape[0]) % 2, -1, 1)
    maps[maps == 0] = 0.1
    order = rng.permutation(real.size)
    return {"maps": maps.reshape(shape[0], -1)[:, order].reshape(shape)}


def _one_sign(case: dict) -> np.ndarray:
    return np.abs(np.sign(case["maps"]).sum(axis=0)) == len(case["maps"])


def _smallest_size(case: dict) -> np.ndarray:
    maps = case["maps"]
    return np.take_along_axis(maps, np.abs(maps).argmin(axis=0)[np.newaxis], axis=0)[0]


_agreed = Exercise(
    id="08.agreed",
    title="What every patch says",
    answer="agreed_drop",
    points=3,
    hints=(
        "Two patches say 3 and 5: what do both say? And -4 and -1? And 3 and -1?",
        "Where all are positive, all say at least the smallest: maps.min(axis=0). Where all are negative, it is the "
        "one nearest to 0 as well, which is maps.max(axis=0).",
        "np.where((maps > 0).all(axis=0), maps.min(axis=0), np.where((maps < 0).all(axis=0), maps.max(axis=0), 0))",
    ),
    solution=(
        "def agreed_drop(maps):\n"
        "    least, most = maps.min(axis=0), maps.max(axis=0)\n"
        "    return np.maximum(least, 0) + np.minimum(most, 0)"
    ),
    case=_agreed_case,
    right=lambda case: np.where(_one_sign(case), _smallest_size(case), 0),
    is_function=True,
    mistakes=(
        Mistake(
            "the average",
            "That is the average of all patches. Where one says that the score drops and another that it rises, they "
            "do not agree on anything.",
            lambda case: case["maps"].mean(axis=0),
        ),
        Mistake(
            "the average where they agree",
            "The places are right. But the average is more than some of the patches say: all agree only on the part "
            "nearest to 0.",
            lambda case: np.where(_one_sign(case), case["maps"].mean(axis=0), 0),
        ),
        Mistake(
            "the smallest value",
            "That is the smallest value. Of -4 and -1 it is -4, but not all patches say that it rises so much.",
            lambda case: case["maps"].min(axis=0),
        ),
        Mistake(
            "the one nearest to 0 everywhere",
            "Where the patches have different signs, they agree on nothing, not even on the smallest change.",
            _smallest_size,
        ),
        Mistake(
            "drops only",
            "Where all patches say that the score rises, they agree as well. These places are 0 here.",
            lambda case: np.maximum(case["maps"].min(axis=0), 0),
        ),
        Mistake(
            "the sign lost",
            "The sizes are right, but a rise of the score looks like a drop.",
            lambda case: np.abs(np.where(_one_sign(case), _smallest_size(case), 0)),
        ),
        Mistake(
            "the smallest value where they agree",
            "The places are right. Where all are negative, the smallest is the strongest rise: not all say so much.",
            lambda case: np.where(_one_sign(case), case["maps"].min(axis=0), 0),
        ),
    ),
)

# 08.delete ------------------------------------------------------------------------------------------------------------


def _delete_case(seed: int) -> dict:
    rng = np.random.default_rng(seed)
    height, width = (2, 3) if rng.random() < 0.4 else (4, 5)
    image = rng.integers(0, 256, size=(height, width, 3)).astype(np.float32)
    # Some values are strong and negative, so that size and sign can be mixed up.
    map = rng.permutation(np.arange(height * width)).reshape(height, width) - height * width // 2 + rng.random()
    colour = np.round(image.mean(axis=(0, 1))).astype(np.float32)
    return {
        "image": image,
        "map": np.round(map, 2),
        "count": int(rng.integers(2, height * width // 2)),
        "colour": colour,
    }


def _deleted(case: dict, by: np.ndarray | None = None) -> np.ndarray:
    """Return the picture without the pixels that are largest by a map."""
    order = np.argsort(-(case["map"] if by is None else by).ravel())
    copy = case["image"].reshape(-1, 3).copy()
    copy[order[: case["count"]]] = case["colour"]
    return copy.reshape(case["image"].shape)


def _deleted_values(case: dict) -> np.ndarray:
    copy = case["image"].ravel().copy()
    copy[np.argsort(-np.repeat(case["map"].ravel(), 3), kind="stable")[: case["count"]]] = case["colour"].mean()
    return copy.reshape(case["image"].shape)


def _inserted(case: dict) -> np.ndarray:
    gone = (_deleted({**case, "image": case["image"] * 0, "colour": 1}) > 0).all(axis=-1, keepdims=True)
    return np.where(gone, case["image"], case["colour"])


_delete = Exercise(
    id="08.delete",
    title="Delete the strongest pixels",
    answer="without_strongest",
    points=3,
    hints=(
        "Which pixels go first, those with the largest values or those with the smallest? And what about -9?",
        "np.argsort(-map.ravel()) gives the numbers of the pixels, the largest value first.",
        "copy = image.copy(), and copy.reshape(-1, 3)[numbers[:count]] = colour writes into the pixels of the copy.",
    ),
    solution=(
        "def without_strongest(image, map, count, colour):\n"
        "    strongest = np.argsort(-map.ravel())[:count]\n"
        "    copy = image.copy()\n"
        "    copy.reshape(-1, 3)[strongest] = colour\n"
        "    return copy"
    ),
    case=_delete_case,
    right=_deleted,
    is_function=True,
    mistakes=(
        Mistake(
            "the smallest first",
            "The pixels with the smallest values were deleted: those that count least, or that lower the score.",
            lambda case: _deleted(case, -case["map"]),
        ),
        Mistake(
            "the largest without their sign",
            "The sign was lost: a strongly negative pixel lowers the score, so it must not be among the first.",
            lambda case: _deleted(case, np.abs(case["map"])),
        ),
        Mistake(
            "kept instead of deleted",
            "The strongest pixels were kept and all others deleted. That is insertion.",
            _inserted,
        ),
        Mistake(
            "one pixel too many",
            "One pixel too many was deleted. Of a list that begins with 0, [:count] takes count entries.",
            lambda case: _deleted({**case, "count": case["count"] + 1}),
        ),
        Mistake(
            "black instead of the colour",
            "The deleted pixels are black. The colour that was given must stand there, because black is a colour, too.",
            lambda case: _deleted({**case, "colour": np.zeros(3, np.float32)}),
        ),
        Mistake(
            "values instead of pixels",
            "Single values were deleted, not pixels: a pixel has three of them, and all three must go.",
            _deleted_values,
        ),
    ),
)

# 08.stand-in ----------------------------------------------------------------------------------------------------------


def _stand_in_case(seed: int) -> dict:
    rng = np.random.default_rng(seed)
    whole = np.round(rng.uniform(15, 40, size=3), 1)
    first, second = np.round(rng.uniform(0.5, 6, size=(2, 3)), 1)
    more = np.round(rng.uniform(-3, 6, size=3), 1)
    without = {"without_first": whole - first, "without_second": whole - second}
    without["without_both"] = whole - first - second - more
    return {"whole": whole, **{name: np.round(scores, 1) for name, scores in without.items()}}


def _three_drops(case: dict) -> list[np.ndarray]:
    return [case["whole"] - case[name] for name in ("without_first", "without_second", "without_both")]


def _excess(case: dict) -> np.ndarray:
    first, second, both = _three_drops(case)
    return both - (first + second)


_stand_in = Exercise(
    id="08.stand-in",
    title="Parts that stand in for each other",
    answer="stand_in",
    points=2,
    hints=(
        "First the three drops: from the whole photo to each of the three covered ones.",
        "If two parts had nothing to do with each other, how large would the drop of both be?",
        "(whole - without_both) - ((whole - without_first) + (whole - without_second))",
    ),
    solution=(
        "def stand_in(whole, without_first, without_second, without_both):\n"
        "    of_both = whole - without_both\n"
        "    one_by_one = (whole - without_first) + (whole - without_second)\n"
        "    return of_both - one_by_one"
    ),
    case=_stand_in_case,
    right=_excess,
    is_function=True,
    mistakes=(
        Mistake(
            "the drop of both",
            "That is the drop of both together. How much of it neither shows alone is asked for.",
            lambda case: _three_drops(case)[2],
        ),
        Mistake(
            "the wrong way round",
            "The sign is reversed: it must be positive where both together take more away than one by one.",
            lambda case: -_excess(case),
        ),
        Mistake(
            "never below zero",
            "What is below zero was cut off. Two parts can also show the same: together they then take less away.",
            lambda case: np.maximum(_excess(case), 0),
        ),
        Mistake(
            "the sign lost",
            "The sign was lost. It says whether the two together take more away than one by one, or less.",
            lambda case: np.abs(_excess(case)),
        ),
        Mistake(
            "scores instead of drops",
            "The scores were subtracted, not the drops. A score that is left is no loss.",
            lambda case: case["without_both"] - (case["without_first"] + case["without_second"]),
        ),
        Mistake(
            "only the larger drop",
            "Only the larger of the two drops was taken off. Parts that have nothing to do with each other add up.",
            lambda case: _three_drops(case)[2] - np.maximum(*_three_drops(case)[:2]),
        ),
        Mistake(
            "the average of both drops",
            "The two drops were averaged. Parts that have nothing to do with each other add up.",
            lambda case: _three_drops(case)[2] - (_three_drops(case)[0] + _three_drops(case)[1]) / 2,
        ),
    ),
)

# 08.judge -------------------------------------------------------------------------------------------------------------

_judge = Exercise(
    id="08.judge",
    title="Make the explorer contradict itself",
    answer="judgement",
    points=4,
    hints=(
        "Choose a class in the explorer, and leave the size of the patch as it is. Lay the patch beside the birds, at "
        "their feet for instance, and change only what it shows: look for a place where the score is above that of the "
        "whole photo with one patch and below it with the other.",
        "A good answer names the class, the size and the place, gives two scores under the patch, and says what may "
        "be concluded from the map and what may not.",
    ),
    solution=(
        "For example: the geese, class 'goose', patch 32, its upper left corner at row 172, column 88, at the feet and "
        "the tail of the bird in front. The whole photo has a score of 34.9. In the mean colour the patch raises it to "
        "35.8, in black it lowers it to 31.9. Both times most of the score is left, so I "
        "may say that most of it does not come from this place. Whether it "
        "speaks for a goose or against one I may not say, because that depends on what the patch shows."
    ),
)

EXERCISES = (_agreed, _delete, _stand_in, _judge)
