import numpy as np
import pytest

from coursekit import intersection_over_union, segment

SQUARE = np.zeros((24, 24), bool)
SQUARE[6:18, 4:16] = True
NOISE = np.random.default_rng(0).normal(0, 8, (24, 24, 3))
PICTURE = np.where(SQUARE[..., np.newaxis], [180, 120, 60], [60, 90, 150]) + NOISE
ROWS, COLUMNS = np.mgrid[:24, :24]
HILL = np.exp(-((ROWS - 12) ** 2 + (COLUMNS - 10) ** 2) / 60)


def test_an_object_of_another_colour():
    assert intersection_over_union(segment(HILL, PICTURE, blur=1), SQUARE) > 0.97
    beside = np.roll(HILL, 3, axis=0)  # a map that lies beside it finds the same outline
    assert intersection_over_union(segment(beside, PICTURE, blur=1, foreground=0.98), SQUARE) > 0.9


def test_a_signed_map_and_one_that_is_mostly_zero():
    signed = HILL[..., np.newaxis] * [0, -1, 0.5]
    np.testing.assert_array_equal(segment(signed, PICTURE), segment(HILL, PICTURE))
    spot = np.where(HILL > 0.8, HILL, 0)
    assert intersection_over_union(segment(spot, PICTURE, blur=0), SQUARE) > 0.97


def test_the_map_counts():
    """The same map where the other colour is finds the other part."""
    around = 1 - HILL
    assert intersection_over_union(segment(around, PICTURE, background=0.15, blur=1), ~SQUARE) > 0.9


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"map": HILL[1:]}, r"The map is \(23, 24\), but the picture \(24, 24\)"),
        ({"map": np.zeros((24, 24))}, "it points at nothing"),
        ({"foreground": 0.2}, "background must be below foreground, but 0.3 is not below 0.2"),
    ],
)
def test_what_does_not_fit(arguments, words):
    with pytest.raises(ValueError, match=words):
        segment(**{"map": HILL, "picture": PICTURE, **arguments})
