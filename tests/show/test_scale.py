"""Channels as grey pixels, made smaller as ``resize`` does it."""

import numpy as np
import pytest

from coursekit import resize, show
from coursekit.pictures.fitting import shrink
from coursekit.show.scale import grey_levels


@pytest.mark.parametrize("shape", [(113, 113, 3), (24, 20, 2), (40, 90, 4), (7, 5, 1), (200, 3, 2)])
@pytest.mark.parametrize("side", [8, 50])
def test_small_channels_are_what_resize_makes_of_them(shape, side):
    values = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    low, high = values.min((0, 1)), values.max((0, 1))
    size = shrink(shape[:2], side)
    expected = (resize(values, size) - low) * 255 / (high - low)
    found = grey_levels(values, low, high, side)
    assert found.shape == (*size, shape[2])
    assert np.abs(found - expected).max() < 0.501


def test_an_average_by_hand():
    values = np.float32([[0, 4], [8, 12]])[..., np.newaxis]
    assert grey_levels(values, np.float32([0]), np.float32([12]), 1).tolist() == [[[128]]]  # 6 of 12
    assert grey_levels(values, np.float32([0]), np.float32([6]), 2)[..., 0].tolist() == [[0, 170], [255, 255]]
    assert grey_levels(values, np.float32([0]), np.float32([0]), 2).max() == 0
    nothing = np.float32([[np.nan, np.inf], [3, 6]])[..., np.newaxis]
    assert grey_levels(nothing, np.float32([0]), np.float32([6]), 2)[..., 0].tolist() == [[0, 0], [128, 255]]


@pytest.mark.parametrize(
    ("lowest", "ends"), [(-1, ["- own largest", "0", "+ own largest"]), (0, ["own lowest", "own highest"])]
)
def test_a_signed_map_on_its_own_scale_reaches_as_far_below_zero_as_above(lowest, ends):
    picture, one = np.full((4, 4, 3), 90, np.uint8), np.linspace(lowest, 3, 16).reshape(4, 4)
    bar = show.cam(picture, [one, 2 * one], ["once", "twice"], scale="own").axes[-1]
    assert [label.get_text().replace("\n", " ") for label in bar.get_yticklabels()] == ends
