"""Wrong functions for lesson 09, none of them a usual mistake, as people write them; each takes a case by name."""

import numpy as np

PLAUSIBLE = {
    "09.step": {
        "clipped before": lambda image, gradient, budget: np.clip(image, 0, 255) + budget * np.sign(gradient),
        "the change clipped": lambda image, gradient, budget: image + np.clip(budget * np.sign(gradient), 0, 255),
        "only upwards": lambda image, gradient, budget: np.clip(image + budget * (gradient > 0), 0, 255),
        "gradient of unit length": lambda image, gradient, budget: np.clip(
            image + budget * gradient / np.linalg.norm(gradient), 0, 255
        ),
        "from 0 to 1": lambda image, gradient, budget: np.clip(image + budget * np.sign(gradient), 0, 1),
        "wrapped around": lambda image, gradient, budget: (image + budget * np.sign(gradient)) % 256,
        "sign of the picture": lambda image, gradient, budget: np.clip(image + budget * np.sign(image), 0, 255),
        "by the mean colour": lambda image, gradient, budget: np.clip(
            image + budget * np.sign(gradient.mean(axis=-1, keepdims=True)), 0, 255
        ),
        "as many times": lambda image, gradient, budget: np.clip(image * (1 + np.sign(gradient) / budget), 0, 255),
        "the gradient cut to the budget": lambda image, gradient, budget: np.clip(
            image + np.clip(gradient, -budget, budget), 0, 255
        ),
    },
    "09.project": {
        "the larger side only": lambda image, changed, budget: np.clip(np.minimum(changed, image + budget), 0, 255),
        "the smaller side only": lambda image, changed, budget: np.clip(np.maximum(changed, image - budget), 0, 255),
        "always at the border": lambda image, changed, budget: np.clip(
            image + budget * np.sign(changed - image), 0, 255
        ),
        "by the length": lambda image, changed, budget: np.clip(
            image + (changed - image) * min(1, budget / np.linalg.norm(changed - image)), 0, 255
        ),
        "the photo": lambda image, changed, budget: image,
        "in the middle": lambda image, changed, budget: np.clip((image + changed) / 2, 0, 255),
        "half of the budget": lambda image, changed, budget: np.clip(
            np.clip(changed, image - budget / 2, image + budget / 2), 0, 255
        ),
        "to the budget from both ends": lambda image, changed, budget: np.clip(changed, budget, 255 - budget),
        "absolute change": lambda image, changed, budget: np.clip(
            image + np.minimum(np.abs(changed - image), budget), 0, 255
        ),
    },
    "09.saved": {
        "all of them": lambda pictures, weights, targets: np.ones(len(pictures), bool),
        "none of them": lambda pictures, weights, targets: np.zeros(len(pictures), bool),
        "rounded up": lambda pictures, weights, targets: (
            (np.clip(np.ceil(pictures), 0, 255) @ weights).argmax(axis=1) == targets
        ),
        "scores rounded": lambda pictures, weights, targets: (
            np.rint(np.clip(pictures, 0, 255) @ weights).argmax(axis=1) == targets
        ),
        "smallest score": lambda pictures, weights, targets: (
            (np.clip(np.rint(pictures), 0, 255) @ weights).argmin(axis=1) == targets
        ),
        "best picture of each class": lambda pictures, weights, targets: np.isin(
            np.arange(len(pictures)), (np.clip(np.rint(pictures), 0, 255) @ weights).argmax(axis=0)
        ),
        "same as before": lambda pictures, weights, targets: (
            (np.clip(np.rint(pictures), 0, 255) @ weights).argmax(axis=1) == (pictures @ weights).argmax(axis=1)
        ),
        "all or nothing": lambda pictures, weights, targets: bool(
            ((np.clip(np.rint(pictures), 0, 255) @ weights).argmax(axis=1) == targets).all()
        ),
        "positive score": lambda pictures, weights, targets: (
            (np.clip(np.rint(pictures), 0, 255) @ weights)[np.arange(len(pictures)), targets] > 0
        ),
        "of 0 to 1": lambda pictures, weights, targets: (
            (np.clip(np.rint(pictures), 0, 1) @ weights).argmax(axis=1) == targets
        ),
    },
}
