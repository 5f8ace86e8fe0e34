"""Wrong functions for lesson 12, none of them a usual mistake, as people write them; each takes a case by name."""

import numpy as np


def _gram(maps, by=None):
    flat = maps.reshape(-1, maps.shape[2])
    return flat.T @ flat / (maps.size if by is None else by)


def _missed(have, want):
    return float(np.square(have - want).sum() / np.square(want).sum())


PLAUSIBLE = {
    "12.style-loss": {
        "difference of the means": lambda made, style: float(
            np.square(made.mean((0, 1)) - style.mean((0, 1))).sum() / np.square(style.mean((0, 1))).sum()
        ),
        "absolute": lambda made, style: np.abs(_gram(made) - _gram(style)).sum() / np.abs(_gram(style)).sum(),
        "by the height": lambda made, style: _missed(_gram(made, len(made)), _gram(style, len(style))),
        "by the channels": lambda made, style: _missed(_gram(made, made.shape[2]), _gram(style, style.shape[2])),
        "by the root of the size": lambda made, style: _missed(
            _gram(made, made.size**0.5), _gram(style, style.size**0.5)
        ),
        "made over style": lambda made, style: float(np.square(_gram(made)).sum() / np.square(_gram(style)).sum()),
        "each number relative": lambda made, style: float(
            np.mean(np.square((_gram(made) - _gram(style)) / (_gram(style) + 1e-9)))
        ),
        "correlations": lambda made, style: _missed(
            *(np.corrcoef(one.reshape(-1, one.shape[2]).T) for one in (made, style))
        ),
        "mean of the squares": lambda made, style: float(np.square(_gram(made) - _gram(style)).mean()),
    },
    "12.mix": {
        "root of the product": lambda first, second, share: np.sqrt(_gram(first) * _gram(second)),
        "the first": lambda first, second, share: _gram(first),
        "the second": lambda first, second, share: _gram(second),
        "share added": lambda first, second, share: _gram(first) + share * _gram(second),
        "maps times share": lambda first, second, share: _gram(share * first) + _gram((1 - share) * second),
        "by the places": lambda first, second, share: (
            share * _gram(first, first.shape[0] * first.shape[1])
            + (1 - share) * _gram(second, second.shape[0] * second.shape[1])
        ),
        "larger of both": lambda first, second, share: np.maximum(_gram(first), _gram(second)),
        "the diagonal": lambda first, second, share: np.diag(
            share * np.diag(_gram(first)) + (1 - share) * np.diag(_gram(second))
        ),
    },
    "12.recolour": {
        "scaled": lambda made, content, weights: np.clip(
            content * ((made @ weights) / np.maximum(content @ weights, 1e-9))[..., None], 0, 255
        ),
        "in the middle": lambda made, content, weights: (made + content) / 2,
        "weights on the colours": lambda made, content, weights: np.clip(content + (made - content) * weights, 0, 255),
        "the largest value": lambda made, content, weights: np.clip(
            content + (made.max(-1) - content.max(-1))[..., None], 0, 255
        ),
        "the mean of the picture": lambda made, content, weights: np.clip(
            content + (made @ weights).mean() - (content @ weights).mean(), 0, 255
        ),
        "taken off": lambda made, content, weights: np.clip(
            content - (made @ weights - content @ weights)[..., None], 0, 255
        ),
        "wrapped around": lambda made, content, weights: (
            (content + (made @ weights - content @ weights)[..., None]) % 256
        ),
        "green only": lambda made, content, weights: np.clip(content + (made - content)[..., 1:2], 0, 255),
        "cut at 1": lambda made, content, weights: np.clip(
            content + (made @ weights - content @ weights)[..., None], 0, 1
        ),
    },
}
