import numpy as np
import pytest

from coursekit import arithmetic, show
from coursekit.networks.backend import keras

L = keras.layers


@pytest.fixture(scope="module")
def network():
    """Return a convolution of two channels with padding, a sum, a pooling and a large kernel."""
    picture = keras.Input((2, 2, 2), name="picture")
    mixed = L.Conv2D(1, 2, padding="same", activation="relu", name="mix")(picture)
    summed = L.Add(name="sum")([picture, mixed])
    large = L.Conv2D(1, 8, padding="same", name="large")(picture)
    model = keras.Model(picture, [summed, L.MaxPooling2D(2, name="pool")(picture), large])
    weights = np.array([[[1, 2], [3, 4]], [[5, 6], [-7, 8]]], np.float32)
    model.get_layer("mix").set_weights([weights[..., np.newaxis], np.array([0.5])])
    return model


PICTURE = np.array([[[1, 10], [2, 20]], [[3, 30], [4, 40]]], np.float32)


def words(ax):
    return [text.get_text() for text in ax.texts]


class TestAKernel:
    def test_patch_kernel_and_products_with_their_numbers_and_padding_crossed(self, network):
        fig = show.arithmetic(arithmetic(network, PICTURE, "mix", 0, 1, 0))
        patch, kernel, products, _ = fig.axes
        assert words(patch) == ["20", "40"]
        assert words(kernel) == ["2", "4", "6", "8"]
        assert words(products) == ["40", "240"]
        assert len(patch.lines) == len(products.lines) == 4  # two places of padding, a cross each
        assert not kernel.lines
        assert patch.get_title() == "channel 1 of\npicture"
        assert products.get_title() == "adds 280"
        assert [label.get_text() for label in patch.get_xticklabels()] == ["1", "2"]
        assert kernel.images[0].norm(0) == 0.5

    def test_a_bar_for_each_term_the_rest_the_bias_the_sum_and_the_activation(self, network):
        found = arithmetic(network, PICTURE, "mix", 0, 1, 0)
        bars = show.arithmetic(found).axes[-1]
        assert [bar.get_width() for bar in bars.patches] == [280, 22, 0.5, 302.5, 302.5]
        names = ["channel 1", "channel 0", "bias", "sum", "relu"]
        assert [label.get_text() for label in bars.get_yticklabels()] == names
        bars = show.arithmetic(found, most=1).axes[-1]
        assert [label.get_text() for label in bars.get_yticklabels()][1] == "1 other"

    def test_its_words(self, network):
        fig = show.arithmetic(arithmetic(network, PICTURE, "mix", 0, 1, 0))
        assert fig.alt == (
            "mix (0, 1, 0), convolution: 280 + 22 + 0.5 (bias) = 302.5; relu: 302.5. The window is 2 x 2, 2 places of "
            "it padding. Shown is channel 1 of picture, which adds 280. Bars: channel 1 280, channel 0 22, bias 0.5, "
            "sum 302.5, relu 302.5."
        )

    def test_a_large_one_has_no_numbers(self, network):
        assert words(show.arithmetic(arithmetic(network, PICTURE, "large", 0, 0, 0)).axes[1]) == []


def test_the_largest_of_a_pooling_is_framed_among_the_others(network):
    patch, bars = show.arithmetic(arithmetic(network, PICTURE, "pool", 0, 0, 1)).axes
    assert words(patch) == ["10", "20", "30", "40"]
    assert patch.patches[0].get_xy() == (0.5, 0.5)
    assert [label.get_text() for label in bars.get_yticklabels()][:2] == ["row 1, column 1", "row 1, column 0"]
    assert [bar.get_width() for bar in bars.patches] == [40, 30, 20, 10, 40]


def test_layers_without_a_window_have_bars_alone(network):
    fig = show.arithmetic(arithmetic(network, PICTURE, "sum", 0, 0, 0), title="Added up")
    (ax,) = fig.axes
    assert ax.get_yticklabels()[1].get_text() == "picture (0, 0, 0)"
    assert fig.alt.startswith("Added up, addition: ")
    (ax,) = show.arithmetic(arithmetic(network, PICTURE, "picture", 0, 0, 0)).axes
    assert [bar.get_width() for bar in ax.patches] == [1]


def test_bad_input(network):
    with pytest.raises(TypeError, match="takes what arithmetic"):
        show.arithmetic(PICTURE)
    with pytest.raises(ValueError, match="most must be at least 1"):
        show.arithmetic(arithmetic(network, PICTURE, "sum", 0, 0, 0), most=0)
