"""Strokes of a brush over a picture, on values worked out by hand."""

from itertools import pairwise

import numpy as np
import pytest

from coursekit.techniques.painting import Canvas, Clone, Stroke, as_stroke, moved_away, stroke_mask

PICTURE = np.random.default_rng(0).integers(0, 256, (12, 20, 3)).astype(np.float32)


def by_hand(tool, size, *points):
    """Return which pixels a stroke covers: those near enough to one of many places along its way."""
    covered = np.zeros((12, 20), bool)
    pairs = list(pairwise(points)) or [(points[0], points[0])]
    for a, b in pairs:
        for share in np.linspace(0, 1, 2001):
            row, column = np.add(a, share * np.subtract(b, a))
            for y in range(12):
                for x in range(20):
                    covered[y, x] |= (y - row) ** 2 + (x - column) ** 2 <= (size / 2) ** 2 + 1e-5
    return covered


def test_a_dab():
    expected = np.zeros((12, 20), int)
    expected[4:9, 8:13] = [[0, 0, 1, 0, 0], [0, 1, 1, 1, 0], [1, 1, 1, 1, 1], [0, 1, 1, 1, 0], [0, 0, 1, 0, 0]]
    np.testing.assert_array_equal(stroke_mask(Stroke("grey", 4, ((6, 10),)), PICTURE.shape), expected)
    assert stroke_mask(Stroke("grey", 1, ((6, 10),)), PICTURE.shape).sum() == 1


@pytest.mark.parametrize("points", [[(2, 3), (9, 16)], [(0, 0), (0, 7), (5, 7)], [(11, 19)], [(3, 3), (3, 3)]])
def test_a_stroke_is_all_that_is_near_its_lines(points):
    np.testing.assert_array_equal(
        stroke_mask(Stroke("grey", 5, tuple(points)), PICTURE.shape), by_hand("grey", 5, *points)
    )


def test_what_is_painted():
    canvas = Canvas(PICTURE)
    grey, blur, eraser = (Stroke(tool, 4, ((6, at),)) for tool, at in [("grey", 6), ("blur", 12), ("eraser", 7)])
    canvas.begin_anew([grey, blur, eraser])
    masks = [stroke_mask(stroke, PICTURE.shape) for stroke in (grey, blur, eraser)]
    assert (canvas.painted[masks[0] & ~masks[2]] == 127.5).all()
    np.testing.assert_array_equal(canvas.painted[masks[2]], PICTURE[masks[2]])
    untouched = ~np.any(masks, axis=0)
    np.testing.assert_array_equal(canvas.painted[untouched], PICTURE[untouched])
    hidden = masks[1] & ~masks[2]
    assert canvas.painted[hidden].std() < 0.3 * PICTURE[hidden].std()
    assert canvas.painted[hidden].mean() == pytest.approx(PICTURE.mean(), rel=0.15)


def test_a_clone_copies_another_place():
    numbers = np.arange(12 * 20 * 3, dtype=np.float32).reshape(12, 20, 3)  # the pixel of row r, column c has 60 r + 3 c
    canvas = Canvas(numbers)
    canvas.add("grey", 2, [(4, 3)])  # is not copied: a clone brings the picture as it was
    canvas.add("clone", 2, [(8, 10), (8, 12)], (4, 3))
    changed = numbers.copy()
    changed[[3, 4, 4, 4, 5], [3, 2, 3, 4, 3]] = 127.5
    for row, column in [(7, 10), (7, 11), (7, 12), *((8, c) for c in range(9, 14)), (9, 10), (9, 11), (9, 12)]:
        changed[row, column] = np.arange(3) + 60 * (row - 4) + 3 * (column - 7)
    np.testing.assert_array_equal(canvas.painted, changed)
    assert canvas.strokes[1] == ("clone", 2, ((8, 10), (8, 12)), (4, 3))


def test_a_clone_in_parts_is_the_same_and_ends_where_the_picture_does():
    whole, parts = Canvas(PICTURE), Canvas(PICTURE)
    whole.add("clone", 3, [(2, 3), (2, 9), (8, 9)], (1, 12))
    parts.add("clone", 3, [(2, 3)], (1, 12))
    parts.lengthen([(2, 9)])
    parts.lengthen([(8, 9)])
    assert parts.strokes == whole.strokes
    np.testing.assert_array_equal(parts.painted, whole.painted)
    there = stroke_mask(whole.strokes[0], PICTURE.shape)
    assert there[1, 2]
    np.testing.assert_array_equal(whole.painted[1, 2], PICTURE[0, 11])
    assert there[2, 10]
    np.testing.assert_array_equal(whole.painted[2, 10], PICTURE[1, 19])
    edge = Canvas(PICTURE)
    edge.add("clone", 3, [(6, 6)], (6, 19))  # right of its source there is nothing to copy
    np.testing.assert_array_equal(edge.painted[6, [5, 6]], PICTURE[6, [18, 19]])
    np.testing.assert_array_equal(edge.painted[6, 7], PICTURE[6, 7])


def test_a_clone_elsewhere_copies_the_same_place():
    stroke = Clone("clone", 4, ((2, 3), (4, 6)), (8, 8))
    assert moved_away(stroke, PICTURE.shape) == ("clone", 4, ((7, 14), (9, 17)), (8, 8))
    canvas = Canvas(PICTURE)
    canvas.begin_anew([stroke], elsewhere=True)
    np.testing.assert_array_equal(canvas.painted[7, 14], PICTURE[8, 8])
    np.testing.assert_array_equal(canvas.painted[2, 3], PICTURE[2, 3])


@pytest.mark.parametrize(
    ("picture", "grey"), [(PICTURE / 255, 0.5), (PICTURE - 100, 0), (PICTURE.astype(np.uint8), 128)]
)
def test_grey_is_the_middle_of_the_range(picture, grey):
    canvas = Canvas(picture, picture.dtype.name)
    canvas.add("grey", 3, [(6, 6)])
    assert canvas.painted.dtype == picture.dtype
    assert (canvas.painted[6, 6] == grey).all()


def test_the_control_is_the_same_stroke_far_away():
    stroke = Stroke("grey", 4, ((2, 3), (4, 6)))
    moved = moved_away(stroke, PICTURE.shape)
    assert moved.points == ((7, 14), (9, 17))
    before, after = (stroke_mask(one, PICTURE.shape) for one in (stroke, moved))
    assert before.sum() == after.sum()
    assert not (before & after).any()


@pytest.mark.parametrize(
    ("value", "error", "says"),
    [
        (("red", 4, [(1, 1)]), ValueError, "There is no tool 'red'"),
        (("grey", 0, [(1, 1)]), ValueError, "size must be from 1 to 20, not 0"),
        (("grey", 4, [(12, 1)]), ValueError, "There is no row 12"),
        (("grey", 4, [(1, 20)]), ValueError, "There is no column 20"),
        (("grey", 4, []), ValueError, "The points of a stroke are several"),
        (("grey", 4, [1, 2]), ValueError, "The points of a stroke are several"),
        (("clone", 4, [(1, 1)]), ValueError, "The tool 'clone' needs a source"),
        (("grey", 4, [(1, 1)], (2, 2)), ValueError, "The tool 'grey' takes no source"),
        (("clone", 4, [(1, 1)], 3), ValueError, "source is (row, column), not 3"),
        (("clone", 4, [(1, 1)], (2, 20)), ValueError, "There is no column 20"),
        (("grey", 4, [(1.5, 2)]), TypeError, "row must be a whole number"),
        ("grey", ValueError, "A stroke is (tool, size, points)"),
    ],
)
def test_refused(value, error, says):
    with pytest.raises(error) as caught:
        as_stroke(value, PICTURE.shape)
    assert says in str(caught.value)
