"""What the tests of several widgets use."""

import time

from coursekit.networks.backend import keras


def two_inputs():
    """Return a network that takes two pictures."""
    a, b = keras.Input((8, 8, 3)), keras.Input((8, 8, 3))
    return keras.Model([a, b], keras.layers.Add(name="add")([a, b]))


def until(true, seconds=60):
    """Wait for something that a thread does."""
    end = time.monotonic() + seconds
    while not true() and time.monotonic() < end:
        time.sleep(0.005)
    assert true()
