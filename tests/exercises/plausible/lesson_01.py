"""Wrong functions for lesson 01, none of them a usual mistake, as people write them; each takes a case by name."""

import numpy as np

PLAUSIBLE = {
    "01.by-hand": {
        "bias taken off": lambda patch, kernel, bias: np.maximum((patch[..., None] * kernel).sum((0, 1, 2)) - bias, 0),
        "absolute value": lambda patch, kernel, bias: np.abs((patch[..., None] * kernel).sum((0, 1, 2)) + bias),
        "mean for sum": lambda patch, kernel, bias: np.maximum((patch[..., None] * kernel).mean((0, 1, 2)) + bias, 0),
        "bias at each place": lambda patch, kernel, bias: np.maximum(
            (patch[..., None] * kernel + bias).sum((0, 1, 2)), 0
        ),
        "first channel": lambda patch, kernel, bias: np.maximum(
            (patch[..., :1, None] * kernel[:, :, :1]).sum((0, 1, 2)) + bias, 0
        ),
        "ReLU at each place": lambda patch, kernel, bias: np.maximum(
            np.maximum(patch[..., None] * kernel, 0).sum((0, 1, 2)) + bias, 0
        ),
        "clipped at 1": lambda patch, kernel, bias: np.clip((patch[..., None] * kernel).sum((0, 1, 2)) + bias, 0, 1),
    },
    "01.one-scale": {
        "divided by the sum": lambda layer: layer / layer.sum(),
        "mean and deviation": lambda layer: (layer - layer.mean()) / layer.std(),
        "without the lowest": lambda layer: layer - layer.min(),
        "minus one to one": lambda layer: layer / np.abs(layer).max(),
        "sigmoid": lambda layer: 1 / (1 + np.exp(-layer)),
        "turned around": lambda layer: (layer.max() - layer) / (layer.max() - layer.min()),
        "a scale for each row": lambda layer: (
            (layer - layer.min(1, keepdims=True)) / (layer.max(1, keepdims=True) - layer.min(1, keepdims=True))
        ),
        "absolute": lambda layer: np.abs(layer) / np.abs(layer).max(),
    },
}
