"""Averages in place of max poolings, against twins built by hand and against NumPy."""

import numpy as np
import pytest

from coursekit import activations, photo, squeezenet, with_average_pooling
from coursekit.networks.backend import keras
from tests.techniques.ascents import assert_unchanged, everything_about

layers = keras.layers
PICTURES = np.random.default_rng(0).uniform(0, 255, (2, 13, 11, 3)).astype(np.float32)


def built(pooling, padding="valid", size=3, strides=2):
    x = keras.Input(PICTURES.shape[1:], name="picture")
    y = layers.Conv2D(4, 3, activation="relu", name="conv")(x)
    y = pooling(size, strides, padding, name="pool")(y)
    return keras.Model(x, layers.Conv2D(2, 2, name="top")(y))


def assert_averages(model, twin):
    """Compare with the twin built by hand, which gets the same weights."""
    averaged, before = with_average_pooling(model), everything_about(model)
    twin.set_weights(model.get_weights())
    np.testing.assert_allclose(averaged(PICTURES), twin(PICTURES), rtol=1e-5, atol=1e-3)
    assert np.abs(averaged(PICTURES) - model(PICTURES)).max() > 1
    assert [layer.name for layer in averaged.layers][1:] == [layer.name for layer in model.layers][1:]
    assert_unchanged(model, before)
    return averaged


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize(("size", "strides"), [(3, 2), (2, None), ((3, 2), (1, 3))])
def test_functional(padding, size, strides):
    twins = [built(pooling, padding, size, strides) for pooling in (layers.MaxPooling2D, layers.AveragePooling2D)]
    assert_averages(*twins)


def test_sequential():
    def sequential(pooling):
        return keras.Sequential([keras.Input(PICTURES.shape[1:]), layers.Conv2D(4, 3), pooling(2), layers.Flatten()])

    found = assert_averages(sequential(layers.MaxPooling2D), sequential(layers.AveragePooling2D))
    assert isinstance(found, keras.Sequential)


def test_nested_and_called_twice():
    def nested(pooling):
        one, other = keras.Input((None, None, 3)), layers.Conv2D(3, 3, padding="same", name="conv")
        pool = pooling(2, padding="same", name="pool")
        core = keras.Model(one, pool(other(pool(other(one)))), name="core")
        shell = keras.Sequential([keras.Input(PICTURES.shape[1:]), core, layers.ReLU()], name="shell")
        x = keras.Input(PICTURES.shape[1:])
        return keras.Model(x, layers.GlobalMaxPooling2D(name="all")(pooling(2, 1)(shell(x))))

    found = assert_averages(nested(layers.MaxPooling2D), nested(layers.AveragePooling2D))
    assert type(found.get_layer("all")) is layers.GlobalMaxPooling2D


def test_other_dimensions():
    random = np.random.default_rng(1)
    signal, volume = random.normal(size=(1, 9, 3)), random.normal(size=(1, 4, 6, 4, 2))
    for values, kind, axes in ((signal, layers.MaxPooling1D, 1), (volume, layers.MaxPooling3D, 3)):
        x = keras.Input(values.shape[1:])
        averaged = with_average_pooling(keras.Model(x, kind(2)(x)))
        parts = np.array(values[:, :8] if axes == 1 else values, np.float32)
        for axis in range(1, axes + 1):
            shape = (*parts.shape[:axis], parts.shape[axis] // 2, 2, *parts.shape[axis + 1 :])
            parts = parts.reshape(shape).mean(axis + 1)
        np.testing.assert_allclose(averaged(values.astype(np.float32)), parts, rtol=1e-5, atol=1e-6)


def test_of_the_courses_network_by_numpy():
    """A window that reaches over the edge counts its own pixels only: pool3 rounds up."""
    network, picture = with_average_pooling(squeezenet()), photo("chelsea", 227)
    found = activations(network, picture, ["relu_conv1", "pool1", "fire3-concat", "pool3"])
    for before, after in (("relu_conv1", "pool1"), ("fire3-concat", "pool3")):
        maps, pooled = found[before], found[after]
        for row, column in ((0, 0), (5, 9), tuple(side - 1 for side in pooled.shape[:2])):
            window = maps[2 * row : 2 * row + 3, 2 * column : 2 * column + 3]
            np.testing.assert_allclose(pooled[row, column], window.mean((0, 1)), rtol=1e-4, atol=1e-4)
    assert window.shape[:2] == (2, 2)


def test_weights_of_its_own():
    model = built(layers.MaxPooling2D)
    before = model.get_weights()
    averaged = with_average_pooling(model)
    averaged.set_weights([0 * weight for weight in averaged.get_weights()])
    for one, other in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(one, other)


def test_without_a_pooling_the_same_network():
    x = keras.Input(PICTURES.shape[1:])
    model = keras.Model(x, layers.Conv2D(2, 3)(x))
    np.testing.assert_array_equal(with_average_pooling(model)(PICTURES), model(PICTURES))


class TestRefused:
    def test_operation(self):
        x = keras.Input(PICTURES.shape[1:])
        with pytest.raises(ValueError, match=r"is the operation keras.ops.max_pool, .* Build .* MaxPooling2D"):
            with_average_pooling(keras.Model(x, keras.ops.max_pool(x, 2)))

    def test_layer_of_ones_own(self):
        class Softened(layers.MaxPooling2D):
            def call(self, inputs):
                return 0.5 * super().call(inputs)

        x = keras.Input(PICTURES.shape[1:])
        with pytest.raises(ValueError, match=r"'soft' is a max pooling of another kind, Softened"):
            with_average_pooling(keras.Model(x, Softened(2, name="soft")(x)))

    def test_no_model(self):
        with pytest.raises(TypeError, match="Expected a Keras model, not str"):
            with_average_pooling("squeezenet")
