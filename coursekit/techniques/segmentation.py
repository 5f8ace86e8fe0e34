"""The object that a map points at, cut out of its picture by colour: GrabCut."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import ndimage, sparse
from scipy.sparse.csgraph import breadth_first_order, maximum_flow
from sklearn.mixture import GaussianMixture
from threadpoolctl import threadpool_limits

from coursekit.validation import as_count, as_number, as_pictures

_COLOURS = 5  # normal distributions in each mixture
_EVENNESS = 50.0  # what it costs to part two neighbours of one colour, against one unit of log-likelihood
_UNITS = 100  # the flow is computed in whole numbers: hundredths
_SEED_COST = 10**6
_SHIFTS = ((0, 1), (1, 0), (1, 1), (1, -1))
_MOST_PIXELS = 4000  # to learn a mixture from


def segment(
    map: Any,
    picture: Any,
    foreground: float = 0.95,
    background: float = 0.3,
    blur: float = 3,
    iterations: int = 3,
    seed: int = 0,
) -> np.ndarray:
    """Return which pixels belong to the object that a map points at: GrabCut, begun with the map.

    The strongest pixels of the blurred map are taken for the object, the weakest for what is around it. Two mixtures of
    colours are learnt from them, and the cheapest cut parts the picture, so that pixels of like colours that lie side
    by side go together. Then the mixtures are learnt anew from the two parts.

    The map only says where to begin: the outline comes from the colours. Compare with a cut that begins elsewhere, in
    the middle of the picture, say, before you praise the map. ``intersection_over_union`` compares with an outline
    drawn by hand.

    Papers: Rother, Kolmogorov and Blake, "GrabCut: Interactive Foreground Extraction using Iterated Graph Cuts",
    SIGGRAPH 2004; begun with a saliency map: Simonyan, Vedaldi and Zisserman, 2014, arXiv:1312.6034. The mixtures are
    fitted by expectation maximization, not by hard assignment.

    Args:
        map: (H, W), or (H, W, C) with a sign, of which the largest absolute value over the colours counts, as in the
            paper.
        picture: (H, W, 3), values 0-255, of the same size.
        foreground: Quantile of the map above which pixels surely belong to the object, from 0 to 1.
        background: Quantile below which they surely do not.
        blur: Standard deviation of the Gaussian by which the map is blurred first, in pixels.
        iterations: How many times mixtures are learnt and the picture is cut.
        seed: Where the mixtures begin.

    Returns:
        Boolean (H, W).

    Raises:
        TypeError, ValueError: They are not of one size or hold no finite numbers, the map is the same everywhere, or
            ``background`` is not below ``foreground``.

    Example:
        >>> import numpy as np
        >>> from coursekit import segment
        >>> picture = np.full((20, 20, 3), 40.0)
        >>> picture[5:15, 5:15] = 200
        >>> map = np.zeros((20, 20))
        >>> map[8:12, 8:12] = 1
        >>> mask = segment(map, picture, blur=0)
        >>> int(mask.sum()), bool(mask[5:15, 5:15].all())
        (100, True)
    """
    colours, values = _checked(map, picture)
    as_number(foreground, "foreground", most=1)
    if as_number(background, "background", most=1) >= foreground:
        raise ValueError(f"background must be below foreground, but {background} is not below {foreground}.")
    iterations, seed = as_count(iterations, "iterations"), as_count(seed, "seed", 0)
    values = ndimage.gaussian_filter(values, as_number(blur, "blur"))
    high, low = np.quantile(values, [foreground, background])
    if not low < values.max():
        raise ValueError("The map is the same nearly everywhere, so it points at nothing.")
    outside = values <= low
    inside = (values >= high) & ~outside
    # Of a map that is zero nearly everywhere the weakest are no longer few: they are where to begin, but not for sure.
    surely, surely_not = inside, outside & (outside.mean() <= background + 0.05)
    neighbours = _neighbours(colours)
    for _ in range(iterations):
        costs = [_cost(colours, part, seed) for part in (inside, outside)]
        mask = _cut(costs[1] - costs[0], surely, surely_not, neighbours)
        inside, outside = mask, ~mask
    return mask


def _checked(map: Any, picture: Any) -> tuple[np.ndarray, np.ndarray]:
    flat = np.ndim(map) == 2
    values, one = as_pictures(np.asarray(map)[..., np.newaxis] if flat else map, "map", "numbers")
    colours, alone = as_pictures(picture, "picture")
    if not (one and alone):
        raise ValueError("segment takes one picture and one map at a time.")
    if values.shape[1:3] != colours.shape[1:3]:
        raise ValueError(
            f"The map is {values.shape[1:3]}, but the picture {colours.shape[1:3]}; they must be of one size."
        )
    values = values[0].astype(np.float64)
    return colours[0].astype(np.float64), values[..., 0] if flat else np.abs(values).max(axis=-1)


def _cost(colours: np.ndarray, part: np.ndarray, seed: int) -> np.ndarray:
    """Return how unlikely the colour of each pixel is in a part: minus the logarithm of its density, (H, W)."""
    pixels = colours[part]
    pixels = pixels[np.random.default_rng(seed).permutation(len(pixels))[:_MOST_PIXELS]]
    count = min(_COLOURS, len(np.unique(pixels, axis=0)))
    mixture = GaussianMixture(count, reg_covar=1.0, max_iter=30, tol=1e-2, random_state=seed)
    with threadpool_limits(1):  # the matrices are so small that several threads would only wait for each other
        return -mixture.fit(pixels).score_samples(colours.reshape(-1, colours.shape[-1])).reshape(colours.shape[:2])


def _neighbours(colours: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return pairs of neighbours and what it costs to part them: little where the colours differ."""
    height, width = colours.shape[:2]
    number = np.arange(height * width).reshape(height, width)
    ends, differences, lengths = [], [], []
    for down, right in _SHIFTS:
        here = (slice(0, height - down), slice(max(-right, 0), width - max(right, 0)))
        there = (slice(down, height), slice(max(right, 0), width + min(right, 0)))
        ends.append(np.stack([number[here].ravel(), number[there].ravel()]))
        differences.append(((colours[here] - colours[there]) ** 2).sum(-1).ravel())
        lengths.append(np.full(differences[-1].size, np.hypot(down, right)))
    (one, other), difference = np.concatenate(ends, axis=1), np.concatenate(differences)
    cost = _EVENNESS / np.concatenate(lengths) * np.exp(-difference / max(2 * difference.mean(), 1e-9))
    return one, other, np.rint(_UNITS * cost)


def _cut(gain: np.ndarray, surely: np.ndarray, surely_not: np.ndarray, neighbours: tuple) -> np.ndarray:
    """Return the part on the object's side of the cheapest cut; ``gain`` is how much likelier each pixel is there."""
    one, other, cost = neighbours
    pull = np.clip(np.rint(_UNITS * gain), -_SEED_COST, _SEED_COST)
    pull = np.where(surely, _SEED_COST, np.where(surely_not, -_SEED_COST, pull)).ravel()
    count, pixels = pull.size, np.arange(pull.size)
    source, sink = count, count + 1
    rows = np.concatenate([one, other, np.full(count, source), pixels])
    columns = np.concatenate([other, one, pixels, np.full(count, sink)])
    capacities = np.concatenate([cost, cost, np.maximum(pull, 0), np.maximum(-pull, 0)]).astype(np.int32)
    graph = sparse.csr_array((capacities, (rows, columns)), shape=(count + 2, count + 2))
    graph.eliminate_zeros()
    left = graph - maximum_flow(graph, source, sink).flow
    left.eliminate_zeros()
    reached = breadth_first_order(left, source, return_predecessors=False)
    mask = np.zeros(count + 2, bool)
    mask[reached] = True
    return mask[:count].reshape(gain.shape)
