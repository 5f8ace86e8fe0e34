"""The exercises of lesson 13."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from coursekit.exercises.model import Exercise, Mistake

# 13.not-reached -------------------------------------------------------------------------------------------------------

# (above zero in the training, above zero in the test): "all" at many places, "once" at a single one, or "no", with the
# numbers "zero" or "below" it; "late" is silent in all pictures but the last.
_CHANNELS = (
    ("zero", "zero"),
    ("zero", "all"),
    ("all", "zero"),
    ("all", "below"),
    ("once", "below"),
    ("all", "once"),
    ("all", "late"),
    ("all", "all"),
)


def _two_maps_case(seed: int) -> dict:
    """Channels that answer in the training, in the test, in both or in neither; some hardly."""
    rng = np.random.default_rng(seed)
    pictures, size, more = (2, 2, 0) if rng.random() < 0.4 else (3, 3, 2)
    extra = [_CHANNELS[i] for i in rng.choice([0, 2, 3, 4, 7], more)]
    kinds = rng.permutation([*_CHANNELS, *extra])
    maps = [np.stack([_channel(kind, pictures, size, rng) for kind in column], axis=-1) for column in kinds.T]
    return {"training": maps[0], "test": maps[1]}


def _channel(kind: str, pictures: int, size: int, rng: np.random.Generator) -> np.ndarray:
    """Return what a channel gives, (pictures, size, size)."""
    values = np.round(rng.uniform(0.3, 3, size=(pictures, size, size)), 1)
    values *= rng.permutation(np.arange(values.size) % 3 > 0).reshape(values.shape)
    if kind == "zero":
        return 0 * values
    if kind == "below":
        return -values - 0.5
    if kind == "once":  # and below zero elsewhere
        place = tuple(rng.integers(0, values.shape))
        values[:] = -1
        values[place] = 0.2
    if kind == "late":
        values[:-1] = 0
        values[-1, 0, 0] = 0.7
    return values


def _where(channels: np.ndarray) -> np.ndarray:
    return np.flatnonzero(channels)


def _alive(maps: np.ndarray) -> np.ndarray:
    return maps.max(axis=(0, 1, 2)) > 0


def _not_reached_by(case: dict, alive: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Return the channels that are alive in the training and not in the test, whatever is called alive."""
    return _where(alive(case["training"]) & ~alive(case["test"]))


_not_reached = Exercise(
    id="13.not-reached",
    title="Dead, or only not reached?",
    answer="not_reached",
    points=2,
    hints=(
        "Two questions are asked of each channel: does any training picture reach it, and does any test picture?",
        "(maps > 0).any(axis=(0, 1, 2)) says of each channel whether it is above zero anywhere.",
        "Of two arrays of true and false, a & ~b is true where the first holds and the second does not.",
    ),
    solution=(
        "def not_reached(training, test):\n"
        "    in_training = (training > 0).any(axis=(0, 1, 2))\n"
        "    in_test = (test > 0).any(axis=(0, 1, 2))\n"
        "    return np.flatnonzero(in_training & ~in_test)"
    ),
    case=_two_maps_case,
    right=lambda case: _not_reached_by(case, _alive),
    is_function=True,
    mistakes=(
        Mistake(
            "all that are silent in the test",
            "Channels are among them that no training picture reaches either. These are dead, not only not reached.",
            lambda case: _where(~_alive(case["test"])),
        ),
        Mistake(
            "training and test exchanged",
            "These are the channels that the test reaches and the training does not.",
            lambda case: _where(_alive(case["test"]) & ~_alive(case["training"])),
        ),
        Mistake(
            "different in the two",
            "Channels are among them that only the test reaches. Asked for were those that only the training reaches.",
            lambda case: _where(_alive(case["test"]) != _alive(case["training"])),
        ),
        Mistake(
            "dead in both",
            "These are the channels that neither reaches.",
            lambda case: _where(~_alive(case["test"]) & ~_alive(case["training"])),
        ),
        Mistake(
            "exactly zero",
            "A channel that is below zero everywhere in the test is missing: behind a ReLU nothing is left of it.",
            lambda case: _not_reached_by(case, lambda maps: (maps != 0).any(axis=(0, 1, 2))),
        ),
        Mistake(
            "the mean",
            "The mean was taken. A channel with one answer above zero is reached, whatever its mean is.",
            lambda case: _not_reached_by(case, lambda maps: maps.mean(axis=(0, 1, 2)) > 0),
        ),
        Mistake(
            "the first picture only",
            "Only the first picture of each was looked at. Another one may reach the channel.",
            lambda case: _not_reached_by(case, lambda maps: maps[0].max(axis=(0, 1)) > 0),
        ),
        Mistake(
            "weaker in the test",
            "Channels are among them that are only weaker in the test. They are reached.",
            lambda case: _where(case["test"].max(axis=(0, 1, 2)) < case["training"].max(axis=(0, 1, 2))),
        ),
    ),
)

# 13.unusual -----------------------------------------------------------------------------------------------------------

_MEASURES = ("inside", "near above", "near below", "far above", "far below", "the same", "from zero")


def _measures_case(seed: int) -> dict:
    """Measures of several healthy networks, each on a scale of its own, and of one that lies inside, near or far."""
    rng = np.random.default_rng(seed)
    count, more = (3, 0) if rng.random() < 0.4 else (int(rng.integers(4, 6)), 4)
    kinds = rng.permutation([*_MEASURES, *rng.choice(_MEASURES, more)])
    columns = [_measure(kind, 10 ** int(rng.integers(0, 3)), count, rng) for kind in kinds]
    healthy = np.stack([column for column, _ in columns], axis=1)
    return {"healthy": np.round(healthy, 2), "one": np.round([value for _, value in columns], 2)}


def _measure(kind: str, scale: int, count: int, rng: np.random.Generator) -> tuple[np.ndarray, float]:
    """Return what healthy networks give, (count,), and what the one gives."""
    if kind in ("the same", "from zero"):
        return np.zeros(count), 0.0 if kind == "the same" else scale * rng.uniform(0.1, 0.6)
    width = scale * rng.uniform(0.1, 0.3)
    low = scale * rng.uniform(1, 2)
    column = rng.permutation([low, low + width, *rng.uniform(low, low + width, count - 2)])
    away = width * (rng.uniform(0.75, 0.92) if kind.startswith("near") else rng.uniform(1.25, 2.8))
    if kind == "inside":
        return column, low + width * rng.uniform(0.2, 0.8)
    return column, low + width + away if kind.endswith("above") else low - away


def _outside(case: dict, widths: float = 1, above: bool = True, below: bool = True) -> np.ndarray:
    """Return where the one lies outside the healthy range by more than so many of its widths."""
    low, high = case["healthy"].min(axis=0), case["healthy"].max(axis=0)
    room, one = widths * (high - low), case["one"]
    return _where((above & (one > high + room)) | (below & (one < low - room)))


def _by_one_width(case: dict) -> np.ndarray:
    low, high = case["healthy"].min(axis=0), case["healthy"].max(axis=0)
    room = np.ptp(case["healthy"])
    return _where((case["one"] > high + room) | (case["one"] < low - room))


def _as_much(case: dict) -> np.ndarray:
    low, high = case["healthy"].min(axis=0), case["healthy"].max(axis=0)
    return _where((case["one"] >= 2 * high - low) | (case["one"] <= 2 * low - high))


_unusual = Exercise(
    id="13.unusual",
    title="What is unusual?",
    answer="unusual",
    points=3,
    hints=(
        "Each measure has a range of its own in the healthy networks. Over which axis do you find it?",
        "low and high are healthy.min(axis=0) and healthy.max(axis=0), and high - low is the width of each range.",
        "Outside by more than the width is above high + width, or below low - width; | joins the two.",
    ),
    solution=(
        "def unusual(healthy, one):\n"
        "    low, high = healthy.min(axis=0), healthy.max(axis=0)\n"
        "    width = high - low\n"
        "    return np.flatnonzero((one > high + width) | (one < low - width))"
    ),
    case=_measures_case,
    right=_outside,
    is_function=True,
    mistakes=(
        Mistake(
            "outside at all",
            "Measures are among them that lie outside by less than the width. Few healthy networks do not show all "
            "that is normal.",
            lambda case: _outside(case, widths=0),
        ),
        Mistake(
            "above only",
            "What lies far below the healthy ones is missing.",
            lambda case: _outside(case, below=False),
        ),
        Mistake(
            "below only",
            "What lies far above the healthy ones is missing.",
            lambda case: _outside(case, above=False),
        ),
        Mistake(
            "one width for all",
            "One width was taken for all measures. Each is on a scale of its own and has a width of its own.",
            _by_one_width,
        ),
        Mistake(
            "as much as the width",
            "Where all healthy networks give the same, the width is zero, and this number is the same as theirs.",
            _as_much,
        ),
        Mistake(
            "the usual ones",
            "These are the measures that are not unusual.",
            lambda case: np.setdiff1d(np.arange(len(case["one"])), _outside(case)),
        ),
    ),
)

# 13.corner ------------------------------------------------------------------------------------------------------------

_CORNERS = ((0, 0), (0, 1), (1, 0), (1, 1))


def _drops_case(seed: int) -> dict:
    """Maps of drops in which a corner counts for one class, another corner for all, and one picture for itself.

    Of five seeds on end, one at least has each corner for the one that counts for a class.
    """
    rng = np.random.default_rng(seed)
    size, classes, side = (5, 3, 2) if rng.random() < 0.4 else (7, 5, 3)
    count = 2 * classes + int(rng.integers(1, 4))
    labels = rng.permutation(
        np.concatenate([np.arange(classes), np.arange(classes), np.zeros(count - 2 * classes, int)])
    )
    labels = rng.permutation(classes)[labels]
    maps = np.round(rng.normal(0, 0.3, size=(count, size, size)), 1)
    places = rng.permutation(4)
    places = np.roll(places, -int(np.flatnonzero(places == seed % 5 % 4)[0]))
    cuts = [_cut(side, *_CORNERS[place]) for place in places]
    carries, negative, single = rng.permutation(classes)[:3]
    maps[(labels == carries, *cuts[0])] += 2
    maps[(slice(None), *cuts[1])] += 4
    maps[(labels == negative, *cuts[2])] -= 5
    maps[(np.flatnonzero(labels == single)[0], *cuts[3])] += 3.4
    maps[labels == single, size // 2] += 9  # between the corners
    maps[labels == single, :, size // 2] += 9
    maps[:, size // 2, size // 2] += 9
    return {"maps": np.round(maps, 1), "labels": labels, "side": side}


def _cut(side: int, down: int, across: int) -> tuple[slice, slice]:
    return slice(-side, None) if down else slice(0, side), slice(-side, None) if across else slice(0, side)


def _too_wide(side: int, down: int, across: int) -> tuple[slice, slice]:
    return slice(side, None) if down else slice(0, side), slice(side, None) if across else slice(0, side)


def _carried(
    case: dict,
    cut: Callable[[int, int, int], tuple[slice, slice]] = _cut,
    own_too: bool = True,
    above_others: bool = True,
    absolute: bool = False,
    total: bool = False,
    most: bool = False,
) -> list:
    """Return the class and the corner whose drop stands out."""
    classes = np.unique(case["labels"])
    table = np.zeros((len(classes), 4))
    for i, one in enumerate(classes):
        for j, place in enumerate(_CORNERS):
            of_each = case["maps"][(slice(None), *cut(case["side"], *place))].mean(axis=(1, 2))
            own, others = of_each[case["labels"] == one], of_each[case["labels"] != one]
            summary = np.max if most else np.sum if total else np.mean
            table[i, j] = (summary(own) if own_too else 0) - (summary(others) if above_others else 0)
    if absolute:
        table = np.abs(table)
    row, corner = np.unravel_index(table.argmax(), table.shape)
    return [int(classes[row]), *_CORNERS[corner]]


_corner = Exercise(
    id="13.corner",
    title="The corner that carries a class",
    answer="carried_by",
    points=3,
    hints=(
        "A corner that counts for every class carries none of them. With what do you have to compare?",
        "For each class and each corner: the mean over the corner and over the pictures of the class, minus the "
        "same mean over all other pictures. Then the largest difference, with its sign.",
        "maps[:, -side:, :side] is the corner at the bottom left. Keep the best difference so far and where it was.",
    ),
    solution=(
        "def carried_by(maps, labels, side):\n"
        "    best, found = -np.inf, None\n"
        "    for row, down in enumerate([slice(0, side), slice(-side, None)]):\n"
        "        for column, across in enumerate([slice(0, side), slice(-side, None)]):\n"
        "            drops = maps[:, down, across].mean(axis=(1, 2))\n"
        "            for label in np.unique(labels):\n"
        "                above = drops[labels == label].mean() - drops[labels != label].mean()\n"
        "                if above > best:\n"
        "                    best, found = above, [label, row, column]\n"
        "    return found"
    ),
    case=_drops_case,
    right=_carried,
    is_function=True,
    mistakes=(
        Mistake(
            "not compared with the others",
            "The largest mean was taken. That corner counts for all classes, so it cannot tell one of them.",
            lambda case: _carried(case, above_others=False),
        ),
        Mistake(
            "without the sign",
            "The sign was lost. A score that rises when the corner is covered is no drop.",
            lambda case: _carried(case, absolute=True),
        ),
        Mistake(
            "corners that are too wide",
            "A corner at the bottom or at the right begins `side` before the end: -side. From `side` on, it holds "
            "what lies between the corners, too.",
            lambda case: _carried(case, _too_wide),
        ),
        Mistake(
            "where the others lose least",
            "There the other classes lose least. Compare that with what the class itself loses.",
            lambda case: _carried(case, own_too=False),
        ),
        Mistake(
            "a single picture",
            "The largest drop of a single picture was taken. One picture says nothing of its class.",
            lambda case: _carried(case, most=True),
        ),
        Mistake(
            "top and bottom mixed up",
            "The class is right, and the row is the other one: 0 is the top.",
            lambda case: [_carried(case)[0], 1 - _carried(case)[1], _carried(case)[2]],
        ),
        Mistake(
            "left and right mixed up",
            "The class is right, and the column is the other one: 0 is the left.",
            lambda case: [*_carried(case)[:2], 1 - _carried(case)[2]],
        ),
    ),
)

# 13.ward --------------------------------------------------------------------------------------------------------------


def _ward_case(seed: int) -> dict:
    return {"seed": 2 if seed == 0 else 3 + int(np.random.default_rng(seed).integers(99_997))}


_ward = Exercise(
    id="13.ward",
    title="Six networks of your own",
    answer="diagnoses",
    points=6,
    case=_ward_case,
    hints=(
        "Begin with what costs least: the accuracy, the certainty, and one look at the pictures. Then one measure for "
        "each kind, for all six.",
        "A good answer names the kind of each of the six, the number that decides, and the same number of the others. "
        "It says which measures it did not take, and what would change its mind.",
    ),
    solution=(
        "For example, of one of the six of the lesson (yours come in another order): in A 5 of 16 channels of the "
        "first layer answer to none of 500 digits, and in the other five no channel of that layer is dead. Its "
        "accuracy, 91 %, decides nothing: the others have 92 to 95 %. So A is the one with dead channels. I looked "
        "at its corners, too, and no digit loses more there than in the others. I would change my mind if these "
        "channels answered to other digits. (In this way for all six.)"
    ),
)

EXERCISES = (_not_reached, _unusual, _corner, _ward)
