"""Answers to the exercises of lesson 01, as people write them: right ones, and the usual wrong ones."""

import numpy as np

from coursekit.networks.backend import tf


def by_hand(patch, kernel, bias):
    values = (patch[..., np.newaxis] * kernel).sum(axis=(0, 1, 2)) + bias
    return np.maximum(values, 0)


def by_hand_with_loops(patch, kernel, bias):
    answers = []
    for i in range(kernel.shape[3]):
        total = bias[i]
        for row in range(patch.shape[0]):
            for column in range(patch.shape[1]):
                for channel in range(patch.shape[2]):
                    total += patch[row, column, channel] * kernel[row, column, channel, i]
        answers.append(max(total, 0))
    return answers


def by_hand_with_tensorflow(patch, kernel, bias):
    return tf.nn.relu(tf.nn.conv2d(patch[np.newaxis], kernel, 1, "VALID")[0, 0, 0] + bias)


def not_begun(patch, kernel, bias):
    # YOUR CODE HERE
    raise NotImplementedError()


def one_scale(layer):
    return (layer - layer.min()) / (layer.max() - layer.min())


def without_relu(patch, kernel, bias):
    return (patch[..., np.newaxis] * kernel).sum(axis=(0, 1, 2)) + bias


def without_bias(patch, kernel, bias):
    return np.maximum((patch[..., np.newaxis] * kernel).sum(axis=(0, 1, 2)), 0)


def products_only(patch, kernel, bias):
    return np.tensordot(patch, kernel, 3)


def as_mathematicians_do(patch, kernel, bias):
    rows, columns, _ = patch.shape
    total = np.array(bias)
    for row in range(rows):
        for column in range(columns):
            total = total + patch[row, column] @ kernel[rows - 1 - row, columns - 1 - column]
    return np.maximum(total, 0)


def relu_too_early(patch, kernel, bias):
    return tf.nn.relu(np.tensordot(patch, kernel, 3)) + bias


def all_filters_together(patch, kernel, bias):
    return max(0.0, float(sum((patch * kernel[..., i]).sum() + bias[i] for i in range(kernel.shape[3]))))


def a_scale_for_each(layer):
    stretched = [(c - c.min()) / (c.max() - c.min()) for c in np.moveaxis(layer, -1, 0)]
    return np.stack(stretched, axis=-1)


def a_scale_for_each_point(layer):
    scaled = np.zeros(layer.shape)
    for row in range(layer.shape[0]):
        for column in range(layer.shape[1]):
            point = layer[row, column]
            scaled[row, column] = (point - point.min()) / (point.max() - point.min())
    return scaled


def divided(layer):
    return layer / np.max(layer)


def cut_off(layer):
    positive = layer.copy()
    positive[positive < 0] = 0
    return positive / positive.max()


def for_a_screen(layer):
    return np.interp(layer, (layer.min(), layer.max()), (0, 255))


WRONG_FUNCTIONS = {
    "01.by-hand": {
        "forgot the ReLU": without_relu,
        "forgot the bias": without_bias,
        "forgot the bias and the ReLU": products_only,
        "turned the kernel": as_mathematicians_do,
        "ReLU before the bias": relu_too_early,
        "added up all filters": all_filters_together,
    },
    "01.one-scale": {
        "a scale for each channel": a_scale_for_each,
        "a scale for each point": a_scale_for_each_point,
        "divided by the largest": divided,
        "negative values cut off": cut_off,
        "0 to 255": for_a_screen,
    },
}
WRONG_VALUES = {
    "counted from 1": lambda layer: max(range(layer.shape[2]), key=lambda c: layer[:, :, c].max()) + 1,
    "channels first": lambda layer: max(range(len(layer)), key=lambda c: layer[c].max()),
    "position in the flat array": lambda layer: layer.ravel().tolist().index(layer.max()),
    "mean instead of largest": lambda layer: max(range(layer.shape[2]), key=lambda c: layer[:, :, c].mean()),
    "largest absolute value": lambda layer: int(np.unravel_index(abs(layer).argmax(), layer.shape)[2]),
}
