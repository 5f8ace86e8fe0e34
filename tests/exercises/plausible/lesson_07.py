"""Wrong functions for lesson 07, none of them a usual mistake, as people write them; each takes a case by name."""

import numpy as np


def _peak(features, gradients, where="argmax", weights=None):
    parts = features * (gradients.mean(axis=(0, 1)) if weights is None else weights)
    total = parts.sum(-1)
    return parts[np.unravel_index(getattr(total, where)(), total.shape)]


PLAUSIBLE = {
    "07.decides": {
        "only this place": lambda features, weights: (
            (maps := features @ weights).argmax(-1) == maps.sum((0, 1)).argmax()
        ),
        "places of strong features": lambda features, weights: features.sum(-1) > features.sum(-1).mean(),
        "of the largest values": lambda features, weights: (
            (maps := features @ weights).max((0, 1)).argmax() != maps.argmax(-1)
        ),
        "the sum changes": lambda features, weights: (features @ weights).sum(-1) != 0,
        "the classes": lambda features, weights: ((maps := features @ weights).sum((0, 1)) - maps).argmax(-1),
        "absolute weights": lambda features, weights: (
            ((maps := features @ np.abs(weights)).sum((0, 1)) - maps).argmax(-1) != maps.sum((0, 1)).argmax()
        ),
        "how many": lambda features, weights: int(
            (((maps := features @ weights).sum((0, 1)) - maps).argmax(-1) != maps.sum((0, 1)).argmax()).sum()
        ),
        "more than the lead": lambda features, weights: (
            (maps := features @ weights)[..., maps.sum((0, 1)).argmax()] > np.ptp(np.sort(maps.sum((0, 1)))[-2:]) * 1.5
        ),
        "cut off below zero": lambda features, weights: (
            ((maps := np.maximum(features @ weights, 0)).sum((0, 1)) - maps).argmax(-1) != maps.sum((0, 1)).argmax()
        ),
        "turned": lambda features, weights: (
            (((maps := features @ weights).sum((0, 1)) - maps).argmax(-1) != maps.sum((0, 1)).argmax()).T
        ),
    },
    "07.peak": {
        "weakest place": lambda features, gradients: _peak(features, gradients, "argmin"),
        "absolute weights": lambda features, gradients: _peak(
            features, gradients, weights=np.abs(gradients.mean(axis=(0, 1)))
        ),
        "summed gradients": lambda features, gradients: _peak(features, gradients, weights=gradients.sum(axis=(0, 1))),
        "shares": lambda features, gradients: (one := _peak(features, gradients)) / one.sum(),
        "the sum": lambda features, gradients: float(_peak(features, gradients).sum()),
        "the largest": lambda features, gradients: int(_peak(features, gradients).argmax()),
        "largest first": lambda features, gradients: np.sort(_peak(features, gradients))[::-1],
        "middle place": lambda features, gradients: (features * gradients.mean(axis=(0, 1)))[1, 2],
    },
    "07.unstretch": {
        "largest is 1 of all": lambda stretched, scores: stretched * (scores / scores.max())[:, None, None],
        "the sum": lambda stretched, scores: stretched * (scores / stretched.sum((1, 2)))[:, None, None],
        "absolute values": lambda stretched, scores: (
            stretched * (scores / np.abs(stretched).mean((1, 2)))[:, None, None]
        ),
        "the median": lambda stretched, scores: stretched * (scores / np.median(stretched, (1, 2)))[:, None, None],
        "each place": lambda stretched, scores: scores[:, None, None] / stretched.mean((1, 2))[:, None, None],
        "unchanged": lambda stretched, scores: stretched,
        "the factors": lambda stretched, scores: scores / stretched.mean((1, 2)),
        "the other's score": lambda stretched, scores: (
            stretched * (scores[::-1] / stretched.mean((1, 2)))[:, None, None]
        ),
        "from 0 to the score": lambda stretched, scores: (
            (stretched - stretched.min((1, 2), keepdims=True)) * scores[:, None, None]
        ),
    },
}
