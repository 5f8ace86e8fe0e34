import numpy as np
import pytest

from coursekit import show
from coursekit.show.class_activation import over_picture, scales

PICTURE = np.full((6, 6, 3), [200, 100, 50], np.uint8)
GREY = round(0.299 * 200 + 0.587 * 100 + 0.114 * 50)


def spot(value):
    found = np.zeros((6, 6))
    found[5, 5] = value
    return found


def test_one_scale_for_all_maps():
    fig = show.cam(PICTURE, [spot(4), spot(1)], ["goose", "tabby"])
    picture, strong, weak = (ax.images[0].get_array() for ax in fig.axes[:3])
    np.testing.assert_array_equal(picture, PICTURE)
    assert (strong[0, 0] == GREY).all()  # where a map is zero, the grey picture
    assert np.abs(weak[5, 5].astype(int) - GREY).max() < np.abs(strong[5, 5].astype(int) - GREY).max()
    assert [ax.get_title() for ax in fig.axes[:3]] == ["picture", "goose", "tabby"]
    own = show.cam(PICTURE, [spot(4), spot(1)], ["goose", "tabby"], scale="own")
    np.testing.assert_array_equal(*(ax.images[0].get_array() for ax in own.axes[1:3]))


def test_alt_text():
    assert show.cam(PICTURE, spot(4), "goose").alt == (
        "A picture and 1 map over it, on one scale from 0 to 4. goose: largest 4, at the bottom, right; 3% of the "
        "picture is above half of that."
    )
    assert "goose: largest 0" in show.cam(PICTURE, spot(0), "goose").alt
    told = show.cam(PICTURE, spot(4), "goose", alt="The map lies on the bird").alt
    assert told == "The map lies on the bird. " + show.cam(PICTURE, spot(4), "goose").alt


def test_negative_values_are_blue():
    (norm,) = scales([spot(-2) + 1e-3])
    assert norm.vmin == -norm.vmax
    red, _, blue = over_picture(PICTURE, spot(-2), norm)[5, 5]
    assert blue > red
    assert (over_picture(PICTURE, spot(0), norm) == GREY).all()


@pytest.mark.parametrize(
    ("maps", "words"),
    [
        (np.zeros((5, 6)), r"The picture is \(6, 6\), but the map \(5, 6\)"),
        (np.zeros((2, 6, 6)), "There are 2 maps but 1 titles"),
        (np.zeros(6), r"A map must be \(H, W\)"),
        (np.full((6, 6), np.nan), "map holds NaN"),
    ],
)
def test_what_does_not_fit(maps, words):
    with pytest.raises(ValueError, match=words):
        show.cam(PICTURE, maps)
