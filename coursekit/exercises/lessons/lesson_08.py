"""The exercises of lesson 08."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from coursekit.exercises.model import Exercise, Mistake

# 08.average-drop ------------------------------------------------------------------------------------------------------


def _drops_case(seed: int) -> dict:
    rng = np.random.default_rng(seed)
    size, stride = [(3, 2), (2, 1), (4, 2), (3, 1), (5, 3)][int(rng.integers(5))]
    rows, columns = (2, 3) if rng.random() < 0.4 else (3, 4)
    drops = np.round(rng.normal(1, 3, size=(rows, columns)), 1)
    return {"drops": drops, "size": size, "stride": stride}


def _areas(case: dict, size: int = 0) -> list:
    """Return for each place the part of the map that its patch covers."""
    side, step = size or case["size"], case["stride"]
    rows, columns = case["drops"].shape
    return [np.s_[i * step : i * step + side, j * step : j * step + side] for i in range(rows) for j in range(columns)]


def _map(case: dict, put: Callable[[np.ndarray, float], np.ndarray] = np.add, first: float = 0.0) -> np.ndarray:
    """Return a map into which the drops are put one after the other; the sum of all by default."""
    height, width = ((count - 1) * case["stride"] + case["size"] for count in case["drops"].shape)
    found = np.full((height, width), first)
    for area, drop in zip(_areas(case), case["drops"].ravel(), strict=True):
        found[area] = put(found[area], drop)
    return found


def _times(case: dict) -> np.ndarray:
    return _map(case, lambda times, _: times + 1)


_average_drop = Exercise(
    id="08.average-drop",
    title="From drops to a map",
    answer="map_of_drops",
    points=3,
    hints=(
        "How many patches covered the pixel in the corner? And how many a pixel in the middle?",
        "Keep two arrays of the size of the map: the sum of the drops, and how many patches there were. "
        "The patch of row i and column j covers i * stride to i * stride + size, and likewise for the columns.",
        "total[area] += drops[i, j] and times[area] += 1 for every patch; at the end total / times.",
    ),
    solution=(
        "def map_of_drops(drops, size, stride):\n"
        "    rows, columns = drops.shape\n"
        "    total = np.zeros(((rows - 1) * stride + size, (columns - 1) * stride + size))\n"
        "    times = np.zeros_like(total)\n"
        "    for i in range(rows):\n"
        "        for j in range(columns):\n"
        "            area = np.s_[i * stride:i * stride + size, j * stride:j * stride + size]\n"
        "            total[area] += drops[i, j]\n"
        "            times[area] += 1\n"
        "    return total / times"
    ),
    case=_drops_case,
    right=lambda case: _map(case) / _times(case),
    is_function=True,
    mistakes=(
        Mistake(
            "the sum",
            "The drops were added up. A pixel in the middle lies under more patches than one at the rim, so it gets a "
            "larger number even where all drops are the same.",
            _map,
        ),
        Mistake(
            "divided by the same number everywhere",
            "All pixels were divided by the same number, that of the middle. At the rim fewer patches were added, so "
            "the map is too weak there.",
            lambda case: _map(case) / _times(case).max(),
        ),
        Mistake(
            "the last patch only",
            "Each patch wrote over what the patches before it had left. A pixel belongs to several patches: average.",
            lambda case: _map(case, lambda _, drop: np.full_like(_, drop)),
        ),
        Mistake(
            "the largest drop",
            "That is the largest drop of the patches over a pixel, not their average.",
            lambda case: _map(case, np.maximum, -np.inf),
        ),
        Mistake(
            "negative drops left out",
            "Negative drops were set to 0. Where the score rises without a piece, the map must say so.",
            lambda case: _map({**case, "drops": np.maximum(case["drops"], 0)}) / _times(case),
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
        "Choose a photo and a class in the explorer. Change one thing only, the patch or the baseline, and look for a "
        "place whose colour turns from red to blue.",
        "A good answer names the photo, the class and the place, gives two scores under the patch, and says what may "
        "be concluded from the map and what may not.",
    ),
    solution=(
        "For example: the geese, class 'goose', patch 32, its upper left corner at row 172, column 88, at the feet and "
        "the tail of the bird in front. The whole photo has a score of 34.9. In the mean colour the patch raises it to "
        "35.8, in black it lowers it to 31.9. So I may say that the answer does not depend on this place. Whether it "
        "speaks for a goose or against one I may not say, because that depends on what the patch shows."
    ),
)

EXERCISES = (_average_drop, _delete, _stand_in, _judge)
