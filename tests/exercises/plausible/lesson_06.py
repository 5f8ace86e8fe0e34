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
    "06.smooth": {
        "median": lambda gradients: np.abs(np.median(gradients, axis=0)).max(axis=-1),
        "length of the colours": lambda gradients: np.linalg.norm(gradients.mean(axis=0), axis=-1),
        "sum of the colours": lambda gradients: np.abs(gradients.mean(axis=0)).sum(axis=-1),
        "deviation": lambda gradients: gradients.std(axis=0).max(axis=-1),
        "squares": lambda gradients: (gradients**2).mean(axis=0).max(axis=-1),
        "first copy": lambda gradients: np.abs(gradients[0]).max(axis=-1),
        "largest copy": lambda gradients: np.abs(gradients).max(axis=(0, -1)),
        "colours before copies": lambda gradients: np.abs(gradients.max(axis=-1).mean(axis=0)),
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
