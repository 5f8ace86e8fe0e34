"""Wrong functions for lesson 05, none of them a usual mistake, as people write them; each takes a case by name."""

import numpy as np

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
        "divided by the length of the gradient": lambda picture, gradient, length: np.clip(
            picture + length * gradient / np.linalg.norm(gradient), 0, 255
        ),
        "divided by the mean": lambda picture, gradient, length: np.clip(
            picture + length * gradient / np.abs(gradient).mean(), 0, 255
        ),
        "divided by the deviation": lambda picture, gradient, length: np.clip(
            picture + length * gradient / gradient.std(), 0, 255
        ),
        "clipped to 1": lambda picture, gradient, length: np.clip(
            picture + length * gradient / np.abs(gradient).max(), 0, 1
        ),
        "the change only": lambda picture, gradient, length: length * gradient / np.abs(gradient).max(),
        "the change clipped": lambda picture, gradient, length: (
            picture + np.clip(length * gradient / np.abs(gradient).max(), 0, 255)
        ),
        "each colour by itself": lambda picture, gradient, length: np.clip(
            picture + length * gradient / np.abs(gradient).max(axis=(0, 1)), 0, 255
        ),
        "clipped before": lambda picture, gradient, length: (
            np.clip(picture, 0, 255) + length * gradient / np.abs(gradient).max()
        ),
    },
}
