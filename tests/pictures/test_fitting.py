"""Pictures brought to what a network takes."""

import numpy as np
import pytest

from coursekit import photos, resize
from coursekit.pictures.fitting import (
    first_in_both,
    fit_picture,
    fit_pictures,
    is_from_0_to_1,
    photos_for,
    shrink,
)

RANDOM = np.random.default_rng(0)
COLOURS = RANDOM.integers(0, 256, (20, 30, 3)).astype(np.uint8)


@pytest.mark.parametrize(
    ("image", "shape", "expected"),
    [
        (COLOURS, (20, 30, 3), COLOURS),
        (COLOURS, (None, None, 3), COLOURS),
        (COLOURS, (10, 15, 3), resize(COLOURS, (10, 15))),
        (COLOURS[..., 0], (20, 30, 3), COLOURS[..., :1].repeat(3, 2)),
        (COLOURS[..., :1], (20, 30, 1), COLOURS[..., :1]),
        (np.full((4, 4, 3), (255, 0, 0), np.uint8), (4, 4, 1), np.full((4, 4, 1), 76.245)),  # 0.299 * 255
        (np.full((4, 4, 3), (0, 255, 0), np.uint8), (4, 4, 1), np.full((4, 4, 1), 149.685)),
    ],
)
def test_one_picture(image, shape, expected):
    np.testing.assert_allclose(fit_picture(image, shape), expected, rtol=1e-6)


def test_several_pictures():
    batch = RANDOM.random((3, 8, 6, 3), np.float32)
    assert fit_pictures(batch, (None, None), "pictures") is batch
    np.testing.assert_array_equal(fit_pictures(batch, (4, 6), "pictures"), resize(batch, (4, 6)))
    with pytest.raises(ValueError, match="pictures must be several"):
        fit_pictures(batch[0], (4, 6), "pictures")
    with pytest.raises(ValueError, match="one picture, not 3"):
        fit_picture(batch, (8, 6, 3))


def test_photos():
    np.testing.assert_array_equal(photos_for((32, 40, 3)), photos((32, 40))[0])
    assert photos_for((None, 16, 3)).shape == (20, 224, 16, 3)
    np.testing.assert_allclose(photos_for((28, 28, 1)), photos(28)[0].mean(-1, keepdims=True))


@pytest.mark.parametrize(
    ("size", "longest", "expected"),
    [
        ((227, 227), 128, (128, 128)),
        ((300, 600), 128, (64, 128)),
        ((28, 20), 128, (28, 20)),
        ((None, None), 128, (128, 128)),
        ((1000, 2), 100, (100, 1)),
    ],
)
def test_shrink(size, longest, expected):
    assert shrink(size, longest) == expected


def test_range_of_values():
    assert is_from_0_to_1(np.float32([[0, 1]]))
    assert not is_from_0_to_1(np.uint8([[0, 1]]))
    assert not is_from_0_to_1(np.float32([[0, 2]]))
    assert not is_from_0_to_1(np.float32([[-1, 1]]))


def test_first_in_both():
    pictures, others = RANDOM.integers(0, 256, (2, 5, 4, 4, 3)).astype(np.uint8)
    assert first_in_both(pictures, others) is None
    others[2] = pictures[4]
    assert first_in_both(pictures, others.astype(np.float32)) == (4, 2)
