"""The network as files for a page: what is exported, and what is refused."""

import keras
import numpy as np
import pytest

from book.live_files import network_files


def test_layers_and_weights_of_a_small_network():
    picture = keras.Input((9, 9, 3), name="picture")
    x = keras.layers.Conv2D(4, 3, 2, "same", name="conv")(picture)
    x = keras.layers.MaxPooling2D(3, 2, name="pool")(keras.layers.ReLU(name="relu")(x))
    model = keras.Model(picture, keras.layers.Conv2D(2, 1, name="last")(x))
    layers, weights = network_files(model)
    assert [(one["name"], one["kind"], one["inputs"]) for one in layers] == [
        ("picture", "picture", []),
        ("conv", "convolution", ["picture"]),
        ("relu", "rectifier", ["conv"]),
        ("pool", "pooling", ["relu"]),
        ("last", "convolution", ["pool"]),
    ]
    first, last = layers[1], layers[4]
    assert [first[key] for key in ("filters", "side", "stride", "padding", "kernel", "bias")] == [
        4,
        3,
        2,
        "same",
        0,
        108,
    ]
    assert (last["kernel"], last["bias"], len(weights)) == (112, 120, 122)
    kernel, _ = model.get_layer("conv").get_weights()
    assert weights[((2 * 3 + 1) * 3 + 0) * 3 + 2] == kernel[0, 2, 1, 2]  # out 2, in 1, row 0, column 2
    np.testing.assert_array_equal(weights[112:120].reshape(2, 4), model.get_layer("last").get_weights()[0][0, 0].T)


@pytest.mark.parametrize(
    ("layer", "says"),
    [
        (keras.layers.DepthwiseConv2D(3, name="odd"), "does not know 'odd', a DepthwiseConv2D"),
        (keras.layers.Conv2D(2, 3, dilation_rate=2, name="odd"), "does not know 'odd', a Conv2D as it is set there"),
        (keras.layers.Conv2D(2, (3, 1), name="odd"), "'odd' has no square window"),
    ],
)
def test_what_the_page_cannot_compute_is_refused(layer, says):
    model = keras.Sequential([keras.Input((9, 9, 3)), layer])
    with pytest.raises(ValueError, match=says):
        network_files(model)
