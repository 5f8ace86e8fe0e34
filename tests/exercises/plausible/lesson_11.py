"""Wrong functions for lesson 11, none of them a usual mistake, as people write them; each takes a case by name."""

import re

import numpy as np


def behind(text, piece):
    return np.array([i + len(piece) for i in range(len(text) - len(piece)) if text.startswith(piece, i)], int)


def down(error, moves):
    """Return what the cheapest border costs whose steps are these."""
    total = error[0]
    for row in error[1:]:
        sides = [np.roll(np.pad(total, 2, constant_values=np.inf), move)[2:-2] for move in moves]
        total = row + np.min(sides, axis=0)
    return total.min()


def products(here, there):
    channels = here.shape[-1]
    return here.reshape(-1, channels).T @ there.reshape(-1, channels)


PLAUSIBLE = {
    "11.follows": {
        "one letter too many": lambda text, written, n: behind(text, written[-n - 1 :]),
        "one letter too few": lambda text, written, n: behind(text, written[1 - n :]),
        "the last place": lambda text, written, n: behind(text, written[-n:])[-1:],
        "all but the last place": lambda text, written, n: behind(text, written[-n:])[:-1],
        "each letter once": lambda text, written, n: np.sort(
            [*{text[i]: i for i in behind(text, written[-n:])[::-1]}.values()]
        ),
        "by a regular expression": lambda text, written, n: np.array(
            [match.end() for match in re.finditer(written[-n:], text) if match.end() < len(text)]
        ),
        "as many": lambda text, written, n: len(behind(text, written[-n:])),
        "in what was written": lambda text, written, n: behind(written, text[-n:]),
        "what stands before": lambda text, written, n: behind(text, written[-n:]) - n - 1,
        "in both together": lambda text, written, n: behind(text + written, written[-n:]),
    },
    "11.cut": {
        "never straight": lambda error: down(error, (1, -1)),
        "by two columns": lambda error: down(error, (-2, -1, 0, 1, 2)),
        "without the first row": lambda error: down(error[1:], (-1, 0, 1)),
        "ends in the last column": lambda error: down(
            np.vstack([error[:-1], np.where(np.arange(error.shape[1]) == error.shape[1] - 1, error[-1], np.inf)]),
            (-1, 0, 1),
        ),
        "squared": lambda error: down(error**2, (-1, 0, 1)),
        "the least of all, times the rows": lambda error: error.min() * len(error),
    },
    "11.apart": {
        "below": lambda features, right: products(features[:1], features[-1:]) / features[:1].size,
        "to the left and to the right": lambda features, right: (
            (products(features[:, :-right], features[:, right:]) + products(features[:, right:], features[:, :-right]))
            / features[:, right:].size
            / 2
        ),
        "means taken away": lambda features, right: (
            products(
                features[:, :-right] - features[:, :-right].mean((0, 1)),
                features[:, right:] - features[:, right:].mean((0, 1)),
            )
            / features[:, right:].size
        ),
        "differences": lambda features, right: (
            products(*[features[:, right:] - features[:, :-right]] * 2) / features[:, right:].size
        ),
        "the sum of both": lambda features, right: (
            products(*[features[:, right:] + features[:, :-right]] * 2) / features[:, right:].size
        ),
        "each row by itself": lambda features, right: np.stack(
            [row[:-right].T @ row[right:] / row[right:].size for row in features]
        ),
        "places by places": lambda features, right: (
            features[:, :-right].reshape(-1, features.shape[-1]) @ features[:, right:].reshape(-1, features.shape[-1]).T
        ),
        "the first places left out": lambda features, right: (
            products(features[:, right:], features[:, right:]) / features[:, right:].size
        ),
        "of unit length": lambda features, right: (
            products(features[:, :-right], features[:, right:])
            / np.linalg.norm(products(features[:, :-right], features[:, right:]))
        ),
    },
}
