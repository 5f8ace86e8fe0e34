"""Wrong functions for lesson 09, none of them a usual mistake, as people write them; each takes a case by name."""

import numpy as np

PLAUSIBLE = {
    "09.smallest-budget": {
        "largest value only": lambda lead, of_first, of_target: float(lead / np.abs(of_target - of_first).max()),
        "sizes apart": lambda lead, of_first, of_target: float(
            lead / np.abs(np.abs(of_target) - np.abs(of_first)).sum()
        ),
        "gradients added": lambda lead, of_first, of_target: float(lead / np.abs(of_target + of_first).sum()),
        "squares": lambda lead, of_first, of_target: float(lead / ((of_target - of_first) ** 2).sum()),
        "only what rises": lambda lead, of_first, of_target: float(lead / np.maximum(of_target - of_first, 0).sum()),
        "both ways": lambda lead, of_first, of_target: float(lead / (2 * np.abs(of_target - of_first).sum())),
        "rounded up": lambda lead, of_first, of_target: float(np.ceil(lead / np.abs(of_target - of_first).sum())),
        "for each value": lambda lead, of_first, of_target: lead / np.abs(of_target - of_first),
        "number of values": lambda lead, of_first, of_target: float(lead / of_first.size),
        "the larger of two": lambda lead, of_first, of_target: float(
            lead / max(np.abs(of_target).sum(), np.abs(of_first).sum())
        ),
    },
    "09.same-maps": {
        "last layer": lambda strides, moves: moves % np.prod(strides) == 0,
        "deepest layer": lambda strides, moves: (moves[:, None] % np.cumprod(strides) == 0).sum(axis=1),
        "from the end": lambda strides, moves: moves[:, None] % np.cumprod(strides[::-1])[::-1] == 0,
        "without the layer itself": lambda strides, moves: moves[:, None] % (np.cumprod(strides) // strides) == 0,
        "powers of two": lambda strides, moves: moves[:, None] % 2 ** np.arange(1, len(strides) + 1) == 0,
        "even moves": lambda strides, moves: np.repeat(moves[:, None] % 2 == 0, len(strides), axis=1),
        "all layers": lambda strides, moves: np.ones((len(moves), len(strides)), bool),
        "no layer": lambda strides, moves: np.zeros((len(moves), len(strides)), bool),
        "places": lambda strides, moves: moves[:, None] / np.cumprod(strides),
        "largest stride so far": lambda strides, moves: moves[:, None] % np.maximum.accumulate(strides) == 0,
    },
    "09.saved": {
        "all of them": lambda pictures, weights, targets: np.ones(len(pictures), bool),
        "none of them": lambda pictures, weights, targets: np.zeros(len(pictures), bool),
        "rounded up": lambda pictures, weights, targets: (
            (np.clip(np.ceil(pictures), 0, 255) @ weights).argmax(axis=1) == targets
        ),
        "scores rounded": lambda pictures, weights, targets: (
            np.rint(np.clip(pictures, 0, 255) @ weights).argmax(axis=1) == targets
        ),
        "smallest score": lambda pictures, weights, targets: (
            (np.clip(np.rint(pictures), 0, 255) @ weights).argmin(axis=1) == targets
        ),
        "best picture of each class": lambda pictures, weights, targets: np.isin(
            np.arange(len(pictures)), (np.clip(np.rint(pictures), 0, 255) @ weights).argmax(axis=0)
        ),
        "cut off at 1 and 254": lambda pictures, weights, targets: (
            (np.clip(np.rint(pictures), 1, 254) @ weights).argmax(axis=1) == targets
        ),
        "all or nothing": lambda pictures, weights, targets: bool(
            ((np.clip(np.rint(pictures), 0, 255) @ weights).argmax(axis=1) == targets).all()
        ),
        "positive score": lambda pictures, weights, targets: (
            (np.clip(np.rint(pictures), 0, 255) @ weights)[np.arange(len(pictures)), targets] > 0
        ),
        "of 0 to 1": lambda pictures, weights, targets: (
            (np.clip(np.rint(pictures), 0, 1) @ weights).argmax(axis=1) == targets
        ),
    },
}
