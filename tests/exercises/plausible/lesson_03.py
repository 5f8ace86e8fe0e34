"""Wrong functions for lesson 03, none of them a usual mistake, as people write them; each takes a case by name."""

import numpy as np


def _left_out(features, dims):
    vectors = features - features.mean(axis=0)
    directions = np.linalg.svd(vectors, full_matrices=False)[2][:dims]
    return np.linalg.norm(vectors - vectors @ directions.T @ directions, axis=1)


def _neighbors(vectors, k):
    distances = np.linalg.norm(vectors[:, None] - vectors, axis=2)
    np.fill_diagonal(distances, np.inf)
    return distances.argsort(axis=1)[:, :k]


def _kept(features, points, k):
    pairs = zip(_neighbors(features, k), _neighbors(points, k), strict=True)
    return float(np.mean([np.isin(one, other).mean() for one, other in pairs]))


PLAUSIBLE = {
    "03.two-neighbors": {
        "first column": lambda features, query: [int(np.abs(features - query)[:, 0].argmin())] * 2,
        "shortest": lambda features, query: [int(np.linalg.norm(features, axis=1).argmin())] * 2,
        "length alike": lambda features, query: [
            int(np.abs(np.linalg.norm(features, axis=1) - np.linalg.norm(query)).argmin()),
            int((features @ query).argmax()),
        ],
        "the numbers themselves": lambda features, query: [
            float(np.linalg.norm(features - query, axis=1).min()),
            float((features @ query / np.linalg.norm(features, axis=1)).max()),
        ],
        "second": lambda features, query: [
            int(np.linalg.norm(features - query, axis=1).argsort()[1]),
            int((features @ query / np.linalg.norm(features, axis=1)).argsort()[-2]),
        ],
        "along the wrong axis": lambda features, query: [int(np.linalg.norm(features - query, axis=0).argmin())] * 2,
        "one of both": lambda features, query: int(np.linalg.norm(features - query, axis=1).argmin()),
    },
    "03.kept-neighbors": {
        "all of them": lambda features, points, k: 1.0,
        "k of so many": lambda features, points, k: k / len(features),
        "nearest only": lambda features, points, k: float(
            np.mean(_neighbors(features, 1)[:, 0] == _neighbors(points, 1)[:, 0])
        ),
        "one more": lambda features, points, k: _kept(features, points, k + 1),
        "one less": lambda features, points, k: _kept(features, points, k - 1),
        "first two columns": lambda features, points, k: _kept(features, features[:, :2], k),
        "squared": lambda features, points, k: _kept(features, points, k) ** 2,
    },
    "03.left-out": {
        "one direction more": lambda features, dims: _left_out(features, dims + 1),
        "one direction less": lambda features, dims: _left_out(features, dims - 1),
        "squared": lambda features, dims: _left_out(features, dims) ** 2,
        "all together": lambda features, dims: float(_left_out(features, dims).sum()),
        "the first directions": lambda features, dims: _left_out(features, 0) - _left_out(features, dims),
        "largest first": lambda features, dims: np.sort(_left_out(features, dims))[::-1],
        "percent": lambda features, dims: 100 * _left_out(features, dims),
    },
}
