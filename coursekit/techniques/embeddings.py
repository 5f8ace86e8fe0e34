"""Which pictures are alike: neighbours in a space of features, and maps of that space in two dimensions.

Features are vectors, one for each picture: (N, D). ``feature_vectors`` makes them of pictures and of activations.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE
from sklearn.neighbors import KNeighborsRegressor, NearestNeighbors
from threadpoolctl import threadpool_limits

from coursekit.validation import as_count, as_index, as_maps, nearest, refuse_stack

METRICS = ("euclidean", "cosine")
STARTS = ("pca", "random")
_COMPONENTS = 50  # that t-SNE gets to see, as van der Maaten and Hinton did


def feature_vectors(activation: Any, average: bool = False) -> np.ndarray:
    """Return pictures or activations as vectors that can be compared.

    Args:
        activation: (N, H, W, C), or (H, W, C) for one picture. Vectors, (N, D) or (D,), come back as they are.
        average: False: every place of every channel is a number of its own, (N, H * W * C). Two pictures are alike if
            they have the same things at the same places. True: the mean of each channel over all places, (N, C).
            What is in the picture counts, where it is does not.

    Returns:
        float32 (N, D), or (D,) for one picture.

    Raises:
        TypeError, ValueError: ``activation`` holds no finite numbers of such a shape.

    Example:
        >>> import numpy as np
        >>> from coursekit import feature_vectors
        >>> feature_vectors(np.ones((5, 4, 4, 3))).shape, feature_vectors(np.ones((5, 4, 4, 3)), average=True).shape
        ((5, 48), (5, 3))
    """
    if np.ndim(activation) in (1, 2):
        vectors = _as_vectors(activation, "activation")
        return vectors[0] if np.ndim(activation) == 1 else vectors
    refuse_stack(activation, "activation")
    batch, alone = as_maps(activation)
    batch = batch.astype(np.float32, copy=False)
    vectors = batch.mean(axis=(1, 2)) if average else batch.reshape(len(batch), -1)
    return vectors[0] if alone else vectors


def nearest_neighbors(
    features: Any, queries: Any, k: int = 5, metric: str = "euclidean", exclude: Any = None
) -> tuple[np.ndarray, np.ndarray]:
    """Return the features that lie nearest to each query.

    Nothing is left out unasked: a query that is itself one of the features finds itself first, at distance 0 (up to
    rounding: about a millionth of its length). ``exclude`` leaves it out, by its row; equal copies of it stay.

    Every query is compared with every feature (scikit-learn's brute force), so the answer is exact. Among 20,000
    features of length 512 one query takes 16 ms on two cores, 1,000 together 0.4 s. An index such as FAISS's HNSW takes
    6 s to build there and misses one or two of ten neighbours: it pays from millions of features on.

    Args:
        features: (N, D) finite numbers.
        queries: (M, D), or (D,) for one.
        k: How many neighbours, from 1 to N (N - 1 with ``exclude``).
        metric: "euclidean", or "cosine": 1 - cosine of the angle, from 0 to 2, for which length does not matter. A
            vector of zeros has no direction; its cosine distance to any other counts as 1.
        exclude: For each query the row of ``features`` that is not to be found, such as its own: (M,), or one index
            for one query. ``nearest_neighbors(features, features, k, exclude=range(len(features)))`` gives everyone's
            neighbours among the others.

    Returns:
        Indices into ``features``, int64, and distances, float32, nearest first: (M, k), or (k,) for one query.

    Raises:
        TypeError: ``features`` or ``queries`` hold no numbers, or ``k`` or ``exclude`` are no whole numbers.
        ValueError: The shapes do not fit, ``k`` is out of range, or the metric is unknown.

    Example:
        >>> from coursekit import nearest_neighbors
        >>> indices, distances = nearest_neighbors([[0, 0], [3, 4], [9, 9]], queries=[0, 1], k=2)
        >>> indices.tolist(), distances.round(2).tolist()
        ([0, 1], [1.0, 4.239999771118164])
    """
    table = _as_vectors(features, "features", alone=False)
    asked = _as_queries(queries, table)
    if metric not in METRICS:
        raise ValueError(f"There is no metric {metric!r}. {nearest(metric, METRICS)}")
    rows = _as_rows(exclude, len(asked), len(table))
    k = as_count(k, "k", 1, len(table) - (rows is not None), "features" if rows is None else "other features")
    if metric == "euclidean":  # for float32, scikit-learn takes buffers for 256 rows on each core: 1.3 GB for 32 photos
        table = table.astype(np.float64)
        asked = table if queries is features else asked.astype(np.float64)
    search = NearestNeighbors(n_neighbors=k + (rows is not None), metric=metric, algorithm="brute").fit(table)
    distances, indices = search.kneighbors(asked)
    if rows is not None:
        excluded = indices == rows[:, np.newaxis]
        excluded[~excluded.any(axis=1), -1] = True  # not among them: the one too many is the last
        distances, indices = (found[~excluded].reshape(-1, k) for found in (distances, indices))
    alone = np.ndim(queries) == 1
    indices, distances = indices.astype(np.int64), distances.astype(np.float32)
    return (indices[0], distances[0]) if alone else (indices, distances)


def principal_components(features: Any, dims: int = 2) -> PCA:
    """Return scikit-learn's PCA, fitted: the directions in which the features vary most.

    ``.transform(others)`` places other pictures in the same map, exactly; ``.explained_variance_ratio_`` says how much
    of the variance each direction holds.

    Args:
        features: (N, D) finite numbers.
        dims: How many directions, from 1 to the smaller of N and D.

    Raises:
        TypeError, ValueError: ``features`` are no vectors of finite numbers, or ``dims`` is out of range.

    Example:
        >>> from coursekit import principal_components
        >>> found = principal_components([[0, 0], [2, 0.1], [4, 0], [6, 0.1]], dims=1)
        >>> found.explained_variance_ratio_ > 0.99
        array([ True])
    """
    table = _as_vectors(features, "features", alone=False)
    dims = as_count(dims, "dims", 1, min(table.shape), "directions at most, the smaller side of features")
    return PCA(dims, random_state=0).fit(table)


def pca(features: Any, dims: int = 2) -> np.ndarray:
    """Return the features projected onto the directions in which they vary most.

    Args:
        features: (N, D) finite numbers.
        dims: How many directions, from 1 to the smaller of N and D.

    Returns:
        float32 (N, dims), the mean of all at 0.

    Raises:
        TypeError, ValueError: As ``principal_components``.

    Example:
        >>> import numpy as np
        >>> from coursekit import pca
        >>> pca(np.random.default_rng(0).normal(size=(10, 5))).shape
        (10, 2)
    """
    table = _as_vectors(features, "features", alone=False)
    return principal_components(table, dims).transform(table).astype(np.float32, copy=False)


def tsne(features: Any, perplexity: float = 30, seed: int = 0, start: str = "pca") -> np.ndarray:
    """Return a map in which near neighbours stay near: t-SNE (van der Maaten and Hinton 2008).

    Only nearness means something. How far apart two groups lie, and how large a group is drawn, says little; maps
    with other perplexities and seeds show what stays. The features are reduced to their 50 strongest principal
    components first, and the map begins with the first two, unless a random start is asked for. 5,000 digits take
    about 16 s on two cores that have nothing else to do.

    Args:
        features: (N, D) finite numbers, at least two columns.
        perplexity: About how many neighbours each picture has, from 1 to below N; usual are 5 to 50.
        seed: The same seed gives the same map.
        start: Where the points begin: "pca", or "random", as in many programs: then each seed gives another map.

    Returns:
        float32 (N, 2).

    Raises:
        TypeError: ``features`` hold no numbers, or ``perplexity`` or ``seed`` is no number.
        ValueError: ``features`` are no vectors or all the same, ``perplexity`` or ``seed`` is out of range, or
            there is no such start.

    Example:
        >>> import numpy as np
        >>> from coursekit import tsne
        >>> tsne(np.random.default_rng(0).normal(size=(12, 5)), perplexity=3).shape
        (12, 2)
    """
    table = _as_vectors(features, "features", alone=False)
    count, length = table.shape
    if count < 3 or length < 2:
        raise ValueError(
            f"features must hold at least 3 vectors of at least 2 numbers for a map, not {count} of {length}."
        )
    if not isinstance(perplexity, (int, float, np.number)) or isinstance(perplexity, bool):
        raise TypeError(f"perplexity must be a number, not {perplexity!r}; 30 is usual.")
    if not 1 <= perplexity < count:
        raise ValueError(
            f"perplexity must be from 1 to below the number of features, {count}, not {perplexity:g}; "
            f"{min(30, count // 3)} would do."
        )
    seed = as_index(seed, 2**32, "seed")
    if start not in STARTS:
        raise ValueError(f"There is no start {start!r}. {nearest(start, STARTS)}")
    if (table == table[0]).all():
        raise ValueError("All features are the same, so there is nothing to make a map of.")
    # In double precision: what threads add up in another order would grow, in a thousand steps, into another map.
    table = table.astype(np.float64)
    centred = table - table.mean(axis=0)
    spread = np.abs(centred).max()
    if not 1e-6 < spread < 1e6 or np.abs(table).max() > 1e6 * spread:
        table = centred / spread  # scikit-learn squares in single precision; a map does not depend on the scale
    if length > _COMPONENTS:
        table = PCA(min(_COMPONENTS, count), random_state=0).fit_transform(table)
    method = TSNE(perplexity=float(perplexity), init=start, learning_rate="auto", random_state=seed)
    # With few points, threads on a busy machine wait for each other a hundred times as long as they compute.
    with threadpool_limits(1 if count < 1500 else None, "openmp"):
        return method.fit_transform(table).astype(np.float32, copy=False)


def place_in_map(positions: Any, features: Any, queries: Any, k: int = 5) -> np.ndarray:
    """Return where new pictures belong in a map that exists already.

    A new picture is put at the mean of the map positions of its k nearest neighbours in the space of features, weighted
    with 1 / distance. This is no t-SNE: the map stays as it is, and takes no notice. A picture between two groups lands
    in the empty space between them, and one that is like none of the others gets a place too, so look at its distances.
    A picture that is in the map already lands on its own place. For a map made by ``pca`` there is an exact way:
    ``principal_components(features).transform(queries)``.

    Args:
        positions: (N, dims), the map.
        features: (N, D), what the map was made of.
        queries: (M, D), or (D,) for one.
        k: How many neighbours, from 1 to N.

    Returns:
        float32 (M, dims), or (dims,) for one query.

    Raises:
        TypeError, ValueError: As ``nearest_neighbors``; or there are not as many positions as features.

    Example:
        >>> from coursekit import place_in_map
        >>> place_in_map(positions=[[0, 0], [1, 0]], features=[[0, 0], [0, 2]], queries=[0, 1], k=2)
        array([0.5, 0. ], dtype=float32)
    """
    table = _as_vectors(features, "features", alone=False)
    places = _as_vectors(positions, "positions", alone=False)
    if len(places) != len(table):
        raise ValueError(f"There are {len(places)} positions but {len(table)} features; give one position for each.")
    asked = _as_queries(queries, table)
    k = as_count(k, "k", 1, len(table), "features")
    placed = KNeighborsRegressor(k, weights="distance", algorithm="brute").fit(table, places).predict(asked)
    return (placed[0] if np.ndim(queries) == 1 else placed).astype(np.float32, copy=False)


def _as_vectors(values: Any, name: str, alone: bool = True) -> np.ndarray:
    """Return vectors as float32 (N, D)."""
    takes = "(number, length)" + (" or (length,)" if alone else "")
    try:
        array = np.asarray(values)
    except ValueError:
        raise ValueError(f"{name} must all have one length.") from None
    if not (np.issubdtype(array.dtype, np.number) or array.dtype == bool) or np.iscomplexobj(array):
        raise TypeError(f"{name} must be an array of real numbers, not {array.dtype}.")
    if array.ndim in (3, 4):
        raise ValueError(
            f"{name} must be vectors, {takes}, not {array.shape}; feature_vectors(...) makes them of pictures and of "
            "activations."
        )
    if array.ndim != 2 and not (alone and array.ndim == 1):
        raise ValueError(f"{name} must be vectors, {takes}, not {array.shape}.")
    if array.size == 0:
        raise ValueError(f"{name} is empty: its shape is {array.shape}.")
    with np.errstate(over="ignore"):  # too large for float32: infinity, which is refused here
        array = np.atleast_2d(array).astype(np.float32, copy=False)
    if not np.isfinite(array).all():
        raise ValueError(f"{name} holds NaN or infinity, but must hold finite numbers only.")
    return array


def _as_queries(queries: Any, table: np.ndarray) -> np.ndarray:
    asked = _as_vectors(queries, "queries")
    if asked.shape[1] != table.shape[1]:
        raise ValueError(
            f"queries have length {asked.shape[1]}, but features have length {table.shape[1]}; make both by the same "
            "layer and in the same way."
        )
    return asked


def _as_rows(exclude: Any, queries: int, features: int) -> np.ndarray | None:
    if exclude is None:
        return None
    rows = [exclude] if np.ndim(exclude) == 0 else list(exclude)
    if len(rows) != queries:
        raise ValueError(f"exclude names {len(rows)} rows, but there are {queries} queries; give one row for each.")
    return np.array([as_index(row, features, "row to exclude") for row in rows])
