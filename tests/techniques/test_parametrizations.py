import numpy as np
import pytest

from coursekit import photo, resize
from coursekit.networks.backend import tf
from coursekit.techniques.parametrizations import PARAMETRIZATIONS, fourier, pixels

SIZES = [(8, 8), (7, 7), (13, 8), (6, 17), (1, 1), (2, 3), (31, 50)]


def some_pictures(height, width, channels, low=3, high=252):
    return np.random.default_rng(0).uniform(low, high, (2, height, width, channels)).astype(np.float32)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("name", PARAMETRIZATIONS)
def test_to_parameters_and_back(name, size, channels):
    variable = PARAMETRIZATIONS[name](*size, channels)
    pictures = some_pictures(*size, channels)
    parameters = variable.parameters(pictures)
    assert parameters.dtype == np.float32
    assert parameters.shape[1:] == variable.noise(np.random.default_rng(0)).shape[1:]
    np.testing.assert_allclose(variable.pictures(tf.constant(parameters)), pictures, atol=0.01)
    assert (variable.name, variable.shape) == (name, (*size, channels))


@pytest.mark.parametrize("name", PARAMETRIZATIONS)
def test_a_photo_comes_back(name):
    picture = resize(photo("astronaut"), 100)[np.newaxis].astype(np.float32)
    variable = PARAMETRIZATIONS[name](100, 100)
    back = variable.pictures(tf.constant(variable.parameters(picture))).numpy()
    # A sigmoid never gets to 0 and 255: what is nearer than one part in a hundred is moved.
    np.testing.assert_allclose(back, picture.clip(2.55, 252.45) if name == "fourier" else picture, atol=0.02)


@pytest.mark.parametrize("name", PARAMETRIZATIONS)
def test_noise_is_nearly_grey_and_seeded(name):
    variable = PARAMETRIZATIONS[name](40, 30)
    first, again, other = (variable.noise(np.random.default_rng(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 1e-3
    picture = variable.pictures(tf.constant(first)).numpy()
    assert picture.shape == (1, 40, 30, 3)
    assert picture.mean() == pytest.approx(127.5, abs=8)
    assert 0.5 < picture.std() < 25


class TestPixels:
    def test_they_are_the_picture(self):
        pictures = some_pictures(4, 5, 3)
        variable = pixels(4, 5)
        np.testing.assert_array_equal(variable.parameters(pictures), pictures)
        np.testing.assert_array_equal(variable.pictures(tf.constant(pictures)), pictures)

    def test_kept_within_their_range(self):
        outside = tf.constant([[[[-3.0, 0.0, 300.0], [12.5, 255.0, 255.1]]]])
        np.testing.assert_array_equal(pixels(1, 2).legal(outside), [[[[0, 0, 255], [12.5, 255, 255]]]])
        np.testing.assert_array_equal(pixels(1, 2).parameters(outside.numpy()), [[[[0, 0, 255], [12.5, 255, 255]]]])


class TestFourier:
    def test_always_within_the_range(self):
        variable = fourier(9, 10)
        wild = 1e3 * variable.noise(np.random.default_rng(0))
        picture = variable.pictures(tf.constant(wild)).numpy()
        assert 0 <= picture.min() < picture.max() <= 255
        np.testing.assert_array_equal(variable.legal(tf.constant(wild)), wild)

    def test_one_wave(self):
        """A single parameter is a cosine, and the amplitude of a wave goes with its length."""
        variable, height = fourier(16, 20, 1), {}
        for row, column in ((0, 2), (0, 4), (3, 0), (2, 4)):
            waves = np.zeros_like(variable.noise(np.random.default_rng(0)))
            waves[0, 0, row, column, 0] = 0.01
            picture = variable.pictures(tf.constant(waves)).numpy()[0, ..., 0]
            y, x = np.mgrid[:16, :20]
            cosine = np.cos(2 * np.pi * (row * y / 16 + column * x / 20))
            share = np.log(picture / (255 - picture))
            height[row, column] = share[0, 0]
            np.testing.assert_allclose(share, share[0, 0] * cosine, atol=1e-5)
        assert height[0, 2] == pytest.approx(2 * height[0, 4], rel=1e-3)
        assert height[0, 4] / height[2, 4] == pytest.approx(np.hypot(2 / 16, 4 / 20) / (4 / 20), rel=1e-3)
        assert height[0, 2] / 2 == pytest.approx(height[3, 0] * (3 / 16) / (2 / 20), rel=1e-3)  # has no mirror image

    def test_the_size_of_the_picture_does_not_change_what_a_parameter_does(self):
        """The spread of a noise picture stays the same."""
        spread = [
            np.std(fourier(side, side).pictures(tf.constant(fourier(side, side).noise(np.random.default_rng(0)))))
            for side in (64, 128, 256)
        ]
        assert max(spread) < 2 * min(spread)

    def test_colours_that_go_together_in_photos(self):
        """The first of the three colours is light and dark, by far the largest; the others tell colours apart."""
        variable = fourier(8, 8)
        for index, signs in enumerate(([1, 1, 1], [1, 0, -1], [1, -1, 1])):
            waves = np.zeros_like(variable.noise(np.random.default_rng(0)))
            waves[0, index, 0, 0, 0] = 1
            colour = variable.pictures(tf.constant(waves)).numpy()[0, 4, 4] - 127.5
            np.testing.assert_array_equal(np.sign(np.round(colour, 3)), signs)

    @pytest.mark.parametrize("channels", [1, 3])
    @pytest.mark.parametrize("size", SIZES, ids=str)
    def test_pictures_and_gradient_against_tensorflow(self, size, channels):
        """The same written anew, with TensorFlow's own gradient."""
        height, width = size
        canvas = [next(n for n in range(side + side % 2, 999, 2) if 2**9 * 3**6 * 5**4 % n == 0) for side in size]
        top, left = ((canvas[axis] - size[axis]) // 2 for axis in (0, 1))
        mix = np.array([[0.26, 0.27, 0.27], [0.09, 0.00, -0.09], [0.02, -0.05, 0.03]], np.float32)
        mix = mix / np.sqrt(0.26**2 + 0.27**2 + 0.27**2) if channels == 3 else np.eye(1, dtype=np.float32)
        y, x = np.fft.fftfreq(canvas[0])[:, None], np.fft.rfftfreq(canvas[1])[None]
        length = 1 / np.maximum(np.sqrt(x**2 + y**2), 1 / max(canvas))
        amplitude = (length * np.sqrt(canvas[0] * canvas[1]) / 4).astype(np.float32)

        def plain(parameters):
            waves = tf.complex(parameters[..., 0] * amplitude, parameters[..., 1] * amplitude)
            values = tf.signal.irfft2d(waves, canvas)[..., top : top + height, left : left + width]
            return 255 * tf.sigmoid(tf.einsum("nchw,cd->nhwd", values, mix))

        variable, random = fourier(*size, channels), np.random.default_rng(0)
        shape = (2, *variable.noise(random).shape[1:])
        parameters = tf.constant(random.normal(0, 0.3, shape).astype(np.float32))
        towards = random.normal(0, 1, (2, height, width, channels)).astype(np.float32)
        found = []
        for pictures in (variable.pictures, plain):
            with tf.GradientTape() as tape:
                tape.watch(parameters)
                drawn = pictures(parameters)
            found.append((drawn.numpy(), tape.gradient(drawn, parameters, towards).numpy()))
        (ours, our_gradient), (theirs, their_gradient) = found
        np.testing.assert_allclose(ours, theirs, atol=0.01)
        largest = np.abs(their_gradient).max()
        assert largest > 1
        np.testing.assert_allclose(our_gradient, their_gradient, atol=1e-4 * largest)

    def test_gradient_against_finite_differences(self):
        variable, random = fourier(5, 6), np.random.default_rng(0)
        parameters = random.normal(0, 0.1, variable.noise(random).shape).astype(np.float32)
        towards = random.normal(0, 1, (1, 5, 6, 3)).astype(np.float32)
        with tf.GradientTape() as tape:
            x = tf.constant(parameters)
            tape.watch(x)
            drawn = variable.pictures(x)
        gradient = tape.gradient(drawn, x, towards).numpy().ravel()
        step = 0.01 * np.eye(parameters.size, dtype=np.float32).reshape(-1, *parameters.shape[1:])
        up, down = (variable.pictures(tf.constant(parameters + sign * step)).numpy() for sign in (1, -1))
        by_differences = ((up.astype(np.float64) - down) * towards).sum((1, 2, 3)) / 0.02
        np.testing.assert_allclose(gradient, by_differences, atol=2e-3 * np.abs(gradient).max())
