import numpy as np
import pytest

from coursekit import randomize
from coursekit.networks.backend import keras

layers = keras.layers


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    inner = keras.Sequential([keras.Input((8, 8, 3)), layers.Conv2D(40, 3, name="deep")], name="inner")
    x = keras.Input((8, 8, 3))
    y = layers.BatchNormalization(name="norm")(inner(x))
    y = layers.Lambda(lambda t: t * 2.0)(layers.DepthwiseConv2D(3, depth_multiplier=30, name="each")(y))
    return keras.Model(x, layers.Dense(50, bias_initializer="normal", name="top")(layers.Flatten()(y)))


def changed(model, other):
    """Return the paths of the weights that differ."""
    pairs = zip(model.weights, other.weights, strict=True)
    return {one.path for one, two in pairs if not np.array_equal(one.numpy(), two.numpy())}


def test_layers_from_the_top(model):
    before = model.get_weights()
    by_count = [randomize(model, count) for count in range(4)]
    assert [len(changed(model, one)) for one in by_count] == [0, 2, 3, 3]  # the normalization is as it was at first
    np.testing.assert_array_equal(by_count[1].get_layer("top").kernel, by_count[2].get_layer("top").kernel)
    assert changed(by_count[2], randomize(model, ["each", "top"])) == set()
    deep = {model.get_layer("inner").get_layer("deep").kernel.path}
    assert changed(model, randomize(model, "inner")) == changed(model, randomize(model, "deep")) == deep
    for one, two in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)


def test_he(model):
    """The variance is 2 over the numbers that go in: 27 for the convolution, 9 for the depthwise one."""
    drawn = randomize(model, ["deep", "each", "top"])
    deep = drawn.get_layer("inner").get_layer("deep")
    for layer, count in ((deep, 27), (drawn.get_layer("each"), 9), (drawn.get_layer("top"), 19200)):
        kernel = layer.kernel.numpy()
        assert kernel.std() == pytest.approx(np.sqrt(2 / count), rel=0.1)
        assert abs(kernel.mean()) < 0.1 * kernel.std()
        assert (layer.bias.numpy() == 0).all()


def test_seed_and_weights_of_its_own(model):
    assert changed(randomize(model, 1), randomize(model, 1)) == set()
    assert changed(randomize(model, 1), randomize(model, 1, seed=1)) == {"top/kernel"}
    twin, picture = randomize(model, 0), np.ones((1, 8, 8, 3), np.float32)
    before = model(picture).numpy()
    np.testing.assert_array_equal(twin(picture), before)
    twin.set_weights([0 * weight for weight in twin.get_weights()])
    np.testing.assert_array_equal(model(picture), before)


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        ("tops", ValueError, "There is no layer 'tops' with weights. Did you mean 'top'"),
        (5, ValueError, "layers must be from 0 to 4, not 5: there are 4 layers with weights"),
        (1.5, TypeError, "layers must be a whole number from 0 to 4"),
    ],
)
def test_layers_that_are_none(given, error, words, model):
    with pytest.raises(error, match=words):
        randomize(model, given)
