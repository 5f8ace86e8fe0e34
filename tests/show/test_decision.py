import numpy as np
import pytest
from matplotlib.colors import Normalize

from coursekit.show.decision import decision, map_in_words, range_in_words, signed

MAP = np.float32([[-2, 0, 0], [0, 0.5, 0], [0, 0, 1]])


@pytest.mark.parametrize(
    ("values", "short", "long"),
    [
        (MAP, "−2 to 1", "values −2 to 1, 22% positive, the reddest at the bottom, right, the bluest at the top, left"),
        (abs(MAP), "0 to 2", "values 0 to 2, 33% positive, the reddest at the top, left"),
        (-0.0 * MAP, "nothing: zero everywhere", "nothing: zero everywhere"),
        (np.where(MAP > 0, np.nan, MAP), "NaN at 22% of the places", "NaN at 22% of the places"),
    ],
)
def test_a_map_in_words(values, short, long):
    assert (range_in_words(values), map_in_words(values)) == (short, long)


def test_numbers_in_words():
    assert [signed(x) for x in (-0.0, -0.01234, 12.3)] == ["0", "−0.012", "12"]


def test_figure():
    photo = np.zeros((6, 6, 3), np.uint8)
    maps = [MAP, np.full((2, 2), np.nan, np.float32)]
    rows = [[(f"{name} {n}", each, Normalize(-2, 2)) for n, each in enumerate(maps)] for name in ("cat", "goose")]
    fig = decision(photo, rows, "Two classes.")
    assert fig.alt == "Two classes."
    drawn = [ax for ax in fig.axes if ax.images]
    assert [ax.get_title() for ax in drawn] == ["picture", "cat 0", "cat 1", "goose 0", "goose 1"]
    np.testing.assert_array_equal(drawn[3].images[0].get_array(), MAP)
    assert drawn[3].images[0].get_clim() == (-2, 2)
    assert drawn[3].images[0].cmap(np.ma.masked_invalid([np.nan]))[0][:3] == pytest.approx([0.5] * 3, abs=0.01)
