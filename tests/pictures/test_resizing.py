import numpy as np
import pytest

from coursekit.pictures import resize


@pytest.mark.parametrize("shape", [(9, 14), (9, 14, 3), (9, 14, 1), (2, 9, 14, 3), (3, 9, 14, 48)])
@pytest.mark.parametrize("size", [(4, 5), (30, 20), (9, 14)])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
def test_a_constant_stays_constant(shape, size, dtype):
    resized = resize(np.full(shape, 77, dtype), size)
    expected = size if len(shape) == 2 else (*shape[:-3], *size, shape[-1])
    assert resized.shape == expected
    assert resized.dtype == (np.uint8 if dtype == np.uint8 else np.float32)
    assert np.allclose(resized, 77, atol=1e-4)


def test_enlarging_is_bilinear():
    assert resize(np.array([[0.0, 1.0]]), (1, 4)).tolist() == [[0, 0.25, 0.75, 1]]
    assert resize(np.array([[0.0], [100.0]]), (4, 2)).tolist() == [[0, 0], [25, 25], [75, 75], [100, 100]]


def test_bytes_are_rounded_not_cut():
    assert resize(np.array([[0, 1]], np.uint8), (1, 4)).tolist() == [[0, 0, 1, 1]]
    values = np.random.default_rng(0).integers(0, 256, (50, 70, 3), np.uint8)
    as_bytes = resize(values, (31, 23)).astype(float)
    as_floats = resize(values.astype(float), (31, 23))
    assert np.abs(as_bytes - as_floats).max() <= 1  # Pillow rounds once along each side
    assert abs((as_bytes - as_floats).mean()) < 0.05


def test_shrinking_a_gradient():
    gradient = np.tile(np.arange(64.0), (8, 1))  # shrunk by four, every new pixel lies in the middle of four old ones
    shrunk = resize(gradient, (2, 16))
    assert np.allclose(shrunk[:, 1:-1], 4 * np.arange(1, 15) + 1.5, atol=1e-4)


def test_shrinking_is_antialiased():
    board = np.indices((64, 64)).sum(0) % 2 * 255
    shrunk = resize(board.astype(np.uint8), 8)
    assert np.abs(shrunk.astype(int) - 127).max() <= 8, (
        "fine detail becomes its average, not one or other of its pixels"
    )


def test_height_comes_first():
    image = np.zeros((10, 20, 3), np.uint8)
    image[:, 10:] = 255
    resized = resize(image, (40, 12))
    assert resized.shape == (40, 12, 3)
    assert (resized[:, :5] == 0).all()
    assert (resized[:, 7:] == 255).all()
    assert resize(image, 6).shape == (6, 6, 3)


def test_every_picture_and_channel_by_itself():
    batch = np.random.default_rng(1).normal(0, 100, (2, 7, 9, 5)).astype(np.float32)
    resized = resize(batch, (12, 4))
    for number in range(2):
        assert np.array_equal(resize(batch[number], (12, 4)), resized[number])
        for channel in range(5):
            assert np.array_equal(resize(batch[number, ..., channel], (12, 4)), resized[number, ..., channel])


def test_values_stay_in_their_range():
    activation = np.random.default_rng(2).normal(0, 300, (14, 14)).astype(np.float32)
    for size in (227, 5):
        resized = resize(activation, size)
        assert activation.min() <= resized.min() < 0 < resized.max() <= activation.max()


def test_the_input_is_left_alone():
    image = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    resized = resize(image, 4)
    assert np.array_equal(resized, image)
    resized[:] = 0
    assert image[-1, -1, -1] == 47


@pytest.mark.parametrize("size", ["big", None, 2.5, True, (1, 2, 3), (4,), ("4", "4"), (4, 4.5)])
def test_size_of_a_wrong_type(size):
    with pytest.raises(TypeError, match="size must be a whole number of pixels or"):
        resize(np.zeros((4, 4, 3)), size)


@pytest.mark.parametrize("size", [0, -3, (0, 5), (5, -1)])
def test_size_too_small(size):
    with pytest.raises(ValueError, match="at least one pixel"):
        resize(np.zeros((4, 4, 3)), size)


def test_sizes_of_numpy_and_lists_work():
    image = np.zeros((4, 4, 3))
    assert resize(image, np.int64(6)).shape == (6, 6, 3)
    assert resize(image, [6, 7]).shape == (6, 7, 3)
    assert resize(image, np.array([6, 7])).shape == (6, 7, 3)


@pytest.mark.parametrize(
    ("image", "error", "says"),
    [
        (np.zeros((0, 4, 3)), ValueError, "empty"),
        (np.zeros(5), ValueError, "shape"),
        (np.zeros((1, 2, 3, 4, 5)), ValueError, "shape"),
        (np.full((4, 4, 3), np.nan), ValueError, "NaN"),
        (np.full((4, 4), np.inf), ValueError, "infinity"),
        ("astronaut", TypeError, "photo"),
        (np.full((4, 4, 3), "a"), TypeError, "numbers"),
        ([np.zeros((4, 4, 3)), np.zeros((5, 4, 3))], ValueError, "one size"),
    ],
)
def test_what_cannot_be_resized(image, error, says):
    with pytest.raises(error, match=says):
        resize(image, 8)


def test_a_stack_of_grey_pictures_is_not_taken_for_one_picture():
    stack = np.zeros((60, 28, 28), np.uint8)
    with pytest.raises(ValueError, match=r"are these 60 grey pictures\? Then write image\[\.\.\., np\.newaxis\]"):
        resize(stack, 32)
    assert resize(stack[..., np.newaxis], 32).shape == (60, 32, 32, 1)
    assert resize(stack[np.newaxis], 32).shape == (1, 32, 32, 28)  # what the sentence says, if it is one
    assert resize(np.zeros((14, 14, 48)), 32).shape == (32, 32, 48)
