import pytest

from coursekit import with_preprocessing
from coursekit.networks.backend import keras, tf
from coursekit.techniques.receptive_field import receptive_fields
from tests.techniques.boxes import last, network, sequential

L = keras.layers


# What is not exact says so


class Own(L.Layer):
    """A layer of a learner's own."""

    def __init__(self, function, **kwargs):
        super().__init__(**kwargs)
        self.function = function

    def call(self, x):
        return self.function(x)


class Sharpened(L.Conv2D):
    def call(self, x):
        return super().call(x) - tf.reduce_mean(x)


def at_the_brightest(x):
    place = tf.argmax(tf.reduce_sum(x, (2, 3)), axis=1)
    return tf.gather(x, place, axis=1, batch_dims=1)[:, tf.newaxis]


POINTWISE = {
    "sums": lambda x: tf.nn.relu(x / 127.5 - 1) ** 2,
    "blue, green, red": lambda x: x[..., ::-1] - tf.constant([104.0, 117.0, 123.0]),
    "reversed": lambda x: tf.reverse(x, [-1]),
    "unstacked": lambda x: tf.stack(tf.unstack(x, axis=-1)[::-1], axis=-1),
    "split": lambda x: tf.concat(tf.split(x, 3, axis=3)[::-1], axis=-1),
    "by its own length": lambda x: x / (1 + tf.norm(x, axis=-1, keepdims=True)),
    "grey": lambda x: tf.reduce_mean(x, -1, keepdims=True),
    "other colours": lambda x: tf.linalg.matmul(x, tf.ones((3, 3))),
    "choice": lambda x: tf.where(x > 0, x, 0.1 * x),
    "Keras' own": keras.applications.vgg16.preprocess_input,
}
ELSEWHERE = {
    "mean": lambda x: x - tf.reduce_mean(x, (1, 2), keepdims=True),
    "upside down": lambda x: x[:, ::-1],
    "mirrored": lambda x: tf.reverse(x, [2]),
    "turned": lambda x: tf.transpose(x, (0, 2, 1, 3)),
    "rolled": lambda x: tf.roll(x, 1, axis=1),
    "shifted and back": lambda x: tf.concat([x[:, 1:], x[:, :1]], axis=1),
    "along its row": lambda x: tf.stack([tf.nn.softmax(channel) for channel in tf.unstack(x, axis=-1)], axis=-1),
    "first row": lambda x: x - x[:, :1],
    "blurred": lambda x: tf.nn.avg_pool2d(x, 3, 1, "SAME"),
    "positions as channels": lambda x: tf.reshape(tf.reshape(x, (-1, 768))[:, ::-1], (-1, 16, 16, 3)),
}


class TestWithoutRule:
    @pytest.mark.parametrize("case", POINTWISE)
    def test_keeps_positions(self, case):
        found = last(network(lambda x: L.Conv2D(2, 3)(Own(POINTWISE[case])(x))))
        assert (found.kind, found.size, found.box(1, 2)) == ("exact", (3, 3), (1, 2, 4, 5))

    @pytest.mark.parametrize("case", POINTWISE)
    def test_preprocessing(self, case):
        if case != "grey":
            model = with_preprocessing(sequential(L.Conv2D(2, 3)), POINTWISE[case])
            assert last(model).box(0, 0) == (0, 0, 3, 3)

    @pytest.mark.parametrize("case", ELSEWHERE)
    def test_does_not(self, case):
        found = last(network(lambda x: L.Conv2D(2, 3)(Own(ELSEWHERE[case], name="own")(x))))
        assert (found.kind, found.box(3, 3)) == ("upper bound", (0, 0, 16, 16))
        assert "`own` (Own) has no rule here" in found.note

    def test_own_call_of_a_known_layer(self):
        found = last(network(Sharpened(2, 3)))
        assert (found.kind, found.size) == ("upper bound", (16, 16))

    def test_own_activation(self):
        found = last(network(L.Conv2D(2, 3, activation=lambda x: x - tf.reduce_mean(x, (1, 2), keepdims=True))))
        assert (found.kind, found.size) == ("upper bound", (16, 16))
        found = last(network(L.Conv2D(2, 3, activation=lambda x: x * tf.sigmoid(x))))
        assert (found.kind, found.size) == ("exact", (3, 3))

    def test_place_that_the_picture_decides(self):
        found = last(network(lambda x: L.Conv2D(2, 1)(Own(at_the_brightest)(x))))
        assert (found.kind, found.box(0, 0)) == ("data-dependent", (0, 0, 16, 16))
        assert "computed from the picture" in found.note

    def test_attention(self):
        def attended(x):
            x = L.Reshape((16, 4))(L.Conv2D(4, 4, 4)(x))
            return L.Dense(2)(L.GlobalAveragePooling1D()(L.MultiHeadAttention(2, 2)(x, x)))

        assert last(network(attended)).box() == (0, 0, 16, 16)

    def test_tokens(self):
        model = network(lambda x: L.GlobalAveragePooling1D()(L.Dense(3)(L.Reshape((16, 4))(L.Conv2D(4, 4, 4)(x)))))
        kinds = [found.kind for found in receptive_fields(model).values()]
        assert kinds == ["exact", "exact", "upper bound", "upper bound", "exact"]

    def test_some_channels(self):
        def sliced(x):
            return L.Concatenate()([x, L.Conv2D(3, 3, padding="same")(x)])[..., :3]

        found = last(network(sliced))
        assert (found.kind, found.size) == ("upper bound", (3, 3))
        assert "some of the channels" in found.note
        assert last(network(lambda x: L.Conv2D(4, 3)(x)[..., :3])).kind == "exact"

    def test_normalised_over_the_picture(self):
        assert last(network(L.LayerNormalization(axis=(1, 2, 3)))).box(3, 3) == (0, 0, 16, 16)
        assert last(network(L.GroupNormalization(3))).kind == "exact"
