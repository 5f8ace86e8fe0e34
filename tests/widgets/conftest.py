"""Networks for the tests of several widgets."""

import pytest

from coursekit import squeezenet
from coursekit.networks.backend import keras

layers = keras.layers


@pytest.fixture(scope="session")
def network():
    return squeezenet()


@pytest.fixture(scope="module")
def small():
    keras.utils.set_random_seed(0)
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(5, 3, name="conv"),
            layers.ReLU(name="relu"),
            layers.Flatten(),
            layers.Dense(10, activation="softmax", name="digit"),
        ]
    )
