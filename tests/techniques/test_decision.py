import numpy as np
import pytest
from scipy.stats import spearmanr

from coursekit import class_score, deconvnet, grad_cam, guided_backprop, saliency, smoothgrad, squeezenet
from coursekit.networks.backend import keras
from coursekit.networks.reading import gives_probabilities
from coursekit.techniques.class_activation import layers_with_maps
from coursekit.techniques.decision import (
    METHODS,
    correlation,
    decision_maps,
    probability_of,
    rank_correlation,
    scores_and_outputs,
    top_classes,
)
from coursekit.techniques.randomization import layers_from_the_top

layers = keras.layers
PICTURE = np.random.default_rng(1).uniform(50, 200, (8, 9, 3)).astype(np.float32)


def ending_in(*end):
    keras.utils.set_random_seed(3)
    body = [
        layers.Conv2D(4, 3, activation="relu", name="conv"),
        layers.Conv2D(6, 3, name="last"),
        layers.ReLU(name="on"),
    ]
    return keras.Sequential([keras.Input((8, 9, 3)), layers.Rescaling(1 / 50, -2), *body, *end])


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(3)  # for the last layer, which is made first
    return ending_in(layers.GlobalAveragePooling2D(), layers.Dense(5, activation="softmax", name="prob"))


class TestMaps:
    def test_each_is_what_its_technique_gives(self, model):
        calls = {
            "gradient": lambda index: saliency(model, PICTURE, index).sum(-1),
            "smoothgrad": lambda index: smoothgrad(model, PICTURE, index, 3, seed=4).sum(-1),
            "guided_backprop": lambda index: guided_backprop(model, PICTURE, index).sum(-1),
            "deconvnet": lambda index: deconvnet(model, PICTURE, index).sum(-1),
            "grad_cam": lambda index: grad_cam(model, PICTURE, index, "conv", upsample=False),
        }
        assert set(calls) == set(METHODS)
        for method, call in calls.items():
            found = decision_maps(model, PICTURE, method, [3, 1], layer="conv", samples=3, seed=4)
            for one, index in zip(found, [3, 1], strict=True):
                assert np.abs(one).max() > 0
                np.testing.assert_allclose(one, call(index), rtol=1e-3, atol=1e-5 * np.abs(one).max())

    def test_gradient_of_the_probability(self, model):
        """That of a softmax by hand: p_i (g_i - sum of p_j g_j), of the gradients g of all scores."""
        every = decision_maps(model, PICTURE, "gradient", range(5))
        p = model.predict(PICTURE[np.newaxis], verbose=0)[0]
        expected = p[2] * (every[2] - np.tensordot(p, every, 1))
        found = decision_maps(model, PICTURE, "gradient", [2], probability=True)[0]
        np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4 * np.abs(expected).max())
        assert abs(correlation(found, every[2])) < 0.999
        assert probability_of(model, 2)(PICTURE) == pytest.approx(p[2], rel=1e-5)

    def test_absolute_value_before_the_mean(self, model):
        rng = [np.random.default_rng((4, 0, sample)).standard_normal(PICTURE.shape, np.float32) for sample in range(3)]
        noisy = np.stack([PICTURE + 0.1 * np.ptp(PICTURE) * noise for noise in rng])
        each = saliency(model, noisy, 3)
        found = smoothgrad(model, PICTURE, 3, 3, seed=4, absolute=True, progress=False)
        np.testing.assert_allclose(found, np.abs(each).mean(0), rtol=1e-3, atol=1e-5 * np.abs(each).max())
        assert (smoothgrad(model, PICTURE, 3, 3, seed=4, progress=False) < 0).any()
        mistaken = decision_maps(model, PICTURE, "smoothgrad", [3], samples=3, seed=4, absolute=True)[0]
        np.testing.assert_allclose(mistaken, found.sum(-1), rtol=1e-5)

    def test_grad_cam_without_its_relu(self, model):
        plain, mistaken = (decision_maps(model, PICTURE, "grad_cam", range(5), relu=relu) for relu in (True, False))
        assert (mistaken < 0).any()
        np.testing.assert_array_equal(plain, np.maximum(mistaken, 0))


class TestCorrelation:
    def test_by_hand(self):
        one = np.float32([[1, 2], [3, 6]])
        assert correlation(one, 5 - 2 * one) == pytest.approx(-1)
        assert correlation(one, np.float32([[1, 0], [0, 0]])) == pytest.approx(-2 / np.sqrt(14 * 0.75))
        assert rank_correlation(one, np.exp(one)) == pytest.approx(1)
        assert correlation(one, np.exp(one)) < 0.97

    def test_ranks_with_ties_as_scipy(self):
        one, other = np.random.default_rng(0).integers(-3, 4, (2, 9, 7)).astype(np.float32)
        assert rank_correlation(one, other) == pytest.approx(spearmanr(one.ravel(), other.ravel()).statistic)

    def test_signs_count(self):
        one = np.float32([[-3, -1], [1, 3]])
        assert rank_correlation(one, np.abs(one)) == pytest.approx(0)

    @pytest.mark.parametrize("other", [np.zeros((2, 2)), np.full((2, 2), 3.0), np.float32([[1, np.nan], [2, 3]])])
    def test_undefined(self, other):
        one = np.float32([[1, 2], [3, 6]])
        assert np.isnan(correlation(one, other))
        assert np.isnan(rank_correlation(one, other))


class TestNetworks:
    def test_top_classes(self, model):
        p = model.predict(PICTURE[np.newaxis], verbose=0)[0]
        found = top_classes(model, PICTURE, 3)
        assert [index for index, _ in found] == sorted(range(5), key=lambda i: -p[i])[:3]
        np.testing.assert_allclose([value for _, value in found], sorted(p)[::-1][:3], rtol=1e-5)

    @pytest.mark.parametrize(
        ("end", "expected"),
        [
            ([layers.Flatten(), layers.Dense(5)], False),
            ([layers.Flatten(), layers.Dense(5), layers.Dropout(0.5)], False),
            ([layers.Flatten(), layers.Dense(5, activation="softmax")], True),
            ([layers.Flatten(), layers.Dense(5), layers.Softmax()], True),
            ([layers.Flatten(), layers.Dense(1, activation="sigmoid")], True),
        ],
    )
    def test_which_give_probabilities(self, end, expected):
        assert gives_probabilities(ending_in(*end)) is expected

    def test_layers_of_squeezenet(self):
        network = squeezenet()
        names = layers_from_the_top(network)
        assert (len(names), names[0], names[-1]) == (26, "conv10", "conv1")
        where = layers_with_maps(network, [class_score(network, 3)])
        assert where[-1] == "fire9-concat"  # behind it is drop9, which hands it on
        assert "conv10" not in where


class TestScoresAndOutputs:
    @pytest.mark.parametrize(
        "end",
        [
            lambda: [layers.GlobalAveragePooling2D(), layers.Dense(5, activation="softmax", name="prob")],
            lambda: [layers.Flatten(), layers.Dense(5, name="scores"), layers.Softmax(name="prob")],
            lambda: [layers.Flatten(), layers.Dense(5, name="scores")],  # gives scores as it is
            lambda: [layers.Conv2D(5, 1, activation="relu"), layers.GlobalAveragePooling2D(), layers.Softmax()],
        ],
        ids=["folded", "a layer", "none", "as SqueezeNet"],
    )
    def test_are_those_of_class_score_and_of_the_network(self, end):
        network = ending_in(*end())
        two = np.stack([PICTURE, PICTURE[::-1]])
        scores, outputs = scores_and_outputs(network, two)
        assert scores.shape == outputs.shape == (2, 5)
        assert scores.dtype == outputs.dtype == np.float32
        for index in range(5):
            np.testing.assert_allclose(scores[:, index], class_score(network, index)(two), rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(outputs, network(two, training=False), rtol=1e-4, atol=1e-6)
        alone = scores_and_outputs(network, np.rint(PICTURE).astype(np.uint8))
        assert [one.shape for one in alone] == [(5,), (5,)]

    def test_one_pass_is_compiled_once(self, model, monkeypatch):
        scores_and_outputs(model, PICTURE)
        monkeypatch.setattr("coursekit.techniques.decision.traced", None)
        scores_and_outputs(model, PICTURE)

    def test_whole_numbers(self):
        x = keras.Input((2, 2, 1), dtype="uint8")
        network = keras.Model(x, layers.Dense(2, activation="softmax")(layers.Flatten()(layers.Rescaling(1 / 255)(x))))
        scores, outputs = scores_and_outputs(network, np.full((2, 2, 1), 200.0))
        np.testing.assert_allclose(np.exp(scores) / np.exp(scores).sum(), outputs, rtol=1e-5)

    def test_refused(self):
        with pytest.raises(ValueError, match="Class scores are for networks with one output"):
            scores_and_outputs(ending_in(), PICTURE)
        with pytest.raises(ValueError, match="The picture is 9 x 8 x 3, but this network takes 8 x 9 x 3"):
            scores_and_outputs(ending_in(layers.Flatten(), layers.Dense(2)), PICTURE.swapaxes(0, 1))
