import numpy as np
import pytest

from coursekit import class_score, deletion_insertion
from coursekit.networks.backend import keras

layers = keras.layers
WEIGHTS = np.float32([[3, -1, 4], [0, 2, 5]])
PICTURE = np.float32([[1, 2, 3], [4, 5, 6]])[..., np.newaxis]


@pytest.fixture(scope="module")
def model():
    """Class 0 is the weighted sum of the pixels, class 1 nothing."""
    model = keras.Sequential([keras.Input((2, 3, 1)), layers.Flatten(), layers.Dense(2, name="scores")])
    model.set_weights([np.stack([WEIGHTS.ravel(), np.zeros(6)], axis=1), np.zeros(2)])
    return model


@pytest.fixture(scope="module")
def network():
    keras.utils.set_random_seed(0)
    return keras.Sequential(
        [
            keras.Input((6, 9, 3)),
            layers.Rescaling(1 / 255),
            layers.Conv2D(4, 3, activation="relu"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(3, activation="softmax"),
        ]
    )


class TestByHand:
    def test_curves_and_areas(self, model):
        """From the picture the largest product of weight and value goes first."""
        worth = WEIGHTS * PICTURE[..., 0]  # 3 -2 12 / 0 10 30
        found = deletion_insertion(model, PICTURE, worth, 0, steps=6, baseline=0)
        np.testing.assert_array_equal(found.deletion, [53, 23, 11, 1, -2, -2, 0])
        np.testing.assert_array_equal(found.insertion, [0, 30, 42, 52, 55, 55, 53])
        np.testing.assert_allclose(found.share, np.arange(7) / 6, rtol=1e-6)
        assert found.deletion_area == pytest.approx((53 / 2 + 23 + 11 + 1 - 2 - 2 + 0 / 2) / 6)
        assert found.insertion_area == pytest.approx((0 / 2 + 30 + 42 + 52 + 55 + 55 + 53 / 2) / 6)
        assert found.deletion.dtype == found.insertion.dtype == found.share.dtype == np.float32

    def test_it_is_the_order_that_counts(self, model):
        worth = WEIGHTS * PICTURE[..., 0]
        how = {"target": 0, "steps": 6, "baseline": 0}
        best = deletion_insertion(model, PICTURE, worth, **how)
        same = deletion_insertion(model, PICTURE, np.exp(worth / 9), **how)
        np.testing.assert_array_equal(best.deletion, same.deletion)
        for seed in range(20):
            other = deletion_insertion(model, PICTURE, np.random.default_rng(seed).random((2, 3)), **how)
            assert other.deletion_area >= best.deletion_area
            assert other.insertion_area <= best.insertion_area
        worst = deletion_insertion(model, PICTURE, -worth, **how)
        assert worst.deletion_area > best.deletion_area + 10

    def test_steps_of_several_pixels_and_equal_values_in_reading_order(self, model):
        found = deletion_insertion(model, PICTURE, np.zeros((2, 3)), 0, steps=3, baseline=0)
        np.testing.assert_array_equal(found.deletion, [53, 52, 40, 0])
        found = deletion_insertion(model, PICTURE, np.zeros((2, 3)), 0, steps=4, baseline=0)
        np.testing.assert_allclose(found.share, np.float32([0, 2, 3, 4, 6]) / 6)

    def test_a_colour_stands_in_place_of_what_is_deleted(self, model):
        found = deletion_insertion(model, PICTURE, np.float32([[9, 0, 0], [0, 0, 0]]), 0, steps=6, baseline=10)
        assert found.deletion[1] == 53 + 3 * (10 - 1)
        assert found.insertion[0] == found.deletion[-1] == 10 * WEIGHTS.sum()
        assert found.insertion[-1] == found.deletion[0] == 53


class TestTargets:
    def test_a_class_is_followed_by_its_probability_and_an_objective_by_itself(self, network):
        picture = np.random.default_rng(0).integers(0, 256, (6, 9, 3)).astype(np.uint8)
        map = np.random.default_rng(1).normal(size=(6, 9))
        outputs = network(picture[np.newaxis].astype(np.float32)).numpy()[0]
        for target, index in ((1, 1), (None, outputs.argmax())):
            found = deletion_insertion(network, picture, map, target, steps=7, batch_size=3)
            assert found.deletion[0] == pytest.approx(outputs[index], rel=1e-5)
            assert found.insertion[-1] == pytest.approx(outputs[index], rel=1e-5)
        score = class_score(network, 1)
        found = deletion_insertion(network, picture, map, score, steps=7, baseline="mean", batch_size=64)
        assert found.deletion[0] == pytest.approx(score(picture), rel=1e-4)
        # Against a loop, with the mean colour.
        order = np.argsort(-map.ravel())
        for step, gone in enumerate(np.rint(np.linspace(0, 54, 8)).astype(int)):
            copy = picture.astype(np.float32).reshape(-1, 3)
            copy[order[:gone]] = picture.mean((0, 1))
            assert found.deletion[step] == pytest.approx(score(copy.reshape(6, 9, 3)), rel=1e-4, abs=1e-6)

    @pytest.mark.parametrize(
        ("how", "words"),
        [
            ({"map": np.zeros((6, 9, 3))}, r"map must be \(H, W\), not \(6, 9, 3\)"),
            ({"map": np.zeros((9, 6))}, r"The map is \(9, 6\), but the picture \(6, 9\)"),
            ({"map": np.full((6, 9), np.nan)}, "map holds NaN"),
            ({"steps": 55}, "steps must be from 1 to 54, not 55: there are 54 pixels"),
            ({"image": np.zeros((2, 6, 9, 3))}, "takes one picture and one target at a time"),
            ({"target": [0, 1]}, "takes one picture and one target at a time"),
            ({"target": 3}, "There is no class 3"),
            ({"baseline": "black"}, "There is no baseline 'black'"),
        ],
    )
    def test_wrong_arguments(self, how, words, network):
        with pytest.raises(ValueError, match=words):
            deletion_insertion(network, **{"image": np.zeros((6, 9, 3)), "map": np.zeros((6, 9)), **how})
