"""Wrong functions for lesson 07, none of them a usual mistake, as people write them; each takes a case by name."""

import numpy as np


def _peak(features, gradients, where="argmax", weights=None):
    parts = features * (gradients.mean(axis=(0, 1)) if weights is None else weights)
    total = parts.sum(-1)
    return parts[np.unravel_index(getattr(total, where)(), total.shape)]


PLAUSIBLE = {
    "07.rival": {
        "any channel": lambda features, weights, first, second: (
            (features * weights[:, second]).max(-1) > (features * weights[:, first]).max(-1)
        ),
        "absolute weights": lambda features, weights, first, second: (
            features @ np.abs(weights[:, second]) > features @ np.abs(weights[:, first])
        ),
        "above zero": lambda features, weights, first, second: features @ weights[:, second] > 0,
        "above the average": lambda features, weights, first, second: (
            (one := features @ weights[:, second]) - one.mean() > (other := features @ weights[:, first]) - other.mean()
        ),
        "the difference": lambda features, weights, first, second: features @ (weights[:, second] - weights[:, first]),
        "channels": lambda features, weights, first, second: features[..., second] > features[..., first],
        "the best of all": lambda features, weights, first, second: (features @ weights).argmax(-1) == second,
        "turned": lambda features, weights, first, second: (
            (features @ weights[:, second] > features @ weights[:, first]).T
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
    "07.one-scale": {
        "by the first": lambda first, second: np.stack([first, second]) / first.max() * 0.5,
        "by the sum of both": lambda first, second: np.stack([first, second]) / (first.max() + second.max()),
        "difference": lambda first, second: np.stack([first - second, second - first]) / max(first.max(), second.max()),
        "shares": lambda first, second: np.stack([first, second]) / (first + second + 1e-9),
        "second first": lambda first, second: np.stack([second, first]) / max(first.max(), second.max()),
        "by the mean": lambda first, second: np.stack([first, second]) / np.stack([first, second]).mean(),
        "unscaled": lambda first, second: np.stack([first, second]),
        "of 255": lambda first, second: np.stack([first, second]) / 255,
        "by the length": lambda first, second: np.stack([first, second]) / np.linalg.norm(np.stack([first, second])),
    },
}
