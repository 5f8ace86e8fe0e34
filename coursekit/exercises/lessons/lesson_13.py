"""The exercises of lesson 13."""

from __future__ import annotations

import numpy as np

from coursekit.exercises.model import Exercise, Mistake

# 13.dead-channels -----------------------------------------------------------------------------------------------------


def _maps_case(seed: int) -> dict:
    """Channels that are dead (at zero, or below it), silent in one picture, nearly silent, or alive."""
    rng = np.random.default_rng(seed)
    pictures, size, count = (2, 2, 7) if rng.random() < 0.4 else (3, 3, 9)
    maps = np.round(rng.uniform(0.1, 3, size=(pictures, size, size, count)), 1) * rng.choice(
        [0, 1], size=(pictures, size, size, 1)
    )
    maps[:, 0, 0] = np.round(rng.uniform(0.5, 3, size=(pictures, count)), 1)
    kinds = rng.permutation(
        ["zero", "zero", "below", "first", "last", "once", "alive", *["zero", "alive"][: count - 7]]
    )
    for channel, kind in enumerate(kinds):
        if kind == "zero":
            maps[..., channel] = 0
        elif kind == "below":
            maps[..., channel] = -maps[..., channel] - 0.5
        elif kind in ("first", "last"):
            maps[0 if kind == "first" else -1, ..., channel] = 0
        elif kind == "once":  # alive at one place of one picture, and below zero elsewhere
            place = tuple(rng.integers(0, (pictures, size, size)))
            maps[..., channel] = -1
            maps[(*place, channel)] = 0.2
    return {"maps": maps}


def _where(channels: np.ndarray) -> np.ndarray:
    return np.flatnonzero(channels)


_dead_channels = Exercise(
    id="13.dead-channels",
    title="Which channels are dead?",
    answer="dead_channels",
    points=2,
    hints=(
        "A channel that answers at one place of one picture is alive. Over which axes do you have to look?",
        "maps.max(axis=(0, 1, 2)) gives the largest answer of each channel, over all pictures and places.",
        "np.flatnonzero(... <= 0) gives the channels for which this is not above zero.",
    ),
    solution=(
        "def dead_channels(maps):\n    largest = maps.max(axis=(0, 1, 2))\n    return np.flatnonzero(largest <= 0)"
    ),
    case=_maps_case,
    right=lambda case: _where(case["maps"].max(axis=(0, 1, 2)) <= 0),
    is_function=True,
    mistakes=(
        Mistake(
            "silent in the first picture",
            "That looks at the first picture only. A channel may wait for something that another picture shows.",
            lambda case: _where(case["maps"][0].max(axis=(0, 1)) <= 0),
        ),
        Mistake(
            "silent in some picture",
            "Channels that are silent in one picture were counted too. Dead is a channel that answers to none.",
            lambda case: _where((case["maps"].max(axis=(1, 2)) <= 0).any(axis=0)),
        ),
        Mistake(
            "exactly zero",
            "A channel that is below zero everywhere is missing: behind a ReLU nothing is left of it either.",
            lambda case: _where((case["maps"] == 0).all(axis=(0, 1, 2))),
        ),
        Mistake(
            "the mean",
            "The mean was taken. A channel with one answer above zero is alive, whatever its mean is.",
            lambda case: _where(case["maps"].mean(axis=(0, 1, 2)) <= 0),
        ),
        Mistake(
            "a zero somewhere",
            "Channels that are zero or below at some place were counted. That is normal for a channel that is alive.",
            lambda case: _where(case["maps"].min(axis=(0, 1, 2)) <= 0),
        ),
        Mistake(
            "the channels that are alive",
            "These are the channels that are alive.",
            lambda case: _where(case["maps"].max(axis=(0, 1, 2)) > 0),
        ),
    ),
)

# 13.contradicted ------------------------------------------------------------------------------------------------------


def _neighbours_case(seed: int) -> dict:
    """Groups of points far from each other, in which some labels are those of another group."""
    rng = np.random.default_rng(seed)
    each, k = (4, 3) if rng.random() < 0.4 else (8, [3, 5][rng.integers(2)])
    centres = rng.permutation(np.array([[0, 0], [20, 3], [4, 25]]))
    labels = np.repeat(rng.permutation(10)[:3], each)
    features = np.repeat(centres, each, axis=0) + np.round(rng.uniform(-3, 3, size=(3 * each, 2)), 1)
    order = rng.permutation(len(labels))
    features, labels = features[order], labels[order]
    for one in rng.choice(len(labels), len(labels) // 3, replace=False):
        labels[one] = rng.choice([label for label in np.unique(labels) if label != labels[one]])
    return {"features": features, "labels": labels, "k": k}


def _share_of_foreign(case: dict, itself: bool = False, farthest: bool = False, angle: bool = False) -> np.ndarray:
    """Return for each picture the share of its neighbours with another label."""
    features, labels, k = case["features"], case["labels"], case["k"]
    distances = np.linalg.norm(features[:, np.newaxis] - features, axis=2)
    if angle:
        lengths = np.linalg.norm(features, axis=1)
        distances = 1 - features @ features.T / np.outer(lengths, lengths)
    if farthest:
        distances = -distances
    if not itself:
        np.fill_diagonal(distances, np.inf)
    rows = np.argsort(distances, axis=1, kind="stable")[:, :k]
    return (labels[rows] != labels[:, np.newaxis]).mean(axis=1)


_contradicted = Exercise(
    id="13.contradicted",
    title="Labels that their neighbours contradict",
    answer="contradicted",
    points=3,
    hints=(
        "A picture is its own nearest neighbour. Does it say anything about its own label?",
        "nearest_neighbors(features, features, k, exclude=np.arange(len(features))) gives the numbers of the k "
        "nearest, a row for each picture, and their distances.",
        "labels[rows] != labels[:, np.newaxis] says of each neighbour whether it contradicts; "
        ".mean(axis=1) > 0.5 means: more than half.",
    ),
    solution=(
        "def contradicted(features, labels, k):\n"
        "    others = np.arange(len(features))\n"
        '    rows, _ = nearest_neighbors(features, features, k, "euclidean", exclude=others)\n'
        "    foreign = (labels[rows] != labels[:, np.newaxis]).mean(axis=1)\n"
        "    return np.flatnonzero(foreign > 0.5)"
    ),
    case=_neighbours_case,
    right=lambda case: _where(_share_of_foreign(case) > 0.5),
    is_function=True,
    mistakes=(
        Mistake(
            "itself among its neighbours",
            "Each picture was among its own neighbours, where it always agrees with itself. Leave it out.",
            lambda case: _where(_share_of_foreign(case, itself=True) > 0.5),
        ),
        Mistake(
            "one neighbour is enough",
            "Pictures were named of which a single neighbour has another label. More than half must have one.",
            lambda case: _where(_share_of_foreign(case) > 0),
        ),
        Mistake(
            "all of them",
            "Only pictures were named of which all neighbours have another label. More than half is enough.",
            lambda case: _where(_share_of_foreign(case) >= 1),
        ),
        Mistake(
            "the farthest",
            "These are the farthest pictures, not the nearest.",
            lambda case: _where(_share_of_foreign(case, farthest=True) > 0.5),
        ),
        Mistake(
            "the agreeing ones",
            "These are the pictures that their neighbours agree with.",
            lambda case: _where(_share_of_foreign(case) <= 0.5),
        ),
        Mistake(
            "by the angle",
            "The neighbours were taken by the angle. The distance was asked for.",
            lambda case: _where(_share_of_foreign(case, angle=True) > 0.5),
        ),
    ),
)

# 13.corner ------------------------------------------------------------------------------------------------------------

_CORNERS = ((0, 0), (0, 1), (1, 0), (1, 1))


def _drops_case(seed: int) -> dict:
    """Maps of drops in which a corner counts for one class, another corner for all, and one picture for itself."""
    rng = np.random.default_rng(seed)
    size, classes, side = (5, 3, 2) if rng.random() < 0.4 else (7, 5, 3)
    count = 2 * classes + int(rng.integers(1, 4))
    labels = rng.permutation(
        np.concatenate([np.arange(classes), np.arange(classes), np.zeros(count - 2 * classes, int)])
    )
    labels = rng.permutation(classes)[labels]
    maps = np.round(rng.normal(0, 0.3, size=(count, size, size)), 1)
    places = rng.permutation(4)
    cuts = [_cut(side, *_CORNERS[place]) for place in places]
    carries, negative, single = rng.permutation(classes)[:3]
    maps[(labels == carries, *cuts[0])] += 2
    maps[(slice(None), *cuts[1])] += 4
    maps[(labels == negative, *cuts[2])] -= 5
    maps[(np.flatnonzero(labels == single)[0], *cuts[3])] += 3.4
    maps[:, size // 2, size // 2] += 9
    return {"maps": np.round(maps, 1), "labels": labels, "side": side}


def _cut(side: int, down: int, across: int) -> tuple[slice, slice]:
    return slice(-side, None) if down else slice(0, side), slice(-side, None) if across else slice(0, side)


def _carried(
    case: dict, above_others: bool = True, absolute: bool = False, total: bool = False, most: bool = False
) -> list:
    """Return the class and the corner whose drop stands out."""
    classes = np.unique(case["labels"])
    table = np.zeros((len(classes), 4))
    for i, one in enumerate(classes):
        for j, place in enumerate(_CORNERS):
            of_each = case["maps"][(slice(None), *_cut(case["side"], *place))].mean(axis=(1, 2))
            own, others = of_each[case["labels"] == one], of_each[case["labels"] != one]
            summary = np.max if most else np.sum if total else np.mean
            table[i, j] = summary(own) - (summary(others) if above_others else 0)
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
        "For example, of one of the six: in A 5 of 16 channels of the first layer answer to none of 500 digits, and "
        "in the other five none does so. Its accuracy is as high as theirs. So A is the one with dead channels. I "
        "looked at its corners, too, and no digit loses more there than in the others. I would change my mind if these "
        "channels answered to other digits. (In this way for all six.)"
    ),
)

EXERCISES = (_dead_channels, _contradicted, _corner, _ward)
