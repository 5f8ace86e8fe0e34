"""Wrong functions for lesson 05, none of them a usual mistake, as people write them; each takes a case by name."""

import numpy as np


def _slope(picture, gradient, weight):
    return gradient - 2 * weight * (picture - 127.5)


def _moved(picture, slope, length):
    return np.clip(picture + length * slope / np.abs(slope).max(), 0, 255)


PLAUSIBLE = {
    "05.what-each-adds": {
        "both together": lambda before, after: (
            [float((after[1, 1] / before[1, 1] - after[0, 0] / before[0, 0]).mean())] * 2
        ),
        "the shares": lambda before, after: [
            float((after[1] / before[1]).mean()),
            float((after[:, 1] / before[:, 1]).mean()),
        ],
        "for each class": lambda before, after: np.stack(
            [(after[1] / before[1] - after[0] / before[0]).mean(0), (after / before)[:, 1].mean(0)]
        ),
        "ratios": lambda before, after: [
            float((after[1] / before[1] / (after[0] / before[0])).mean()),
            float((after[:, 1] / before[:, 1] / (after[:, 0] / before[:, 0])).mean()),
        ],
        "sums": lambda before, after: [
            float((after[1] / before[1] - after[0] / before[0]).sum()),
            float((after[:, 1] / before[:, 1] - after[:, 0] / before[:, 0]).sum()),
        ],
        "first class": lambda before, after: [
            float((after[1, :, 0] / before[1, :, 0] - after[0, :, 0] / before[0, :, 0]).mean()),
            float((after[:, 1, 0] / before[:, 1, 0] - after[:, 0, 0] / before[:, 0, 0]).mean()),
        ],
        "shares turned round": lambda before, after: [
            float((before[1] / after[1] - before[0] / after[0]).mean()),
            float((before[:, 1] / after[:, 1] - before[:, 0] / after[:, 0]).mean()),
        ],
        "scores before": lambda before, after: [
            float((before[1] - before[0]).mean()),
            float((before[:, 1] - before[:, 0]).mean()),
        ],
        "which helps more": lambda before, after: int(
            (after[1] / before[1]).mean() < (after[:, 1] / before[:, 1]).mean()
        ),
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
        "divided by the size of the largest": lambda picture, gradient, weight, length: np.clip(
            picture + length * _slope(picture, gradient, weight) / abs(_slope(picture, gradient, weight).max()), 0, 255
        ),
        "cut off at 1 and 254": lambda picture, gradient, weight, length: np.clip(
            _moved(picture, _slope(picture, gradient, weight), length), 1, 254
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
    "05.needed-score": {
        "the probability of now": lambda scores, index, probability: float(
            np.exp(scores - scores.max())[index] / np.exp(scores - scores.max()).sum()
        ),
        "the highest": lambda scores, index, probability: float(scores.max()),
        "a share of the highest": lambda scores, index, probability: float(scores.max() * probability),
        "a share of the sum": lambda scores, index, probability: float(
            np.delete(scores, index).sum() * probability / (1 - probability)
        ),
        "mean of the others": lambda scores, index, probability: float(
            np.delete(scores, index).mean() + np.log(probability / (1 - probability))
        ),
        "decimal logarithm": lambda scores, index, probability: float(
            np.log10(np.exp(np.delete(scores, index)).sum() * probability / (1 - probability))
        ),
        "only one minus": lambda scores, index, probability: float(
            np.log(np.exp(np.delete(scores, index)).sum() / (1 - probability))
        ),
        "multiplied": lambda scores, index, probability: float(scores[index] * probability / (1 - probability)),
        "on top of the old one": lambda scores, index, probability: float(
            scores[index] + np.log(probability / (1 - probability))
        ),
    },
}
