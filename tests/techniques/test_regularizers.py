import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, map_coordinates

from coursekit import photo, resize
from coursekit.networks.backend import tf
from coursekit.techniques.regularizers import PENALTIES, blur, l2, random_view, total_variation, view


def grey(*rows):
    """Return one picture of one channel, as a tensor."""
    return tf.constant(np.array(rows, np.float32)[np.newaxis, ..., np.newaxis])


class TestPenalties:
    def test_l2_by_hand(self):
        assert l2(grey([127.5, 127.5], [127.5, 127.5])).numpy() == [0]
        assert l2(grey([0, 255], [255, 0])).numpy() == [1]
        np.testing.assert_allclose(l2(grey([0, 127.5], [191.25, 127.5])), [(1 + 0.25) / 4])

    def test_total_variation_by_hand(self):
        assert total_variation(grey([9, 9], [9, 9])).numpy() == [0]
        # Two steps to the right of 2 and 1, two down of 0 and 1, over four values.
        np.testing.assert_allclose(total_variation(grey([0, 255], [0, 127.5])), [(2 + 1 + 0 + 1) / 4])

    def test_blur_by_hand(self):
        assert blur(tf.fill((1, 9, 9, 3), 77.0)).numpy() == pytest.approx(0, abs=1e-9)
        picture = np.random.default_rng(0).uniform(0, 255, (2, 9, 12, 3)).astype(np.float32)
        blurred = gaussian_filter(picture.astype(np.float64), (0, 1, 1, 0), truncate=3, mode="reflect")
        np.testing.assert_allclose(blur(tf.constant(picture)), (((picture - blurred) / 127.5) ** 2).mean((1, 2, 3)))
        fine, coarse = (127.5 + 100 * np.sin(np.arange(40) * turn) * np.ones((40, 1)) for turn in (2, 0.2))
        assert blur(grey(*fine)).numpy() > 100 * blur(grey(*coarse)).numpy()

    @pytest.mark.parametrize("name", PENALTIES)
    def test_each_picture_alone(self, name):
        pictures = tf.constant(np.random.default_rng(0).uniform(0, 255, (3, 8, 9, 3)).astype(np.float32))
        together = PENALTIES[name](pictures)
        assert (together.shape, together.dtype) == ((3,), tf.float32)
        alone = np.concatenate([PENALTIES[name](pictures[index : index + 1]) for index in range(3)])
        np.testing.assert_allclose(together, alone, rtol=1e-6)
        assert together.numpy().min() > 0

    @pytest.mark.parametrize("name", PENALTIES)
    def test_the_size_does_not_matter(self, name):
        """Four times the same noise is as noisy as once, but for the seams."""
        once = np.random.default_rng(0).uniform(0, 255, (1, 40, 40, 3)).astype(np.float32)
        four = np.tile(once, (1, 2, 2, 1))
        np.testing.assert_allclose(PENALTIES[name](tf.constant(four)), PENALTIES[name](tf.constant(once)), rtol=0.05)

    @pytest.mark.parametrize("channels", [1, 3])
    @pytest.mark.parametrize("name", PENALTIES)
    def test_gradient_against_finite_differences(self, name, channels):
        # Values at least 5 apart: within a step of 2 no difference changes its sign.
        values = np.random.default_rng(0).permutation(np.arange(5 * 4 * channels)) * (250 / (20 * channels))
        picture = values.reshape(1, 5, 4, channels).astype(np.float32)
        step = min(2.0, 100 / picture.size)
        with tf.GradientTape() as tape:
            x = tf.constant(picture)
            tape.watch(x)
            penalty = PENALTIES[name](x)
        gradient = tape.gradient(penalty, x).numpy().ravel()
        each = step * np.eye(picture.size, dtype=np.float32).reshape(-1, 5, 4, channels)
        up, down = (PENALTIES[name](tf.constant(picture + sign * each)).numpy() for sign in (1, -1))
        by_differences = (up.astype(np.float64) - down) / (2 * step)
        assert np.abs(gradient).max() > 1e-5
        np.testing.assert_allclose(gradient, by_differences, atol=5e-3 * np.abs(gradient).max())


class TestRandomView:
    def test_shifts_are_whole_and_stay_inside(self):
        random = np.random.default_rng(0)
        drawn = np.array([random_view(random, (14, 11), (10, 9), 0, 0) for _ in range(300)])
        assert drawn.dtype == np.float32
        np.testing.assert_array_equal(drawn[:, [0, 1, 3, 4, 6, 7]], np.tile([1, 0, 0, 1, 0, 0], (300, 1)))
        assert set(drawn[:, 5]) == {0, 1, 2, 3, 4}  # down
        assert set(drawn[:, 2]) == {0, 1, 2}  # to the right

    def test_no_room(self):
        np.testing.assert_array_equal(
            random_view(np.random.default_rng(0), (8, 8), (8, 8), 0, 0), [1, 0, 0, 0, 1, 0, 0, 0]
        )

    def test_turned_and_scaled_about_the_middle(self):
        random = np.random.default_rng(0)
        drawn = np.array([random_view(random, (60, 60), (41, 31), 0.25, 30) for _ in range(300)])
        factors = drawn[:, 0] * drawn[:, 4] - drawn[:, 1] * drawn[:, 3]
        angles = np.rad2deg(np.arctan2(drawn[:, 3], drawn[:, 0]))
        assert 1 / 1.25**2 <= factors.min() < 0.7
        assert 1.45 < factors.max() <= 1.25**2
        assert -30 <= angles.min() < -28
        assert 28 < angles.max() <= 30
        x, y = (drawn[:, i] * 15 + drawn[:, i + 1] * 20 + drawn[:, i + 2] for i in (0, 3))
        np.testing.assert_allclose(x, np.round(x), atol=1e-4)  # the middle of the view, where a shift puts it
        assert (round(x.min()), round(x.max())) == (15, 44)
        assert (round(y.min()), round(y.max())) == (20, 39)
        np.testing.assert_allclose(drawn[:, 0], drawn[:, 4], atol=1e-6)
        np.testing.assert_allclose(drawn[:, 1], -drawn[:, 3], atol=1e-6)

    @pytest.mark.parametrize("shaking", [(0, 0), (0.1, 0), (0, 8), (0.1, 8)])
    def test_seeded(self, shaking):
        first, again, other = (
            random_view(np.random.default_rng(seed), (40, 40), (20, 20), *shaking) for seed in (1, 1, 2)
        )
        np.testing.assert_array_equal(first, again)
        assert (first != other).any()


def smooth(height, width, seed=0):
    """Return a smooth picture that goes to zero at its borders."""
    noise = np.random.default_rng(seed).normal(0, 1, (1, height, width, 3))
    window = np.outer(np.hanning(height), np.hanning(width))[..., np.newaxis]
    blurred = gaussian_filter(noise, (0, 4, 4, 0)) * window
    return (blurred / np.abs(blurred).max()).astype(np.float32)


def seen_with_gradient(pictures, how, size, towards):
    with tf.GradientTape() as tape:
        x = tf.constant(pictures)
        tape.watch(x)
        seen = view(x, tf.constant(how), size)
    return seen.numpy(), tape.gradient(seen, x, towards).numpy()


class TestView:
    def test_a_shift_is_exact(self):
        pictures = np.random.default_rng(0).uniform(0, 255, (2, 14, 11, 3)).astype(np.float32)
        towards = np.random.default_rng(1).normal(0, 1, (2, 10, 9, 3)).astype(np.float32)
        for top, left in ((0, 0), (4, 2), (1, 2)):
            how = np.array([1, 0, left, 0, 1, top, 0, 0], np.float32)
            seen, gradient = seen_with_gradient(pictures, how, (10, 9), towards)
            np.testing.assert_array_equal(seen, pictures[:, top : top + 10, left : left + 9])
            np.testing.assert_array_equal(gradient[:, top : top + 10, left : left + 9], towards)
            assert (seen * towards).sum() == pytest.approx((pictures * gradient).sum(), rel=1e-4)
            assert np.abs(gradient).sum() == pytest.approx(np.abs(towards).sum(), rel=1e-5)  # none elsewhere

    @pytest.mark.parametrize("shaking", [(0.3, 0), (0, 25), (0.3, 25)])
    def test_turned_and_scaled_against_scipy(self, shaking):
        picture = resize(photo("astronaut"), (60, 50))[np.newaxis].astype(np.float32)
        random = np.random.default_rng(0)
        for _ in range(5):
            how = random_view(random, (60, 50), (41, 32), *shaking)
            y, x = np.mgrid[:41, :32]
            at = [how[3] * x + how[4] * y + how[5], how[0] * x + how[1] * y + how[2]]  # rows, columns
            expected = np.stack(
                [map_coordinates(picture[0, ..., c], at, order=1, mode="reflect") for c in range(3)], axis=-1
            )
            seen = view(tf.constant(picture), tf.constant(how), (41, 32)).numpy()[0]
            np.testing.assert_allclose(seen, expected, atol=0.1)

    @pytest.mark.parametrize("shaking", [(0.1, 0), (0, 8), (0.1, 8), (0.3, 40)])
    def test_gradient_is_that_of_the_resampling(self, shaking):
        """What a change of the view is worth equals what the same change of the canvas is worth."""
        random = np.random.default_rng(0)
        for seed in range(5):
            how = random_view(random, (70, 60), (60, 50), *shaking)
            towards, change = smooth(60, 50, seed), smooth(70, 60, seed + 100)
            # A change of the canvas that the view sees: part of it has to be like what is looked for.
            change[:, 5:65, 5:55] += towards
            seen, gradient = seen_with_gradient(change, how, (60, 50), towards)
            worth = (seen * towards).sum()
            assert worth > 1
            assert worth == pytest.approx((change * gradient).sum(), rel=0.03)

    def test_the_shape_stays_known(self):
        seen = tf.function(lambda x, how: view(x, how, (5, 6))).get_concrete_function(
            tf.TensorSpec((None, 9, 9, 3)), tf.TensorSpec((8,))
        )
        assert tuple(seen.structured_outputs.shape) == (None, 5, 6, 3)
