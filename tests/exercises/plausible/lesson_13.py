"""Wrong functions for lesson 13, none of them a usual mistake, as people write them; each takes a case by name."""

import numpy as np

CORNERS = [(row, column) for row in (0, 1) for column in (0, 1)]


def _corner(maps, side, row, column):
    return (
        maps[:, -side:, -side:][:, :, :]
        if (row, column) == (1, 1)
        else maps[:, slice(-side, None) if row else slice(0, side), slice(-side, None) if column else slice(0, side)]
    )


def _found(maps, labels, side, value, best=max):
    """Return the class and the corner that are best by a value of its drops and those of the others."""
    table = [
        (value(drops[labels == label], drops[labels != label]), int(label), row, column)
        for row, column in CORNERS
        for drops in [_corner(maps, side, row, column).mean(axis=(1, 2))]
        for label in np.unique(labels)
    ]
    return list(best(table)[1:])


def _strongest(maps, labels, by):
    """Return the class of the picture and the half of it in which something is largest."""
    place = np.unravel_index(by(maps).argmax(), maps.shape)
    return [int(labels[place[0]]), int(place[1] >= maps.shape[1] / 2), int(place[2] >= maps.shape[2] / 2)]


def _order(features, itself=False):
    far = np.abs(features[:, np.newaxis] - features).sum(axis=2)
    if not itself:
        np.fill_diagonal(far, np.inf)
    return np.argsort(far, axis=1, kind="stable")


def _euclidean(features):
    far = np.linalg.norm(features[:, np.newaxis] - features, axis=2)
    np.fill_diagonal(far, np.inf)
    return np.argsort(far, axis=1, kind="stable")


def _foreign(features, labels, k):
    return (labels[_euclidean(features)[:, :k]] != labels[:, np.newaxis]).mean(axis=1)


def _least_common(labels):
    values, counts = np.unique(labels, return_counts=True)
    return np.flatnonzero(labels == values[counts.argmin()])


PLAUSIBLE = {
    "13.dead-channels": {
        "how many": lambda maps: int((maps.max(axis=(0, 1, 2)) <= 0).sum()),
        "their share": lambda maps: float((maps.max(axis=(0, 1, 2)) <= 0).mean()),
        "a mask": lambda maps: maps.max(axis=(0, 1, 2)) <= 0,
        "counted from 1": lambda maps: np.flatnonzero(maps.max(axis=(0, 1, 2)) <= 0) + 1,
        "silent in the last picture": lambda maps: np.flatnonzero(maps[-1].max(axis=(0, 1)) <= 0),
        "largest is zero": lambda maps: np.flatnonzero(maps.max(axis=(0, 1, 2)) == 0),
        "no variation": lambda maps: np.flatnonzero(maps.std(axis=(0, 1, 2)) == 0),
        "sum is zero": lambda maps: np.flatnonzero(maps.sum(axis=(0, 1, 2)) == 0),
        "median": lambda maps: np.flatnonzero(np.median(maps, axis=(0, 1, 2)) <= 0),
        "first place only": lambda maps: np.flatnonzero(maps[:, 0, 0].max(axis=0) <= 0),
        "middle only": lambda maps: np.flatnonzero(maps[:, maps.shape[1] // 2, maps.shape[2] // 2].max(axis=0) <= 0),
        "weaker than a tenth": lambda maps: np.flatnonzero(np.abs(maps).max(axis=(0, 1, 2)) < 0.1 * maps.max()),
        "weaker than half": lambda maps: np.flatnonzero(maps.max(axis=(0, 1, 2)) < 0.5),
        "absolute values": lambda maps: np.flatnonzero(np.abs(maps).max(axis=(0, 1, 2)) <= 0),
        "negative only": lambda maps: np.flatnonzero(maps.max(axis=(0, 1, 2)) < 0),
        "weakest channel": lambda maps: int(maps.max(axis=(0, 1, 2)).argmin()),
        "dead pictures": lambda maps: np.flatnonzero(maps.max(axis=(1, 2, 3)) <= 0),
        "one place of each picture": lambda maps: np.flatnonzero((maps.min(axis=(1, 2)) <= 0).all(axis=0)),
        "mostly silent": lambda maps: np.flatnonzero((maps <= 0).mean(axis=(0, 1, 2)) > 0.9),
        "for each picture": lambda maps: [np.flatnonzero(one.max(axis=(0, 1)) <= 0).tolist() for one in maps],
    },
    "13.contradicted": {
        "how many": lambda features, labels, k: int((_foreign(features, labels, k) > 0.5).sum()),
        "the shares": lambda features, labels, k: _foreign(features, labels, k),
        "a mask": lambda features, labels, k: _foreign(features, labels, k) > 0.5,
        "counted from 1": lambda features, labels, k: np.flatnonzero(_foreign(features, labels, k) > 0.5) + 1,
        "their labels": lambda features, labels, k: labels[_foreign(features, labels, k) > 0.5],
        "more than a quarter": lambda features, labels, k: np.flatnonzero(_foreign(features, labels, k) > 0.25),
        "more than three quarters": lambda features, labels, k: np.flatnonzero(_foreign(features, labels, k) > 0.75),
        "most contradicted": lambda features, labels, k: int(_foreign(features, labels, k).argmax()),
        "nearest only": lambda features, labels, k: np.flatnonzero(_foreign(features, labels, 1) > 0.5),
        "k + 1 neighbours": lambda features, labels, k: np.flatnonzero(_foreign(features, labels, k + 1) > 0.5),
        "twice k": lambda features, labels, k: np.flatnonzero(_foreign(features, labels, 2 * k) > 0.5),
        "nearest left out": lambda features, labels, k: np.flatnonzero(
            (labels[_euclidean(features)[:, 1 : k + 1]] != labels[:, np.newaxis]).mean(axis=1) > 0.5
        ),
        "neighbours in the list": lambda features, labels, k: np.flatnonzero(labels != np.roll(labels, 1)),
        "everyone": lambda features, labels, k: np.arange(len(labels)),
        "rarest label": lambda features, labels, k: _least_common(labels),
        "by the first feature": lambda features, labels, k: np.flatnonzero(_foreign(features[:, :1], labels, k) > 0.5),
        "by the last feature": lambda features, labels, k: np.flatnonzero(_foreign(features[:, 1:], labels, k) > 0.5),
        "of whose neighbour": lambda features, labels, k: np.unique(
            _euclidean(features)[_foreign(features, labels, k) > 0.5, 0]
        ),
        "between classes": lambda features, labels, k: np.flatnonzero(
            (_foreign(features, labels, k) > 0) & (_foreign(features, labels, k) < 1)
        ),
        "of one of two": lambda features, labels, k: np.flatnonzero(_foreign(features, labels, 2) > 0),
    },
    "13.corner": {
        "largest drop anywhere": lambda maps, labels, side: _strongest(maps, labels, lambda m: m),
        "smallest drop anywhere": lambda maps, labels, side: _strongest(maps, labels, lambda m: -m),
        "largest strength anywhere": lambda maps, labels, side: _strongest(maps, labels, np.abs),
        "smallest difference": lambda maps, labels, side: _found(
            maps, labels, side, lambda own, rest: own.mean() - rest.mean(), min
        ),
        "nearest to zero": lambda maps, labels, side: _found(
            maps, labels, side, lambda own, rest: abs(own.mean() - rest.mean()), min
        ),
        "least of the class": lambda maps, labels, side: _found(maps, labels, side, lambda own, rest: own.mean(), min),
        "least of the others": lambda maps, labels, side: _found(
            maps, labels, side, lambda own, rest: rest.mean(), min
        ),
        "most of the others": lambda maps, labels, side: _found(maps, labels, side, lambda own, rest: rest.mean()),
        "least without sign": lambda maps, labels, side: _found(
            maps, labels, side, lambda own, rest: abs(own.mean()), min
        ),
        "sum of both": lambda maps, labels, side: _found(
            maps, labels, side, lambda own, rest: own.mean() + rest.mean()
        ),
        "spread of the class": lambda maps, labels, side: _found(maps, labels, side, lambda own, rest: np.ptp(own)),
        "steadiest": lambda maps, labels, side: _found(maps, labels, side, lambda own, rest: np.ptp(own), min),
        "spread of the others": lambda maps, labels, side: _found(maps, labels, side, lambda own, rest: np.ptp(rest)),
        "corner only": lambda maps, labels, side: _found(
            maps, labels, side, lambda own, rest: own.mean() - rest.mean()
        )[1:],
        "class only": lambda maps, labels, side: _found(maps, labels, side, lambda own, rest: own.mean() - rest.mean())[
            0
        ],
        "class last": lambda maps, labels, side: np.roll(
            _found(maps, labels, side, lambda own, rest: own.mean() - rest.mean()), -1
        ),
        "next class": lambda maps, labels, side: [
            _found(maps, labels, side, lambda own, rest: own.mean() - rest.mean())[0] + 1,
            *_found(maps, labels, side, lambda own, rest: own.mean() - rest.mean())[1:],
        ],
        "opposite corner": lambda maps, labels, side: _found(
            maps[:, ::-1, ::-1], labels, side, lambda own, rest: own.mean() - rest.mean()
        ),
        "turned": lambda maps, labels, side: _found(
            maps[:, ::-1].transpose(0, 2, 1), labels, side, lambda own, rest: own.mean() - rest.mean()
        ),
        "always the top left": lambda maps, labels, side: [
            _found(maps, labels, side, lambda own, rest: own.mean() - rest.mean())[0],
            0,
            0,
        ],
    },
}
