import numpy as np
import pytest

from coursekit import class_score, integrated_gradients, neuron, saliency, smoothgrad
from coursekit.networks.backend import keras

layers = keras.layers
PICTURES = np.random.default_rng(1).uniform(50, 200, (3, 4, 5, 3)).astype(np.float32)


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(3)
    return keras.Sequential(
        [
            keras.Input((4, 5, 3)),
            layers.Rescaling(1 / 127.5, offset=-1),
            layers.Conv2D(4, 2, activation="relu"),
            layers.Conv2D(6, 2, activation="softplus"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(5, activation="softmax"),
        ]
    )


class TestSmoothGrad:
    def test_against_a_loop(self, model):
        found = smoothgrad(model, PICTURES, 2, samples=5, noise_level=0.2, seed=7, batch_size=4)
        for picture, one in zip(PICTURES, found, strict=True):
            copies = []
            for sample in range(5):
                noise = np.random.default_rng((7, 0, sample)).standard_normal(picture.shape, np.float32)
                copies.append(picture + 0.2 * (picture.max() - picture.min()) * noise)
            expected = np.mean([saliency(model, copy, 2) for copy in copies], axis=0)  # signed
            np.testing.assert_allclose(one, expected, rtol=1e-4, atol=1e-8)
            np.testing.assert_allclose(smoothgrad(model, picture, 2, 5, 0.2, 7), one, rtol=1e-4, atol=1e-8)

    def test_without_noise_and_with_other_noise(self, model):
        plain = saliency(model, PICTURES, 0)
        np.testing.assert_allclose(smoothgrad(model, PICTURES, 0, 2, noise_level=0), plain, rtol=1e-5, atol=1e-9)
        one, same, other = (smoothgrad(model, PICTURES, 0, 2, seed=seed) for seed in (0, 0, 1))
        assert np.array_equal(one, same)
        assert not np.allclose(one, other, rtol=1e-3)
        assert (smoothgrad(model, PICTURES, 0, 2) < 0).any()

    def test_wrong_numbers(self, model):
        with pytest.raises(ValueError, match="samples must be at least 1"):
            smoothgrad(model, PICTURES, 0, samples=0)
        with pytest.raises(ValueError, match="noise_level must be a number, 0 or more"):
            smoothgrad(model, PICTURES, 0, noise_level=-1)


class TestIntegratedGradients:
    @pytest.mark.parametrize("baseline", [0, 128.0, (10, 20, 30), PICTURES[1][::-1]])
    def test_it_adds_up(self, model, baseline):
        score = class_score(model, 2)
        found = integrated_gradients(model, PICTURES, 2, baseline, steps=200)
        begin = np.broadcast_to(np.float32(baseline), PICTURES.shape)
        np.testing.assert_allclose(found.sum((1, 2, 3)), score(PICTURES) - score(begin), rtol=2e-2, atol=2e-3)

    def test_of_squares_by_hand(self):
        """The integral of 2 x from b to x is x² - b²."""
        x = keras.Input((1, 2, 1))
        squares = keras.Model(x, layers.Multiply(name="square")([x, x]))
        picture, target = np.float32([[[3], [5]]]), neuron(squares, "square", 0, (0, 1))
        found = integrated_gradients(squares, picture, target, baseline=2, steps=1)
        np.testing.assert_allclose(found, [[[0], [21]]], rtol=1e-6)

    def test_baseline(self, model):
        with pytest.raises(ValueError, match=r"baseline must be a number, a colour \(3,\) or a picture"):
            integrated_gradients(model, PICTURES, 0, baseline=np.zeros((2, 2, 3)))
        with pytest.raises(ValueError, match="baseline holds NaN"):
            integrated_gradients(model, PICTURES, 0, baseline=np.nan)


def test_whole_numbers_have_no_gradient():
    x = keras.Input((4, 5, 3), dtype="uint8")
    whole = keras.Model(x, layers.Rescaling(1.0, name="scaled")(x))
    with pytest.raises(ValueError, match=r"This network takes uint8, and whole numbers have no gradient\. Build it"):
        smoothgrad(whole, PICTURES.astype(np.uint8), neuron(whole, "scaled", 0))
