import numpy as np
import pytest
from skimage.measure import label

from coursekit import painting
from coursekit.pictures.paintings import PAINTINGS


@pytest.mark.parametrize("name", PAINTINGS)
class TestEvery:
    def test_the_same_again_and_another_by_another_seed(self, name):
        one = painting(name, 64)
        assert one.dtype == np.uint8
        np.testing.assert_array_equal(one, painting(name, 64))
        assert (one != painting(name, 64, seed=1)).mean() > 0.5

    def test_in_any_shape(self, name):
        assert painting(name, (40, 97)).shape == (40, 97, 3)

    def test_larger_is_the_same_picture(self, name):
        """A painting four times as large, brought back to size, is nearer to it than another one is."""
        small, large, other = (painting(name, *how).astype(float) for how in ((64,), (256,), (64, 1)))
        back = large.reshape(64, 4, 64, 4, 3).mean((1, 3))
        assert np.abs(back - small).mean() < 0.4 * np.abs(other - small).mean()

    def test_uses_dark_and_bright_and_several_hues(self, name):
        picture = painting(name, 128)
        grey = picture.mean(2)
        assert np.percentile(grey, 5) < 60
        assert np.percentile(grey, 95) > 150
        coarse = (picture // 64).reshape(-1, 3)
        assert len(np.unique(coarse, axis=0)) >= 12


def test_mosaic_is_of_stones_of_about_one_size_between_dark_joints():
    picture = painting("mosaic", 256)
    stones = label(picture.max(2) > 75)
    sizes = np.bincount(stones.ravel())[1:]
    sizes = sizes[sizes > 20]
    assert 200 < len(sizes) < 450  # 17 to a side are 289 wholes, and parts of others at the border
    assert np.median(sizes) == pytest.approx((256 / 17) ** 2, rel=0.45)
    assert 0.05 < (picture.max(2) < 60).mean() < 0.35


def test_waves_have_lines_of_one_ink():
    picture = painting("waves", 256)
    ink = (np.abs(picture - np.array([20.0, 24, 44])) <= 2).all(2)
    assert 0.05 < ink.mean() < 0.3
    assert np.abs(np.diff(ink.astype(int), axis=0)).sum(0).mean() > 12  # a column crosses many


def test_strokes_are_blue_far_from_the_lights_and_golden_in_them():
    picture = painting("strokes", 256).astype(float)
    golden = picture[..., 0] > picture[..., 2] + 40
    assert 0.03 < golden.mean() < 0.35
    assert (picture[~golden][:, 2] > picture[~golden][:, 0]).mean() > 0.9


@pytest.mark.parametrize(
    ("how", "error", "words"),
    [
        (("mosiac",), ValueError, "no painting 'mosiac'. Did you mean 'mosaic'"),
        ((3,), ValueError, "no painting 3"),
        (("waves", 8), ValueError, "16 pixels"),
        (("waves", 64.5), TypeError, "whole number"),
        (("waves", 64, -1), ValueError, "seed must be at least 0"),
    ],
)
def test_wrong_arguments(how, error, words):
    with pytest.raises(error, match=words):
        painting(*how)
