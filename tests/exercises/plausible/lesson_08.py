"""Wrong functions for lesson 08, none of them a usual mistake, as people write them; each takes a case by name."""

import numpy as np


def _laid(drops, size, stride, put=np.add, first=0.0):
    """Lay the drops over each other."""
    found = np.full([(count - 1) * stride + size for count in drops.shape], first)
    for i, j in np.ndindex(drops.shape):
        area = np.s_[i * stride : i * stride + size, j * stride : j * stride + size]
        found[area] = put(found[area], drops[i, j])
    return found


def _recoloured(image, pixels, colour):
    copy = image.reshape(-1, 3).copy()
    copy[pixels] = colour
    return copy.reshape(image.shape)


PLAUSIBLE = {
    "08.average-drop": {
        "as fine as the drops": lambda drops, size, stride: np.repeat(np.repeat(drops, size, axis=0), size, axis=1),
        "in squares of the stride": lambda drops, size, stride: np.kron(drops, np.ones((stride, stride))),
        "smallest drop": lambda drops, size, stride: _laid(drops, size, stride, np.minimum, np.inf),
        "first patch only": lambda drops, size, stride: _laid(drops[::-1, ::-1], size, stride, lambda _, d: d)[
            ::-1, ::-1
        ],
        "divided by the patches": lambda drops, size, stride: _laid(drops, size, stride) / drops.size,
        "divided by the pixels of a patch": lambda drops, size, stride: _laid(drops, size, stride) / size**2,
        "absolute drops": lambda drops, size, stride: (
            _laid(np.abs(drops), size, stride) / _laid(np.ones_like(drops), size, stride)
        ),
        "the score left": lambda drops, size, stride: (
            -_laid(drops, size, stride) / _laid(np.ones_like(drops), size, stride)
        ),
        "turned": lambda drops, size, stride: (_laid(drops, size, stride) / _laid(np.ones_like(drops), size, stride)).T,
        "running average": lambda drops, size, stride: _laid(drops, size, stride, lambda old, new: (old + new) / 2),
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
        "never below zero": lambda whole, without_first, without_second, without_both: np.maximum(
            without_first + without_second - without_both - whole, 0
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
        "size only": lambda whole, without_first, without_second, without_both: np.abs(
            without_first + without_second - without_both - whole
        ),
    },
}
