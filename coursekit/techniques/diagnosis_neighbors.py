"""What a diagnosis says of neighbours: errors, labels, tests of another kind, copies of training pictures in them."""

from __future__ import annotations

import hashlib
import itertools

import numpy as np

from coursekit.pictures import resize
from coursekit.techniques.diagnosis_pass import NO_LABELS, Seen, spread
from coursekit.techniques.diagnosis_table import Finding, finding, not_measured, widened
from coursekit.techniques.embeddings import feature_vectors, nearest_neighbors

_SIDE = 32  # larger pictures are compared at this size
_CLOSE = 0.5  # of the distance to the next picture

ERRORS = ("errors away from borders",)
LABELS = ("labels that neighbours contradict",)
APART = ("test pictures apart from the others",)
COPIES = ("pictures in training and test",)
_NEIGHBORS, _MOST = 10, 8


def errors(seen: Seen, tests: Seen | None) -> list[Finding]:
    """Return how many of a wrong answer's neighbours are neither of its own nor of the answered class.

    Judged are wrong answers between classes that could fill the neighbourhood.
    """
    (name,) = ERRORS
    asked = tests or seen
    if why := ("" if seen.labels is not None and asked.labels is not None else NO_LABELS) or _no_map(seen, asked):
        return [not_measured(name, why)]
    if seen.count < 5 * _NEIGHBORS:
        return [not_measured(name, f"It needs {5 * _NEIGHBORS} pictures as neighbours, and there are {seen.count}.")]
    if len(np.unique(seen.labels)) < 3:
        return [not_measured(name, "It needs three classes: of two, each neighbour is of the own or the answered one.")]
    answers = asked.outputs.argmax(axis=1)
    many = np.bincount(seen.labels, minlength=asked.outputs.shape[1]) > _NEIGHBORS
    wrong = np.flatnonzero((answers != asked.labels) & many[answers] & many[asked.labels])
    what = f"wrong answers between classes of more than {_NEIGHBORS} pictures each"
    if len(wrong) < 10:
        return [not_measured(name, f"It needs 10 {what}, and there are {len(wrong)}.")]
    own = None if tests else wrong
    indices, _ = nearest_neighbors(seen.features, asked.features[wrong], _NEIGHBORS, exclude=own)
    around = seen.labels[indices]
    neither = (around != asked.labels[wrong, np.newaxis]) & (around != answers[wrong, np.newaxis])
    elsewhere = neither.mean(axis=1)
    says = (
        f"Of the {_NEIGHBORS} nearest neighbours of a wrong answer, {elsewhere.mean():.0%} are neither of its own nor "
        f"of the answered class (mean of {len(wrong)} {what})."
    )
    advice = "Many errors lie on no border between two classes: look at these pictures, which may be of another kind."
    return [finding(name, elsewhere.mean(), says, advice, details={"pictures": wrong, "elsewhere": elsewhere})]


def contradicted(seen: Seen) -> list[Finding]:
    """Return how many labels their neighbours contradict.

    cleanlab finds wrong labels by probabilities that come from networks trained without the picture: several trainings,
    where this takes one pass through the network at hand, and one more dependency.
    """
    (name,) = LABELS
    if why := (NO_LABELS if seen.labels is None else "") or seen.no_features:
        return [not_measured(name, why)]
    counted = np.bincount(seen.labels)
    judged = counted[seen.labels] > _NEIGHBORS
    if judged.sum() < 50 or (counted > _NEIGHBORS).sum() < 2:
        return [not_measured(name, f"It needs 50 pictures, more than {_NEIGHBORS} of each of two classes.")]
    indices, _ = nearest_neighbors(seen.features, seen.features, _NEIGHBORS, exclude=range(seen.count))
    around = seen.labels[indices]
    present = np.flatnonzero(counted)
    other = np.where(around == seen.labels[:, np.newaxis], -1, around)
    votes = np.stack([(other == label).sum(axis=1) for label in present], axis=1)
    most = votes.max(axis=1)
    against = np.flatnonzero((most >= _MOST) & judged)
    against = against[np.argsort(-most[against], kind="stable")]
    share = len(against) / judged.sum()
    says = (
        f"{len(against)} of {judged.sum()} labels are contradicted: at least {_MOST} of the picture's {_NEIGHBORS} "
        "nearest neighbours among the features have one other label."
    )
    advice = "Look at these pictures first, whether their labels are right."
    details = {"pictures": against, "instead": present[votes.argmax(axis=1)[against]]}
    normal = widened(name, int(judged.sum()))
    return [finding(name, share, says, advice, normal=normal, details=details)]


def apart(seen: Seen, tests: Seen | None) -> list[Finding]:
    """Return how far test pictures keep to themselves among the features."""
    (name,) = APART
    if why := ("It needs test_pictures." if tests is None else "") or _no_map(seen, tests):
        return [not_measured(name, why)]
    count = min(seen.count, tests.count, 1000)
    if count < 5 * _NEIGHBORS:
        return [not_measured(name, f"It needs {5 * _NEIGHBORS} pictures and as many for the test; there are {count}.")]
    rows = spread(seen.count, count), spread(tests.count, count)
    features = np.concatenate([seen.features[rows[0]], tests.features[rows[1]]])
    places = np.arange(count, 2 * count)
    indices, _ = nearest_neighbors(features, features[places], _NEIGHBORS, exclude=places)
    own = float((indices >= count).mean())
    says = (
        f"Of the {_NEIGHBORS} nearest neighbours of a test picture, among as many of both, {own:.0%} are test "
        "pictures; where both are of one kind it is about half."
    )
    advice = "The network sees two kinds of pictures: compare their scale, their sources, and how they were prepared."
    return [finding(name, own, says, advice, normal=widened(name, count))]


def _no_map(*several: Seen) -> str:
    """Return why there are no features or no answers; "" if there are."""
    return next((why for one in several for why in (one.no_features, one.no_outputs) if why), "")


def copies(seen: Seen, tests: Seen | None) -> list[Finding]:
    """Return how many test pictures are copies of others."""
    (name,) = COPIES
    if tests is None:
        return [not_measured(name, "It needs test_pictures, to be compared with the pictures.")]
    if len(seen.batches) > 1 or seen.batches[0].ndim != 4:
        return [not_measured(name, "It compares pictures, and the network takes something else or several of them.")]
    if seen.count < 3:
        return [not_measured(name, f"It needs 3 pictures to compare with, and there are {seen.count}.")]
    same = _same(seen.batches[0], tests.batches[0])
    nearest, ratio = _nearest(seen.batches[0], tests.batches[0])
    exact = same >= 0
    nearest, ratio = np.where(exact, same, nearest), np.where(exact, 0, ratio)
    found = np.flatnonzero(ratio < _CLOSE)
    says = (
        f"{len(found)} of {tests.count} test pictures have a copy among the {seen.count} pictures, {exact.sum()} of "
        f"them to the pixel, as it is or moved by one; the others are less than {_CLOSE:g} times as far from it as "
        "from the next."
    )
    if tests.labels is not None and tests.outputs is not None and 0 < len(found) < tests.count:
        right = tests.outputs.argmax(axis=1) == tests.labels
        rest = np.delete(right, found)
        says += f" Of the copies {right[found].mean():.3f} are answered rightly, of the others {rest.mean():.3f}."
    advice = "Leave them out of the test, or its accuracy is that of the training."
    details = {"test": found, "training": nearest[found], "ratio": ratio}
    normal = widened(name, tests.count)
    return [finding(name, len(found) / tests.count, says, advice, normal=normal, details=details)]


def _same(pictures: np.ndarray, tests: np.ndarray) -> np.ndarray:
    """Return for each test picture which picture it is to the pixel, maybe moved by one pixel; -1 if none."""
    height, width = pictures.shape[1:3]
    edge = 1 if min(height, width) > 4 else 0

    def inner(picture: np.ndarray, down: int, right: int) -> bytes:
        part = picture[edge + down : height - edge + down, edge + right : width - edge + right]
        return hashlib.blake2b(np.asarray(part, np.float32).tobytes(), digest_size=16).digest()

    known = {inner(picture, 0, 0): index for index, picture in reversed(list(enumerate(pictures)))}
    moves = list(itertools.product((0, -1, 1), repeat=2)) if edge else [(0, 0)]
    found = ([known[key] for move in moves if (key := inner(test, *move)) in known] for test in tests)
    return np.array([several[0] if several else -1 for several in found])


def _nearest(pictures: np.ndarray, tests: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return for each test picture the nearest picture, and how far it is, as a part of the way to the next one."""
    if max(pictures.shape[1:3]) > _SIDE:
        pictures, tests = (resize(several, _SIDE) for several in (pictures, tests))
    indices, distances = nearest_neighbors(feature_vectors(pictures), feature_vectors(tests), 2)
    first, second = distances.T
    return indices[:, 0], np.divide(first, second, out=np.ones_like(first), where=second > 0)
