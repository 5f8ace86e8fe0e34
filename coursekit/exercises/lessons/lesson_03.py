"""The exercises of lesson 03."""

from __future__ import annotations

import numpy as np

from coursekit.exercises.model import Exercise, Mistake

# 03.nearest ----------------------------------------------------------------------------------------------------------


def _nearest_case(seed: int) -> dict:
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(int(rng.integers(30, 60)), 6)) * rng.uniform(0.3, 3, size=(1, 6))
    features *= rng.uniform(0.5, 2, size=(len(features), 1))
    return {"features": features.astype(np.float32), "query": rng.normal(size=6).astype(np.float32)}


def _distances(case: dict) -> np.ndarray:
    return np.sqrt(((case["features"].astype(np.float64) - case["query"]) ** 2).sum(axis=1))


def _cosines(case: dict) -> np.ndarray:
    features = case["features"].astype(np.float64)
    return features @ case["query"] / np.linalg.norm(features, axis=1)


_nearest = Exercise(
    id="03.nearest",
    title="The nearest neighbour",
    answer="nearest",
    points=2,
    hints=(
        "Subtract the query from every row. How long is each difference?",
        "The length of a vector is the root of the sum of its squares: np.linalg.norm(..., axis=1).",
        "The nearest row is the one with the smallest length: argmin().",
    ),
    solution=("def nearest(features, query):\n    return int(np.linalg.norm(features - query, axis=1).argmin())"),
    case=_nearest_case,
    right=lambda case: int(_distances(case).argmin()),
    is_function=True,
    mistakes=(
        Mistake(
            "the farthest",
            "That is the row that lies farthest away.",
            lambda case: int(_distances(case).argmax()),
        ),
        Mistake(
            "the largest product",
            "That row has the largest dot product with the query. A long vector has large products with everything: "
            "the product is no distance.",
            lambda case: int((case["features"] @ case["query"]).argmax()),
        ),
        Mistake(
            "without the square",
            "The differences were added up with their signs, so large ones can cancel out.",
            lambda case: int(np.abs((case["features"] - case["query"]).sum(axis=1)).argmin()),
        ),
        Mistake(
            "the smallest angle",
            "That row points most nearly in the query's direction (the cosine). Its length may be quite another. A "
            "good measure too, but distance was asked for.",
            lambda case: int(_cosines(case).argmax()),
        ),
        Mistake(
            "counted from 1",
            "One too many: rows are counted from 0.",
            lambda case: int(_distances(case).argmin()) + 1,
        ),
    ),
)

# 03.found ------------------------------------------------------------------------------------------------------------


def _found_case(seed: int) -> dict:
    rng = np.random.default_rng(seed)
    count = int(rng.integers(12, 20))
    features = rng.normal(size=(count, 4))
    queries = features + rng.normal(size=(count, 4)) * rng.uniform(0.3, 0.5)
    return {"features": features.astype(np.float32), "queries": queries.astype(np.float32)}


def _table(case: dict) -> np.ndarray:
    """Return the distance from each query (row) to each feature (column)."""
    return np.linalg.norm(case["queries"][:, np.newaxis].astype(np.float64) - case["features"], axis=2)


def _hits(case: dict) -> np.ndarray:
    return _table(case).argmin(axis=1) == np.arange(len(case["queries"]))


_found = Exercise(
    id="03.found",
    title="How often the right one is found",
    answer="found",
    points=3,
    hints=(
        "Row i of queries is a changed version of row i of features. When is it found?",
        "nearest_neighbors(features, queries, k=1) gives for each query the row of its nearest feature.",
        "Compare those rows with np.arange(len(queries)) and take the mean of the comparison.",
    ),
    solution=(
        "def found(features, queries):\n"
        "    rows, _ = nearest_neighbors(features, queries, k=1)\n"
        "    return (rows[:, 0] == np.arange(len(queries))).mean()"
    ),
    case=_found_case,
    right=lambda case: float(_hits(case).mean()),
    is_function=True,
    mistakes=(
        Mistake(
            "a count",
            "That is how many were found. Asked is the share, from 0 to 1.",
            lambda case: float(_hits(case).sum()),
        ),
        Mistake(
            "percent", "In percent. Asked is the share, from 0 to 1.", lambda case: 100 * float(_hits(case).mean())
        ),
        Mistake(
            "those not found",
            "That is the share of those that were not found.",
            lambda case: 1 - float(_hits(case).mean()),
        ),
        Mistake(
            "the other way round",
            "You looked for the nearest query of each feature. Asked is the nearest feature of each query, and the "
            "nearest neighbour of my nearest neighbour need not be me.",
            lambda case: float((_table(case).argmin(axis=0) == np.arange(len(case["queries"]))).mean()),
        ),
    ),
)

# 03.variance ---------------------------------------------------------------------------------------------------------


def _variance_case(seed: int) -> dict:
    rng = np.random.default_rng(seed)
    spread = np.sort(rng.uniform(0.3, 4, size=5))[::-1]
    turned = np.linalg.qr(rng.normal(size=(5, 5)))[0]
    features = rng.normal(size=(40, 5)) * spread @ turned + rng.uniform(2, 6, size=5)
    return {"features": features.astype(np.float32), "dims": int(rng.integers(2, 4))}


def _variances(case: dict, centred: bool = True) -> np.ndarray:
    features = case["features"].astype(np.float64)
    return np.linalg.svd(features - features.mean(axis=0) * centred, compute_uv=False) ** 2


def _share(values: np.ndarray, dims: int) -> float:
    return float(values[:dims].sum() / values.sum())


_variance = Exercise(
    id="03.variance",
    title="What a flat map leaves out",
    answer="kept_variance",
    points=3,
    hints=(
        "Subtract the mean of each column first: variance is about the mean.",
        "np.linalg.svd(centred, compute_uv=False) gives a number for each direction, the largest first. Their squares "
        "are in proportion to the variances.",
        "The sum of the first dims squares, divided by the sum of all.",
    ),
    solution=(
        "def kept_variance(features, dims):\n"
        "    centred = features - features.mean(axis=0)\n"
        "    variances = np.linalg.svd(centred, compute_uv=False) ** 2\n"
        "    return variances[:dims].sum() / variances.sum()"
    ),
    case=_variance_case,
    right=lambda case: _share(_variances(case), case["dims"]),
    is_function=True,
    mistakes=(
        Mistake(
            "not centred",
            "The mean was not subtracted: the first direction then points from zero to the middle of the cloud and "
            "seems to explain nearly everything.",
            lambda case: _share(_variances(case, centred=False), case["dims"]),
        ),
        Mistake(
            "not squared",
            "Those are shares of the standard deviations. A variance is their square.",
            lambda case: _share(np.sqrt(_variances(case)), case["dims"]),
        ),
        Mistake(
            "one direction only",
            "Only the last of the directions was counted, not all up to it.",
            lambda case: float(_variances(case)[case["dims"] - 1] / _variances(case).sum()),
        ),
        Mistake(
            "what is lost",
            "That is the share that is lost. Asked is the share that is kept.",
            lambda case: 1 - _share(_variances(case), case["dims"]),
        ),
        Mistake(
            "the first columns",
            "That is the variance of the first columns as they stand. The principal directions are mixtures of all "
            "columns.",
            lambda case: _share(case["features"].astype(np.float64).var(axis=0), case["dims"]),
        ),
    ),
)

# 03.islands ----------------------------------------------------------------------------------------------------------

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
        "For example: the map shows that the neighbours of each picture are mostly of its own island. That the islands "
        "lie far apart, and how large they are, means nothing: another seed or perplexity changes it, and random "
        "numbers give islands too. I would compare distances between and within the two groups in the full space of "
        "features, count mixed neighbourhoods there, and draw the map again with other seeds and perplexities."
    ),
)

EXERCISES = (_nearest, _found, _variance, _islands)
