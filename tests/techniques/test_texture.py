"""Gram matrices by hand, their distance by NumPy and plain Keras, and what pictures made from them keep."""

import numpy as np
import pytest

from coursekit import gram, synthesize_texture
from coursekit.networks.backend import keras, tf
from coursekit.techniques.optimization import compiled_scores
from coursekit.techniques.texture import gram_tensor, layer_weights, texture_aim
from tests.techniques.ascents import assert_unchanged, everything_about, interrupts_itself

layers = keras.layers
RANDOM = np.random.default_rng(0)
TEXTURE = RANDOM.uniform(20, 235, (14, 12, 3)).astype(np.float32)
STILL = {"progress": False}


def convolutions(activation="relu"):
    keras.utils.set_random_seed(0)
    x = keras.Input((None, None, 3))
    conv = layers.Conv2D(5, 3, activation=activation, name="conv")(layers.Rescaling(1 / 127.5, offset=-1)(x))
    return keras.Model(x, layers.Conv2D(4, 3, 2, activation=activation, name="deep")(conv))


@pytest.fixture(scope="module")
def model():
    return convolutions()


def colours():
    """Return a network whose one layer is the picture itself."""
    x = keras.Input((None, None, 3))
    return keras.Model(x, layers.Rescaling(1.0, name="colours")(x))


def distances(model, pictures, texture, names):
    """Return |G - G'|^2 / |G'|^2 of each picture and layer, by plain Keras and loops over channels."""

    def of(picture, name):
        plain = keras.Model(model.input, model.get_layer(name).output)
        maps = np.float64(plain(picture[np.newaxis]))[0]
        channels = range(maps.shape[-1])
        return np.array([[(maps[..., i] * maps[..., j]).sum() / maps.size for j in channels] for i in channels])

    wanted = [of(texture, name) for name in names]
    return [
        [((of(picture, name) - want) ** 2).sum() / (want**2).sum() for name, want in zip(names, wanted, strict=True)]
        for picture in pictures
    ]


class TestGram:
    def test_by_hand(self):
        maps = np.array([[[1, 2, 0], [3, 0, 1]], [[0, 1, 1], [1, 1, 0]]])  # 2 x 2 places, 3 channels
        products = [
            [1 + 9 + 0 + 1, 2 + 0 + 0 + 1, 0 + 3 + 0 + 0],
            [2 + 0 + 0 + 1, 4 + 0 + 1 + 1, 0 + 0 + 1 + 0],
            [0 + 3 + 0 + 0, 0 + 0 + 1 + 0, 0 + 1 + 1 + 0],
        ]
        np.testing.assert_allclose(gram(maps), np.array(products) / 12, rtol=1e-6)

    def test_by_loops_alone_and_in_a_batch(self):
        maps = RANDOM.normal(size=(3, 5, 4, 6))
        found = gram(maps)
        assert found.dtype == np.float32
        for picture, one in zip(maps, found, strict=True):
            for i, j in np.ndindex(6, 6):
                assert one[i, j] == pytest.approx((picture[..., i] * picture[..., j]).sum() / 120, abs=1e-6)
            np.testing.assert_allclose(gram(picture), one, atol=1e-6)

    def test_positions_do_not_count(self):
        maps = RANDOM.uniform(0, 99, (9, 7, 5))
        shuffled = RANDOM.permutation(maps.reshape(-1, 5)).reshape(maps.shape)
        np.testing.assert_allclose(gram(shuffled), gram(maps), rtol=1e-6)
        assert np.abs(gram(RANDOM.permuted(maps, axis=0)) - gram(maps)).max() > 1  # each channel for itself

    def test_the_size_does_not_count(self):
        maps = RANDOM.uniform(0, 99, (4, 6, 5))
        np.testing.assert_allclose(gram(np.tile(maps, (3, 2, 1))), gram(maps), rtol=1e-5)

    def test_as_a_tensor(self):
        maps = RANDOM.uniform(0, 9, (2, 4, 6, 5)).astype(np.float32)
        np.testing.assert_allclose(gram_tensor(tf.constant(maps)), gram(maps), rtol=1e-5)
        half = gram_tensor(tf.constant(maps, tf.float16))
        assert half.dtype == tf.float32
        np.testing.assert_allclose(half, gram(maps), rtol=1e-2)

    @pytest.mark.parametrize(
        ("given", "error", "words"),
        [
            (np.ones((4, 3)), ValueError, r"must have shape .height, width, channels. .*not .4, 3."),
            (np.full((2, 2, 1), np.nan), ValueError, "NaN"),
            (np.ones((0, 2, 3)), ValueError, "is empty"),
            ("conv1", TypeError, "must be an array"),
        ],
    )
    def test_wrong(self, given, error, words):
        with pytest.raises(error, match=words):
            gram(given)


class TestDistance:
    @pytest.mark.parametrize("of", [["conv"], ["deep", "conv"], {"conv": 1, "deep": 3}, {"deep": 0, "conv": 2}])
    def test_of_pictures_on_the_way(self, of, model):
        found = synthesize_texture(model, TEXTURE, of, 4, size=(11, 13), snapshots=range(4), **STILL)
        names = list(of)
        shares = np.array(list(of.values()) if isinstance(of, dict) else [1] * len(of), float)
        on_the_way = distances(model, [found.snapshots[step] for step in range(4)], TEXTURE, names)
        np.testing.assert_allclose(found.trace, on_the_way @ shares / shares.sum(), rtol=1e-3)
        (last,) = distances(model, [found.image], TEXTURE, names)
        np.testing.assert_allclose(list(found.distances.values()), last, rtol=1e-3)
        assert list(found.distances) == names

    def test_the_texture_itself_has_none(self, model):
        found = synthesize_texture(model, TEXTURE, ["conv", "deep"], 1, start=TEXTURE, **STILL)
        assert found.trace[0] < 1e-9

    def test_against_finite_differences(self):
        smooth = convolutions("softplus")
        aim = texture_aim(smooth, TEXTURE, {"conv": 0.3, "deep": 0.7})
        scores, constants = compiled_scores(aim, TEXTURE.shape), [tf.constant(one) for one in aim.constants]
        start = RANDOM.uniform(50, 200, (2, *TEXTURE.shape)).astype(np.float32)
        x = tf.constant(start)
        with tf.GradientTape() as tape:
            tape.watch(x)
            total = tf.reduce_sum(scores(x, *constants)[0])
        slope = tape.gradient(total, x).numpy()
        # Uphill, where the change is largest: in any direction rounding to float32 would hide it.
        direction = slope / np.abs(slope).max((1, 2, 3), keepdims=True)
        ahead, back = (scores(tf.constant(start + sign * direction), *constants)[0].numpy() for sign in (1, -1))
        np.testing.assert_allclose((ahead - back) / 2, (slope * direction).sum((1, 2, 3)), rtol=0.01)

    def test_weights(self, model):
        assert layer_weights(model, {"conv": 1, "deep": 3}, "layers") == {"conv": 0.25, "deep": 0.75}
        assert layer_weights(model, ["deep", "conv"], "layers") == {"deep": 0.5, "conv": 0.5}
        assert layer_weights(model, "deep", "layers") == {"deep": 1}


class TestWhatIsKept:
    def test_how_colours_go_together(self):
        """Of the colours alone the second moments come back, which can be computed without a network."""
        found = synthesize_texture(colours(), TEXTURE, "colours", 300, size=20, learning_rate=1, **STILL)
        moments = [np.einsum("yxi,yxj->ij", one, one) / one.size for one in (found.image, TEXTURE)]
        np.testing.assert_allclose(*moments, rtol=0.01)

    def test_positions_are_not(self):
        shuffled = RANDOM.permutation(TEXTURE.reshape(-1, 3)).reshape(TEXTURE.shape)
        one, other = (synthesize_texture(colours(), each, "colours", 20, **STILL).image for each in (TEXTURE, shuffled))
        np.testing.assert_allclose(one, other, atol=0.01)
        assert np.abs(one - TEXTURE).mean() > 30

    def test_it_comes_nearer(self, model):
        found = synthesize_texture(model, TEXTURE, ["conv", "deep"], 60, **STILL)
        assert found.trace[-1] < 0.05 * found.trace[0]
        assert found.image.min() >= 0
        assert found.image.max() <= 255

    def test_the_smoother_of_two(self, model):
        plain, smooth = (
            synthesize_texture(model, TEXTURE, "deep", 60, total_variation=weight, **STILL).image for weight in (0, 1)
        )
        assert np.abs(np.diff(smooth, axis=0)).mean() < 0.5 * np.abs(np.diff(plain, axis=0)).mean()


class TestHow:
    @pytest.mark.parametrize(("size", "shape"), [(None, (14, 12, 3)), (9, (9, 9, 3)), ((20, 8), (20, 8, 3))])
    @pytest.mark.parametrize("parametrization", ["pixels", "fourier"])
    def test_size(self, size, shape, parametrization, model):
        how = {"size": size, "parametrization": parametrization, "snapshots": [0, 2]}
        found = synthesize_texture(model, TEXTURE, "conv", 2, **how, **STILL)
        assert found.image.shape == found.snapshots[0].shape == shape
        assert found.image.dtype == np.float32
        np.testing.assert_array_equal(found.image, found.snapshots[2])

    def test_first_step_goes_by_the_learning_rate(self, model):
        first = RANDOM.uniform(100, 150, TEXTURE.shape).astype(np.float32)
        for given, expected in ((None, 8), (3, 3)):
            found = synthesize_texture(model, TEXTURE, "conv", 1, start=first, learning_rate=given, **STILL)
            assert np.abs(found.image - first).max() == pytest.approx(expected, abs=0.01)

    def test_a_picture_to_which_a_layer_is_silent_is_as_far_as_can_be(self, model):
        found = synthesize_texture(model, TEXTURE, "deep", 1, start="grey", **STILL)
        assert found.distances == {"deep": 1}

    def test_start(self, model):
        first = RANDOM.uniform(0, 255, (10, 9, 3)).astype(np.float32)
        found = synthesize_texture(model, TEXTURE, "conv", 1, size=(10, 9), start=first, snapshots=[0], **STILL)
        np.testing.assert_array_equal(found.snapshots[0], first)

    def test_the_same_again_and_the_network_as_it_was(self, model):
        before = everything_about(model)
        one, two, other = (synthesize_texture(model, TEXTURE, "deep", 3, seed=seed, **STILL) for seed in (1, 1, 2))
        np.testing.assert_array_equal(one.image, two.image)
        assert not np.array_equal(one.image, other.image)
        assert_unchanged(model, before)

    def test_stands_for_its_picture(self, model):
        found = synthesize_texture(model, TEXTURE, "conv", 1, **STILL)
        np.testing.assert_array_equal(np.asarray(found), found.image)
        assert np.asarray(found, np.float64).dtype == np.float64

    def test_another_texture_costs_no_compilation(self):
        traced = []
        x = keras.Input((12, 12, 3))
        seen = layers.Lambda(lambda values: traced.append(1) or values, output_shape=(12, 12, 3))(x)
        network = keras.Model(x, layers.Conv2D(2, 3, name="conv")(seen))
        synthesize_texture(network, TEXTURE[:12], "conv", 2, **STILL)
        once = len(traced)
        synthesize_texture(network, 255 - TEXTURE[:12], {"conv": 2}, 2, seed=4, **STILL)
        assert len(traced) == once

    def test_half_precision(self):
        policy = keras.mixed_precision.DTypePolicy("mixed_float16")
        x = keras.Input((None, None, 3))
        half = keras.Model(x, layers.Conv2D(4, 3, name="conv", dtype=policy)(layers.Rescaling(1 / 255)(x)))
        found = synthesize_texture(half, TEXTURE, "conv", 40, **STILL)
        assert found.distances["conv"] < 0.1 * found.trace[0]

    def test_interrupted_gives_what_there_is(self):
        network = interrupts_itself(after=6)
        found = synthesize_texture(network, TEXTURE[:12], "conv", 50, **STILL)
        assert found.image.shape == (12, 12, 3)
        assert 0 < np.isfinite(found.trace).sum() < 50


class TestWrongArguments:
    @pytest.mark.parametrize(
        ("how", "error", "words"),
        [
            ({"layers": "cnv"}, ValueError, "no layer 'cnv'.*'conv'"),
            ({"layers": []}, ValueError, "No layer was asked for: layers is empty"),
            ({"layers": {"conv": -1}}, ValueError, "the weight of 'conv' must be a number, 0 or more"),
            ({"layers": {"conv": "1"}}, TypeError, "the weight of 'conv' must be a number"),
            ({"layers": {"conv": 0, "deep": 0}}, ValueError, "All weights in layers are 0"),
            ({"layers": None}, ValueError, "There is no layer 'relu_conv1'"),
            ({"texture": np.stack([TEXTURE, TEXTURE])}, ValueError, "texture must be one picture, not 2"),
            ({"texture": TEXTURE[..., :1]}, ValueError, "takes pictures with 3 channels, and this one has 1"),
            ({"texture": TEXTURE[..., 0]}, ValueError, "texture must have shape"),
            ({"texture": TEXTURE[:4], "layers": "deep"}, ValueError, "4 x 12 do not lead to deep"),
            ({"texture": "brick"}, TypeError, r"photo\('brick'\)"),
            ({"size": 3, "layers": "deep"}, ValueError, "3 x 3 do not lead to deep"),
            ({"size": (8, 8, 3)}, ValueError, "size must be one number of pixels or .height, width."),
            ({"steps": 0}, ValueError, "steps"),
            ({"start": "white"}, ValueError, "no start 'white'"),
            ({"start": TEXTURE[:5]}, ValueError, "The start is 5 x 12 x 3, but this .*14 x 12 x 3"),
            ({"parametrization": "waves"}, ValueError, "no parametrization 'waves'"),
            ({"learning_rate": -1}, ValueError, "learning_rate"),
            ({"total_variation": -1}, ValueError, "total_variation"),
            ({"snapshots": [9]}, ValueError, "no step 9 to keep"),
            ({"seed": -1}, ValueError, "seed"),
        ],
    )
    def test_is_said(self, how, error, words, model):
        with pytest.raises(error, match=words):
            synthesize_texture(**{"model": model, "texture": TEXTURE, "layers": "conv", "steps": 3, **STILL, **how})

    def test_layer_without_positions(self):
        x = keras.Input((12, 12, 3))
        flat = keras.Model(x, layers.Dense(4, name="dense")(layers.Flatten()(x)))
        with pytest.raises(ValueError, match=r"'dense' has no positions.*such as"):
            synthesize_texture(flat, TEXTURE[:12], "dense", 3, **STILL)

    def test_silent_layer(self):
        x = keras.Input((8, 8, 3))
        silent = keras.Model(x, layers.ReLU(name="relu")(layers.Rescaling(-1.0)(x)))
        with pytest.raises(ValueError, match="answers 0 everywhere"):
            synthesize_texture(silent, TEXTURE[:8, :8], "relu", 3, **STILL)

    def test_infinite_layer(self):
        x = keras.Input((8, 8, 3))
        huge = keras.Model(x, layers.Rescaling(1e38, name="huge")(x))
        with pytest.raises(ValueError, match="NaN or infinity"):
            synthesize_texture(huge, TEXTURE[:8, :8], "huge", 3, **STILL)
