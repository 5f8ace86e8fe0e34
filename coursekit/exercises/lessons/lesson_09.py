"""The exercises of lesson 09."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from coursekit.exercises.model import Exercise, Mistake

# 09.smallest-budget ---------------------------------------------------------------------------------------------------


def _budget_case(seed: int) -> dict:
    rng = np.random.default_rng(seed)
    shape = (2, 3) if seed % 3 else (3, 4, 3)
    of_first, of_target = np.round(rng.normal(0, 1, size=(2, *shape)), 1)
    of_target.flat[0] += 0.5 if abs((of_target - of_first).sum()) < 0.05 else 0  # not by luck a sum of 0
    return {"lead": float(np.round(rng.uniform(10, 40), 1)), "of_first": of_first, "of_target": of_target}


def _apart(case: dict) -> np.ndarray:
    return case["of_target"] - case["of_first"]


_smallest_budget = Exercise(
    id="09.smallest-budget",
    title="The smallest budget",
    answer="smallest_budget",
    points=4,
    hints=(
        "By how much does one value bring the target nearer to the first class if it moves by 1? Both scores change.",
        "The lead becomes smaller by of_target - of_first times the move. Each value moves in its own best direction, "
        "so each makes the lead smaller by the size of that difference, for each level of the budget.",
        "With a budget of 1 the lead becomes smaller by np.abs(of_target - of_first).sum().",
    ),
    solution=(
        "def smallest_budget(lead, of_first, of_target):\n"
        "    for_each_level = np.abs(of_target - of_first).sum()\n"
        "    return lead / for_each_level"
    ),
    case=_budget_case,
    right=lambda case: float(case["lead"] / np.abs(_apart(case)).sum()),
    is_function=True,
    mistakes=(
        Mistake(
            "only the target",
            "Only the target's score was moved. The score of the first class changes with the same values.",
            lambda case: float(case["lead"] / np.abs(case["of_target"]).sum()),
        ),
        Mistake(
            "only the first class",
            "Only the score of the first class was moved. The target's score changes with the same values.",
            lambda case: float(case["lead"] / np.abs(case["of_first"]).sum()),
        ),
        Mistake(
            "each class moved by itself",
            "The sizes of both gradients were added. But a value cannot go up for one class and down for the other: "
            "where both gradients have the same sign, they work against each other.",
            lambda case: float(case["lead"] / (np.abs(case["of_target"]).sum() + np.abs(case["of_first"]).sum())),
        ),
        Mistake(
            "all values moved up",
            "That is for all values moved in the same direction. Each may move up or down.",
            lambda case: float(case["lead"] / _apart(case).sum()),
        ),
        Mistake(
            "the average",
            "The average of all values was taken. But they add up, and that is why a small budget is enough.",
            lambda case: float(case["lead"] / np.abs(_apart(case)).mean()),
        ),
        Mistake(
            "the length of the gradient",
            "That is the length of a step straight along the gradient. A budget holds for each value by itself.",
            lambda case: float(case["lead"] / np.linalg.norm(_apart(case))),
        ),
        Mistake(
            "the wrong way round",
            "That is the reciprocal: the larger the lead, the larger the budget must be.",
            lambda case: float(np.abs(_apart(case)).sum() / case["lead"]),
        ),
    ),
)

# 09.same-maps ---------------------------------------------------------------------------------------------------------


def _stride_case(seed: int) -> dict:
    rng = np.random.default_rng(seed)
    layers = 3 if seed % 3 else 5
    strides = rng.choice([1, 2, 2, 3], size=layers)
    strides[rng.permutation(layers)[:2]] = 2, 3 if rng.random() < 0.5 else 2
    together = np.cumprod(strides)
    moves = np.concatenate([rng.choice(together[1:], 2), rng.integers(1, 14, size=3), together[-1:]])
    return {"strides": strides, "moves": rng.permutation(moves)}


def _whole_places(case: dict, step: np.ndarray) -> np.ndarray:
    return case["moves"][:, np.newaxis] % step == 0


_same_maps = Exercise(
    id="09.same-maps",
    title="Moves that give the same maps",
    answer="same_maps",
    points=3,
    hints=(
        "The first layer has a stride of 2, the second one of 2 as well. How many pixels of the photo lie between two "
        "neighbours of the second layer's map?",
        "The strides multiply: np.cumprod(strides) holds for each layer its stride in pixels.",
        "A move is a whole number of places if move % stride == 0. moves[:, np.newaxis] has a row for each move.",
    ),
    solution=(
        "def same_maps(strides, moves):\n"
        "    in_pixels = np.cumprod(strides)\n"
        "    return moves[:, np.newaxis] % in_pixels == 0"
    ),
    case=_stride_case,
    right=lambda case: _whole_places(case, np.cumprod(case["strides"])),
    is_function=True,
    mistakes=(
        Mistake(
            "each layer by itself",
            "Each layer's own stride was taken. But a layer moves over the map of the one before, whose places already "
            "lie several pixels apart.",
            lambda case: _whole_places(case, case["strides"]),
        ),
        Mistake(
            "the strides added",
            "The strides were added. Two pixels to a place, and two of these places to a place of the next: that makes "
            "four, and with a third layer eight.",
            lambda case: _whole_places(case, np.cumsum(case["strides"])),
        ),
        Mistake(
            "at least one place",
            "These are moves by one place or more. But the maps are the same only if it is a whole number of places.",
            lambda case: case["moves"][:, np.newaxis] >= np.cumprod(case["strides"]),
        ),
        Mistake(
            "exactly one place",
            "These are moves by exactly one place. After two places, too, the maps are the same.",
            lambda case: case["moves"][:, np.newaxis] == np.cumprod(case["strides"]),
        ),
        Mistake(
            "the wrong way round",
            "That asks whether the stride is a multiple of the move.",
            lambda case: np.cumprod(case["strides"]) % case["moves"][:, np.newaxis] == 0,
        ),
        Mistake(
            "a row for each layer",
            "Rows and columns are exchanged: each move has a row, each layer a column.",
            lambda case: _whole_places(case, np.cumprod(case["strides"])).T,
        ),
        Mistake(
            "the opposite",
            "These are the layers whose maps are not the same.",
            lambda case: ~_whole_places(case, np.cumprod(case["strides"])),
        ),
    ),
)

# 09.saved -------------------------------------------------------------------------------------------------------------


def _saved_case(seed: int) -> dict:
    """Return pictures of a few values near black, grey and white, and scores that hang on their differences.

    Each way to save them wrongly shows by one of the pictures at least.
    """
    rng = np.random.default_rng(seed)
    count, values = (9, 4) if seed % 3 else (6, 3)
    while True:
        weights = rng.normal(0, 1, size=(values, 3))
        weights = np.round(weights - weights.mean(axis=0), 2) + 0.01
        pictures = np.round(rng.choice([0.0, 120.0, 255.0], size=(120, 1)) + rng.uniform(-2, 2, size=(120, values)), 2)
        best = np.sort(_saved(pictures) @ weights, axis=1)
        pictures = pictures[best[:, -1] - best[:, -2] > 0.01]  # no tie
        targets, never_lied = _top(pictures, weights), rng.random(len(pictures)) < 0.25
        targets = np.where(never_lied, rng.integers(0, 3, size=len(pictures)), targets)
        case = {"pictures": pictures, "weights": weights, "targets": targets}
        wrong = [*(_lies(case, way) for way in _SAVED_WRONGLY), _as_before(case)]
        shows = [np.flatnonzero(one != _lies(case, _saved)) for one in wrong]
        if all(len(one) for one in shows):
            break
    chosen = [*dict.fromkeys([*(rng.choice(one) for one in shows), *rng.permutation(len(pictures))])][:count]
    chosen = rng.permutation(chosen)
    return {**case, "pictures": pictures[chosen], "targets": targets[chosen]}


def _saved(pictures: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(pictures), 0, 255)


_SAVED_WRONGLY = (
    lambda pictures: np.minimum(np.rint(pictures), 255),
    lambda pictures: np.maximum(np.rint(pictures), 0),
    lambda pictures: np.clip(pictures, 0, 255),
    lambda pictures: np.clip(np.floor(pictures), 0, 255),
)


def _top(pictures: np.ndarray, weights: np.ndarray) -> np.ndarray:
    return (pictures @ weights).argmax(axis=1)


def _lies(case: dict, how: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    return _top(how(case["pictures"]), case["weights"]) == case["targets"]


def _as_before(case: dict) -> np.ndarray:
    return _top(_saved(case["pictures"]), case["weights"]) == _top(case["pictures"], case["weights"])


_saved_pictures = Exercise(
    id="09.saved",
    title="Which lies are left in a file",
    answer="still_lies",
    points=4,
    hints=(
        "A file holds whole numbers from 0 to 255. Which numbers will stand in it?",
        "First the file: np.clip(np.rint(pictures), 0, 255). Then the scores: that @ weights.",
        "The first class of each row is scores.argmax(axis=1). Compare it with targets.",
    ),
    solution=(
        "def still_lies(pictures, weights, targets):\n"
        "    saved = np.clip(np.rint(pictures), 0, 255)\n"
        "    return (saved @ weights).argmax(axis=1) == targets"
    ),
    case=_saved_case,
    right=lambda case: _lies(case, _saved),
    is_function=True,
    mistakes=(
        Mistake(
            "not saved",
            "That is what the network says before the pictures are saved. A file keeps no fractions and nothing beyond "
            "0 and 255.",
            lambda case: _lies(case, lambda pictures: pictures),
        ),
        Mistake(
            "not cut off",
            "The values were rounded, but those below 0 or above 255 were kept. A file cannot hold them.",
            lambda case: _lies(case, np.rint),
        ),
        Mistake(
            "not cut off below",
            "The values were rounded, and those above 255 cut off, but those below 0 were kept. A file cannot hold "
            "them.",
            lambda case: _lies(case, _SAVED_WRONGLY[0]),
        ),
        Mistake(
            "not cut off above",
            "The values were rounded, and those below 0 cut off, but those above 255 were kept. A file cannot hold "
            "them.",
            lambda case: _lies(case, _SAVED_WRONGLY[1]),
        ),
        Mistake(
            "not rounded",
            "The values were cut off at 0 and 255, but fractions were kept. A file holds whole numbers.",
            lambda case: _lies(case, _SAVED_WRONGLY[2]),
        ),
        Mistake(
            "fractions thrown away",
            "The fractions were thrown away: 3.9 became 3. Round to the nearest number, or every picture gets darker.",
            lambda case: _lies(case, _SAVED_WRONGLY[3]),
        ),
        Mistake(
            "wrapped around",
            "Values beyond the range went round: -1 became 255, and 256 became 0. Cut them off before the type is "
            "changed to uint8.",
            lambda case: _lies(case, lambda pictures: np.rint(pictures) % 256),
        ),
        Mistake(
            "the same as before",
            "Each class was compared with the one that won before. Some of the pictures did not lie then either: "
            "compare with targets.",
            _as_before,
        ),
        Mistake(
            "those that lie no more",
            "That is the opposite: the pictures that do not lie.",
            lambda case: ~_lies(case, _saved),
        ),
        Mistake(
            "the number of them",
            "That is how many still lie. One answer for each picture is asked for.",
            lambda case: int(_lies(case, _saved).sum()),
        ),
        Mistake(
            "the classes",
            "These are the classes that win. Compare them with targets: does each lie as it should?",
            lambda case: _top(_saved(case["pictures"]), case["weights"]),
        ),
    ),
)

# 09.undo --------------------------------------------------------------------------------------------------------------

_undo = Exercise(
    id="09.undo",
    title="What undoes your lie?",
    answer="undone",
    points=4,
    hints=(
        "In the explorer, choose a photo and a class of your own, and find the smallest budget that is enough.",
        "A good answer names photo, class and budget, says which trials undo the lie, and says for each of these what "
        "the network says of the unchanged photo after the same trial.",
    ),
    solution=(
        "For example: I attacked the leafhopper, for 'teapot'. With a budget of 1 grey level the network stays with "
        "leafhopper, with 2 it says teapot, 1.00. Saved as PNG and moved by 8 pixels it still lies. JPEG, blurring and "
        "a move by 1 pixel undo the lie, and after each of them the unchanged photo is a leafhopper, too: 0.84, 0.77 "
        "and 0.97 instead of 0.93. So for this photo JPEG is a cure that costs little, and blurring costs more. One "
        "photo does not show that for others."
    ),
)

EXERCISES = (_smallest_budget, _same_maps, _saved_pictures, _undo)
