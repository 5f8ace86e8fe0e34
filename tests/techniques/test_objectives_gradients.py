"""The gradients of objectives against finite differences."""

import numpy as np
import pytest

from coursekit import channel, class_score, direction, neuron
from coursekit.networks.backend import keras, tf
from coursekit.networks.reading import read
from coursekit.techniques.objectives import layers_read, tables, total

layers = keras.layers


@pytest.fixture(scope="module")
def curved():
    keras.utils.set_random_seed(3)
    return keras.Sequential(
        [
            keras.Input((4, 5, 3)),
            layers.Rescaling(1 / 127.5, offset=-1),
            layers.Conv2D(4, 2, activation="tanh", name="first"),
            layers.Conv2D(6, 2, activation="softplus", name="second"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(5, activation="softmax", name="prob"),
        ]
    )


class TestGradients:
    @pytest.mark.parametrize(
        "make",
        [
            lambda m: channel(m, "second", 3),
            lambda m: channel(m, "first", 1, pre_activation=True),
            lambda m: channel(m, "prob", 2),
            lambda m: neuron(m, "second", 2, (0, 2)),
            lambda m: direction(m, "first", [1, -1, 2, 0.5], "centre"),
            lambda m: class_score(m, 2),
            lambda m: 2 * class_score(m, 2) - 3 * neuron(m, "first", 0),
        ],
        ids=["channel", "before", "probability", "neuron", "direction", "class", "combination"],
    )
    def test_against_finite_differences(self, make, curved):
        objective = make(curved)
        picture = np.random.default_rng(1).uniform(50, 200, (1, 4, 5, 3)).astype(np.float32)
        wanted = layers_read([objective])
        directions, positions = zip(*tables([objective]), strict=True)
        with tf.GradientTape() as tape:
            x = tf.constant(picture)
            tape.watch(x)
            value = total(read(curved, [x], wanted), directions, positions)
        gradient = tape.gradient(value, x).numpy().ravel()
        step = 2.0 * np.eye(picture.size, dtype=np.float32).reshape(-1, 4, 5, 3)
        by_differences = (objective(picture + step).astype(np.float64) - objective(picture - step)) / 4
        assert np.abs(gradient).max() > 1e-5
        np.testing.assert_allclose(gradient, by_differences, rtol=5e-3, atol=2e-3 * np.abs(gradient).max())
