"""The exercises of lesson 03."""

from __future__ import annotations

import numpy as np

from coursekit.exercises.model import Exercise, Mistake

# 03.two-neighbors -----------------------------------------------------------------------------------------------------


def _nearest_case(seed: int) -> dict:
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(int(rng.integers(30, 60)), 6)) * rng.uniform(0.5, 3, size=(1, 6))
    query = rng.normal(size=6)
    query *= rng.uniform(1.5, 3) / np.linalg.norm(query)
    aside = rng.normal(size=6)
    aside -= query * (aside @ query) / (query @ query)
    one, other = rng.permutation(np.eye(6))[:2]
    features[rng.choice(len(features), 6, replace=False)] = [  # each is the answer to another question
        query + 0.3 * rng.choice([-1, 1]) * rng.uniform(0.8, 1.2, size=6),  # the nearest
        query + 1.2 * one,  # if absolute values are added up
        query + 3 * one - 3 * other,  # if signed ones are
        query * rng.uniform(2, 3) + rng.normal(size=6) * 0.1,  # in the query's direction
        4 * query + 3 * aside * np.linalg.norm(query) / np.linalg.norm(aside),  # the largest product
        -8 * query + rng.normal(size=6),  # the farthest
    ]
    return {"features": features.astype(np.float32), "query": query.astype(np.float32)}


def _distances(case: dict) -> np.ndarray:
    return np.sqrt(((case["features"].astype(np.float64) - case["query"]) ** 2).sum(axis=1))


def _cosines(case: dict) -> np.ndarray:
    features = case["features"].astype(np.float64)
    return features @ case["query"] / np.linalg.norm(features, axis=1)


def _two(case: dict) -> list[int]:
    return [int(_distances(case).argmin()), int(_cosines(case).argmax())]


def _walked(case: dict) -> int:
    return int(np.abs(case["features"] - case["query"]).sum(axis=1).argmin())


_two_neighbors = Exercise(
    id="03.two-neighbors",
    title="Near by distance, near by angle",
    answer="two_neighbors",
    points=2,
    hints=(
        "By distance: subtract the query from every row. How long is each difference? The shortest one is nearest.",
        "By angle: the cosine is the dot product divided by both lengths. The query's length is the same for all rows, "
        "so it changes no order; that of the rows does.",
        "np.linalg.norm(..., axis=1) gives the length of each row. A small distance is near, and so is a large cosine.",
    ),
    solution=(
        "def two_neighbors(features, query):\n"
        "    by_distance = np.linalg.norm(features - query, axis=1).argmin()\n"
        "    cosines = features @ query / np.linalg.norm(features, axis=1)\n"
        "    return [by_distance, cosines.argmax()]"
    ),
    case=_nearest_case,
    right=_two,
    is_function=True,
    mistakes=(
        Mistake(
            "exchanged",
            "The two are exchanged: the first is to be the nearest by distance.",
            lambda case: _two(case)[::-1],
        ),
        Mistake(
            "the largest product",
            "The second row has the largest dot product with the query. A long vector has large products with "
            "everything: divide by its length, and only the angle is left.",
            lambda case: [_two(case)[0], int((case["features"] @ case["query"]).argmax())],
        ),
        Mistake(
            "the smallest cosine",
            "The second row points away from the query. A cosine of 1 is the same direction, and -1 the opposite one.",
            lambda case: [_two(case)[0], int(_cosines(case).argmin())],
        ),
        Mistake(
            "the farthest",
            "The first row lies farthest away.",
            lambda case: [int(_distances(case).argmax()), _two(case)[1]],
        ),
        Mistake(
            "absolute values added up",
            "The first row is the nearest if the absolute differences are added up, as one walks through a city's "
            "blocks. The ordinary distance is the root of the sum of their squares.",
            lambda case: [_walked(case), _two(case)[1]],
        ),
        Mistake(
            "without the square",
            "For the first, differences were added up with their signs, so large ones can cancel out.",
            lambda case: [int(np.abs((case["features"] - case["query"]).sum(axis=1)).argmin()), _two(case)[1]],
        ),
        Mistake(
            "distance twice",
            "Both are the nearest by distance. The angle does not care how long a row is.",
            lambda case: [_two(case)[0]] * 2,
        ),
        Mistake(
            "counted from 1",
            "One too many: rows are counted from 0.",
            lambda case: [number + 1 for number in _two(case)],
        ),
    ),
)

# 03.kept-neighbors ----------------------------------------------------------------------------------------------------


def _kept_case(seed: int) -> dict:
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(int(rng.integers(14, 25)), 5)) * [2, 1.6, 1.2, 0.9, 0.7]
    points = features[:, :2] + rng.normal(size=(len(features), 2)) * 0.3
    return {
        "features": features.astype(np.float32),
        "points": (points * rng.uniform(0.2, 9)).astype(np.float32),
        "k": int(rng.integers(2, 6)),
    }


def _neighbors(vectors: np.ndarray, k: int, itself: bool = False) -> np.ndarray:
    vectors = vectors.astype(np.float64)
    distances = np.linalg.norm(vectors[:, np.newaxis] - vectors, axis=2)
    if not itself:
        np.fill_diagonal(distances, np.inf)
    return distances.argsort(axis=1, kind="stable")[:, :k]


def _both(case: dict, itself: bool = False) -> tuple[np.ndarray, np.ndarray]:
    return _neighbors(case["features"], case["k"], itself), _neighbors(case["points"], case["k"], itself)


def _common(case: dict, itself: bool = False) -> np.ndarray:
    """Return for each picture how many of its neighbours are the same in both spaces."""
    return np.array([len(set(full) & set(flat)) for full, flat in zip(*_both(case, itself), strict=True)])


_kept = Exercise(
    id="03.kept-neighbors",
    title="Does the map keep the neighbours?",
    answer="kept_neighbors",
    points=3,
    hints=(
        "Find the k nearest neighbours of every picture twice: once by features and once by points.",
        "nearest_neighbors(features, features, k, exclude=np.arange(len(features))) gives a row of neighbours for each "
        "picture, without the picture itself.",
        "Go through the pictures one by one. np.isin(row, other_row).mean() is the share of one row that is found in "
        "the other, in whatever order. Return the mean over all pictures.",
    ),
    solution=(
        "def kept_neighbors(features, points, k):\n"
        "    everyone = np.arange(len(features))\n"
        "    full, _ = nearest_neighbors(features, features, k, exclude=everyone)\n"
        "    flat, _ = nearest_neighbors(points, points, k, exclude=everyone)\n"
        "    return np.mean([np.isin(row, other).mean() for row, other in zip(full, flat)])"
    ),
    case=_kept_case,
    right=lambda case: float(_common(case).mean() / case["k"]),
    is_function=True,
    mistakes=(
        Mistake(
            "itself counted",
            "Each picture was counted as its own neighbour, and that one is kept by every map. exclude= leaves it out.",
            lambda case: float(_common(case, itself=True).mean() / case["k"]),
        ),
        Mistake(
            "itself counted, and one more",
            "Among k + 1 neighbours each picture found itself, and that one is kept by every map. exclude= leaves it "
            "out.",
            lambda case: float((_common(case).mean() + 1) / (case["k"] + 1)),
        ),
        Mistake(
            "in the same order",
            "Only neighbours in the same rank were counted. A neighbour is kept even if it was the first and is now "
            "the second.",
            lambda case: float((_both(case)[0] == _both(case)[1]).mean()),
        ),
        Mistake(
            "all rows together",
            "A neighbour counted as kept if it is anybody's neighbour in the map. It must be a neighbour of the same "
            "picture: compare row with row.",
            lambda case: float(np.isin(*_both(case)).mean()),
        ),
        Mistake(
            "a count",
            "That is how many neighbours a picture keeps on average. Asked is the share of the k.",
            lambda case: float(_common(case).mean()),
        ),
        Mistake(
            "those lost",
            "That is the share of neighbours that the map loses.",
            lambda case: 1 - float(_common(case).mean() / case["k"]),
        ),
        Mistake(
            "one is enough",
            "That is the share of pictures that keep at least one neighbour. Asked is the share of the neighbours.",
            lambda case: float((_common(case) > 0).mean()),
        ),
        Mistake(
            "of both together",
            "The common neighbours were divided by all that occur in one space or the other. Asked is the share of "
            "the k in the full space.",
            lambda case: float((_common(case) / (2 * case["k"] - _common(case))).mean()),
        ),
    ),
)

# 03.left-out ----------------------------------------------------------------------------------------------------------


def _left_out_case(seed: int) -> dict:
    rng = np.random.default_rng(seed)
    spread = np.array([4, 2.8, 1.9, 1.2, 0.6]) * rng.uniform(0.9, 1.1, size=5)
    turned = np.linalg.qr(rng.normal(size=(5, 5)))[0]
    features = rng.normal(size=(int(rng.integers(20, 40)), 5)) * spread @ turned + rng.uniform(2, 6, size=5)
    return {"features": features.astype(np.float32), "dims": int(rng.integers(2, 4))}


def _lengths(case: dict, centred: bool = True) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return how long each picture's vector is, how long its shadow, and how long what the shadow leaves out."""
    features = case["features"].astype(np.float64)
    vectors = features - features.mean(axis=0) * centred
    directions = np.linalg.svd(vectors, full_matrices=False)[2][: case["dims"]]
    shadows = vectors @ directions.T @ directions
    return tuple(np.linalg.norm(part, axis=1) for part in (vectors, shadows, vectors - shadows))


def _columns_left_out(case: dict) -> np.ndarray:
    features = case["features"].astype(np.float64)
    return np.linalg.norm((features - features.mean(axis=0))[:, case["dims"] :], axis=1)


_left_out = Exercise(
    id="03.left-out",
    title="What a flat map leaves out",
    answer="left_out",
    points=3,
    hints=(
        "Subtract the mean of each column first, because the map's plane goes through the middle of the cloud.",
        "The rows of np.linalg.svd(centred, full_matrices=False)[2] are the directions, the widest first; each has "
        "length 1.",
        "centred @ directions[:dims].T are the coordinates in the map; times directions[:dims] again they are the "
        "shadow as a vector in the full space. How long is the difference?",
    ),
    solution=(
        "def left_out(features, dims):\n"
        "    centred = features - features.mean(axis=0)\n"
        "    directions = np.linalg.svd(centred, full_matrices=False)[2][:dims]\n"
        "    shadows = centred @ directions.T @ directions\n"
        "    return np.linalg.norm(centred - shadows, axis=1)"
    ),
    case=_left_out_case,
    right=lambda case: _lengths(case)[2],
    is_function=True,
    mistakes=(
        Mistake(
            "not centred",
            "The mean was not subtracted: the first direction then points from zero to the middle of the cloud, and is "
            "not the widest side of it.",
            lambda case: _lengths(case, centred=False)[2],
        ),
        Mistake(
            "the shadow itself",
            "That is how far each shadow lies from the middle: what the map keeps. Asked is what it leaves out.",
            lambda case: _lengths(case)[1],
        ),
        Mistake(
            "the whole distance",
            "That is how far each picture lies from the middle in the full space: kept and left out together.",
            lambda case: _lengths(case)[0],
        ),
        Mistake(
            "a difference of lengths",
            "One length was subtracted from the other. Shadow and rest stand at a right angle, so their squares add "
            "up, not their lengths.",
            lambda case: _lengths(case)[0] - _lengths(case)[1],
        ),
        Mistake("squared", "Those are squares of the distances: the root is missing.", lambda c: _lengths(c)[2] ** 2),
        Mistake(
            "a share",
            "Those are shares of each picture's distance from the middle. Asked are the distances.",
            lambda case: _lengths(case)[2] / _lengths(case)[0],
        ),
        Mistake(
            "the first columns",
            "The first columns were taken for the map. The principal directions are mixtures of all columns.",
            _columns_left_out,
        ),
    ),
)

# 03.islands -----------------------------------------------------------------------------------------------------------

_islands = Exercise(
    id="03.islands",
    title="Two islands",
    answer="islands",
    points=3,
    hints=(
        "What did the map of random numbers show? What changed from seed to seed, and what did not?",
        "A good answer says what the map does and does not show, and names a measurement in the full space.",
    ),
    solution=(
        "For example: in the map the neighbours of each patient are of the same island; whether they are so in the "
        "full space has to be counted there, as in exercise 2. How far apart the islands lie, and how large they are, "
        "says little, because another seed or perplexity changes it. That there are islands at all says little too, "
        "because random numbers give some at a small perplexity. I would compare distances between and within the two "
        "groups in the full space of features, count mixed neighbourhoods there, and draw the map again with other "
        "seeds and perplexities."
    ),
)

EXERCISES = (_two_neighbors, _kept, _left_out, _islands)
