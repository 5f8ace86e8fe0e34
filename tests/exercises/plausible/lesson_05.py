"""Wrong functions for lesson 05, none of them a usual mistake, as people write them; each takes a case by name."""

import numpy as np


def _slope(picture, gradient, weight):
    return gradient - 2 * weight * (picture - 127.5)


def _moved(picture, slope, length):
    return np.clip(picture + length * slope / np.abs(slope).max(), 0, 255)


PLAUSIBLE = {
    "05.total-variation": {
        "length of the slope": lambda picture: float(
            np.sqrt(np.diff(picture, axis=0)[:, :-1] ** 2 + np.diff(picture, axis=1)[:-1] ** 2).sum()
        ),
        "of grey": lambda picture: float(sum(np.abs(np.diff(picture.mean(2), axis=axis)).sum() for axis in (0, 1))),
        "per pixel": lambda picture: float(
            sum(np.abs(np.diff(picture, axis=axis)).sum() for axis in (0, 1)) / picture.size
        ),
        "both ways": lambda picture: float(2 * sum(np.abs(np.diff(picture, axis=axis)).sum() for axis in (0, 1))),
        "the largest": lambda picture: float(max(np.abs(np.diff(picture, axis=axis)).max() for axis in (0, 1))),
        "diagonal": lambda picture: float(np.abs(picture[1:, 1:] - picture[:-1, :-1]).sum()),
        "from the mean": lambda picture: float(np.abs(picture - picture.mean()).sum()),
        "red only": lambda picture: float(sum(np.abs(np.diff(picture[..., 0], axis=axis)).sum() for axis in (0, 1))),
    },
    "05.step": {
        "divided by the length of the slope": lambda picture, gradient, weight, length: np.clip(
            picture + length * _slope(picture, gradient, weight) / np.linalg.norm(_slope(picture, gradient, weight)),
            0,
            255,
        ),
        "not divided": lambda picture, gradient, weight, length: np.clip(
            picture + length * _slope(picture, gradient, weight), 0, 255
        ),
        "the sign only": lambda picture, gradient, weight, length: np.clip(
            picture + length * np.sign(_slope(picture, gradient, weight)), 0, 255
        ),
        "divided by the largest": lambda picture, gradient, weight, length: np.clip(
            picture + length * _slope(picture, gradient, weight) / _slope(picture, gradient, weight).max(), 0, 255
        ),
        "divided by the gradient of the score": lambda picture, gradient, weight, length: np.clip(
            picture + length * _slope(picture, gradient, weight) / np.abs(gradient).max(), 0, 255
        ),
        "the value of the penalty": lambda picture, gradient, weight, length: _moved(
            picture, gradient - weight * (picture - 127.5) ** 2, length
        ),
        "the sum of the penalty": lambda picture, gradient, weight, length: _moved(
            picture, gradient - weight * ((picture - 127.5) ** 2).sum(), length
        ),
        "the mean of the squares": lambda picture, gradient, weight, length: _moved(
            picture, gradient - 2 * weight * (picture - 127.5) / picture.size, length
        ),
        "grey as the picture's mean": lambda picture, gradient, weight, length: _moved(
            picture, gradient - 2 * weight * (picture - picture.mean()), length
        ),
        "absolute distance": lambda picture, gradient, weight, length: _moved(
            picture, gradient - 2 * weight * np.abs(picture - 127.5), length
        ),
        "from 0 to 1": lambda picture, gradient, weight, length: _moved(
            picture, gradient - 2 * weight * (picture / 255 - 0.5), length
        ),
        "the change only": lambda picture, gradient, weight, length: (
            length * _slope(picture, gradient, weight) / np.abs(_slope(picture, gradient, weight)).max()
        ),
    },
}
