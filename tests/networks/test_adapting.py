import numpy as np
import pytest

from coursekit import class_scores, squeezenet, with_preprocessing
from coursekit.networks.backend import keras, tf
from coursekit.networks.graph import steps
from coursekit.techniques import activations

layers = keras.layers
PICTURES = np.random.default_rng(0).uniform(0, 255, (3, 8, 8, 3)).astype(np.float32)


def picture():
    return keras.Input((8, 8, 3), name="picture")


def body(x):
    return layers.GlobalAveragePooling2D()(layers.Conv2D(4, 3, name="conv")(layers.Rescaling(1 / 255)(x)))


def in_dense():
    x = picture()
    return keras.Model(x, layers.Dense(5, activation="softmax", name="prob")(body(x)))


def in_convolution():
    x = picture()
    return keras.Model(x, layers.Flatten()(layers.Conv2D(5, 8, activation="softmax", name="prob")(x / 255)))


def in_convolution_at_the_end():
    x = picture()
    return keras.Model(x, layers.Conv2D(5, 3, activation="softmax", name="prob")(x / 255))


def as_layer():
    x = picture()
    return keras.Model(x, layers.Softmax(name="prob")(layers.Dense(5)(body(x))))


def as_activation():
    x = picture()
    return keras.Model(x, layers.Activation("softmax", name="prob")(layers.Reshape((5,))(layers.Dense(5)(body(x)))))


def as_operation():
    x = picture()
    return keras.Model(x, keras.ops.softmax(layers.Dense(5)(body(x))))


def as_tensorflow_s():
    x = picture()
    return keras.Model(x, layers.Dense(5, activation=tf.nn.softmax)(body(x)))


def by_keyword():
    x = picture()
    return keras.Model(x, layers.Dense(5, activation="softmax")(inputs=body(x)))


def sequential():
    return keras.Sequential([picture(), layers.Flatten(), layers.Dense(5, activation="softmax", name="prob")])


def nested():
    x = picture()
    return keras.Model(x, in_dense()(x), name="outer")


def nested_twice():
    return keras.Sequential([picture(), layers.Rescaling(0.5), nested()])


def shared():
    """The last layer is called elsewhere too."""
    x, dense = picture(), layers.Dense(5, activation="softmax")
    dense(keras.Input((4,)))
    return keras.Model(x, dense(body(x)))


def two_inputs():
    x, y = keras.Input((8, 8, 3), name="x"), keras.Input((8, 8, 3), name="y")
    both = layers.Concatenate()([body(x), layers.GlobalMaxPooling2D()(y)])
    return keras.Model({"x": x, "y": y}, layers.Dense(5, activation="softmax")(both))


ENDS = [
    in_dense,
    in_convolution,
    in_convolution_at_the_end,
    as_layer,
    as_activation,
    as_operation,
    as_tensorflow_s,
    by_keyword,
    sequential,
    nested,
    nested_twice,
    shared,
    two_inputs,
    squeezenet,
]


def softmax(scores):
    exponentials = np.exp(scores - scores.max(-1, keepdims=True))
    return exponentials / exponentials.sum(-1, keepdims=True)


def lambda_softmax(scores):
    return layers.Lambda(lambda values: tf.nn.softmax(values), name="prob")(scores)


class Squashed(layers.Dense):
    """A layer that applies a softmax in a call of its own."""

    def call(self, inputs):
        return tf.nn.softmax(super().call(inputs))


# What turns scores into what the model gives, computing nothing but one softmax or sigmoid.
BEHIND = {
    "a linear activation": lambda x: layers.Activation("linear", dtype="float32")(layers.Softmax()(x)),
    "Flatten": lambda x: layers.Flatten()(layers.Softmax()(layers.Reshape((1, 1, 3))(x))),
    "Reshape": lambda x: layers.Reshape((1, 1, 3))(layers.Softmax()(x)),
    "Identity": lambda x: layers.Identity()(layers.Softmax()(x)),
    "Dropout": lambda x: layers.Dropout(0.5)(layers.Softmax()(x)),
    "noise": lambda x: layers.GaussianNoise(0.5)(layers.Softmax()(x)),
    "a cast": lambda x: keras.ops.cast(layers.Softmax()(x), "float64"),
    "a cast to half": lambda x: keras.ops.cast(layers.Softmax()(x), "float16"),
    "a Lambda that is nothing": lambda x: layers.Lambda(lambda values: values)(layers.Softmax()(x)),
    "a Lambda that is a softmax": lambda_softmax,
    "two of them": lambda x: layers.Identity()(layers.Dropout(0.5)(layers.Activation("softmax")(x))),
    "log_softmax": lambda x: layers.Activation("log_softmax")(x),
    "ops.log_softmax": lambda x: keras.ops.log_softmax(x),
    "sigmoid": lambda x: layers.Activation("sigmoid")(x),
    "ops.sigmoid": lambda x: keras.ops.sigmoid(x),
    "hard_sigmoid": lambda x: layers.Activation("hard_sigmoid")(x),
    "log_sigmoid": lambda x: layers.Activation("log_sigmoid")(x),
    "tf.nn.sigmoid": lambda x: layers.Activation(tf.nn.sigmoid)(x),
}
COMPUTED = {
    "an average of two": lambda x: layers.Average()(
        [layers.Dense(3, activation="softmax")(x), layers.Dense(3, activation="softmax")(x)]
    ),
    "the other class": lambda x: layers.Concatenate()(
        [layers.Dense(1, activation="sigmoid", name="p")(x), layers.Dense(1, activation="sigmoid")(x)]
    ),
    "one minus": lambda x: 1 - layers.Dense(1, activation="sigmoid")(x),
    "scaled": lambda x: layers.Rescaling(100)(layers.Dense(3, activation="softmax")(x)),
    "a logarithm": lambda x: keras.ops.log(layers.Dense(3, activation="softmax")(x)),
    "a Lambda": lambda x: layers.Lambda(lambda values: 100 * tf.nn.softmax(values))(layers.Dense(3)(x)),
    "a layer of one's own": lambda x: Squashed(3)(x),
}


class TestClassScores:
    @pytest.mark.filterwarnings("error:The structure of `inputs`")
    @pytest.mark.parametrize("make", ENDS)
    def test_softmax_of_the_scores_gives_the_probabilities(self, make):
        model = make()
        scores = class_scores(model)
        if make is squeezenet:
            inputs = np.random.default_rng(0).uniform(0, 255, (1, 227, 227, 3)).astype(np.float32)
        else:
            inputs = {"x": PICTURES, "y": PICTURES} if make is two_inputs else PICTURES
        found, expected = np.asarray(scores(inputs)), np.asarray(model(inputs))
        np.testing.assert_allclose(softmax(found), expected, atol=1e-5)
        np.testing.assert_allclose(expected.sum(-1), 1, atol=1e-5)
        assert np.abs(found.sum(-1) - 1).max() > 1e-3
        assert scores.name == f"{model.name}_scores"
        last = activations(scores, inputs, steps(scores)[-1].name)
        np.testing.assert_allclose(last, found, atol=1e-3, rtol=1e-4)

    @pytest.mark.parametrize("end", BEHIND, ids=list(BEHIND))
    def test_steps_behind_the_softmax_that_compute_nothing_are_passed_over(self, end):
        x = picture()
        dense = layers.Dense(3, name="scores")
        model = keras.Model(x, BEHIND[end](dense(layers.GlobalAveragePooling2D()(x))))
        expected = PICTURES.mean((1, 2)) @ dense.kernel.numpy() + dense.bias.numpy()
        found = np.asarray(class_scores(model)(PICTURES), np.float32)
        np.testing.assert_allclose(found.reshape(3, 3), expected, rtol=1e-3 if "half" in end else 1e-5, atol=1e-5)
        assert found.shape == model(PICTURES).shape

    def test_behind_a_nested_network(self):
        x, y = picture(), keras.Input((3,))
        end = keras.Sequential([keras.Input((3,)), layers.Activation("linear"), layers.Dropout(0.5)], name="end")
        head = keras.Model(y, layers.Dense(3, activation="softmax", name="prob")(y), name="head")
        model = keras.Model(x, end(head(layers.GlobalAveragePooling2D()(x))))
        kernel, bias = head.get_layer("prob").get_weights()
        expected = PICTURES.mean((1, 2)) @ kernel + bias
        np.testing.assert_allclose(class_scores(model)(PICTURES), expected, rtol=1e-5, atol=1e-6)

    @pytest.mark.parametrize("end", COMPUTED, ids=list(COMPUTED))
    def test_what_is_computed_from_probabilities_is_no_score(self, end):
        x = picture()
        model = keras.Model(x, COMPUTED[end](layers.GlobalAveragePooling2D()(x)))
        with pytest.raises(ValueError, match=r"no number in this network is the score of a class\. Read a layer"):
            class_scores(model)

    @pytest.mark.parametrize("activation", [None, "tanh", "relu"])
    def test_without_a_softmax_it_is_the_output(self, activation):
        x = picture()
        model = keras.Model(x, layers.Dense(5, activation=activation)(body(x)))
        np.testing.assert_array_equal(class_scores(model)(PICTURES), model(PICTURES))

    @pytest.mark.parametrize("make", [in_dense, as_layer, nested])
    def test_weights_are_shared(self, make):
        model = make()
        scores = class_scores(model)
        assert {id(weight) for weight in scores.weights} == {id(weight) for weight in model.weights}
        before = np.asarray(scores(PICTURES))
        model.compile(keras.optimizers.SGD(1.0), "sparse_categorical_crossentropy")
        model.fit(PICTURES, np.array([0, 1, 2]), verbose=0)
        assert np.abs(np.asarray(scores(PICTURES)) - before).max() > 1e-3
        np.testing.assert_allclose(softmax(np.asarray(scores(PICTURES))), model(PICTURES), atol=1e-5)

    def test_the_network_is_left_as_it_was(self):
        model = in_dense()
        before, config = np.asarray(model(PICTURES)), model.get_config()
        scores = class_scores(model)
        activations(scores, PICTURES)
        np.testing.assert_array_equal(model(PICTURES), before)
        assert model.get_config() == config
        assert model.get_layer("prob").activation is keras.activations.softmax
        assert all(len(layer._inbound_nodes) == 1 for layer in model.layers)

    @pytest.mark.parametrize("make", [in_dense, as_layer, nested])
    def test_a_sure_network_still_has_a_gradient(self, make):
        model = make()
        dense = next(layer for layer in model._flatten_layers() if isinstance(layer, layers.Dense))
        dense.set_weights([dense.get_weights()[0], np.float32([200, 0, 0, 0, 0])])
        scores, x = class_scores(model), tf.constant(PICTURES)
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(x)
            probability, score = model(x)[:, 0], scores(x)[:, 0]
        assert np.asarray(probability).min() == 1
        assert np.abs(tape.gradient(probability, x)).max() == 0
        assert np.abs(tape.gradient(score, x)).max() > 1e-6

    def test_several_outputs(self):
        x = picture()
        model = keras.Model(x, [layers.Dense(2)(x), layers.Dense(3)(x)])
        with pytest.raises(ValueError, match="has 2 outputs; class scores are for networks with one"):
            class_scores(model)

    def test_no_network(self):
        with pytest.raises(TypeError, match="Expected a Keras model, not ndarray"):
            class_scores(PICTURES)


class TestWithPreprocessing:
    def test_values(self):
        model = in_dense()
        ready = with_preprocessing(model, lambda images: images / 255 - 0.5)
        np.testing.assert_allclose(ready(PICTURES), model(PICTURES / 255 - 0.5), atol=1e-6)
        np.testing.assert_allclose(activations(ready, PICTURES, "preprocessing"), PICTURES / 255 - 0.5, atol=1e-6)
        assert [step.name for step in steps(ready)][:2] == ["picture", "preprocessing"]
        assert ready.name == model.name
        assert {id(weight) for weight in ready.weights} == {id(weight) for weight in model.weights}

    def test_what_keras_brings(self):
        ready = with_preprocessing(in_dense(), keras.applications.vgg16.preprocess_input)
        one = np.zeros((8, 8, 3), np.uint8) + np.array([200, 100, 50], np.uint8)
        found = activations(ready, one, "preprocessing")[4, 4]
        np.testing.assert_allclose(found, [50 - 103.939, 100 - 116.779, 200 - 123.68], atol=1e-4)

    def test_a_layer_works_too(self):
        ready = with_preprocessing(in_dense(), layers.Rescaling(2, offset=1))
        np.testing.assert_allclose(activations(ready, PICTURES, "preprocessing"), PICTURES * 2 + 1, rtol=1e-6)

    def test_scores_behind_preprocessing(self):
        ready = with_preprocessing(in_dense(), lambda images: images / 2)
        np.testing.assert_allclose(softmax(np.asarray(class_scores(ready)(PICTURES))), ready(PICTURES), atol=1e-5)

    def test_precise_under_mixed_precision(self):
        keras.config.set_dtype_policy("mixed_float16")
        try:
            ready = with_preprocessing(in_dense(), lambda images: images * 1000)
        finally:
            keras.config.set_dtype_policy("float32")
        # 255 * 1000 is no number in float16
        np.testing.assert_allclose(activations(ready, PICTURES, "preprocessing"), PICTURES * 1000, rtol=1e-6)

    def test_another_type_is_cast_back(self):
        ready = with_preprocessing(in_dense(), lambda images: tf.cast(images, tf.uint8))
        whole = activations(ready, PICTURES)
        np.testing.assert_array_equal(whole["preprocessing"], np.floor(PICTURES))
        np.testing.assert_allclose(whole[steps(ready)[-1].name], ready(PICTURES), atol=1e-5)

    @pytest.mark.parametrize(
        ("fn", "error", "words"),
        [
            (lambda images: np.clip(np.array(images), 0, 1), TypeError, "does not work on tensors.*keras.ops"),
            (lambda images: images - np.mean(images), TypeError, "does not work on tensors.*instead of NumPy"),
            (lambda images: images.nothing, TypeError, "does not work on tensors.*AttributeError"),
            (lambda: 3, TypeError, "does not work on tensors.*too many positional arguments"),
            (255, TypeError, "fn must be a function of pictures, not int"),
            (None, TypeError, "fn must be a function of pictures, not NoneType"),
            (lambda images: None, TypeError, "it returns NoneType"),
            (lambda images: [images, images], TypeError, "it returns list"),
            (lambda images: images[:, :4], ValueError, r"shape \(4, 8, 3\), but this network takes \(8, 8, 3\)"),
            (lambda images: images[..., :1], ValueError, r"shape \(8, 8, 1\), but this network takes \(8, 8, 3\)"),
            (lambda images: images[0], ValueError, r"shape \(8, 3\), but this network takes \(8, 8, 3\)"),
            (
                lambda images: tf.numpy_function(lambda x: x, [images], tf.float32),
                ValueError,
                r"<unknown>, but this network takes \(8, 8, 3\)",
            ),
        ],
    )
    def test_what_cannot_be_used(self, fn, error, words):
        with pytest.raises(error, match=words) as caught:
            with_preprocessing(in_dense(), fn)
        assert str(caught.value).count(". ") <= 1

    def test_the_network_is_left_as_it_was(self):
        model = in_dense()
        config = model.get_config()
        activations(with_preprocessing(model, lambda images: images / 2), PICTURES)
        assert model.get_config() == config
        assert all(len(layer._inbound_nodes) == 1 for layer in model.layers)

    def test_several_inputs(self):
        with pytest.raises(ValueError, match="takes 2 inputs; preprocessing is for networks with one"):
            with_preprocessing(two_inputs(), lambda images: images)

    def test_arguments_in_the_wrong_order(self):
        with pytest.raises(TypeError, match="Expected a Keras model, not function"):
            with_preprocessing(lambda images: images, in_dense())
