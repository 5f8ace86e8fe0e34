import numpy as np
import pytest

from coursekit import class_score, deconvnet, guided_backprop, neuron, saliency
from coursekit.networks.backend import keras

layers = keras.layers
FIRST, SECOND = np.float32([[1, -1], [2, 1]]), np.float32([[3, 0], [-1, 1]])

RELUS = {
    "folded": lambda: [layers.Dense(2, use_bias=False, activation="relu", name="first")],
    "layer": lambda: [layers.Dense(2, use_bias=False, name="first"), layers.ReLU()],
    "Activation": lambda: [layers.Dense(2, use_bias=False, name="first"), layers.Activation("relu")],
    "nested": lambda: [
        keras.Sequential([keras.Input((2,)), layers.Dense(2, use_bias=False, name="first"), layers.ReLU()])
    ],
    "relu6": lambda: [layers.Dense(2, use_bias=False, activation="relu6", name="first")],
    "ReLU6": lambda: [layers.Dense(2, use_bias=False, name="first"), layers.ReLU(max_value=6)],
    "leaky": lambda: [layers.Dense(2, use_bias=False, name="first"), layers.LeakyReLU(0.5)],
    "PReLU": lambda: [
        layers.Dense(2, use_bias=False, name="first"),
        layers.PReLU(alpha_initializer=keras.initializers.Constant(0.5)),
    ],
    "sigmoid": lambda: [layers.Dense(2, use_bias=False, activation="sigmoid", name="first")],
}
ENDS = {
    "folded softmax": lambda: [layers.Dense(2, use_bias=False, activation="softmax")],
    "softmax": lambda: [layers.Dense(2, use_bias=False), layers.Softmax()],
    "sigmoid": lambda: [layers.Dense(2, use_bias=False, activation="sigmoid")],
}


def network(rectifier, end="softmax"):
    """Two numbers x -> FIRST -> a rectifier -> SECOND -> an end; class 0 has 3 times the first less the second unit."""
    parts = [layers.Flatten(), *RELUS[rectifier](), *ENDS[end]()]
    model = keras.Sequential([keras.Input((1, 1, 2)), *parts])
    kernels = iter((FIRST, SECOND))
    for weight in model.weights:
        weight.assign(next(kernels) if weight.shape == (2, 2) else np.full(weight.shape, 0.5))
    return model


def maps(model, *numbers):
    picture = np.float32(numbers).reshape(1, 1, 2)
    return [method(model, picture, 0).ravel().tolist() for method in (saliency, guided_backprop, deconvnet)]


PLAIN = ("folded", "layer", "Activation", "nested")


class TestByHand:
    """What comes back to the two units is 3 and -1; the first is reached by (1, 2), the second by (-1, 1)."""

    @pytest.mark.parametrize("rectifier", [*PLAIN, "relu6", "leaky"])
    def test_both_open(self, rectifier):
        assert maps(network(rectifier), 1, 2) == [[4, 5], [3, 6], [3, 6]]

    @pytest.mark.parametrize("rectifier", PLAIN)
    def test_the_first_unit_is_closed(self, rectifier):
        """Inputs of -1 and 4: deconvnet lets pass whatever came in."""
        assert maps(network(rectifier), -3, 1) == [[1, -1], [0, 0], [3, 6]]

    @pytest.mark.parametrize("rectifier", ["relu6", "ReLU6"])
    def test_the_first_unit_is_above_six(self, rectifier):
        assert maps(network(rectifier), 1, 4) == [[1, -1], [0, 0], [3, 6]]

    @pytest.mark.parametrize("rectifier", ["leaky", "PReLU"])
    def test_a_leaky_one_keeps_its_slope(self, rectifier):
        assert maps(network(rectifier), -3, 1) == [[2.5, 2], [1.5, 3], [3, 6]]

    def test_a_sigmoid_is_no_rectifier(self):
        gradient, guided, through = maps(network("sigmoid"), 1, 2)
        assert gradient == guided == through

    @pytest.mark.parametrize("end", ENDS)
    def test_the_score_stands_before_the_end(self, end):
        assert maps(network("folded", end), 1, 2) == [[4, 5], [3, 6], [3, 6]]

    def test_of_a_unit(self):
        """The second unit itself: 1 comes back at its rectifier, at 4 open, at -3 closed."""
        model = network("folded")
        unit = neuron(model, "first", 1)
        for numbers, guided in (((-3, 1), [-1, 1]), ((3, 0), [0, 0])):
            picture = np.float32(numbers).reshape(1, 1, 2)
            assert guided_backprop(model, picture, unit).ravel().tolist() == guided
            assert deconvnet(model, picture, unit).ravel().tolist() == [-1, 1]


def test_the_model_is_left_as_it_is():
    model = network("folded")
    picture = np.float32([[[[-3, 1]]]])
    before, configuration = model(picture).numpy(), model.get_config()
    guided_backprop(model, picture, 0)
    deconvnet(model, picture, 0)
    np.testing.assert_array_equal(model(picture), before)
    assert str(model.get_config()) == str(configuration)
    assert saliency(model, picture, 0).ravel().tolist() == [1, -1]


def test_several_targets_of_one_picture_and_the_top_class():
    model = network("folded")
    picture = np.float32([1, 2]).reshape(1, 1, 2)
    both = guided_backprop(model, picture, [0, class_score(model, 1)])
    assert both.shape == (2, 1, 1, 2)
    assert both.reshape(2, 2).tolist() == [[3, 6], [-1, 1]]
    assert guided_backprop(model, picture, None).ravel().tolist() == [3, 6]  # scores of 14 and 1
    assert guided_backprop(model, picture, [0]).shape == (1, 1, 1, 2)
