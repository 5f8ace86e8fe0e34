import numpy as np
import pytest

from coursekit import show

BEFORE = np.full((4, 6, 3), 100, np.uint8)
AFTER = BEFORE.copy()
AFTER[0, 0] = (102, 100, 98)
AFTER[1, 1, 0] = 120


def test_grey_is_no_change_and_a_change_is_so_many_times_as_large():
    found = show.magnified(BEFORE, AFTER, 16)
    assert (found.dtype, found.shape) == (np.uint8, (4, 6, 3))
    assert found[0, 0].tolist() == [160, 128, 96]  # 127.5 + 32, and - 32, rounded to even
    assert found[1, 1].tolist() == [255, 128, 128]  # cut off
    assert (found[2:] == 128).all()
    assert show.magnified(BEFORE[..., :1], AFTER[..., :1]).shape == (4, 6, 3)
    assert show.magnified(BEFORE, AFTER, 1)[1, 1, 0] == 148  # bytes do not wrap around
    assert show.magnified(AFTER, BEFORE, 1)[1, 1, 0] == 108


def test_figure():
    fig = show.change([BEFORE, BEFORE], [AFTER, BEFORE], ["goose", "koala", "yurt", "yurt still"])
    assert fig.alt == (
        "A picture, the changed picture and the change, 16 times as large. goose; koala: the largest change is 20 grey "
        "levels, and 4% of the values have one. yurt; yurt still: the largest change is 0 grey levels, and 0% of the "
        "values have one."
    )
    shown = [np.asarray(ax.images[0].get_array()) for ax in fig.axes]
    for found, expected in zip(shown[:3], (BEFORE, AFTER, show.magnified(BEFORE, AFTER)), strict=True):
        np.testing.assert_array_equal(found, expected)
    assert [ax.get_title() for ax in fig.axes][1:4] == ["koala", "change, 16 times as large", "yurt"]
    assert "before; after: the largest change is 2 grey" in show.change(BEFORE, BEFORE + 2.0, factor=4).alt


def test_wrong_arguments():
    with pytest.raises(ValueError, match=r"of one shape, not \(4, 6, 3\) and \(3, 6, 3\)"):
        show.change(BEFORE, AFTER[1:])
    with pytest.raises(ValueError, match="1 pairs of pictures but 1 titles: give two for each"):
        show.change(BEFORE, AFTER, ["koala"])
    with pytest.raises(TypeError, match="factor must be a number"):
        show.change(BEFORE, AFTER, factor="16")
