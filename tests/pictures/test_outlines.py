"""The outlines drawn by hand around what some photos show."""

import numpy as np
import pytest

from coursekit import object_masks, photos


def test_an_object_stands_out_from_what_is_around_it():
    """Inside and outside of an outline the colours differ more than in two halves that know nothing of the object."""
    images = photos()[0].astype(float)
    for number, mask in object_masks().items():
        inside, outside = images[number][mask].mean(axis=0), images[number][~mask].mean(axis=0)
        turned = mask[::-1]
        other = images[number][turned].mean(axis=0) - images[number][~turned].mean(axis=0)
        assert np.linalg.norm(inside - outside) > np.linalg.norm(other) + 5, number


def test_corners_of_an_outline():
    """The cap reaches from column 19 to 203 and from row 37 to 203; a point in its middle is inside."""
    mask = object_masks()[9]
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    assert mask.dtype == bool
    assert (columns[0], columns[-1]) == pytest.approx((19, 203), abs=1)
    assert (rows[0], rows[-1]) == pytest.approx((37, 200), abs=1)
    assert mask[120, 110]
    assert not mask[10, 10]


def test_another_size_covers_the_same_part():
    """Height and width are not interchangeable."""
    small, wide = object_masks(113), object_masks((100, 300))
    for number, mask in object_masks().items():
        assert small[number].mean() == pytest.approx(mask.mean(), abs=0.01)
        assert wide[number].shape == (100, 300)
        assert wide[number].mean() == pytest.approx(mask.mean(), abs=0.01)


def test_what_is_no_size_is_refused():
    with pytest.raises(ValueError, match="size"):
        object_masks(0)
