import numpy as np
import pytest

from coursekit import show

PICTURE = np.full((4, 5, 3), 200, np.uint8)
RED, WHITE, BLUE = (103, 0, 31), (247, 247, 247), (5, 48, 97)


def gradient():
    """Colours that add up to 4 at the top left, -2 at the bottom right, and nothing anywhere else."""
    found = np.zeros((4, 5, 3), np.float32)
    found[0, 0] = [3, 2, -1]
    found[3, 4] = [-2, -1, 1]
    found[1, 1] = [5, -5, 0]
    return found


class TestSaliency:
    def test_colours_add_up_on_a_scale_around_zero(self):
        fig = show.saliency(PICTURE, gradient(), "tabby", within=1)
        shown, found = (ax.images[0] for ax in fig.axes[:2])
        assert (shown.get_array() == 200).all()
        expected = np.zeros((4, 5))
        expected[0, 0], expected[3, 4] = 4, -2
        np.testing.assert_array_equal(found.get_array(), expected)
        assert (found.norm.vmin, found.norm.vmax) == (-4, 4)
        assert [ax.get_title() for ax in fig.axes[:2]] == ["picture", "tabby"]

    def test_alt_text(self):
        assert show.saliency(PICTURE, gradient(), "tabby", within=1).alt == (
            "A picture and its tabby, 4 x 5: white 0, red 4 and more, blue -4 and less. 5% of the pixels are positive. "
            "The reddest is at the top, left; the bluest at the bottom, right."
        )

    def test_few_pixels_lie_beyond_the_scale(self):
        values = np.linspace(-1, 1, 1001)[np.newaxis]
        values[0, -1] = 1000
        fig = show.saliency(np.zeros((1, 1001, 3)), values, within=0.9)
        assert fig.axes[1].images[0].norm.vmax == pytest.approx(0.9, abs=0.01)

    @pytest.mark.parametrize("within", [0, 0.5, 1])
    def test_a_scale_is_never_nothing(self, within):
        assert show.saliency(PICTURE, np.zeros((4, 5))).axes[1].images[0].norm.vmax == 1
        assert show.saliency(PICTURE, gradient(), within=within).axes[1].images[0].norm.vmax == 4

    @pytest.mark.parametrize(
        ("image", "map_", "words"),
        [
            (PICTURE, np.zeros((4, 4, 3)), r"The picture is \(4, 5\), but the map \(4, 4\)"),
            (PICTURE, np.zeros((2, 4, 5, 3)), r"There are 2 maps but 1 titles"),
            (PICTURE, np.full((4, 5), np.nan), "gradient holds NaN"),
        ],
    )
    def test_what_does_not_fit(self, image, map_, words):
        with pytest.raises(ValueError, match=words):
            show.saliency(image, map_)

    def test_within(self):
        with pytest.raises(ValueError, match="within must be a number"):
            show.saliency(PICTURE, gradient(), within=2)
