"""Wrong functions for the exercises of lesson 10, as ``plausible.py`` has them for the lessons before."""

import numpy as np

PLAUSIBLE_10 = {
    "10.total-variation": {
        "flattened": lambda image: float(np.abs(np.diff(image.ravel())).sum()),
        "largest difference": lambda image: float(
            max(np.abs(np.diff(image, axis=0)).max(), np.abs(np.diff(image, axis=1)).max())
        ),
        "deviation": lambda image: float(image.std() * image.size),
        "from the mean": lambda image: float(np.abs(image - image.mean(axis=(0, 1))).sum()),
        "two places on": lambda image: float(
            np.abs(image[2:] - image[:-2]).sum() + np.abs(image[:, 2:] - image[:, :-2]).sum()
        ),
        "of the grey picture": lambda image: float(
            np.abs(np.diff(image.mean(axis=2), axis=0)).sum() + np.abs(np.diff(image.mean(axis=2), axis=1)).sum()
        ),
        "root of the squares": lambda image: float(
            np.sqrt((np.diff(image, axis=0) ** 2).sum() + (np.diff(image, axis=1) ** 2).sum())
        ),
        "both directions": lambda image: float(
            2 * (np.abs(np.diff(image, axis=0)).sum() + np.abs(np.diff(image, axis=1)).sum())
        ),
        "diagonal": lambda image: float(np.abs(image[1:, 1:] - image[:-1, :-1]).sum()),
        "of 255": lambda image: float(
            (np.abs(np.diff(image, axis=0)).sum() + np.abs(np.diff(image, axis=1)).sum()) / 255
        ),
        "the mean of each direction": lambda image: float(
            np.abs(np.diff(image, axis=0)).mean() + np.abs(np.diff(image, axis=1)).mean()
        ),
        "for each colour": lambda image: (
            np.abs(np.diff(image, axis=0)).sum((0, 1)) + np.abs(np.diff(image, axis=1)).sum((0, 1))
        ),
    },
    "10.step": {
        "features moved": lambda picture, weights, wanted, rate: (
            np.maximum(picture @ weights, 0) - rate * (np.maximum(picture @ weights, 0) - wanted)
        ),
        "cut off below zero": lambda picture, weights, wanted, rate: np.maximum(
            picture - rate * weights @ (np.maximum(picture @ weights, 0) - wanted), 0
        ),
        "where the photo answers": lambda picture, weights, wanted, rate: (
            picture - rate * weights @ ((np.maximum(picture @ weights, 0) - wanted) * (wanted > 0))
        ),
        "too little only": lambda picture, weights, wanted, rate: (
            picture + rate * weights @ np.maximum(wanted - np.maximum(picture @ weights, 0), 0)
        ),
        "too much only": lambda picture, weights, wanted, rate: (
            picture - rate * weights @ np.maximum(np.maximum(picture @ weights, 0) - wanted, 0)
        ),
        "absolute differences": lambda picture, weights, wanted, rate: (
            picture - rate * weights @ (np.sign(np.maximum(picture @ weights, 0) - wanted) * (picture @ weights > 0))
        ),
        "length one": lambda picture, weights, wanted, rate: (
            picture
            - rate
            * (towards := weights @ ((np.maximum(picture @ weights, 0) - wanted) * (picture @ weights > 0)))
            / max(np.linalg.norm(towards), 1e-9)
        ),
        "by the number of channels": lambda picture, weights, wanted, rate: (
            picture
            - rate
            * weights
            @ ((np.maximum(picture @ weights, 0) - wanted) * (picture @ weights > 0))
            / weights.shape[1]
        ),
        "weights of the channels added": lambda picture, weights, wanted, rate: (
            picture - rate * weights.sum(axis=1) * (np.maximum(picture @ weights, 0) - wanted).sum()
        ),
        "by the picture": lambda picture, weights, wanted, rate: (
            picture * (1 - rate * weights @ ((np.maximum(picture @ weights, 0) - wanted) * (picture @ weights > 0)))
        ),
    },
    "10.not-told-apart": {
        "all of them": lambda maps, photo: np.ones(len(maps), bool),
        "none of them": lambda maps, photo: np.zeros(len(maps), bool),
        "the same maps": lambda maps, photo: (maps == photo).all((1, 2, 3)),
        "first channel only": lambda maps, photo: np.isclose(
            np.maximum(maps, 0).mean((1, 2))[:, 0], np.maximum(photo, 0).mean((0, 1))[0]
        ),
        "last channel only": lambda maps, photo: np.isclose(
            np.maximum(maps, 0).mean((1, 2))[:, 1], np.maximum(photo, 0).mean((0, 1))[1]
        ),
        "sizes": lambda maps, photo: np.isclose(np.abs(maps).mean((1, 2)), np.abs(photo).mean((0, 1))).all(1),
        "sorted": lambda maps, photo: np.isclose(
            np.sort(maps.reshape(len(maps), -1, 2), 1), np.sort(photo.reshape(-1, 2), 0)
        ).all((1, 2)),
        "the same values": lambda maps, photo: np.isclose(
            np.sort(np.maximum(maps, 0).reshape(len(maps), -1, 2), 1), np.sort(np.maximum(photo, 0).reshape(-1, 2), 0)
        ).all((1, 2)),
        "for each channel": lambda maps, photo: np.isclose(
            np.maximum(maps, 0).mean((1, 2)), np.maximum(photo, 0).mean((0, 1))
        ),
        "strongest channel": lambda maps, photo: (
            np.maximum(maps, 0).mean((1, 2)).argmax(1) == np.maximum(photo, 0).mean((0, 1)).argmax()
        ),
        "rows averaged only": lambda maps, photo: np.isclose(
            np.maximum(maps, 0).mean(1), np.maximum(photo, 0).mean(0)
        ).all((1, 2)),
        "nearly": lambda maps, photo: (
            np.abs(np.maximum(maps, 0).mean((1, 2)) - np.maximum(photo, 0).mean((0, 1))).max(1) < 1
        ),
        "all or nothing": lambda maps, photo: bool(
            np.isclose(np.maximum(maps, 0).mean((1, 2)), np.maximum(photo, 0).mean((0, 1))).all()
        ),
    },
}
