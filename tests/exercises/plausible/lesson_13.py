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


def _reached(maps):
    return maps.max(axis=(0, 1, 2)) > 0


def _lost(training, test):
    return np.flatnonzero(_reached(training) & ~_reached(test))


def _both(training, test, reached):
    """Return the channels that are reached in the training only, whatever is called so."""
    return np.flatnonzero(reached(training) & ~reached(test))


def _range(healthy):
    return healthy.min(axis=0), healthy.max(axis=0), np.ptp(healthy, axis=0)


def _far(healthy, one, widths=1):
    low, high, width = _range(healthy)
    return (one > high + widths * width) | (one < low - widths * width)


def _away(healthy, one):
    """Return how far outside the range each measure lies."""
    low, high, _ = _range(healthy)
    return np.maximum(np.maximum(one - high, low - one), 0)


PLAUSIBLE = {
    "13.not-reached": {
        "how many": lambda training, test: len(_lost(training, test)),
        "their share": lambda training, test: len(_lost(training, test)) / test.shape[-1],
        "a mask": lambda training, test: _reached(training) & ~_reached(test),
        "counted from 1": lambda training, test: _lost(training, test) + 1,
        "the training's dead": lambda training, test: np.flatnonzero(~_reached(training)),
        "the training's alive": lambda training, test: np.flatnonzero(_reached(training)),
        "the test's alive": lambda training, test: np.flatnonzero(_reached(test)),
        "alive in both": lambda training, test: np.flatnonzero(_reached(training) & _reached(test)),
        "alive in one of them": lambda training, test: np.flatnonzero(_reached(training) | _reached(test)),
        "silent in one of them": lambda training, test: np.flatnonzero(~(_reached(training) & _reached(test))),
        "the last picture": lambda training, test: _both(training, test, lambda maps: maps[-1].max(axis=(0, 1)) > 0.5),
        "the median": lambda training, test: _both(training, test, lambda maps: np.median(maps, axis=(0, 1, 2)) > 0),
        "the sum": lambda training, test: _both(training, test, lambda maps: maps.sum(axis=(0, 1, 2)) > 0),
        "stronger than a half": lambda training, test: _both(
            training, test, lambda maps: maps.max(axis=(0, 1, 2)) > 0.5
        ),
        "at every place": lambda training, test: _both(training, test, lambda maps: maps.min(axis=(0, 1, 2)) > 0),
        "first place only": lambda training, test: _both(training, test, lambda maps: maps[:, 0, 0].max(axis=0) > 0.9),
        "absolute values": lambda training, test: _both(
            training, test, lambda maps: np.abs(maps).max(axis=(0, 1, 2)) > 0
        ),
        "varies": lambda training, test: _both(training, test, lambda maps: maps.std(axis=(0, 1, 2)) > 0),
        "weakest in the test": lambda training, test: int(test.max(axis=(0, 1, 2)).argmin()),
        "the pictures": lambda training, test: np.flatnonzero(training.max(axis=(1, 2, 3)) > test.max(axis=(1, 2, 3))),
    },
    "13.unusual": {
        "how many": lambda healthy, one: int(_far(healthy, one).sum()),
        "a mask": lambda healthy, one: _far(healthy, one),
        "counted from 1": lambda healthy, one: np.flatnonzero(_far(healthy, one)) + 1,
        "the numbers themselves": lambda healthy, one: one[_far(healthy, one)],
        "how far": lambda healthy, one: _away(healthy, one),
        "the farthest": lambda healthy, one: int(_away(healthy, one).argmax()),
        "half the width": lambda healthy, one: np.flatnonzero(_far(healthy, one, 0.5)),
        "three widths": lambda healthy, one: np.flatnonzero(_far(healthy, one, 3)),
        "inside": lambda healthy, one: np.flatnonzero(_away(healthy, one) == 0),
        "near outside": lambda healthy, one: np.flatnonzero((_away(healthy, one) > 0) & ~_far(healthy, one)),
        "above the mean": lambda healthy, one: np.flatnonzero(one > healthy.mean(axis=0)),
        "below the mean": lambda healthy, one: np.flatnonzero(one < healthy.mean(axis=0)),
        "farther from the mean than the width": lambda healthy, one: np.flatnonzero(
            np.abs(one - healthy.mean(axis=0)) > np.ptp(healthy, axis=0)
        ),
        "two deviations": lambda healthy, one: np.flatnonzero(
            np.abs(one - healthy.mean(axis=0)) > 2 * healthy.std(axis=0)
        ),
        "twice the largest": lambda healthy, one: np.flatnonzero(one > 2 * healthy.max(axis=0)),
        "not the first network": lambda healthy, one: np.flatnonzero(one != healthy[0]),
        "beside the first only": lambda healthy, one: np.flatnonzero(np.abs(one - healthy[0]) > 0.1 * healthy[0]),
        "beside the median": lambda healthy, one: np.flatnonzero(
            np.abs(one - np.median(healthy, axis=0)) > np.ptp(healthy, axis=0)
        ),
        "more than a tenth": lambda healthy, one: np.flatnonzero(_away(healthy, one) > 0.1),
        "a tenth of the mean": lambda healthy, one: np.flatnonzero(
            np.abs(one - healthy.mean(axis=0)) > 0.1 * healthy.mean(axis=0)
        ),
        "everything": lambda healthy, one: np.arange(len(one)),
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
