import numpy as np
import pytest

from coursekit import show


def gradient(channels, height=2, width=3):
    """Channel c holds c + 0, 1, 2, ... in reading order."""
    return np.arange(height * width, dtype=np.float32).reshape(height, width, 1) + np.arange(channels, dtype=np.float32)


def sheet(fig):
    (image,) = fig.axes[0].images
    return np.ma.filled(np.ma.asarray(image.get_array(), np.float32), np.nan)


def tiles(fig, count, columns, height=2, width=3, gap=1):
    """Cut the montage apart again."""
    whole = sheet(fig)
    corners = [((i // columns) * (height + gap), (i % columns) * (width + gap)) for i in range(count)]
    return np.stack([whole[y : y + height, x : x + width] for y, x in corners])


class TestMontage:
    def test_shared_scale_shows_every_channel_by_the_same_measure(self):
        layer = gradient(5)  # from 0 to 9
        shown = tiles(show.montage(layer, columns=2), 5, 2)
        np.testing.assert_allclose(shown, np.moveaxis(layer, -1, 0) / 9, atol=1e-6)

    def test_a_zero_is_not_minus_zero_on_any_processor(self):
        layer = np.full((2, 3, 2), -0.0, np.float32)
        assert "-0" not in show.montage(layer, mark_near_zero=False).alt
        assert "-0" not in show.maps([layer[:, :, 0]]).alt
        assert "-0" not in show.beside(np.zeros((4, 4, 3), np.uint8), layer, 0).alt

    def test_the_incomplete_last_row_is_there_and_the_rest_is_empty(self):
        whole = sheet(show.montage(gradient(5), columns=2))
        assert whole.shape == (3 * 2 + 2, 2 * 3 + 1)
        assert np.isnan(whole[6:, 4:]).all()
        assert np.isfinite(whole[6:, :3]).all()

    def test_own_scale_stretches_each(self):
        shown = tiles(show.montage(gradient(4) * [1, 10, 100, 1e-6], scale="own", columns=2), 4, 2)
        np.testing.assert_allclose(shown.min(axis=(1, 2)), 0, atol=1e-6)
        np.testing.assert_allclose(shown.max(axis=(1, 2)), 1, atol=1e-6)

    def test_signed_puts_zero_in_the_middle(self):
        layer = np.array([[[-4.0], [0.0], [2.0]]])
        np.testing.assert_allclose(tiles(show.montage(layer, signed=True), 1, 1, 1, 3)[0], [[0, 0.5, 0.75]], atol=1e-6)

    def test_negative_values_are_not_cut_off_unsigned(self):
        layer = np.array([[[-1.0], [0.0], [3.0]]])
        np.testing.assert_allclose(tiles(show.montage(layer), 1, 1, 1, 3)[0], [[0, 0.25, 1]], atol=1e-6)

    def test_near_zero_channels_are_marked_and_named(self):
        layer = gradient(4) + 1
        layer[..., 2] *= 1e-3
        fig = show.montage(layer)
        assert len(fig.axes[0].patches) == 1
        assert "1 near zero, marked: 2." in fig.alt
        assert not show.montage(layer, mark_near_zero=False).axes[0].patches

    def test_a_dead_layer_is_black_and_all_marked(self):
        fig = show.montage(np.zeros((2, 3, 4)))
        assert (tiles(fig, 4, 2) == 0).all()
        assert "4 near zero" in fig.alt

    def test_alt_says_size_and_scale(self):
        alt = show.montage(gradient(5), title="conv1").alt
        assert alt == "conv1: 5 channels of 2 x 3, on one scale, black 0, white 9."

    def test_labels_add_up_to_the_channel(self):
        ax = show.montage(gradient(5), columns=2).axes[0]
        assert [t.get_text() for t in ax.get_xticklabels()] == ["+0", "+1"]
        assert [t.get_text() for t in ax.get_yticklabels()] == ["0", "2", "4"]

    @pytest.mark.parametrize(
        ("layer", "arguments", "said"),
        [
            (np.zeros((1, 2, 3, 4)), {}, "one picture's channels"),
            (np.zeros((2, 3)), {}, "shape"),
            (np.full((2, 3, 1), np.nan), {}, "NaN"),
            (np.ones((2, 3, 1)), {"scale": "wrong"}, "'shared' or 'own'"),
        ],
    )
    def test_bad_input(self, layer, arguments, said):
        with pytest.raises(ValueError, match=said):
            show.montage(layer, **arguments)


class TestMaps:
    def test_one_scale_for_all(self):
        fig = show.maps([np.array([[0.0, 1.0]]), np.array([[2.0, 4.0]])], ["a", "b"])
        np.testing.assert_allclose(fig.axes[0].images[0].get_array(), [[0, 0.25]])
        np.testing.assert_allclose(fig.axes[1].images[0].get_array(), [[0.5, 1]])
        assert fig.alt == "a, largest 1; b, largest 4. On one scale, black 0, white 4."

    def test_own_scale(self):
        fig = show.maps([np.array([[0.0, 1.0]]), np.array([[2.0, 4.0]])], scale="own")
        np.testing.assert_allclose(fig.axes[1].images[0].get_array(), [[0, 1]])

    def test_titles_must_match(self):
        with pytest.raises(ValueError, match="2 maps but 1 titles"):
            show.maps([np.zeros((2, 2))] * 2, ["only one"])


class TestBeside:
    def test_resizes_the_channel_and_darkens_the_picture_where_it_is_low(self):
        picture = np.full((40, 40, 3), 200, np.uint8)
        layer = np.zeros((2, 2, 3), np.float32)
        layer[0, 0, 1] = 8
        fig = show.beside(picture, layer, 1)
        shown, channel, both = (ax.images[0].get_array() for ax in fig.axes[:3])
        assert (shown == 200).all()
        assert channel.shape == (40, 40)
        assert channel[0, 0] == pytest.approx(8)
        assert channel[-1, -1] == 0
        assert both[0, 0, 0] == 200
        assert both[-1, -1, 0] == 50
        assert "Brightest at the top, left, 8" in fig.alt

    def test_wrong_channel(self):
        with pytest.raises(ValueError, match="There is no channel 3"):
            show.beside(np.zeros((4, 4, 3)), np.zeros((2, 2, 3)), 3)


class TestPictures:
    def test_true_colours_clipped_and_rounded(self):
        fig = show.pictures(np.array([[[-5.0, 12.6, 300.0]]]))
        assert fig.axes[0].images[0].get_array().tolist() == [[[0, 13, 255]]]

    def test_different_sizes_and_grey(self):
        fig = show.pictures([np.zeros((4, 6, 3)), np.full((8, 3, 1), 7)], ["a", "b"])
        assert [ax.images[0].get_array().shape for ax in fig.axes] == [(4, 6, 3), (8, 3, 3)]
        assert fig.alt == "2 pictures: a; b."

    def test_titles_must_match(self):
        with pytest.raises(ValueError, match="1 pictures but 2 titles"):
            show.pictures(np.zeros((4, 4, 3)), ["a", "b"])
