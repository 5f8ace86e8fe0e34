"""What the tests of several widgets use."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from coursekit.networks.backend import keras


def two_inputs():
    """Return a network that takes two pictures."""
    a, b = keras.Input((8, 8, 3)), keras.Input((8, 8, 3))
    return keras.Model([a, b], keras.layers.Add(name="add")([a, b]))


def roots_of_negatives():
    """Return a network that answers dark places of a picture with NaN."""
    root = keras.layers.Lambda(lambda x: keras.ops.sqrt(x - 40), output_shape=(12, 10, 3), name="root")
    return keras.Sequential([keras.Input((12, 10, 3)), root, keras.layers.Flatten(), keras.layers.Dense(3)])


@contextmanager
def listening(explorer) -> Iterator:
    """Wait until all is done, remember in ``told`` what the page is told from now on, and close the explorer."""
    explorer.wait()
    explorer.told = []
    explorer.send = lambda content, buffers=(): explorer.told.append((content, buffers))
    yield explorer
    explorer.close()


def check_refused_and_nothing_changed(explorer, name, value):
    before = explorer.get_state()
    with pytest.raises(ValueError):  # noqa: PT011
        setattr(explorer, name, value)
    assert explorer.get_state() == before


def check_error_of_the_thread_is_told(explorer, monkeypatch, computes):
    """Let what the thread calls fail: ``computes`` of the explorer's module."""

    def fails(*args, **kwargs):
        raise ValueError("Out of <paper>.")

    monkeypatch.setattr(f"{type(explorer).__module__}.{computes}", fails)
    explorer.target = 3
    with pytest.raises(ValueError, match="Out of <paper>"):
        explorer.wait()
    errors = [content["error"] for content, _ in explorer.told if "error" in content]  # not the last of all messages
    assert errors[-1] == "Out of <paper>."
    assert explorer._still() == "<p>Out of &lt;paper&gt;.</p>"


def until(true, seconds=60):
    """Wait for something that a thread does."""
    end = time.monotonic() + seconds
    while not true() and time.monotonic() < end:
        time.sleep(0.005)
    assert true()
