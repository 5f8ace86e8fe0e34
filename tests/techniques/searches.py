"""What the tests of patches share: pictures, and a small network to search them with."""

import numpy as np

from coursekit.networks.backend import keras

layers = keras.layers
RANDOM = np.random.default_rng(0)
PICTURES = RANDOM.integers(0, 256, (41, 12, 10, 3)).astype(np.uint8)
LARGE = [RANDOM.integers(0, 256, (h, w, 3)).astype(np.uint8) for h, w in [(12, 10), (30, 25), (12, 40), (30, 25)]]


def small(size=(12, 10), **kwargs):
    keras.utils.set_random_seed(0)
    x = keras.Input((*size, 3), name="picture", **kwargs)
    y = layers.Conv2D(5, 3, padding="same", activation="relu", name="conv")(layers.Rescaling(1 / 255)(x))
    y = layers.Conv2D(6, 3, strides=2, name="deep")(y)
    return keras.Model(x, layers.GlobalMaxPooling2D(name="all")(y), name="small")
