"""Wrong functions for lesson 08, none of them a usual mistake, as people write them; each takes a case by name."""

import numpy as np


def _recoloured(image, pixels, colour):
    copy = image.reshape(-1, 3).copy()
    copy[pixels] = colour
    return copy.reshape(image.shape)


PLAUSIBLE = {
    "08.agreed": {
        "first patch": lambda maps: maps[0],
        "first where they agree": lambda maps: np.where(np.ptp(np.sign(maps), axis=0) == 0, maps[0], 0),
        "median": lambda maps: np.median(maps, axis=0),
        "product of the signs": lambda maps: np.abs(maps).min(axis=0) * np.sign(maps).prod(axis=0),
        "difference": lambda maps: maps.max(axis=0) - maps.min(axis=0),
        "largest where they agree": lambda maps: np.where(np.ptp(np.sign(maps), axis=0) == 0, maps.max(axis=0), 0),
        "where they disagree": lambda maps: np.where(np.ptp(np.sign(maps), axis=0) > 0, maps.min(axis=0), 0),
        "True or False": lambda maps: np.ptp(np.sign(maps), axis=0) == 0,
        "sign of the average": lambda maps: np.abs(maps).min(axis=0) * np.sign(maps.mean(axis=0)),
    },
    "08.delete": {
        "by rows": lambda image, map, count, colour: _recoloured(image, np.arange(count), colour),
        "above a count": lambda image, map, count, colour: np.where((map > count)[..., np.newaxis], colour, image),
        "one pixel too few": lambda image, map, count, colour: _recoloured(
            image, np.argsort(-map.ravel())[: count - 1], colour
        ),
        "the next ones": lambda image, map, count, colour: _recoloured(
            image, np.argsort(-map.ravel())[count : 2 * count], colour
        ),
        "every positive": lambda image, map, count, colour: np.where((map > 0)[..., np.newaxis], colour, image),
        "down the columns": lambda image, map, count, colour: _recoloured(
            image, np.argsort(-map.T.ravel())[:count], colour
        ),
        "half covered": lambda image, map, count, colour: (
            (image + _recoloured(image, np.argsort(-map.ravel())[:count], colour)) / 2
        ),
        "brightest pixels": lambda image, map, count, colour: _recoloured(
            image, np.argsort(-image.sum(axis=-1).ravel())[:count], colour
        ),
        "white": lambda image, map, count, colour: _recoloured(image, np.argsort(-map.ravel())[:count], 255),
    },
    "08.stand-in": {
        "ratio": lambda whole, without_first, without_second, without_both: (
            (whole - without_both) / (2 * whole - without_first - without_second)
        ),
        "product": lambda whole, without_first, without_second, without_both: (
            whole - without_both - (whole - without_first) * (whole - without_second)
        ),
        "difference of the two": lambda whole, without_first, without_second, without_both: (
            without_first - without_second
        ),
        "whole forgotten": lambda whole, without_first, without_second, without_both: (
            without_first + without_second - without_both
        ),
        "shares of the whole": lambda whole, without_first, without_second, without_both: (
            (without_first + without_second - without_both - whole) / whole
        ),
        "one number": lambda whole, without_first, without_second, without_both: float(
            (without_first + without_second - without_both - whole).mean()
        ),
        "only the first": lambda whole, without_first, without_second, without_both: without_first - without_both,
    },
}
