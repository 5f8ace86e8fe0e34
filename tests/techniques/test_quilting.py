"""Image quilting, against a plain implementation in loops, and on textures of which the answer is known."""

import itertools
import time

import numpy as np
import pytest

from coursekit import photo, quilt
from coursekit.techniques.quilting import _Distance, _whole_numbers, cheapest_cut

RANDOM = np.random.default_rng(0)
NOISE = RANDOM.integers(0, 256, (30, 34, 3)).astype(np.uint8)
SMOOTH = np.repeat(np.repeat(RANDOM.integers(0, 256, (10, 12, 3)), 3, 0), 3, 1).astype(np.uint8)
STILL = {"progress": False}


def windows(picture, height, width):
    """Return where each window of a picture begins, by its bytes."""
    tall, wide = picture.shape[0] - height + 1, picture.shape[1] - width + 1
    return {picture[y : y + height, x : x + width].tobytes(): (y, x) for y in range(tall) for x in range(wide)}


def in_loops(texture, size, patch, overlap, first):
    """Quilt by the book: pixel after pixel, every place tried, every path of the cut tried. Takes the nearest piece."""
    texture, step = texture.astype(int), patch - overlap
    count = -(-max(size - overlap, 1) // step)
    canvas = np.full((count * step + overlap, count * step + overlap, texture.shape[-1]), -1)

    def distance(place, top, left):
        total = 0
        for y, x in np.ndindex(patch, patch):
            if canvas[top + y, left + x, 0] >= 0:
                total += ((texture[place[0] + y, place[1] + x] - canvas[top + y, left + x]) ** 2).sum()
        return total

    def cut(error):
        paths = [
            path
            for path in itertools.product(range(error.shape[1]), repeat=len(error))
            if all(abs(a - b) <= 1 for a, b in itertools.pairwise(path))
        ]
        return min(paths, key=lambda path: sum(error[row, column] for row, column in enumerate(path)))

    for i, j in np.ndindex(count, count):
        top, left = i * step, j * step
        places = [first] if i == j == 0 else list(np.ndindex(*(side - patch + 1 for side in texture.shape[:2])))
        row, column = min(places, key=lambda place: distance(place, top, left))
        piece = texture[row : row + patch, column : column + patch]
        old = canvas[top : top + patch, left : left + patch]
        error = ((piece - old) ** 2).sum(-1)
        from_column = cut(error[:, :overlap]) if j else [0] * patch
        from_row = cut(error[:overlap].T) if i else [0] * patch
        for y, x in np.ndindex(patch, patch):
            if x >= from_column[y] and y >= from_row[x]:
                old[y, x] = piece[y, x]
    return canvas[:size, :size]


@pytest.mark.parametrize("texture", [NOISE[:14, :15], SMOOTH[:16, :18], NOISE[:13, :13, :1]])
@pytest.mark.parametrize(("patch", "overlap"), [(6, 2), (5, 3), (4, 1)])
def test_is_what_loops_give(texture, patch, overlap):
    found = quilt(texture, 13, patch, overlap=overlap, tolerance=0, seed=3, **STILL)
    step = patch - overlap
    places = [
        place
        for place in np.ndindex(*(side - patch + 1 for side in texture.shape[:2]))
        if np.array_equal(texture[place[0] :, place[1] :][:step, :step], found[:step, :step])
    ]
    assert any(np.array_equal(in_loops(texture, 13, patch, overlap, place), found) for place in places)


class TestPieces:
    @pytest.mark.parametrize(("cut", "tolerance"), [(True, 0.1), (False, 0.1), (True, 1e9)])
    def test_each_comes_from_the_texture(self, cut, tolerance):
        found = quilt(NOISE, (40, 52), 8, overlap=3, cut=cut, tolerance=tolerance, **STILL)
        # Beyond the overlap with the pieces before it, and before the overlap with the next, nothing is cut.
        known = windows(NOISE, 2, 2)
        places = itertools.product(range(3, 36, 5), range(3, 46, 5))
        starts = {known[found[y : y + 2, x : x + 2].tobytes()] for y, x in places}
        assert len(starts) > 20

    def test_every_pixel_comes_from_the_texture(self):
        known = windows(NOISE, 1, 1)
        found = quilt(NOISE, 60, 10, **STILL)
        assert all(found[y, x].tobytes() in known for y, x in np.ndindex(60, 60))

    def test_straight_borders_leave_each_piece_whole(self):
        found = quilt(NOISE, (22, 22), 10, overlap=4, cut=False, **STILL)
        known = windows(NOISE, 6, 6)
        assert all(found[y : y + 6, x : x + 6].tobytes() in known for y in (0, 6, 12) for x in (0, 6, 12))

    def test_any_piece_with_a_large_tolerance_the_nearest_with_none(self):
        def misfit(tolerance):
            found = quilt(SMOOTH, 60, 9, tolerance=tolerance, cut=False, **STILL).astype(float)
            step = 9 - 2
            return np.abs(found[:, step::step] - found[:, step - 1 : -1 : step]).mean()

        assert misfit(0) < 0.8 * misfit(1e9)

    @pytest.mark.parametrize("texture", [NOISE, NOISE[..., :1], NOISE / np.float32(255)])
    def test_distance_by_brute_force(self, texture):
        levels, patch, overlap = _whole_numbers(texture), 7, 2
        distance = _Distance(levels, patch, overlap)
        old = RANDOM.integers(0, 256, (patch, patch, levels.shape[-1])).astype(float)
        for above, left in itertools.product((False, True), repeat=2):
            counts = np.zeros((patch, patch), bool)
            counts[: overlap * above] = counts[:, : overlap * left] = True
            pieces = [levels[y : y + patch, x : x + patch] for y, x in np.ndindex(*distance.shape)]
            expected = [((piece - old)[counts] ** 2).sum() for piece in pieces]
            np.testing.assert_array_equal(distance(old, above, left).ravel(), expected)


@pytest.mark.parametrize(("patch", "overlap"), [(12, 4), (16, 8), (9, 3)])
@pytest.mark.parametrize("colours", [3, 1])
def test_a_periodic_texture_goes_on_without_seam(patch, overlap, colours):
    tile = RANDOM.integers(0, 256, (6, 8, colours)).astype(np.uint8)
    found = quilt(np.tile(tile, (5, 4, 1)), (50, 61), patch, overlap=overlap, seed=4, **STILL)
    np.testing.assert_array_equal(found[6:], found[:-6])
    np.testing.assert_array_equal(found[:, 8:], found[:, :-8])
    assert found[:6, :8].tobytes() in windows(np.tile(tile, (2, 2, 1)), 6, 8)


class TestCut:
    @pytest.mark.parametrize("shape", [(5, 3), (4, 4), (1, 3), (6, 1), (3, 2)])
    def test_costs_least_of_all_paths(self, shape):
        for seed in range(20):
            error = np.random.default_rng(seed).integers(0, 9, shape)
            rows = range(shape[0])
            costs = [
                error[rows, list(path)].sum()
                for path in itertools.product(range(shape[1]), repeat=shape[0])
                if all(abs(a - b) <= 1 for a, b in itertools.pairwise(path))
            ]
            path = cheapest_cut(error)
            assert np.abs(np.diff(path)).max(initial=0) <= 1
            assert error[rows, path].sum() == min(costs)

    def test_by_hand(self):
        error = np.array([[1, 9, 9], [9, 8, 2], [9, 2, 9]])
        # The least of each row would be in columns 0, 2, 1, and the first step of that is too wide.
        assert cheapest_cut(error).tolist() == [0, 1, 1]

    def test_border_is_hidden(self):
        def jump(cut):
            found = quilt(photo("grass")[:96, :96], 128, 16, cut=cut, **STILL)[..., 0].astype(float)
            return np.abs(found[:, 12::12] - found[:, 11:-1:12]).mean()  # where straight borders would be

        assert jump(cut=True) < 0.9 * jump(cut=False)


class TestResult:
    @pytest.mark.parametrize("size", [1, 5, 8, 9, (3, 31), (40, 7), (24, 25)])
    def test_size(self, size):
        found = quilt(NOISE, size, 8, **STILL)
        assert found.shape == (*((size, size) if isinstance(size, int) else size), 3)

    def test_a_smaller_one_is_the_corner_of_a_larger_one(self):
        small, large = (quilt(NOISE, (8, width), 8, seed=5, **STILL) for width in (14, 26))
        np.testing.assert_array_equal(small, large[:, :14])

    def test_a_texture_of_one_piece(self):
        found = quilt(NOISE[:8, :8], 6, 8, **STILL)
        np.testing.assert_array_equal(found, NOISE[:6, :6])

    def test_type_and_channels_are_those_of_the_texture(self):
        for texture in (NOISE, NOISE.astype(np.float64), NOISE / 255, np.dstack([NOISE, NOISE[..., :1]]), NOISE > 99):
            found = quilt(texture, 20, 8, **STILL)
            assert found.dtype == (np.uint8 if texture.dtype == np.uint8 else np.float32)
            assert found.shape[-1] == texture.shape[-1]
            assert set(found.ravel()) <= set(texture.astype(found.dtype).ravel())

    @pytest.mark.parametrize(("factor", "more"), [(1 / 256, 0), (4, 0), (2, -512)])
    def test_does_not_depend_on_the_range(self, factor, more):
        levels = NOISE.astype(np.float32)
        found = quilt(levels * factor + more, 40, 8, **STILL)
        np.testing.assert_array_equal(found, quilt(levels, 40, 8, **STILL) * factor + more)

    def test_one_colour_only(self):
        for value in (np.uint8(7), np.float32(0)):
            assert (quilt(np.full((9, 9, 3), value), 20, 4, **STILL) == value).all()

    def test_seed(self):
        one, two, other = (quilt(NOISE, 40, 8, seed=seed, **STILL) for seed in (1, 1, 2))
        np.testing.assert_array_equal(one, two)
        assert (one != other).mean() > 0.5

    def test_the_texture_is_left_alone(self):
        texture = NOISE.copy()
        quilt(texture, 20, 8, **STILL)[:] = 0
        np.testing.assert_array_equal(texture, NOISE)

    def test_a_photo_takes_about_a_second(self):
        texture = RANDOM.integers(0, 256, (192, 192, 3)).astype(np.uint8)
        begun = time.process_time()
        quilt(texture, 227, **STILL)
        assert time.process_time() - begun < 10  # 0.5 s on an idle core


class TestWrongArguments:
    @pytest.mark.parametrize(
        ("how", "error", "words"),
        [
            ({"texture": NOISE[:7]}, ValueError, "texture, 7 x 34, is smaller than a piece of it, 8 x 8"),
            ({"texture": NOISE[..., 0]}, ValueError, "texture must have shape .height, width, channels."),
            ({"texture": np.stack([NOISE, NOISE])}, ValueError, "texture must be one picture, not 2"),
            ({"texture": np.zeros((5, 28, 28))}, ValueError, "are these 5 grey pictures"),
            ({"texture": "brick"}, TypeError, r"photo\('brick'\) reads a picture"),
            ({"texture": NOISE * np.nan}, ValueError, "NaN"),
            ({"size": 0}, ValueError, "size must be at least one pixel"),
            ({"size": 20.5}, TypeError, "size must be a whole number"),
            ({"size": (20, 20, 3)}, TypeError, "size must be a whole number of pixels or .height, width."),
            ({"patch": 1}, ValueError, "patch must be at least 2"),
            ({"patch": "8"}, TypeError, "patch must be a whole number"),
            ({"overlap": 8}, ValueError, "overlap must be from 1 to 7, not 8"),
            ({"overlap": 0}, ValueError, "overlap must be from 1 to 7, not 0"),
            ({"tolerance": -0.1}, ValueError, "tolerance must be a number, 0 or more"),
            ({"seed": -1}, ValueError, "seed must be at least 0"),
        ],
    )
    def test_is_said(self, how, error, words):
        with pytest.raises(error, match=words):
            quilt(**{"texture": NOISE, "size": 20, "patch": 8, **STILL, **how})
