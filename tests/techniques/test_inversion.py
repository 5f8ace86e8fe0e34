import numpy as np
import pytest

from coursekit import activations, invert
from coursekit.networks.backend import keras, tf
from coursekit.techniques.features import features_aim
from coursekit.techniques.optimization import compiled_scores
from tests.techniques.ascents import everything_about, interrupts_itself, toy

layers = keras.layers
PICTURE = np.random.default_rng(0).uniform(20, 235, (12, 12, 3)).astype(np.float32)
STILL = {"progress": False}


@pytest.fixture(scope="module")
def model():
    return toy()


def relative(model, layer, pictures, photo=PICTURE):
    """Return how far pictures' features are from a photo's, by NumPy."""
    own, photo = (np.float64(activations(model, values, layer)) for values in (pictures, photo[np.newaxis]))
    return np.sqrt(((own - photo) ** 2).reshape(len(own), -1).sum(1) / (photo**2).sum())


class TestDistance:
    @pytest.mark.parametrize("layer", ["conv", "deep", "prob"])
    def test_of_what_was_found(self, layer, model):
        found = invert(model, layer, PICTURE, 5, **STILL)
        np.testing.assert_allclose(found.distances, relative(model, layer, found.images[np.newaxis])[0], rtol=1e-3)

    def test_trace_is_that_of_the_pictures_on_the_way(self, model):
        found = invert(model, "conv", PICTURE, 4, snapshots=range(4), **STILL)
        on_the_way = [relative(model, "conv", found.snapshots[step][np.newaxis])[0] for step in range(4)]
        np.testing.assert_allclose(found.trace, on_the_way, rtol=1e-3)

    def test_in_a_size_of_its_own(self):
        """A network that takes 227 x 227 is drawn in other sizes up to its first layer that does not."""
        net = keras.Sequential([keras.Input((12, 12, 3)), layers.Conv2D(4, 3, name="conv"), layers.Flatten()])
        found = invert(net, "conv", PICTURE[:9], 1, **STILL)
        wide = keras.Model(free := keras.Input((None, None, 3)), net.get_layer("conv")(free))
        own, photo = (np.float64(wide(picture[np.newaxis])) for picture in (found.images, PICTURE[:9]))
        assert found.distances == pytest.approx(np.sqrt(((own - photo) ** 2).sum() / (photo**2).sum()), rel=1e-3)

    def test_the_photo_itself_has_none(self, model):
        found = invert(model, "conv", PICTURE, 1, start=PICTURE, parametrization="pixels", total_variation=0, **STILL)
        assert found.trace[0] < 1e-5

    def test_against_finite_differences(self):
        keras.utils.set_random_seed(0)
        x = keras.Input(PICTURE.shape)
        conv = layers.Conv2D(5, 3, activation="tanh", name="conv")(layers.Rescaling(1 / 127.5, offset=-1)(x))
        smooth = keras.Model(x, layers.Conv2D(4, 3, activation="softplus", name="deep")(conv))
        aim = features_aim(smooth, ["deep", "conv"], PICTURE)
        scores, constants = compiled_scores(aim, PICTURE.shape), [tf.constant(one) for one in aim.constants]
        start = np.random.default_rng(1).uniform(50, 200, (2, *PICTURE.shape)).astype(np.float32)
        x = tf.constant(start)
        with tf.GradientTape() as tape:
            tape.watch(x)
            total = tf.reduce_sum(scores(x, *constants)[0])
        slope = tape.gradient(total, x).numpy()
        direction = np.random.default_rng(2).normal(size=start.shape).astype(np.float32)
        ahead, back = (scores(tf.constant(start + sign * direction), *constants)[0].numpy() for sign in (1, -1))
        np.testing.assert_allclose((ahead - back) / 2, (slope * direction).sum((1, 2, 3)), rtol=0.01)


class TestWhatIsLeft:
    def test_colours_that_are_only_mixed_come_back(self):
        x = keras.Input((8, 8, 3))
        mixed = keras.Model(x, layers.Conv2D(3, 1, name="mix", use_bias=False)(x))
        mixed.set_weights([np.float32([[1, 1, 0], [0, 1, 1], [1, 0, 1]])[np.newaxis, np.newaxis]])
        photo = PICTURE[:8, :8]
        found = invert(mixed, "mix", photo, 400, parametrization="pixels", total_variation=0, **STILL)
        assert np.abs(found.images - photo).max() < 1

    def test_of_a_mean_only_the_mean_comes_back(self):
        x = keras.Input((8, 8, 3))
        averaged = keras.Model(x, layers.GlobalAveragePooling2D(name="mean")(x))
        photo = PICTURE[:8, :8]
        found = invert(averaged, "mean", photo, 400, parametrization="pixels", total_variation=0, **STILL)
        np.testing.assert_allclose(found.images.mean((0, 1)), photo.mean((0, 1)), atol=0.5)
        assert np.abs(found.images - photo).mean() > 30

    def test_the_smoother_of_two_is_taken(self, model):
        plain, smooth = (
            invert(model, "deep", PICTURE, 60, parametrization="pixels", total_variation=weight, **STILL).images
            for weight in (0, 1)
        )
        assert np.abs(np.diff(smooth, axis=0)).mean() < 0.5 * np.abs(np.diff(plain, axis=0)).mean()


class TestSeveral:
    def test_each_as_alone_in_the_order_asked_for(self, model):
        both = invert(model, ["deep", "conv"], PICTURE, 6, seed=3, **STILL)
        assert both.layers == ["deep", "conv"]
        for n, layer in enumerate(both.layers):
            one = invert(model, layer, PICTURE, 6, seed=3, **STILL)
            np.testing.assert_allclose(both.images[n], one.images, atol=0.05)
            np.testing.assert_allclose(both.trace[n], one.trace, rtol=1e-3)
            assert one.images.shape == PICTURE.shape

    def test_one_twice(self, model):
        twice = invert(model, ["conv", "conv"], PICTURE, 3, **STILL)
        np.testing.assert_allclose(twice.images[0], twice.images[1], atol=0.01)


def test_the_same_again_and_the_network_as_it_was(model):
    before = everything_about(model)
    one, two = (invert(model, "deep", PICTURE, 5, seed=1, **STILL) for _ in range(2))
    np.testing.assert_array_equal(one.images, two.images)
    after = everything_about(model)
    weights = zip(before.pop("weights"), after.pop("weights"), strict=True)
    assert all(np.array_equal(*pair) for pair in weights)
    assert before == after
    assert not np.array_equal(one.images, invert(model, "deep", PICTURE, 5, seed=2, **STILL).images)


def test_another_photo_costs_no_compilation(model):
    traced = []
    x = keras.Input((12, 12, 3))
    seen = layers.Lambda(lambda values: traced.append(1) or values, output_shape=(12, 12, 3))(x)
    network = keras.Model(x, layers.Conv2D(2, 3, name="conv")(seen))
    invert(network, "conv", PICTURE, 2, **STILL)
    once = len(traced)
    invert(network, "conv", 255 - PICTURE, 2, seed=4, **STILL)
    assert len(traced) == once


def test_half_precision():
    policy = keras.mixed_precision.DTypePolicy("mixed_float16")
    x = keras.Input((12, 12, 3))
    half = keras.Model(x, layers.Conv2D(4, 3, name="conv", dtype=policy)(layers.Rescaling(1 / 255)(x)))
    found = invert(half, "conv", PICTURE, 40, **STILL)
    assert found.distances < 0.6 * found.trace[0]


def test_interrupted_gives_what_there_is():
    network = interrupts_itself(after=4)
    activations(network, PICTURE, "conv")
    found = invert(network, "conv", PICTURE, 50, parametrization="pixels", **STILL)
    assert found.images.shape == PICTURE.shape
    assert 0 < np.isfinite(found.trace).sum() < 50


class TestWrongArguments:
    @pytest.mark.parametrize(
        ("how", "error", "words"),
        [
            ({"layer": "cnv"}, ValueError, "no layer 'cnv'.*'conv'"),
            ({"layer": []}, ValueError, "No layer was asked for"),
            ({"layer": 3}, TypeError, "named by a string"),
            ({"image": np.stack([PICTURE, PICTURE])}, ValueError, "one picture, not 2"),
            ({"image": PICTURE[:, :, :1]}, ValueError, "3 channels, and this one has 1"),
            ({"steps": 0}, ValueError, "steps"),
            ({"total_variation": -1}, ValueError, "total_variation"),
            ({"start": "white"}, ValueError, "no start 'white'"),
            ({"snapshots": [999]}, ValueError, "no step 999"),
        ],
    )
    def test_is_said(self, how, error, words, model):
        with pytest.raises(error, match=words):
            invert(**{"model": model, "layer": "conv", "image": PICTURE, "steps": 3, **STILL, **how})

    def test_silent_layer(self):
        x = keras.Input((8, 8, 3))
        silent = keras.Model(x, layers.ReLU(name="relu")(layers.Rescaling(-1.0)(x)))
        with pytest.raises(ValueError, match="answers 0 everywhere"):
            invert(silent, "relu", PICTURE[:8, :8], 3, **STILL)

    def test_infinite_layer(self):
        x = keras.Input((8, 8, 3))
        huge = keras.Model(x, layers.Rescaling(1e38, name="huge")(x))
        with pytest.raises(ValueError, match="NaN or infinity"):
            invert(huge, "huge", PICTURE[:8, :8], 3, **STILL)
