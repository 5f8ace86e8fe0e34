import numpy as np
import pytest

from coursekit.networks.backend import keras, tf
from coursekit.networks.graph import steps
from coursekit.networks.nonlinearity import call_before, is_relu, is_softmax, nonlinearity, split

layers, activations, ops = keras.layers, keras.activations, keras.ops
PICTURES = np.random.default_rng(0).normal(0, 3, (2, 6, 6, 4)).astype(np.float32)


def network(*apply):
    """Return a model of such functions, one after the other."""
    x = picture = keras.Input((6, 6, 4))
    for function in apply:
        x = function(x)
    return keras.Model(picture, x)


def last(function):
    return steps(network(function))[-1]


NONE, RELU, SOFTMAX, OTHER = "none", "relu", "softmax", "another"
KINDS = {
    "linear": (lambda: layers.Conv2D(3, 3), NONE),
    "linear by name": (lambda: layers.Dense(3, activation="linear"), NONE),
    "Activation linear": (lambda: layers.Activation("linear"), NONE),
    "pooling": (lambda: layers.MaxPooling2D(), NONE),
    "normalization": (lambda: layers.BatchNormalization(), NONE),
    "absolute value": (lambda: ops.abs, NONE),
    "Conv2D relu": (lambda: layers.Conv2D(3, 3, activation="relu"), RELU),
    "Dense relu6": (lambda: layers.Dense(3, activation="relu6"), RELU),
    "Dense tf.nn.relu": (lambda: layers.Dense(3, activation=tf.nn.relu), RELU),
    "Dense with a ReLU layer": (lambda: layers.Dense(3, activation=layers.ReLU(max_value=2)), RELU),
    "DepthwiseConv2D": (lambda: layers.DepthwiseConv2D(3, activation="relu"), RELU),
    "SeparableConv2D": (lambda: layers.SeparableConv2D(3, 3, activation="relu"), RELU),
    "Conv2DTranspose": (lambda: layers.Conv2DTranspose(3, 3, activation="relu"), RELU),
    "EinsumDense": (lambda: layers.EinsumDense("bhwc,cd->bhwd", (6, 6, 3), activation="relu"), RELU),
    "ReLU": (lambda: layers.ReLU(), RELU),
    "ReLU6": (lambda: layers.ReLU(max_value=6), RELU),
    "Activation relu": (lambda: layers.Activation("relu"), RELU),
    "ops.relu": (lambda: ops.relu, RELU),
    "ops.relu6": (lambda: ops.relu6, RELU),
    "activations.relu": (lambda: activations.relu, RELU),
    "activations.relu, cut off": (lambda: lambda x: activations.relu(x, max_value=2.0), RELU),
    "activations.relu6": (lambda: activations.relu6, RELU),
    "Dense softmax": (lambda: layers.Dense(3, activation="softmax"), SOFTMAX),
    "Softmax": (lambda: layers.Softmax(), SOFTMAX),
    "Softmax along rows": (lambda: layers.Softmax(axis=1), SOFTMAX),
    "Activation softmax": (lambda: layers.Activation("softmax"), SOFTMAX),
    "ops.softmax": (lambda: ops.softmax, SOFTMAX),
    "Conv2D tf.nn.softmax": (lambda: layers.Conv2D(3, 1, activation=tf.nn.softmax), SOFTMAX),
    "activations.relu that leaks": (lambda: lambda x: activations.relu(x, negative_slope=0.1), OTHER),
    "leaky": (lambda: layers.Conv2D(3, 3, activation="leaky_relu"), OTHER),
    "a ReLU that leaks": (lambda: layers.ReLU(negative_slope=0.1), OTHER),
    "a ReLU with a threshold": (lambda: layers.ReLU(threshold=1.0), OTHER),
    "Conv2D swish": (lambda: layers.Conv2D(3, 3, activation="swish"), OTHER),
    "Activation tanh": (lambda: layers.Activation("tanh"), OTHER),
}


@pytest.mark.parametrize(("make", "kind"), KINDS.values(), ids=KINDS)
class TestEveryKind:
    def test_it_is_recognised(self, make, kind):
        function = nonlinearity(last(make()).operation)
        assert (function is None) == (kind == NONE)
        assert is_relu(function) == (kind == RELU)
        assert is_softmax(function) == (kind == SOFTMAX)

    def test_the_two_parts_make_the_whole(self, make, kind):
        model = network(make())
        before, function = split(steps(model)[-1], (PICTURES,), {})
        whole = np.asarray(model(PICTURES))
        np.testing.assert_allclose(before if function is None else function(before), whole, rtol=1e-5, atol=1e-5)
        if kind == RELU:
            assert np.min(before) < -0.1 < np.min(whole) == 0
        if kind == SOFTMAX:
            assert not np.allclose(before, whole, atol=0.1)


def test_before_the_nonlinearity_by_hand():
    layer = layers.Dense(3, activation="softmax")
    layer.build(PICTURES.shape)
    by_hand = PICTURES @ np.asarray(layer.kernel) + np.asarray(layer.bias)
    np.testing.assert_allclose(call_before(layer, PICTURES), by_hand, rtol=1e-5, atol=1e-5)
    assert layer.activation is activations.softmax
    np.testing.assert_array_equal(call_before(layers.ReLU(), PICTURES), PICTURES)


@pytest.mark.parametrize("make", [layers.ReLU, lambda: layers.Dense(3, activation="relu")])
def test_steps_called_by_keyword(make):
    model = network(lambda x: make()(inputs=x))
    before, function = split(steps(model)[-1], (), {"inputs": PICTURES})
    assert np.min(before) < 0
    np.testing.assert_allclose(function(before), model(PICTURES), rtol=1e-5, atol=1e-5)


def test_the_layer_keeps_its_activation_meanwhile():
    seen = []

    class Watched(layers.Dense):
        def call(self, inputs):
            seen.append(layer(PICTURES) if self is not layer else None)
            return super().call(inputs)

    layer = Watched(3, activation="relu")
    layer.build(PICTURES.shape)
    before = call_before(layer, PICTURES)
    [meanwhile] = [values for values in seen if values is not None]
    np.testing.assert_allclose(meanwhile, np.maximum(before, 0), rtol=1e-5, atol=1e-5)
    with pytest.raises(ValueError, match="incompatible"):
        call_before(layer, np.zeros((2, 5), np.float32))
    assert layer.activation is activations.relu
    assert [id(weight) for weight in layer.weights] == [id(layer.kernel), id(layer.bias)]


def test_a_layer_as_activation_stays_one_layer():
    layer = layers.Dense(3, activation=layers.ReLU(name="inside"))
    layer.build((None, 4))
    inside = layer.activation
    for _ in range(3):
        call_before(layer, np.zeros((2, 4), np.float32))
    assert layer.activation is inside
    assert list(layer._flatten_layers(include_self=False)) == [inside]
