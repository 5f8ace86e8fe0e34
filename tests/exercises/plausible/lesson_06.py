"""Wrong functions for lesson 06, none of them a usual mistake, as people write them; each takes a case by name."""

import numpy as np

PLAUSIBLE = {
    "06.change": {
        "largest change": lambda gradient, image, other: float((gradient * (other - image)).max()),
        "length": lambda gradient, image, other: float(np.linalg.norm(gradient * (other - image))),
        "sums apart": lambda gradient, image, other: float(gradient.sum() * (other - image).sum()),
        "one colour": lambda gradient, image, other: float((gradient * (other - image))[..., 0].sum()),
        "only what rises": lambda gradient, image, other: float(np.maximum(gradient * (other - image), 0).sum()),
        "for each colour": lambda gradient, image, other: (gradient * (other - image)).sum(axis=(0, 1)),
        "the brighter pixels": lambda gradient, image, other: float((gradient * np.maximum(other - image, 0)).sum()),
        "signs only": lambda gradient, image, other: float((gradient * np.sign(other - image)).sum()),
    },
    "06.cancels": {
        "deviation": lambda gradients: gradients.std(axis=0) / np.abs(gradients).mean(axis=0),
        "negative copies": lambda gradients: (gradients < 0).mean(axis=0),
        "negative strength": lambda gradients: np.maximum(-gradients, 0).sum(axis=0) / np.abs(gradients).sum(axis=0),
        "against the largest copy": lambda gradients: (
            1 - np.abs(gradients.mean(axis=0)) / np.abs(gradients).max(axis=0)
        ),
        "sum against mean": lambda gradients: 1 - np.abs(gradients.sum(axis=0)) / np.abs(gradients).mean(axis=0),
        "squares": lambda gradients: 1 - gradients.mean(axis=0) ** 2 / (gradients**2).mean(axis=0),
        "median": lambda gradients: 1 - np.abs(np.median(gradients, axis=0)) / np.median(np.abs(gradients), axis=0),
        "first copy": lambda gradients: 1 - np.abs(gradients.mean(axis=0)) / np.abs(gradients[0]),
        "the map": lambda gradients: np.abs(gradients.mean(axis=0)),
    },
    "06.hidden-class": {
        "any closed": lambda values, first, second: (values <= 0) | (first <= 0) | (second <= 0),
        "both negative": lambda values, first, second: (first < 0) & (second < 0),
        "one of them negative": lambda values, first, second: (values > 0) & ((first < 0) | (second < 0)),
        "other signs": lambda values, first, second: (values > 0) & (first * second < 0),
        "sum below zero": lambda values, first, second: (values > 0) & (first + second < 0),
        "their numbers": lambda values, first, second: np.flatnonzero((values > 0) & (first < 0) & (second < 0)),
        "how many": lambda values, first, second: int(((values > 0) & (first < 0) & (second < 0)).sum()),
    },
}
