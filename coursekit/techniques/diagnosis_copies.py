"""Pictures that stand in training and test: the same, with noise, or moved by a pixel."""

from __future__ import annotations

import itertools

import numpy as np

from coursekit.pictures import resize
from coursekit.techniques.diagnosis_pass import Seen
from coursekit.techniques.diagnosis_table import Finding, finding, not_measured, widened
from coursekit.techniques.embeddings import nearest_neighbors

_SIDE = 32  # larger pictures are compared at this size
_SMALL = 64  # pixels a side up to which a shift by one pixel is looked for by itself
_CLOSE = 0.5  # of the distance to the next picture


def copies(seen: Seen, test_pictures: np.ndarray | None, right: np.ndarray | None) -> list[Finding]:
    """Return how many test pictures are copies of others.

    Args:
        seen: The network and the pictures it was trained on.
        test_pictures: (M, H, W, C), or None.
        right: Whether each is answered rightly, (M,); None if that is not known.
    """
    name = "pictures in training and test"
    if test_pictures is None:
        return [not_measured(name, "It needs test_pictures, to be compared with the pictures.")]
    if len(seen.batches) > 1 or seen.batches[0].ndim != 4:
        return [not_measured(name, "It compares pictures, and the network takes something else or several of them.")]
    if seen.count < 3:
        return [not_measured(name, f"It needs 3 pictures to compare with, and there are {seen.count}.")]
    nearest, ratio = _nearest(seen.batches[0], test_pictures)
    found = np.flatnonzero(ratio < _CLOSE)
    exact = int((ratio[found] == 0).sum())
    says = (
        f"{len(found)} of {len(test_pictures)} test pictures have a copy among the {seen.count} pictures, {exact} "
        f"of them to the pixel, as it is or moved by one pixel; the others are at most {_CLOSE:g} times as far from it "
        "as from the next."
    )
    if right is not None and 0 < len(found) < len(right):
        rest = np.delete(right, found)
        says += (
            f" Of the copies {right[found].mean():.3f} are answered rightly, of the other pictures {rest.mean():.3f}."
        )
    advice = "Leave them out of the test, or its accuracy is that of the training."
    details = {"test": found, "training": nearest[found], "ratio": ratio}
    normal = widened(name, len(test_pictures))
    return [finding(name, len(found) / len(test_pictures), says, advice, normal=normal, details=details)]


def _nearest(pictures: np.ndarray, tests: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return for each test picture the nearest picture, and how far it is, as a part of the way to the next one."""
    if max(pictures.shape[1:3]) > _SMALL:
        pictures, tests = (resize(several, _SIDE) for several in (pictures, tests))
    height, width = pictures.shape[1:3]
    moves = list(itertools.product((-1, 0, 1), repeat=2)) if min(height, width) > 4 else [(0, 0)]
    edge = 1 if len(moves) > 1 else 0
    inner = np.s_[:, edge : height - edge, edge : width - edge]
    table = pictures[inner].reshape(len(pictures), -1)
    best, second = np.full((2, len(tests)), np.inf)
    index = np.zeros(len(tests), int)
    for down, right in moves:
        moved = tests[:, edge + down : height - edge + down, edge + right : width - edge + right]
        queries = moved.reshape(len(tests), -1)
        found, distances = nearest_neighbors(table, queries, 2)
        exact = (table[found[:, 0]] == queries).all(axis=1)
        distances[exact, 0] = 0  # rounding leaves a little
        for place in (0, 1):
            other, far = found[:, place], distances[:, place]
            nearer = far < best
            changed = nearer & (other != index)
            second = np.where(changed, best, second)
            second = np.where(~nearer & (other != index), np.minimum(second, far), second)
            index, best = np.where(nearer, other, index), np.where(nearer, far, best)
    return index, best / np.where(second > 0, second, 1)
