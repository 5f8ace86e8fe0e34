import numpy as np
import pytest

from coursekit import channel
from coursekit.networks.backend import keras, tf
from coursekit.techniques.objectives import linear_aim
from coursekit.techniques.optimization import Aim, Ascent, ascend, compiled_scores

layers = keras.layers
STILL = Ascent("pixels", shift=0, scale=0, rotate=0)


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    return keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            layers.Rescaling(1 / 127.5, offset=-1),
            layers.Conv2D(6, 3, activation="relu", name="conv"),
            layers.Conv2D(4, 3, name="deep"),
        ]
    )


def distance(model, layer, target):
    """Return the aim of lying near features (1, H, W, C): minus the mean squared distance from them. No linear one."""

    def score(maps, pictures, constants):
        return -tf.reduce_mean(tf.square(maps[0] - constants[0]), (1, 2, 3))

    return Aim(model, ((layer, False),), score, (np.float32(target),), ("distance of features",))


def brightness(model):
    """Return the aim of being bright: it reads no layer but the pictures themselves."""

    def score(maps, pictures, constants):
        return tf.reduce_mean(pictures, (1, 2, 3))

    return Aim(model, (("conv", False),), score, (), ("brightness",))


def scores(aim, pictures):
    return compiled_scores(aim, (8, 8, 3))(tf.constant(pictures), *map(tf.constant, aim.constants))[0].numpy()


PICTURES = np.random.default_rng(1).uniform(0, 255, (2, 8, 8, 3)).astype(np.float32)


class TestAims:
    def test_values(self, model):
        conv = keras.Model(model.inputs[0], model.get_layer("conv").output)
        aim = distance(model, "conv", conv(PICTURES[:1]))
        expected = -np.square(conv(PICTURES) - conv(PICTURES[:1])).mean((1, 2, 3))
        np.testing.assert_allclose(scores(aim, PICTURES), expected, rtol=1e-4, atol=1e-6)

    def test_sums_and_multiples(self, model):
        conv = keras.Model(model.inputs[0], model.get_layer("conv").output)
        far, bright = distance(model, "conv", conv(PICTURES[:1])), brightness(model)
        linear = linear_aim([channel(model, "deep", 1)] * 2)
        a, b, c = (scores(aim, PICTURES) for aim in (far, bright, linear))
        for aim, expected in (
            (far + 2 * bright, a + 2 * b),
            (-(far + linear), -a - c),
            (0.5 * (bright + -linear) + far, 0.5 * (b - c) + a),
            (linear + linear, 2 * c),
        ):
            np.testing.assert_allclose(scores(aim, PICTURES), expected, rtol=1e-4, atol=1e-5)

    def test_equal_keys_share_what_is_compiled_and_others_do_not(self, model):
        conv = keras.Model(model.inputs[0], model.get_layer("conv").output)
        one, other = (distance(model, "conv", conv(PICTURES[i : i + 1])) for i in (0, 1))
        assert compiled_scores(one, (8, 8, 3)) is compiled_scores(other, (8, 8, 3))
        assert scores(one, PICTURES)[0] == 0 > scores(other, PICTURES)[0]
        for different in (distance(model, "deep", conv(PICTURES[:1])), one + one, 2 * one, brightness(model)):
            assert different.identity != one.identity
        assert (3 * one).identity == (2 * one).identity

    def test_different_models(self, model):
        with pytest.raises(ValueError, match="These aims read different models"):
            brightness(model) + brightness(keras.models.clone_model(model))
        with pytest.raises(TypeError):
            brightness(model) * "2"


class TestAscent:
    def test_an_aim_that_is_no_linear_one_is_reached(self, model):
        """Features are inverted: from noise to a picture with the same."""
        conv = keras.Model(model.inputs[0], model.get_layer("conv").output)
        aim = distance(model, "conv", conv(PICTURES[:1]))
        stages = list(ascend(aim, STILL, 150, start=["grey", "noise"], seed=[0, 1]))
        assert (stages[-1].scores() > 0.1 * stages[0].scores()).all()  # a tenth of the distance or less

    def test_one_step_goes_up_the_gradient(self, model):
        """The sign of Adam's first step is the gradient's, and its length the learning rate."""
        conv = keras.Model(model.inputs[0], model.get_layer("conv").output)
        aim = distance(model, "conv", conv(PICTURES[:1])) + 0.01 * brightness(model)
        start = tf.constant(PICTURES[1:].clip(20, 235))
        with tf.GradientTape() as tape:
            tape.watch(start)
            value = -tf.reduce_mean(tf.square(conv(start) - conv(PICTURES[:1]))) + 0.01 * tf.reduce_mean(start)
        expected = tape.gradient(value, start).numpy()[0]
        before, after = ascend(aim, STILL, 1, start=[start.numpy()[0]], seed=[0])
        moved = after.images()[0] - before.images()[0]
        clear = np.abs(expected) > 1e-3 * np.abs(expected).max()
        assert clear.mean() > 0.9
        np.testing.assert_allclose(moved[clear], 2 * np.sign(expected)[clear], atol=1e-3)
        np.testing.assert_allclose(after.score, value, rtol=1e-4)

    def test_settings_are_checked_when_they_are_made(self):
        with pytest.raises(ValueError, match=r"There is no parametrization 'furier'\. Did you mean 'fourier'"):
            Ascent(parametrization="furier")
        with pytest.raises(ValueError, match="There is no parametrization"):
            Ascent(parametrization=["fourier"])
        with pytest.raises(TypeError, match="shift must be a whole number, 0 or more, not '9'"):
            Ascent(shift="9")
        with pytest.raises(ValueError, match=r"scale must be a number, 0 or more and at most 1, not 2"):
            Ascent(scale=2)
        assert Ascent(l2=3, blur=0).penalties == {"l2": 3}
