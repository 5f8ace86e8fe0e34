import io

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import gaussian_filter

from coursekit import blur, resave, shift
from coursekit.pictures.handling import HANDLINGS

PICTURES = np.random.default_rng(0).integers(0, 256, (3, 12, 17, 3)).astype(np.uint8)


class TestResave:
    def test_a_png_loses_nothing_but_fractions(self):
        np.testing.assert_array_equal(resave(PICTURES), PICTURES)
        given = np.float32([[[-3.0], [0.4], [0.6], [254.6], [300.0]]])
        assert resave(given).ravel().tolist() == [0, 0, 1, 255, 255]
        assert resave(given).dtype == np.uint8
        assert given.min() == -3  # what came is left as it is

    @pytest.mark.parametrize("quality", [10, 75])
    def test_a_jpeg_as_pillow_writes_it(self, quality):
        found = resave(PICTURES, "jpeg", quality)
        for one, given in zip(found, PICTURES, strict=True):
            file = io.BytesIO()
            Image.fromarray(given).save(file, "JPEG", quality=quality)
            np.testing.assert_array_equal(one, np.asarray(Image.open(file)))
        np.testing.assert_array_equal(resave(PICTURES[1], "jpeg", quality), found[1])

    def test_less_quality_changes_more(self):
        apart = [np.abs(resave(PICTURES, "jpeg", q) - PICTURES.astype(float)).mean() for q in (95, 75, 10)]
        assert 0 < apart[0] < apart[1] < apart[2]

    def test_jpeg_keeps_coarse_and_loses_fine(self):
        coarse = np.broadcast_to(20 * np.sin(np.arange(64) / 6)[:, np.newaxis, np.newaxis], (64, 64, 1))
        fine = np.random.default_rng(0).choice([-1.0, 1.0], (64, 64, 1))
        kept = [(resave(128 + one, "jpeg") - 128.0) for one in (coarse, fine)]
        assert np.corrcoef(kept[0].ravel(), coarse.ravel())[0, 1] > 0.99
        assert kept[1].std() < 0.3

    def test_grey(self):
        for kind in ("png", "jpeg"):
            found = resave(PICTURES[..., :1], kind)
            assert found.shape == (3, 12, 17, 1)
        np.testing.assert_array_equal(resave(PICTURES[0, ..., :1]), PICTURES[0, ..., :1])

    @pytest.mark.parametrize(
        ("how", "error", "words"),
        [
            (("gif",), ValueError, "There is no format 'gif'"),
            (("jpg",), ValueError, "Did you mean 'jpeg'"),
            (("jpeg", 96), ValueError, "quality must be from 1 to 95, not 96"),
            (("jpeg", 7.5), TypeError, "quality must be a whole number"),
        ],
    )
    def test_wrong_arguments(self, how, error, words):
        with pytest.raises(error, match=words):
            resave(PICTURES, *how)
        with pytest.raises(ValueError, match="1 or 3 channels, not 2"):
            resave(PICTURES[..., :2])


class TestBlur:
    def test_a_point_becomes_a_bell_curve(self):
        point = np.zeros((21, 21, 1), np.float32)
        point[10, 10] = 100
        found = blur(point, 1.5)[..., 0]
        ends = np.arange(-10, 11)
        bell = np.exp(-(ends**2) / (2 * 1.5**2))
        bell /= bell.sum()
        np.testing.assert_allclose(found, 100 * np.outer(bell, bell), atol=1e-3)
        assert found.dtype == np.float32

    def test_each_colour_and_picture_by_itself(self):
        found = blur(PICTURES.astype(np.float32), 1)
        for n in range(3):
            for c in range(3):
                expected = gaussian_filter(PICTURES[n, ..., c].astype(float), 1, mode="nearest")
                np.testing.assert_allclose(found[n, ..., c], expected, atol=1e-3)
        np.testing.assert_array_equal(blur(PICTURES, 1), np.rint(found))  # bytes are rounded
        np.testing.assert_array_equal(blur(PICTURES[0], 1), blur(PICTURES, 1)[0])
        np.testing.assert_array_equal(blur(PICTURES, 0), PICTURES)

    def test_wrong_arguments(self):
        with pytest.raises(ValueError, match="sigma must be a number, 0 or more, not -1"):
            blur(PICTURES, -1)


class TestShift:
    def test_by_hand(self):
        given = np.arange(12).reshape(3, 4, 1)
        assert shift(given, right=1)[..., 0].tolist() == [[0, 0, 1, 2], [4, 4, 5, 6], [8, 8, 9, 10]]
        assert shift(given, down=2)[..., 0].tolist() == [[0, 1, 2, 3]] * 2 + [[0, 1, 2, 3]]
        assert shift(given, down=-1, right=-2)[..., 0].tolist() == [[6, 7, 7, 7], [10, 11, 11, 11], [10, 11, 11, 11]]
        np.testing.assert_array_equal(shift(PICTURES, 0, 0), PICTURES)
        assert shift(PICTURES, 1).dtype == np.uint8
        np.testing.assert_array_equal(shift(PICTURES, 2, 3)[:, 2:, 3:], PICTURES[:, :-2, :-3])

    def test_wrong_arguments(self):
        with pytest.raises(ValueError, match="right must be from -16 to 16, not 17"):
            shift(PICTURES, right=17)
        with pytest.raises(TypeError, match="down must be a whole number"):
            shift(PICTURES, 0.5)


def test_handlings_are_what_they_are_called():
    one = PICTURES[0]
    expected = {
        "saved as PNG": one,
        "saved as JPEG, quality 75": resave(one, "jpeg", 75),
        "blurred, sigma 1": blur(one, 1),
        "shifted by 1 pixel": shift(one, 0, 1),
        "shifted by 4 pixels": shift(one, 0, 4),
        "shifted by 8 pixels": shift(one, 0, 8),
    }
    found = {title: function(one) for title, function in HANDLINGS.values()}
    assert list(found) == list(expected)
    for title, picture in found.items():
        np.testing.assert_array_equal(picture, expected[title])
