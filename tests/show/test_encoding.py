"""Pictures as files, for a page."""

import io

import numpy as np
import pytest
from PIL import Image

from coursekit.show.encoding import encoded, sheet

RANDOM = np.random.default_rng(0)


@pytest.mark.parametrize(("side", "kind"), [(64, "PNG"), (65, "JPEG")])
def test_small_pictures_lose_nothing(side, kind):
    picture = np.broadcast_to(RANDOM.integers(0, 256, (1, 1, 3)).astype(np.uint8), (side, 9, 3))
    file = Image.open(io.BytesIO(encoded(picture)))
    assert file.format == kind
    assert abs(np.asarray(file).astype(int) - picture).max() <= (0 if kind == "PNG" else 2)


@pytest.mark.parametrize(("most", "expected"), [({}, (6, 4)), ({"largest": 3}, (3, 2)), ({"side": 9}, (3, 2))])
def test_sheet(most, expected):
    levels = RANDOM.integers(0, 256, 7).astype(np.uint8)
    packed = sheet(np.broadcast_to(levels[:, None, None, None], (7, 6, 4, 1)), **most)
    assert (packed["count"], packed["columns"], packed["height"], packed["width"]) == (7, 3, *expected)
    pixels = np.asarray(Image.open(io.BytesIO(packed["file"])))
    assert pixels.shape == (3 * expected[0], 3 * expected[1], 3)
    np.testing.assert_array_equal(pixels[:: expected[0], :: expected[1], 0].ravel(), [*levels, 0, 0])
