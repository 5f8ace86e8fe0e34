import numpy as np
import pytest

from coursekit import show, top_patches
from coursekit.networks.backend import keras

PICTURES = np.random.default_rng(0).integers(0, 256, (12, 16, 16, 3)).astype(np.uint8)


@pytest.fixture(scope="module")
def result():
    keras.utils.set_random_seed(0)
    conv = keras.layers.Conv2D(12, 5, padding="same", activation="relu", name="conv")
    return top_patches(keras.Sequential([keras.Input((16, 16, 3)), conv]), "conv", PICTURES, channels=range(1, 12))


def places(fig):
    """(left, top, width, height) of each crop, and its pixels."""
    found = []
    for image in fig.axes[0].images:
        left, right, bottom, top = image.get_extent()
        found.append(((left, top, right - left, bottom - top), np.asarray(image.get_array())))
    return found


def test_a_row_of_crops_for_each_channel(result):
    fig = show.patches(result, [7, 2], most=4)
    drawn = places(fig)
    assert len(drawn) == 8
    expected = [crop for row in (6, 1) for crop in result.crops[row][:4]]
    for (_, pixels), crop in zip(drawn, expected, strict=True):
        np.testing.assert_array_equal(pixels, crop)
    tops = [top + height / 2 for (_, top, _, height), _ in drawn]
    lefts = [left + width / 2 for (left, _, width, _), _ in drawn]
    np.testing.assert_allclose(tops[:4], tops[0])
    np.testing.assert_allclose(tops[4:], tops[4])
    assert tops[4] > tops[0]  # further down
    np.testing.assert_allclose(lefts[:4], lefts[4:])
    assert (np.diff(lefts[:4]) > 0).all()


def test_crops_are_not_stretched(result):
    shapes = set()
    for (_, _, width, height), pixels in places(show.patches(result)):
        assert width / pixels.shape[1] == pytest.approx(1 / 5)
        assert height / pixels.shape[0] == pytest.approx(1 / 5)
        shapes.add(pixels.shape[:2])
    assert len(shapes) > 1  # some are clipped at a border
    assert len(show.patches(result).axes[0].patches) == 10 * 9  # the grey behind each


def test_values_on_one_scale(result):
    fig = show.patches(result, [3, 4])
    ends = fig.axes[0].lines[0].get_xdata().reshape(-1, 3)
    lengths = (ends[:, 1] - ends[:, 0]).reshape(2, 9)
    values = result.values[2:4]
    np.testing.assert_allclose(lengths, values / values.max(), rtol=1e-5)
    texts = [text.get_text() for text in fig.axes[0].texts]
    assert texts[0] == "channel\n3"
    assert [float(text) for text in texts[1:10]] == pytest.approx(values[0], rel=5e-3)


def test_negative_values_have_no_bar():
    model = keras.Sequential([keras.Input((16, 16, 3)), keras.layers.Rescaling(-1.0, offset=-1, name="negative")])
    fig = show.patches(top_patches(model, "negative", PICTURES))
    ends = fig.axes[0].lines[0].get_xdata().reshape(-1, 3)
    np.testing.assert_array_equal(ends[:, 0], ends[:, 1])


def test_alt_text(result):
    alt = show.patches(result, 5, most=3, title="Edges").alt
    line = result.values[4]
    assert alt.startswith("Edges: the 3 strongest patches of 1 channel among 12 pictures")
    assert f"channel 5 from {line[0]:.3g} to {line[2]:.3g}." in alt
    assert "10 channels" in show.patches(result).alt  # the first ten of eleven


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        (([0],), ValueError, r"holds no channel 0; it holds 1, 2, 3, .* \.\.\."),
        (([],), ValueError, "holds no channel"),
        ((3, 0), ValueError, "most must be at least 1"),
    ],
)
def test_wrong_input(arguments, error, words, result):
    with pytest.raises(error, match=words):
        show.patches(result, *arguments)
    with pytest.raises(TypeError, match="not ndarray"):
        show.patches(result.values)


class TestMasked:
    def test_dim_outside_and_untouched_inside(self):
        masks = np.random.default_rng(1).random((12, 16, 16)) > 0.7
        fig = show.masked(PICTURES, masks, columns=4)
        assert len(fig.axes) == 12
        for ax, picture, mask in zip(fig.axes, PICTURES, masks, strict=True):
            shown = ax.images[0].get_array()
            np.testing.assert_array_equal(shown[mask], picture[mask])
            np.testing.assert_allclose(shown[~mask], picture[~mask] * 0.4, atol=0.51)

    @pytest.mark.parametrize("full", [True, False])
    def test_masks_without_an_outline(self, full, recwarn):
        show.masked(PICTURES[0], np.full((16, 16), full)).to_html()
        assert not recwarn.list

    def test_alt_text(self):
        mask = np.zeros((16, 16), bool)
        mask[:4] = True
        assert show.masked(PICTURES[0], mask, ["an eye"]).alt == (
            "1 picture, dark outside of a mask: an eye 25.0% in light."
        )
        assert show.masked(PICTURES[0], mask, alt="Eyes.").alt == "Eyes."

    def test_wrong_input(self):
        mask = np.zeros((16, 16), bool)
        with pytest.raises(TypeError, match="A mask is boolean, not float64"):
            show.masked(PICTURES[0], mask * 1.0)
        with pytest.raises(ValueError, match=r"of \(16, 16\) has a mask of \(8, 16\)"):
            show.masked(PICTURES[0], mask[:8])
        with pytest.raises(ValueError, match="2 pictures, 1 masks and 2 titles"):
            show.masked(PICTURES[:2], mask)
