import numpy as np
import pytest

from coursekit import activations, channel, class_score, direction, neuron, squeezenet
from coursekit.networks.backend import keras, tf
from coursekit.networks.reading import read, score_layer
from coursekit.techniques.objectives import Objective, as_objectives, layers_read, tables, total

layers = keras.layers
RANDOM = np.random.default_rng(0)
PICTURES = RANDOM.uniform(0, 255, (3, 4, 6, 3)).astype(np.float32)
KERNEL, BIAS = RANDOM.normal(0, 1, (3, 4)).astype(np.float32), RANDOM.normal(0, 30, 4).astype(np.float32)
DENSE, OFFSET = RANDOM.normal(0, 0.05, (4, 5)).astype(np.float32), RANDOM.normal(0, 1, 5).astype(np.float32)

# All layers by hand.
MIX = PICTURES @ KERNEL + BIAS  # (3, 4, 6, 4)
RELU = np.maximum(MIX, 0)
POOL = RELU.mean((1, 2))
SCORES = POOL @ DENSE + OFFSET


@pytest.fixture(scope="module")
def model():
    model = keras.Sequential(
        [
            keras.Input((4, 6, 3), name="picture"),
            layers.Conv2D(4, 1, activation="relu", name="mix"),
            layers.GlobalAveragePooling2D(name="pool"),
            layers.Dense(5, activation="softmax", name="prob"),
        ]
    )
    model.set_weights([KERNEL[np.newaxis, np.newaxis], BIAS, DENSE, OFFSET])
    return model


def close(found, by_hand):
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, by_hand, rtol=1e-4, atol=1e-3)


VECTOR = np.array([0.5, -2, 0, 1], np.float32)
BY_HAND = {  # what is to be read, and what it is
    "channel": (lambda m: channel(m, "mix", 2), RELU[..., 2].mean((1, 2))),
    "channel before ReLU": (lambda m: channel(m, "mix", 2, pre_activation=True), MIX[..., 2].mean((1, 2))),
    "channel of pooled": (lambda m: channel(m, "pool", 3), POOL[:, 3]),
    "channel of the picture": (lambda m: channel(m, "picture", 1), PICTURES[..., 1].mean((1, 2))),
    "neuron": (lambda m: neuron(m, "mix", 2), RELU[:, 2, 3, 2]),
    "neuron in a corner": (lambda m: neuron(m, "mix", 0, (0, 5)), RELU[:, 0, 5, 0]),
    "neuron before ReLU": (lambda m: neuron(m, "mix", 0, (3, 0), pre_activation=True), MIX[:, 3, 0, 0]),
    "neuron of pooled": (lambda m: neuron(m, "pool", 1), POOL[:, 1]),
    "direction": (lambda m: direction(m, "mix", VECTOR), (RELU @ VECTOR).mean((1, 2))),
    "direction in the centre": (lambda m: direction(m, "mix", VECTOR, "centre"), RELU[:, 2, 3] @ VECTOR),
    "direction at": (lambda m: direction(m, "mix", VECTOR, (1, 4)), RELU[:, 1, 4] @ VECTOR),
    "direction at an array": (lambda m: direction(m, "mix", VECTOR, np.array([1, 4])), RELU[:, 1, 4] @ VECTOR),
    "direction before ReLU": (
        lambda m: direction(m, "mix", VECTOR, (1, 4), pre_activation=True),
        MIX[:, 1, 4] @ VECTOR,
    ),
    "direction of pooled": (lambda m: direction(m, "pool", VECTOR), POOL @ VECTOR),
    "class": (lambda m: class_score(m, 4), SCORES[:, 4]),
    "probability": (lambda m: channel(m, "prob", 4), np.exp(SCORES[:, 4]) / np.exp(SCORES).sum(1)),
    "sum": (
        lambda m: channel(m, "mix", 2) + neuron(m, "mix", 0, (0, 5)),
        RELU[..., 2].mean((1, 2)) + RELU[:, 0, 5, 0],
    ),
    "difference": (
        lambda m: class_score(m, 4) - channel(m, "mix", 1, pre_activation=True),
        SCORES[:, 4] - MIX[..., 1].mean((1, 2)),
    ),
    "scaled": (lambda m: -2 * class_score(m, 1) / 4, -0.5 * SCORES[:, 1]),
    "negative": (lambda m: -neuron(m, "pool", 1), -POOL[:, 1]),
    "scaled sum": (
        lambda m: 3 * (channel(m, "mix", 2) - 0.5 * channel(m, "pool", 0)) + neuron(m, "mix", 3) * np.float32(0.1),
        3 * RELU[..., 2].mean((1, 2)) - 1.5 * POOL[:, 0] + 0.1 * RELU[:, 2, 3, 3],
    ),
}


class TestValues:
    @pytest.mark.parametrize(("make", "by_hand"), BY_HAND.values(), ids=BY_HAND)
    def test_by_hand(self, make, by_hand, model):
        objective = make(model)
        close(objective(PICTURES), by_hand)
        close(objective(PICTURES, batch_size=2), by_hand)
        alone = objective(PICTURES[1].astype(np.float64))
        assert alone.shape == ()
        close(alone, by_hand[1])

    def test_all_in_one_batch_as_it_is_compiled(self, model):
        """Every objective for its own picture, by ``total``: the other way to the same numbers."""
        objectives = [make(model) for make, _ in BY_HAND.values()]
        order = [index % 3 for index in range(len(objectives))]
        wanted = layers_read(objectives)
        assert len(wanted) == len(set(wanted)) == 6
        assert set(wanted) == {
            ("mix", False), ("mix", True), ("pool", False), ("picture", False), ("prob", False), ("prob", True)
        }  # fmt: skip
        maps = read(model, [tf.constant(PICTURES[order])], wanted)
        directions, positions = zip(*tables(objectives), strict=True)
        together = tf.function(total)(maps, directions, positions).numpy()
        by_hand = [by_hand[which] for (_, by_hand), which in zip(BY_HAND.values(), order, strict=True)]
        close(together, by_hand)
        in_numpy = [objective(PICTURES[which]) for objective, which in zip(objectives, order, strict=True)]
        np.testing.assert_allclose(together, in_numpy, rtol=1e-5, atol=1e-4)

    def test_maps_of_any_size(self):
        x = keras.Input((None, None, 3))
        free = keras.Model(x, layers.Activation("linear", name="same")(x))
        middle, far = neuron(free, "same", 1), neuron(free, "same", 2, (3, 5))
        close(middle(PICTURES), PICTURES[:, 2, 3, 1])
        close(middle(PICTURES[:, :, :3]), PICTURES[:, 2, 1, 1])
        close(far(PICTURES), PICTURES[:, 3, 5, 2])
        with pytest.raises(ValueError, match=r"In these pictures, 'same' has 4 x 3 positions: \(3, 5\) is outside"):
            far(PICTURES[:, :, :3])

    def test_names(self, model):
        one, two = channel(model, "mix", 2), neuron(model, "mix", 0, (0, 5))
        assert one.name == "mix 2"
        assert two.name == "mix 0 at (0, 5)"
        assert neuron(model, "mix", 0).name == "mix 0 at the centre"
        assert (one + two).name == "mix 2 + mix 0 at (0, 5)"
        assert (0.5 * (one + two)).name == "0.5 × (mix 2 + mix 0 at (0, 5))"
        assert repr(-one) == "<Objective: -1 × mix 2>"
        assert direction(model, "mix", VECTOR).name == "a direction in mix"
        assert class_score(model, 3).name == "class 3"

    def test_python_sums_a_list(self, model):
        parts = [channel(model, "mix", i) for i in (0, 2, 3)]
        close(sum(parts)(PICTURES), RELU[..., [0, 2, 3]].mean((1, 2)).sum(-1))
        with pytest.raises(TypeError):
            3 + parts[0]

    def test_the_parts_of_a_sum_stay_as_they_were(self, model):
        one, two = channel(model, "mix", 2), channel(model, "mix", 1)
        before = one(PICTURES)
        3 * (one + two)
        np.testing.assert_array_equal(one(PICTURES), before)
        assert (one.name, len(one.readings)) == ("mix 2", 1)


def picture():
    return keras.Input((8, 8, 3))


def body(x, channels=4):
    return layers.Conv2D(channels, 3, activation="tanh")(layers.Rescaling(1 / 255)(x))


def pooled(x, channels=4):
    return layers.GlobalAveragePooling2D()(body(x, channels))


def folded():
    x = picture()
    return keras.Model(x, layers.Dense(5, activation="softmax", name="prob")(pooled(x)))


def own_layer():
    x = picture()
    return keras.Model(x, layers.Softmax()(layers.Dense(5, name="scores")(pooled(x))))


def activation_layer():
    x = picture()
    return keras.Model(x, layers.Activation("softmax")(layers.Dense(5, name="scores")(pooled(x))))


def operation():
    x = picture()
    return keras.Model(x, keras.ops.softmax(layers.Dense(5, name="scores")(pooled(x))))


def nested():
    x = picture()
    return keras.Model(x, folded()(x))


def nested_softmax_outside():
    x, inner = picture(), picture()
    scores = keras.Model(inner, layers.Dense(5, name="scores")(pooled(inner)))
    return keras.Model(x, layers.Softmax()(scores(x)))


def one_of_two_outputs():
    x, inner = picture(), picture()
    features = pooled(inner)
    both = keras.Model(
        inner, [layers.Dense(5, activation="softmax", name="prob")(features), layers.Dense(7, name="other")(features)]
    )
    return keras.Model(x, both(x)[0])


def convolution_then_flatten():
    x = picture()
    h = layers.GlobalAveragePooling2D(keepdims=True)(body(x))
    return keras.Model(x, layers.Softmax()(layers.Flatten(name="scores")(layers.Conv2D(5, 1)(h))))


SOFTMAX = {
    folded: ("prob", True),
    own_layer: ("scores", False),
    activation_layer: ("scores", False),
    operation: ("scores", False),
    nested: ("prob", True),
    nested_softmax_outside: ("scores", False),
    one_of_two_outputs: ("prob", True),
    convolution_then_flatten: ("scores", False),
}


def relu_then_average(relu, softmax=True):
    def make():
        x = picture()
        h = relu(layers.Conv2D(5, 1, name="conv10")(body(x)))
        h = layers.GlobalAveragePooling2D()(layers.Dropout(0.5)(h))
        return keras.Model(x, layers.Softmax()(h) if softmax else h)

    return make


def folded_relu_then_average():
    x = picture()
    h = layers.Conv2D(5, 1, activation="relu", name="conv10")(body(x))
    return keras.Model(x, layers.Softmax()(layers.GlobalAveragePooling2D()(h)))


BEHIND_RELU = {
    "ReLU": (relu_then_average(layers.ReLU()), ("conv10", False)),
    "ReLU6": (relu_then_average(layers.ReLU(max_value=6)), ("conv10", False)),
    "Activation": (relu_then_average(layers.Activation("relu")), ("conv10", False)),
    "operation": (relu_then_average(keras.ops.relu), ("conv10", False)),
    "no softmax": (relu_then_average(layers.ReLU(), softmax=False), ("conv10", False)),
    "folded": (folded_relu_then_average, ("conv10", True)),
}


class TestClassScore:
    @pytest.mark.parametrize(("make", "where"), SOFTMAX.items(), ids=lambda item: getattr(item, "__name__", ""))
    def test_before_the_softmax(self, make, where):
        """Differences of the scores are those of the logarithms of the probabilities."""
        model = make()
        pictures = np.random.default_rng(0).uniform(0, 255, (4, 8, 8, 3)).astype(np.float32)
        scores = np.stack([class_score(model, index)(pictures) for index in range(5)], 1)
        logarithms = np.log(np.asarray(model(pictures)))
        np.testing.assert_allclose(scores - scores[:, :1], logarithms - logarithms[:, :1], rtol=1e-3, atol=1e-5)
        assert np.abs(np.exp(scores).sum(1) - 1).max() > 1e-3  # not the logarithms themselves
        step, before = score_layer(model)
        assert (step.name.rpartition("/")[2], before) == where

    @pytest.mark.parametrize(("make", "where"), BEHIND_RELU.values(), ids=BEHIND_RELU)
    def test_before_a_relu_in_front_of_the_average(self, make, where):
        model = make()
        step, before = score_layer(model)
        assert (step.name, before) == where
        pictures = np.random.default_rng(0).uniform(0, 255, (2, 8, 8, 3)).astype(np.float32)
        conv = model.get_layer("conv10")
        conv.bias.assign([-9, 0, 0, 0, 0])
        comes_in = keras.Model(model.input, conv.input)(pictures)
        by_hand = (comes_in @ np.asarray(conv.kernel)[0, 0] + np.asarray(conv.bias)).numpy().mean((1, 2))
        scores = np.stack([class_score(model, index)(pictures) for index in range(5)], 1)
        np.testing.assert_allclose(scores, by_hand, rtol=1e-4, atol=1e-5)
        assert scores.min() < 0  # behind the ReLU there would be a zero, and no gradient

    def test_normalization_between_the_weights_and_the_relu(self):
        x = picture()
        h = layers.ReLU()(layers.BatchNormalization(name="normalized")(layers.Conv2D(5, 1)(body(x))))
        step, before = score_layer(keras.Model(x, layers.Softmax()(layers.GlobalAveragePooling2D()(h))))
        assert (step.name, before) == ("normalized", False)

    def test_before_a_single_sigmoid(self):
        x = picture()
        model = keras.Model(x, layers.Dense(1, activation="sigmoid", name="cat")(layers.GlobalAveragePooling2D()(x)))
        model.get_layer("cat").set_weights([np.full((3, 1), 100.0), np.array([10.0])])
        grey = np.full((8, 8, 3), 0.5)
        assert class_score(model, 0)(grey) == pytest.approx(160)
        with pytest.raises(ValueError, match="1"):
            class_score(model, 1)

    @pytest.mark.parametrize("activation", [None, "tanh"])
    def test_without_a_softmax_it_is_the_output(self, activation):
        x = picture()
        model = keras.Model(x, layers.Dense(5, activation=activation)(pooled(x)))
        pictures = np.random.default_rng(0).uniform(0, 255, (2, 8, 8, 3)).astype(np.float32)
        np.testing.assert_allclose(class_score(model, 3)(pictures), np.asarray(model(pictures))[:, 3], rtol=1e-5)

    def test_other_weights_behind_the_relu_are_the_scores(self):
        x = picture()
        h = layers.GlobalAveragePooling2D()(layers.ReLU()(body(x)))
        step, before = score_layer(keras.Model(x, layers.Dense(5, activation="softmax", name="prob")(h)))
        assert (step.name, before) == ("prob", True)

    def test_squeezenet_before_its_last_relu(self):
        network = squeezenet()
        assert (score_layer(network)[0].name, score_layer(network)[1]) == ("conv10", False)
        noise = np.random.default_rng(0).uniform(0, 255, (1, 227, 227, 3))
        by_hand = activations(network, noise, "conv10").mean((1, 2))
        absent = int(by_hand.argmin())
        assert by_hand[0, absent] < 0  # nowhere in the picture, and yet a score
        np.testing.assert_allclose(class_score(network, absent)(noise), by_hand[:, absent], rtol=1e-4)
        for label in (281, "tabby, tabby cat", "Tabby"):
            np.testing.assert_allclose(class_score(network, label)(noise), by_hand[:, 281], rtol=1e-4)
        assert class_score(network, "Tabby").name == "Tabby"
        with pytest.raises(ValueError, match="Several classes are called 'crane': give 134 or 517"):
            class_score(network, "crane")

    def test_several_outputs_or_one_that_is_no_row(self):
        x = picture()
        with pytest.raises(ValueError, match=r"one output \(N, classes\); this one gives \[\(None, 6, 6, 4\)\]"):
            class_score(keras.Model(x, body(x)), 0)
        with pytest.raises(ValueError, match="Class scores are for networks with one output"):
            class_score(keras.Model(x, [pooled(x), pooled(x)]), 0)


class TestWrongArguments:
    @pytest.mark.parametrize(
        ("make", "error", "words"),
        [
            (lambda m: channel(m, "mux", 0), ValueError, r"There is no layer 'mux'\. Did you mean 'mix'\?"),
            (lambda m: channel(m, 3, 0), TypeError, "A layer is named by a string"),
            (lambda m: channel("m", "mix", 0), TypeError, "Expected a Keras model, not str"),
            (lambda m: channel(m, "mix", 4), ValueError, "There is no channel of 'mix' 4: there are 4"),
            (lambda m: channel(m, "mix", -1), ValueError, "There is no channel of 'mix' -1"),
            (lambda m: channel(m, "mix", 1.0), TypeError, "channel of 'mix' must be a whole number from 0 to 3"),
            (lambda m: channel(m, "pool", 0, pre_activation=True), ValueError, "'pool' has no nonlinearity of its own"),
            (lambda m: neuron(m, "mix", 4), ValueError, "There is no channel of 'mix' 4"),
            (lambda m: neuron(m, "mix", 0, (4, 0)), ValueError, "There is no row of 'mix' 4: there are 4"),
            (lambda m: neuron(m, "mix", 0, (0, 6)), ValueError, "There is no column of 'mix' 6: there are 6"),
            (lambda m: neuron(m, "mix", 0, (-1, -1)), ValueError, "There is no row of 'mix' -1"),
            (lambda m: neuron(m, "mix", 0, 3), TypeError, r"position must be \(row, column\), not 3"),
            (lambda m: neuron(m, "mix", 0, (1, 2, 3)), TypeError, r"position must be \(row, column\)"),
            (lambda m: neuron(m, "pool", 0, (0, 0)), ValueError, r"'pool' has no positions: its output is \(4,\)"),
            (lambda m: direction(m, "mix", [1, 2, 3]), ValueError, "vector must hold 4 finite numbers"),
            (lambda m: direction(m, "mix", [1, 2, 3, np.nan]), ValueError, "vector must hold 4 finite numbers"),
            (lambda m: direction(m, "mix", VECTOR, "middle"), TypeError, "position must be .*, not 'middle'"),
            (lambda m: class_score(m, 5), ValueError, "There is no class 5: there are 5"),
            (lambda m: class_score(m, "tabby"), ValueError, "This network has 5 classes, not ImageNet's 1000"),
        ],
    )
    def test_what_is_not_there(self, make, error, words, model):
        with pytest.raises(error, match=words):
            make(model)

    @pytest.mark.parametrize(
        ("factor", "error", "words"),
        [
            (np.inf, ValueError, "multiplied by a finite number, not by inf"),
            (np.nan, ValueError, "multiplied by a finite number, not by nan"),
            (1e39, ValueError, r"multiplied by a finite number, not by 1e\+39"),
            ("2", TypeError, "multiplied by a number, not by str"),
            (1j, TypeError, "multiplied by a number, not by complex"),
            (None, TypeError, "multiplied by a number, not by NoneType"),
            (np.ones(3), TypeError, "multiplied by a number, not by "),
        ],
    )
    def test_factors(self, factor, error, words, model):
        with pytest.raises(error, match=words):
            channel(model, "mix", 0) * factor

    def test_an_objective_is_no_number(self, model):
        one = channel(model, "mix", 0)
        with pytest.raises(TypeError, match="multiplied by a number, not by Objective"):
            one * one
        for wrong in (lambda: one + 1, lambda: one - 1, lambda: 1 - one, lambda: 1 / one):
            with pytest.raises(TypeError):
                wrong()
        with pytest.raises(ZeroDivisionError):
            one / 0

    def test_layers_without_channels(self):
        x = keras.Input((8, 8, 3))
        sequence = keras.Model(x, layers.Reshape((64, 3), name="sequence")(x))
        with pytest.raises(ValueError, match=r"'sequence' has no channels to read: its output is \(64, 3\)"):
            channel(sequence, "sequence", 0)

    def test_two_models(self, model):
        other = keras.models.clone_model(model)
        one, two = channel(model, "mix", 0), channel(other, "mix", 0)
        for both in (lambda: one + two, lambda: one - two, lambda: as_objectives([one, two])):
            with pytest.raises(ValueError, match="These objectives read different models"):
                both()

    @pytest.mark.parametrize(
        ("what", "error", "words"),
        [
            ([], ValueError, "There is no objective: give at least one"),
            (3, TypeError, r"Expected objectives, such as channel\(model, layer, index\), not int"),
            (["mix"], TypeError, "Expected objectives, .* not str"),
        ],
    )
    def test_lists_of_something_else(self, what, error, words):
        with pytest.raises(error, match=words):
            as_objectives(what)

    def test_one_or_several(self, model):
        one = channel(model, "mix", 0)
        assert as_objectives(one) == [one]
        assert as_objectives((one, one)) == as_objectives(iter([one, one])) == [one, one]
        assert all(isinstance(item, Objective) for item in as_objectives([one]))

    def test_pictures_that_do_not_fit(self, model):
        with pytest.raises(ValueError, match="this network takes 4 x 6 x 3"):
            channel(model, "mix", 0)(np.zeros((5, 6, 3)))


def test_classes_that_are_flattened_positions_are_read_as_they_are():
    flat = keras.Sequential(
        [
            keras.Input((2, 2, 3)),
            layers.Conv2D(4, 1, activation="relu", name="mix"),
            layers.Flatten(name="classes"),
            layers.Softmax(),
        ]
    )
    picture = PICTURES[:1, :2, :2]
    by_hand = activations(flat, picture, "classes")
    assert by_hand.shape == (1, 16)
    close(np.array([class_score(flat, i)(picture)[0] for i in range(16)]), by_hand[0])
