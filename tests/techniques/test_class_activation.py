import numpy as np
import pytest

from coursekit import cam, channel, class_score, grad_cam, photo, resize, squeezenet
from coursekit.networks.backend import keras

layers = keras.layers
PICTURE = np.float32([[[1, 4], [2, 0]], [[0, 6], [-3, 2]]])
WEIGHTS, BIAS = np.float32([[2, -1, -1], [-1, 1, -2]]), np.float32([10, 20, 30])


def network(end="dense"):
    """The picture's two colours through a ReLU are the feature maps; WEIGHTS make three classes of them."""
    x = keras.Input((2, 2, 2))
    maps = layers.ReLU(name="maps")(x)
    mean = layers.GlobalAveragePooling2D(name="mean")
    if end == "dense":
        scores = layers.Dense(3, name="scores")(layers.Dropout(0.5)(mean(maps)))
    else:
        scores = mean(layers.ReLU()(layers.Conv2D(3, 1, name="scores")(maps)))
    model = keras.Model(x, layers.Softmax()(scores))
    layer = model.get_layer("scores")
    layer.set_weights([WEIGHTS.reshape(layer.kernel.shape), BIAS])
    return model


FEATURES = np.maximum(PICTURE, 0)
ENDS = ("dense", "convolution")


@pytest.mark.parametrize("end", ENDS)
class TestByHand:
    def test_cam(self, end):
        model = network(end)
        expected = FEATURES @ WEIGHTS[:, 0]  # [[-2, 4], [-6, -2]]
        np.testing.assert_allclose(cam(model, PICTURE, 0, relu=False, upsample=False), expected)
        np.testing.assert_allclose(cam(model, PICTURE, 0, upsample=False), [[0, 4], [0, 0]])
        with_bias = cam(model, PICTURE, 0, bias=True, relu=False, upsample=False)
        np.testing.assert_allclose(with_bias, expected + 10)
        np.testing.assert_allclose(with_bias.mean(), class_score(model, 0)(PICTURE))

    def test_grad_cam_is_cam_over_the_number_of_places(self, end):
        model = network(end)
        found = grad_cam(model, PICTURE, [0, 1, 2], relu=False, upsample=False)
        np.testing.assert_allclose(4 * found, np.moveaxis(FEATURES @ WEIGHTS, 2, 0))
        np.testing.assert_allclose(4 * found, cam(model, PICTURE, [0, 1, 2], relu=False, upsample=False))
        np.testing.assert_array_equal(grad_cam(model, PICTURE, 0, "maps", False, False), found[0])

    def test_a_map_of_zeros_stays_one(self, end):
        model = network(end)
        for method in (cam, grad_cam):
            assert (method(model, PICTURE, 2) == 0).all()
            assert (method(model, 0 * PICTURE, 0) == 0).all()

    def test_two_classes(self, end):
        model = network(end)
        between = class_score(model, 1) - 2 * class_score(model, 0)
        expected = FEATURES @ (WEIGHTS[:, 1] - 2 * WEIGHTS[:, 0])
        np.testing.assert_allclose(cam(model, PICTURE, between, relu=False), expected)
        np.testing.assert_allclose(4 * grad_cam(model, PICTURE, between, relu=False), expected)

    def test_pictures_and_targets(self, end):
        model = network(end)
        two = np.stack([PICTURE, PICTURE[::-1]])
        found = cam(model, two, [0, 1], relu=False, batch_size=1)
        np.testing.assert_allclose(found, [FEATURES @ WEIGHTS[:, 0], FEATURES[::-1] @ WEIGHTS[:, 1]])
        np.testing.assert_allclose(4 * grad_cam(model, two, [0, 1], relu=False, batch_size=1), found)
        np.testing.assert_array_equal(cam(model, two, None), cam(model, two, model(two).numpy().argmax(1).tolist()))


def test_the_mean_of_the_gradient_weighs_the_channels():
    """Behind the maps a Dense layer tells the places apart, so that no CAM exists."""
    x = keras.Input((2, 2, 2))
    model = keras.Model(x, layers.Dense(1, use_bias=False)(layers.Flatten()(layers.ReLU(name="maps")(x))))
    model.layers[-1].set_weights([np.float32([[1], [0], [2], [0], [3], [0], [-2], [8]])])
    found = grad_cam(model, PICTURE, 0, upsample=False)
    np.testing.assert_allclose(found, FEATURES @ [1, 2])  # means of 1, 2, 3, -2 and of 0, 0, 0, 8
    with pytest.raises(ValueError, match=r"cam is for networks that end in a global average"):
        cam(model, PICTURE, 0)


@pytest.fixture(scope="module")
def given():
    return squeezenet(), photo("chelsea", 227)


class TestSqueezeNet:
    def test_cam_equals_grad_cam(self, given):
        how = {"relu": False, "upsample": False}
        for bias, layer in ((False, "fire9-concat"), (True, "conv10")):
            expected = cam(*given, ["tabby", "goose"], bias=bias, **how)
            found = 14 * 14 * grad_cam(*given, ["tabby", "goose"], layer, **how)
            np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 * np.abs(expected).max())

    def test_the_size_of_the_picture(self, given):
        small, large = (cam(*given, "tabby", upsample=upsample) for upsample in (False, True))
        assert (small.shape, large.shape, large.dtype) == ((14, 14), (227, 227), np.float32)
        np.testing.assert_array_equal(large, resize(small, 227))

    def test_what_does_not_fit(self, given):
        network, picture = given
        unit = channel(network, "conv1", 0)
        with pytest.raises(ValueError, match="'conv1 0' does not depend on layer 'fire9-concat'"):
            grad_cam(network, picture, unit, "fire9-concat")
        with pytest.raises(ValueError, match="Grad-CAM is for layers with maps"):
            grad_cam(network, picture, "tabby", "pool10")
        with pytest.raises(ValueError, match="A class activation map is of classes"):
            cam(network, picture, unit)
