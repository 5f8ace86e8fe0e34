"""Wrong functions for lesson 10, none of them a usual mistake, as people write them; each takes a case by name."""

import numpy as np

PLAUSIBLE = {
    "10.scale": {
        "the scales themselves": lambda rebuilt, another: np.argsort(another),
        "times the scale": lambda rebuilt, another: np.argsort(rebuilt * another),
        "in the order given": lambda rebuilt, another: np.arange(len(rebuilt)),
        "turned round": lambda rebuilt, another: np.arange(len(rebuilt))[::-1],
        "nearest only": lambda rebuilt, another: int(np.argmin(rebuilt / another)),
        "counted from 1": lambda rebuilt, another: np.argsort(rebuilt / another) + 1,
        "sorted numbers": lambda rebuilt, another: np.sort(rebuilt / another),
        "squared": lambda rebuilt, another: np.argsort(rebuilt**2 / another),
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
