import numpy as np
import pytest

from coursekit.networks.backend import keras, tf
from coursekit.networks.gradients import gradient, permeable

layers = keras.layers


@pytest.fixture(scope="module")
def model():
    """4 x 5 pixels, a bent convolution, a ReLU of its own, five numbers."""
    keras.utils.set_random_seed(3)
    return keras.Sequential(
        [
            keras.Input((4, 5, 3)),
            layers.Rescaling(1 / 127.5, offset=-1),
            layers.Conv2D(4, 2, activation="softplus", name="first"),
            layers.Conv2D(6, 2, activation="tanh", name="second"),
            layers.Flatten(),
            layers.Dense(5, name="numbers"),
        ]
    )


PICTURES = np.random.default_rng(0).uniform(50, 200, (2, 4, 5, 3)).astype(np.float32)


def third(maps):
    return maps[0][:, 2]


def by_differences(function, at, step):
    """Return the gradient of function: (N, ...) -> (N,), by central differences in double precision."""
    found = np.zeros_like(at, np.float64)
    for index in np.ndindex(at.shape[1:]):
        moved = np.zeros_like(at)
        moved[(slice(None), *index)] = step
        found[(slice(None), *index)] = (function(at + moved) - function(at - moved)) / (2 * step)
    return found


class TestGradient:
    def test_of_the_picture_against_finite_differences(self, model):
        scores, (numbers,), (found,) = gradient(model, [tf.constant(PICTURES)], [("numbers", False)], third)
        np.testing.assert_allclose(numbers, model(PICTURES), rtol=1e-5, atol=1e-6)
        np.testing.assert_array_equal(scores, numbers[:, 2])
        expected = by_differences(lambda x: np.float64(model(x))[:, 2], PICTURES, 2)
        assert np.abs(expected).max() > 1e-4
        np.testing.assert_allclose(found, expected, rtol=1e-2, atol=1e-2 * np.abs(expected).max())

    @pytest.mark.parametrize("pre_activation", [False, True])
    def test_of_a_layer_against_finite_differences(self, pre_activation, model):
        to = ("second", pre_activation)
        _, (_, at), found = gradient(model, [tf.constant(PICTURES)], [("numbers", False), to], third, to=to)
        head = model.layers[-1]

        def rest(values):
            values = np.tanh(values) if pre_activation else values
            return np.float64(head(values.reshape(len(values), -1)))[:, 2]

        np.testing.assert_allclose(found, by_differences(rest, at.numpy(), 1e-2), rtol=1e-2, atol=1e-3)

    def test_several_layers_in_one_score(self, model):
        wanted = [("first", True), ("numbers", False)]

        def score(maps):
            return tf.reduce_sum(maps[0], (1, 2, 3)) - 2 * maps[1][:, 0]

        _, _, (both,) = gradient(model, [tf.constant(PICTURES)], wanted, score)
        _, _, (one,) = gradient(model, [tf.constant(PICTURES)], wanted[:1], lambda m: tf.reduce_sum(m[0], (1, 2, 3)))
        _, _, (two,) = gradient(model, [tf.constant(PICTURES)], wanted[1:], lambda m: m[0][:, 0])
        np.testing.assert_allclose(both, one - 2 * two, rtol=1e-4, atol=1e-6)

    def test_pictures_do_not_touch_each_other(self, model):
        _, _, (together,) = gradient(model, [tf.constant(PICTURES)], [("numbers", False)], third)
        for picture, row in zip(PICTURES, together, strict=True):
            _, _, (alone,) = gradient(model, [tf.constant(picture[np.newaxis])], [("numbers", False)], third)
            np.testing.assert_allclose(alone[0], row, rtol=1e-4, atol=1e-7)

    def test_two_inputs(self):
        x, y = keras.Input((3,)), keras.Input((3,))
        model = keras.Model([x, y], layers.Multiply(name="product")([x, y]))
        a, b = np.float32([[1, 2, 3]]), np.float32([[5, 7, 11]])
        _, _, found = gradient(
            model, [tf.constant(a), tf.constant(b)], [("product", False)], lambda maps: tf.reduce_sum(maps[0], 1)
        )
        np.testing.assert_array_equal(found, [b, a])

    @pytest.mark.parametrize("policy", ["mixed_float16", "float64"])
    def test_another_precision(self, policy):
        model = keras.Sequential(
            [keras.Input((4, 5, 3)), layers.Conv2D(2, 2, kernel_initializer="ones", dtype=policy, name="conv")]
        )
        _, _, (found,) = gradient(
            model, [tf.constant(PICTURES)], [("conv", False)], lambda maps: tf.cast(maps[0][:, 0, 0, 1], tf.float32)
        )
        expected = np.zeros_like(PICTURES)
        expected[:, :2, :2] = 1
        np.testing.assert_array_equal(found, expected)
        assert found.dtype == tf.float32

    def test_no_gradient(self):
        x = keras.Input((4, 5, 3))
        whole = keras.Model(x, layers.Rescaling(1.0, name="scaled")(keras.ops.cast(x, "int32")))
        with pytest.raises(ValueError, match="No gradient leads from scaled back to the picture"):
            gradient(whole, [tf.constant(PICTURES)], [("scaled", False)], lambda maps: maps[0][:, 0, 0, 0])
        model = keras.Model(x, layers.ReLU(name="relu")(x))
        with pytest.raises(ValueError, match="No gradient leads from relu back to the picture"):
            gradient(
                model, [tf.constant(PICTURES)], [("relu", False)], lambda maps: tf.round(maps[0])[:, 0, 0, 0] * 0 + 1
            )

    def test_with_a_rule_for_the_relus(self):
        """Two ReLUs, one folded in; the rule doubles what comes back through each."""
        x = keras.Input((2,))
        folded = layers.Dense(2, activation="relu", kernel_initializer="identity", name="folded")(x)
        model = keras.Model(x, layers.ReLU(name="own")(folded))

        def doubling(relu):
            @tf.custom_gradient
            def function(values):
                return relu(values), lambda upstream: 2 * upstream

            return function

        at, wanted = tf.constant([[1.0, -1.0]]), [("own", False)]
        _, _, (plain,) = gradient(model, [at], wanted, lambda maps: tf.reduce_sum(maps[0], 1))
        _, _, (ruled,) = gradient(model, [at], wanted, lambda maps: tf.reduce_sum(maps[0], 1), relu=doubling)
        np.testing.assert_array_equal(plain, [[1, 0]])
        np.testing.assert_array_equal(ruled, [[4, 4]])


def test_an_operation_without_a_gradient_is_named():
    hue = layers.Lambda(lambda pictures: tf.image.adjust_hue(pictures, 0.1), output_shape=(4, 5, 3))
    model = keras.Sequential([keras.Input((4, 5, 3)), hue, layers.Flatten(), layers.Dense(5, name="numbers")])
    with pytest.raises(ValueError, match=r"No gradient leads from numbers back to the picture: .*AdjustHue"):
        gradient(model, [tf.constant(PICTURES)], [("numbers", False)], third)


def test_permeable_by_hand():
    """The first picture has an open place, so only that lets its gradient pass; the second is silent everywhere."""
    values, upstream = tf.constant([[1.0, -1.0], [-2.0, -3.0]]), tf.constant([[5.0, 7.0], [2.0, -4.0]])
    with tf.GradientTape() as tape:
        tape.watch(values)
        cut = permeable(tf.nn.relu)(values)
    np.testing.assert_array_equal(cut, [[1, 0], [0, 0]])
    np.testing.assert_array_equal(tape.gradient(cut, values, upstream), [[5, 0], [2, 0]])
