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
    "01.control": {
        "eyes over the control": lambda opened, covered, control: covered.mean(0) / control.mean(0),
        "what is left": lambda opened, covered, control: covered.mean(0) / opened.mean(0),
        "a ratio of losses": lambda opened, covered, control: (
            (opened.mean(0) - covered.mean(0)) / (opened.mean(0) - control.mean(0))
        ),
        "over the channels": lambda opened, covered, control: ((control - covered) / opened).mean(1),
        "all together": lambda opened, covered, control: float((control - covered).sum() / opened.sum()),
        "the strongest channel": lambda opened, covered, control: int(opened.mean(0).argmax()),
        "the largest of each": lambda opened, covered, control: (control.max(0) - covered.max(0)) / opened.max(0),
        "below zero cut off": lambda opened, covered, control: np.maximum(
            (control.mean(0) - covered.mean(0)) / opened.mean(0), 0
        ),
        "first picture": lambda opened, covered, control: (control[0] - covered[0]) / opened[0],
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
