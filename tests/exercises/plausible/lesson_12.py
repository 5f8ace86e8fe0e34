"""Wrong functions for lesson 12, none of them a usual mistake, as people write them; each takes a case by name."""

import numpy as np


def _squared(values):
    return float(np.square(values).sum())


def _cosine(made, content):
    return float((made * content).sum() / np.sqrt(_squared(made) * _squared(content)))


def _least(made, content):
    return _squared((made * content).sum() / _squared(made) * made - content) / _squared(content)


PLAUSIBLE = {
    "12.strength": {
        "not relative": lambda made, content: _least(made, content) * _squared(content),
        "relative to the made": lambda made, content: _least(made, content) * _squared(content) / _squared(made),
        "one minus the direction": lambda made, content: 1 - _cosine(made, content),
        "the direction squared": lambda made, content: _cosine(made, content) ** 2,
        "the mean of the squares": lambda made, content: _least(made, content) * _squared(content) / content.size,
        "both of length 1": lambda made, content: _squared(
            made / np.linalg.norm(made) - content / np.linalg.norm(content)
        ),
        "largest made alike": lambda made, content: (
            _squared(made * content.max() / made.max() - content) / _squared(content)
        ),
        "by the median": lambda made, content: (
            _squared(made * np.median(content[made > 0] / made[made > 0]) - content) / _squared(content)
        ),
        "means taken off": lambda made, content: _least(made - made.mean(), content - content.mean()),
        "what scaling saves": lambda made, content: (
            _squared(made - content) / _squared(content) - _least(made, content)
        ),
        "by the sum of the squares": lambda made, content: (
            _squared(made * _squared(content) / _squared(made) - content) / _squared(content)
        ),
        "absolute": lambda made, content: (
            np.abs((made * content).sum() / _squared(made) * made - content).sum() / np.abs(content).sum()
        ),
    },
    "12.alike": {
        "wishes over the shares": lambda squares, wished: wished / (squares / squares.sum()),
        "by the square": lambda squares, wished: wished / squares**2 / (wished / squares**2).sum(),
        "all the same": lambda squares, wished: np.full(len(squares), 1 / len(squares)),
        "largest is 1": lambda squares, wished: wished / squares / (wished / squares).max(),
        "exchanged": lambda squares, wished: squares / wished / (squares / wished).sum(),
        "backwards": lambda squares, wished: (wished / squares / (wished / squares).sum())[::-1],
        "taken off": lambda squares, wished: wished - squares / squares.sum(),
        "by the logarithm": lambda squares, wished: wished / np.log1p(squares) / (wished / np.log1p(squares)).sum(),
        "of length 1": lambda squares, wished: wished / squares / np.linalg.norm(wished / squares),
        "a mean of both": lambda squares, wished: (wished + 1 / squares / (1 / squares).sum()) / 2,
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
